# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Scatter/gather lists: a buffer as a list of pieces that a device can reach, as few as possible."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from dirql.hal.dma.map_registers import MapRegisters
from dirql.hal.dma.transfers import Part, Run, parts, runs
from dirql.mm.layout import PAGE_OFFSET
from dirql.mm.mdl import Mdl
from dirql.nt.addresses import LogicalAddress
from dirql.nt.constants import MDL_MAPPED_TO_SYSTEM_VA, MDL_PAGES_LOCKED, PAGE_SHIFT, PAGE_SIZE

__all__ = [
    "ScatterGatherElement",
    "ScatterGatherList",
    "build",
    "free_mdl_of",
    "mdl_of",
    "reachable",
    "size_in_bytes",
    "to_bytes",
]

_HEAD: Final = 0x10
_ELEMENT: Final = 0x18


class ScatterGatherElement(NamedTuple):
    """Bytes that are contiguous for the device, `length` in number; follows SCATTER_GATHER_ELEMENT."""

    address: LogicalAddress
    length: int


class ScatterGatherList:
    """The pieces of one transfer, in order; follows SCATTER_GATHER_LIST."""

    __slots__ = ("built", "elements", "mdl", "registers")

    def __init__(self, elements: list[ScatterGatherElement], mdl: Mdl, registers: MapRegisters) -> None:
        self.elements = elements
        self.mdl = mdl
        """Describes the buffer. The device may use the frames in `mdl.frames` for as long as the list is held."""
        self.registers = registers
        self.built: Mdl | None = None
        """The MDL of the bounce pages that BuildMdlFromScatterGatherList has made."""

    def __repr__(self) -> str:
        pieces = ", ".join(f"{address:#x}+{length:#x}" for address, length in self.elements)
        return f"<ScatterGatherList {pieces}>"

    @property
    def number_of_elements(self) -> int:
        """The number of pieces."""
        return len(self.elements)


def to_bytes(elements: list[ScatterGatherElement]) -> bytes:
    """The structure SCATTER_GATHER_LIST, as it lies in memory on x64."""
    head = struct.pack("<IIQ", len(elements), 0, 0)
    return head + b"".join(struct.pack("<QIIQ", address, length, 0, 0) for address, length in elements)


def size_in_bytes(elements: int) -> int:
    """The size of the structure SCATTER_GATHER_LIST with that many elements."""
    return _HEAD + elements * _ELEMENT


def mdl_of(elements: list[ScatterGatherElement]) -> Mdl | None:
    """An MDL for the memory behind a list, which has no virtual address."""
    offset = elements[0].address & PAGE_OFFSET
    made = Mdl.make(offset, sum(length for _, length in elements))
    if made is not None:
        made.frames = [
            page >> PAGE_SHIFT
            for address, length in elements
            for page in range(address - (address & PAGE_OFFSET), address + length, PAGE_SIZE)
        ]
        made.mdl_flags |= MDL_PAGES_LOCKED
    return made


def free_mdl_of(made: Mdl) -> None:
    """Free such an MDL, and its mapping."""
    if made.mdl_flags & MDL_MAPPED_TO_SYSTEM_VA:
        made.unmap()
    made.mdl_flags &= ~MDL_PAGES_LOCKED
    made.release()


def build(
    mdl: Mdl,
    current_va: int,
    length: int,
    registers: MapRegisters,
    *,
    limit: int,
    longest: int,
    one: bool,
    write_to_device: bool,
) -> tuple[list[ScatterGatherElement], list[Run]]:
    """The pieces of a transfer, and the memory behind them with contiguous runs merged.

    No piece is at or above `limit` or longer than `longest` bytes. With `one` there is one piece, for a device without
    scatter/gather, which goes through map registers unless the memory is contiguous.
    """
    reached = _contiguous if one else _merged
    merged = reached(mdl, current_va, length, registers, limit=limit, write_to_device=write_to_device)
    # The constructors would take twice as long ("scatter gather 64 kib" of bench/hal_paths.py).
    element, address = tuple.__new__, int.__new__
    if one or longest >= length:
        return [
            element(ScatterGatherElement, (address(LogicalAddress, start), end - start))
            for start, end in merged
        ], merged
    pieces = [
        ScatterGatherElement(LogicalAddress(piece), min(longest, end - piece))
        for start, end in merged
        for piece in range(start, end, longest)
    ]
    return pieces, merged


def _contiguous(
    mdl: Mdl, current_va: int, length: int, registers: MapRegisters, *, limit: int, write_to_device: bool
) -> list[Run]:
    """The memory of a transfer in one run, which lies in map registers unless the device can reach the memory so."""
    every = [run for part in parts(mdl, current_va, length) for run in runs(part)]
    if len(every) == 1 and every[0][1] <= limit:
        return every
    return [_bounced(every, registers, write_to_device=write_to_device)]


def _merged(
    mdl: Mdl, current_va: int, length: int, registers: MapRegisters, *, limit: int, write_to_device: bool
) -> list[Run]:
    """The memory of a transfer as the device can reach it, with contiguous runs merged."""
    merged: list[Run] = []
    for part in parts(mdl, current_va, length):
        if part.length == length:
            found = runs(part)
            if max(found)[1] <= limit:
                return found  # nearly every transfer: one MDL, in memory that the device can reach
        for start, end in reachable(part, registers, limit=limit, write_to_device=write_to_device):
            if merged and merged[-1][1] == start:
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
    return merged


def reachable(part: Part, registers: MapRegisters, *, limit: int, write_to_device: bool) -> Iterator[Run]:
    """The runs of a part, as the device can reach them: bytes at or above `limit` go through map registers."""
    beyond: list[Run] = []
    for start, end in runs(part):
        direct = min(max(start, limit), end)
        if direct > start:
            if beyond:
                yield _bounced(beyond, registers, write_to_device=write_to_device)
                beyond = []
            yield start, direct
        if direct < end:
            beyond.append((direct, end))
    if beyond:
        yield _bounced(beyond, registers, write_to_device=write_to_device)


def _bounced(beyond: list[Run], registers: MapRegisters, *, write_to_device: bool) -> Run:
    """The place in map registers of runs that follow each other in a transfer."""
    return registers.bounce(beyond, beyond[0][0] & PAGE_OFFSET, write_to_device=write_to_device)
