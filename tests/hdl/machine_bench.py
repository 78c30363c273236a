# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The machine as the RTL tests see it: enumerated, with registers by name and DMA in one call; no kernel, no driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from dirql.registers import interrupt_controller, pci_configuration, store
from dirql.target.contract import EventRecord, Target
from fakes.default_machine import BUFFER, CONTROLLER, MEMORY, PORTS, STORE_CONFIGURATION

__all__ = [
    "BUFFER",
    "CONTROLLER",
    "DESCRIPTORS",
    "FUNCTION",
    "PORTS",
    "REGISTERS",
    "Bench",
    "Outcome",
    "Register",
]

FUNCTION = STORE_CONFIGURATION
REGISTERS = MEMORY
DESCRIPTORS = 0x1000
INPUT = 4
VECTOR = 0x50


class Register(Protocol):
    """The part of a generated register class that the bench uses."""

    @property
    def offset(self) -> int: ...


class Outcome(NamedTuple):
    """The end of a command, as the registers tell it."""

    cause: int
    error: int
    transferred: int


class Bench:
    """A store function of a machine just out of reset.

    `number` chooses among the functions of a machine with several: each has addresses of its own.
    """

    def __init__(self, target: Target, configuration: int = FUNCTION, number: int = 0) -> None:
        self.target = target
        self.memory = target.memory
        self.function = configuration
        self.registers = REGISTERS + 0x100_0000 * number
        self.buffer = BUFFER + 0x100_0000 * number
        self.ports = PORTS + 0x100 * number
        self.descriptors = DESCRIPTORS + 0x1000 * number

    # Registers.

    def read(self, register: Register) -> int:
        return self.target.read_memory(self.registers + register.offset)

    def write(self, register: Register, value: int, byte_enables: int = 0xF) -> None:
        self.target.write_memory(self.registers + register.offset, value, byte_enables)

    def read_controller(self, register: Register, index: int = 0) -> int:
        return self.target.read_memory(CONTROLLER + register.offset + 4 * index)

    def write_controller(self, register: Register, value: int) -> None:
        self.target.write_memory(CONTROLLER + register.offset, value)

    def read_header(self, register: Register) -> int:
        """The value of `register` of the function's header, shifted down from its place in the dword."""
        dword = self.target.read_configuration(self.function | (register.offset & ~3))
        return dword >> (8 * (register.offset & 3))

    def write_header(self, register: Register, value: int, size: int) -> None:
        """Write `size` bytes of the function's header at `register`."""
        lane = register.offset & 3
        enables = ((1 << size) - 1) << lane
        self.target.write_configuration(self.function | (register.offset & ~3), value << (8 * lane), enables)

    # Set-up.

    def enumerate(self) -> None:
        """Place the BARs, enable the function as target and as master, and allow long bursts."""
        for index, base in enumerate((self.registers, self.buffer, self.ports)):
            self.target.write_configuration(self.function | (pci_configuration.BAR.offset + 4 * index), base)
        self.write_header(
            pci_configuration.COMMAND,
            pci_configuration.COMMAND.pack(io_enable=1, memory_enable=1, bus_master=1),
            2,
        )
        self.write_header(pci_configuration.LATENCY_TIMER, 0x40, 1)

    def enable_interrupts(self, causes: int, *, latched: bool = False) -> None:
        """Let `causes` reach the host through INTA."""
        self.write_controller(interrupt_controller.MODE, 1 << INPUT if latched else 0)
        self.write_controller(interrupt_controller.ENABLE, 1 << INPUT)
        self.write(store.INTERRUPT_CONTROL, store.INTERRUPT_CONTROL.pack(latched=int(latched)))
        self.write(store.INTERRUPT_MASK_SET, causes)

    def raise_interrupt(self, delay: int = 0) -> None:
        """Have the function raise its cause RAISED."""
        self.write(store.DELAY, delay)
        self.write(store.COMMAND, store.Operation.RAISE)

    def fetch(self) -> int:
        """Fetch a vector with an Interrupt Acknowledge transaction."""
        return self.target.interrupt_acknowledge()

    def end(self, input_number: int = INPUT) -> None:
        self.write_controller(interrupt_controller.EOI, input_number)

    # Data.

    def fill_buffer(self, offset: int, data: bytes) -> None:
        self.target.write_memory_burst(self.buffer + offset, memoryview(data))

    def read_buffer(self, offset: int, length: int) -> bytes:
        data = bytearray(length)
        self.target.read_memory_burst(self.buffer + offset, memoryview(data))
        return bytes(data)

    def place_list(self, segments: Sequence[tuple[int, int]], *, high: int = 0, last: bool = True) -> None:
        """Write a scatter/gather list of pairs (address, length) into host memory."""
        for index, (address, length) in enumerate(segments):
            flags = int(last and index == len(segments) - 1)
            words = (address, high, length, flags)
            start = self.descriptors + 16 * index
            self.memory[start : start + 16] = b"".join(word.to_bytes(4, "little") for word in words)

    def start(self, operation: int, address: int, length: int) -> None:
        self.write(store.DESCRIPTOR_BASE, self.descriptors)
        self.write(store.BUFFER_ADDRESS, address)
        self.write(store.LENGTH, length)
        self.write(store.COMMAND, operation)

    def finish(self, limit: int = 100_000) -> Outcome:
        """Wait for the end of the command, then clear the causes and the errors."""
        deadline = self.target.now() + limit
        while self.read(store.STATUS) & store.STATUS.BUSY:
            assert self.target.now() < deadline, "the command did not end"
            self.target.spend(20)
        outcome = Outcome(
            self.read(store.INTERRUPT_CAUSE), self.read(store.ERROR), self.read(store.TRANSFERRED)
        )
        self.write(store.INTERRUPT_CAUSE, 0xFFFF_FFFF)
        self.write(store.ERROR, 0xFFFF_FFFF)
        return outcome

    def dma(self, operation: int, address: int, length: int, segments: Sequence[tuple[int, int]]) -> Outcome:
        self.place_list(segments)
        self.start(operation, address, length)
        return self.finish()

    def events(self) -> list[EventRecord]:
        """The event records since the last call, after a wait that is long enough for records on their way."""
        self.target.spend(8)
        self.target.now()
        self.target.wait(8)
        return list(self.target.take_event_records())
