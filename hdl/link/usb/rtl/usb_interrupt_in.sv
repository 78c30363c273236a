// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// An interrupt endpoint to the host: a notice of eight bytes, sent until the host has it.
module usb_interrupt_in (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// A notice, its first byte on top.
  input  logic        valid_i,
  input  logic [63:0] notice_i,
  output logic        ready_o,
  /// To the bus, as of the bulk endpoint.
  output logic        full_o,
  input  logic        begin_i,
  input  logic        taken_i,
  output logic        byte_valid_o,
  output logic [7:0]  byte_o,
  input  logic        byte_taken_i
);
  logic [63:0] notice_q;
  logic [3:0]  left_q;
  assign ready_o      = !full_o;
  assign byte_valid_o = left_q != '0;
  assign byte_o       = notice_q[63:56];
  always_ff @(posedge clk_i) begin : p_notice
    if (!rst_ni) full_o <= 1'b0;
    else if (!full_o) full_o <= valid_i;
    else if (taken_i) full_o <= 1'b0;
    // A packet that is sent takes all bytes once around.
    if (!full_o) notice_q <= notice_i;
    else if (byte_taken_i) notice_q <= {notice_q[55:0], notice_q[63:56]};
    if (!rst_ni || begin_i) left_q <= rst_ni ? 4'd8 : '0;
    else if (byte_taken_i) left_q <= left_q - 4'd1;
  end
endmodule
