// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `event_collector`: the events of one clock, chosen freely, are followed into the records. A count of records
/// that knows only the inputs says when a record comes and when events are lost. The proof looks at no signal inside.
module event_collector_formal #(
  parameter int unsigned Functions = 2
) (
  input logic                                         clk_i,
  input logic                                         rst_ni,
  input logic                                         irdy_i,
  input logic [Functions*8-1:0]                       functions_i,
  input logic                                         fetch_i,
  input logic                                         spurious_i,
  input logic                                         eoi_i,
  input logic                                         mark_i,
  input logic                                         drained_i,
  input logic [1:0]                                   vector_i,
  input logic [1:0]                                   payload_i,
  /// Follow the events of this clock.
  input logic                                         follow_i
);
  localparam int unsigned Width = 36;

  // Clocks since reset; the proof begins at any of them, with a counter of 12 bits.
  logic [47:0] clock_q;
  logic [11:0] low_q;
  always_ff @(posedge clk_i) low_q <= low_q + 12'd1;
  assign clock_q = {36'd0, low_q};

  // Each function has two causes, of which one stands for several, and vectors and payloads have few values: the block
  // copies them and never looks at a single bit.
  logic [Functions*socket_pkg::EventsWidth-1:0] functions;
  socket_pkg::events_t                          given;
  logic [7:0]                                   vector;
  logic [31:0]                                  mark_payload;
  always_comb begin : p_inputs
    functions = '0;
    given     = '0;
    for (int unsigned i = 0; i < Functions; i++) begin
      given.cause_set                                = {{15{functions_i[i*8]}}, functions_i[i*8 + 1]};
      given.cause_clear                              = {{15{functions_i[i*8 + 2]}}, functions_i[i*8 + 3]};
      {given.asserted, given.deasserted}             = functions_i[i*8 + 4 +: 2];
      {given.register_read, given.writing}           = functions_i[i*8 + 6 +: 2];
      functions[i*socket_pkg::EventsWidth +: socket_pkg::EventsWidth] = given;
    end
  end
  assign vector       = {4{vector_i}};
  assign mark_payload = {16{payload_i}};

  logic         valid, lost;
  logic [127:0] record;
  event_collector #(.Functions(Functions)) u_dut (
    .clk_i, .rst_ni, .clock_i(clock_q), .irdy_i, .functions_i(functions), .fetch_i, .spurious_i, .eoi_i, .mark_i, .drained_i,
    .vector_i(vector), .payload_i(mark_payload), .valid_o(valid), .record_o(record), .lost_o(lost)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The events of this clock, function by function: 15:0 causes set, 31:16 causes cleared, 32 pin on, 33 pin off,
  // 34 first register read after a fetch, 35 data of this function's last write have reached the host's memory.
  socket_pkg::events_t        each;
  logic [Functions*Width-1:0] now;
  logic [7:0]                 writer_q, writer;
  logic                       armed_q, reads;
  always_comb begin : p_now
    now    = '0;
    each   = '0;
    reads  = 1'b0;
    writer = writer_q;
    for (int unsigned i = 0; i < Functions; i++) begin
      each  = functions[i*socket_pkg::EventsWidth +: socket_pkg::EventsWidth];
      reads = reads || (each.register_read && irdy_i);
      if (each.writing) writer = 8'(i);
      now[i*Width +: 32]    = {each.cause_clear, each.cause_set};
      now[i*Width + 32]     = each.asserted;
      now[i*Width + 33]     = each.deasserted;
      now[i*Width + 34]     = each.register_read && irdy_i && armed_q;
      now[i*Width + 35]     = drained_i && writer_q == 8'(i);
    end
  end
  always_ff @(posedge clk_i) begin : p_memory
    if (!rst_ni) writer_q <= '0;
    else writer_q <= writer;
    if (!rst_ni) armed_q <= 1'b0;
    else if (fetch_i) armed_q <= !spurious_i;
    else if (reads) armed_q <= 1'b0;
  end

  // The records that the events of this clock take: one for each function with events, one more if it has both kinds of
  // causes, and one if the machine alone has events.
  logic [7:0] needed;
  logic       machine;
  assign machine = fetch_i || eoi_i || mark_i;
  always_comb begin : p_needed
    needed = '0;
    for (int unsigned i = 0; i < Functions; i++) begin
      if (now[i*Width +: Width] != '0) needed = needed + 8'd1;
      if (now[i*Width +: 16] != '0 && now[i*Width + 16 +: 16] != '0) needed = needed + 8'd1;
    end
    if (needed == '0 && machine) needed = 8'd1;
  end

  // The clocks that wait, each with the number of its records that have not left; the oldest in the low bits.
  logic [4*8-1:0] waiting_q, kept, waiting;
  logic [2:0]     clocks, left;
  logic           full;
  always_comb begin : p_waiting
    clocks = '0;
    for (int unsigned i = 0; i < 4; i++) if (waiting_q[i*8 +: 8] != '0) clocks = 3'(i + 1);
    kept = waiting_q;
    if (waiting_q[7:0] > 8'd1) kept[7:0] = waiting_q[7:0] - 8'd1;
    else kept = {8'd0, waiting_q[31:8]};
    left    = clocks - 3'(clocks != '0 && waiting_q[7:0] == 8'd1);
    full    = left == 3'd4;
    waiting = kept;
    if (!full) waiting[32'(left)*8 +: 8] = needed;
  end
  always_ff @(posedge clk_i) begin : p_count
    if (!rst_ni) waiting_q <= '0;
    else waiting_q <= waiting;
  end

  // The followed clock: its events, what has left of them, and whether they were lost.
  logic [Functions*Width-1:0] events_q, left_q, leaving;
  logic [3:0]                 machine_q, machine_left_q, machine_leaving;
  logic [47:0]                followed_q;
  logic [31:0]                payload_q;
  logic [7:0]                 vector_q;
  logic                       follows_q, lost_q, ours;
  always_ff @(posedge clk_i) begin : p_follow
    if (!rst_ni) begin
      follows_q <= 1'b0;
    end else if (follow_i && !follows_q) begin
      follows_q      <= 1'b1;
      events_q       <= now;
      machine_q      <= {mark_i, eoi_i, spurious_i, fetch_i};
      vector_q       <= vector;
      payload_q      <= mark_payload;
      followed_q     <= clock_q;
      lost_q         <= lost;
      left_q         <= '0;
      machine_left_q <= '0;
    end else begin
      left_q         <= left_q | leaving;
      machine_left_q <= machine_left_q | machine_leaving;
    end
  end

  // The record of this clock, taken apart.
  logic [47:0] stamp, stamp_q;
  logic [15:0] bits, causes, own_sets, own_clears, own_left;
  logic [7:0]  index;
  logic        stamped_q, clears, sets;
  assign stamp  = record[host_pkg::EventFieldClock +: 48];
  assign bits   = record[host_pkg::EventFieldBits +: 16];
  assign causes = record[host_pkg::EventFieldCauses +: 16];
  assign index  = record[host_pkg::EventFieldFunction +: 8];
  assign clears = bits[host_pkg::EventBitClear];
  assign sets   = bits[host_pkg::EventBitCause];
  assign ours   = valid && follows_q && stamp == followed_q;
  always_comb begin : p_leaving
    leaving         = '0;
    own_sets        = '0;
    own_clears      = '0;
    own_left        = '0;
    machine_leaving = '0;
    if (ours) begin
      for (int unsigned i = 0; i < Functions; i++) begin
        if (index == 8'(i)) begin
          own_sets   = events_q[i*Width +: 16];
          own_clears = events_q[i*Width + 16 +: 16];
          own_left   = left_q[i*Width + 16 +: 16];
          leaving[i*Width +: Width] = {
            bits[host_pkg::EventBitDmaDrained], bits[host_pkg::EventBitFirstRegisterRead],
            bits[host_pkg::EventBitDeassert], bits[host_pkg::EventBitAssert], clears ? causes : 16'd0, sets ? causes : 16'd0
          };
        end
      end
      machine_leaving = {
        bits[host_pkg::EventBitMark], bits[host_pkg::EventBitEoi], bits[host_pkg::EventBitSpuriousFetch],
        bits[host_pkg::EventBitVectorFetch]
      };
    end
  end
  always_ff @(posedge clk_i) begin : p_stamps
    if (valid) stamp_q <= stamp;
    stamped_q <= rst_ni && (valid || stamped_q);
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    `ASSUME(no_wrap, !low_q[11], "The counter of clocks does not go round.")
    `ASSUME(one_command, !(fetch_i && eoi_i) && (fetch_i || !spurious_i),
            "A fetch and an end of interrupt do not come on one clock, and only a fetch is spurious.")
    if (rst_ni) begin
      `PROVE(count, valid == (waiting_q != '0),
             "While events wait, one record leaves on each clock, and the events of a clock take as many as they need and no more.")
      `PROVE(room, lost == (needed != '0 && full),
             "Events are lost only if four clocks with events wait and none of them leaves, and each such loss is reported.")
      `PROVE(ordered, !(valid && stamped_q) || stamp >= stamp_q, "Records are in the order of time.")
      `PROVE(past, !valid || stamp < clock_q, "A record has a clock that has passed.")
      `PROVE(known, !valid || (bits != '0 && 32'(index) < Functions), "A record has an event, and a function that there is.")
      `PROVE(one_kind, !(valid && clears && sets), "No record has both causes that were set and causes that were cleared.")
      `PROVE(causes_said, !valid || (causes != '0) == (clears || sets), "A record has causes if it says so.")
      `PROVE(real_events, (leaving & ~events_q) == '0 && (machine_leaving & ~machine_q) == '0,
             "A record has only events of its clock and of its function.")
      `PROVE(once, (leaving & left_q) == '0 && (machine_leaving & machine_left_q) == '0,
             "No event is in two records.")
      `PROVE(lost_whole, !(ours && lost_q), "Of a clock whose events were lost there is no record.")
      `PROVE(complete, !follows_q || lost_q || (valid && stamp <= followed_q) ||
             (left_q == events_q && machine_left_q == machine_q),
             "Before a record of a later clock leaves, and when none is left, all events of the clock have left.")
      `PROVE(marks, !ours || record[host_pkg::EventFieldMark +: 32] ==
             (bits[host_pkg::EventBitMark] ? payload_q : 32'd0), "A mark is in its record, and in no other one.")
      `PROVE(vectors, !ours || record[host_pkg::EventFieldVector +: 8] ==
             (bits[host_pkg::EventBitVectorFetch] || bits[host_pkg::EventBitEoi] ? vector_q : 8'd0),
             "A record of a fetch or an end of interrupt has its vector or input, and no other one has.")
    end
    if (rst_ni && ours) begin
      `PROVE(clear_first, !sets || own_clears == own_left,
             "The causes of a function that were cleared come before those that were set.")
      `PROVE(causes_whole, (!sets || causes == own_sets) && (!clears || causes == own_clears),
             "The causes of a function that were set on one clock are in one record, and so are those that were cleared.")
    end
    if (rst_ni) begin
      `COVER(lost_some, follows_q && lost_q && !valid, "Events are lost.")
      `COVER(many, ours && left_q != '0 && sets && index == 8'(Functions - 1) && clocks == 3'd4,
             "The last causes of a clock leave while three more clocks wait.")
      `COVER(all_of_one, follows_q && machine_left_q == 4'b1001 && left_q[35:16] == '1 && left_q[15:0] != '0,
             "Events of all kinds on one clock have left.")
    end
  end
endmodule
