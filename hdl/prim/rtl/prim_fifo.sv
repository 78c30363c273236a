// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// FIFO in block RAM with its first two entries visible through a `prim_queue`.
/// A datum becomes visible three clocks after the push; after that, one datum moves in each clock.
module prim_fifo #(
  /// Bits of an entry.
  parameter int unsigned Width = 32,
  /// Log2 of the number of entries.
  parameter int unsigned DepthLog2 = 6
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
  /// The first and the second entry, and the number of visible entries.
  output logic [Width-1:0]     data0_o,
  output logic [Width-1:0]     data1_o,
  output logic [2:0]           visible_o,
  /// The number of entries in the FIFO, visible or not.
  output logic [DepthLog2:0]   level_o
);
  logic [DepthLog2-1:0] write_q, read_q;
  logic [DepthLog2:0]   stored_q, level_q;
  logic                 fetch, fetched_q;
  logic [Width-1:0]     ram_data;
  logic [2:0]           visible;

  // One read of the RAM may be on its way; leave room for the datum.
  assign fetch = stored_q != '0 && visible + 3'(fetched_q) < 3'd4;

  always_ff @(posedge clk_i) begin : p_pointers
    if (!rst_ni) begin
      write_q  <= '0;
      read_q   <= '0;
      stored_q <= '0;
    end else if (clear_i || push_i || fetch) begin
      write_q  <= clear_i ? '0 : write_q + DepthLog2'(push_i);
      read_q   <= clear_i ? '0 : read_q + DepthLog2'(fetch);
      stored_q <= clear_i ? '0 : stored_q + (DepthLog2+1)'(push_i) - (DepthLog2+1)'(fetch);
    end
  end

  always_ff @(posedge clk_i) begin : p_level
    if (!rst_ni) begin
      level_q   <= '0;
      fetched_q <= 1'b0;
    end else begin
      if (clear_i || push_i || pop_i) begin
        level_q <= clear_i ? '0 : level_q + (DepthLog2+1)'(push_i) - (DepthLog2+1)'(pop_i);
      end
      fetched_q <= fetch && !clear_i;
    end
  end

  prim_ram #(
    .Width(Width), .Lane(Width), .AddressWidth(DepthLog2)
  ) u_ram (
    .clk_i, .write_i(push_i), .write_address_i(write_q), .write_data_i(data_i),
    .read_i(fetch), .read_address_i(read_q), .read_data_o(ram_data)
  );

  prim_queue #(.Width(Width)) u_queue (
    .clk_i, .rst_ni, .clear_i, .push_i(fetched_q), .data_i(ram_data), .pop_i,
    .data0_o, .data1_o, .level_o(visible)
  );

  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni && !clear_i) begin
      // Nobody pushes into a full FIFO.
      a_push_full: assert (!push_i || !level_q[DepthLog2]);
      // The level counts every entry: stored, in the output queue, or on its way between them.
      a_level: assert (level_q == stored_q + (DepthLog2+1)'(visible) + (DepthLog2+1)'(fetched_q));
    end
  end

  assign visible_o = visible;
  assign level_o   = level_q;
endmodule
