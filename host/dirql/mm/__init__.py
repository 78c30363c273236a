# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory: frames, address spaces, pools, MDLs and the buffers of programs."""

from __future__ import annotations

from dirql.mm import current, memory
from dirql.mm.allocation import (
    allocate_pool2,
    allocate_pool_with_tag,
    free_pool,
    free_pool_with_tag,
    pool_tag,
)
from dirql.mm.manager import MemoryManager, MemoryStatistics
from dirql.mm.mdl import Mdl
from dirql.mm.probe import probe_for_read, probe_for_write
from dirql.mm.process import GuardDamaged, Process, UserBuffer

__all__ = [
    "GuardDamaged",
    "Mdl",
    "MemoryManager",
    "MemoryStatistics",
    "Process",
    "UserBuffer",
    "allocate_pool2",
    "allocate_pool_with_tag",
    "current",
    "free_pool",
    "free_pool_with_tag",
    "memory",
    "pool_tag",
    "probe_for_read",
    "probe_for_write",
    "statistics",
]


def statistics() -> MemoryStatistics:
    """What is held of the running machine's memory, for the leak check."""
    return current.manager.statistics()
