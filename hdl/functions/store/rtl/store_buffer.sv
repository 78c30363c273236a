// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The device buffer: one RAM shared by the bus target (BAR1) and the mover. The target goes first on both ports.
module store_buffer #(
  /// Log2 of the bytes of the buffer.
  parameter int unsigned BufferLog2 = 16,
  /// The target reads in bursts. Else each of its reads is for one datum, which it takes on the clock on which it is there.
  parameter bit          Stream = 1'b1
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  /// Target: writes, and a stream of reads along a burst. `stream_i` lasts as long as the burst.
  input  logic                  target_write_i,
  input  logic [BufferLog2-1:2] target_write_address_i,
  input  logic [3:0]            target_be_i,
  input  logic [31:0]           target_wdata_i,
  input  logic                  stream_i,
  input  logic [BufferLog2-1:2] stream_address_i,
  output logic                  stream_valid_o,
  output logic [31:0]           stream_data_o,
  input  logic                  stream_pop_i,
  /// Mover: writes and reads, each taken when ready; the datum of a read comes one clock later.
  input  logic                  mover_write_i,
  input  logic [BufferLog2-1:2] mover_write_address_i,
  input  logic [3:0]            mover_be_i,
  input  logic [31:0]           mover_wdata_i,
  output logic                  mover_write_ready_o,
  input  logic                  mover_read_i,
  input  logic [BufferLog2-1:2] mover_read_address_i,
  output logic                  mover_read_ready_o,
  output logic                  mover_rvalid_o,
  output logic [31:0]           mover_rdata_o
);
  logic                  target_read, stream_q, target_read_q, mover_read_q;
  logic [BufferLog2-1:2] next;
  logic [31:0]           ram_data;

  always_ff @(posedge clk_i) begin : p_stream
    if (!rst_ni) begin
      stream_q      <= 1'b0;
      target_read_q <= 1'b0;
      mover_read_q  <= 1'b0;
    end else begin
      stream_q      <= stream_i;
      target_read_q <= target_read;
      mover_read_q  <= mover_read_i && mover_read_ready_o;
    end
  end

  if (Stream) begin : gen_stream
    // The stream of reads is ahead of the burst by the number of dwords that the queue holds.
    logic [BufferLog2-1:2] next_q;
    logic [2:0]            level;
    logic [31:0]           head, unused_second;
    logic                  bypass;
    assign next        = stream_q ? next_q : stream_address_i;
    assign target_read = stream_i && level + 3'(target_read_q) < 3'd2;
    always_ff @(posedge clk_i) begin
      if (target_read) next_q <= next + 1'b1;
    end
    assign bypass         = level == '0 && stream_pop_i;
    assign stream_valid_o = stream_q && (level != '0 || target_read_q);
    assign stream_data_o  = level != '0 ? head : ram_data;
    prim_queue #(.Width(32), .Depth(2)) u_stream (
      .clk_i, .rst_ni, .clear_i(!stream_i), .push_i(target_read_q && !bypass), .data_i(ram_data),
      .pop_i(stream_pop_i && level != '0), .data0_o(head), .data1_o(unused_second), .level_o(level)
    );
  end else begin : gen_single
    // The RAM's output holds the datum for one clock at least.
    assign next           = stream_address_i;
    assign target_read    = stream_i && !target_read_q;
    assign stream_valid_o = stream_q && target_read_q;
    assign stream_data_o  = ram_data;
    logic unused_pop;
    assign unused_pop = stream_pop_i;
  end

  assign mover_write_ready_o = !target_write_i;
  assign mover_read_ready_o  = !target_read;
  assign mover_rvalid_o      = mover_read_q;
  assign mover_rdata_o       = ram_data;

  logic [3:0]            ram_write;
  logic [BufferLog2-1:2] ram_write_address;
  logic [31:0]           ram_wdata;
  always_comb begin : p_write
    ram_write         = '0;
    ram_write_address = '0;
    ram_wdata         = '0;
    if (target_write_i) begin
      ram_write         = target_be_i;
      ram_write_address = target_write_address_i;
      ram_wdata         = target_wdata_i;
    end else if (mover_write_i) begin
      ram_write         = mover_be_i;
      ram_write_address = mover_write_address_i;
      ram_wdata         = mover_wdata_i;
    end
  end
  prim_ram #(.Width(32), .Lane(8), .AddressWidth(BufferLog2 - 2)) u_ram (
    .clk_i, .write_i(ram_write), .write_address_i(ram_write_address), .write_data_i(ram_wdata),
    .read_i(target_read || mover_read_i), .read_address_i(target_read ? next : mover_read_address_i),
    .read_data_o(ram_data)
  );
endmodule
