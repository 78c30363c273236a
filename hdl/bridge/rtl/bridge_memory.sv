// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Host memory as seen by bus masters: writes are posted in a FIFO, reads are prefetched along the burst. Writes wait
/// only for room. A read ends in a retry if the host is too slow; the data then wait `DiscardClocks` for the
/// repetition. Prefetch does not enter the next 4 KiB before the master does.
module bridge_memory #(
  /// Log2 of the bytes claimed, from address 0.
  parameter int unsigned MemoryLog2,
  /// Clocks for which data that was read for a retried transaction is kept.
  parameter int unsigned DiscardClocks = 1024
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  /// A transaction that the bridge itself began is on the bus; this block does not claim it.
  input  logic                    own_i,
  input  bus_pkg::bus_t           bus_i,
  /// From the target: the transaction; data are loaded; the transaction ends without a datum.
  input  bus_pkg::transaction_t   transaction_i,
  input  logic                    load_i,
  input  logic                    retried_i,
  output logic                    hit_o,
  output logic [31:0]             rdata_o,
  output logic                    rvalid_o,
  output logic                    wready_o,
  /// The datum that was written is not one of the configuration header.
  input  logic                    write_i,
  /// No posted write is held here; on for one clock when the last one has left.
  output logic                    posted_empty_o,
  output logic                    drained_o,
  /// Host memory port.
  output bridge_pkg::memory_out_t memory_o,
  input  bridge_pkg::memory_in_t  memory_i
);
  localparam int unsigned TimerWidth = $clog2(DiscardClocks + 1);

  // Posted writes: address, lanes, datum.
  logic [65:0] posted, unused_posted1;
  logic [2:0]  posted_visible;
  logic [4:0]  posted_level;
  logic        posted_pop, write_mine;
  prim_fifo #(.Width(66), .DepthLog2(4)) u_posted (
    .clk_i, .rst_ni, .clear_i(1'b0), .push_i(write_mine),
    .data_i({transaction_i.write_address[31:2], transaction_i.write_be, transaction_i.wdata}),
    .pop_i(posted_pop), .data0_o(posted), .data1_o(unused_posted1), .visible_o(posted_visible), .level_o(posted_level)
  );
  assign write_mine = write_i && transaction_i.write_address[31:MemoryLog2] == '0 && transaction_i.write_be != '0;
  assign wready_o   = posted_level <= 5'd12;

  // The start of a read by another master, seen in its address phase so that the host is asked at once.
  logic        kept_q;
  logic [29:0] kept_address_q;
  logic        start, read_start, match, ends, active_q;
  assign start      = bus_i.start && !own_i;
  always_comb begin : p_start
    read_start = 1'b0;
    match      = 1'b0;
    if (start) begin
      read_start = bus_pkg::is_memory(bus_i.cbe) && bus_pkg::is_read(bus_i.cbe) && bus_i.ad[31:MemoryLog2] == '0;
      match      = kept_q && bus_i.ad[31:2] == kept_address_q;
    end
  end
  assign ends       = active_q && !transaction_i.active;
  assign hit_o      = transaction_i.memory && transaction_i.address[31:MemoryLog2] == '0 && !own_i;
  always_ff @(posedge clk_i) begin : p_active
    if (!rst_ni) active_q <= 1'b0;
    else active_q <= transaction_i.active;
  end

  // Reading: from the start to the end of the transaction.
  logic        reading_q, fresh, issue, crossing;
  logic [29:0] next_q, next;
  assign fresh = read_start && !match;
  always_ff @(posedge clk_i) begin : p_reading
    if (!rst_ni) reading_q <= 1'b0;
    else if (read_start) reading_q <= 1'b1;
    else if (ends) reading_q <= 1'b0;
  end

  // The data of a retried read is kept for the repetition.
  logic [TimerWidth-1:0] kept_timer_q;
  always_ff @(posedge clk_i) begin : p_kept
    if (!rst_ni || read_start || kept_timer_q == '0) kept_q <= 1'b0;
    else if (reading_q && retried_i) kept_q <= 1'b1;
    if (reading_q && retried_i) begin
      kept_address_q <= transaction_i.address[31:2];
      kept_timer_q   <= TimerWidth'(DiscardClocks);
    end else if (kept_timer_q != '0) begin
      kept_timer_q <= kept_timer_q - TimerWidth'(1);
    end
  end
  logic flush;
  // Data is dropped if the read ended in another way, was replaced by another read, or was not repeated in time.
  assign flush = fresh || (ends && reading_q && !kept_q) || (kept_q && kept_timer_q == '0);
  // Answers: the queue takes four, counting the requests without an answer yet. After a flush, late answers are
  // dropped.
  logic [2:0]  outstanding_q, dropping_q, level;
  logic        answer, push, pop;
  logic [31:0] queue0, unused_queue1;
  assign answer   = memory_i.rvalid && dropping_q == '0;
  assign rvalid_o = reading_q && (level != '0 || answer);
  assign rdata_o  = level != '0 ? queue0 : memory_i.rdata;
  assign pop      = load_i && reading_q && level != '0;
  assign push     = answer && !(load_i && reading_q && level == '0) && !flush;
  prim_queue #(.Width(32)) u_answers (
    .clk_i, .rst_ni, .clear_i(flush), .push_i(push), .data_i(memory_i.rdata), .pop_i(pop),
    .data0_o(queue0), .data1_o(unused_queue1), .level_o(level)
  );

  // The clock on which an answer is dropped still counts it as outstanding.
  always_ff @(posedge clk_i) begin : p_outstanding
    if (!rst_ni) begin
      outstanding_q <= '0;
      dropping_q    <= '0;
    end else begin
      if (issue || memory_i.rvalid) outstanding_q <= outstanding_q + 3'(issue) - 3'(memory_i.rvalid);
      if (flush) dropping_q <= outstanding_q - 3'(memory_i.rvalid);
      else if (memory_i.rvalid && dropping_q != '0) dropping_q <= dropping_q - 3'd1;
    end
  end

  // The next dword is asked for at the start, and then as long as the master continues.
  logic        first_q, hm_valid_q, hm_write_q, may_read, slot, wanted, starving;
  assign next     = fresh ? bus_i.ad[31:2] : next_q;
  assign slot     = !hm_valid_q || memory_i.ready;
  assign may_read = slot && posted_level == '0 && !write_i;
  always_comb begin : p_issue
    starving = 1'b0;
    crossing = 1'b0;
    wanted   = 1'b0;
    issue    = 1'b0;
    if (fresh) begin
      issue = may_read && outstanding_q < 3'd4;
    end else if (reading_q) begin
      starving = transaction_i.waiting && level == '0 && outstanding_q == dropping_q;
      crossing = next_q[9:0] == '0;
      wanted   = !ends && (starving || (bus_i.frame && transaction_i.active && !crossing && !first_q));
      issue    = may_read && (wanted || first_q) && outstanding_q + level < 3'd4;
    end
  end
  // The first dword of a fresh read has not been asked for yet.
  always_ff @(posedge clk_i) begin : p_first
    if (!rst_ni || ends) first_q <= 1'b0;
    else if (fresh) first_q <= !issue;
    else if (issue) first_q <= 1'b0;
    if (issue) next_q <= next + 30'd1;
    else if (fresh) next_q <= next;
  end

  // Host memory port.
  logic [29:0] hm_address_q;
  logic [3:0]  hm_be_q;
  logic [31:0] hm_wdata_q;
  assign posted_pop = slot && posted_visible != '0;
  always_ff @(posedge clk_i) begin : p_port
    if (!rst_ni) begin
      hm_valid_q <= 1'b0;
      hm_write_q <= 1'b0;
    end else if (slot) begin
      hm_valid_q <= posted_pop || issue;
      hm_write_q <= posted_pop;
    end
    if (posted_pop || issue) begin
      hm_address_q <= posted_pop ? posted[65:36] : next;
      hm_be_q      <= posted_pop ? posted[35:32] : 4'hF;
      hm_wdata_q   <= posted[31:0];
    end
  end

  assign posted_empty_o = posted_level == '0 && !write_i && !(hm_valid_q && hm_write_q);
  assign drained_o      = hm_valid_q && hm_write_q && memory_i.ready && posted_level == '0 && !write_i;
  assign memory_o.valid     = hm_valid_q;
  assign memory_o.write     = hm_write_q;
  assign memory_o.address   = {hm_address_q, 2'b00};
  assign memory_o.be        = hm_be_q;
  assign memory_o.wdata     = hm_wdata_q;
endmodule
