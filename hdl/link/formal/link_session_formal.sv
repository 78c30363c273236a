// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `link_session`, whatever frames end and whatever is made of what the host is owed.
module link_session_formal (
  input logic        clk_i,
  input logic        rst_ni,
  input logic        ended_i,
  input logic        good_i,
  input logic        hello_long_i,
  input logic [3:0]  type_i,
  input logic        ask_i,
  input logic        again_i,
  input logic [31:0] nonce_i,
  input logic        taken_i,
  input logic        lost_i,
  input logic        done_i,
  input logic        hello_made_i,
  input logic        again_made_i,
  input logic        next_made_i,
  input logic        answer_made_i,
  input logic        nonce_pop_i
);
  logic       session, begun, acknowledge, replay, hello, again, ask, owed;
  logic [7:0] nonce;
  link_session u_dut (
    .clk_i, .rst_ni, .ended_i, .good_i, .hello_long_i, .type_i, .ask_i, .again_i, .nonce_i, .taken_i, .lost_i,
    .session_o(session), .begun_no(begun), .acknowledge_o(acknowledge), .replay_o(replay), .done_i, .hello_o(hello),
    .again_o(again), .ask_o(ask), .owed_o(owed), .hello_made_i, .again_made_i, .next_made_i, .answer_made_i,
    .nonce_o(nonce), .nonce_pop_i
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The session as the host sees it: its nonce, 0 without one, and the bytes of the nonce that were sent of a HELLO.
  logic [31:0] running_q, turned;
  logic [1:0]  sent_q;
  logic        valid_hello, renews, asks;
  assign valid_hello = ended_i && good_i && hello_long_i && type_i == host_pkg::LinkToDeviceHello && nonce_i != '0;
  assign asks        = ended_i && good_i && type_i == host_pkg::LinkToDeviceControl && ask_i;
  // The nonce is turned by a byte for each byte of it that is sent, and back where it was when all four are.
  assign turned      = sent_q == 2'd0 ? running_q : sent_q == 2'd1 ? {running_q[7:0], running_q[31:8]} :
                       sent_q == 2'd2 ? {running_q[15:0], running_q[31:16]} : {running_q[23:0], running_q[31:24]};
  assign renews      = (valid_hello && (running_q == '0 || nonce_i != turned)) || (asks && running_q == '0);
  always_ff @(posedge clk_i) begin : p_session
    if (!rst_ni) begin
      running_q <= '0;
      sent_q    <= '0;
    end else if (valid_hello && renews) begin
      running_q <= nonce_i;
      sent_q    <= '0;
    end else if (nonce_pop_i) sent_q <= sent_q + 2'd1;
  end

  // The clocks since everything went into reset, up to 7; whether the HELLO for it was made; the gap that was told.
  logic [2:0] since_q;
  logic       made_q, gap_q, told_q;
  always_ff @(posedge clk_i) begin : p_since
    if (!rst_ni || renews) since_q <= '0;
    else if (since_q != 3'd7) since_q <= since_q + 3'd1;
    if (!rst_ni) made_q <= 1'b1;
    else if (renews) made_q <= 1'b0;
    else if (hello_made_i) made_q <= 1'b1;
    if (!rst_ni || since_q != 3'd7 || taken_i) gap_q <= 1'b0;
    else if (lost_i) gap_q <= 1'b1;
    told_q <= rst_ni && again;
  end
  logic past_q, gap_before_q, lost_q, asks_q, renews_q;
  always_ff @(posedge clk_i) begin : p_before
    past_q       <= rst_ni;
    gap_before_q <= gap_q;
    lost_q       <= lost_i && since_q == 3'd7;
    asks_q       <= rst_ni && asks && running_q != '0 && since_q == 3'd7;
    renews_q     <= rst_ni && renews;
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    `ASSUME(made_begun, !(hello_made_i || nonce_pop_i) || begun, "A HELLO is made by what is out of reset.")
    if (rst_ni) begin
      `PROVE(reset, begun == (since_q == 3'd7), "Everything is in reset for 7 clocks before a session, and for no other reason.")
      `PROVE(reset_state, u_dut.reset_q == 3'd7 - since_q, "The reset counts its clocks down.")
      `PROVE(session_begun, session == (running_q != '0 && since_q == 3'd7), "A session runs when the reset for it has ended.")
      `PROVE(answered, hello == !made_q, "Each session, and each ASK without one, is owed one HELLO.")
      `PROVE(nonce_state, u_dut.session_q == (running_q != '0) && u_dut.nonce_q == turned,
             "The nonce of the session is kept; that of no session is 0.")
      `PROVE(nonce_byte, nonce == running_q[8*sent_q +: 8], "A HELLO carries the nonce, the lowest byte first.")
      `PROVE(acknowledges, acknowledge == (ended_i && good_i && session && type_i != host_pkg::LinkToDeviceHello),
             "Good frames but a HELLO acknowledge, in a session.")
      `PROVE(replays, replay == (session && ((ended_i && good_i && type_i == host_pkg::LinkToDeviceControl && again_i) || valid_hello)),
             "All frames are sent again for an AGAIN or a repeated HELLO, and for nothing else.")
      if (past_q) begin
        `PROVE(gap_once, !(again && !told_q) || (lost_q && !gap_before_q), "The host is asked once for each gap.")
        `PROVE(ask_kept, !asks_q || renews_q || ask, "An ASK is owed an answer.")
      end
      `PROVE(gap_state, !begun || u_dut.gap_q == gap_q, "A gap lasts until a frame in order comes.")
      `PROVE(quiet, begun || !(again || ask || owed) || since_q == '0, "A new session owes nothing of the one before.")
      `COVER(second, session && renews && made_q, "A session is followed by another one.")
      `COVER(repeated, session && valid_hello && !renews && made_q, "A HELLO is repeated, and resets nothing.")
      `COVER(gap_told, again && session && lost_i && gap_q, "A second bad frame comes in a gap.")
    end
  end
endmodule
