// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The source of the pulser: when pulses come, and how long the pin is on for each.
module pulser_source (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// Start with a number of pulses, or stop with 0.
  input  logic        start_i,
  input  logic [15:0] count_i,
  /// Width, period less one, the bits of the random number that is added to a period; the count stays as it is.
  input  logic [15:0] width_i,
  input  logic [31:0] period_i,
  input  logic [15:0] jitter_i,
  input  logic        endless_i,
  /// The count of pulses so far is cleared.
  input  logic        clear_i,
  /// A pulse comes on this clock; the pin is on; the pulses that are to come, and those so far.
  output logic        pulse_o,
  output logic        on_o,
  output logic [15:0] left_o,
  output logic [31:0] events_o
);
  logic [15:0] left_q, random_q;
  logic [31:0] events_q, distance;
  logic        waits, running, begins;

  assign running = left_q != '0;
  assign pulse_o = running && !waits && !start_i;
  assign begins  = (start_i && count_i != '0) || pulse_o;

  // A distance that does not fit is the longest one.
  always_comb begin : p_distance
    distance = period_i + 32'(random_q & jitter_i);
    if (distance < period_i) distance = '1;
  end
  prim_timer u_period (.clk_i, .rst_ni, .load_i(begins), .clocks_i(distance), .running_o(waits));
  prim_timer #(.Width(16)) u_width (.clk_i, .rst_ni, .load_i(pulse_o), .clocks_i(width_i), .running_o(on_o));

  always_ff @(posedge clk_i) begin : p_left
    if (!rst_ni) left_q <= '0;
    else if (start_i) left_q <= count_i;
    else if (pulse_o && !endless_i) left_q <= left_q - 16'd1;
  end

  always_ff @(posedge clk_i) begin : p_events
    if (!rst_ni) events_q <= '0;
    else if (clear_i || pulse_o) events_q <= (clear_i ? '0 : events_q) + 32'(pulse_o);
  end

  // A maximal sequence of 16 bits (taps 16, 15, 13, 4), a step for each pulse.
  always_ff @(posedge clk_i) begin : p_random
    if (!rst_ni) random_q <= 16'hACE1;
    else if (begins) random_q <= {random_q[14:0], random_q[15] ^ random_q[14] ^ random_q[12] ^ random_q[3]};
  end

  assign left_o   = left_q;
  assign events_o = events_q;
endmodule
