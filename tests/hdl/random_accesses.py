# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Random accesses to all that a machine has, with the checker of the bus on: whatever is written, the bus goes on.

    PYTHONPATH=tests:host python -m hdl.random_accesses at bridged --count 1000000

makes a million for each kind of function of each machine, and prints how they ended. Commands with random arguments
are among them, so that devices move data from and to random addresses: memory, other devices, themselves, and nobody.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Callable

from dirql.hardware.description import Function
from dirql.hardware.function_type import BarSpace
from dirql.hardware.reading import load_machine
from dirql.registers import pci_configuration as pci, store
from dirql.registers.store_descriptor import DESCRIPTOR
from dirql.target.contract import BusError
from dirql.target.simulation.verilated import VerilatedTarget
from hdl.bridge_bench import BridgeBench

__all__ = ["BOUND", "RandomAccesses", "kinds"]

BOUND = 20_000
"""Clocks in which each access ends. The limit of the host's retries takes most of them."""
_LONGEST_BURST = 40
_HEADER = 0x100
_PLACES = range(pci.BAR.offset, 0x34)
"""The offsets of the registers that place a function, the expansion ROM's included."""
_ENABLES = pci.COMMAND.IO_ENABLE | pci.COMMAND.MEMORY_ENABLE | pci.COMMAND.BUS_MASTER
_VALUES = (0, 0xFF, 0xFFFF_FFFF, 1 << 31)
_SMALL = 8
"""Values below this one are frequent, because commands are such."""
_LISTS = 0x1_0000
"""The bytes at the start of host memory that have descriptors of transfers, so that commands find something to do."""


def kinds(machine: str) -> list[Function]:
    """The first function of each kind."""
    first: dict[str, Function] = {}
    for function in load_machine(machine).functions:
        first.setdefault(function.type.name, function)
    return list(first.values())


class RandomAccesses:
    """A machine whose functions have their places, and accesses to it that a seed chooses."""

    def __init__(self, machine: str, seed: int) -> None:
        self.target = VerilatedTarget(load_machine(machine), checked=True)
        self.random = random.Random(seed)
        self.ends: Counter[str] = Counter()
        """The number of accesses that have ended in each way: "OK", or the name of a bus error."""
        self.functions = self.target.description.functions
        self._bars = self._behind_bridges() if self.target.description.bridges else self._one_after_another()
        for function in self.functions:
            self._place(function)
        for place in range(0, _LISTS, DESCRIPTOR.bytes):
            length, last = self.random.randrange(200), self.random.randrange(2)
            element = DESCRIPTOR.pack(address=self._address(), length=length, last=last)
            self.target.memory[place : place + DESCRIPTOR.bytes] = element.to_bytes(
                DESCRIPTOR.bytes, "little"
            )

    def _behind_bridges(self) -> dict[tuple[int, int], int]:
        """The address of each range, by function and number. The bridges get numbers and windows."""
        bench = BridgeBench(self.target, self.target.description)
        bench.enumerate()
        placed = {function.index: bench.addresses(function.index) for function in self.functions}
        return {(index, number): base for index, bars in placed.items() for number, base in bars.items()}

    def _one_after_another(self) -> dict[tuple[int, int], int]:
        """The address of each range, by function and number, of a machine with one bus."""
        bars = {}
        window = self.target.description.buses[0]
        free = {BarSpace.MEMORY: window.memory.start, BarSpace.IO: window.ports.start}
        for function in self.functions:
            for bar in function.type.bars:
                size = function.bar_size(bar.number)
                base = -(-free[bar.space] // size) * size
                bars[function.index, bar.number] = base
                free[bar.space] = base + size
        return bars

    def make(self, function: Function, count: int) -> None:
        """Make accesses to a function. Raises `MachineStopped` where one breaks a rule of the bus."""
        actions: list[Callable[[Function], None]] = [
            *[self._access_registers] * 8,
            *[self._move_burst] * 2,
            self._access_header,
            self._access_chassis,
            self._let_time_pass,
            *[self._start_transfer] * (function.type.name == "store"),
        ]
        for _ in range(count):
            began = self.target.now()
            action = self.random.choice(actions)
            try:
                action(function)
            except BusError as error:
                self.ends[type(error).__name__] += 1
            else:
                self.ends["OK"] += 1
            if self.target.now() - began > BOUND:
                raise AssertionError(
                    f"{action.__name__} at {function} took {self.target.now() - began} clocks"
                )

    def answering(self) -> list[Function]:
        """The functions whose headers answer with their identity."""
        return [
            function
            for function in self.functions
            if self.target.read_configuration(function.place.configuration_address)
            == function.type.identity.device << 16 | function.type.identity.vendor
        ]

    def _place(self, function: Function) -> None:
        header = function.place.configuration_address
        for bar in function.type.bars:
            register = pci.BAR.offset + pci.BAR.stride * bar.number
            self.target.write_configuration(header | register, self._bars[function.index, bar.number])
        self.target.write_configuration(header | pci.COMMAND.offset, _ENABLES, 0b11)

    def _address(self) -> int:
        """An address of a descriptor, of other memory, of a device, or of nobody."""
        place = self.random.choice((0, _LISTS, *self._bars.values(), self.random.getrandbits(32)))
        return place + self.random.randrange(0, _LISTS, 16) & 0xFFFF_FFFF

    def _value(self) -> int:
        bits = self.random.randrange(33)
        return self.random.choice(
            (
                *[self.random.randrange(_SMALL)] * 4,
                *[self._address()] * 2,
                self.random.choice(_VALUES),
                self.random.getrandbits(bits),
                1 << self.random.randrange(32),
            )
        )

    def _lanes(self) -> int:
        return self.random.choice((0xF, 0xF, self.random.randrange(16)))

    def _access_registers(self, function: Function) -> None:
        bar = self.random.choice(function.type.bars)
        near = min(function.bar_size(bar.number), self.random.choice((64, 1 << 12, 1 << 30)))
        address = self._bars[function.index, bar.number] + self.random.randrange(0, near, 4)
        reads = self.random.random() < 0.5
        if bar.space is BarSpace.IO:
            # An I/O address has the number of the lowest enabled byte.
            first = self.random.randrange(4)
            address, lanes = address + first, self._lanes() & (0xF << first) | 1 << first
            if reads:
                self.target.read_io(address, lanes)
            else:
                self.target.write_io(address, self._value(), lanes)
        elif reads:
            self.target.read_memory(address, self._lanes())
        else:
            self.target.write_memory(address, self._value(), self._lanes())

    def _move_burst(self, function: Function) -> None:
        bar = self.random.choice([bar for bar in function.type.bars if bar.space is BarSpace.MEMORY])
        length = 4 * self.random.randrange(1, _LONGEST_BURST)
        room = function.bar_size(bar.number) - length
        address = self._bars[function.index, bar.number] + 4 * self.random.randrange(room // 4 + 1)
        if self.random.random() < 0.5:
            self.target.read_memory_burst(address, memoryview(bytearray(length)))
        else:
            self.target.write_memory_burst(address, memoryview(self.random.randbytes(length)))

    def _access_header(self, function: Function) -> None:
        """Read or write the header. The registers that enable and place the function are put back.

        No place of a function is changed while it is enabled, since two functions might then answer to one address.
        """
        address = function.place.configuration_address | self.random.randrange(0, _HEADER, 4)
        if self.random.random() < 0.5:
            self.target.read_configuration(address, self._lanes())
        else:
            if address % _HEADER in _PLACES:
                header = function.place.configuration_address
                self.target.write_configuration(header | pci.COMMAND.offset, 0, 0b11)
            self.target.write_configuration(address, self._value(), self._lanes())
            self._place(function)

    def _access_chassis(self, function: Function) -> None:
        """Access the interrupt controller, the doorbell, the timestamp unit, or fetch a vector."""
        del function
        description = self.target.description
        pages = (
            description.controller.address,
            description.controller.doorbell,
            description.timestamp_unit.address,
        )
        address = self.random.choice(pages) + self.random.randrange(0, 0x100, 4)
        match self.random.randrange(3):
            case 0:
                self.target.interrupt_acknowledge()
            case 1:
                self.target.read_memory(address, self._lanes())
            case _:
                self.target.write_memory(address, self._value(), self._lanes())

    def _start_transfer(self, function: Function) -> None:
        """Let a store begin to move data; what follows comes while it does."""
        registers = self._bars[function.index, 0]
        if self.random.random() < 0.8:
            # A command that waits for the host, or for a long delay, would hold up all others.
            self.target.write_memory(registers + store.CONTROL.offset, store.CONTROL.ABORT)
            self.target.write_memory(registers + store.DELAY.offset, 0)
            self.target.spend(100)
        for register, value in (
            (store.DESCRIPTOR_BASE, self.random.randrange(0, _LISTS, 16)),
            (store.BUFFER_ADDRESS, self.random.randrange(1024)),
            (store.LENGTH, self.random.randrange(1024)),
            (store.MAX_BURST, self.random.choice((0, 1, 7, 64))),
            (store.COMMAND, self.random.choice(list(store.Operation))),
        ):
            self.target.write_memory(registers + register.offset, value)

    def _let_time_pass(self, function: Function) -> None:
        del function
        self.target.spend(self.random.randrange(300))


def main() -> None:
    """Make the accesses that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("machines", nargs="+", metavar="machine")
    parser.add_argument("--count", type=int, default=1_000_000, help="the accesses to each kind of function")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for machine, function in [(name, each) for name in options.machines for each in kinds(name)]:
        accesses = RandomAccesses(machine, options.seed)
        accesses.make(function, options.count)
        silent = {each.place for each in accesses.functions} - {each.place for each in accesses.answering()}
        print(
            f"{machine} {function.type.name}: {dict(accesses.ends)}, {accesses.target.now():,} clocks,"
            f" silent: {silent or 'none'}"
        )
        accesses.target.close()


if __name__ == "__main__":
    main()
