# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The buses behind bridges in the top of the RTL: each bridge, the bus below it, and the wires of interrupt pins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dirql.hardware.bridges import pin_above
from dirql.hardware.description import Bridge, Function, MachineDescription
from dirql.hardware.function_type import MEDIUM_DEVSEL
from dirql.hardware.interrupt_controller import LINES

__all__ = [
    "AHEAD_BYTES",
    "Segment",
    "bridge_name",
    "bridge_pins",
    "checker_patience",
    "declare_segments",
    "render_segments",
    "segment_of",
]


_AHEAD_LOG2 = 6
"""Log2 of the dwords that a bridge reads ahead for a master."""

AHEAD_BYTES = 4 << _AHEAD_LOG2
"""The bytes that a bridge reads of a burst, at most: from the first one to the next multiple of this number."""


def bridge_name(bridge: Bridge) -> str:
    """The name of a bridge in the RTL's top."""
    return f"bridge_{bridge.secondary}"


@dataclass(frozen=True, slots=True)
class Segment:
    """The names of the signals of one bus in the top."""

    bus: str
    idsel: str
    gnt: str
    reset: str
    """The connection of the reset of the agents of the bus."""
    masters: tuple[str, ...]
    """The masters but the first, in the order of their grants."""

    def grant(self, name: str) -> str:
        """The grant of an agent; 0 for one that is no master."""
        return f"{self.gnt}[{self.masters.index(name) + 1}]" if name in self.masters else "1'b0"


def segment_of(machine: MachineDescription, bus: int) -> Segment:
    """The signals of a bus: those of bus 0 have plain names."""
    masters = (
        *(function.name for function in machine.masters_on(bus)),
        *(bridge_name(bridge) for bridge in machine.bridges_on(bus)),
    )
    if bus == 0:
        return Segment("bus", "idsel", "gnt", ".rst_ni", masters)
    return Segment(f"bus_{bus}", f"idsel_{bus}", f"gnt_{bus}", f".rst_ni(rst_{bus}_n)", masters)


def bridge_pins(machine: MachineDescription, bus: int, line: int) -> Iterator[str]:
    """The pins of a bus' bridges at which interrupts of the buses below arrive at a pin of this bus.

    The pins of a bridge of bus 0 are wired to the lines of the same letters.
    """
    for bridge in machine.bridges_on(bus):
        for pin in range(len(LINES)):
            if (pin if bus == 0 else pin_above(pin, bridge.place.device)) == line:
                yield f"intx_{bridge.secondary}[{pin}]"


def declare_segments(machine: MachineDescription) -> str:
    """The signals of all bridges and of the buses below them; empty for a machine without bridges."""
    return "".join(_DECLARATIONS.format_map(_facts(machine, bridge)) for bridge in machine.bridges)


def render_segments(machine: MachineDescription) -> str:
    """The text for all bridges and the buses below them; empty for a machine without bridges."""
    return "".join(_SEGMENT.format_map(_facts(machine, bridge)) for bridge in machine.bridges)


def checker_patience(functions: Iterable[Function]) -> str:
    """The parameter that lets the checker of a bus wait for the slowest of its functions; empty for medium speed."""
    slowest = max((function.type.slowest_devsel for function in functions), default=MEDIUM_DEVSEL)
    return f", .Slowest({slowest})" if slowest > MEDIUM_DEVSEL else ""


def _facts(machine: MachineDescription, bridge: Bridge) -> dict[str, object]:
    number, below, above = (
        bridge.secondary,
        segment_of(machine, bridge.secondary),
        segment_of(machine, bridge.place.bus),
    )
    functions = machine.functions_on(number)
    targets = [
        *(function.name for function in functions),
        *(bridge_name(each) for each in machine.bridges_on(number)),
    ]
    name = bridge_name(bridge)
    return {
        "n": number,
        "ahead": _AHEAD_LOG2,
        "name": name,
        "place": bridge.place,
        "masters": 1 + len(below.masters),
        "master_bits": _index_bits(1 + len(below.masters)),
        "others": max(1, len(below.masters)),
        "targets": 1 + len(targets),
        "slowest": checker_patience(functions),
        "masters_list": _listed([f"{name}_master", *(f"{each}_bus_o.master" for each in below.masters)]),
        "targets_list": _listed([f"{name}_target", *(f"{each}_bus_o.target" for each in targets)]),
        "requests": _listed(f"{each}_bus_o.req" for each in below.masters) or "1'b0",
        "checker_requests": _listed([f"{name}_req", *(f"{each}_bus_o.req" for each in below.masters)]),
        "above": above.bus,
        "above_idsel": above.idsel,
        "above_reset": above.reset,
        "above_grant": above.grant(name),
        "above_masters": 1 + len(above.masters),
        "above_own": 1 + above.masters.index(name),
        "above_master": f"{above.bus}_master",
        "device": bridge.place.device,
        "multifunction": int(machine.is_multi_function(bridge.place)),
        "pins": ", ".join(_pin(machine, number, pin, functions) for pin in reversed(range(len(LINES)))),
    }


def _index_bits(count: int) -> int:
    return max(1, (count - 1).bit_length())


def _listed(names: Iterable[str]) -> str:
    """Members of a concatenation, the last first."""
    return ", ".join(reversed(list(names)))


def _pin(machine: MachineDescription, bus: int, line: int, functions: Sequence[Function]) -> str:
    """The OR of the pins that arrive at one pin of a bus."""
    pins = [
        f"{function.name}_intx"
        for function in functions
        if pin_above(LINES.index(function.pin), function.place.device) == line
    ]
    return " | ".join([*pins, *bridge_pins(machine, bus, line)]) or "1'b0"


_DECLARATIONS = """
  bus_pkg::bus_t        bus_{n}, drive_{n};
  bus_pkg::bus_in_t     {name}_bus_i;
  bus_pkg::bus_out_t    {name}_bus_o;
  socket_pkg::place_t   {name}_place;
  bus_pkg::master_out_t {name}_master;
  bus_pkg::target_out_t {name}_target;
  logic                 {name}_req, rst_{n}_n;
  logic [{masters}-1:0] gnt_{n}, broken_{n};
  logic [{master_bits}-1:0] bus_{n}_master;
  logic [31:0]          idsel_{n};
  logic [3:0]           intx_{n};"""

_SEGMENT = """
  // The bridge at {place}, and bus {n} below it.
  assign intx_{n} = {{{pins}}};
  always_comb begin : p_{name}
    {name}_place               = facts;
    {name}_place.multifunction = 1'b{multifunction};
  end
  assign {name}_bus_i.bus   = {above};
  assign {name}_bus_i.idsel = {above_idsel}[{device}];
  assign {name}_bus_i.gnt   = {above_grant};
  pci_bridge #(.PrimaryMasters({above_masters}), .PrimaryOwn({above_own}), .SecondaryMasters({masters}),
    .AheadLog2({ahead})
  ) u_{name} (
    .clk_i, {above_reset}, .place_i({name}_place), .primary_i({name}_bus_i), .primary_master_i({above_master}),
    .primary_o({name}_bus_o), .secondary_rst_no(rst_{n}_n), .drive_i(drive_{n}), .bus_o(bus_{n}),
    .req_i({{{requests}}}), .gnt_o(gnt_{n}), .master_o(bus_{n}_master), .idsel_o(idsel_{n}), .req_o({name}_req),
    .secondary_master_o({name}_master), .secondary_target_o({name}_target), .broken_o(broken_{n})
  );
  logic [{masters}*bus_pkg::MasterOutWidth-1:0] masters_{n};
  logic [{targets}*bus_pkg::TargetOutWidth-1:0] targets_{n};
  assign masters_{n} = {{{masters_list}}};
  assign targets_{n} = {{{targets_list}}};
  bus_drive #(.Masters({masters}), .Targets({targets})) u_drive_{n} (
    .masters_i(masters_{n}), .targets_i(targets_{n}), .drive_o(drive_{n})
  );
  if (Checker) begin : gen_checker_{n}
    bus_checker #(.Masters({masters}), .Targets({targets}), .Park(0){slowest}) u_checker (
      .clk_i, .rst_ni(rst_{n}_n), .bus_i(bus_{n}), .idsel_i(idsel_{n}), .req_i({{{checker_requests}}}),
      .gnt_i(gnt_{n}), .broken_i(broken_{n}), .masters_i(masters_{n}), .targets_i(targets_{n}),
      .open_o(), .clock_o(), .moved_o(), .broken_o(), .first_o(), .violations_o()
    );
  end
  logic unused_bits_{n};
  assign unused_bits_{n} = ^{{broken_{n}, idsel_{n}, gnt_{n}, bus_{n}_master, {name}_req}};
"""
