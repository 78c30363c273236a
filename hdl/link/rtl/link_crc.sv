// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// One byte of the CRC-32 of zlib and IEEE 802.3, before the final inversion.
module link_crc (
  input  logic [31:0] crc_i,
  input  logic [7:0]  byte_i,
  output logic [31:0] crc_o
);
  localparam logic [31:0] Polynomial = 32'hEDB8_8320;

  always_comb begin
    crc_o = crc_i ^ 32'(byte_i);
    for (int unsigned i = 0; i < 8; i++) crc_o = {1'b0, crc_o[31:1]} ^ (crc_o[0] ? Polynomial : '0);
  end
endmodule
