# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The HAL's side of the system's DMA channels: who may have one, and what it is programmed with (row DMA-15).

A slave device has an adapter of its own, and shares the channel with all adapters of the same number. Only one at a
time has the channel; the others wait for it in the order in which they came.
"""

from __future__ import annotations

from typing import Final

from dirql.hal.dma.controller import CASCADE_CHANNEL, CHANNELS, DmaChannel, DmaControllers, DmaMode
from dirql.hal.dma.description import DeviceDescription
from dirql.hal.dma.queue import AllocationQueue
from dirql.ke.defects import report_defect
from dirql.nt.constants import (
    DEVICE_DESCRIPTION_VERSION,
    Eisa,
    Isa,
    MaximumDmaSpeed,
    Width8Bits,
    Width16Bits,
)

__all__ = ["SystemChannel", "SystemDma"]

_ISA_LIMIT: Final = 1 << 24
_EISA_LIMIT: Final = 1 << 32


class SystemChannel:
    """A channel, and the requests of all drivers for it."""

    __slots__ = ("hardware", "queue")

    def __init__(self, hardware: DmaChannel) -> None:
        self.hardware: Final = hardware
        self.queue: Final = AllocationQueue()

    def holds(self, start: int, end: int) -> bool:
        """Whether the channel can move the memory in one transfer."""
        hardware = self.hardware
        return start // hardware.longest == (end - 1) // hardware.longest and not start % hardware.width

    def begin(self, description: DeviceDescription, start: int, end: int, *, write_to_device: bool) -> int:
        """Program the channel for memory from `start` up to `end`; returns where the transfer ends."""
        hardware = self.hardware
        odd = (end - start) % hardware.width
        if odd or start % hardware.width:
            report_defect(
                "DMA-15",
                f"a buffer for DMA channel {hardware.number} must have an even address and an even length, since the"
                f" channel moves words; it was {end - start} bytes at offset {start & 1} of a word",
            )
        length = max(end - start - odd, hardware.width)
        hardware.program(
            DmaMode.DEMAND if description.demand_mode else DmaMode.SINGLE,
            start - start % hardware.width,
            length,
            to_memory=not write_to_device,
            autoinitialize=description.auto_initialize,
        )
        return start + length

    def end(self, description: DeviceDescription) -> int:
        """Stop the channel; returns the bytes of the transfer that the device has not moved, as far as that counts."""
        hardware = self.hardware
        hardware.mask()
        ignores = description.ignore_count and description.version > DEVICE_DESCRIPTION_VERSION
        return 0 if ignores or description.auto_initialize else hardware.remaining


class SystemDma:
    """The channels of one machine, by their numbers."""

    __slots__ = ("_channels", "controllers")

    def __init__(self, controllers: DmaControllers) -> None:
        self.controllers: Final = controllers
        self._channels: dict[int, SystemChannel] = {}

    def channel_for(self, description: DeviceDescription) -> SystemChannel | None:
        """The channel of a slave device, or of a master on the ISA bus, which asks for the bus by it.

        None if there is no such channel, or if it does not fit: its width, its speed, or its bus.
        """
        number = description.dma_channel
        if not 0 <= number < CHANNELS or number == CASCADE_CHANNEL or description.bus_number:
            return None
        if description.interface_type not in (Isa, Eisa):
            return None
        hardware = self.controllers.channels[number]
        if not description.master:
            width = Width8Bits if hardware.width == 1 else Width16Bits
            if description.dma_width != width or not 0 <= description.dma_speed < MaximumDmaSpeed:
                return None
        found = self._channels.get(number)
        if found is None:
            found = self._channels[number] = SystemChannel(hardware)
        return found

    @staticmethod
    def limit(description: DeviceDescription) -> int:
        """The first address that the page registers cannot hold."""
        is_wide = description.interface_type == Eisa and description.dma32_bit_addresses
        return _EISA_LIMIT if is_wide else _ISA_LIMIT
