// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// A bulk endpoint to the host: a ring of bytes, sent as they are there when the host asks. A packet that was begun stays
/// as it is until the host has it, because the host may have it and its ACK was lost. A packet of the full length is
/// followed by another one, if need be an empty one, so that a transfer ends (5.8.3).
module usb_bulk_in #(
  /// Log2 of the bytes of the ring.
  parameter int unsigned RingLog2 = 9
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  /// Bytes in their order.
  input  logic       valid_i,
  input  logic [7:0] byte_i,
  output logic       ready_o,
  /// To the bus: there is a packet; it is sent from its begin; the host has it.
  output logic       full_o,
  input  logic       begin_i,
  input  logic       taken_i,
  /// The next byte of the packet.
  output logic       byte_valid_o,
  output logic [7:0] byte_o,
  input  logic       byte_taken_i
);
  if (RingLog2 < 7) begin : gen_check
    $error("usb_bulk_in: RingLog2 must be at least 7");
  end
  localparam logic [6:0] Packet = 7'(usb_pkg::Packet);

  // The bytes that may be used while there is room for three more, which may come before `ready_o` says so.
  localparam logic [RingLog2-1:0] MostUsed = RingLog2'(2 ** RingLog2 - 4);

  logic [RingLog2-1:0] write_q, base_q, read_q, used_q;
  logic [6:0]          length_q, left_q;
  logic                locked_q, owes_q, writes;
  assign writes = valid_i && ready_o;
  always_ff @(posedge clk_i) begin : p_write
    if (!rst_ni) write_q <= '0;
    else if (writes) write_q <= write_q + RingLog2'(1);
    ready_o <= rst_ni && used_q < MostUsed;
  end

  // `used_q` is a clock late: it may miss a byte that came in, but between a packet and the next there are many clocks.
  always_ff @(posedge clk_i) begin : p_packet
    used_q <= write_q - base_q;
    full_o <= rst_ni && (locked_q || owes_q || used_q != '0);
    if (!rst_ni) begin
      base_q   <= '0;
      used_q   <= '0;
      locked_q <= 1'b0;
      owes_q   <= 1'b0;
    end else if (begin_i) begin
      if (!locked_q) length_q <= used_q >= RingLog2'(Packet) ? Packet : used_q[6:0];
      locked_q <= 1'b1;
    end else if (taken_i) begin
      base_q   <= base_q + RingLog2'(length_q);
      owes_q   <= length_q == Packet;
      locked_q <= 1'b0;
    end
  end

  logic begun_q, reads_q;
  always_ff @(posedge clk_i) begin : p_bytes
    begun_q <= begin_i;
    reads_q <= begun_q || byte_taken_i;
    if (begin_i) read_q <= base_q;
    else if (byte_taken_i) read_q <= read_q + RingLog2'(1);
    if (begun_q) left_q <= length_q;
    else if (byte_taken_i) left_q <= left_q - 7'd1;
  end
  assign byte_valid_o = left_q != '0;
  prim_ram #(.Width(8), .AddressWidth(RingLog2)) u_ring (
    .clk_i, .write_i(writes), .write_address_i(write_q), .write_data_i(byte_i), .read_i(reads_q),
    .read_address_i(read_q), .read_data_o(byte_o)
  );
endmodule
