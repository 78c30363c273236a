# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""MmProbeAndLockProcessPages: the pages of a buffer in a process that need not be the current one."""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.mm.manager import running as memory_manager
from dirql.mm.mdl import Mdl
from dirql.nt.bugcodes import VF_MDL_PROBE_PROCESS_BAD_FLAGS
from dirql.ob.process import KernelProcess

__all__ = ["probe_and_lock_process_pages"]

_PROBE_AND_LOCK: Final = contract("MmProbeAndLockProcessPages")


def probe_and_lock_process_pages(mdl: Mdl, process: KernelProcess, access_mode: int, operation: int) -> None:
    """Bring the pages of a buffer of a process in, check that they allow the operation, and lock them.

    Follows MmProbeAndLockProcessPages. It raises as MmProbeAndLockPages does.
    """
    _PROBE_AND_LOCK.check_irql(mdl, process)
    _PROBE_AND_LOCK.check_two(mdl, process)
    _PROBE_AND_LOCK.check_arguments(mdl, process, access_mode, operation)
    mdl.refuse_lock("MmProbeAndLockProcessPages", VF_MDL_PROBE_PROCESS_BAD_FLAGS)
    space = memory_manager.value.space_of_process(is_system=process.is_system)
    mdl.lock(access_mode, operation, space)
