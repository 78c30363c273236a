# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A PCI function as the configuration space describes it, and the walk over the functions of a bus.

The size of a base address register is found by writing to the register. Meanwhile the address decoders of the function
are off, and afterwards the registers have the old contents again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from dirql.registers import pci_configuration as regs
from dirql.wdm import HalGetBusDataByOffset, HalSetBusDataByOffset, PCIConfiguration

__all__ = ["DECODERS", "LATENCY_CLOCKS", "Bar", "PciFunction", "walk_bus"]

_ABSENT = regs.VENDOR_ID.VALUE
_DEVICES = 32
_FUNCTIONS = 8
_MULTI_FUNCTION = 0x80
_LAYOUT = 0x7F
_BRIDGE_LAYOUT = 1
_BRIDGE_CLASS = 6
DECODERS = regs.COMMAND.IO_ENABLE | regs.COMMAND.MEMORY_ENABLE
"""The bits of Command with which a function answers accesses to its ranges."""
_ALL_ONES = 0xFFFF_FFFF
LATENCY_CLOCKS = 64
"""Bus clocks for which a bus master keeps the bus when another wants it; with 0 a burst would end after two dwords."""

# Base address registers.
_BARS = 6
_BAR_IS_PORT = 0x1
_BAR_PORT_TYPE = 0x3
_BAR_MEMORY_TYPE = 0xF
_BAR_IS_64_BIT = 0x4
_BAR_IS_PREFETCHABLE = 0x8

# Offsets of the registers of the message capability from the start of the capability.
_MSI = regs.MSI_CAPABILITY_ID.offset
_MSI_CONTROL = regs.MSI_CONTROL.offset - _MSI
_MSI_ADDRESS = regs.MSI_ADDRESS.offset - _MSI
_MSI_UPPER_ADDRESS = regs.MSI_UPPER_ADDRESS.offset - _MSI
_MSI_DATA_64 = regs.MSI_DATA.offset - _MSI
_MSI_DATA_32 = _MSI_UPPER_ADDRESS
_MSI_MASK_64 = regs.MSI_MASK.offset - _MSI
_MSI_MASK_32 = _MSI_MASK_64 - 4
_MOST_CAPABILITIES = 48  # the number of dwords from 40h to FFh; a longer list has a loop


class Bar(NamedTuple):
    """A range of addresses: a base address register that asks for `size` bytes, or the window of a bridge."""

    offset: int
    memory: bool
    size: int
    alignment: int
    prefetchable: bool = False
    is_64_bit: bool = False


def slot_number(device_number: int, function_number: int) -> int:
    """A PCI_SLOT_NUMBER: the device number in the low five bits, the function number in the next three."""
    return function_number << 5 | device_number


class PciFunction:
    """One function of a PCI bus. The constructor reads the description from configuration space."""

    def __init__(self, bus_number: int, device_number: int, function_number: int = 0) -> None:
        self.bus_number = bus_number
        self.device_number = device_number
        self.function_number = function_number
        self.slot_number = slot_number(device_number, function_number)
        self.vendor_id = self.read(regs.VENDOR_ID.offset, 2)
        self.device_id = self.read(regs.DEVICE_ID.offset, 2)
        revision_and_class = regs.CLASS_REVISION.unpack(self.read(regs.CLASS_REVISION.offset, 4))
        self.revision = revision_and_class.revision
        self.base_class = revision_and_class.base_class
        self.subclass = revision_and_class.subclass
        self.interface = revision_and_class.programming_interface
        self.header_type = self.read(regs.HEADER_TYPE.offset, 1)
        has_type_0 = self.header_type & _LAYOUT == 0
        self.is_bridge = self.header_type & _LAYOUT == _BRIDGE_LAYOUT
        self.subsystem_vendor_id = self.read(regs.SUBSYSTEM_VENDOR_ID.offset, 2) if has_type_0 else 0
        self.subsystem_id = self.read(regs.SUBSYSTEM_ID.offset, 2) if has_type_0 else 0
        self.interrupt_pin = self.read(regs.INTERRUPT_PIN.offset, 1) if has_type_0 else 0
        # The decoders of a bridge stay on, because the host reaches this bus through the bridge.
        self.bars: tuple[Bar, ...] = ()
        self.rom: Bar | None = None
        """The range of the expansion ROM, None if there is none; it is no range that a driver gets."""
        if has_type_0 and self.base_class != _BRIDGE_CLASS:
            with self._switched_off():
                self.bars = tuple(self._each_bar())
                self.rom = self._size_rom()
        self.message_capability = self._find_capability(regs.MSI_CAPABILITY_ID.reset)

    def __repr__(self) -> str:
        where = f"{self.bus_number:02x}:{self.device_number:02x}.{self.function_number}"
        return f"<PCI function {where}, {self.vendor_id:04X}:{self.device_id:04X}>"

    def read(self, offset: int, length: int) -> int:
        """The value of a configuration register of 1, 2 or 4 bytes."""
        return int.from_bytes(self.read_bytes(offset, length), "little")

    def write(self, offset: int, length: int, value: int) -> None:
        """Write 1, 2 or 4 bytes, and no other byte of the dword."""
        self.write_bytes(offset, value.to_bytes(length, "little"))

    def read_bytes(self, offset: int, length: int) -> bytes:
        """`length` bytes of configuration space."""
        return HalGetBusDataByOffset(PCIConfiguration, self.bus_number, self.slot_number, offset, length)

    def write_bytes(self, offset: int, data: bytes) -> int:
        """Write bytes of configuration space; returns the number of bytes written."""
        return HalSetBusDataByOffset(
            PCIConfiguration, self.bus_number, self.slot_number, data, offset, len(data)
        )

    def place(self, bar: Bar, start: int) -> None:
        """Write the address of a range into the base address register."""
        self.write(bar.offset, 4, start & _ALL_ONES)
        if bar.is_64_bit:
            self.write(bar.offset + 4, 4, start >> 32)

    # The Command register is written as 16 bits: ones written to the Status register above it would clear bits there.

    def enable(self) -> None:
        """Let the function answer accesses and be bus master, with a latency timer that allows long bursts."""
        self.write(regs.LATENCY_TIMER.offset, 1, LATENCY_CLOCKS)
        command = self.read(regs.COMMAND.offset, 2)
        command |= DECODERS | regs.COMMAND.BUS_MASTER
        self.write(regs.COMMAND.offset, 2, command & ~regs.COMMAND.INTERRUPT_DISABLE)

    def disable(self) -> None:
        """Keep the function from answering accesses, being bus master and interrupting."""
        command = self.read(regs.COMMAND.offset, 2) & ~(DECODERS | regs.COMMAND.BUS_MASTER)
        self.write(regs.COMMAND.offset, 2, command | regs.COMMAND.INTERRUPT_DISABLE)
        if self.message_capability:
            self._enable_messages(False)

    # Interrupts.

    def set_interrupt_line(self, line: int) -> None:
        """Write the input of the interrupt controller into the Interrupt Line register, which has no other effect."""
        self.write(regs.INTERRUPT_LINE.offset, 1, line)

    def program_message(self, address: int, data: int) -> None:
        """Let the function write `data` to `address` as its one message, unmasked, instead of using its line."""
        at = self.message_capability
        control = self.read(at + _MSI_CONTROL, 2)
        wide = control & regs.MSI_CONTROL.ADDRESS64
        self.write(at + _MSI_ADDRESS, 4, address)
        if wide:
            self.write(at + _MSI_UPPER_ADDRESS, 4, 0)
        self.write(at + (_MSI_DATA_64 if wide else _MSI_DATA_32), 2, data)
        if control & regs.MSI_CONTROL.MASKABLE:
            self.write(at + (_MSI_MASK_64 if wide else _MSI_MASK_32), 4, 0)
        self._enable_messages(True)

    def _enable_messages(self, enable: bool) -> None:
        at = self.message_capability + _MSI_CONTROL
        control = self.read(at, 2) & ~(regs.MSI_CONTROL.ENABLE | regs.MSI_CONTROL.MULTIPLE_ENABLE)
        self.write(at, 2, control | (regs.MSI_CONTROL.ENABLE if enable else 0))

    # Reading the description.

    @contextmanager
    def _switched_off(self) -> Iterator[None]:
        """Keep the function from answering at addresses that are written to find a size."""
        command = self.read(regs.COMMAND.offset, 2)
        self.write(regs.COMMAND.offset, 2, command & ~DECODERS)
        yield
        self.write(regs.COMMAND.offset, 2, command)

    def _each_bar(self) -> Iterator[Bar]:
        number = 0
        while number < _BARS:
            offset = regs.BAR.offset + 4 * number
            answer = self._ask_size(offset)
            wide = not answer & _BAR_IS_PORT and bool(answer & _BAR_IS_64_BIT)
            number += 2 if wide else 1
            if answer == 0:
                continue
            if answer & _BAR_IS_PORT:
                mask = answer & ~_BAR_PORT_TYPE
                mask |= 0xFFFF_0000 if mask < 0x1_0000 else 0  # only 16 bits are decoded
                size = (_ALL_ONES & ~mask) + 1
                yield Bar(offset, False, size, size)
                continue
            mask = answer & ~_BAR_MEMORY_TYPE
            size = (_ALL_ONES & ~mask) + 1
            if wide:
                upper = self._ask_size(offset + 4)
                size = ((1 << 64) - 1 & ~(upper << 32 | mask)) + 1
            yield Bar(offset, True, size, size, bool(answer & _BAR_IS_PREFETCHABLE), wide)

    def _size_rom(self) -> Bar | None:
        """The range of the expansion ROM, whose enable bit stays off."""
        answer = (
            self._ask_size(regs.EXPANSION_ROM.offset, regs.EXPANSION_ROM.ADDRESS) & regs.EXPANSION_ROM.ADDRESS
        )
        size = -answer & _ALL_ONES
        return Bar(regs.EXPANSION_ROM.offset, True, size, size) if size else None

    def _ask_size(self, offset: int, ones: int = _ALL_ONES) -> int:
        """The bits of a base address register that stay when ones are written; the old contents are put back."""
        saved = self.read(offset, 4)
        self.write(offset, 4, ones)
        answer = self.read(offset, 4)
        self.write(offset, 4, saved)
        return answer

    def _find_capability(self, wanted: int) -> int:
        """The offset of the capability with an ID; 0 when there is none."""
        if not self.read(regs.STATUS.offset, 2) & regs.STATUS.CAPABILITY_LIST:
            return 0
        at = self.read(regs.CAPABILITIES_POINTER.offset, 1) & ~3
        for _ in range(_MOST_CAPABILITIES):
            if at == 0:
                return 0
            if self.read(at, 1) == wanted:
                return at
            at = self.read(at + 1, 1) & ~3
        return 0


def walk_bus(
    bus_number: int,
    known: Iterable[PciFunction] = (),
    make: Callable[[int, int, int], PciFunction] = PciFunction,
) -> Iterator[PciFunction]:
    """The functions of a bus, in order of device and function number.

    A function that is `known`, and is still where it was, is not read again; `make` reads another one.
    """
    places = {(each.device_number, each.function_number): each for each in known}
    for device_number in range(_DEVICES):
        first = _find(bus_number, device_number, 0, places, make)
        if first is None:
            continue
        yield first
        if first.header_type & _MULTI_FUNCTION:
            for function_number in range(1, _FUNCTIONS):
                found = _find(bus_number, device_number, function_number, places, make)
                if found is not None:
                    yield found


def _find(
    bus_number: int,
    device_number: int,
    function_number: int,
    known: Mapping[tuple[int, int], PciFunction],
    make: Callable[[int, int, int], PciFunction],
) -> PciFunction | None:
    """The function at a place of a bus; None if none answers there."""
    slot = slot_number(device_number, function_number)
    data = HalGetBusDataByOffset(PCIConfiguration, bus_number, slot, regs.VENDOR_ID.offset, 4)
    vendor, device = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:], "little")
    if vendor == _ABSENT:
        return None
    found = known.get((device_number, function_number))
    if found is not None and (found.vendor_id, found.device_id) == (vendor, device):
        return found
    return make(bus_number, device_number, function_number)
