# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""DEVICE_DESCRIPTION: the abilities of a device, which its driver states to get a DMA adapter."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from dirql.nt.constants import DEVICE_DESCRIPTION_VERSION, DEVICE_DESCRIPTION_VERSION3, InterfaceTypeUndefined

__all__ = ["DeviceDescription"]

_ISA_ADDRESS_WIDTH: Final = 24
"""The address bits of a device whose description states none."""


@dataclass(slots=True)
class DeviceDescription:
    """The abilities of a device as bus master; follows DEVICE_DESCRIPTION. All fields but `version` start as zero.

    `maximum_length` is the length of the longest transfer in bytes. `dma_address_width`, the number of address bits,
    counts in version 3 only; if it is 0, and in older versions, `dma64_bit_addresses` and `dma32_bit_addresses` give 64
    or 32 bits, and without both the device has 24.
    """

    version: int = DEVICE_DESCRIPTION_VERSION
    master: bool = False
    scatter_gather: bool = False
    demand_mode: bool = False
    auto_initialize: bool = False
    dma32_bit_addresses: bool = False
    ignore_count: bool = False
    dma64_bit_addresses: bool = False
    bus_number: int = 0
    dma_channel: int = 0
    interface_type: int = InterfaceTypeUndefined
    dma_width: int = 0
    dma_speed: int = 0
    maximum_length: int = 0
    dma_port: int = 0
    dma_address_width: int = 0

    def check_members(self, routine: str) -> None:
        """Refuse members that are no numbers, which a compiler of C would do."""
        for member in fields(self):
            value: object = getattr(self, member.name)
            if not isinstance(value, int):
                raise TypeError(
                    f"{routine}: {member.name} of the DEVICE_DESCRIPTION must be an integer; it was {value!r}: set a"
                    " number, or TRUE or FALSE"
                )

    @property
    def known_version(self) -> bool:
        """Whether the WDK has a structure of this version."""
        return DEVICE_DESCRIPTION_VERSION <= self.version <= DEVICE_DESCRIPTION_VERSION3

    @property
    def address_limit(self) -> int:
        """The first logical address that the device cannot reach."""
        if self.version == DEVICE_DESCRIPTION_VERSION3 and self.dma_address_width:
            return 1 << self.dma_address_width
        if self.dma64_bit_addresses:
            return 1 << 64
        return 1 << (32 if self.dma32_bit_addresses else _ISA_ADDRESS_WIDTH)
