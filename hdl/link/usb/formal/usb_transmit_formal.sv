// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `usb_transmit`: what is on the lines while a packet is sent, whatever the packet is.
module usb_transmit_formal (
  input logic       clk_i,
  input logic       rst_ni,
  input logic       start_i,
  input logic [3:0] pid_i,
  input logic       with_data_i,
  input logic       byte_valid_i,
  input logic [7:0] byte_i
);
  logic byte_taken, idle, done, dp, dn, oe;
  usb_transmit u_dut (
    .clk_i, .rst_ni, .start_i, .pid_i, .with_data_i, .byte_valid_i, .byte_i, .byte_taken_o(byte_taken), .idle_o(idle),
    .done_o(done), .dp_o(dp), .dn_o(dn), .oe_o(oe)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The history of the lines: how many clocks they are as they are, how many bits had no change, and how many were SE0.
  logic       oe_q, dp_q, dn_q, same;
  logic [1:0] held_q;
  logic [2:0] ones_q;
  logic [1:0] se0_q;
  assign same = oe_q && oe && dp_q == dp && dn_q == dn;
  always_ff @(posedge clk_i) begin : p_watch
    oe_q   <= rst_ni && oe;
    dp_q   <= dp;
    dn_q   <= dn;
    held_q <= !rst_ni || !oe ? '0 : same ? held_q + 2'd1 : 2'd1;
    if (!rst_ni || !oe || (dp == dn)) ones_q <= '0;
    else if (oe_q && dp_q == dp && dn_q == dn) begin
      if (held_q == '0) ones_q <= ones_q + 3'd1;
    end else ones_q <= '0;
    if (!rst_ni || !oe) se0_q <= '0;
    else if (dp == dn && (held_q == '0 || !same)) se0_q <= se0_q + 2'd1;
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (rst_ni && begun_q) begin
      `PROVE(never_both, !(dp && dn), "The two lines are never high at once.")
      `PROVE(run, ones_q <= 3'd6, "A level lasts at most seven bits: after six ones there is a zero.")
      `PROVE(whole, !(oe && oe_q) || same || held_q == '0, "The lines change at the end of a bit only.")
      `PROVE(released, oe || !oe_q || (dp_q && !dn_q && held_q == '0 && se0_q == 2'd2),
             "A packet ends with two bits of SE0 and whole bits of J, and only then the lines are released.")
      `PROVE(internal_run, u_dut.run_q <= 3'd6, "The counter of ones stays in its range.")
      `PROVE(idle_quiet, !idle || !u_dut.drives_q || u_dut.level_q, "After a packet the level is J.")
      `COVER(handshake, done && !with_data_i, "A handshake is sent.")
      `COVER(stuffed, u_dut.stuffs && u_dut.tick, "A bit is stuffed.")
    end
  end
endmodule
