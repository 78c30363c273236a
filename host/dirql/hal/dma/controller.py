# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The two DMA controllers of a PC, a model on the host side: Intel 8237A, and the page registers of the IBM PC/AT.

No RTL is behind them. Channels 0 to 3 move bytes, 5 to 7 words; channel 4 joins the two controllers. A channel holds
the address and the count of one transfer, which stays within 64 KiB (128 KiB for words), and reaches the first 16 MiB
of memory. On an EISA machine the page registers hold 32 bits of address. A transfer takes no clocks of the machine.

A model of a device drives the DREQ line of a channel with `DmaChannel.write` and `read`; the HAL programs the channel.
"""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["CASCADE_CHANNEL", "CHANNELS", "DmaChannel", "DmaControllers", "DmaMode"]

CHANNELS: Final = 8
CASCADE_CHANNEL: Final = 4
"""The channel through which the first controller asks for the bus; no device can use it."""
_WORDS_FROM: Final = 5
_COUNTS: Final = 1 << 16


class DmaMode(enum.Enum):
    """The ways in which a channel takes the bus for a request of its device."""

    DEMAND = "demand"
    """It keeps the bus for as long as the device asks."""
    SINGLE = "single"
    """It gives the bus back after each byte or word."""
    BLOCK = "block"
    """It keeps the bus until the count is used up, whether or not the device still asks."""
    CASCADE = "cascade"
    """It gives the bus to the device, which drives the addresses itself."""


class DmaChannel:
    """One channel of a controller. `width` is the number of bytes that it moves at a time."""

    __slots__ = (
        "_base",
        "_length",
        "_ram",
        "address",
        "autoinitialize",
        "bus_requests",
        "is_masked",
        "mode",
        "number",
        "remaining",
        "terminal_count",
        "to_memory",
        "width",
    )

    def __init__(self, number: int, ram: memoryview) -> None:
        """`ram` is the memory of the machine from physical address 0 on."""
        self.number: Final = number
        self.width: Final = 2 if number >= _WORDS_FROM else 1
        self._ram = ram
        self.mode = DmaMode.SINGLE
        self.to_memory = False
        """The direction: from the device to memory."""
        self.autoinitialize = False
        self.is_masked = True
        """Requests of the device are not served."""
        self.terminal_count = False
        """The count has been used up since the channel was programmed."""
        self.bus_requests = 0
        """The number of times that the controller has taken the bus for this channel."""
        self.address = self.remaining = 0
        """The physical address of the next byte, and the number of bytes to move."""
        self._base = self._length = 0

    def __repr__(self) -> str:
        state = "masked" if self.is_masked else f"{self.remaining} bytes at {self.address:#x}"
        return f"<DMA channel {self.number}, {self.mode.value} mode, {state}>"

    @property
    def longest(self) -> int:
        """The most bytes of one transfer, which cross no multiple of this."""
        return _COUNTS * self.width

    def program(
        self, mode: DmaMode, address: int, length: int, *, to_memory: bool, autoinitialize: bool = False
    ) -> None:
        """Load address and count, and let the requests of the device through; `length` is in bytes.

        The memory must not cross a multiple of `longest`, and have a whole number of bytes or words, at least one.
        """
        crosses = address // self.longest != (address + length - 1) // self.longest
        if length <= 0 or crosses or address % self.width or length % self.width:
            raise ValueError(
                f"memory for {self!r} must be 1 or more units of {self.width} bytes within {self.longest:#x} bytes; it"
                f" was {length:#x} bytes at {address:#x}"
            )
        self.mode = mode
        self.to_memory = to_memory
        self.autoinitialize = autoinitialize
        self.address = self._base = address
        self.remaining = self._length = length
        self.terminal_count = False
        self.is_masked = False

    def cascade(self) -> None:
        """Let the device take the bus as a master of its own."""
        self.mode = DmaMode.CASCADE
        self.is_masked = False

    def mask(self) -> None:
        """Serve no request of the device any more."""
        self.is_masked = True

    # The device's side.

    def write(self, data: bytes) -> int:
        """Ask for the transfer of `data` from the device to memory; returns the number of bytes that were taken.

        The channel takes none while it is masked, and none behind terminal count, unless it initializes itself.
        """
        self._check_device(len(data), to_memory=True)
        taken = 0
        while taken < len(data) and not self.is_masked:
            part = self._next(len(data) - taken)
            self._ram[self.address : self.address + part] = data[taken : taken + part]
            taken += part
            self._advance(part)
        return taken

    def read(self, length: int) -> bytes:
        """Ask for the transfer of `length` bytes from memory to the device; returns those that came.

        They are fewer while the channel is masked, and behind terminal count, unless it initializes itself.
        """
        self._check_device(length, to_memory=False)
        data = b""
        while len(data) < length and not self.is_masked:
            part = self._next(length - len(data))
            data += bytes(self._ram[self.address : self.address + part])
            self._advance(part)
        return data

    def take_bus(self) -> bool:
        """Whether the device may be master of the bus now: the channel is in cascade mode, and is not masked."""
        if self.mode is not DmaMode.CASCADE or self.is_masked:
            return False
        self.bus_requests += 1
        return True

    def _check_device(self, length: int, *, to_memory: bool) -> None:
        if length % self.width:
            raise ValueError(
                f"a device on channel {self.number} must move words of {self.width} bytes; it moved {length} bytes"
            )
        if self.is_masked:
            return
        if self.mode is DmaMode.CASCADE:
            raise ValueError(
                f"a device on {self!r} must drive the bus itself: call take_bus, and access the memory of the target"
            )
        if self.to_memory is not to_memory:
            direction = "to memory" if self.to_memory else "from memory"
            raise ValueError(
                f"a device on {self!r} must move data {direction}, as the driver has programmed with WriteToDevice; it"
                " asked for the other direction"
            )
        if self.mode is DmaMode.BLOCK and length < self.remaining:
            raise ValueError(
                f"a device on {self!r} must move the whole block in one request; it moved {length} bytes"
            )

    def _next(self, wanted: int) -> int:
        """The number of bytes that the channel moves before it gives the bus back."""
        self.bus_requests += 1
        return self.width if self.mode is DmaMode.SINGLE else min(wanted, self.remaining)

    def _advance(self, moved: int) -> None:
        self.address += moved
        self.remaining -= moved
        if self.remaining:
            return
        self.terminal_count = True
        if self.autoinitialize:
            self.address, self.remaining = self._base, self._length
        else:
            self.is_masked = True


class DmaControllers:
    """The channels of both controllers."""

    __slots__ = ("channels",)

    def __init__(self, ram: memoryview) -> None:
        """`ram` is the memory of the machine from physical address 0 on."""
        self.channels: Final = tuple(DmaChannel(number, ram) for number in range(CHANNELS))

    def channel(self, number: int) -> DmaChannel:
        """A channel that a device can use; raises `ValueError` for another number."""
        if not 0 <= number < CHANNELS or number == CASCADE_CHANNEL:
            raise ValueError(
                f"a DMA channel must be 0 to 3, or 5 to 7; it was {number}: channel 4 joins the two controllers"
            )
        return self.channels[number]
