// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Makes a frame for the line of the bytes that are composed: appends the CRC, escapes what must be escaped, and ends the
/// frame.
module link_frame (
  input  logic       clk_i,
  input  logic       rst_ni,
  /// A byte, or the end of the frame.
  input  logic       valid_i,
  input  logic       end_i,
  input  logic [7:0] byte_i,
  output logic       ready_o,
  /// A byte for the line; it ends the frame.
  output logic       valid_o,
  output logic [7:0] byte_o,
  output logic       last_o,
  input  logic       ready_i
);
  // The CRC is shifted out at the end, which leaves it as it must begin.
  logic [31:0] crc_q, crc;
  logic [2:0]  place_q;
  logic [7:0]  datum;
  logic        special, escaped_q, moves;
  link_crc u_crc (.crc_i(crc_q), .byte_i, .crc_o(crc));
  assign datum   = end_i ? ~crc_q[7:0] : byte_i;
  assign special = datum == host_pkg::LinkEnd || datum == host_pkg::LinkEscape;
  assign last_o  = end_i && place_q[2];
  assign valid_o = valid_i;
  assign byte_o  = last_o ? host_pkg::LinkEnd : !special ? datum : escaped_q ? datum ^ host_pkg::LinkEscaped : host_pkg::LinkEscape;
  assign moves   = valid_i && ready_i && (last_o || !special || escaped_q);
  assign ready_o = ready_i && (end_i ? last_o : !special || escaped_q);

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      escaped_q <= 1'b0;
      place_q   <= '0;
      crc_q     <= '1;
    end else if (valid_i && ready_i) begin
      escaped_q <= special && !escaped_q && !last_o;
      if (moves && end_i) place_q <= last_o ? '0 : place_q + 3'd1;
      if (moves && !last_o) crc_q <= end_i ? {8'hFF, crc_q[31:8]} : crc;
    end
  end
endmodule
