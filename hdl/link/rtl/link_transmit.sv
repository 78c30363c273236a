// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Keeps the frames to the host, ready for the line, until they are acknowledged, and sends them. To send them again is to
/// go back to the oldest one. Frames that are acknowledged are walked over, byte by byte up to the end of each, in the
/// clocks in which the line takes nothing.
module link_transmit #(
  /// Log2 of the bytes of the ring.
  parameter int unsigned RingLog2 = 10
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  /// A byte of a frame, and whether it is the last one.
  input  logic       valid_i,
  input  logic [7:0] byte_i,
  input  logic       last_i,
  output logic       ready_o,
  /// The number of the frame that comes in; all frames that came have been sent.
  output logic [7:0] number_o,
  output logic       idle_o,
  /// The host has all frames before this number; it wants all others again.
  input  logic       acknowledge_i,
  input  logic [7:0] next_i,
  input  logic       replay_i,
  /// The line.
  output logic       tx_valid_o,
  output logic [7:0] tx_byte_o,
  input  logic       tx_ready_i
);
  localparam logic [7:0] Longest = 8'd127;
  if (RingLog2 < 10 || RingLog2 > 12) begin : gen_check
    $error("link_transmit: RingLog2 must be 10 to 12");
  end

  typedef enum logic [1:0] {
    // Nothing has been read from the ring.
    StChoose,
    // A byte for the line has been read.
    StPlay,
    // A byte of a frame that is acknowledged has been read.
    StWalk
  } state_e;

  // Numbers of frames: the oldest one in the ring, the first that is not acknowledged, the one that is sent, the one that
  // comes in.
  logic [7:0] oldest_q, unacknowledged_q, sent_q, made_q, under_way;
  logic [RingLog2-1:0] write_q, oldest_place_q, sent_place_q, after;
  logic       inside_q, replay_q, walks, plays, is_end, writes, room;
  state_e     state_q;
  logic [7:0] datum;

  // Bytes that come in. A ring of 2^10 bytes has no room for more frames than numbers can tell apart.
  assign under_way = made_q - oldest_q;
  assign after     = write_q + RingLog2'(1);
  assign room      = after != oldest_place_q && (RingLog2 == 10 || under_way != Longest);
  assign ready_o   = room;
  assign writes    = valid_i && room;
  always_ff @(posedge clk_i) begin : p_write
    if (!rst_ni) begin
      write_q <= '0;
      made_q  <= '0;
    end else if (writes) begin
      write_q <= after;
      if (last_i) made_q <= made_q + 8'd1;
    end
  end
  prim_ram #(.Width(8), .AddressWidth(RingLog2)) u_ring (
    .clk_i, .write_i(writes), .write_address_i(write_q), .write_data_i(byte_i),
    .read_i(state_q == StChoose), .read_address_i(walks ? oldest_place_q : sent_place_q), .read_data_o(datum)
  );

  // An acknowledgement is old if it acknowledges nothing new. A host acknowledges only frames that it has got; if it
  // does not, walking stops at the frames that were made.
  logic [7:0] newly;
  logic       unused_newly;
  assign newly        = next_i - unacknowledged_q;
  assign unused_newly = ^newly[6:0];
  always_ff @(posedge clk_i) begin : p_acknowledge
    if (!rst_ni) begin
      unacknowledged_q <= '0;
      replay_q         <= 1'b0;
    end else begin
      if (acknowledge_i && !newly[7]) unacknowledged_q <= next_i;
      if (replay_i) replay_q <= 1'b1;
      else if (state_q == StChoose && !inside_q && !walks) replay_q <= 1'b0;
    end
  end

  // The frame that is being sent stays where it is. Between two frames walking comes first, and takes the place of the
  // next frame to be sent along.
  assign walks  = oldest_q != unacknowledged_q && oldest_q != made_q && !(inside_q && oldest_q == sent_q);
  assign plays  = sent_q != made_q && tx_ready_i && (inside_q || !replay_q);
  assign is_end = datum == host_pkg::LinkEnd;
  always_ff @(posedge clk_i) begin : p_move
    if (!rst_ni) begin
      state_q        <= StChoose;
      oldest_q       <= '0;
      sent_q         <= '0;
      oldest_place_q <= '0;
      sent_place_q   <= '0;
      inside_q       <= 1'b0;
    end else begin
      unique case (state_q)
        StChoose: begin
          if (walks) state_q <= StWalk;
          else if (replay_q && !inside_q) begin
            sent_q       <= oldest_q;
            sent_place_q <= oldest_place_q;
          end else if (plays) state_q <= StPlay;
        end
        StPlay: if (tx_ready_i) begin
          state_q      <= StChoose;
          sent_place_q <= sent_place_q + RingLog2'(1);
          inside_q     <= !is_end;
          if (is_end) sent_q <= sent_q + 8'd1;
        end
        default: begin
          state_q        <= StChoose;
          oldest_place_q <= oldest_place_q + RingLog2'(1);
          if (!inside_q && oldest_q == sent_q) sent_place_q <= oldest_place_q + RingLog2'(1);
          if (is_end) begin
            oldest_q <= oldest_q + 8'd1;
            if (!inside_q && oldest_q == sent_q) sent_q <= sent_q + 8'd1;
          end
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni) begin
      // No more frames are under way than numbers can tell apart.
      a_number: assert (under_way <= Longest);
      // The frames that were sent are of those that were made.
      a_sent: assert (8'(sent_q - oldest_q) <= under_way);
    end
  end
  assign number_o   = made_q;
  assign idle_o     = sent_q == made_q;
  assign tx_valid_o = state_q == StPlay;
  assign tx_byte_o  = datum;
endmodule
