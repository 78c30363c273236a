// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `prim_fifo`: one datum, chosen freely among all that are pushed, is followed from its push to its pop.
module prim_fifo_formal #(
  parameter int unsigned Width = 2,
  parameter int unsigned DepthLog2 = 3,
  parameter bit          Pair = 1'b1
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
  logic [Width-1:0]   data0, data1;
  logic [1:0]         visible;
  logic [DepthLog2:0] level;
  prim_fifo #(.Width(Width), .DepthLog2(DepthLog2), .Pair(Pair)) u_dut (
    .clk_i, .rst_ni, .clear_i, .push_i, .data_i, .pop_i, .data0_o(data0), .data1_o(data1), .visible_o(visible),
    .level_o(level)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The number of entries by a count that knows only pushes and pops.
  logic [DepthLog2:0] count_q;
  always_ff @(posedge clk_i) begin : p_count
    if (!rst_ni || clear_i) count_q <= '0;
    else count_q <= count_q + (DepthLog2+1)'(push_i) - (DepthLog2+1)'(pop_i);
  end

  // The followed datum, the number of entries before it, and the clocks since its push.
  logic               followed_q;
  logic [DepthLog2:0] before_q;
  logic [Width-1:0]   datum_q;
  logic [1:0]         age_q;
  always_ff @(posedge clk_i) begin : p_follow
    if (!rst_ni || clear_i) begin
      followed_q <= 1'b0;
    end else if (!followed_q) begin
      followed_q <= follow_i && push_i;
      before_q   <= level - (DepthLog2+1)'(pop_i);
      datum_q    <= data_i;
      age_q      <= 2'd1;
    end else begin
      if (age_q != '1) age_q <= age_q + 2'd1;
      if (pop_i) begin
        followed_q <= before_q != '0;
        before_q   <= before_q - (DepthLog2+1)'(1);
      end
    end
  end

  // The place of the followed datum: in the first register, in that of the RAM, or in the RAM at this address.
  logic                 head, on_the_way;
  logic [DepthLog2:0]   ahead;
  logic [DepthLog2-1:0] place;
  assign head       = Pair && u_dut.first;
  assign on_the_way = !Pair && u_dut.first;
  assign ahead      = (DepthLog2+1)'(head) + (DepthLog2+1)'(u_dut.out_q);
  assign place      = u_dut.read_q + DepthLog2'(before_q) - DepthLog2'(ahead);

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (rst_ni && !clear_i) begin
      `ASSUME(push_not_full, !push_i || !level[DepthLog2], "Nobody pushes into a full FIFO.")
      `ASSUME(pop_visible, !pop_i || visible != '0, "Nobody pops unless an entry is visible.")
    end
    if (rst_ni) begin
      `PROVE(count, level == count_q && !(level[DepthLog2] && level[DepthLog2-1:0] != '0),
             "The level is the number of pushes without a pop, and at most the depth.")
      `PROVE(no_second, Pair || data1 == '0, "Without Pair the second entry is 0.")
      `PROVE(visible_some, (DepthLog2+1)'(visible) <= level && visible <= (Pair ? 2'd2 : 2'd1),
             "No more entries are visible than there are, and than there are places for.")
      `PROVE(pointers, u_dut.write_q == u_dut.read_q + DepthLog2'(u_dut.stored_q) + DepthLog2'(on_the_way) &&
             u_dut.stored_q <= level && level == u_dut.stored_q + ahead + (DepthLog2+1)'(on_the_way),
             "Each entry is in exactly one place: in the RAM, in its register, or in the first register.")
      if (followed_q) begin
        `PROVE(kept, before_q < level, "A datum stays until it is popped or the FIFO is cleared.")
        `PROVE(first, !(visible > 2'd0 && before_q == '0) || data0 == datum_q,
               "The first output is the oldest datum, as it was pushed.")
        `PROVE(second, !(visible > 2'd1 && before_q == (DepthLog2+1)'(1)) || data1 == datum_q,
               "The second output is the datum pushed after the oldest.")
        `PROVE(in_head, !(head && before_q == '0) || data0 == datum_q,
               "The entry in the first register is the oldest datum.")
        `PROVE(in_out, !(u_dut.out_q && before_q == (DepthLog2+1)'(head)) || u_dut.ram_data == datum_q,
               "The entry in the RAM's register is the datum of its place in the order.")
        `PROVE(in_ram, before_q < ahead || u_dut.u_ram.gen_lane[0].words[place] == datum_q,
               "An entry in the RAM is the datum of its place in the order.")
        `PROVE(latency, !(age_q == 2'd3 && before_q == '0) || visible != '0,
               "The oldest datum is visible three clocks after its push.")
        `PROVE(readable, age_q == 2'd1 || before_q < ahead + u_dut.stored_q,
               "A datum can be read from the RAM two clocks after its push.")
        `PROVE(age, age_q != 2'd0 && (!Pair || age_q == 2'd1 || before_q > (DepthLog2+1)'(head) || u_dut.out_q || head),
               "The oldest datum has left the RAM two clocks after its push if two entries are visible.")
      end
      `COVER(full, level[DepthLog2] && followed_q && before_q == (DepthLog2+1)'(2**DepthLog2 - 1),
             "The FIFO is full and its last datum is followed.")
      `COVER(full_popped, level[DepthLog2] && pop_i, "An entry of a full FIFO is popped.")
      `COVER(flowing, push_i && pop_i && level == (DepthLog2+1)'(3) && before_q == '0 && followed_q,
             "Data are pushed and popped on the same clock.")
      `COVER(wrapped, u_dut.write_q == '0 && level != '0 && followed_q, "The place for writing has gone round.")
    end
  end
endmodule
