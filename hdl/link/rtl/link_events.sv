// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Writes an event record in its short form: each field only if it is not 0, and the clock as the clocks since the record
/// before. The record is looked at byte by byte, first to learn what is in it, then to send it.
module link_events (
  input  logic         clk_i,
  input  logic         rst_ni,
  /// Begin with the record, which stays where it is until `last_o` is taken.
  input  logic         start_i,
  input  logic [127:0] event_i,
  /// A byte of the short form; it is the last one.
  output logic         valid_o,
  output logic [7:0]   byte_o,
  output logic         last_o,
  input  logic         ready_i
);
  typedef enum logic [1:0] {
    // No record is looked at.
    StIdle,
    // The record is looked at, to learn which fields it has.
    StLook,
    // The byte that says what follows.
    StHead,
    // The bytes that are not left out.
    StSend
  } state_e;

  state_e      state_q;
  logic [3:0]  index_q;
  logic [7:0]  datum, since;
  logic        borrow_q, borrow, step, present, in_clock, full;
  logic [47:0] before_q;
  logic [1:0]  form;
  logic        long_q, longer_q, longest_q, function_q, vector_q, causes_q, mark_q;

  // The byte, chosen in halves, which takes the fewest cells.
  logic [63:0] half;
  logic [31:0] quarter;
  logic [15:0] eighth;
  assign half     = index_q[3] ? event_i[127:64] : event_i[63:0];
  assign quarter  = index_q[2] ? half[63:32] : half[31:0];
  assign eighth   = index_q[1] ? quarter[31:16] : quarter[15:0];
  assign datum    = index_q[0] ? eighth[15:8] : eighth[7:0];
  assign in_clock = !index_q[3] && index_q[2:1] != 2'd3;
  assign {borrow, since} = {1'b0, datum} - {1'b0, before_q[7:0]} - 9'(borrow_q);
  assign form     = longest_q ? 2'd3 : longer_q ? 2'd2 : long_q ? 2'd1 : 2'd0;
  assign full     = form == 2'd3;

  always_comb begin : p_present
    unique case (index_q)
      4'd0, 4'd6, 4'd7:             present = 1'b1;
      4'd1:                         present = form != 2'd0;
      4'd2, 4'd3:                   present = form[1];
      4'd4, 4'd5:                   present = full;
      4'd8:                         present = function_q;
      4'd9:                         present = vector_q;
      4'd10, 4'd11:                 present = causes_q;
      default:                      present = mark_q;
    endcase
  end
  assign step = state_q == StLook || (state_q == StSend && (ready_i || !present));

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) state_q <= StIdle;
    else begin
      unique case (state_q)
        StIdle: if (start_i) state_q <= StLook;
        StLook: if (index_q == 4'd15) state_q <= StHead;
        StHead: if (ready_i) state_q <= StSend;
        StSend: if (step && index_q == 4'd15) state_q <= StIdle;
      endcase
    end
    if (state_q == StIdle) index_q <= '0;
    else if (step) index_q <= index_q + 4'd1;
  end

  // The clock of the record before, which goes round once while the record is looked at, and is replaced while it is sent.
  always_ff @(posedge clk_i) begin : p_clock
    if (!rst_ni) before_q <= '0;
    else if (step && in_clock) before_q <= {state_q == StLook ? before_q[7:0] : datum, before_q[47:8]};
    if (!in_clock || state_q == StIdle) borrow_q <= 1'b0;
    else if (step) borrow_q <= borrow;
  end

  // The fields that the record has.
  always_ff @(posedge clk_i) begin : p_look
    if (state_q == StIdle) begin
      {long_q, longer_q, longest_q, function_q, vector_q, causes_q, mark_q} <= '0;
    end else if (state_q == StLook) begin
      if (index_q == 4'd1 && since != '0) long_q <= 1'b1;
      if (index_q[3:1] == 3'd1 && since != '0) longer_q <= 1'b1;
      if (index_q[3:1] == 3'd2 && since != '0) longest_q <= 1'b1;
      if (index_q == 4'd8 && datum != '0) function_q <= 1'b1;
      if (index_q == 4'd9 && datum != '0) vector_q <= 1'b1;
      if (index_q[3:1] == 3'd5 && datum != '0) causes_q <= 1'b1;
      if (index_q[3:2] == 2'd3 && datum != '0) mark_q <= 1'b1;
    end
  end

  logic [7:0] head;
  always_comb begin : p_head
    head = '0;
    head[host_pkg::LinkRecordClockForm +: 2] = form;
    head[host_pkg::LinkRecordFunction]       = function_q;
    head[host_pkg::LinkRecordVector]         = vector_q;
    head[host_pkg::LinkRecordCauses]         = causes_q;
    head[host_pkg::LinkRecordMark]           = mark_q;
  end
  always_ff @(posedge clk_i) begin : p_assert
    // A record is begun when the one before is done.
    if (rst_ni && start_i) a_begun: assert (state_q == StIdle);
  end
  assign valid_o = state_q == StHead || (state_q == StSend && present);
  assign byte_o  = state_q == StHead ? head : in_clock && !full ? since : datum;
  assign last_o  = state_q == StSend && step && index_q == 4'd15;
endmodule
