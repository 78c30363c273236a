# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A simple model of a PCI function's configuration space: 64 dwords, each with the bits that can be written."""

from __future__ import annotations

from dataclasses import dataclass, field

from dirql.hardware.place import Place
from dirql.registers import pci_configuration as regs
from fakes.default_machine import STORE

COMMAND_WRITABLE = 0x0547
STATUS_CLEARABLE = 0xF900 << 16


@dataclass
class FakeFunction:
    """`bars` gives each base address register as (type bits, size), 0 for one that is not there."""

    device: int = 1
    function: int = 0
    vendor: int = 0x1234
    id: int = STORE.type.identity.device
    bars: tuple[tuple[int, int], ...] = ()
    pin: int = 1
    message: bool = False
    header_type: int = 0
    class_code: int = 0xFF0000
    dwords: list[int] = field(default_factory=list)
    writable: dict[int, int] = field(default_factory=dict)
    log: list[tuple[int, int, int]] = field(default_factory=list)
    """The writes so far, each as offset, value and byte enables."""

    def __post_init__(self) -> None:
        self.dwords = [0] * 64
        self.dwords[0] = self.id << 16 | self.vendor
        self.dwords[1] = (0xF900 | (0x10 if self.message else 0)) << 16
        self.dwords[2] = self.class_code << 8 | 0x07
        self.dwords[3] = self.header_type << 16
        self.dwords[0x2C // 4] = 0xBEEF << 16 | 0x5678
        self.dwords[0x3C // 4] = self.pin << 8
        self.writable = {4: COMMAND_WRITABLE, 0x3C: 0xFF}
        offset = regs.BAR.offset
        for kind, size in self.bars:
            self.dwords[offset // 4] = kind
            self.writable[offset] = 0xFFFF_FFFF & ~(size - 1) if size else 0
            offset += 4
            if kind & 0x5 == 0x4:  # a register of 64 bits; the upper half is the next register
                self.writable[offset] = 0xFFFF_FFFF if size <= 1 << 32 else ~((size - 1) >> 32) & 0xFFFF_FFFF
                offset += 4
        if self.message:
            self.dwords[0x34 // 4] = 0x50
            self.dwords[0x50 // 4] = 0x09 | 0x60 << 8
            self.dwords[0x60 // 4] = 0x05 | 0x0080 << 16
            self.writable |= {0x60: 0x0071 << 16, 0x64: 0xFFFF_FFFC, 0x68: 0xFFFF_FFFF, 0x6C: 0xFFFF}

    @property
    def address(self) -> int:
        return Place(0, self.device, self.function).configuration_address

    def read(self, offset: int, byte_enables: int) -> int:
        return self.dwords[offset // 4]

    def write(self, offset: int, value: int, byte_enables: int) -> None:
        self.log.append((offset, value, byte_enables))
        lanes = sum(0xFF << 8 * lane for lane in range(4) if byte_enables >> lane & 1)
        mask = self.writable.get(offset, 0) & lanes
        old = self.dwords[offset // 4]
        self.dwords[offset // 4] = old & ~mask | value & mask
        if offset == 4:
            self.dwords[1] &= ~(value & lanes & STATUS_CLEARABLE)

    @property
    def command(self) -> int:
        return self.dwords[1] & 0xFFFF

    def bar(self, number: int) -> int:
        return self.dwords[regs.BAR.offset // 4 + number]
