// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// From the two lines to bytes: recovers the clock from the edges, decodes NRZI, takes the stuffed bits away, finds SYNC
/// and the end of packets, and sees a reset of the bus and its suspension. One bit has four clocks.
module usb_receive #(
  /// Clocks of SE0 that are a reset of the bus: 2.5 µs to 10 ms.
  parameter int unsigned ResetClocks,
  /// Clocks of an idle line after which the device is suspended: 3 ms.
  parameter int unsigned SuspendClocks
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  /// The lines, not yet of this clock.
  input  logic       dp_i,
  input  logic       dn_i,
  /// The device itself drives the lines: nothing is received.
  input  logic       mute_i,
  /// A SYNC has ended. `byte_valid_o` says that a byte of the packet has come, its first bit lowest.
  output logic       started_o,
  output logic       bit_valid_o,
  output logic       bit_o,
  output logic       byte_valid_o,
  output logic [7:0] byte_o,
  /// The packet has ended: the lines are idle again. It was broken if a stuffed bit was missing or a byte not whole.
  output logic       ended_o,
  output logic       broken_o,
  /// The bus is in reset; it has been idle for so long that the device must be quiet.
  output logic       bus_reset_o,
  output logic       suspended_o
);
  localparam int unsigned StillWidth = $clog2(SuspendClocks + 1);
  if (ResetClocks < 100 || ResetClocks >= SuspendClocks) begin : gen_check
    $error("usb_receive: ResetClocks must be at least 100 and less than SuspendClocks");
  end

  // The lines: two stages for the crossing, and the level of a clock before.
  logic [2:0] dp_q, dn_q;
  logic       changed;
  always_ff @(posedge clk_i) begin : p_lines
    if (!rst_ni) begin
      dp_q <= '1;
      dn_q <= '0;
    end else begin
      dp_q <= {dp_q[1:0], dp_i};
      dn_q <= {dn_q[1:0], dn_i};
    end
  end
  assign changed = dp_q[2:1] == 2'b01 || dp_q[2:1] == 2'b10 || dn_q[2:1] == 2'b01 || dn_q[2:1] == 2'b10;

  // A bit is sampled one clock after the last edge, and every four clocks from there on. An edge itself is no sample: the
  // two lines may cross some nanoseconds apart.
  logic [1:0] phase_q;
  logic       sample, se0, level;
  always_ff @(posedge clk_i) begin : p_phase
    if (!rst_ni || changed) phase_q <= '0;
    else phase_q <= phase_q + 2'd1;
    sample <= rst_ni && phase_q == 2'd0 && !changed;
    se0    <= !dp_q[1] && !dn_q[1];
    level  <= dp_q[1];
  end

  // NRZI: a zero is a change of level. The SYNC is accepted when it ends, after three zeros, since hubs may eat its first
  // bits.
  logic       level_q, active_q, value, begins, stuffed, takes, overlong_q, dead;
  logic [2:0] before_q;
  assign value  = level == level_q;
  assign begins = sample && !active_q && !se0 && value && before_q == '0;
  always_ff @(posedge clk_i) begin : p_sync
    if (!rst_ni || mute_i) begin
      level_q  <= 1'b1;
      before_q <= '1;
      active_q <= 1'b0;
    end else if (sample) begin
      level_q  <= level || se0;
      before_q <= se0 || active_q ? '1 : {before_q[1:0], value};
      active_q <= !se0 && !dead && (active_q || begins);
    end
  end

  // Bits and bytes. The one that ends the SYNC is the first of a run. Two runs that are too long, without a zero between
  // them, are an idle line: the end of the packet was lost.
  logic [2:0] run_q, count_q;
  assign stuffed = run_q == usb_pkg::LongestRun;
  assign takes   = sample && active_q && !se0;
  assign dead    = takes && stuffed && value && overlong_q;
  always_ff @(posedge clk_i) begin : p_bits
    started_o    <= rst_ni && begins;
    bit_valid_o  <= rst_ni && takes && !stuffed;
    byte_valid_o <= rst_ni && takes && !stuffed && count_q == 3'd7;
    bit_o        <= value;
    if (begins) begin
      run_q      <= 3'd1;
      count_q    <= '0;
      broken_o   <= 1'b0;
      overlong_q <= 1'b0;
    end else if (takes) begin
      run_q <= value && !stuffed ? run_q + 3'd1 : '0;
      if (!stuffed) count_q <= count_q + 3'd1;
      if (!stuffed) byte_o <= {value, byte_o[7:1]};
      if (stuffed && value) broken_o <= 1'b1;
      overlong_q <= value && (stuffed || overlong_q);
    end else if (sample && active_q) begin
      // A hub may stretch the last bit before SE0 to two.
      if (count_q[2:1] != '0) broken_o <= 1'b1;
    end
  end

  // The end: SE0, then the idle level.
  logic closing_q;
  always_ff @(posedge clk_i) begin : p_end
    ended_o <= rst_ni && ((sample && closing_q && !se0) || dead);
    if (!rst_ni || mute_i || (sample && !se0)) closing_q <= 1'b0;
    else if (sample && active_q) closing_q <= 1'b1;
  end

  // The time for which the lines have been as they are.
  logic [StillWidth-1:0] still_q;
  logic                  is_long_q, is_longest_q;
  always_ff @(posedge clk_i) begin : p_still
    if (!rst_ni || mute_i || changed) begin
      still_q      <= '0;
      is_long_q    <= 1'b0;
      is_longest_q <= 1'b0;
    end else begin
      if (!is_longest_q) still_q <= still_q + StillWidth'(1);
      if (still_q == StillWidth'(ResetClocks)) is_long_q <= 1'b1;
      if (still_q == StillWidth'(SuspendClocks - 1)) is_longest_q <= 1'b1;
    end
    bus_reset_o <= rst_ni && is_long_q && se0;
    suspended_o <= rst_ni && is_longest_q && level && !se0;
  end
endmodule
