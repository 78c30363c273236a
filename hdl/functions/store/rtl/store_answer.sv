// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Finds the address space of the function that an access is for, and the datum that answers a read.
module store_answer (
  input  socket_pkg::access_t access_i,
  /// The accessed space: registers (BAR0), buffer (BAR1), ports (BAR2).
  output logic                registers_o,
  output logic                buffer_o,
  output logic                ports_o,
  /// The offered datum, and the datum on the bus, come from the FIFO; the written datum goes to it.
  output logic                fifo_o,
  output logic                fifo_loaded_o,
  output logic                fifo_window_o,
  /// Data of each space, and the one that answers.
  input  logic [31:0]         registers_rdata_i,
  input  logic [31:0]         buffer_rdata_i,
  input  logic                buffer_rvalid_i,
  input  logic [31:0]         ports_rdata_i,
  input  logic [31:0]         fifo_rdata_i,
  input  logic                fifo_rvalid_i,
  output socket_pkg::answer_t answer_o,
  output logic [31:0]         rdata_o
);
  assign registers_o   = access_i.bar[0];
  assign buffer_o      = access_i.bar[1];
  assign ports_o       = access_i.bar[2];
  assign fifo_o        = access_i.active && ((registers_o && access_i.pointer[11:8] == 4'd1) ||
                         (ports_o && access_i.pointer[3:2] == 2'd0));
  assign fifo_loaded_o = (registers_o && access_i.loaded_address[11:8] == 4'd1) ||
                         (ports_o && access_i.loaded_address[3:2] == 2'd0);
  assign fifo_window_o = registers_o && access_i.write_address[11:8] == 4'd1;

  // Registers, ports and FIFO give 0 unless they are read.
  always_comb begin : p_answer
    answer_o = socket_pkg::AnswerAtOnce;
    if (fifo_o) answer_o.rvalid = fifo_rvalid_i;
    else if (buffer_o) answer_o.rvalid = buffer_rvalid_i;
    rdata_o = registers_rdata_i | ports_rdata_i | fifo_rdata_i | (buffer_rdata_i & {32{buffer_o}});
  end

  logic unused_access;
  assign unused_access = ^access_i;
endmodule
