// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `link_transmit`: frames of any bytes are made, acknowledged and asked for again, and a byte of them, chosen
/// freely, is followed.
module link_transmit_formal (
  input logic       clk_i,
  input logic       rst_ni,
  input logic       valid_i,
  input logic [7:0] byte_i,
  input logic       last_i,
  input logic       acknowledge_i,
  input logic [7:0] next_i,
  input logic       replay_i,
  input logic       tx_ready_i,
  /// Follow the byte that comes on this clock.
  input logic       follow_i
);
  // A ring in which the number of frames has to be limited.
  localparam int unsigned RingLog2 = 11;
  logic       ready, idle, tx_valid;
  logic [7:0] number, tx_byte;
  link_transmit #(.RingLog2(RingLog2)) u_dut (
    .clk_i, .rst_ni, .valid_i, .byte_i, .last_i, .ready_o(ready), .number_o(number), .idle_o(idle), .acknowledge_i,
    .next_i, .replay_i, .tx_valid_o(tx_valid), .tx_byte_o(tx_byte), .tx_ready_i
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The states of the block.
  localparam logic [1:0] Choose = 2'd0;
  localparam logic [1:0] Walk   = 2'd2;

  // The frame that must be sent on this clock if nothing was asked for; whether the host has asked for all frames again
  // and sending has not gone back yet; whether a frame was sent and then asked for again.
  logic       sends, ends, goes_back, asked_q, was_asked_q, repeats_q, past_q;
  logic [7:0] sent_q, oldest_q, unacknowledged_q;
  assign sends     = tx_valid && tx_ready_i;
  assign ends      = sends && tx_byte == 8'h7E;
  assign goes_back = u_dut.state_q == Choose && !u_dut.inside_q && !u_dut.walks;
  always_ff @(posedge clk_i) begin : p_before
    past_q           <= rst_ni;
    sent_q           <= u_dut.sent_q + 8'(ends);
    oldest_q         <= u_dut.oldest_q;
    unacknowledged_q <= u_dut.unacknowledged_q;
    was_asked_q      <= rst_ni && asked_q;
    repeats_q        <= rst_ni && (repeats_q || (asked_q && goes_back && u_dut.sent_q != u_dut.oldest_q));
    if (!rst_ni) asked_q <= 1'b0;
    else if (replay_i) asked_q <= 1'b1;
    else if (goes_back) asked_q <= 1'b0;
  end

  // The followed byte, with the bytes that were written since the oldest one.
  logic                followed_q;
  logic [7:0]          datum_q;
  logic [RingLog2-1:0] place_q, held, kept, at;
  assign held = u_dut.write_q - u_dut.oldest_place_q;
  assign kept = place_q - u_dut.oldest_place_q;
  assign at   = u_dut.sent_place_q - u_dut.oldest_place_q;
  always_ff @(posedge clk_i) begin : p_follow
    if (!rst_ni) followed_q <= 1'b0;
    else if (!followed_q) begin
      followed_q <= follow_i && valid_i && ready;
      datum_q    <= byte_i;
      place_q    <= u_dut.write_q;
    end else if (u_dut.state_q == Walk && kept == '0) followed_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    `ASSUME(frames_end, last_i == (byte_i == 8'h7E), "The byte 0x7E is the last of each frame, and nowhere else in it.")
    if (acknowledge_i) begin
      `ASSUME(honest, 8'(next_i - u_dut.unacknowledged_q) >= 8'd128 ||
              8'(next_i - u_dut.unacknowledged_q) <= 8'(number - u_dut.unacknowledged_q),
              "The host acknowledges frames that were made, or what it has acknowledged before.")
    end
    if (rst_ni) begin
      `PROVE(made, 8'(u_dut.unacknowledged_q - u_dut.oldest_q) <= 8'(number - u_dut.oldest_q),
             "The frames that are acknowledged are of those that were made.")
      `PROVE(walks, u_dut.state_q != Walk || u_dut.oldest_q != u_dut.unacknowledged_q,
             "Only a frame that is acknowledged is walked over.")
      `PROVE(no_overflow, !(valid_i && ready) || held != '1, "No byte is written over one that is not acknowledged.")
      `PROVE(number_next, number == u_dut.made_q && idle == (u_dut.sent_q == number),
             "The number is that of the frame that comes in; nothing waits if it is the one to be sent.")
      `PROVE(in_ring, !followed_q || (kept < held && u_dut.u_ring.gen_lane[0].words[place_q] == datum_q),
             "A byte stays in the ring as it was until its frame is acknowledged.")
      `PROVE(sent_inside, at <= held, "The byte that is sent next is one of those in the ring, or the next one to come.")
      `PROVE(contents, !(tx_valid && followed_q && u_dut.sent_place_q == place_q) || tx_byte == datum_q,
             "A byte goes to the line as it was made, also when it is sent again.")
      if (past_q) begin
        `PROVE(goes_on, u_dut.sent_q == sent_q || (u_dut.sent_q == 8'(sent_q + 8'd1) && u_dut.oldest_q == u_dut.sent_q) ||
               (was_asked_q && u_dut.sent_q == u_dut.oldest_q),
               "Each frame is sent once, in order, but for those that were acknowledged before, and again only if the host asks.")
        `PROVE(dropped, u_dut.oldest_q == oldest_q || (u_dut.oldest_q == 8'(oldest_q + 8'd1) && oldest_q != unacknowledged_q),
               "Only frames that are acknowledged leave the ring, one after the other.")
      end
      `PROVE(asked_state, asked_q == u_dut.replay_q, "What the host asks for is known until sending goes back.")
      `COVER(again, ends && repeats_q, "A frame is sent a second time.")
      `COVER(acknowledged, u_dut.oldest_q == 8'd1 && held == '0, "A frame is acknowledged and leaves the ring.")
      `COVER(two, u_dut.sent_q == 8'd2, "Two frames are sent.")
    end
  end
endmodule
