// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The read of host memory by one bus master: its data are fetched ahead along the burst. If the host is too slow, the
/// transaction ends in a retry, and the read becomes a *delayed read*: fetching goes on, and the data are kept for the
/// repetition. Only the identical request of the same master gets them: the same address, command and byte enables.
///
/// The data that are kept are discarded when their master begins anything else, when `DiscardClocks` have passed, or when
/// the host has written twice without a repetition in between: a master that still wants the data repeats more often,
/// and one that comes back later must see what the host has prepared for it meanwhile.
module bridge_read #(
  /// Clocks for which the data of a retried read are kept.
  parameter int unsigned DiscardClocks = 32768,
  /// Clocks of the first data phase after which a read that the host has not answered yet is retried.
  parameter int unsigned Patience = 8,
  /// Dwords that are fetched ahead, 1 to 4.
  parameter int unsigned Queue = 4,
  /// Bits of the address of a dword in host memory, at least 10.
  parameter int unsigned AddressWidth = 30
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// This master begins a transaction; it reads host memory from this address with this command.
  input  logic        start_i,
  input  logic        read_i,
  input  logic [AddressWidth-1:0] address_i,
  input  logic [3:0]  command_i,
  /// C/BE and FRAME of the bus.
  input  logic [3:0]  cbe_i,
  input  logic        frame_i,
  /// The host begins a write.
  input  logic        host_write_i,
  /// From the target: a transaction is active, waits for a datum, ends without any datum, takes a datum.
  input  logic        active_i,
  input  logic        waiting_i,
  input  logic        retried_i,
  input  logic        load_i,
  output logic        reading_o,
  output logic        rvalid_o,
  output logic [31:0] rdata_o,
  output logic        retry_o,
  /// Posted writes that the host has not been asked to take yet; one of them leaves.
  input  logic [4:0]  posted_i,
  input  logic        posted_pop_i,
  /// Host memory: a dword is wanted, and its address; it is asked for on this clock; an answer to this block.
  output logic        want_o,
  output logic [AddressWidth-1:0] want_address_o,
  input  logic        issue_i,
  input  logic        answer_i,
  input  logic [31:0] data_i
);
  localparam int unsigned TimerWidth    = $clog2(DiscardClocks + 1);
  localparam int unsigned PatienceWidth = $clog2(Patience + 1);

  logic        reading_q, kept_q, matched_q, opening_q, burst_q, missed_q, active_q;
  logic [AddressWidth-1:0] address_q;
  logic [3:0]  command_q, be_q;
  logic        match, mismatch, fresh, begins, ends, abandoned, expired, flush;

  // Idle gating: nothing changes here between the reads of this master. The gate saves simulation time, since a machine
  // has one of these blocks for each master.
  logic [2:0] outstanding_q, dropping_q, level;
  logic       awake;
  assign awake = start_i || opening_q || reading_q || kept_q || outstanding_q != '0 || level != '0;

  // A read that is not the repetition of the kept one is fresh. The byte enables come one clock after the address.
  logic [TimerWidth-1:0] timer_q;
  always_comb begin : p_match
    match     = 1'b0;
    mismatch  = 1'b0;
    expired   = 1'b0;
    abandoned = 1'b0;
    fresh     = 1'b0;
    ends      = 1'b0;
    if (awake) begin
      expired   = kept_q && timer_q == '0;
      match     = kept_q && !expired && address_i == address_q && command_i == command_q;
      mismatch  = opening_q && matched_q && cbe_i != be_q;
      fresh     = start_i && read_i && !match;
      ends      = reading_q && active_q && !active_i;
      abandoned = kept_q && ((start_i && !read_i) || (host_write_i && missed_q));
    end
    begins = fresh || mismatch;
    flush  = begins || expired || abandoned || (ends && !kept_q);
  end

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) begin
      reading_q <= 1'b0;
      kept_q    <= 1'b0;
      opening_q <= 1'b0;
      active_q  <= 1'b0;
    end else if (awake) begin
      reading_q <= (start_i && read_i) || (reading_q && !ends);
      kept_q    <= (reading_q && retried_i) || (kept_q && !start_i && !expired && !abandoned);
      opening_q <= start_i && read_i;
      active_q  <= active_i;
    end
  end
  always_ff @(posedge clk_i) begin : p_request
    if (fresh) begin
      address_q <= address_i;
      command_q <= command_i;
    end
    if (awake) begin
      if (opening_q && (!matched_q || mismatch)) be_q <= cbe_i;
      if (start_i) matched_q <= match;
      else if (mismatch) matched_q <= 1'b0;
      // A burst has FRAME on in its first data phase.
      if (begins) burst_q <= 1'b0;
      else if (reading_q && waiting_i && frame_i) burst_q <= 1'b1;
      if (reading_q) missed_q <= 1'b0;
      else if (host_write_i) missed_q <= 1'b1;
      if (reading_q) timer_q <= TimerWidth'(DiscardClocks);
      else if (kept_q) timer_q <= timer_q - TimerWidth'(1);
    end
  end

  // Answers: the queue takes a few, counting the dwords that were asked for and have not come. After a flush, late
  // answers are dropped. The clock on which an answer is dropped still counts it as outstanding.
  logic        answer, push, pop;
  logic [31:0] queue0, unused_queue1;
  assign answer   = answer_i && dropping_q == '0;
  assign rvalid_o = reading_q && !mismatch && (level != '0 || answer);
  assign rdata_o  = level != '0 ? queue0 : data_i;
  assign pop      = reading_q && load_i && level != '0;
  assign push     = answer && !(load_i && reading_q && level == '0) && !flush;
  prim_queue #(.Width(32), .Depth(Queue)) u_answers (
    .clk_i, .rst_ni, .clear_i(flush), .push_i(push), .data_i, .pop_i(pop), .data0_o(queue0), .data1_o(unused_queue1),
    .level_o(level)
  );
  always_ff @(posedge clk_i) begin : p_outstanding
    if (!rst_ni) begin
      outstanding_q <= '0;
      dropping_q    <= '0;
    end else if (awake) begin
      if (issue_i || answer_i) outstanding_q <= outstanding_q + 3'(issue_i) - 3'(answer_i);
      if (flush) dropping_q <= outstanding_q - 3'(answer_i);
      else if (answer_i && dropping_q != '0) dropping_q <= dropping_q - 3'd1;
    end
  end

  // The first dword is asked for when the posted writes that were there before the read have left. The next ones
  // follow as long as the master continues, or has been retried in a burst. They do not enter the next 4 KiB before the
  // master does.
  logic        first_q, going_on, starving, crossing;
  logic [4:0]  posted_q, earlier;
  logic [AddressWidth-1:0] next_q;
  always_comb begin : p_want
    starving = 1'b0;
    crossing = 1'b0;
    going_on = 1'b0;
    earlier  = '0;
    want_o   = 1'b0;
    want_address_o = '0;
    if (awake) begin
      earlier        = begins ? posted_i : posted_q;
      want_address_o = fresh ? address_i : mismatch ? address_q : next_q;
      crossing       = next_q[9:0] == '0;
      if (reading_q && !ends) begin
        starving = waiting_i && level == '0 && outstanding_q == dropping_q;
        going_on = starving || (frame_i && active_i && !crossing);
      end else if (kept_q && !start_i) begin
        going_on = burst_q && !crossing;
      end
      if (begins) want_o = earlier == '0 && outstanding_q < 3'(Queue);
      else if (reading_q || kept_q) want_o = earlier == '0 && (going_on || first_q) && outstanding_q + level < 3'(Queue);
      if (flush && !begins) want_o = 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin : p_first
    if (!rst_ni) first_q <= 1'b0;
    else if (begins) first_q <= !issue_i;
    else if (issue_i || flush) first_q <= 1'b0;
    if (awake) begin
      if (begins || posted_q != '0) posted_q <= earlier - 5'(posted_pop_i && earlier != '0);
      if (issue_i) next_q <= want_address_o + AddressWidth'(1);
      else if (begins) next_q <= want_address_o;
    end
  end

  // A repetition that comes before its answer is retried at once, another read after a while.
  logic [PatienceWidth-1:0] patience_q;
  logic                     served_q;
  always_ff @(posedge clk_i) begin : p_patience
    if (awake) begin
      if (start_i) served_q <= 1'b0;
      else if (load_i && reading_q) served_q <= 1'b1;
      if (begins) patience_q <= PatienceWidth'(Patience);
      else if (start_i) patience_q <= '0;
      else if (patience_q != '0) patience_q <= patience_q - PatienceWidth'(1);
    end
  end
  assign retry_o = reading_q && !served_q && !mismatch && patience_q == '0;

  assign reading_o = reading_q;
endmodule
