# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A run of the machine with every kind of command, during which the library counts the branches that are taken."""

from __future__ import annotations

from pathlib import Path

from dirql.hardware.description import Function
from dirql.hardware.interrupt_controller import PIC_8259A, PIC_PORTS
from dirql.hardware.reading import load_machine
from dirql.registers import interrupt_controller, pci_configuration, pic, store, store_io
from dirql.registers.protocol import Vector
from dirql.registers.store_descriptor import DESCRIPTOR
from dirql.target.channel.bridges import number_buses, open_way
from dirql.target.contract import Target
from dirql.target.simulation.library import import_library
from dirql.target.simulation.library_recipe import Form
from dirql.target.simulation.toolchain import python_headers
from dirql.target.simulation.verilated import VerilatedTarget

__all__ = ["train"]

_DATA, _DESCRIPTOR = 0x1_0000, 0x2_0000
_BYTES = 2048
_ROUNDS = 200
_IDLE_CLOCKS = 20_000


def train(product: str, machine: str) -> None:
    """Run the library at the path `product`, which was just built for the machine file `machine`.

    The library writes the counts when the process ends.
    """
    described = load_machine(Path(machine))
    form = Form(waves="", modules=python_headers() is not None)
    target = VerilatedTarget(described, library=import_library(Path(product), described, form))
    if described.controller.kind == PIC_8259A:
        _set_up_pair(target)
    enable = described.controller.address + interrupt_controller.ENABLE.offset
    target.write_memory(enable, interrupt_controller.ENABLE.INPUTS)
    for function in described.functions_named("store")[:1]:
        _Store(target, function).train()
    target.wait(_IDLE_CLOCKS)
    target.close()


def _set_up_pair(target: Target) -> None:
    """Let both 8259A chips present all inputs, and leave none in service."""
    controller = target.description.controller
    chips = (
        (PIC_PORTS["master"], controller.vector_base, 1 << 2),
        (PIC_PORTS["slave"], controller.slave_vector_base, 2),
    )
    for port, vector_base, cascade in chips:
        target.write_io(port, pic.ICW1.pack(initialize=1, with_icw4=1), 0b0001)
        words = (vector_base & pic.ICW2.VECTOR_BASE, cascade, pic.ICW4.pack(x86=1, auto_eoi=1))
        for word in words:
            target.write_io(port + 1, word << 8, 0b0010)


class _Store:
    """A store function, placed at the start of the bus windows."""

    def __init__(self, target: Target, function: Function) -> None:
        bus = target.description.buses[0]
        self._target = target
        self._controller = target.description.controller
        self._buffer = bus.memory.start
        self._registers = bus.memory.start + function.bar_size(1)
        self._ports = bus.ports.start
        number_buses(target)
        open_way(target, function.place)
        header = function.place.configuration_address
        for number, base in enumerate((self._registers, self._buffer, self._ports)):
            target.write_configuration(header + pci_configuration.BAR.offset + 4 * number, base)
        command = pci_configuration.COMMAND
        enables = command.IO_ENABLE | command.MEMORY_ENABLE | command.BUS_MASTER
        target.write_configuration(header + command.offset, enables, 0b0011)

    def _write(self, register: int, value: int) -> None:
        self._target.write_memory(self._registers + register, value)

    def train(self) -> None:
        """Use everything that the function has."""
        self._write(store.INTERRUPT_MASK_SET.offset, store.INTERRUPT_MASK_SET.RAISED)
        for number in range(_ROUNDS):
            self._access(number)
            self._interrupt()
            if number % 8 == 0:
                self._transfer(store.Operation.DMA_WRITE if number % 16 else store.Operation.DMA_READ)

    def _access(self, number: int) -> None:
        target = self._target
        for offset in range(0, 64, 4):
            target.write_memory(self._buffer + offset, number)
            target.read_memory(self._buffer + offset)
            target.read_memory(self._registers + store.STATUS.offset)
        target.read_io_string(self._ports + store_io.FIFO_STATUS.offset, memoryview(bytearray(64)))
        target.write_memory_burst(self._buffer, memoryview(bytes(256)))
        target.read_memory_burst(self._buffer, memoryview(bytearray(256)))

    def _interrupt(self) -> None:
        target = self._target
        self._write(store.COMMAND.offset, store.Operation.RAISE)
        target.wait(1000)
        vector = target.interrupt_acknowledge()
        target.mark(vector)
        self._write(store.INTERRUPT_CAUSE.offset, store.INTERRUPT_CAUSE.RAISED)
        if vector != Vector.SPURIOUS:
            number = self._controller.input_of_vector(vector)
            target.write_memory(self._controller.address + interrupt_controller.EOI.offset, number)
        target.take_event_records()

    def _transfer(self, operation: store.Operation) -> None:
        target = self._target
        descriptor = DESCRIPTOR.pack(address=_DATA, length=_BYTES, last=1)
        target.memory[_DESCRIPTOR : _DESCRIPTOR + DESCRIPTOR.bytes] = descriptor.to_bytes(
            DESCRIPTOR.bytes, "little"
        )
        self._write(store.LENGTH.offset, _BYTES)
        self._write(store.DESCRIPTOR_BASE.offset, _DESCRIPTOR)
        self._write(store.COMMAND.offset, operation)
        target.wait(3000)
