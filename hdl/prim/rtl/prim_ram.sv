// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Simple dual-port memory: one write port with byte enables, one synchronous read port.
/// A read of the address that is written on the same clock returns the old datum.
module prim_ram #(
  /// Bits of a word; a multiple of `Lane`.
  parameter int unsigned Width = 32,
  /// Bits that one write enable covers.
  parameter int unsigned Lane = 8,
  /// Log2 of the number of words.
  parameter int unsigned AddressWidth = 8
) (
  input  logic                    clk_i,
  /// Write port.
  input  logic [Width/Lane-1:0]   write_i,
  input  logic [AddressWidth-1:0] write_address_i,
  input  logic [Width-1:0]        write_data_i,
  /// Read port; the datum holds until the next read.
  input  logic                    read_i,
  input  logic [AddressWidth-1:0] read_address_i,
  output logic [Width-1:0]        read_data_o
);
  if (Width % Lane != 0) begin : gen_check
    $error("prim_ram: Width must be a multiple of Lane");
  end

  for (genvar lane = 0; lane < Width / Lane; lane++) begin : gen_lane
    logic [Lane-1:0] words [2**AddressWidth];
    logic [Lane-1:0] read_data_q;
    always_ff @(posedge clk_i) begin
      if (write_i[lane]) words[write_address_i] <= write_data_i[lane*Lane +: Lane];
    end
    always_ff @(posedge clk_i) begin
      if (read_i) read_data_q <= words[read_address_i];
    end
    assign read_data_o[lane*Lane +: Lane] = read_data_q;
  end
endmodule
