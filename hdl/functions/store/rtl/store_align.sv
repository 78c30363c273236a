// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Byte funnel: turns the dwords that hold a run of bytes at one byte offset into dwords that hold the run at another
/// offset, one dword in each clock. In the first and the last dword only the byte lanes of the run are enabled.
module store_align #(
  /// Bits of a byte count.
  parameter int unsigned CountWidth = 24
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  /// Begins a run of `length_i` bytes, at least one; the run before is forgotten.
  input  logic                  start_i,
  input  logic [1:0]            source_offset_i,
  input  logic [1:0]            sink_offset_i,
  input  logic [CountWidth-1:0] length_i,
  /// The dwords that go in.
  input  logic                  valid_i,
  input  logic [31:0]           data_i,
  output logic                  ready_o,
  /// The dwords that come out.
  output logic                  valid_o,
  output logic [31:0]           data_o,
  output logic [3:0]            be_o,
  input  logic                  ready_i,
  /// The whole run has come out.
  output logic                  done_o
);
  localparam int unsigned DwordWidth = CountWidth - 1;

  logic [DwordWidth-1:0] source_left_q, sink_left_q;
  logic [1:0]            rotate_q, first_offset_q, last_offset_q;
  logic                  prime_q, first_q, take, give;
  logic [31:0]           carry_q, rotated;
  logic [3:0]            from_carry;

  // The number of dwords that hold a run of `length` bytes at `offset`.
  function automatic logic [DwordWidth-1:0] dwords(input logic [1:0] offset, input logic [CountWidth-1:0] length);
    logic [CountWidth:0] bytes;
    bytes = (CountWidth+1)'(length) + (CountWidth+1)'(offset) + (CountWidth+1)'(3);
    dwords = bytes[CountWidth:2];
  endfunction

  always_comb begin : p_rotate
    {from_carry, rotated} = '0;
    if (valid_i || ready_i) begin
      unique case (rotate_q)
        2'd0: {from_carry, rotated} = {4'b0000, data_i};
        2'd1: {from_carry, rotated} = {4'b0001, data_i[23:0], data_i[31:24]};
        2'd2: {from_carry, rotated} = {4'b0011, data_i[15:0], data_i[31:16]};
        default: {from_carry, rotated} = {4'b0111, data_i[7:0], data_i[31:8]};
      endcase
    end
  end

  assign ready_o = source_left_q != '0 && (prime_q || ready_i);
  assign take    = valid_i && ready_o;
  assign valid_o = sink_left_q != '0 && !prime_q && (valid_i || source_left_q == '0);
  assign give    = valid_o && ready_i;
  assign done_o  = sink_left_q == '0;

  always_comb begin : p_out
    data_o = '0;
    be_o   = '0;
    if (give) begin
      for (int unsigned lane = 0; lane < 4; lane++) begin
        data_o[lane*8 +: 8] = from_carry[lane] ? carry_q[lane*8 +: 8] : rotated[lane*8 +: 8];
      end
      be_o = (first_q ? 4'hF << first_offset_q : 4'hF) &
             (sink_left_q == DwordWidth'(1) ? 4'hF >> (2'd3 - last_offset_q) : 4'hF);
    end
  end

  always_ff @(posedge clk_i) begin : p_run
    if (start_i) begin
      rotate_q       <= sink_offset_i - source_offset_i;
      first_offset_q <= sink_offset_i;
      last_offset_q  <= sink_offset_i + length_i[1:0] - 2'd1;
    end
    if (take) carry_q <= rotated;
  end

  // The first dword that goes in gives no dword out if its bytes lie higher in it than in the first dword that comes
  // out.
  always_ff @(posedge clk_i) begin : p_progress
    if (!rst_ni) begin
      source_left_q <= '0;
      sink_left_q   <= '0;
      prime_q       <= 1'b0;
      first_q       <= 1'b0;
    end else if (start_i) begin
      source_left_q <= dwords(source_offset_i, length_i);
      sink_left_q   <= dwords(sink_offset_i, length_i);
      prime_q       <= sink_offset_i < source_offset_i;
      first_q       <= 1'b1;
    end else begin
      if (take) source_left_q <= source_left_q - DwordWidth'(1);
      if (take) prime_q <= 1'b0;
      if (give) sink_left_q <= sink_left_q - DwordWidth'(1);
      if (give) first_q <= 1'b0;
    end
  end
endmodule
