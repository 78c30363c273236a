// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Keeps the frames with a number, in a ring, until they are carried out. The bytes of a frame are written as they come;
/// a frame counts when it turns out to be good and the next in order, otherwise the following one takes its place.
module link_inbox #(
  /// Log2 of the bytes of the ring.
  parameter int unsigned RingLog2 = 10
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// A session runs; without one no frame is taken.
  input  logic        session_i,
  /// From the receiver: a byte of a body; the end of a frame, whether it is good, its type and number.
  input  logic        body_i,
  input  logic [7:0]  byte_i,
  input  logic        ended_i,
  input  logic        good_i,
  input  logic [3:0]  type_i,
  input  logic [7:0]  number_i,
  /// A frame is taken; a frame was lost, since this one is bad, came too early, or found no room.
  output logic        taken_o,
  output logic        lost_o,
  /// The oldest frame: it is there, its type, the whole dwords of it that are not read, one for the CRC among them, and
  /// the next byte. `pop_i` goes on to the byte after it, which is there on the next clock. `done_i` says that the
  /// frame is carried out.
  output logic        waiting_o,
  output logic [3:0]  type_o,
  output logic [RingLog2-3:0] left_o,
  output logic [7:0]  byte_o,
  input  logic        pop_i,
  input  logic        done_i,
  /// The number of the oldest frame, which is the next to be carried out.
  output logic [7:0]  number_o
);
  if (RingLog2 < 10 || RingLog2 > 12) begin : gen_check
    $error("link_inbox: RingLog2 must be 10 to 12");
  end

  // Frames without a number are CONTROL and HELLO.
  logic       numbered, overflow_q;
  logic [7:0] wanted_q, oldest_q, distance;
  assign numbered = type_i[3:1] != '0;
  assign distance = number_i - wanted_q;
  always_comb begin : p_judge
    taken_o = 1'b0;
    lost_o  = 1'b0;
    if (ended_i && session_i) begin
      if (!good_i) lost_o = 1'b1;
      else if (numbered && distance == '0) begin
        taken_o = !overflow_q;
        lost_o  = overflow_q;
      end else if (numbered) lost_o = !distance[7];
    end
  end

  // The bytes.
  logic [RingLog2-1:0] write_q, base_q, read_q, read_d, after, last, left;
  logic                full;
  assign after = write_q + RingLog2'(1);
  assign full  = after == read_q;
  always_ff @(posedge clk_i) begin : p_write
    if (!rst_ni) begin
      write_q    <= '0;
      base_q     <= '0;
      overflow_q <= 1'b0;
    end else begin
      if (ended_i && !taken_o) write_q <= base_q;
      else if (body_i && !full) write_q <= after;
      if (taken_o) base_q <= write_q;
      if (ended_i) overflow_q <= 1'b0;
      else if (body_i && full) overflow_q <= 1'b1;
    end
  end
  prim_ram #(.Width(8), .AddressWidth(RingLog2)) u_ring (
    .clk_i, .write_i(body_i && !full), .write_address_i(write_q), .write_data_i(byte_i),
    .read_i(1'b1), .read_address_i(read_d), .read_data_o(byte_o)
  );

  // The frames: type and end of each, by number.
  logic [15:0] entry;
  prim_ram #(.Width(16), .Lane(16), .AddressWidth(8)) u_frames (
    .clk_i, .write_i(taken_o), .write_address_i(wanted_q), .write_data_i({type_i, 12'(write_q)}),
    .read_i(1'b1), .read_address_i(oldest_q), .read_data_o(entry)
  );
  assign last   = entry[RingLog2-1:0];
  assign type_o = entry[15:12];
  if (RingLog2 < 12) begin : gen_unused
    logic unused_entry;
    assign unused_entry = ^entry[11:RingLog2];
  end

  always_ff @(posedge clk_i) begin : p_numbers
    if (!rst_ni) begin
      wanted_q  <= '0;
      oldest_q  <= '0;
      waiting_o <= 1'b0;
    end else begin
      if (taken_o) wanted_q <= wanted_q + 8'd1;
      if (done_i) oldest_q <= oldest_q + 8'd1;
      waiting_o <= wanted_q != oldest_q && !done_i;
    end
  end
  assign read_d = done_i ? last : read_q + RingLog2'(pop_i);
  always_ff @(posedge clk_i) begin : p_read
    if (!rst_ni) read_q <= '0;
    else read_q <= read_d;
  end

  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni) begin
      // Only a frame that is there is read, and carried out.
      a_there: assert (!(pop_i || done_i) || waiting_o);
      // No byte is read that is not of the frame.
      a_inside: assert (!pop_i || left != '0);
    end
  end
  assign left     = last - read_q;
  assign left_o   = left[RingLog2-1:2];
  assign number_o = oldest_q;
endmodule
