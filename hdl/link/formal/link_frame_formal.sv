// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `link_frame`: the bytes that go out are read by a plain receiver, and are the bytes that were composed.
module link_frame_formal (
  input logic       clk_i,
  input logic       rst_ni,
  input logic       valid_i,
  input logic       end_i,
  input logic [7:0] byte_i,
  input logic       ready_i
);
  logic       ready, valid, last;
  logic [7:0] datum;
  link_frame u_dut (
    .clk_i, .rst_ni, .valid_i, .end_i, .byte_i, .ready_o(ready), .valid_o(valid), .byte_o(datum), .last_o(last), .ready_i
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // CRC-32, bit by bit.
  function automatic logic [31:0] crc_of(input logic [31:0] old, input logic [7:0] datum_in);
    logic [31:0] crc;
    logic        wrong;
    crc = old;
    for (int unsigned i = 0; i < 8; i++) begin
      wrong = crc[0] ^ datum_in[i];
      crc   = crc >> 1;
      if (wrong) crc = crc ^ 32'hEDB8_8320;
    end
    crc_of = crc;
  endfunction

  // The receiver takes escapes away. The CRC is that of the bytes that were composed.
  logic        moves, escaped_q, whole;
  logic [7:0]  plain;
  logic [31:0] crc_q;
  logic [7:0]  count_q;
  assign moves = valid && ready_i;
  assign plain = escaped_q ? datum ^ 8'h20 : datum;
  assign whole = moves && datum != 8'h7E && (escaped_q || datum != 8'h7D);
  always_ff @(posedge clk_i) begin : p_receiver
    if (!rst_ni || (moves && datum == 8'h7E)) escaped_q <= 1'b0;
    else if (moves) escaped_q <= datum == 8'h7D && !escaped_q;
    if (!rst_ni || (moves && datum == 8'h7E)) begin
      crc_q   <= '1;
      count_q <= '0;
    end else if (valid_i && ready && !end_i) begin
      crc_q   <= crc_of(crc_q, byte_i);
      count_q <= count_q + 8'd1;
    end
  end

  // A byte or an end that was offered on the clock before and not taken.
  logic       offered_q, end_q;
  logic [7:0] byte_q;
  always_ff @(posedge clk_i) begin : p_offered
    offered_q <= rst_ni && valid_i && !ready;
    end_q     <= end_i;
    byte_q    <= byte_i;
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (offered_q) begin
      `ASSUME(stays, valid_i && end_i == end_q && (end_i || byte_i == byte_q), "A byte or an end that is offered stays until it is taken.")
    end
    if (rst_ni) begin
      `PROVE(only_end, !valid || (datum == 8'h7E) == last, "The byte 0x7E goes out at the end of a frame, and nowhere else.")
      `PROVE(escape_state, escaped_q == u_dut.escaped_q, "A receiver knows which byte is escaped.")
      `PROVE(escapes, !(moves && escaped_q) || datum == 8'h5E || datum == 8'h5D, "An escape is one of the two that there are.")
      `PROVE(same, !(valid_i && ready && !end_i) || (whole && plain == byte_i),
             "Each byte that is taken goes out once, and a receiver gets it as it was.")
      `PROVE(nothing_else, !whole || end_i || ready, "No other byte goes out before the end.")
      `PROVE(end_taken, !(valid_i && end_i) || ready == (moves && last), "The end is taken when the last byte goes out.")
      `PROVE(crc_bytes, !last || u_dut.place_q == 3'd4, "Four bytes of CRC go before the end.")
      `PROVE(places, u_dut.place_q <= 3'd4, "There are no more than four bytes of CRC.")
      `PROVE(escape_kept, !escaped_q || (offered_q && (u_dut.datum == 8'h7E || u_dut.datum == 8'h7D)),
             "An escape is followed by the byte that it is for.")
      `PROVE(end_kept, u_dut.place_q == '0 || (offered_q && end_q), "Between the bytes of the CRC comes nothing else.")
      `PROVE(crc_state, u_dut.crc_q == (u_dut.place_q == 3'd0 ? crc_q : u_dut.place_q == 3'd1 ? {8'hFF, crc_q[31:8]} :
                                       u_dut.place_q == 3'd2 ? {16'hFFFF, crc_q[31:16]} :
                                       u_dut.place_q == 3'd3 ? {24'hFFFFFF, crc_q[31:24]} : '1),
             "The CRC is that of the bytes that were taken, and leaves lowest byte first.")
      `PROVE(crc, !(whole && end_i) || plain == 8'(~(crc_q >> (8 * u_dut.place_q[1:0]))),
             "The four bytes before the end are the CRC-32 of the bytes that were taken, inverted, the lowest first.")
      `COVER(escaped, moves && escaped_q && count_q == 8'd1, "The second byte is escaped.")
      `COVER(frame, moves && last && count_q == 8'd2, "A frame of two bytes ends.")
    end
  end
endmodule
