# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A kernel with memory, and blocks of pool for strings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql import wdm
from dirql.hal.interrupts import InterruptController
from dirql.ke.costs import Costs
from dirql.ke.kernel import Kernel
from dirql.mm.manager import MemoryManager
from fakes.scripted_target import ScriptedTarget

FRAMES = 512


class Memory:
    """The memory of a test."""

    def __init__(self) -> None:
        target = ScriptedTarget()
        controller = InterruptController(target, lambda _error: None)
        self.kernel = Kernel(target, controller, costs=Costs.free())
        self.manager = MemoryManager(memoryview(bytearray(FRAMES * wdm.PAGE_SIZE)))
        self.manager.install()

    def block(self, contents: bytes, size: int = 0) -> int:
        """A block of nonpaged pool with these bytes at its start, and 0xA5 in the rest of `size`."""
        whole = contents.ljust(size, b"\xa5")
        address = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, len(whole) or 1, wdm.POOL_TAG("Test"))
        assert address is not None
        wdm.RtlWriteMemory(address, whole)
        return address

    def text(self, text: str) -> int:
        """The address of a text with its NUL."""
        return self.block(text.encode("utf-16-le") + b"\0\0")

    def string(self, text: str, room: int) -> wdm.UNICODE_STRING:
        """A UNICODE_STRING with room for `room` bytes, behind which lie four more."""
        units = text.encode("utf-16-le")
        return wdm.UNICODE_STRING(len(units), room, self.block(units, room + 4))

    def bytes_of(self, string: wdm.UNICODE_STRING | wdm.ANSI_STRING) -> bytes:
        """All that the buffer has room for, and the four bytes behind it."""
        assert string.buffer is not None
        return wdm.RtlReadMemory(string.buffer, string.maximum_length + 4)

    def close(self) -> None:
        self.manager.close()
        self.kernel.close()


@pytest.fixture
def memory() -> Iterator[Memory]:
    opened = Memory()
    yield opened
    opened.close()
