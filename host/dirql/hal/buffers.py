# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory buffer of a register or port routine, as one contiguous piece of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dirql.mm import memory
from dirql.mm.manager import running

__all__ = ["reading", "writing"]


@contextmanager
def reading(address: int, length: int) -> Iterator[memoryview]:
    """Give bytes to read into: the memory itself if it is contiguous, else a copy that is written back at the end."""
    manager = running.value
    runs = manager.runs(address, length, write=True)
    if len(runs) == 1:
        yield manager.ram[slice(*runs[0])]
        return
    copy = bytearray(length)
    yield memoryview(copy)
    memory.write(address, copy)


def writing(address: int, length: int) -> memoryview:
    """Give the bytes to write: the memory itself if it is contiguous, else a copy."""
    manager = running.value
    runs = manager.runs(address, length, write=False)
    if len(runs) == 1:
        return manager.ram[slice(*runs[0])]
    return memoryview(memory.read(address, length))
