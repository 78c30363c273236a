# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Buffers of strings that the run-time library allocates for its caller, and frees."""

from __future__ import annotations

from typing import Final

from dirql.ke.origin import mark
from dirql.mm.allocation import free_pool
from dirql.mm.manager import running
from dirql.rtl.strings import CountedString

__all__ = ["allocate_buffer", "free_buffer"]

_TAG: Final = int.from_bytes(b"Strg", "little")


def allocate_buffer(size: int) -> int | None:
    """The address of a buffer in paged pool, in the name of the driver that runs; None without memory."""
    return running.value.paged_pool.allocate(size, _TAG, place=mark())


def free_buffer(string: CountedString) -> None:
    """Free the buffer of a string that has one, and make all members 0."""
    if string.buffer is not None:
        free_pool(string.buffer)
    string.set(0, 0, None)
