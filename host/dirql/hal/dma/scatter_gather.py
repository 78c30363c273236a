# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Scatter/gather lists: a buffer as a list of pieces that a device can reach, as few as possible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dirql.hal.dma.map_registers import MapRegisters
from dirql.hal.dma.transfers import Part, Run, parts, runs
from dirql.mm.layout import PAGE_OFFSET
from dirql.mm.mdl import Mdl
from dirql.nt.addresses import LogicalAddress

__all__ = ["ScatterGatherElement", "ScatterGatherList", "build", "reachable"]


class ScatterGatherElement(NamedTuple):
    """Bytes that are contiguous for the device, `length` in number; follows SCATTER_GATHER_ELEMENT."""

    address: LogicalAddress
    length: int


class ScatterGatherList:
    """The pieces of one transfer, in order; follows SCATTER_GATHER_LIST."""

    __slots__ = ("elements", "mdl", "registers")

    def __init__(self, elements: list[ScatterGatherElement], mdl: Mdl, registers: MapRegisters) -> None:
        self.elements = elements
        self.mdl = mdl
        """Describes the buffer. The device may use the frames in `mdl.frames` for as long as the list is held."""
        self.registers = registers

    def __repr__(self) -> str:
        pieces = ", ".join(f"{address:#x}+{length:#x}" for address, length in self.elements)
        return f"<ScatterGatherList {pieces}>"

    @property
    def number_of_elements(self) -> int:
        """The number of pieces."""
        return len(self.elements)


def build(
    mdl: Mdl,
    current_va: int,
    length: int,
    registers: MapRegisters,
    *,
    limit: int,
    longest: int,
    write_to_device: bool,
) -> list[ScatterGatherElement]:
    """The pieces of a transfer, with contiguous runs merged.

    None is at or above `limit` or longer than `longest` bytes.
    """
    merged: list[Run] = []
    for part in parts(mdl, current_va, length):
        for start, end in reachable(part, registers, limit=limit, write_to_device=write_to_device):
            if merged and merged[-1][1] == start:
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
    if longest >= length:
        return [ScatterGatherElement(LogicalAddress(start), end - start) for start, end in merged]
    return [
        ScatterGatherElement(LogicalAddress(piece), min(longest, end - piece))
        for start, end in merged
        for piece in range(start, end, longest)
    ]


def reachable(part: Part, registers: MapRegisters, *, limit: int, write_to_device: bool) -> Iterator[Run]:
    """The runs of a part, as the device can reach them: bytes at or above `limit` go through map registers."""
    for start, end in runs(part):
        if end <= limit:
            yield start, end
            continue
        direct = min(max(start, limit), end)
        if direct > start:
            yield start, direct
        yield registers.bounce([(direct, end)], direct & PAGE_OFFSET, write_to_device=write_to_device)
