# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory that a buffer routine moves to or from, as one piece of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dirql.mm import memory
from dirql.mm.manager import running

__all__ = ["reading", "writing"]


@contextmanager
def reading(address: int, length: int) -> Iterator[memoryview]:
    """Bytes to read into: the memory itself where it is contiguous, else a stand-in that is copied there at the end."""
    manager = running.value
    runs = manager.runs(address, length, write=True)
    if len(runs) == 1:
        yield manager.ram[slice(*runs[0])]
        return
    stand_in = bytearray(length)
    yield memoryview(stand_in)
    memory.write(address, stand_in)


def writing(address: int, length: int) -> memoryview:
    """Bytes to write from."""
    manager = running.value
    runs = manager.runs(address, length, write=False)
    if len(runs) == 1:
        return manager.ram[slice(*runs[0])]
    return memoryview(memory.read(address, length))
