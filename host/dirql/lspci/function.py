# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""One PCI function: a copy of the configuration space, and the sizes of the base address registers."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from dirql.hardware.place import Place
from dirql.registers import pci_configuration as regs

__all__ = ["SPACE_BYTES", "Bar", "Function", "Layout", "Rom"]

SPACE_BYTES = 256


class Layout(enum.IntEnum):
    """The layouts of a header that `dirql lspci` decodes."""

    DEVICE = 0
    BRIDGE = 1


@dataclass(frozen=True, slots=True)
class Bar:
    """A base address register: the bits that say its kind, the address in it, and the bytes that it asks for."""

    number: int
    is_io: bool
    type: int
    """Bits 2:1 of a memory register: 0 for 32 bits, 1 for below 1 MiB, 2 for 64 bits."""
    is_prefetchable: bool
    address: int
    size: int
    """The bytes that the register asks for; 0 if the size has not been asked for."""


@dataclass(frozen=True, slots=True)
class Rom:
    """The register of the expansion ROM."""

    is_enabled: bool
    address: int
    size: int


@dataclass(frozen=True, slots=True)
class Function:
    """A function as it was when its configuration space was read."""

    place: Place
    space: bytes
    bars: tuple[Bar, ...] = ()
    rom: Rom | None = None

    def byte(self, offset: int) -> int:
        """The register of 8 bits at an offset."""
        return self.space[offset]

    def word(self, offset: int) -> int:
        """The register of 16 bits at an offset."""
        return int.from_bytes(self.space[offset : offset + 2], "little")

    def dword(self, offset: int) -> int:
        """The register of 32 bits at an offset."""
        return int.from_bytes(self.space[offset : offset + 4], "little")

    @property
    def vendor(self) -> int:
        """The Vendor ID register, the number of the maker."""
        return self.word(regs.VENDOR_ID.offset)

    @property
    def device(self) -> int:
        """The Device ID register, which the maker chose."""
        return self.word(regs.DEVICE_ID.offset)

    @property
    def command(self) -> regs.CommandValue:
        """The fields of the Command register."""
        return regs.COMMAND.unpack(self.word(regs.COMMAND.offset))

    @property
    def status(self) -> regs.StatusValue:
        """The fields of the Status register."""
        return regs.STATUS.unpack(self.word(regs.STATUS.offset))

    @property
    def identity(self) -> regs.ClassRevisionValue:
        """The class code and the revision."""
        return regs.CLASS_REVISION.unpack(self.dword(regs.CLASS_REVISION.offset))

    @property
    def header(self) -> regs.HeaderTypeValue:
        """The layout of the header, and whether the device has several functions."""
        return regs.HEADER_TYPE.unpack(self.byte(regs.HEADER_TYPE.offset))

    @property
    def is_bridge(self) -> bool:
        """Whether the header is that of a bridge between two PCI buses."""
        return self.header.layout == Layout.BRIDGE

    def capabilities(self) -> Iterator[int]:
        """The offset of each capability in the order of the list; a list that loops ends with an offset seen before."""
        if not self.status.capability_list:
            return
        seen: set[int] = set()
        at = self.byte(regs.CAPABILITIES_POINTER.offset) & ~3
        while at:
            yield at
            if at in seen:
                return
            seen.add(at)
            at = self.byte(at + 1) & ~3
