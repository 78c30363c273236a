# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A machine as its file describes it. `dirql.hardware.reading` reads and checks the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dirql.hardware.arbiter import USUAL, Arbiter
from dirql.hardware.function_type import FunctionType
from dirql.hardware.interrupt_controller import Controller
from dirql.hardware.place import Place

__all__ = [
    "Bridge",
    "Bus",
    "Function",
    "HostMemory",
    "MachineDescription",
    "Savings",
    "TimestampUnit",
    "Window",
]


@dataclass(frozen=True, slots=True)
class Window:
    """A range of bus addresses, `end` not included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class HostMemory:
    """The RAM of the host, from bus address 0: the bytes, and whether it is behind the command port ("far")."""

    size: int
    place: str

    @property
    def size_log2(self) -> int:
        """The number of address bits."""
        return self.size.bit_length() - 1


@dataclass(frozen=True, slots=True)
class Bus:
    """A bus, and the addresses that functions on it may use."""

    number: int
    memory: Window
    ports: Window


@dataclass(frozen=True, slots=True)
class TimestampUnit:
    """The unit that counts bus clocks and records device events."""

    address: int
    records: int
    """The number of event records that wait in the machine."""

    @property
    def records_log2(self) -> int:
        """The number of bits of a record's place."""
        return self.records.bit_length() - 1


@dataclass(frozen=True, slots=True)
class Savings:
    """Things that a small machine leaves out, or has less of; without the table a machine has everything."""

    bridge_queue: int = 4
    """Entries of each queue in the host bridge."""
    faults: bool = True
    """The host can arm faults and hold back the interrupt."""
    lost_bits: int = 16
    """Bits of each count of lost edges in the interrupt controller."""
    bus_counters: bool = True
    """The timestamp unit counts clocks and transactions of the bus."""
    clock_bits: int = 64
    """Bits of the counter of bus clocks; it begins again at 0 after its last value."""
    waiting_clocks: int = 4
    """Clocks with events that can wait for their records."""
    routes: bool = True
    """The host can route the lines to any input of the interrupt controller; else only the inputs in use are there."""
    shared_latches: bool = False
    """Data of the bus are kept in registers that synthesis needs once for all targets outside the functions."""


@dataclass(frozen=True, slots=True)
class Function:
    """One device function of a machine."""

    index: int
    """The position in the machine file, by which event records name the function."""
    type: FunctionType
    place: Place
    interrupt: str
    """The kind of interrupt that a driver gets if it is loaded without another choice: level, latched or message."""
    pin: str
    """The interrupt pin in the configuration header, A to D."""
    line: str
    """The line of the interrupt controller to which the pin is wired, A to D."""
    parameters: Mapping[str, int]

    def __str__(self) -> str:
        return f"{self.type.name} at {self.place}"

    @property
    def name(self) -> str:
        """The name in the RTL's top, such as `gpio_2`."""
        return f"{self.type.name}_{self.index}"

    @property
    def bus_master(self) -> bool:
        """Whether the function can be bus master."""
        is_master = self.type.bus_master
        return bool(self.parameters[is_master]) if isinstance(is_master, str) else is_master

    @property
    def pad_count(self) -> int:
        """The number of the function's pads, which ports of the RTL's top reach; 0 if it has none."""
        pads = self.type.pads
        if pads is None:
            return 0
        return pads.width if isinstance(pads.width, int) else self.parameters[pads.width]

    @property
    def pad_ports(self) -> str:
        """The start of the names of the ports of the RTL's top that reach the pads, such as `gpio_2_pads`."""
        return f"{self.name}_{self.type.pads.port}" if self.type.pads else ""

    @property
    def interrupts(self) -> tuple[str, ...]:
        """The kinds of interrupt that a driver can choose; messages only if the parameter of that name is not 0."""
        can_send = self.bus_master and self.parameters.get("messages", 1)
        return ("level", "latched", "message") if can_send else ("level", "latched")

    def bar_size(self, number: int) -> int:
        """The bytes that a base address register asks for; 0 for one that the function does not have."""
        return next((bar.size(self.parameters) for bar in self.type.bars if bar.number == number), 0)


@dataclass(frozen=True, slots=True)
class Bridge:
    """One PCI-to-PCI bridge of a machine."""

    place: Place
    secondary: int
    """The number of the bus below the bridge, as depth-first enumeration gives it."""


@dataclass(frozen=True)
class MachineDescription:
    """Everything that a machine file says."""

    name: str
    file: str
    """The file's name, as messages show it."""
    path: Path
    """The path of the file."""
    description: str
    frequency: int
    """Bus clocks per second."""
    host_memory: HostMemory
    buses: tuple[Bus, ...]
    bridges: tuple[Bridge, ...]
    """The bridges, in the order of their buses."""
    host_bridge: Place
    controller: Controller
    timestamp_unit: TimestampUnit
    savings: Savings
    checker: str
    """When the bus protocol checker is built in: "always", "checked" (in checked builds only) or "never"."""
    links: tuple[str, ...]
    functions: tuple[Function, ...]
    arbiter: Arbiter = USUAL

    @property
    def khz(self) -> int:
        """Whole bus clocks per millisecond."""
        return self.frequency // 1000

    @property
    def masters(self) -> tuple[Function, ...]:
        """The functions that can be bus master."""
        return tuple(function for function in self.functions if function.bus_master)

    def functions_on(self, bus: int) -> tuple[Function, ...]:
        """The functions of a bus."""
        return tuple(function for function in self.functions if function.place.bus == bus)

    def masters_on(self, bus: int) -> tuple[Function, ...]:
        """The functions of a bus that can be bus master."""
        return tuple(function for function in self.masters if function.place.bus == bus)

    def bridges_on(self, bus: int) -> tuple[Bridge, ...]:
        """The bridges whose primary bus this is."""
        return tuple(bridge for bridge in self.bridges if bridge.place.bus == bus)

    @property
    def master_places(self) -> tuple[Place, ...]:
        """The places of all masters of bus 0, in the order of their numbers at the arbiter."""
        functions, bridges = self.masters_on(0), self.bridges_on(0)
        return (self.host_bridge, *(each.place for each in functions), *(each.place for each in bridges))

    @property
    def lines(self) -> frozenset[str]:
        """The lines that the functions' pins are wired to, "A" to "D"."""
        return frozenset(function.line for function in self.functions)

    @property
    def with_pads(self) -> tuple[Function, ...]:
        """The functions that have pads."""
        return tuple(function for function in self.functions if function.type.pads)

    @property
    def function_types(self) -> tuple[FunctionType, ...]:
        """The kinds of functions that the machine has, each once."""
        return tuple({function.type.name: function.type for function in self.functions}.values())

    def functions_named(self, name: str) -> tuple[Function, ...]:
        """The functions of one kind, in the order of the file."""
        return tuple(function for function in self.functions if function.type.name == name)

    def way_to(self, place: Place) -> tuple[tuple[int, int], ...]:
        """Device and function number on each bus from bus 0 to a place; ways sort as drivers find devices."""
        above = next((bridge.place for bridge in self.bridges if bridge.secondary == place.bus), None)
        here = ((place.device, place.function),)
        return here if above is None else (*self.way_to(above), *here)

    def function_at(self, place: Place) -> Function | None:
        """The function at a place; None if there is none."""
        return next((function for function in self.functions if function.place == place), None)

    def is_multi_function(self, place: Place) -> bool:
        """Whether the device at this place has more than one function."""
        places = [
            *(function.place for function in self.functions),
            *(bridge.place for bridge in self.bridges),
        ]
        return any(other[:2] == place[:2] and other.function != place.function for other in places)
