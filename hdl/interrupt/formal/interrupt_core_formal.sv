// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `interrupt_core`: one input, chosen freely among the 16, is compared with a description of what it must do;
/// priorities are compared with all others.
module interrupt_core_formal (
  input logic        clk_i,
  input logic        rst_ni,
  input logic [15:0] lines_i,
  input logic [15:0] latched_i,
  input logic [15:0] enable_i,
  input logic [3:0]  threshold_i,
  input logic        threshold_enable_i,
  input logic [15:0] set_i,
  input logic        acknowledge_i,
  input logic [3:0]  acknowledge_input_i,
  input logic        eoi_i,
  input logic [3:0]  eoi_input_i
);
  logic [15:0] raw, pending, in_service, lost;
  logic        fetch_valid, interrupt;
  logic [3:0]  fetch_input, interrupt_input;
  interrupt_core u_dut (
    .clk_i, .rst_ni, .lines_i, .latched_i, .enable_i, .threshold_i, .threshold_enable_i, .set_i, .acknowledge_i,
    .acknowledge_input_i, .eoi_i, .eoi_input_i, .raw_o(raw), .pending_o(pending), .in_service_o(in_service), .lost_o(lost),
    .fetch_valid_o(fetch_valid), .fetch_input_o(fetch_input), .interrupt_o(interrupt), .interrupt_input_o(interrupt_input)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // A register that nothing sets: an input that the proof chooses freely and then keeps.
  logic [3:0] watched_q;
  always_ff @(posedge clk_i) watched_q <= watched_q;

  // The watched input, described by itself: the line on the last two clocks, its request, whether it is in service.
  logic line_q, line_before_q, request_q, service_q, edge_now, acknowledged, ended;
  assign edge_now     = set_i[watched_q] || (latched_i[watched_q] && line_q && !line_before_q);
  assign acknowledged = acknowledge_i && acknowledge_input_i == watched_q;
  assign ended        = eoi_i && eoi_input_i == watched_q;
  always_ff @(posedge clk_i) begin : p_watched
    if (!rst_ni) begin
      line_q        <= 1'b0;
      line_before_q <= 1'b0;
      request_q     <= 1'b0;
      service_q     <= 1'b0;
    end else begin
      line_q        <= lines_i[watched_q];
      line_before_q <= line_q;
      if (edge_now) request_q <= 1'b1;
      else if (acknowledged) request_q <= 1'b0;
      if (acknowledged) service_q <= 1'b1;
      else if (ended) service_q <= 1'b0;
    end
  end

  // The offer and the acknowledge of the clock before.
  logic        offered_q, acknowledge_q;
  logic [3:0]  offered_input_q;
  always_ff @(posedge clk_i) begin : p_before
    offered_q       <= rst_ni && fetch_valid && !acknowledge_i;
    offered_input_q <= fetch_input;
    acknowledge_q   <= rst_ni && acknowledge_i;
  end

  // Whether the watched input may be presented.
  logic above;
  logic eligible;
  always_comb begin : p_eligible
    above = 1'b0;
    for (int unsigned i = 0; i < 16; i++) above = above || (in_service[i] && 4'(i) >= watched_q);
    eligible = pending[watched_q] && enable_i[watched_q] && !above && !(threshold_enable_i && threshold_i >= watched_q);
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (rst_ni) begin
      `PROVE(raw_state, raw[watched_q] == line_q && u_dut.u_cells.previous_q[watched_q] == line_before_q,
             "The raw state of an input is its line one clock before.")
      `PROVE(I03_I08_request, u_dut.u_cells.requests_q[watched_q] == request_q,
             "An edge on a latched input or a message requests, enabled or not; only an acknowledge without a new edge on the same clock ends the request.")
      `PROVE(I07_pending, pending[watched_q] == (request_q || (!latched_i[watched_q] && line_q)),
             "An input is pending while it is requested, or while its line is on if it is a level input.")
      `PROVE(in_service_state, in_service[watched_q] == service_q,
             "An input is in service from its acknowledge to its end of interrupt.")
      `PROVE(I04_lost, lost[watched_q] == (edge_now && request_q && !acknowledged),
             "An edge or a message for an input that is requested already is reported as lost, and no other one.")
      `PROVE(I06_offered, !(fetch_valid && fetch_input == watched_q) || eligible,
             "A fetch returns only an input that is pending, enabled, above the threshold and above every input in service.")
      `PROVE(I06_highest, !eligible || (fetch_valid && fetch_input >= watched_q),
             "While an input may be presented, a fetch returns it or a higher one.")
      `PROVE(presented, interrupt == offered_q && (!interrupt || interrupt_input == offered_input_q),
             "What is presented is what a fetch would have returned one clock before, and nothing on the clock after an acknowledge.")
      `PROVE(none_offered, fetch_valid || fetch_input == '0, "Without an input to offer, the number offered is 0.")
      `COVER(nested, interrupt && in_service != '0 && fetch_input > 4'd3,
             "An input is presented while a lower one is in service.")
      `COVER(held_back, pending[15] && enable_i[15] && in_service[15] && !interrupt,
             "An input waits for its own end of interrupt.")
      `COVER(lost_edge, lost != '0, "An edge is lost.")
      `COVER(edge_wins, acknowledged && edge_now && request_q, "A new edge comes on the clock of the acknowledge.")
      `COVER(quiet_after, acknowledge_q && !interrupt && fetch_valid,
             "Nothing is presented on the clock after an acknowledge.")
    end
  end
endmodule
