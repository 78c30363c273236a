// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `bus_arbiter`: masters ask as they like, and start, or do not, whenever they are allowed to. One master,
/// chosen freely, is watched.
module bus_arbiter_formal #(
  parameter int unsigned Masters = 3,
  parameter int unsigned Park = 1,
  parameter int unsigned Policy = 0,
  parameter int unsigned High = 0
) (
  input logic               clk_i,
  input logic               rst_ni,
  input logic               frame_i,
  input logic               irdy_i,
  input logic [Masters-1:0] req_i
);
  localparam int unsigned IndexWidth = Masters > 1 ? $clog2(Masters) : 1;
  logic [Masters-1:0]    gnt, broken;
  logic [IndexWidth-1:0] master;
  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The clock before.
  logic [Masters-1:0] gnt_q, asked_q, broken_q, req_q;
  logic               frame_q, idle, idle_q, start, past_q;
  assign idle  = !frame_i && !irdy_i;
  assign start = frame_i && !frame_q;
  always_ff @(posedge clk_i) begin : p_before
    gnt_q    <= gnt;
    req_q    <= req_i;
    asked_q  <= req_i & ~broken;
    broken_q <= broken;
    frame_q  <= rst_ni && frame_i;
    idle_q   <= !rst_ni || idle;
    past_q   <= rst_ni;
  end

  bus_arbiter #(.Masters(Masters), .Park(Park), .Policy(Policy), .High(High)) u_dut (
    .clk_i, .rst_ni, .frame_i, .irdy_i, .start_i(start), .req_i, .gnt_o(gnt), .master_o(master),
    .broken_o(broken)
  );

  // A register that nothing sets: a master that the proof chooses freely and then keeps.
  logic [$clog2(Masters)-1:0] watched_q;
  always_ff @(posedge clk_i) watched_q <= watched_q;

  // The clocks in a row on which the watched master was granted, asked, and left the bus idle; it saturates at 16.
  logic [4:0] unused_q;
  always_ff @(posedge clk_i) begin : p_unused
    if (!rst_ni || !idle || !gnt[watched_q] || !req_i[watched_q] || broken[watched_q]) unused_q <= '0;
    else if (unused_q != 5'd16) unused_q <= unused_q + 5'd1;
  end

  // The transactions of others since the watched master began to ask. Who starts is who was granted one clock before.
  logic [3:0] others_q;
  always_ff @(posedge clk_i) begin : p_others
    if (!rst_ni || !req_i[watched_q] || broken[watched_q] || (start && gnt_q[watched_q])) others_q <= '0;
    else if (start && others_q != '1) others_q <= others_q + 4'd1;
  end

  // Idle clocks in a row without a request.
  logic [2:0] quiet_q;
  always_ff @(posedge clk_i) begin : p_quiet
    if (!rst_ni || !idle || req_i != '0) quiet_q <= '0;
    else if (quiet_q != '1) quiet_q <= quiet_q + 3'd1;
  end

  // The transactions of others that may still come before the watched master's: one for each step of the round from the
  // owner to the watched master, less the owner's own if it has just begun. Once the watched master has had its turn, a
  // whole round.
  logic [3:0] steps, ahead;
  logic       begins;
  assign steps  = 4'((32'(watched_q) + Masters - 32'(u_dut.owner_q)) % Masters);
  assign begins = gnt != '0 && u_dut.used_q && !idle_q && asked_q[watched_q];
  assign ahead  = steps != '0 ? steps - 4'(begins) : gnt != '0 && !u_dut.used_q ? 4'd0 : 4'(Masters - 1);

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    `ASSUME(watched, 32'(watched_q) < Masters, "The watched master is one of those that there are.")
    if (!rst_ni && begun_q && !past_q) begin
      `PROVE(A08, gnt == '0, "No GNT is on from the second clock of reset on.")
      `PROVE(A07_reset, broken == '0, "No master is broken after reset.")
      `PROVE(master_reset, master == IndexWidth'(Park), "After reset the parking master counts as the one that was granted.")
    end
    if (rst_ni) begin
      `ASSUME(M01, !start || (past_q && idle_q && gnt_q != '0),
              "A master starts only if, one clock before, its GNT was on and the bus was idle.")
      `ASSUME(M02, !(frame_q && !frame_i) || irdy_i, "FRAME goes off only on a clock on which IRDY is on.")
      `ASSUME(M06, !(start && irdy_i), "IRDY is off in the address phase.")
      `PROVE(A01, (gnt & (gnt - Masters'(1))) == '0, "At most one GNT is on.")
      `PROVE(owner, 32'(u_dut.owner_q) < Masters && (gnt == '0 || gnt == Masters'(1) << u_dut.owner_q),
             "The owner is the master that is granted.")
      if (past_q) begin
        `PROVE(A02, !(idle_q && gnt_q != '0 && gnt != '0) || gnt == gnt_q,
               "GNT passes from one master to another on an idle bus through a clock without any GNT.")
        `PROVE(master_granted, gnt_q == '0 || gnt_q == Masters'(1) << master,
               "The master that is named is the one that had GNT on the clock before.")
        `PROVE(A03, (gnt & ~gnt_q & ~req_q) == '0 || asked_q == '0,
               "A master that does not ask gets GNT only if no master asks.")
        `PROVE(A07_ignored, (gnt & ~gnt_q & broken_q) == '0 || asked_q == '0,
               "A broken master gets GNT only if no other master asks.")
        `PROVE(A06, idle_q || asked_q == '0 || (gnt & asked_q) != '0,
               "While a transaction is under way, a master that asks is granted, so that arbitration costs no clocks.")
        `PROVE(keeps, !(gnt_q[watched_q] && asked_q[watched_q] && !u_dut.used_q && gnt_q == gnt) || gnt[watched_q],
               "A granted master that asks keeps its GNT until it has started.")
        `PROVE(A07_broken, !(broken[watched_q] && !broken_q[watched_q]) || unused_q == 5'd16,
               "A master becomes broken only after 16 idle clocks with its REQ and GNT on.")
        `PROVE(A07_count, !gnt[watched_q] || broken[watched_q] || unused_q == 5'(u_dut.waited_q),
               "The arbiter counts the idle clocks on which the granted master asks.")
        `PROVE(A07_found, unused_q != 5'd16 || broken[watched_q],
               "After 16 idle clocks with its REQ and GNT on, a master is broken.")
        `PROVE(A07_stays, !(broken_q[watched_q] && req_q[watched_q]) || broken[watched_q],
               "A broken master is ignored until it withdraws its REQ.")
        `PROVE(A07_again, req_q[watched_q] || !broken[watched_q], "A master that withdrew its REQ is not broken.")
      end
      `PROVE(A05, quiet_q < 3'd4 || gnt[Park],
             "GNT is with the parking master after four idle clocks without a request.")
      `COVER(broken_served, broken[watched_q] && start && !gnt_q[watched_q],
             "Another master starts while one is broken.")
      `COVER(hidden, !idle && gnt != gnt_q && gnt != '0 && gnt_q != '0, "GNT passes on during a transaction.")
      `COVER(recovered, past_q && broken_q[watched_q] && !broken[watched_q],
             "A broken master is taken notice of again.")
    end
  end

  // The longest wait, which the policy bounds.
  if (Policy == 0) begin : gen_round
    always_ff @(posedge clk_i) begin : p_properties
      if (rst_ni) begin
        `PROVE(A04, others_q < 4'(Masters),
               "A master that keeps asking is served after at most one transaction of each other master.")
        `PROVE(A04_round, !req_i[watched_q] || broken[watched_q] || others_q + ahead < 4'(Masters),
               "A transaction of another master brings the watched one nearer to its turn.")
        `COVER(waits_longest, others_q == 4'(Masters - 1) && start && gnt_q[watched_q],
               "A master is served after the largest number of transactions of others.")
      end
    end
  end else if (Policy == 1) begin : gen_two_levels
    // A turn of each master of the high group and one of the low group make a round.
    localparam logic [3:0] Highs = 4'($countones(High));
    localparam logic [3:0] Lows  = 4'(Masters) - Highs;
    always_ff @(posedge clk_i) begin : p_properties
      if (rst_ni) begin
        `PROVE(A04_high, !High[watched_q] || others_q <= Highs,
               "A master of the high group waits for at most one transaction of each of its peers and one of the low group.")
        `PROVE(A04_low, High[watched_q] || others_q < Lows * (Highs + 4'd1),
               "A master of the low group waits for at most a round for each master of its group.")
        `COVER(waits_longest_high, High[watched_q] && others_q == Highs && start && gnt_q[watched_q],
               "A master of the high group is served after the largest number of transactions of others.")
        `COVER(waits_longest_low,
               !High[watched_q] && others_q == Lows * (Highs + 4'd1) - 4'd1 && start && gnt_q[watched_q],
               "A master of the low group is served after the largest number of transactions of others.")
      end
    end
  end else begin : gen_fixed
    logic [Masters-1:0] above;
    assign above = asked_q & ((Masters'(1) << watched_q) - Masters'(1));
    always_ff @(posedge clk_i) begin : p_properties
      if (rst_ni && past_q) begin
        `PROVE(A11_first, !(gnt[watched_q] && !gnt_q[watched_q]) || above == '0,
               "A master does not become granted while one of higher priority asks.")
        `COVER(starves, others_q == 4'd8 && req_i[watched_q],
               "The lowest master still waits after eight transactions of others.")
        `COVER(recovers, others_q == 4'd6 && start && gnt_q[watched_q],
               "A master that has starved is served.")
      end
    end
  end
endmodule
