# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The top of the RTL, `machine.sv`: the chassis and the functions.

The *chassis* is everything but the functions: host bridge, arbiter, interrupt controller and timestamp unit. It is a
module of its own, so that a simulation can put a machine together from a compiled chassis and compiled functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dirql.hardware.description import Function, MachineDescription
from dirql.hardware.interrupt_controller import SIMPLE, Controller
from dirql.hardware.segments import (
    bridge_name,
    bridge_pins,
    checker_patience,
    declare_segments,
    render_segments,
    segment_of,
)

__all__ = ["PORTS", "port_list", "render_chassis", "render_top"]

_LINES = "ABCD"
_AGENTS = ("bridge", "controller", "timestamp")
_NAMES_PER_LINE = 6


def render_top(machine: MachineDescription) -> str:
    """The text of the module `machine`."""
    names = {function.index: function.name for function in machine.functions}
    functions = [names[each.index] for each in machine.functions]
    masters = segment_of(machine, 0).masters
    agents = [function.name for function in machine.functions_on(0)]
    agents += [bridge_name(bridge) for bridge in machine.bridges_on(0)]
    facts = _facts(machine) | {
        "ports": PORTS,
        "pads": "".join(_pads(each) for each in machine.with_pads),
        "port_list": port_list(),
        "targets": len(_AGENTS) + len(agents),
        "agents": len(agents),
        "bus_master_port": ".bus_master_o(bus_master), " if machine.bridges else "",
        "bus_master": _bus_master(machine),
        "segments": render_segments(machine),
        "declarations": _join(_declare(name) for name in functions) + declare_segments(machine),
        "slowest": checker_patience(machine.functions_on(0)),
        "masters_list": _listed(f"{name}_bus_o.master" for name in masters) or "bus_pkg::MasterOutIdle",
        "targets_list": _listed(f"{name}_bus_o.target" for name in agents),
        "requests_list": _listed(f"{name}_bus_o.req" for name in masters) or "1'b0",
        "checker_requests": "req, " if masters else "",
        "checker_masters": "masters, " if masters else "",
        "instances": "\n".join(_instance(machine, each, names[each.index]) for each in machine.functions),
        "lines": ", ".join(_line(machine, letter) for letter in reversed(_LINES)),
        "events": _listed(f"{name}_events" for name in functions),
    }
    return _TOP.format_map(facts)


def render_chassis(machine: MachineDescription) -> str:
    """The text of the module `chassis`."""
    masters = segment_of(machine, 0).masters
    facts = _facts(machine) | {
        "ports": PORTS,
        "memory_log2": machine.host_memory.size_log2,
        "records_log2": machine.timestamp_unit.records_log2,
        "khz": machine.khz,
        "timestamp": f"32'h{machine.timestamp_unit.address:08X}",
        "controller": f"32'h{machine.controller.address:08X}",
        "doorbell": f"32'h{machine.controller.doorbell:08X}",
        "vector_base": f"8'h{machine.controller.vector_base:02X}",
        "vector_step": f"8'd{machine.controller.vector_step}",
        "pair": _pair(machine.controller),
        "bridge_device": machine.host_bridge.device,
        "bridge_queue": machine.savings.bridge_queue,
        "faults": f"1'b{int(machine.savings.faults)}",
        "lost_bits": machine.savings.lost_bits,
        "bus_counters": f"1'b{int(machine.savings.bus_counters)}",
        "waiting": machine.savings.waiting_clocks,
        "clock_bits": machine.savings.clock_bits,
        "causes": max((len(each.type.causes) for each in machine.functions), default=1),
        "routes": f"1'b{int(machine.savings.routes)}",
        "lines_used": "".join(str(int(letter in machine.lines)) for letter in reversed(_LINES)),
        "shared": f"1'b{int(machine.savings.shared_latches)}",
        "bridges": _bridges(machine),
        "bus_master_port": _BUS_MASTER_PORT.format_map(_facts(machine)) if machine.bridges else "",
        "bus_master_out": "\n  assign bus_master_o = bus_master;" if machine.bridges else "",
        "arbiter_requests": "req_i, " if masters else "",
        "unused": "" if masters else "\n  logic unused_requests;\n  assign unused_requests = ^req_i;",
    }
    return _CHASSIS.format_map(facts)


def _bridges(machine: MachineDescription) -> str:
    """The parameter of the host bridge that says which masters are bridges."""
    if not machine.bridges:
        return ""
    masters = segment_of(machine, 0).masters
    names = {bridge_name(bridge) for bridge in machine.bridges}
    bits = "".join(str(int(name in names)) for name in reversed(masters))
    return f", .Bridges({1 + len(masters)}'b{bits}0)"


def port_list() -> str:
    """The connections of an instance that has the ports of the machine, by the same names."""
    names = re.findall(r"(\w+)(?:,|$)", PORTS, flags=re.MULTILINE)
    lines = [names[start : start + _NAMES_PER_LINE] for start in range(0, len(names), _NAMES_PER_LINE)]
    return ",\n".join("    " + ", ".join(f".{name}" for name in line) for line in lines)


def _facts(machine: MachineDescription) -> dict[str, object]:
    """The facts that both modules need."""
    masters = segment_of(machine, 0).masters
    return {
        "title": f"{machine.name}: {machine.description}.",
        "checker": int(machine.checker == "always"),
        "functions": len(machine.functions),
        "arbiter": machine.arbiter.parameters(machine.master_places),
        "park": machine.master_places.index(machine.arbiter.park),
        "masters": 1 + len(masters),
        "master_bits": max(1, len(masters).bit_length()),
        "requests": max(1, len(masters)),
    }


def _join(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _pair(controller: Controller) -> str:
    """The parameters of a pair of 8259A chips; none for the simple controller."""
    return "" if controller.kind == SIMPLE else f"\n    .Pair(1'b1), .Gated(1'b{int(controller.gated)}),"


def _listed(names: Iterable[str]) -> str:
    """Members of a concatenation, the last first."""
    return ", ".join(reversed(list(names)))


def _declare(name: str) -> str:
    return (
        f"  bus_pkg::bus_in_t    {name}_bus_i;\n"
        f"  bus_pkg::bus_out_t   {name}_bus_o;\n"
        f"  socket_pkg::place_t  {name}_place;\n"
        f"  socket_pkg::events_t {name}_events;\n"
        f"  logic                {name}_intx;"
    )


def _pads(function: Function) -> str:
    """The ports of the top that reach the pads of a function."""
    vector, ports = f"[{function.pad_count - 1}:0]".ljust(8), function.pad_ports
    return (
        f",\n  /// Pads of function {function.index}, {function}: the levels outside, those driven, and where.\n"
        f"  input  logic {vector}{ports}_i,\n"
        f"  output logic {vector}{ports}_o,\n"
        f"  output logic {vector}{ports}_en_o"
    )


def _pad_connections(function: Function) -> str:
    if function.type.pads is None:
        return ""
    port, ports = function.type.pads.port, function.pad_ports
    return f",\n    .{port}_i({ports}_i), .{port}_o({ports}_o), .{port}_en_o({ports}_en_o)"


def _line(machine: MachineDescription, letter: str) -> str:
    """The OR of the pins that are wired to one line of the interrupt controller."""
    pins = [f"{function.name}_intx" for function in machine.functions_on(0) if function.line == letter]
    return " | ".join([*pins, *bridge_pins(machine, 0, _LINES.index(letter))]) or "1'b0"


def _bus_master(machine: MachineDescription) -> str:
    """The declaration of the master of bus 0, for its bridges."""
    return f"\n  logic [{_facts(machine)['master_bits']}-1:0] bus_master;" if machine.bridges else ""


def _instance(machine: MachineDescription, function: Function, name: str) -> str:
    """The instance of a function, with the straps for its place."""
    segment = segment_of(machine, function.place.bus)
    values = ", ".join(
        f".{each.rtl_name}({function.parameters[each.name]})" for each in function.type.parameters
    )
    parameters = f"#({values}) " if values else ""
    place = function.place
    return f"""
  // Function {function.index}: {function.type.name} at {place}.
  always_comb begin : p_{name}
    {name}_place               = facts;
    {name}_place.violation     = violation;
    {name}_place.number        = 3'd{place.function};
    {name}_place.multifunction = 1'b{int(machine.is_multi_function(place))};
    {name}_place.pin           = 3'd{_LINES.index(function.pin) + 1};
  end
  assign {name}_bus_i.bus   = {segment.bus};
  assign {name}_bus_i.idsel = {segment.idsel}[{place.device}];
  assign {name}_bus_i.gnt   = {segment.grant(name)};
  {function.type.module} {parameters}u_{name} (
    .clk_i, {segment.reset}, .place_i({name}_place), .bus_i({name}_bus_i), .bus_o({name}_bus_o), .intx_o({name}_intx),
    .events_o({name}_events){_pad_connections(function)}
  );"""


PORTS = """\
  input  logic         clk_i,
  input  logic         rst_ni,
  /// Command port.
  input  logic         cmd_valid_i,
  output logic         cmd_ready_o,
  input  logic [3:0]   cmd_op_i,
  input  logic [31:0]  cmd_address_i,
  input  logic [3:0]   cmd_be_i,
  input  logic [15:0]  cmd_length_i,
  input  logic [31:0]  cmd_data_i,
  input  logic         wdata_valid_i,
  input  logic [31:0]  wdata_i,
  output logic         wdata_ready_o,
  output logic         rdata_valid_o,
  output logic [31:0]  rdata_o,
  input  logic         rdata_ready_i,
  output logic         rsp_valid_o,
  output logic [2:0]   rsp_status_o,
  /// The interrupt that is presented to the host.
  output logic         intr_o,
  output logic [3:0]   intr_input_o,
  /// Event stream.
  output logic         event_valid_o,
  output logic [127:0] event_o,
  input  logic         event_ready_i,
  output logic [15:0]  event_drops_o,
  /// Bus clocks since reset.
  output logic [63:0]  clock_o,
  /// Host memory.
  output logic         hm_valid_o,
  output logic         hm_write_o,
  output logic [31:0]  hm_address_o,
  output logic [3:0]   hm_be_o,
  output logic [31:0]  hm_wdata_o,
  input  logic         hm_ready_i,
  input  logic         hm_rvalid_i,
  input  logic [31:0]  hm_rdata_i"""
"""The ports of the machine, which are those of the chassis too."""

_BUS_MASTER_PORT = """
  /// The master whose transaction begins if FRAME comes on now.
  output logic [{master_bits}-1:0] bus_master_o,"""

_CHASSIS = """\
/// {title}
/// The chassis is everything but the functions: host bridge, arbiter, interrupt controller and timestamp unit.
module chassis #(
  /// The bus protocol checker is built in, which the configuration headers say.
  parameter bit Checker = 1'b{checker}
) (
{ports},
  /// The functions: the bus as all agents drive it, the chassis among them, and as they all see it; the facts that
  /// their headers show.
  input  bus_pkg::bus_t drive_i,
  output bus_pkg::bus_t bus_o,
  output socket_pkg::place_t facts_o,
  /// A request of each function that can be bus master; one grant for each master, the bridge's in bit 0.
  input  logic [{requests}-1:0] req_i,
  output logic [{masters}-1:0] gnt_o,{bus_master_port}
  /// IDSEL of each device.
  output logic [31:0]  idsel_o,
  /// The lines INTD to INTA, and the events of each function, the first in the low bits.
  input  logic [3:0]   intx_i,
  input  logic [{functions}*socket_pkg::EventsWidth-1:0] events_i,
  /// The bus as the chassis drives it.
  output bus_pkg::bus_t own_o,
  /// `rsp_valid_o` before the look at PAR, for a simulation to which the bus comes later: `rsp_offered`, `rsp_checked`
  /// and `rsp_par` of `bridge_pkg::command_out_t`.
  output logic [2:0]   answer_o,
  /// For the bus protocol checker: the bridge's request and outputs as master, the outputs of the chassis' targets, and
  /// the masters that count as broken.
  output logic         req_o,
  output bus_pkg::master_out_t master_o,
  output logic [3*bus_pkg::TargetOutWidth-1:0] targets_o,
  output logic [{masters}-1:0] broken_o
);
  localparam logic [31:0] ClockKhz = 32'd{khz};
  localparam logic [31:0] TimestampAddress = {timestamp};

  bus_pkg::bus_t        bus;
  bus_pkg::target_out_t bridge_target, controller_target, timestamp_target;
  logic [{master_bits}-1:0] bus_master;
  assign targets_o = {{timestamp_target, controller_target, bridge_target}};
  bus_drive #(.Masters(1), .Targets(3)) u_drive (.masters_i(master_o), .targets_i(targets_o), .drive_o(own_o));
  bus_start u_start (.clk_i, .rst_ni, .drive_i, .bus_o(bus));
  bus_arbiter #(.Masters({masters}), {arbiter}) u_arbiter (
    .clk_i, .rst_ni, .frame_i(bus.frame), .irdy_i(bus.irdy), .start_i(bus.start), .req_i({{{arbiter_requests}req_o}}),
    .gnt_o, .master_o(bus_master), .broken_o
  );
  assign bus_o = bus;{bus_master_out}{unused}

  // The ports to the host.
  bridge_pkg::command_in_t  command_in;
  bridge_pkg::command_out_t command_out;
  bridge_pkg::memory_in_t   memory_in;
  bridge_pkg::memory_out_t  memory_out;
  assign command_in.cmd_valid   = cmd_valid_i;
  assign command_in.cmd_op      = cmd_op_i;
  assign command_in.cmd_address = cmd_address_i;
  assign command_in.cmd_be      = cmd_be_i;
  assign command_in.cmd_length  = cmd_length_i;
  assign command_in.cmd_data    = cmd_data_i;
  assign command_in.wdata_valid = wdata_valid_i;
  assign command_in.wdata       = wdata_i;
  assign command_in.rdata_ready = rdata_ready_i;
  assign cmd_ready_o            = command_out.cmd_ready;
  assign wdata_ready_o          = command_out.wdata_ready;
  assign rdata_valid_o          = command_out.rdata_valid;
  assign rdata_o                = command_out.rdata;
  assign rsp_valid_o            = command_out.rsp_valid;
  assign rsp_status_o           = command_out.rsp_status;
  assign answer_o               = {{command_out.rsp_offered, command_out.rsp_checked, command_out.rsp_par}};
  assign intr_o                 = command_out.intr;
  assign intr_input_o           = command_out.intr_input;
  assign memory_in.ready        = hm_ready_i;
  assign memory_in.rvalid       = hm_rvalid_i;
  assign memory_in.rdata        = hm_rdata_i;
  assign hm_valid_o             = memory_out.valid;
  assign hm_write_o             = memory_out.write;
  assign hm_address_o           = memory_out.address;
  assign hm_be_o                = memory_out.be;
  assign hm_wdata_o             = memory_out.wdata;

  // The facts that every configuration header shows; a function adds its place.
  always_comb begin : p_facts
    facts_o                   = '0;
    facts_o.clock_khz         = ClockKhz;
    facts_o.timestamp_address = TimestampAddress;
    facts_o.checker_present   = Checker;
    facts_o.fault_injection   = {faults};
  end

  logic       controller_interrupt, mark, drained, posted_empty;
  logic [3:0] controller_input;
  host_bridge #(
    .MemoryLog2({memory_log2}), .Masters({masters}), .Queue({bridge_queue}), .Faults({faults}),
    .Shared({shared}){bridges}
  ) u_bridge (
    .clk_i, .rst_ni, .place_i(facts_o), .command_i(command_in), .command_o(command_out), .memory_o(memory_out),
    .memory_i(memory_in), .interrupt_i(controller_interrupt), .interrupt_input_i(controller_input),
    .mark_o(mark), .drained_o(drained), .posted_empty_o(posted_empty), .bus_i(bus), .gnt_i(gnt_o[0]),
    .bus_master_i(bus_master), .req_o, .idsel_i(idsel_o[{bridge_device}]), .idsel_o,
    .master_o, .target_o(bridge_target)
  );
  logic       fetch_event, spurious_event, eoi_event;
  logic [7:0] vector;
  logic [3:0] eoi_input;
  interrupt_controller #(
    .Address({controller}), .Doorbell({doorbell}), .VectorBase({vector_base}), .VectorStep({vector_step}),{pair}
    .LostBits({lost_bits}), .Routes({routes}), .Lines(4'b{lines_used}), .Shared({shared})
  ) u_controller (
    .clk_i, .rst_ni, .intx_i, .posted_empty_i(posted_empty),
    .interrupt_o(controller_interrupt), .interrupt_input_o(controller_input),
    .fetch_event_o(fetch_event), .spurious_event_o(spurious_event), .vector_o(vector), .eoi_event_o(eoi_event),
    .eoi_input_o(eoi_input), .bus_i(bus), .target_o(controller_target)
  );

  timestamp_unit #(
    .EventLog2({records_log2}), .Functions({functions}), .ClockKhz(ClockKhz), .Address(TimestampAddress),
    .Counters({bus_counters}), .ClockBits({clock_bits}), .Causes({causes}), .Waiting({waiting}), .Shared({shared})
  ) u_timestamp (
    .clk_i, .rst_ni, .functions_i(events_i),
    .fetch_i(fetch_event), .spurious_i(spurious_event), .eoi_i(eoi_event), .mark_i(mark), .drained_i(drained),
    .vector_i(fetch_event ? vector : 8'(eoi_input)), .payload_i(cmd_data_i),
    .clock_o, .event_valid_o, .event_o, .event_ready_i, .event_drops_o, .bus_i(bus), .target_o(timestamp_target)
  );
endmodule
"""

_TOP = """\
/// {title}
/// Ports are the contract in docs/architecture.md.
module machine #(
  /// Build the bus protocol checker in.
  parameter bit Checker = 1'b{checker}
) (
{ports}{pads}
);
  bus_pkg::bus_t        bus, drive, own;
  bus_pkg::master_out_t bridge_master;
  logic [3*bus_pkg::TargetOutWidth-1:0] chassis_targets;
  socket_pkg::place_t   facts;
  logic [5:0]           violation;
  logic [{masters}-1:0] gnt, broken;
  logic [{requests}-1:0] req;
  logic                 bridge_req;
  logic [2:0]           unused_answer;
  logic [31:0]          idsel;{bus_master}
{declarations}

  chassis #(.Checker(Checker)) u_chassis (
{port_list},
    .drive_i(own | drive), .bus_o(bus), .facts_o(facts), .req_i(req), .gnt_o(gnt), {bus_master_port}.idsel_o(idsel),
    .intx_i({{{lines}}}), .events_i({{{events}}}), .own_o(own), .answer_o(unused_answer), .req_o(bridge_req),
    .master_o(bridge_master), .targets_o(chassis_targets), .broken_o(broken)
  );
  logic [{requests}*bus_pkg::MasterOutWidth-1:0] masters;
  logic [{agents}*bus_pkg::TargetOutWidth-1:0] targets;
  assign masters = {{{masters_list}}};
  assign targets = {{{targets_list}}};
  assign req     = {{{requests_list}}};
  bus_drive #(.Masters({requests}), .Targets({agents})) u_drive (
    .masters_i(masters), .targets_i(targets), .drive_o(drive)
  );
{segments}{instances}

  if (Checker) begin : gen_checker
    logic        unused_open;
    logic [4:0]  unused_clock;
    logic [15:0] unused_moved;
    logic [7:0]  unused_violations;
    logic [bus_pkg::Rules-1:0] unused_broken;
    bus_pkg::rule_e first;
    assign violation = 6'(first);
    bus_checker #(.Masters({masters}), .Targets({targets}), .Park({park}){slowest}) u_checker (
      .clk_i, .rst_ni, .bus_i(bus), .idsel_i(idsel), .req_i({{{checker_requests}bridge_req}}), .gnt_i(gnt),
      .broken_i(broken), .masters_i({{{checker_masters}bridge_master}}), .targets_i({{targets, chassis_targets}}),
      .open_o(unused_open), .clock_o(unused_clock), .moved_o(unused_moved),
      .broken_o(unused_broken), .first_o(first), .violations_o(unused_violations)
    );
  end else begin : gen_no_checker
    logic unused_checked;
    assign unused_checked = ^{{broken, bridge_req, bridge_master, chassis_targets}};
    assign violation      = '0;
  end
  logic unused_bits;
  assign unused_bits = ^{{idsel, gnt}};
endmodule
"""
