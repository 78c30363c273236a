# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A run of the machine with every kind of command, during which the library counts the branches that are taken."""

from __future__ import annotations

from pathlib import Path

from dirql.registers import interrupt_controller, pci_configuration, store, store_io
from dirql.registers.machine import Address, Device, Vector
from dirql.registers.store_descriptor import DESCRIPTOR
from dirql.target.contract import Target
from dirql.target.simulation.library import import_library
from dirql.target.simulation.verilated import VerilatedTarget

__all__ = ["train"]

_REGISTERS = Address.DEVICE_MEMORY_BASE
_BUFFER = _REGISTERS + 0x10_0000
_PORTS = Address.IO_BASE
_DATA, _DESCRIPTOR = 0x10_0000, 0x20_0000
_INPUT = 4
_ROUNDS = 200
_IDLE_CLOCKS = 20_000


def train(product: str) -> None:
    """Run the library at the path `product`; the library writes the counts when the process ends."""
    target = VerilatedTarget(library=import_library(Path(product)))
    _configure(target)
    for number in range(_ROUNDS):
        _access(target, number)
        _interrupt(target)
        if number % 8 == 0:
            _transfer(target, store.Operation.DMA_WRITE if number % 16 else store.Operation.DMA_READ)
    target.wait(_IDLE_CLOCKS)
    target.close()


def _configure(target: Target) -> None:
    function = Device.STORE << 11
    for number, base in enumerate((_REGISTERS, _BUFFER, _PORTS)):
        target.write_configuration(function + pci_configuration.BAR.offset + 4 * number, base)
    command = pci_configuration.COMMAND
    enables = command.IO_ENABLE | command.MEMORY_ENABLE | command.BUS_MASTER
    target.write_configuration(function + command.offset, enables, 0b0011)
    target.write_memory(Address.INTERRUPT_CONTROLLER + interrupt_controller.ENABLE.offset, 1 << _INPUT)
    target.write_memory(_REGISTERS + store.INTERRUPT_MASK_SET.offset, store.INTERRUPT_MASK_SET.RAISED)


def _access(target: Target, number: int) -> None:
    for offset in range(0, 64, 4):
        target.write_memory(_BUFFER + offset, number)
        target.read_memory(_BUFFER + offset)
        target.read_memory(_REGISTERS + store.STATUS.offset)
    target.read_io_string(_PORTS + store_io.FIFO_STATUS.offset, memoryview(bytearray(64)))
    target.write_memory_burst(_BUFFER, memoryview(bytes(256)))
    target.read_memory_burst(_BUFFER, memoryview(bytearray(256)))


def _interrupt(target: Target) -> None:
    target.write_memory(_REGISTERS + store.COMMAND.offset, store.Operation.RAISE)
    target.wait(1000)
    vector = target.interrupt_acknowledge()
    target.mark(vector)
    target.write_memory(_REGISTERS + store.INTERRUPT_CAUSE.offset, store.INTERRUPT_CAUSE.RAISED)
    end_of_interrupt = Address.INTERRUPT_CONTROLLER + interrupt_controller.EOI.offset
    target.write_memory(end_of_interrupt, (vector - Vector.BASE) // Vector.STEP)
    target.take_event_records()


def _transfer(target: Target, operation: store.Operation) -> None:
    descriptor = DESCRIPTOR.pack(address=_DATA, length=4096, last=1).to_bytes(DESCRIPTOR.bytes, "little")
    target.memory[_DESCRIPTOR : _DESCRIPTOR + DESCRIPTOR.bytes] = descriptor
    target.write_memory(_REGISTERS + store.LENGTH.offset, 4096)
    target.write_memory(_REGISTERS + store.DESCRIPTOR_BASE.offset, _DESCRIPTOR)
    target.write_memory(_REGISTERS + store.COMMAND.offset, operation)
    target.wait(3000)
