# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Common buffers: memory that the driver and its device use at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from dirql.hal.dma.grants import DmaGrant, DmaGrants
from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import current_driver
from dirql.ke.origin import Mark, mark
from dirql.mm.blocks import owner_text
from dirql.mm.layout import NONPAGED_RANGE, bytes_to_pages
from dirql.mm.manager import MemoryManager
from dirql.nt.addresses import LogicalAddress
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DMA_VIOLATION,
    VF_DMA_FREED_BUFFER_TOO_OFTEN,
    VF_DMA_OVERRUN,
)
from dirql.nt.constants import PAGE_SHIFT, PAGE_SIZE

__all__ = ["OWNER", "CommonBuffers"]

OWNER: Final = "common buffer"
_GUARD: Final = b"\xfc"
_PADDING_AFTER: Final = 5
"""Parameter 2 of an overrun: the bytes behind the buffer have changed."""


_Driver: TypeAlias = object
"""A driver; mypyc does not find the name `object` in the fields of a class such as the next one."""


class _CommonBuffer(NamedTuple):
    length: int
    logical: LogicalAddress
    guard: int
    """The number of bytes from `length` to the end of the last page; they are painted, and nobody may write to them."""
    grant: DmaGrant | None
    """The permission of devices to access it."""
    driver: _Driver
    place: Mark | None


def _text(buffer: _CommonBuffer | None) -> str:
    if buffer is None:
        return "none at the first of these addresses"
    owner = owner_text(buffer.driver, buffer.place)
    return f"one of {buffer.length} bytes at the device's address {buffer.logical:#x}, allocated by {owner}"


class CommonBuffers:
    """The common buffers of one adapter, by their virtual addresses."""

    __slots__ = ("_boundary", "_buffers", "_device", "_grants", "_manager")

    def __init__(self, manager: MemoryManager, grants: DmaGrants, device: object, boundary: int = 0) -> None:
        """No buffer crosses a multiple of `boundary` bytes, unless that is 0."""
        self._boundary = boundary
        self._manager = manager
        self._grants = grants
        self._device = device
        self._buffers: dict[int, _CommonBuffer] = {}

    def __len__(self) -> int:
        return len(self._buffers)

    @property
    def bytes(self) -> int:
        """The number of bytes that were allocated and not freed yet."""
        return sum(buffer.length for buffer in self._buffers.values())

    def held(self, driver: object | None = None) -> Iterator[str]:
        """A sentence for each buffer of the driver, or without one of any driver, that was not freed."""
        for buffer in self._buffers.values():
            if driver is None or buffer.driver is driver:
                yield (
                    f"a common buffer of {buffer.length} bytes was not freed, allocated by"
                    f" {owner_text(buffer.driver, buffer.place)}: call FreeCommonBuffer"
                )

    def allocate(self, length: int, limit: int) -> tuple[int, LogicalAddress] | None:
        """Virtual and logical address of contiguous memory below `limit`; None when there is none."""
        if length <= 0:
            return None
        manager, pages = self._manager, bytes_to_pages(length)
        first = manager.frames.allocate_contiguous(pages, OWNER, limit, boundary=self._boundary)
        if first is None:
            return None
        frames = range(first, first + pages)
        address = manager.system.map(NONPAGED_RANGE, frames)
        if address is None:
            manager.frames.free(frames)
            return None
        start = first << PAGE_SHIFT
        pieces = [(start, start + length)]
        place = mark()
        grant = self._grants.add("a common buffer", pieces, None, self._device, True, True, place)
        guard = pages * PAGE_SIZE - length
        buffer = _CommonBuffer(length, LogicalAddress(start), guard, grant, current_driver(), place)
        manager.poison.fill(buffer.logical, buffer.logical + length)
        self._guard(buffer)[:] = _GUARD * buffer.guard
        self._buffers[address] = buffer
        return address, buffer.logical

    def free(self, length: int, logical: int, address: int) -> None:
        """Give a buffer back; bug check 0xE6 for wrong addresses or length, and when bytes behind it were written."""
        buffer = self._buffers.pop(address, None)
        if buffer is None or (buffer.length, buffer.logical) != (length, logical):
            bug_check(
                DRIVER_VERIFIER_DMA_VIOLATION,
                VF_DMA_FREED_BUFFER_TOO_OFTEN,
                1,
                reason=f"FreeCommonBuffer must be called once, with the length and both addresses of the buffer; they"
                f" were {length} bytes, {address:#x} and {logical:#x}, and there is {_text(buffer)}: keep what"
                " AllocateCommonBuffer gave, and forget it when the buffer is freed",
            )
        if buffer.grant is not None:
            self._grants.end((buffer.grant,), mark())
        damaged = bytes(self._guard(buffer)).lstrip(_GUARD)
        if damaged:
            bug_check(
                DRIVER_VERIFIER_DMA_VIOLATION,
                VF_DMA_OVERRUN,
                _PADDING_AFTER,
                address,
                address + length + buffer.guard - len(damaged),
                reason=f"a common buffer must be written within its {length} bytes; {_text(buffer)} was written at"
                f" byte {length + buffer.guard - len(damaged)}: look at the lengths that the device gets too",
            )
        self._manager.frames.free(self._manager.system.unmap(address, bytes_to_pages(length)))

    def _guard(self, buffer: _CommonBuffer) -> memoryview:
        start = buffer.logical + buffer.length
        return self._manager.ram[start : start + buffer.guard]
