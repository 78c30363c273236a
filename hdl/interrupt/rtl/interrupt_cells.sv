// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The request and in-service cells of inputs, which both personalities of the interrupt controller have: a line on its
/// way in, the request that an edge or a message leaves, and the input in service. They know nothing of priority.
module interrupt_cells #(
  /// Inputs.
  parameter int unsigned Inputs = 16
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  /// Input lines, and the kind of each (1 is latched).
  input  logic [Inputs-1:0] lines_i,
  input  logic [Inputs-1:0] latched_i,
  /// Requests by messages and by software, which act like edges.
  input  logic [Inputs-1:0] set_i,
  /// Inputs whose request ends because it was fetched, and those whose request ends without that.
  input  logic [Inputs-1:0] acknowledged_i,
  input  logic [Inputs-1:0] withdrawn_i,
  /// Inputs that go into service, and those whose service ends.
  input  logic [Inputs-1:0] served_i,
  input  logic [Inputs-1:0] ended_i,
  /// State: the lines, the latched requests, these and the level inputs that are on, and the inputs in service.
  output logic [Inputs-1:0] raw_o,
  output logic [Inputs-1:0] requests_o,
  output logic [Inputs-1:0] pending_o,
  output logic [Inputs-1:0] in_service_o,
  /// An edge or message came for an input that was requested already.
  output logic [Inputs-1:0] lost_o
);
  if (Inputs < 1) begin : gen_check
    $error("interrupt_cells: Inputs must be 1 or more");
  end

  logic [Inputs-1:0] raw_q, previous_q, requests_q, in_service_q, set;

  assign set = set_i | (raw_q & ~previous_q & latched_i);

  always_ff @(posedge clk_i) begin : p_lines
    if (!rst_ni) begin
      raw_q      <= '0;
      previous_q <= '0;
    end else begin
      raw_q      <= lines_i;
      previous_q <= raw_q;
    end
  end

  // A set on the clock of the acknowledge wins: it is a new request.
  always_ff @(posedge clk_i) begin : p_requests
    if (!rst_ni) requests_q <= '0;
    else requests_q <= (requests_q & ~acknowledged_i & ~withdrawn_i) | set;
  end

  always_ff @(posedge clk_i) begin : p_in_service
    if (!rst_ni) in_service_q <= '0;
    else in_service_q <= (in_service_q & ~ended_i) | served_i;
  end

  assign raw_o        = raw_q;
  assign requests_o   = requests_q;
  assign pending_o    = requests_q | (raw_q & ~latched_i);
  assign in_service_o = in_service_q;
  assign lost_o       = set & requests_q & ~acknowledged_i & ~withdrawn_i;
endmodule
