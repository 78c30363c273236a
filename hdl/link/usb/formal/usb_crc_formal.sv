// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of the CRCs of `usb_pkg`: they are those of USB 2.0, 8.3.5, and a receiver that runs over data with the right CRC
/// ends with the residue, whatever the data were.
module usb_crc_formal (
  input logic        clk_i,
  input logic        rst_ni,
  /// A bit of the data.
  input logic        value_i,
  /// A state of a CRC register after some data.
  input logic [4:0]  state5_i,
  input logic [15:0] state16_i
);
  // The registers as the specification draws them: they shift to the left, and the highest bit is fed back.
  logic [4:0]  drawn5_q, crc5_q;
  logic [15:0] drawn16_q, crc16_q;
  always_ff @(posedge clk_i) begin : p_registers
    if (!rst_ni) begin
      drawn5_q  <= '1;
      drawn16_q <= '1;
      crc5_q    <= '1;
      crc16_q   <= '1;
    end else begin
      drawn5_q  <= {drawn5_q[3:0], 1'b0} ^ (value_i ^ drawn5_q[4] ? 5'b00101 : 5'd0);
      drawn16_q <= {drawn16_q[14:0], 1'b0} ^ (value_i ^ drawn16_q[15] ? 16'b1000_0000_0000_0101 : 16'd0);
      crc5_q    <= usb_pkg::crc5(crc5_q, value_i);
      crc16_q   <= usb_pkg::crc16(crc16_q, value_i);
    end
  end
  logic [4:0]  turned5, end5;
  logic [15:0] turned16, end16;
  always_comb begin : p_turn
    for (int each = 0; each < 5; each++) turned5[each] = drawn5_q[4-each];
    for (int each = 0; each < 16; each++) turned16[each] = drawn16_q[15-each];
    // The receiver runs on over the CRC, which is sent inverted.
    end5  = state5_i;
    end16 = state16_i;
    for (int each = 0; each < 5; each++) end5 = usb_pkg::crc5(end5, !state5_i[each]);
    for (int each = 0; each < 16; each++) end16 = usb_pkg::crc16(end16, !state16_i[each]);
  end

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (begun_q) begin
      `PROVE(crc5_drawn, crc5_q == turned5, "CRC5 is that of the specification, with its bits in the other order.")
      `PROVE(crc16_drawn, crc16_q == turned16, "CRC16 is that of the specification, with its bits in the other order.")
      `PROVE(residue5, end5 == usb_pkg::Residue5, "After any data with their CRC5 the residue is left.")
      `PROVE(residue16, end16 == usb_pkg::Residue16, "After any data with their CRC16 the residue is left.")
      `COVER(zero, crc16_q == '0, "The register of CRC16 becomes 0.")
    end
  end
endmodule
