// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `pulser_source`: pulses come at the distances that were chosen, and no more of them than were asked for.
module pulser_formal (
  input logic        clk_i,
  input logic        rst_ni,
  input logic        start_i,
  input logic [15:0] count_i,
  input logic [15:0] width_i,
  input logic [31:0] period_i,
  input logic [15:0] jitter_i,
  input logic        endless_i,
  input logic        clear_i
);
  logic        pulse, on;
  logic [15:0] left;
  logic [31:0] events;
  pulser_source u_dut (
    .clk_i, .rst_ni, .start_i, .count_i, .width_i, .period_i, .jitter_i, .endless_i, .clear_i, .pulse_o(pulse),
    .on_o(on), .left_o(left), .events_o(events)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The clocks since the source began to wait, the least distance at that time, and the pulses that may still come.
  logic [32:0] waited_q;
  logic [31:0] wanted_q;
  logic [15:0] allowed_q, on_left_q;
  always_ff @(posedge clk_i) begin : p_described
    if (!rst_ni) begin
      allowed_q <= '0;
      waited_q  <= '0;
      wanted_q  <= '0;
      on_left_q <= '0;
    end else begin
      if (start_i) allowed_q <= count_i;
      else if (pulse && !endless_i) allowed_q <= allowed_q - 16'd1;
      if ((start_i && count_i != '0) || pulse) begin
        waited_q <= '0;
        wanted_q <= period_i;
      end else if (!waited_q[32]) waited_q <= waited_q + 33'd1;
      if (pulse) on_left_q <= width_i;
      else if (on_left_q != '0) on_left_q <= on_left_q - 16'd1;
    end
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (rst_ni) begin
      `PROVE(left_state, left == allowed_q, "The pulses that are to come are those that were asked for, less those that came.")
      `PROVE(allowed, !pulse || (allowed_q != '0 && !start_i), "No pulse comes that was not asked for.")
      `PROVE(timer, u_dut.u_period.prim_timer_q >= wanted_q || waited_q >= 33'(wanted_q - u_dut.u_period.prim_timer_q),
             "The time that is left and the time that has passed make up a period or more.")
      `PROVE(distance, !pulse || waited_q >= 33'(wanted_q), "Two pulses, or a start and a pulse, are a period apart or more.")
      `PROVE(width_state, u_dut.u_width.prim_timer_q == on_left_q, "The clocks that are left of a pulse are those of the last one.")
      `PROVE(width, on == (on_left_q != '0), "The pin is on for the clocks of WIDTH after each pulse.")
      `COVER(two_pulses, pulse && events == 32'd1, "A second pulse comes.")
      `COVER(jittered, pulse && waited_q > 33'(wanted_q) + 33'd1, "A random number makes a period longer.")
      `COVER(longer, pulse && on, "A pulse begins while another is on.")
    end
  end
endmodule
