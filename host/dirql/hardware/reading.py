# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads a machine file, and refuses a machine that cannot be built or that cannot work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from dirql.hardware.arbiter import USUAL, check_arbiter, read_arbiter
from dirql.hardware.bridges import line_behind_bridges, read_bridges
from dirql.hardware.description import (
    Bridge,
    Bus,
    Function,
    HostMemory,
    MachineDescription,
    Savings,
    TimestampUnit,
    Window,
)
from dirql.hardware.function_type import (
    IDENTIFIER,
    BarSpace,
    FunctionType,
    check_identities,
    function_names,
    read_function,
)
from dirql.hardware.interrupt_controller import (
    LINES,
    PAGE,
    PIC_8259A,
    PIC_PORTS,
    page_address,
    read_controller,
)
from dirql.hardware.place import Place
from dirql.hardware.placing import place_all
from dirql.hardware.root import FUNCTIONS, MACHINES, machine_root
from dirql.hardware.table import DescriptionError, Table, nearest, read_file

__all__ = ["DEFAULT_MACHINE", "describe", "load_machine", "machine_names", "read_machine"]

DEFAULT_MACHINE = "default"
"""The machine that is opened when nobody names one."""

KINDS = ("level", "latched", "message")
CHECKERS = ("checked", "always", "never")
LINKS = ("simulation",)

_4G = 0x1_0000_0000
_64K = 0x1_0000
_LEAST_MEMORY = 0x10_0000
"""The smallest RAM with which machines are tested; the training of a compiled model needs more than 128 KiB."""


def machine_names(root: Path | None = None) -> list[str]:
    """The names of the machines that come with dirql."""
    return sorted(path.stem for path in ((root or machine_root()) / MACHINES).glob("*.toml"))


def describe(machine: str | Path | MachineDescription) -> MachineDescription:
    """The machine that a name or a file means; a description is returned as it is. Raises `DescriptionError`."""
    return machine if isinstance(machine, MachineDescription) else load_machine(machine)


def load_machine(name: str | Path, root: Path | None = None) -> MachineDescription:
    """The machine of that name, or the machine that a file describes; raises `DescriptionError`.

    A name that ends in ".toml" is a file.
    """
    root = root or machine_root()
    if isinstance(name, Path) or name.endswith(".toml"):
        return read_machine(Path(name), root)
    names = machine_names(root)
    if name not in names:
        raise DescriptionError(
            f"a machine must be one of {', '.join(names)}, or a file that ends in .toml; it was {name!r}"
            f"{nearest(name, names)}"
        )
    return read_machine(root / MACHINES / f"{name}.toml", root)


def read_machine(path: Path, root: Path) -> MachineDescription:
    """Read a machine file; the functions are those below `root`. Raises `DescriptionError`."""
    table = read_file(path, path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path))
    clock, checker, links = table.table("clock"), table.table("checker"), table.table("links")
    buses = _read_buses(table)
    bridges = read_bridges(table)
    description = MachineDescription(
        name=path.stem,
        file=table.file,
        path=path.resolve(),
        description=table.text("description"),
        frequency=clock.integer("frequency", 1_000_000, 1_000_000_000, decimal=True),
        host_memory=_read_host_memory(table.table("host_memory")),
        buses=buses,
        bridges=bridges,
        host_bridge=_read_host_bridge(table.table("host_bridge")),
        controller=read_controller(table.table("interrupt_controller")),
        timestamp_unit=_read_timestamp_unit(table.table("timestamp_unit")),
        savings=_read_savings(table.table("savings")) if table.has("savings") else Savings(),
        checker=checker.choice("build", CHECKERS),
        links=_read_links(links),
        functions=_Functions(root, buses, bridges).read(table.tables("functions", at_least=1)),
        arbiter=read_arbiter(table.table("arbiter")) if table.has("arbiter") else USUAL,
    )
    for each in (clock, checker, links, table):
        each.finish()
    _check_functions(table, description)
    _check_pins(table, description)
    _check_parameters(table, description)
    _check_controller(table, description)
    check_arbiter(table, description.arbiter, description.master_places)
    _check_addresses(table, description)
    return description


def _read_host_memory(table: Table) -> HostMemory:
    size = table.integer("size", _LEAST_MEMORY, 0x8000_0000)
    if size & (size - 1):
        table.refuse("size", f"the host's RAM must be a power of two; it was {size:#x} bytes")
    place = table.text("place")
    if place != "far":
        table.refuse(
            "place",
            f'it must be "far", behind the command port; it was {place!r}: RAM beside the bridge is not built yet',
        )
    table.finish()
    return HostMemory(size, place)


def _read_buses(table: Table) -> tuple[Bus, ...]:
    buses: list[Bus] = []
    for each in table.tables("buses", at_least=1):
        number = each.integer("number", 0, 255)
        if number != 0 or buses:
            rule = (
                f"the host bridge must have one bus, number 0; this was number {number}: a bus behind a bridge comes"
                " with its entry in bridges, and gets its addresses from bus 0"
            )
            each.refuse("number", rule)
        memory, ports = Window(*each.pair("memory", _4G)), Window(*each.pair("ports", _64K))
        if ports.start == 0:
            rule = "the ports must begin above 0, which a base address register has before it is set; they began at 0"
            each.refuse("ports", rule)
        if memory.start % PAGE or memory.end % PAGE:
            rule = (
                f"both ends must be multiples of {PAGE:#x}; they were {memory.start:#x} and {memory.end:#x}"
            )
            each.refuse("memory", rule)
        buses.append(Bus(number, memory, ports))
        each.finish()
    return tuple(buses)


def _read_host_bridge(table: Table) -> Place:
    place = table.parsed("place", Place.parse)
    if place != (0, 0, 0):
        table.refuse("place", f"the host bridge must be at 00:00.0; it was at {place}")
    table.finish()
    return place


def _read_timestamp_unit(table: Table) -> TimestampUnit:
    records = table.integer("records", 16, 65536)
    if records & (records - 1):
        table.refuse("records", f"the number of records must be a power of two; it was {records}")
    unit = TimestampUnit(page_address(table, "address"), records)
    table.finish()
    return unit


def _read_savings(table: Table) -> Savings:
    full = Savings()
    savings = Savings(
        bridge_queue=table.integer("bridge_queue", 1, 4, full.bridge_queue),
        faults=table.boolean("faults", full.faults),
        lost_bits=table.integer("lost_bits", 1, 16, full.lost_bits),
        bus_counters=table.boolean("bus_counters", full.bus_counters),
        clock_bits=table.integer("clock_bits", 48, 64, full.clock_bits),
        waiting_clocks=table.integer("waiting_clocks", 2, 4, full.waiting_clocks),
        routes=table.boolean("routes", full.routes),
        shared_latches=table.boolean("shared_latches", full.shared_latches),
    )
    table.finish()
    return savings


def _read_links(table: Table) -> tuple[str, ...]:
    kinds = table.texts("kinds")
    if not kinds or len(set(kinds)) != len(kinds):
        table.refuse(
            "kinds", f"it must be one or more of {', '.join(LINKS)}, each once; it was {list(kinds)}"
        )
    for kind in kinds:
        if kind not in LINKS:
            table.refuse(
                "kinds", f"a link must be one of {', '.join(LINKS)}; it was {kind!r}{nearest(kind, LINKS)}"
            )
    return kinds


class _Functions:
    """Reads the functions of a machine; the folder of each kind is read once."""

    def __init__(self, root: Path, buses: Sequence[Bus], bridges: Sequence[Bridge]) -> None:
        self._root = root
        self._bridges = bridges
        self._buses = {*(bus.number for bus in buses), *(bridge.secondary for bridge in bridges)}
        self._types: dict[str, FunctionType] = {}

    def read(self, tables: Iterable[Table]) -> tuple[Function, ...]:
        """The functions, in the order of the file."""
        return tuple(self._read(index, table) for index, table in enumerate(tables))

    def _read(self, index: int, table: Table) -> Function:
        kind = self._type(table)
        place = table.parsed("place", Place.parse)
        if place.bus not in self._buses:
            table.refuse("place", f"the bus must be one that the machine has; it was bus {place.bus}")
        if place.bus == 0 and place.device == 0:
            table.refuse("place", f"device 0 of bus 0 must be left to the host bridge; the place was {place}")
        if any(bridge.place[:2] == place[:2] for bridge in self._bridges):
            table.refuse("place", f"a function must not be in a bridge's device; the place was {place}")
        pin = table.choice("pin", LINES, "A" if place.function == 0 else None)
        function = Function(
            index=index,
            type=kind,
            place=place,
            interrupt=table.choice("interrupt", KINDS),
            pin=pin,
            line=self._read_line(table, place, pin),
            parameters=_read_values(table, kind),
        )
        table.finish()
        return function

    def _read_line(self, table: Table, place: Place, pin: str) -> str:
        """The line of the interrupt controller; behind a bridge it follows from the place and the pin."""
        if place.bus == 0:
            return table.choice("line", LINES)
        line = line_behind_bridges(place, pin, self._bridges)
        if table.choice("line", LINES, line) != line:
            table.refuse(
                "line",
                f"pin {pin} of {place} arrives behind the bridges at line {line}, so the line must be {line}, or be"
                f" left out; it was {table.peek('line')}",
            )
        return line

    def _type(self, table: Table) -> FunctionType:
        name = table.text("function")
        if name not in self._types:
            names = function_names(self._root)
            is_name = IDENTIFIER.fullmatch(name) is not None
            if name not in names and not (is_name and (self._root / FUNCTIONS / name).is_dir()):
                table.refuse(
                    "function",
                    f"it must be a folder of {FUNCTIONS}, one of {', '.join(names)}; it was {name!r}"
                    f"{nearest(name, names)}",
                )
            self._types[name] = read_function(self._root, name)
            check_identities(self._types.values())
        return self._types[name]


def _read_values(table: Table, kind: FunctionType) -> dict[str, int]:
    if not table.has("parameters"):
        return {parameter.name: parameter.default for parameter in kind.parameters}
    given = table.table("parameters")
    values = {
        parameter.name: given.integer(parameter.name, parameter.low, parameter.high, parameter.default)
        for parameter in kind.parameters
    }
    given.finish()
    return values


def _check_functions(table: Table, machine: MachineDescription) -> None:
    """Refuse functions that cannot stand together."""
    by_place: dict[Place, Function] = {}
    by_line: dict[str, Function] = {}
    for function in machine.functions:
        key = f"functions[{function.index}]"
        other = by_place.setdefault(function.place, function)
        if other is not function:
            table.refuse(
                f"{key}.place",
                f"a function must have a place of its own; {function.place} was functions[{other.index}]'s already",
            )
        if function.interrupt not in function.interrupts:
            table.refuse(
                f"{key}.interrupt",
                f"a function that is no bus master must have the kind level or latched; {function} was given"
                " message: choose one of the two, or a function that can be bus master"
                if not function.bus_master
                else f"a function without messages must have the kind level or latched; {function} was given message:"
                " choose one of the two, or let its parameter messages be 1",
            )
        if function.interrupt == "message":
            continue
        other = by_line.setdefault(function.line, function)
        if other.interrupt != function.interrupt:
            table.refuse(
                f"{key}.interrupt",
                f"functions that share a line must have one kind of interrupt; line {function.line} is"
                f" {other.interrupt} for functions[{other.index}], and it was {function.interrupt} here",
            )


def _check_pins(table: Table, machine: MachineDescription) -> None:
    """Refuse devices that nobody finds, and pins that cannot be wired as the file says."""
    by_place = {function.place: function for function in machine.functions}
    by_pin: dict[tuple[int, int, str], Function] = {}
    for function in machine.functions:
        first = Place(function.place.bus, function.place.device, 0)
        if first not in by_place:
            table.refuse(
                f"functions[{function.index}].place",
                f"a device must have a function 0, or nobody finds the others; {function.place} stood without {first}",
            )
        if function.pin != "A" and not machine.is_multi_function(function.place):
            table.refuse(
                f"functions[{function.index}].pin",
                f"the only function of a device must use pin A; it was {function.pin}",
            )
        other = by_pin.setdefault((*function.place[:2], function.pin), function)
        if other.line != function.line:
            table.refuse(
                f"functions[{function.index}].line",
                f"functions of one device that use one pin must have one line; pin {function.pin} is wired to line"
                f" {other.line} for functions[{other.index}], and it was {function.line} here: choose another pin",
            )


def _check_parameters(table: Table, machine: MachineDescription) -> None:
    """Refuse parameters of functions that do not fit each other, or the rest of the machine."""
    for function in machine.functions:
        key, values = f"functions[{function.index}].parameters", function.parameters
        if not machine.savings.routes and "message" in function.interrupts:
            table.refuse(
                "savings.routes",
                "a machine without routes must have no function that can send messages, which need inputs of their"
                f" own; {function} can: let routes be true, or its parameter messages be 0",
            )
        reach, size = values.get("address_bits", 32), machine.host_memory.size
        if size > 1 << reach:
            table.refuse(
                f"{key}.address_bits",
                f"a bus master must reach all of the host's memory, {size:#x} bytes; it was {reach}: choose"
                f" {(size - 1).bit_length()} or more, or a smaller host_memory.size",
            )


def _check_controller(table: Table, machine: MachineDescription) -> None:
    """Refuse a pair of 8259A chips whose lines cannot be routed, or whose ports are those of functions."""
    if machine.controller.kind != PIC_8259A:
        return
    if not machine.savings.routes:
        table.refuse(
            "savings.routes",
            "a machine with a pair of 8259A chips must have routes, since the inputs that the lines have after reset"
            " are not all for devices; it was false",
        )
    ports = machine.buses[0].ports
    last = max(PIC_PORTS.values()) + 4
    if ports.start < last:
        table.refuse(
            "buses[0].ports",
            f"the ports of functions must begin at {last:#x} or above, after those of the 8259A chips; they began at"
            f" {ports.start:#x}",
        )


def _check_addresses(table: Table, machine: MachineDescription) -> None:
    """Refuse windows that overlap, and base address registers that cannot all be placed."""
    controller, unit, bus = machine.controller, machine.timestamp_unit, machine.buses[0]
    ranges = [
        ("host_memory.size", 0, machine.host_memory.size),
        ("buses[0].memory", bus.memory.start, bus.memory.end),
        ("interrupt_controller.address", controller.address, controller.address + PAGE),
        ("interrupt_controller.doorbell", controller.doorbell, controller.doorbell + PAGE),
        ("timestamp_unit.address", unit.address, unit.address + PAGE),
    ]
    ranges.sort(key=lambda each: each[1])
    for (below, _, end), (key, start, _) in pairwise(ranges):
        if start < end:
            table.refuse(
                key,
                f"ranges of addresses must not overlap; it began at {start:#x}, and {below} ends at {end:#x}",
            )
    for space, window, key in ((BarSpace.MEMORY, bus.memory, "memory"), (BarSpace.IO, bus.ports, "ports")):
        end = place_all(machine, space, window.start)
        if end > window.end:
            table.refuse(
                f"buses[0].{key}",
                f"the window must hold the base address registers of all functions; it ends at {window.end:#x}, and"
                f" they need it to end at {end:#x}: make the window larger, or the functions fewer or smaller",
            )
