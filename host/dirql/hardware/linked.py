# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The machine with its link, `linked_machine.sv`: the top that boards and twins build.

docs/link-protocol.md is the contract of the bytes at its ports.
"""

from __future__ import annotations

from pathlib import Path

from dirql.hardware.description import Function, MachineDescription
from dirql.hardware.identity import machine_number
from dirql.hardware.render import CHASSIS, TOP, hdl_files, head_of

__all__ = ["LINKED_FILE_LIST", "LINKED_TOP", "link_files", "linked_file_list", "render_linked", "usb_files"]

LINKED_TOP = "linked_machine.sv"
"""The file with the machine and its link."""

LINKED_FILE_LIST = "linked_machine.f"
"""The list of the files that it is made of."""


def link_files(root: Path) -> list[Path]:
    """The files of the link, in the order in which they are compiled; `root` is the folder with hdl/.

    They need the packages and primitives of the machine's own files before them.
    """
    return _listed(root, "hdl/link/link.f")


def usb_files(root: Path) -> list[Path]:
    """The files of the USB core, which need those of the machine before them; `root` is the folder with hdl/."""
    return _listed(root, "hdl/link/usb/usb.f")


def _listed(root: Path, name: str) -> list[Path]:
    """The files in a list of files."""
    lines = (root / name).read_text(encoding="utf-8").splitlines()
    return [root / "hdl" / file for line in lines if (file := line.split("//")[0].strip())]


def linked_file_list(machine: MachineDescription, root: Path) -> str:
    """All files of the machine and its link, for tools that read file lists; each name is relative to the list."""
    files = [*hdl_files(machine, root), *link_files(root)]
    names = [f"../../../{path.relative_to(root / 'hdl').as_posix()}" for path in files]
    return (
        "\n".join((f"// Generated from {machine.file}, do not edit.", *names, CHASSIS, TOP, LINKED_TOP))
        + "\n"
    )


def render_linked(machine: MachineDescription) -> str:
    """The text of the module `linked_machine`."""
    return head_of(machine) + _LINKED.format(
        title=f"{machine.name}: {machine.description}.",
        checker=int(machine.checker == "always"),
        pads="".join(_pads(each) for each in machine.with_pads),
        pad_connections="".join(_pad_connections(each) for each in machine.with_pads),
        faults=f"1'b{int(machine.savings.faults)}",
        memory=f"1'b{int(bool(machine.masters))}",
        frequency=machine.frequency,
        number=machine_number(machine).hex().upper(),
    )


def _pads(function: Function) -> str:
    """The ports that reach the pads of a function."""
    vector, ports = f"[{function.pad_count - 1}:0]".ljust(7), function.pad_ports
    return (
        f",\n  /// Pads of function {function.index}, {function}: the levels outside, those driven, and where.\n"
        f"  input  logic {vector} {ports}_i,\n"
        f"  output logic {vector} {ports}_o,\n"
        f"  output logic {vector} {ports}_en_o"
    )


def _pad_connections(function: Function) -> str:
    ports = function.pad_ports
    return f",\n    .{ports}_i, .{ports}_o, .{ports}_en_o"


_LINKED = """
/// {title}
/// The machine with its link: all that a board needs beside its clock, its reset and a line for bytes. A session of the
/// link resets the machine.
module linked_machine #(
  /// Build the bus protocol checker in.
  parameter bit Checker = 1'b{checker},
  /// Log2 of the bytes of the link's rings, and of a line of host memory.
  parameter int unsigned ReceiveLog2 = 10,
  parameter int unsigned TransmitLog2 = 10,
  parameter int unsigned LineLog2 = 7,
  /// The number of the build, the first byte on top.
  parameter logic [63:0] Build = 64'd0
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  /// The line: a byte comes in, and cannot be held back; a byte goes out.
  input  logic         rx_valid_i,
  input  logic [7:0]   rx_byte_i,
  output logic         tx_valid_o,
  output logic [7:0]   tx_byte_o,
  input  logic         tx_ready_i{pads}
);
  logic         machine_rst_n, cmd_valid, cmd_ready, wdata_valid, wdata_ready, rdata_valid, rdata_ready, rsp_valid;
  logic         intr, event_valid, event_ready, hm_valid, hm_write, hm_ready, hm_rvalid;
  logic [2:0]   rsp_status;
  logic [3:0]   cmd_op, cmd_be, intr_input, hm_be;
  logic [15:0]  cmd_length, event_drops;
  logic [31:0]  cmd_address, cmd_data, wdata, rdata, hm_address, hm_wdata, hm_rdata;
  logic [63:0]  bus_clock;
  logic [127:0] event_record;

  machine #(.Checker(Checker)) u_machine (
    .clk_i, .rst_ni(machine_rst_n), .cmd_valid_i(cmd_valid), .cmd_ready_o(cmd_ready), .cmd_op_i(cmd_op),
    .cmd_address_i(cmd_address), .cmd_be_i(cmd_be), .cmd_length_i(cmd_length), .cmd_data_i(cmd_data),
    .wdata_valid_i(wdata_valid), .wdata_i(wdata), .wdata_ready_o(wdata_ready), .rdata_valid_o(rdata_valid),
    .rdata_o(rdata), .rdata_ready_i(rdata_ready), .rsp_valid_o(rsp_valid), .rsp_status_o(rsp_status), .intr_o(intr),
    .intr_input_o(intr_input), .event_valid_o(event_valid), .event_o(event_record), .event_ready_i(event_ready),
    .event_drops_o(event_drops), .clock_o(bus_clock), .hm_valid_o(hm_valid), .hm_write_o(hm_write),
    .hm_address_o(hm_address), .hm_be_o(hm_be), .hm_wdata_o(hm_wdata), .hm_ready_i(hm_ready),
    .hm_rvalid_i(hm_rvalid), .hm_rdata_i(hm_rdata){pad_connections}
  );
  link #(
    .ReceiveLog2(ReceiveLog2), .TransmitLog2(TransmitLog2), .LineLog2(LineLog2), .Faults({faults}),
    .Memory({memory}), .ClockHz(32'd{frequency}), .Machine(64'h{number}), .Build(Build)
  ) u_link (
    .clk_i, .rst_ni, .rx_valid_i, .rx_byte_i, .tx_valid_o, .tx_byte_o, .tx_ready_i, .machine_rst_no(machine_rst_n),
    .cmd_valid_o(cmd_valid), .cmd_ready_i(cmd_ready), .cmd_op_o(cmd_op), .cmd_address_o(cmd_address),
    .cmd_be_o(cmd_be), .cmd_length_o(cmd_length), .cmd_data_o(cmd_data), .wdata_valid_o(wdata_valid),
    .wdata_o(wdata), .wdata_ready_i(wdata_ready), .rdata_valid_i(rdata_valid), .rdata_i(rdata),
    .rdata_ready_o(rdata_ready), .rsp_valid_i(rsp_valid), .rsp_status_i(rsp_status), .intr_i(intr),
    .intr_input_i(intr_input), .event_valid_i(event_valid), .event_i(event_record), .event_ready_o(event_ready),
    .event_drops_i(event_drops), .clock_i(bus_clock), .hm_valid_i(hm_valid), .hm_write_i(hm_write),
    .hm_address_i(hm_address), .hm_be_i(hm_be), .hm_wdata_i(hm_wdata), .hm_ready_o(hm_ready),
    .hm_rvalid_o(hm_rvalid), .hm_rdata_o(hm_rdata)
  );
endmodule
"""
