# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading and writing memory at virtual addresses, as drivers and the kernel do with pointers.

Addresses are those of the system or of the process in sight. Each routine checks mapping, protection and IRQL the way
the processor and the paging code would, with the outcomes that `mm.fault` lists, and may be called at any IRQL as long
as the memory is nonpaged or locked.
"""

from __future__ import annotations

from collections.abc import Iterator

from dirql.mm import current
from dirql.mm.layout import PAGE_OFFSET
from dirql.nt.constants import PAGE_SIZE

__all__ = ["compare", "copy", "fill", "move", "read", "view", "write", "zero"]


def read(address: int, length: int) -> bytes:
    """The `length` bytes at an address."""
    manager = current.manager
    offset = address & PAGE_OFFSET
    if 0 < length <= PAGE_SIZE - offset:
        start = manager.access(address, write=False).physical + offset
        return bytes(manager.memory[start : start + length])
    memory = manager.memory
    return b"".join(memory[start:end] for start, end in manager.runs(address, length, write=False))


def write(address: int, data: bytes | bytearray | memoryview) -> None:
    """Put `data` at an address."""
    manager = current.manager
    length = len(data)
    offset = address & PAGE_OFFSET
    if 0 < length <= PAGE_SIZE - offset:
        start = manager.access(address, write=True).physical + offset
        manager.memory[start : start + length] = data
        return
    memory, source, position = manager.memory, memoryview(data), 0
    for start, end in manager.runs(address, length, write=True):
        memory[start:end] = source[position : position + end - start]
        position += end - start


def view(address: int, length: int) -> memoryview:
    """The bytes themselves, writable; only where they are contiguous, as in nonpaged pool and common buffers."""
    manager = current.manager
    runs = manager.runs(address, length, write=True)
    if len(runs) > 1:
        raise ValueError(
            f"memory to view must be contiguous, {length} bytes at {address:#x} are in {len(runs)} pieces: "
            f"use mm.memory.read and mm.memory.write"
        )
    return manager.memory[runs[0][0] : runs[0][1]] if runs else manager.memory[:0]


def copy(destination: int, source: int, length: int) -> None:
    """Copy bytes between addresses whose ranges do not overlap; follows RtlCopyMemory."""
    manager = current.manager
    to_offset, from_offset = destination & PAGE_OFFSET, source & PAGE_OFFSET
    if 0 < length <= PAGE_SIZE - to_offset and length <= PAGE_SIZE - from_offset:
        start = manager.access(destination, write=True).physical + to_offset
        origin = manager.access(source, write=False).physical + from_offset
        manager.memory[start : start + length] = manager.memory[origin : origin + length]
        return
    to = manager.runs(destination, length, write=True)
    from_ = manager.runs(source, length, write=False)
    memory = manager.memory
    if len(to) == len(from_) == 1:
        memory[to[0][0] : to[0][1]] = memory[from_[0][0] : from_[0][1]]
        return
    for start, origin, size in _pair(to, from_):
        memory[start : start + size] = memory[origin : origin + size]


def move(destination: int, source: int, length: int) -> None:
    """Copy bytes between addresses whose ranges may overlap; follows RtlMoveMemory."""
    write(destination, read(source, length))


def fill(destination: int, length: int, value: int) -> None:
    """Set each of `length` bytes to `value`; follows RtlFillMemory."""
    manager = current.manager
    offset = destination & PAGE_OFFSET
    if 0 < length <= PAGE_SIZE - offset:
        start = manager.access(destination, write=True).physical + offset
        manager.memory[start : start + length] = bytes([value]) * length
        return
    for start, end in manager.runs(destination, length, write=True):
        manager.memory[start:end] = bytes([value]) * (end - start)


def zero(destination: int, length: int) -> None:
    """Clear `length` bytes; follows RtlZeroMemory."""
    fill(destination, length, 0)


def compare(first: int, second: int, length: int) -> int:
    """How many bytes are equal before the first that differs; follows RtlCompareMemory."""
    one, other = read(first, length), read(second, length)
    equal, unknown = 0, length
    while equal < unknown:  # all before `equal` are equal; the first difference, if any, is before `unknown`
        middle = (equal + unknown + 1) // 2
        if one[equal:middle] == other[equal:middle]:
            equal = middle
        else:
            unknown = middle - 1
    return equal


def _pair(to: list[tuple[int, int]], from_: list[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Cut two lists of runs at each other's ends: destination, source and size of each piece."""
    origins = iter(from_)
    origin = origin_end = 0
    for start, end in to:
        position = start
        while position < end:
            if origin == origin_end:
                origin, origin_end = next(origins)
            size = min(end - position, origin_end - origin)
            yield position, origin, size
            position += size
            origin += size
