// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// From bytes to packets: the packet identifier and its check, the fields of a token, the CRCs, and the verdict at the
/// end. What follows `ended_o` is stable until the next packet begins.
module usb_packet (
  input  logic       clk_i,
  input  logic       rst_ni,
  /// From the receiver; see there.
  input  logic       started_i,
  input  logic       bit_valid_i,
  input  logic       bit_i,
  input  logic       byte_valid_i,
  input  logic [7:0] byte_i,
  input  logic       ended_i,
  input  logic       broken_i,
  /// A byte of the body of a data packet, of its CRC too; not more than fit into the largest packet. `byte_o` has it.
  output logic       data_valid_o,
  output logic [7:0] data_o,
  /// A packet has ended, and is one of these three kinds; it is none of them if anything was wrong with it.
  output logic       ended_o,
  output logic       token_o,
  output logic       data_good_o,
  output logic       handshake_o,
  output logic [3:0] pid_o,
  /// Of a token: the address of the device and the number of the endpoint.
  output logic [6:0] address_o,
  output logic [3:0] endpoint_o,
  /// Of a data packet: it has as many bytes as a SETUP; it has more than the largest packet.
  output logic       is_setup_long_o,
  output logic       is_too_long_o
);
  localparam int unsigned CrcBytes = 2;
  localparam logic [6:0] Most      = 7'(usb_pkg::Packet + CrcBytes);
  localparam logic [6:0] SetupLong = 7'd8 + 7'(CrcBytes);

  // The identifier is the first byte.
  logic       has_pid_q, pid_good_q;
  logic [3:0] pid_q;
  always_ff @(posedge clk_i) begin : p_pid
    if (!rst_ni || started_i) begin
      has_pid_q  <= 1'b0;
      pid_good_q <= 1'b0;
    end else if (byte_valid_i && !has_pid_q) begin
      has_pid_q  <= 1'b1;
      pid_good_q <= byte_i[3:0] == ~byte_i[7:4];
      pid_q      <= byte_i[3:0];
    end
  end
  assign pid_o = pid_q;

  // The CRCs begin behind it. A check counts at the end of a byte, so a bit that a hub adds does not matter.
  logic [4:0]  crc5_q;
  logic [15:0] crc16_q;
  logic        checks_q, crc5_good_q, crc16_good_q;
  always_ff @(posedge clk_i) begin : p_crc
    checks_q <= byte_valid_i;
    if (!has_pid_q) begin
      crc5_q  <= '1;
      crc16_q <= '1;
    end else if (bit_valid_i) begin
      crc5_q  <= usb_pkg::crc5(crc5_q, bit_i);
      crc16_q <= usb_pkg::crc16(crc16_q, bit_i);
    end
    if (checks_q) begin
      crc5_good_q  <= crc5_q == usb_pkg::Residue5;
      crc16_good_q <= crc16_q == usb_pkg::Residue16;
    end
  end

  // The body: its length, up to one byte more than the longest, and its last two bytes.
  logic [6:0]  length_q;
  logic [15:0] last_q;
  logic        unused_last;
  always_ff @(posedge clk_i) begin : p_body
    if (!has_pid_q) length_q <= '0;
    else if (byte_valid_i && !length_q[6]) length_q <= length_q + 7'd1;
    else if (byte_valid_i && length_q[2:0] != 3'd7) length_q <= length_q + 7'd1;
    if (byte_valid_i) last_q <= {byte_i, last_q[15:8]};
  end
  assign unused_last  = ^last_q[15:11];
  assign address_o    = last_q[6:0];
  assign endpoint_o   = last_q[10:7];
  assign data_o       = byte_i;
  assign data_valid_o = byte_valid_i && has_pid_q && !(length_q[6] && length_q[2:1] != '0);

  // The kind of the packet is known before it ends.
  logic is_two_q, is_data_q, is_token_q, is_handshake_q;
  always_ff @(posedge clk_i) begin : p_kind
    is_two_q        <= length_q == 7'(CrcBytes);
    is_setup_long_o <= length_q == SetupLong;
    is_too_long_o   <= length_q > Most;
    is_token_q      <= pid_good_q && pid_q[1:0] == 2'b01;
    is_data_q       <= pid_good_q && pid_q[2:0] == 3'b011 && length_q >= 7'(CrcBytes);
    is_handshake_q  <= pid_good_q && pid_q[1:0] == 2'b10 && length_q == '0;
    ended_o         <= rst_ni && ended_i;
    token_o         <= is_token_q && is_two_q && crc5_good_q && !broken_i;
    data_good_o     <= is_data_q && crc16_good_q && !broken_i;
    handshake_o     <= is_handshake_q && !broken_i;
  end
endmodule
