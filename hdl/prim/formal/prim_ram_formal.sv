// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `prim_ram`: one word, chosen freely, is compared with a copy of it in registers.
module prim_ram_formal #(
  parameter int unsigned Width = 4,
  parameter int unsigned Lane = 2,
  parameter int unsigned AddressWidth = 2
) (
  input logic                    clk_i,
  input logic [Width/Lane-1:0]   write_i,
  input logic [AddressWidth-1:0] write_address_i,
  input logic [Width-1:0]        write_data_i,
  input logic                    read_i,
  input logic [AddressWidth-1:0] read_address_i
);
  logic [Width-1:0] read_data;
  prim_ram #(.Width(Width), .Lane(Lane), .AddressWidth(AddressWidth)) u_dut (
    .clk_i, .write_i, .write_address_i, .write_data_i, .read_i, .read_address_i, .read_data_o(read_data)
  );

  // A register that nothing sets: an address that the proof chooses freely and then keeps.
  logic [AddressWidth-1:0] watched_q;
  always_ff @(posedge clk_i) watched_q <= watched_q;

  // Per lane: the word at that address, and whether it has been written; the datum that the last read must give.
  logic [Width-1:0]      word_q, expected_q;
  logic [Width/Lane-1:0] written_q = '0;
  logic [Width/Lane-1:0] expected_lanes_q = '0;
  always_ff @(posedge clk_i) begin : p_copy
    for (int unsigned lane = 0; lane < Width / Lane; lane++) begin
      if (write_i[lane] && write_address_i == watched_q) begin
        word_q[lane*Lane +: Lane] <= write_data_i[lane*Lane +: Lane];
        written_q[lane]           <= 1'b1;
      end
    end
    if (read_i) begin
      expected_q       <= word_q;
      expected_lanes_q <= read_address_i == watched_q ? written_q : '0;
    end
  end

  for (genvar lane = 0; lane < Width / Lane; lane++) begin : gen_lane
    always_ff @(posedge clk_i) begin : p_properties
      if (expected_lanes_q[lane]) begin
        `PROVE(read, read_data[lane*Lane +: Lane] == expected_q[lane*Lane +: Lane],
               "A read gives the lane as it was last written before the clock of the read, and holds it to the next read.")
      end
      if (written_q[lane]) begin
        `PROVE(kept, u_dut.gen_lane[lane].words[watched_q] == word_q[lane*Lane +: Lane],
               "A lane keeps its datum until the same lane of the same word is written.")
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_cover
    `COVER(same_clock, read_i && write_i != '0 && read_address_i == write_address_i && written_q == '1 &&
           watched_q == read_address_i && word_q != write_data_i, "A word is read on the clock on which it changes.")
    `COVER(one_lane, expected_lanes_q == 2'b10, "A word of which one lane was written is read.")
  end
endmodule
