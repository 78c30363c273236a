// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// FIFO in block RAM. The register at the RAM's output holds the last visible entry, so that a visible entry takes no
/// register of its own unless a second one is visible too.
/// A datum becomes visible three clocks after the push; after that, one datum moves in each clock.
module prim_fifo #(
  /// Bits of an entry.
  parameter int unsigned Width = 32,
  /// Log2 of the number of entries.
  parameter int unsigned DepthLog2 = 6,
  /// The second entry is visible too; it costs a register for one entry.
  parameter bit          Pair = 1'b0
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  /// Empties the FIFO; wins over push and pop.
  input  logic                 clear_i,
  /// Push; must not be given when `level_o` is the depth.
  input  logic                 push_i,
  input  logic [Width-1:0]     data_i,
  /// Pop of the first visible entry; must not be given when none is visible.
  input  logic                 pop_i,
  /// The first and the second entry, and the number of visible entries, at most 2 with `Pair` and 1 without. Without
  /// `Pair` the second one is 0.
  output logic [Width-1:0]     data0_o,
  output logic [Width-1:0]     data1_o,
  output logic [1:0]           visible_o,
  /// The number of entries in the FIFO, visible or not.
  output logic [DepthLog2:0]   level_o
);
  logic [DepthLog2-1:0] write_q, read_q;
  logic [DepthLog2:0]   stored_q, level_q;
  logic                 arrives, fetch, leaves, out_q, first;
  logic [Width-1:0]     ram_data;

  // The register at the RAM's output holds an entry, which leaves it on this clock.
  assign fetch = stored_q != '0 && (!out_q || leaves);

  always_ff @(posedge clk_i) begin : p_pointers
    if (!rst_ni) begin
      write_q  <= '0;
      read_q   <= '0;
      stored_q <= '0;
    end else if (clear_i || push_i || arrives || fetch) begin
      write_q  <= clear_i ? '0 : write_q + DepthLog2'(push_i);
      read_q   <= clear_i ? '0 : read_q + DepthLog2'(fetch);
      stored_q <= clear_i ? '0 : stored_q + (DepthLog2+1)'(arrives) - (DepthLog2+1)'(fetch);
    end
  end

  always_ff @(posedge clk_i) begin : p_level
    if (!rst_ni) begin
      level_q <= '0;
      out_q   <= 1'b0;
    end else begin
      if (clear_i || push_i || pop_i) begin
        level_q <= clear_i ? '0 : level_q + (DepthLog2+1)'(push_i) - (DepthLog2+1)'(pop_i);
      end
      out_q <= !clear_i && (fetch || (out_q && !leaves));
    end
  end

  prim_ram #(
    .Width(Width), .Lane(Width), .AddressWidth(DepthLog2)
  ) u_ram (
    .clk_i, .write_i(push_i), .write_address_i(write_q), .write_data_i(data_i),
    .read_i(fetch), .read_address_i(read_q), .read_data_o(ram_data)
  );

  if (Pair) begin : gen_pair
    // The first entry is in a register, the second in that of the RAM.
    logic             head_q;
    logic [Width-1:0] data_q;
    assign arrives = push_i;
    assign first   = head_q;
    assign leaves  = out_q && (!head_q || pop_i);
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) head_q <= 1'b0;
      else head_q <= out_q || (head_q && !pop_i);
    end
    always_ff @(posedge clk_i) begin
      if (leaves) data_q <= ram_data;
    end
    assign data0_o   = data_q;
    assign data1_o   = ram_data;
    assign visible_o = {head_q && out_q, head_q && !out_q};
  end else begin : gen_single
    // One clock passes between push and read, as with `Pair` between the two registers.
    logic pushed_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) pushed_q <= 1'b0;
      else pushed_q <= push_i;
    end
    assign arrives   = pushed_q;
    assign first     = pushed_q;
    assign leaves    = pop_i;
    assign data0_o   = ram_data;
    assign data1_o   = '0;
    assign visible_o = {1'b0, out_q};
  end

  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni && !clear_i) begin
      // Nobody pushes into a full FIFO.
      a_push_full: assert (!push_i || !level_q[DepthLog2]);
      // The level counts every entry: stored, in the RAM's output register, and beside the two.
      a_level: assert (level_q == stored_q + (DepthLog2+1)'(out_q) + (DepthLog2+1)'(first));
    end
  end

  assign level_o = level_q;
endmodule
