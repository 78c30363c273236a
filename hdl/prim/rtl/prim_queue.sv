// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Skid buffer of a few registers whose first two entries are visible, so that a bus agent can offer one datum and
/// has the next one ready on the clock on which the first one moves.
module prim_queue #(
  /// Bits of an entry.
  parameter int unsigned Width = 32,
  /// Number of entries, 1 to 4.
  parameter int unsigned Depth = 4
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  /// Empties the queue; wins over push and pop.
  input  logic             clear_i,
  /// Push; ignored when `Depth` entries are held and none is popped.
  input  logic             push_i,
  input  logic [Width-1:0] data_i,
  /// Pop; must not be given when empty.
  input  logic             pop_i,
  /// The first and the second entry; an entry beyond `level_o` has no meaning. With one entry the second is 0.
  output logic [Width-1:0] data0_o,
  output logic [Width-1:0] data1_o,
  /// The number of entries in the queue, 0 to `Depth`.
  output logic [2:0]       level_o
);
  if (Depth < 1 || Depth > 4) begin : gen_check
    $error("prim_queue: Depth must be 1 to 4");
  end

  logic [Depth*Width-1:0] entries;
  // Only the bits of the level that can be on have registers.
  localparam int unsigned LevelWidth = $clog2(Depth + 1);
  logic [LevelWidth-1:0] level_q;
  logic [2:0]         kept;
  logic               push;

  assign kept = 3'(level_q) - 3'(pop_i);
  assign push = push_i && kept != 3'(Depth);

  for (genvar i = 0; i < Depth; i++) begin : gen_entry
    logic [Width-1:0] above;
    if (i < Depth - 1) begin : gen_above
      assign above = entries[(i+1)*Width +: Width];
    end else begin : gen_top
      assign above = '0;
    end
    logic [Width-1:0] entry_q;
    always_ff @(posedge clk_i) begin
      if (push_i || pop_i) begin
        if (push && kept == 3'(i)) entry_q <= data_i;
        else if (pop_i) entry_q <= above;
      end
    end
    assign entries[i*Width +: Width] = entry_q;
  end

  always_ff @(posedge clk_i) begin : p_level
    if (!rst_ni || clear_i) level_q <= '0;
    else if (push_i || pop_i) level_q <= LevelWidth'(kept) + LevelWidth'(push);
  end

  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni && !clear_i) begin
      // Nobody pops an empty queue.
      a_pop_empty: assert (!pop_i || level_q != '0);
      // The queue never holds more than its entries.
      a_level: assert (3'(level_q) <= 3'(Depth));
    end
  end

  assign data0_o = entries[0 +: Width];
  if (Depth > 1) begin : gen_second
    assign data1_o = entries[Width +: Width];
  end else begin : gen_no_second
    assign data1_o = '0;
  end
  assign level_o = 3'(level_q);
endmodule
