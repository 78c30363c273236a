// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Finds the frames in the bytes from the line: takes the escapes away, checks the CRC, and says of each frame whether it
/// is good. The bytes of a frame come out before this is known. A byte can come on each clock.
module link_receive (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// A byte from the line. It cannot be held back.
  input  logic        rx_valid_i,
  input  logic [7:0]  rx_byte_i,
  /// A byte after the first three of a frame: of its body or of its CRC; the first such byte. `word_o` has this byte as its
  /// highest and the three before it below.
  output logic        body_o,
  output logic        body_first_o,
  output logic [31:0] word_o,
  /// A frame has ended on the clock before, and whether it is good. What follows is of this frame, if it is good.
  output logic        ended_o,
  output logic        good_o,
  /// A good frame that is long enough to be a HELLO.
  output logic        hello_long_o,
  output logic [3:0]  type_o,
  output logic        ask_o,
  output logic        again_o,
  output logic [7:0]  number_o,
  output logic [7:0]  next_o,
  /// The nonce of a HELLO.
  output logic [31:0] nonce_o
);
  // The CRC over a frame with its CRC.
  localparam logic [31:0] Residue = 32'hDEBB_20E3;
  // Bytes of a HELLO with its CRC.
  localparam logic [3:0]  Hello    = 4'd12;

  // Bytes without escapes.
  logic       escaped_q, bad_q, is_end, is_escape, datum_valid, escape_wrong;
  logic [7:0] datum;
  assign is_end       = rx_valid_i && rx_byte_i == host_pkg::LinkEnd;
  assign is_escape    = rx_valid_i && rx_byte_i == host_pkg::LinkEscape;
  assign datum_valid  = rx_valid_i && !is_end && (escaped_q || !is_escape);
  assign datum        = escaped_q ? rx_byte_i ^ host_pkg::LinkEscaped : rx_byte_i;
  assign escape_wrong = escaped_q && datum != host_pkg::LinkEnd && datum != host_pkg::LinkEscape;
  always_ff @(posedge clk_i) begin : p_escape
    if (!rst_ni || is_end) begin
      escaped_q <= 1'b0;
      bad_q     <= 1'b0;
    end else if (rx_valid_i) begin
      escaped_q <= is_escape && !escaped_q;
      if (escape_wrong) bad_q <= 1'b1;
    end
  end

  // The bytes of the frame so far, up to those of a HELLO.
  logic [3:0]  index_q;
  logic [31:0] crc_q, crc;
  link_crc u_crc (.crc_i(crc_q), .byte_i(datum), .crc_o(crc));
  always_ff @(posedge clk_i) begin : p_frame
    if (!rst_ni || is_end) begin
      index_q <= '0;
      crc_q   <= '1;
    end else if (datum_valid) begin
      if (index_q != Hello) index_q <= index_q + 4'd1;
      crc_q <= crc;
    end
  end

  // The first three bytes, and the last four of the body. A HELLO's nonce is not pushed out by its CRC.
  logic        begun_q;
  logic [7:0]  kind_q, number_q, next_q;
  logic [31:0] word_q;
  assign word_o       = {datum, word_q[31:8]};
  assign body_o       = datum_valid && begun_q;
  assign body_first_o = index_q == 4'd3;
  always_ff @(posedge clk_i) begin : p_head
    if (!rst_ni || is_end) begun_q <= 1'b0;
    else if (datum_valid && index_q == 4'd2) begun_q <= 1'b1;
    if (datum_valid && index_q == 4'd0) kind_q <= datum;
    if (datum_valid && index_q == 4'd1) number_q <= datum;
    if (datum_valid && index_q == 4'd2) next_q <= datum;
    if (datum_valid && (type_o != host_pkg::LinkToDeviceHello || index_q[3:2] == 2'b01)) word_q <= word_o;
  end

  // The end. Nothing between two ends is no frame, and the shortest frame has 7 bytes. Comparisons of few bits are
  // written without an order here and elsewhere, since carry chains take more cells. Bits 5:4 of the first byte have no meaning yet.
  always_ff @(posedge clk_i) begin : p_end
    ended_o      <= rst_ni && is_end && (index_q != '0 || escaped_q);
    good_o       <= crc_q == Residue && (index_q[3] || index_q[2:0] == 3'd7) && !bad_q && !escaped_q;
    hello_long_o <= index_q == Hello;
  end
  logic unused_kind;
  assign unused_kind = ^kind_q[5:4];
  assign type_o   = kind_q[3:0];
  assign ask_o    = kind_q[host_pkg::LinkKindAsk];
  assign again_o  = kind_q[host_pkg::LinkKindAgain];
  assign number_o = number_q;
  assign next_o   = next_q;
  assign nonce_o  = word_q;
endmodule
