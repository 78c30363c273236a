# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The place of the bytes of a transfer: the runs of physical memory behind a range of an MDL chain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.mm.layout import PAGE_OFFSET, span_pages
from dirql.mm.mdl import Mdl
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DMA_VIOLATION,
    VF_DMA_ADDRESS_OUTSIDE_MDL,
    VF_DMA_NOT_LOCKED,
    VF_DMA_ZERO_LENGTH,
)
from dirql.nt.constants import (
    MDL_PAGES_LOCKED,
    MDL_PARTIAL,
    MDL_SOURCE_IS_NONPAGED_POOL,
    PAGE_SHIFT,
    PAGE_SIZE,
)

__all__ = ["Part", "Run", "check_transfer", "is_inside", "parts", "registers_needed", "runs"]

_USABLE: Final = MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL


Run = tuple[int, int]
"""Physically contiguous bytes: the address of the first byte, and the address behind the last one.

A named tuple would make `scatter gather 64 kib` and `bounced 64 kib` of bench/hal_paths.py a fifth slower.
"""


class Part(NamedTuple):
    """The part of a transfer that lies in one MDL: `length` bytes after the first `skipped` bytes of the MDL."""

    mdl: Mdl
    skipped: int
    length: int


def check_transfer(mdl: Mdl, current_va: int, length: int) -> None:
    """Bug check 0xE6 for a transfer of no bytes, of unlocked pages, or beyond the end of the MDL chain."""
    if length <= 0:
        _violation(VF_DMA_ZERO_LENGTH, mdl, f"a transfer must have at least one byte; it had {length}")
    skipped = current_va - mdl.get_virtual_address()
    room = -skipped
    chained: Mdl | None = mdl
    while chained is not None and room < length:
        if not chained.mdl_flags & _USABLE:
            _violation(
                VF_DMA_NOT_LOCKED, chained, f"memory for a transfer must be locked; {chained!r} was not"
            )
        if chained.source is not None:
            chained.check_source("a transfer")
        if chained.byte_offset + chained.byte_count > len(chained.frames) << PAGE_SHIFT:
            break  # its ByteCount was changed, and is more than its pages hold
        room += chained.byte_count
        chained = chained.next
    if skipped < 0 or skipped >= mdl.byte_count or room < length:
        bug_check(
            DRIVER_VERIFIER_DMA_VIOLATION,
            VF_DMA_ADDRESS_OUTSIDE_MDL,
            current_va,
            mdl,
            reason=f"a transfer must lie inside its MDL; {length} bytes at {current_va:#x} did not: {mdl!r}",
        )


def is_inside(mdl: Mdl, current_va: int, length: int) -> bool:
    """Whether a transfer lies inside its MDL chain."""
    skipped = current_va - mdl.get_virtual_address()
    room = -skipped
    chained: Mdl | None = mdl
    while chained is not None and room < length:
        room += chained.byte_count
        chained = chained.next
    return 0 <= skipped < mdl.byte_count and room >= length


def parts(mdl: Mdl, current_va: int, length: int) -> Iterator[Part]:
    """The part of a transfer in each MDL of the chain."""
    skipped = current_va - mdl.get_virtual_address()
    chained: Mdl | None = mdl
    while length > 0 and chained is not None:
        share = min(length, chained.byte_count - skipped)
        yield Part(chained, skipped, share)
        length -= share
        skipped = 0
        chained = chained.next


def runs(part: Part) -> list[Run]:
    """The runs behind a part; contiguous frames give one run."""
    first, offset = divmod(part.mdl.byte_offset + part.skipped, PAGE_SIZE)
    frames = part.mdl.frames
    count = span_pages(offset, part.length)
    start = (frames[first] << PAGE_SHIFT) + offset
    end = start + PAGE_SIZE - offset
    found: list[Run] = []
    for frame in frames[first + 1 : first + count]:
        address = frame << PAGE_SHIFT
        if address != end:
            found.append((start, end))
            start = address
        end = address + PAGE_SIZE
    surplus = -(offset + part.length) & PAGE_OFFSET
    found.append((start, end - surplus))
    return found


def registers_needed(mdl: Mdl, current_va: int, length: int) -> int:
    """The number of map registers that a transfer takes: one for each page that it touches."""
    if current_va - mdl.get_virtual_address() + length <= mdl.byte_count:
        return span_pages(current_va, length)
    return sum(
        span_pages(part.mdl.get_virtual_address() + part.skipped, part.length)
        for part in parts(mdl, current_va, length)
    )


def _violation(subcode: int, mdl: Mdl, reason: str) -> NoReturn:
    bug_check(DRIVER_VERIFIER_DMA_VIOLATION, subcode, mdl, reason=reason)
