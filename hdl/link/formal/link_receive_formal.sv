// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `link_receive`, whatever bytes come from the line: a plain receiver reads them too.
module link_receive_formal (
  input logic       clk_i,
  input logic       rst_ni,
  input logic       rx_valid_i,
  input logic [7:0] rx_byte_i
);
  logic        body, first, ended, good, hello_long, ask, again;
  logic [3:0]  kind;
  logic [7:0]  number, next;
  logic [31:0] word, nonce;
  link_receive u_dut (
    .clk_i, .rst_ni, .rx_valid_i, .rx_byte_i, .body_o(body), .body_first_o(first), .word_o(word), .ended_o(ended),
    .good_o(good), .hello_long_o(hello_long), .type_o(kind), .ask_o(ask), .again_o(again), .number_o(number),
    .next_o(next), .nonce_o(nonce)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // CRC-32, bit by bit.
  function automatic logic [31:0] crc_of(input logic [31:0] old, input logic [7:0] datum);
    logic [31:0] crc;
    logic        wrong;
    crc = old;
    for (int unsigned i = 0; i < 8; i++) begin
      wrong = crc[0] ^ datum[i];
      crc   = crc >> 1;
      if (wrong) crc = crc ^ 32'hEDB8_8320;
    end
    crc_of = crc;
  endfunction

  // The receiver: bytes without escapes, their number up to 12, and the CRC of all.
  logic        ends, whole, escaped_q, wrong_q;
  logic [7:0]  plain;
  logic [3:0]  count_q;
  logic [31:0] all_q;
  logic [23:0] head_q;
  assign ends  = rx_valid_i && rx_byte_i == 8'h7E;
  assign plain = escaped_q ? rx_byte_i ^ 8'h20 : rx_byte_i;
  assign whole = rx_valid_i && !ends && (escaped_q || rx_byte_i != 8'h7D);
  always_ff @(posedge clk_i) begin : p_receiver
    if (!rst_ni || ends) begin
      escaped_q <= 1'b0;
      wrong_q   <= 1'b0;
      count_q   <= '0;
      all_q     <= '1;
    end else if (rx_valid_i) begin
      escaped_q <= rx_byte_i == 8'h7D && !escaped_q;
      if (escaped_q && rx_byte_i != 8'h5E && rx_byte_i != 8'h5D) wrong_q <= 1'b1;
      if (whole) begin
        if (count_q != 4'd12) count_q <= count_q + 4'd1;
        all_q <= crc_of(all_q, plain);
        if (count_q == 4'd0) head_q[7:0] <= plain;
        if (count_q == 4'd1) head_q[15:8] <= plain;
        if (count_q == 4'd2) head_q[23:16] <= plain;
      end
    end
  end

  // The verdict of the receiver on the frame that ended on the clock before.
  logic       ended_q, residue_q, formed_q;
  logic [3:0] length_q;
  always_ff @(posedge clk_i) begin : p_ended
    ended_q   <= rst_ni && ends && (count_q != '0 || escaped_q);
    length_q  <= count_q;
    formed_q  <= !wrong_q && !escaped_q && count_q >= 4'd7;
    residue_q <= all_q == 32'hDEBB_20E3;
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (rst_ni) begin
      `PROVE(states, escaped_q == u_dut.escaped_q && count_q == u_dut.index_q && all_q == u_dut.crc_q && wrong_q == u_dut.bad_q,
             "Escapes, length and CRC are those of the bytes since the last 0x7E.")
      `PROVE(length, count_q <= 4'd12, "The length is counted up to that of a HELLO.")
      `PROVE(begun, u_dut.begun_q == (count_q >= 4'd3), "The body begins after three bytes.")
      if (begun_q) begin
        `PROVE(ends_once, ended == ended_q, "A frame ends with 0x7E, unless there is nothing before it.")
      end
      if (ended) begin
        `PROVE(accepted, good == (formed_q && residue_q),
               "A frame is good if its length and its escapes are right, and the CRC-32 of all its bytes is the residue that a right CRC leaves.")
        `PROVE(head, !good || {next, number, again, ask, kind} == {head_q[23:6], head_q[3:0]},
               "Type, flags and numbers are the first three bytes of the frame.")
        `PROVE(hello, hello_long == (length_q == 4'd12), "A frame that can be a HELLO has twelve bytes at least.")
      end
      `PROVE(head_state, (count_q < 4'd1 || u_dut.kind_q == head_q[7:0]) && (count_q < 4'd2 || number == head_q[15:8]) &&
             (count_q < 4'd3 || next == head_q[23:16]), "The head is kept as it comes.")
      `PROVE(bodies, body == (whole && count_q >= 4'd3) && (!body || (word[31:24] == plain && first == (count_q == 4'd3))),
             "Each byte after the first three goes to the body once, as it was sent.")
      `COVER(good_frame, ended && good, "A frame is good.")
      `COVER(bad_crc, ended && !good && formed_q, "A frame has a wrong CRC.")
      `COVER(bad_escape, ended && !good && length_q == 4'd8 && residue_q == 1'b0, "A longer frame is bad.")
    end
  end
endmodule
