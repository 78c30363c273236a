// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `link_inbox`: frames of any kind and number come in, and a byte of them, chosen freely, is followed.
module link_inbox_formal (
  input logic       clk_i,
  input logic       rst_ni,
  input logic       session_i,
  input logic       body_i,
  input logic [7:0] byte_i,
  input logic       ended_i,
  input logic       good_i,
  input logic [3:0] type_i,
  input logic [7:0] number_i,
  input logic       pop_i,
  input logic       done_i,
  /// Follow the byte that comes on this clock.
  input logic       follow_i
);
  localparam int unsigned RingLog2 = 10;
  logic       taken, lost, waiting;
  logic [3:0] kind;
  logic [7:0] datum, number;
  logic [RingLog2-3:0] left;
  link_inbox #(.RingLog2(RingLog2)) u_dut (
    .clk_i, .rst_ni, .session_i, .body_i, .byte_i, .ended_i, .good_i, .type_i, .number_i, .taken_o(taken),
    .lost_o(lost), .waiting_o(waiting), .type_o(kind), .left_o(left), .byte_o(datum), .pop_i, .done_i, .number_o(number)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The frames that were taken, and those that were carried out.
  logic [7:0] taken_q, done_q;
  logic [8:0] waiting_q;
  always_ff @(posedge clk_i) begin : p_counts
    if (!rst_ni) begin
      taken_q   <= '0;
      done_q    <= '0;
      waiting_q <= '0;
    end else begin
      taken_q   <= taken_q + 8'(taken);
      done_q    <= done_q + 8'(done_i);
      waiting_q <= waiting_q + 9'(taken) - 9'(done_i);
    end
  end

  // Whether a byte of the frame that comes in found no room.
  logic spilt_q, numbered, next, ahead;
  always_ff @(posedge clk_i) begin : p_spilt
    if (!rst_ni || ended_i) spilt_q <= 1'b0;
    else if (body_i && u_dut.full) spilt_q <= 1'b1;
  end
  assign numbered = type_i != host_pkg::LinkToDeviceControl && type_i != host_pkg::LinkToDeviceHello;
  assign next     = number_i == taken_q;
  assign ahead    = !next && 8'(number_i - taken_q) < 8'd128;

  // The followed byte: it is in the frame that comes in, or in a frame that was taken; the frames before that one, and
  // the bytes of it before the byte.
  logic       coming_q, kept_q;
  logic [7:0] datum_q;
  logic [8:0] before_q;
  logic [RingLog2-1:0] length_q, offset_q, read_q, place_q;
  always_ff @(posedge clk_i) begin : p_follow
    length_q <= !rst_ni || ended_i ? '0 : length_q + RingLog2'(body_i);
    read_q   <= !rst_ni || done_i ? '0 : read_q + RingLog2'(pop_i);
    if (!rst_ni) begin
      coming_q <= 1'b0;
      kept_q   <= 1'b0;
    end else if (ended_i && coming_q) begin
      coming_q <= 1'b0;
      kept_q   <= taken;
      before_q <= waiting_q - 9'(done_i);
    end else if (body_i && follow_i && !coming_q && !kept_q && !u_dut.full) begin
      coming_q <= 1'b1;
      datum_q  <= byte_i;
      offset_q <= length_q;
      place_q  <= u_dut.write_q;
    end else if (kept_q && done_i) begin
      if (before_q == '0) kept_q <= 1'b0;
      else before_q <= before_q - 9'd1;
    end
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    `ASSUME(end_alone, !(ended_i && body_i), "A frame has three bytes before its body, so none comes as the one before is judged.")
    `ASSUME(reader, !((pop_i || done_i) && !waiting) && !(pop_i && done_i), "A frame is read and carried out only if it is there.")
    `ASSUME(reads_inside, !pop_i || u_dut.left != '0, "No byte is read that is not of the frame.")
    `ASSUME(under_way, waiting_q <= 9'd127, "The host has at most 127 frames under way.")
    if (rst_ni) begin
      `PROVE(accepted, taken == (ended_i && good_i && session_i && numbered && next && !spilt_q),
             "A frame is taken if it is good, has a number and the next one, came whole, and a session runs.")
      `PROVE(told, lost == (ended_i && session_i && (!good_i || (numbered && (ahead || (next && spilt_q))))),
             "A frame counts as lost if it is bad, came too early, or found no room; one that was taken before is dropped in silence.")
      `PROVE(numbers, u_dut.wanted_q == taken_q && number == done_q && 8'(taken_q - done_q) == waiting_q[7:0],
             "The numbers count the frames that were taken and carried out.")
      `PROVE(once, !waiting || waiting_q != '0, "A frame is there only if it was taken and not carried out, so it is carried out once.")
      `PROVE(overflow_state, u_dut.overflow_q == spilt_q, "A frame that found no room is known.")
      `PROVE(no_overflow, u_dut.u_ring.write_i == '0 || RingLog2'(u_dut.write_q + 1'b1) != u_dut.read_q, "No byte is written over one that was not read.")
      `PROVE(contents, !(kept_q && waiting && before_q == '0 && read_q == offset_q && u_dut.left != '0) || datum == datum_q,
             "A byte of a frame that was taken is read as it came, at its place in the frame.")
      `PROVE(in_ring, !coming_q || u_dut.u_ring.gen_lane[0].words[place_q] == datum_q,
             "A byte stays in the ring while the rest of its frame comes.")
      `COVER(read_back, kept_q && waiting && before_q == '0 && read_q == offset_q && offset_q == RingLog2'(2) && pop_i,
             "The third byte of a frame is read.")
      `COVER(two, waiting_q == 9'd2 && waiting, "Two frames wait.")
      `COVER(silence, ended_i && good_i && session_i && numbered && !taken && !lost, "A frame that was taken before is dropped in silence.")
    end
  end
endmodule
