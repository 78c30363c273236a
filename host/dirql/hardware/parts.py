# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The parts of a machine as modules of their own, for a simulation that is put together from compiled parts.

A part is the chassis, or one kind of function with one set of parameters. Its module has flat ports. The bus goes in
and the part's drive of it comes out, each as one vector with the fields of `bus_pkg::bus_t`; the drive comes from
registers alone. To a function the vector has its IDSEL and its grant below the bus, as `bus_pkg::bus_in_t` has them.
One vector, with its fields where the RTL has them, spares the model the packing.

The part proper is in a module of its own inside, `Part.core`. It sees each input but the clock only together with the
part's own drive: the bus is the OR of both, and the other inputs are joined with `late`, which is always 0 and looks as
if it depended on the drive. Verilator cannot look through these variables, because it is told that other programs may
write them. So it computes the registers and the drive first, and all that depends on inputs after that; the simulation
cuts the clock there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dirql.hardware.description import Function, MachineDescription
from dirql.hardware.top import PORTS, port_list

__all__ = ["EVENTS_WIDTH", "Part", "chassis_part", "function_parts", "part_of"]

EVENTS_WIDTH = 36
"""Bits of the events of one function; `socket_pkg` has the same number, and lint refuses another."""

_HOST_INPUTS = [
    (width or "[0:0]", name)
    for width, name in re.findall(r"^ *input +logic +(\[\S+\])? *(\w+),?$", PORTS, flags=re.MULTILINE)
    if name not in {"clk_i", "rst_ni"}
]
"""Width and name of each input from the host but clock and reset."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its name, which is the name of its module, the module inside, and the text of both.

    `sleeps` says whether the addresses that it answers are known from outside, so that it may rest meanwhile.
    """

    name: str
    core: str
    text: str
    sleeps: bool = False


def chassis_part(machine: MachineDescription) -> Part:
    """The chassis as a part."""
    facts = {
        "ports": PORTS,
        "port_list": port_list(),
        "requests": max(1, len(machine.masters)),
        "masters": 1 + len(machine.masters),
        "functions": len(machine.functions),
        "pads": "".join(_chassis_pads(function) for function in machine.with_pads),
        "held": "\n".join(_held(width, name) for width, name in _HOST_INPUTS),
    }
    facts["port_list"] = str(facts["port_list"]).replace(".rst_ni", ".rst_ni(rst_ni & !late)")
    for _, name in _HOST_INPUTS:
        facts["port_list"] = re.sub(rf"\.{name}\b", f".{name}(late_{name})", str(facts["port_list"]))
    return Part("chassis_part", "chassis", _CHASSIS.format_map(facts))


def function_parts(machine: MachineDescription) -> tuple[Part, ...]:
    """The kinds of functions of a machine, each with each of its sets of parameters once."""
    return tuple({part.name: part for part in map(part_of, machine.functions)}.values())


def part_of(function: Function) -> Part:
    """The part that a function is an instance of."""
    values = [function.parameters[each.name] for each in function.type.parameters]
    named = ", ".join(
        f".{each.rtl_name}({value})" for each, value in zip(function.type.parameters, values, strict=True)
    )
    name = "_".join((function.type.name, *map(str, values), "part"))
    sleeps = _has_socket(function)
    port = function.type.pads.port if function.type.pads else ""
    facts = {
        "name": name,
        "core": f"{name}_core",
        "module": function.type.module,
        "parameters": f"#({named}) " if named else "",
        "events_high": EVENTS_WIDTH - 1,
        "reach": _REACH if sleeps else _REACH_UNKNOWN,
        "pads": _part_pads(function),
        "pads_in": f",\n    .{port}_i(pads_i), .{port}_o(pads_o), .{port}_en_o(pads_en_o)" if port else "",
        "pads_through": _PADS_THROUGH if port else "",
    }
    return Part(name, f"{name}_core", _FUNCTION.format_map(facts), sleeps)


def _has_socket(function: Function) -> bool:
    """Whether the function's module calls its socket `u_socket`, so that its base address registers are found."""
    text = "".join(path.read_text(encoding="utf-8") for path in function.type.files)
    return re.search(r"\bfunction_socket\b[^;]*?\)\s*u_socket\s*\(", text) is not None


def _held(width: str, name: str) -> str:
    """A copy of an input that is computed after the drive."""
    return f"  logic {width} late_{name};\n  assign late_{name} = {name} | {{$bits({name}){{late}}}};"


def _chassis_pads(function: Function) -> str:
    """Ports by which the simulation passes the pads of a function on between the host and the part."""
    vector, ports = f"[{function.pad_count - 1}:0]", function.pad_ports
    return "".join(
        f",\n  {way} logic {vector} {ports}_{end}"
        for way, end in (("input ", "i"), ("output", "o"), ("output", "en_o"))
    )


def _part_pads(function: Function) -> str:
    if not function.type.pads:
        return ""
    vector = f"[{function.pad_count - 1}:0]"
    return (
        f",\n  input  logic {vector} pads_i,\n  output logic {vector} pads_o,"
        f"\n  output logic {vector} pads_en_o"
    )


_CHASSIS = """\
module chassis_part (
{ports},
  input  logic [$bits(bus_pkg::bus_t)-1:0] bus_i,
  output logic [$bits(bus_pkg::bus_t)-1:0] own_o,
  input  logic [{requests}-1:0] req_i,
  output logic [{masters}-1:0] gnt_o,
  output logic [31:0] idsel_o,
  output logic [2:0]  answer_o,
  input  logic [3:0]  intx_i,
  input  logic [{functions}*socket_pkg::EventsWidth-1:0] events_i{pads}
);
  logic late /*verilator public_flat_rw*/;
  logic never /*verilator public_flat_rw*/;
  assign late = own_o[0] & never;
  logic [$bits(bus_pkg::bus_t)-1:0] bus /*verilator public_flat_rw*/;
  assign bus = bus_i | own_o;
{held}
  chassis u_core (
{port_list},
    .drive_i(bus), .bus_o(), .facts_o(), .req_i(req_i | {{{requests}{{late}}}}), .gnt_o, .idsel_o,
    .intx_i(intx_i | {{4{{late}}}}), .events_i(events_i | {{$bits(events_i){{late}}}}), .own_o, .answer_o,
    .req_o(), .master_o(), .targets_o(), .broken_o()
  );
endmodule
"""

_REACH = """\
  assign bars_o    = u_function.u_socket.bars;
  assign enables_o = {u_function.u_socket.command.io_enable, u_function.u_socket.command.memory_enable};"""

_REACH_UNKNOWN = """\
  assign bars_o    = '0;
  assign enables_o = '0;"""

_PADS_THROUGH = ",\n    .pads_i(pads_i | {$bits(pads_i){late}}), .pads_o, .pads_en_o"

_FUNCTION = """\
module {core} (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  socket_pkg::place_t  place_i,
  input  bus_pkg::bus_in_t    bus_i,
  output bus_pkg::bus_out_t   bus_o,
  output logic                intx_o,
  output socket_pkg::events_t events_o,
  output logic [191:0]        bars_o,
  output logic [1:0]          enables_o{pads}
);
  {module} {parameters}u_function (
    .clk_i, .rst_ni, .place_i, .bus_i, .bus_o, .intx_o, .events_o{pads_in}
  );
{reach}
endmodule

module {name} (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic [2:0]  number_i,
  input  logic        multifunction_i,
  input  logic [2:0]  pin_i,
  input  logic [31:0] clock_khz_i,
  input  logic [31:0] timestamp_address_i,
  input  logic        fault_injection_i,
  input  logic [$bits(bus_pkg::bus_in_t)-1:0] bus_i,
  output logic [$bits(bus_pkg::bus_t)-1:0] own_o,
  output logic        req_o,
  output logic        intx_o,
  output logic [{events_high}:0] events_o,
  output logic [191:0] bars_o,
  output logic [1:0]  enables_o{pads}
);
  logic late /*verilator public_flat_rw*/;
  logic never /*verilator public_flat_rw*/;
  assign late = own_o[0] & never;
  logic [$bits(bus_pkg::bus_in_t)-1:0] bus /*verilator public_flat_rw*/;
  assign bus = bus_i | {{own_o, 2'b00}};
  bus_pkg::bus_out_t  drive;
  socket_pkg::place_t place;
  bus_drive #(.Masters(1), .Targets(1)) u_drive (
    .masters_i(drive.master), .targets_i(drive.target), .drive_o(own_o)
  );
  assign req_o = drive.req;
  always_comb begin
    place                   = '0;
    place.number            = number_i;
    place.multifunction     = multifunction_i;
    place.pin               = pin_i;
    place.clock_khz         = clock_khz_i;
    place.timestamp_address = timestamp_address_i;
    place.fault_injection   = fault_injection_i;
  end
  {core} u_core (
    .clk_i, .rst_ni(rst_ni & !late), .place_i(place), .bus_i(bus), .bus_o(drive), .intx_o, .events_o, .bars_o,
    .enables_o{pads_through}
  );
endmodule
"""
