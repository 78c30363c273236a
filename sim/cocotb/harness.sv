// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The machine under cocotb: a clock made here, and the host's side of the command port in C++ (exchange_dpi.cpp).
///
/// Between two edges, while the clock is low, `dirql_step` reads the machine's outputs and sets its inputs. When it
/// returns one, the host has the turn: `host_turn` changes, which wakes Python, and 1 ps later `dirql_step` is called
/// again. So Python runs while the machine stands still, and looks at one signal only.
module harness #(
  /// Bus clocks per second.
  parameter int unsigned ClockFrequency
);
  timeunit 1ns; timeprecision 1ps;

  import "DPI-C" function bit dirql_step(
    input  bit          cmd_ready, wdata_ready, rdata_valid,
    input  int unsigned rdata,
    input  bit          rsp_valid,
    input  int unsigned rsp_status,
    input  bit          intr,
    input  int unsigned intr_input,
    input  bit          event_valid,
    input  bit [127:0]  event_record,
    input  int unsigned event_drops,
    input  longint unsigned clock,
    input  bit          hm_valid, hm_write,
    input  int unsigned hm_address, hm_be, hm_wdata,
    output bit          rst_n, cmd_valid,
    output int unsigned cmd_op, cmd_address, cmd_be, cmd_length, cmd_data,
    output bit          wdata_valid,
    output int unsigned wdata,
    output bit          event_take, hm_ready, hm_rvalid,
    output int unsigned hm_rdata
  );

  import "DPI-C" function int unsigned dirql_pads(
    input int unsigned index, levels, enabled
  );

  localparam realtime HalfPeriod = 1s / (2.0 * real'(ClockFrequency));

  logic host_turn /* verilator public_flat_rd */ = 1'b0;

  logic         clk_i = 1'b0;
  bit           rst_ni;
  bit           cmd_valid_i;
  int unsigned  cmd_op_i, cmd_address_i, cmd_be_i, cmd_length_i, cmd_data_i;
  logic         cmd_ready_o;
  bit           wdata_valid_i;
  int unsigned  wdata_i;
  logic         wdata_ready_o;
  logic         rdata_valid_o;
  logic [31:0]  rdata_o;
  logic         rsp_valid_o;
  logic [2:0]   rsp_status_o;
  logic         intr_o;
  logic [3:0]   intr_input_o;
  logic         event_valid_o;
  logic [127:0] event_o;
  bit           event_ready_i;
  logic [15:0]  event_drops_o;
  logic [63:0]  clock_o;
  logic         hm_valid_o, hm_write_o;
  logic [31:0]  hm_address_o;
  logic [3:0]   hm_be_o;
  logic [31:0]  hm_wdata_o;
  bit           hm_ready_i, hm_rvalid_i;
  int unsigned  hm_rdata_i;

  // Signals with the names of the ports for pads, and `step_pads`.
  `include "harness_pads.svh"

  machine u_machine (
    .cmd_op_i(cmd_op_i[3:0]),
    .cmd_be_i(cmd_be_i[3:0]),
    .cmd_length_i(cmd_length_i[15:0]),
    .rdata_ready_i(1'b1),
    .*
  );

  /// One while it is the host's turn.
  function automatic bit step();
    step_pads();
    return dirql_step(
      cmd_ready_o, wdata_ready_o, rdata_valid_o, rdata_o, rsp_valid_o, 32'(rsp_status_o), intr_o, 32'(intr_input_o),
      event_valid_o, event_o, 32'(event_drops_o), clock_o,
      hm_valid_o, hm_write_o, hm_address_o, 32'(hm_be_o), hm_wdata_o,
      rst_ni, cmd_valid_i, cmd_op_i, cmd_address_i, cmd_be_i, cmd_length_i, cmd_data_i, wdata_valid_i, wdata_i,
      event_ready_i, hm_ready_i, hm_rvalid_i, hm_rdata_i);
  endfunction

  initial begin
    forever begin
      clk_i = 1'b0;
      while (step()) begin
        host_turn = !host_turn;
        #1ps;
      end
      #HalfPeriod clk_i = 1'b1;
      #HalfPeriod;
    end
  end
endmodule
