// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The simple personality of the interrupt controller, without registers or bus: sixteen cells, priority by number.
/// A latched input makes one request for each rising edge, enabled or not; a level input requests while the line is on.
/// The highest request is presented if it is enabled, above every input in service and above the threshold.
module interrupt_core (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// Input lines, the kind of each (1 is latched), enables, threshold.
  input  logic [15:0] lines_i,
  input  logic [15:0] latched_i,
  input  logic [15:0] enable_i,
  input  logic [3:0]  threshold_i,
  input  logic        threshold_enable_i,
  /// Requests by messages and by software, which act like edges.
  input  logic [15:0] set_i,
  /// The fetch of `fetch_input_o` has ended; counts if `fetch_valid_o` was on when the caller latched the input.
  input  logic        acknowledge_i,
  input  logic [3:0]  acknowledge_input_i,
  /// End of interrupt.
  input  logic        eoi_i,
  input  logic [3:0]  eoi_input_i,
  /// State.
  output logic [15:0] raw_o,
  output logic [15:0] pending_o,
  output logic [15:0] in_service_o,
  /// An edge or message came for an input that was requested already.
  output logic [15:0] lost_o,
  /// The input that a fetch would return now.
  output logic        fetch_valid_o,
  output logic [3:0]  fetch_input_o,
  /// The input that is presented to the host.
  output logic        interrupt_o,
  output logic [3:0]  interrupt_input_o
);
  logic [15:0] pending, in_service, wanted, candidates, acknowledged, ended;

  always_comb begin : p_ends
    acknowledged = '0;
    ended        = '0;
    if (acknowledge_i) acknowledged[acknowledge_input_i] = 1'b1;
    if (eoi_i) ended[eoi_input_i] = 1'b1;
  end

  interrupt_cells #(.Inputs(16)) u_cells (
    .clk_i, .rst_ni, .lines_i, .latched_i, .set_i, .acknowledged_i(acknowledged), .withdrawn_i('0),
    .served_i(acknowledged), .ended_i(ended), .raw_o, .requests_o(), .pending_o(pending),
    .in_service_o(in_service), .lost_o
  );
  // An input is a candidate if no input at its level or above is in service.
  assign wanted = pending & enable_i;
  always_comb begin : p_candidates
    logic blocked;
    blocked = 1'b0;
    candidates = '0;
    if (wanted != '0) begin
      for (int i = 15; i >= 0; i--) begin
        blocked = blocked || in_service[i] || (threshold_enable_i && threshold_i == 4'(i));
        candidates[i] = wanted[i] && !blocked;
      end
    end
  end

  always_comb begin : p_priority
    fetch_input_o = '0;
    if (candidates != '0) begin
      for (int unsigned i = 0; i < 16; i++) begin
        if (candidates[i]) fetch_input_o = 4'(i);
      end
    end
  end
  assign fetch_valid_o = candidates != '0;

  // An input acknowledged on this clock must not be seen presented on the next.
  always_ff @(posedge clk_i) begin : p_present
    if (!rst_ni) begin
      interrupt_o       <= 1'b0;
      interrupt_input_o <= '0;
    end else begin
      interrupt_o       <= fetch_valid_o && !acknowledge_i;
      interrupt_input_o <= fetch_input_o;
    end
  end

  assign pending_o    = pending;
  assign in_service_o = in_service;
endmodule
