# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory at virtual addresses, as a driver in C uses it through a pointer.

Addresses are those of the system or of the attached process. Each routine checks mapping, protection and IRQL the way
the processor and the paging code would, with the outcomes that `mm/fault.py` lists; a fault counts as a driver's. Every
routine may be called at any IRQL as long as the memory is nonpaged or locked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dirql.ke.processors.contract import contract
from dirql.mm.manager import running
from dirql.mm.memory_view import MemoryView

__all__ = ["compare", "copy", "fill", "move", "read", "view", "write", "zero"]

_RTL_READ_MEMORY: Final = contract("RtlReadMemory")
_RTL_WRITE_MEMORY: Final = contract("RtlWriteMemory")
_RTL_VIEW_MEMORY: Final = contract("RtlViewMemory")
_RTL_COPY_MEMORY: Final = contract("RtlCopyMemory")
_RTL_FILL_MEMORY: Final = contract("RtlFillMemory")
_RTL_MOVE_MEMORY: Final = contract("RtlMoveMemory")
_RTL_ZERO_MEMORY: Final = contract("RtlZeroMemory")
_RTL_COMPARE_MEMORY: Final = contract("RtlCompareMemory")


def read(address: int, length: int) -> bytes:
    """The `length` bytes at an address."""
    manager = running.value
    if type(address) is not int or type(length) is not int or length < 0:
        _RTL_READ_MEMORY.check_arguments(address, length)
    runs = manager.runs(address, length, write=False, by_driver=True)
    return b"".join([manager.ram[start:end] for start, end in runs])


def write(address: int, data: bytes | bytearray | memoryview | MemoryView) -> None:
    """Put `data` at an address."""
    if isinstance(data, MemoryView):
        data = data.tobytes()
    try:
        manager, source, position = running.value, memoryview(data), 0
        if source.format != "B" or source.ndim != 1:
            source = memoryview(source.tobytes())
        runs = manager.runs(address, len(source), write=True, by_driver=True)
    except TypeError as error:
        _RTL_WRITE_MEMORY.explain(error, address, data)
    for start, end in runs:
        manager.ram[start:end] = source[position : position + end - start]
        position += end - start


def view(address: int, length: int) -> MemoryView:
    """A view of the bytes at an address, through which they are read and written with all checks of a pointer."""
    if type(address) is not int or type(length) is not int or length < 0:
        _RTL_VIEW_MEMORY.check_arguments(address, length)
    return MemoryView.at(address, length)


def copy(destination: int, source: int, length: int) -> None:
    """Copy `length` bytes between ranges that do not overlap; follows RtlCopyMemory."""
    manager = running.value
    ram = manager.ram
    if type(destination) is not int or type(source) is not int or type(length) is not int:
        _RTL_COPY_MEMORY.check_arguments(destination, source, length)
    targets = manager.runs(destination, length, write=True, by_driver=True)
    origins = manager.runs(source, length, write=False, by_driver=True)
    if len(targets) == len(origins) == 1:
        ram[slice(*targets[0])] = ram[slice(*origins[0])]
        return
    for target, origin, size in _pieces(targets, origins):
        ram[target : target + size] = ram[origin : origin + size]


def move(destination: int, source: int, length: int) -> None:
    """Copy `length` bytes between ranges that may overlap; follows RtlMoveMemory."""
    if type(destination) is not int or type(source) is not int or type(length) is not int or length < 0:
        _RTL_MOVE_MEMORY.check_arguments(destination, source, length)
    write(destination, read(source, length))


def fill(destination: int, length: int, value: int) -> None:
    """Set each of `length` bytes to `value`; follows RtlFillMemory."""
    _RTL_FILL_MEMORY.check_arguments(destination, length, value)
    manager = running.value
    for start, end in manager.runs(destination, length, write=True, by_driver=True):
        manager.ram[start:end] = bytes([value]) * (end - start)


def zero(destination: int, length: int) -> None:
    """Clear `length` bytes; follows RtlZeroMemory."""
    _RTL_ZERO_MEMORY.check_arguments(destination, length)
    fill(destination, length, 0)


def compare(first: int, second: int, length: int) -> int:
    """The number of equal bytes before the first difference; follows RtlCompareMemory."""
    _RTL_COMPARE_MEMORY.check_arguments(first, second, length)
    one, other = read(first, length), read(second, length)
    equal, unknown = 0, length
    while equal < unknown:  # all before `equal` are equal; the first difference, if any, is before `unknown`
        middle = (equal + unknown + 1) // 2
        if one[equal:middle] == other[equal:middle]:
            equal = middle
        else:
            unknown = middle - 1
    return equal


def _pieces(targets: list[tuple[int, int]], origins: list[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Cut two lists of runs at each other's ends: destination, source and size of each piece."""
    rest = iter(origins)
    origin = origin_end = 0
    for start, end in targets:
        position = start
        while position < end:
            if origin == origin_end:
                origin, origin_end = next(rest)
            size = min(end - position, origin_end - origin)
            yield position, origin, size
            position += size
            origin += size
