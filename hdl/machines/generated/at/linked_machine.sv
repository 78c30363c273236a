// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/machines/at.toml, do not edit.

/// at: as an IBM PC/AT: a pair of 8259A chips, and two pulsers on one latched line, as COM1 and COM3 are.
/// The machine with its link: all that a board needs beside its clock, its reset and a line for bytes. A session of the
/// link resets the machine.
module linked_machine #(
  /// Build the bus protocol checker in.
  parameter bit Checker = 1'b0,
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
  input  logic         tx_ready_i,
  /// Pads of function 1, gpio at 00:02.0: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_1_pads_i,
  output logic [15:0]  gpio_1_pads_o,
  output logic [15:0]  gpio_1_pads_en_o
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
    .hm_rvalid_i(hm_rvalid), .hm_rdata_i(hm_rdata),
    .gpio_1_pads_i, .gpio_1_pads_o, .gpio_1_pads_en_o
  );
  link #(
    .ReceiveLog2(ReceiveLog2), .TransmitLog2(TransmitLog2), .LineLog2(LineLog2), .Faults(1'b1),
    .Memory(1'b1), .ClockHz(32'd33333333), .Machine(64'h26FDED608F0DDF7C), .Build(Build)
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
