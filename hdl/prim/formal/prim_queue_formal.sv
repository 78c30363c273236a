// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `prim_queue`: one datum, chosen freely among all that are pushed, is followed from its push to its pop.
module prim_queue_formal #(
  parameter int unsigned Width = 4,
  parameter int unsigned Depth = 4
) (
  input logic             clk_i,
  input logic             rst_ni,
  input logic             clear_i,
  input logic             push_i,
  input logic [Width-1:0] data_i,
  input logic             pop_i,
  /// Follow the datum that is pushed on this clock.
  input logic             follow_i
);
  logic [Width-1:0] data0, data1;
  logic [2:0]       level;
  prim_queue #(.Width(Width), .Depth(Depth)) u_dut (
    .clk_i, .rst_ni, .clear_i, .push_i, .data_i, .pop_i, .data0_o(data0), .data1_o(data1), .level_o(level)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The number of entries by a count that knows only pushes and pops.
  logic [2:0] count_q;
  logic       accepted;
  assign accepted = push_i && (level != 3'(Depth) || pop_i);
  always_ff @(posedge clk_i) begin : p_count
    if (!rst_ni || clear_i) count_q <= '0;
    else count_q <= count_q + 3'(accepted) - 3'(pop_i);
  end

  // The followed datum, and the number of entries before it.
  logic             followed_q;
  logic [2:0]       before_q;
  logic [Width-1:0] datum_q;
  always_ff @(posedge clk_i) begin : p_follow
    if (!rst_ni || clear_i) begin
      followed_q <= 1'b0;
    end else if (!followed_q) begin
      followed_q <= follow_i && accepted;
      before_q   <= level - 3'(pop_i);
      datum_q    <= data_i;
    end else if (pop_i) begin
      followed_q <= before_q != '0;
      before_q   <= before_q - 3'd1;
    end
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (rst_ni) begin
      `ASSUME(pop_not_empty, !pop_i || level != '0 || clear_i, "Nobody pops an empty queue.")
      `PROVE(no_second, Depth != 1 || data1 == '0, "With one entry the second one is 0.")
      `PROVE(count, level == count_q && level <= 3'(Depth),
             "The level is the number of accepted pushes without a pop, and at most the depth.")
      if (followed_q) begin
        `PROVE(kept, before_q < level, "A datum stays until it is popped or the queue is cleared.")
        `PROVE(first, before_q != 3'd0 || data0 == datum_q, "The first output is the oldest datum, as it was pushed.")
        `PROVE(second, before_q != 3'd1 || data1 == datum_q,
               "The second output is the datum pushed after the oldest.")
        `PROVE(stored, u_dut.entries[32'(before_q[1:0])*Width +: Width] == datum_q,
               "Each entry holds the datum that was pushed into its place in the order.")
      end
      `COVER(full, level == 3'(Depth) && followed_q && before_q == 3'(Depth - 1),
             "The queue is full and its last datum is followed.")
      `COVER(full_moving, level == 3'(Depth) && push_i && pop_i,
             "A full queue takes a datum and gives one on the same clock.")
      `COVER(refused, level == 3'(Depth) && push_i && !pop_i, "A push is refused.")
    end
  end
endmodule
