// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// A bulk endpoint from the host: a ring of bytes. A packet counts when it is committed; a broken one is written over.
module usb_bulk_out #(
  /// Log2 of the bytes of the ring.
  parameter int unsigned RingLog2 = 9
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  /// From the bus: data may come; a byte, of the CRC too; the packet counts.
  input  logic       begin_i,
  input  logic       byte_valid_i,
  input  logic [7:0] byte_i,
  input  logic       commit_i,
  /// There is room for the largest packet.
  output logic       room_o,
  /// Bytes in their order.
  output logic       valid_o,
  output logic [7:0] byte_o,
  input  logic       ready_i
);
  if (RingLog2 < 7) begin : gen_check
    $error("usb_bulk_out: RingLog2 must be at least 7");
  end
  localparam logic [RingLog2-1:0] CrcBytes = RingLog2'(2);
  // The bytes that may be used while there is room for a packet with its CRC. One place stays empty, and one byte may
  // come out while another one goes in.
  localparam logic [RingLog2-1:0] MostUsed = RingLog2'(2 ** RingLog2 - usb_pkg::Packet - 4);

  logic [RingLog2-1:0] write_q, committed_q, read_q, used_q;
  logic                some_q, reads;
  always_ff @(posedge clk_i) begin : p_write
    if (!rst_ni) begin
      write_q     <= '0;
      committed_q <= '0;
    end else begin
      if (begin_i) write_q <= committed_q;
      else if (byte_valid_i) write_q <= write_q + RingLog2'(1);
      if (commit_i) committed_q <= write_q - CrcBytes;
    end
    used_q <= committed_q - read_q;
    room_o <= used_q <= MostUsed;
  end
  // Whether there is a byte is looked up in a clock of its own, so bytes come every other clock.
  assign reads = some_q && (!valid_o || ready_i);
  always_ff @(posedge clk_i) begin : p_read
    if (!rst_ni) begin
      read_q  <= '0;
      some_q  <= 1'b0;
      valid_o <= 1'b0;
    end else begin
      some_q <= read_q != committed_q && !reads;
      if (reads) read_q <= read_q + RingLog2'(1);
      valid_o <= reads || (valid_o && !ready_i);
    end
  end
  prim_ram #(.Width(8), .AddressWidth(RingLog2)) u_ring (
    .clk_i, .write_i(byte_valid_i), .write_address_i(write_q), .write_data_i(byte_i), .read_i(reads),
    .read_address_i(read_q), .read_data_o(byte_o)
  );
endmodule
