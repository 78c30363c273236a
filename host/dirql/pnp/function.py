# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A PCI function as its configuration space describes it.

Looking at a function changes nothing that lasts: while its base address registers are sized, its decoders are off and
their contents are put back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dirql.hal.configuration import Slot, read_configuration, write_configuration
from dirql.registers import pci_configuration as regs

__all__ = ["Bar", "PciFunction", "walk_bus"]

_ABSENT = regs.VENDOR_ID.VALUE
_DEVICES = 32
_FUNCTIONS = 8
_MULTI_FUNCTION = 0x80
_LAYOUT = 0x7F
_BRIDGE_CLASS = 6
_DECODERS = regs.COMMAND.IO_ENABLE | regs.COMMAND.MEMORY_ENABLE
_ALL_ONES = 0xFFFF_FFFF
_LATENCY_CLOCKS = 64
"""How long a master keeps the bus when another wants it; at 0 each of its bursts would end after two data phases."""

# Base address registers.
_BARS = 6
_BAR_IS_PORT = 0x1
_BAR_PORT_TYPE = 0x3
_BAR_MEMORY_TYPE = 0xF
_BAR_IS_64_BIT = 0x4
_BAR_IS_PREFETCHABLE = 0x8

# Where the registers of the message capability are from its start.
_MSI = regs.MSI_CAPABILITY_ID.offset
_MSI_CONTROL = regs.MSI_CONTROL.offset - _MSI
_MSI_ADDRESS = regs.MSI_ADDRESS.offset - _MSI
_MSI_UPPER_ADDRESS = regs.MSI_UPPER_ADDRESS.offset - _MSI
_MSI_DATA_64 = regs.MSI_DATA.offset - _MSI
_MSI_DATA_32 = _MSI_UPPER_ADDRESS
_MOST_CAPABILITIES = 48  # so many dwords lie between 40h and FFh; a longer list has a loop


class Bar(NamedTuple):
    """A base address register that asks for `size` bytes."""

    offset: int
    memory: bool
    size: int
    prefetchable: bool
    is_64_bit: bool


class PciFunction:
    """One function of bus 0, looked at once."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.vendor_id = self.read(regs.VENDOR_ID.offset, 2)
        self.device_id = self.read(regs.DEVICE_ID.offset, 2)
        revision_and_class = regs.CLASS_REVISION.unpack(self.read(regs.CLASS_REVISION.offset, 4))
        self.revision = revision_and_class.revision
        self.base_class = revision_and_class.base_class
        self.subclass = revision_and_class.subclass
        self.interface = revision_and_class.programming_interface
        self.header_type = self.read(regs.HEADER_TYPE.offset, 1)
        has_type_0 = self.header_type & _LAYOUT == 0
        self.subsystem_vendor_id = self.read(regs.SUBSYSTEM_VENDOR_ID.offset, 2) if has_type_0 else 0
        self.subsystem_id = self.read(regs.SUBSYSTEM_ID.offset, 2) if has_type_0 else 0
        self.interrupt_pin = self.read(regs.INTERRUPT_PIN.offset, 1) if has_type_0 else 0
        # The host reaches the bus through bridges: their decoders must not be off, not even for a moment.
        self.bars = self._size_bars() if has_type_0 and self.base_class != _BRIDGE_CLASS else ()
        self.message_capability = self._find_capability(regs.MSI_CAPABILITY_ID.reset)

    def __repr__(self) -> str:
        return f"<PCI function {self.name}, {self.vendor_id:04X}:{self.device_id:04X}>"

    @property
    def name(self) -> str:
        """Where it is: bus, device and function."""
        return f"00:{self.slot.device:02x}.{self.slot.function}"

    def read(self, offset: int, length: int) -> int:
        """A configuration register of 1, 2 or 4 bytes."""
        return int.from_bytes(self.read_bytes(offset, length), "little")

    def write(self, offset: int, length: int, value: int) -> None:
        """Write 1, 2 or 4 bytes, and no other byte of the dword."""
        self.write_bytes(offset, value.to_bytes(length, "little"))

    def read_bytes(self, offset: int, length: int) -> bytes:
        """Configuration space as bytes."""
        return read_configuration(0, self.slot, offset, length)

    def write_bytes(self, offset: int, data: bytes) -> None:
        """Change bytes of configuration space."""
        write_configuration(0, self.slot, offset, data)

    # Identity.

    def hardware_ids(self) -> list[str]:
        """What a driver may name to get this device, the most particular first; as on Windows."""
        device = rf"PCI\VEN_{self.vendor_id:04X}&DEV_{self.device_id:04X}"
        subsystem = f"&SUBSYS_{self.subsystem_id:04X}{self.subsystem_vendor_id:04X}"
        revision = f"&REV_{self.revision:02X}"
        return [device + subsystem + revision, device + subsystem, device + revision, device]

    def compatible_ids(self) -> list[str]:
        """What a driver for the class may name."""
        vendor = rf"PCI\VEN_{self.vendor_id:04X}"
        code = f"{self.base_class:02X}{self.subclass:02X}"
        return [
            f"{vendor}&CC_{code}{self.interface:02X}",
            f"{vendor}&CC_{code}",
            rf"PCI\CC_{code}{self.interface:02X}",
            rf"PCI\CC_{code}",
        ]

    def instance_id(self) -> str:
        """What tells it from others of its kind."""
        return f"{self.slot.number:02X}"

    # Command register: always written as 16 bits, because the Status register above it clears what is written as one.

    def enable(self) -> None:
        """Let it answer its ranges and be bus master, with a latency timer that lets its bursts finish."""
        self.write(regs.LATENCY_TIMER.offset, 1, _LATENCY_CLOCKS)
        command = self.read(regs.COMMAND.offset, 2)
        command |= _DECODERS | regs.COMMAND.BUS_MASTER
        self.write(regs.COMMAND.offset, 2, command & ~regs.COMMAND.INTERRUPT_DISABLE)

    def disable(self) -> None:
        """Keep it off the bus: no ranges, no mastering, no interrupts."""
        command = self.read(regs.COMMAND.offset, 2) & ~(_DECODERS | regs.COMMAND.BUS_MASTER)
        self.write(regs.COMMAND.offset, 2, command | regs.COMMAND.INTERRUPT_DISABLE)
        if self.message_capability:
            self._enable_messages(False)

    # Interrupts.

    def set_interrupt_line(self, line: int) -> None:
        """Note in the scratch register which input the line goes to."""
        self.write(regs.INTERRUPT_LINE.offset, 1, line)

    def program_message(self, address: int, data: int) -> None:
        """Have it send one message, `data` to `address`, instead of using its line."""
        at = self.message_capability
        wide = self.read(at + _MSI_CONTROL, 2) & regs.MSI_CONTROL.ADDRESS64
        self.write(at + _MSI_ADDRESS, 4, address)
        if wide:
            self.write(at + _MSI_UPPER_ADDRESS, 4, 0)
        self.write(at + (_MSI_DATA_64 if wide else _MSI_DATA_32), 2, data)
        self._enable_messages(True)

    def _enable_messages(self, enable: bool) -> None:
        at = self.message_capability + _MSI_CONTROL
        control = self.read(at, 2) & ~(regs.MSI_CONTROL.ENABLE | regs.MSI_CONTROL.MULTIPLE_ENABLE)
        self.write(at, 2, control | (regs.MSI_CONTROL.ENABLE if enable else 0))

    # Looking.

    def _size_bars(self) -> tuple[Bar, ...]:
        command = self.read(regs.COMMAND.offset, 2)
        self.write(regs.COMMAND.offset, 2, command & ~_DECODERS)
        bars = tuple(self._each_bar())
        self.write(regs.COMMAND.offset, 2, command)
        return bars

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
                yield Bar(offset, False, (_ALL_ONES & ~mask) + 1, False, False)
                continue
            mask = answer & ~_BAR_MEMORY_TYPE
            size = (_ALL_ONES & ~mask) + 1
            if wide:
                upper = self._ask_size(offset + 4)
                size = ((1 << 64) - 1 & ~(upper << 32 | mask)) + 1
            yield Bar(offset, True, size, bool(answer & _BAR_IS_PREFETCHABLE), wide)

    def _ask_size(self, offset: int) -> int:
        """Write all ones, see which bits stay, put back what was there."""
        saved = self.read(offset, 4)
        self.write(offset, 4, _ALL_ONES)
        answer = self.read(offset, 4)
        self.write(offset, 4, saved)
        return answer

    def _find_capability(self, wanted: int) -> int:
        """Where the capability with that ID begins; 0 when there is none."""
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


def walk_bus() -> Iterator[PciFunction]:
    """The functions of bus 0, in order of device and function number."""
    for device in range(_DEVICES):
        first = Slot(device, 0)
        if _vendor(first) == _ABSENT:
            continue
        function = PciFunction(first)
        yield function
        if function.header_type & _MULTI_FUNCTION:
            others = (Slot(device, number) for number in range(1, _FUNCTIONS))
            yield from (PciFunction(slot) for slot in others if _vendor(slot) != _ABSENT)


def _vendor(slot: Slot) -> int:
    return int.from_bytes(read_configuration(0, slot, regs.VENDOR_ID.offset, 2), "little")
