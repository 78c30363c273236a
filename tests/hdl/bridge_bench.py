# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A machine with bridges as the RTL tests see it: buses numbered, windows open, functions placed; no kernel."""

from __future__ import annotations

from typing import Protocol

from dirql.hardware.description import Bridge, MachineDescription
from dirql.hardware.function_type import BarSpace
from dirql.registers import pci_bridge, pci_configuration
from dirql.target.contract import Target
from hdl.machine_bench import Bench

__all__ = ["BridgeBench", "Header", "StoreBench"]

_MEGABYTE = 0x10_0000
_COMMAND = pci_bridge.COMMAND.pack(io_enable=1, memory_enable=1, bus_master=1)


class _Register(Protocol):
    @property
    def offset(self) -> int: ...


class Header:
    """The configuration header of one function or bridge."""

    def __init__(self, target: Target, address: int) -> None:
        self._target = target
        self.address = address

    def read(self, register: _Register) -> int:
        """The value of `register`, shifted down from its place in the dword."""
        dword = self._target.read_configuration(self.address | register.offset & ~3)
        return dword >> 8 * (register.offset & 3)

    def write(self, register: _Register, value: int, size: int) -> None:
        """Write `size` bytes at `register`, and no other byte."""
        lane = register.offset & 3
        enables = ((1 << size) - 1) << lane
        self._target.write_configuration(self.address | register.offset & ~3, value << 8 * lane, enables)


class StoreBench(Bench):
    """A store function behind a bridge."""

    def __init__(self, target: Target, configuration: int, registers: int, buffer: int, ports: int) -> None:
        super().__init__(target, configuration)
        self.registers, self.buffer, self.ports = registers, buffer, ports


class BridgeBench:
    """A machine whose bridges have numbers and windows.

    Bus n has the n-th MiB of the memory, 2 MiB of prefetchable memory from 256 + 2 n MiB on, and ports from n * 4 KiB;
    the windows of a bridge hold those of all buses behind it.
    """

    def __init__(self, target: Target, machine: MachineDescription) -> None:
        self.target, self.machine = target, machine
        self.bridges = {
            each.secondary: Header(target, each.place.configuration_address) for each in machine.bridges
        }

    def memory(self, bus: int) -> int:
        return self.machine.buses[0].memory.start + bus * _MEGABYTE

    def prefetchable(self, bus: int) -> int:
        return self.machine.buses[0].memory.start + (256 + 2 * bus) * _MEGABYTE

    def ports(self, bus: int) -> int:
        return bus * 0x1000

    def last_bus(self, bridge: Bridge) -> int:
        """The highest number of the buses behind a bridge."""
        below = self.machine.bridges_on(bridge.secondary)
        return max((self.last_bus(each) for each in below), default=bridge.secondary)

    def enumerate(self) -> None:
        """Number the buses, open the windows, place and enable the functions."""
        for bridge in self.machine.bridges:
            self._open(bridge)
        for function in self.machine.functions:
            header = Header(self.target, function.place.configuration_address)
            for number, address in self.addresses(function.index).items():
                self.target.write_configuration(
                    header.address | pci_configuration.BAR.offset + 4 * number, address
                )
            header.write(pci_configuration.COMMAND, _COMMAND, 2)
            header.write(pci_configuration.LATENCY_TIMER, 0x40, 1)

    def _open(self, bridge: Bridge) -> None:
        header, first, last = self.bridges[bridge.secondary], bridge.secondary, self.last_bus(bridge)
        header.write(pci_bridge.PRIMARY_BUS, bridge.place.bus, 1)
        header.write(pci_bridge.SECONDARY_BUS, first, 1)
        header.write(pci_bridge.SUBORDINATE_BUS, last, 1)
        header.write(pci_bridge.SECONDARY_LATENCY_TIMER, 0x40, 1)
        header.write(pci_bridge.LATENCY_TIMER, 0x40, 1)
        header.write(pci_bridge.MEMORY_BASE, self.memory(first) >> 16, 2)
        header.write(pci_bridge.MEMORY_LIMIT, self.memory(last) >> 16, 2)
        header.write(pci_bridge.PREFETCHABLE_BASE, self.prefetchable(first) >> 16, 2)
        header.write(pci_bridge.PREFETCHABLE_LIMIT, self.prefetchable(last) + _MEGABYTE >> 16, 2)
        header.write(pci_bridge.IO_BASE, self.ports(first) >> 8, 1)
        header.write(pci_bridge.IO_LIMIT, self.ports(last) >> 8, 1)
        header.write(pci_bridge.COMMAND, _COMMAND, 2)

    def addresses(self, index: int) -> dict[int, int]:
        """The address of each base address register of a function."""
        function = self.machine.functions[index]
        bus, device = function.place.bus, function.place.device
        found = {}
        for bar in function.type.bars:
            if bar.space is BarSpace.IO:
                found[bar.number] = self.ports(bus) + 0x100 * device
            elif bar.prefetchable:
                found[bar.number] = self.prefetchable(bus) + 0x2_0000 * device
            else:
                found[bar.number] = self.memory(bus) + 0x1_0000 * device
        return found

    def store(self, index: int) -> StoreBench:
        """The function at an index, which must be a store."""
        function, placed = self.machine.functions[index], self.addresses(index)
        return StoreBench(self.target, function.place.configuration_address, placed[0], placed[1], placed[2])
