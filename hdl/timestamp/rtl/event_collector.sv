// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Makes event records of the events of all functions and of the machine. A record has events of one clock and of at
/// most one function, and never both causes that were set and causes that were cleared. So the events of one clock may
/// take several records; they leave one in each clock, in the order of time. Of one clock, lower functions come first,
/// of one function the causes that were cleared, since a cause that is set on the clock of a clear stays on; events of
/// the machine are in the first record.
///
/// A few clocks with events can wait here. The events of a further one are lost, which is counted.
module event_collector #(
  /// Number of functions.
  parameter int unsigned Functions = 1,
  /// Clocks with events that can wait, 2 to 4. Two are enough for one function but for clocks with causes that are set
  /// and causes that are cleared which follow each other without a clock between them that has no event.
  parameter int unsigned Waiting = 4
) (
  input  logic                                          clk_i,
  input  logic                                          rst_ni,
  /// Clocks since reset.
  input  logic [47:0]                                   clock_i,
  /// IRDY, with which the datum of a register read moves.
  input  logic                                          irdy_i,
  /// Events of the functions, the first in the low bits.
  input  logic [Functions*socket_pkg::EventsWidth-1:0]  functions_i,
  /// Events of the machine: a vector is fetched, spurious or not; an interrupt is ended; a host mark; the data of bus
  /// masters have reached the memory of the host. The vector or input of the first two, and the mark's payload.
  input  logic                                          fetch_i,
  input  logic                                          spurious_i,
  input  logic                                          eoi_i,
  input  logic                                          mark_i,
  input  logic                                          drained_i,
  input  logic [7:0]                                    vector_i,
  input  logic [31:0]                                   payload_i,
  /// A record, and the loss of a clock's events.
  output logic                                          valid_o,
  output logic [127:0]                                  record_o,
  output logic                                          lost_o
);
  if (Functions < 1 || Functions > 256) begin : gen_check
    $error("event_collector: Functions must be 1 to 256");
  end

  // The events of one function, and those of one clock. Of the clock only the low bits wait here, since no clock waits
  // for 2^StampWidth clocks: four clocks make at most four times two records for each function.
  localparam int unsigned IndexWidth = Functions > 1 ? $clog2(Functions) : 1;
  localparam int unsigned StampWidth = IndexWidth + 4;
  localparam int unsigned EachWidth  = 36;
  localparam int unsigned EntryWidth = Functions * EachWidth + 4 + 8 + 32 + StampWidth;

  // First register read after a vector fetch, by whichever function.
  logic armed_q, read;
  always_ff @(posedge clk_i) begin : p_armed
    if (!rst_ni) armed_q <= 1'b0;
    else if (fetch_i) armed_q <= !spurious_i;
    else if (read) armed_q <= 1'b0;
  end

  // The function that wrote to the memory of the host last.
  logic [IndexWidth-1:0] writer_q;
  logic [Functions-1:0]  writing;
  always_ff @(posedge clk_i) begin : p_writer
    if (!rst_ni) writer_q <= '0;
    else if (writing != '0) begin
      for (int unsigned i = 0; i < Functions; i++) begin
        if (writing[i]) writer_q <= IndexWidth'(i);
      end
    end
  end

  // The events of this clock.
  logic [Functions*EachWidth-1:0] now;
  socket_pkg::events_t            each;
  always_comb begin : p_now
    now     = '0;
    each    = '0;
    read    = 1'b0;
    writing = '0;
    // Without events nothing is looked at, which saves simulation time.
    if (functions_i != '0 || drained_i) begin
      for (int unsigned i = 0; i < Functions; i++) begin
        each       = functions_i[i*socket_pkg::EventsWidth +: socket_pkg::EventsWidth];
        writing[i] = each.writing;
        read       = read || (each.register_read && irdy_i);
        now[i*EachWidth +: EachWidth] = {
          drained_i && writer_q == IndexWidth'(i), each.register_read && irdy_i && armed_q, each.deasserted,
          each.asserted, each.cause_clear, each.cause_set
        };
      end
    end
  end

  logic                  happened, pop;
  logic [EntryWidth-1:0] entry, unused_second;
  logic [2:0]            level;
  assign happened = now != '0 || fetch_i || eoi_i || mark_i;
  assign lost_o   = happened && level == 3'(Waiting) && !pop;
  // The simulation, which skips clocks, knows by the end of the name that these bits follow a counter of clocks.
  logic [EntryWidth-1:0] entry_clocks_shown;
  assign entry_clocks_shown = {
    clock_i[StampWidth-1:0], payload_i, vector_i, mark_i, eoi_i, spurious_i, fetch_i, now
  };
  prim_queue #(.Width(EntryWidth), .Depth(Waiting)) u_waiting (
    .clk_i, .rst_ni, .clear_i(1'b0), .push_i(happened), .data_i(entry_clocks_shown), .pop_i(pop),
    .data0_o(entry), .data1_o(unused_second), .level_o(level)
  );

  // The entry taken apart: what has left already is masked.
  logic [Functions-1:0]  left_q, cleared_q, waits;
  logic                  first_q, split, more;
  logic [IndexWidth-1:0] index;
  logic [EachWidth-1:0]  chosen;
  logic [15:0]           bits;
  always_comb begin : p_choose
    waits  = '0;
    index  = '0;
    chosen = '0;
    split  = 1'b0;
    more   = 1'b0;
    if (level != '0) begin
      for (int unsigned i = 0; i < Functions; i++) waits[i] = entry[i*EachWidth +: EachWidth] != '0 && !left_q[i];
      for (int unsigned i = Functions; i > 0; i--) if (waits[i-1]) index = IndexWidth'(i - 1);
      if (waits != '0) chosen = entry[32'(index)*EachWidth +: EachWidth];
      // A clear and a cause in one clock: the clear leaves with the fall of the pin, then the rest.
      split = chosen[15:0] != '0 && chosen[31:16] != '0 && !cleared_q[index];
      if (cleared_q[index]) chosen[31:16] = '0;
      if (cleared_q[index]) chosen[33] = 1'b0;
      more = split || (waits & (waits - Functions'(1))) != '0;
    end
  end
  assign pop = level != '0 && !more;
  always_ff @(posedge clk_i) begin : p_progress
    if (!rst_ni || pop) begin
      left_q    <= '0;
      cleared_q <= '0;
      first_q   <= 1'b1;
    end else if (level != '0) begin
      if (split) cleared_q[index] <= 1'b1;
      else left_q[index] <= 1'b1;
      first_q <= 1'b0;
    end
  end

  // The record.
  logic [Functions*EachWidth-1:0] unused_events;
  logic [StampWidth-1:0]          stamp;
  logic [31:0]                    payload;
  logic [7:0]                     vector;
  logic                           mark, eoi, spurious, fetch;
  logic [47:0]                    clock;
  logic [15:0]                    causes;
  assign {stamp, payload, vector, mark, eoi, spurious, fetch, unused_events} = entry;
  always_comb begin : p_record
    bits     = '0;
    causes   = '0;
    clock    = '0;
    record_o = '0;
    if (level != '0) begin
      clock = {clock_i[47:StampWidth] - (48-StampWidth)'(clock_i[StampWidth-1:0] < stamp), stamp};
      bits[host_pkg::EventBitClear]             = chosen[31:16] != '0;
      bits[host_pkg::EventBitDeassert]          = chosen[33];
      bits[host_pkg::EventBitCause]             = chosen[15:0] != '0 && !split;
      bits[host_pkg::EventBitAssert]            = chosen[32] && !split;
      bits[host_pkg::EventBitFirstRegisterRead] = chosen[34] && !split;
      bits[host_pkg::EventBitDmaDrained]        = chosen[35] && !split;
      bits[host_pkg::EventBitVectorFetch]       = fetch && first_q;
      bits[host_pkg::EventBitSpuriousFetch]     = spurious && first_q;
      bits[host_pkg::EventBitEoi]               = eoi && first_q;
      bits[host_pkg::EventBitMark]              = mark && first_q;
      causes = chosen[31:16] != '0 ? chosen[31:16] : chosen[15:0];
      record_o[host_pkg::EventFieldClock +: 48]    = clock;
      record_o[host_pkg::EventFieldBits +: 16]     = bits;
      record_o[host_pkg::EventFieldFunction +: 8]  = 8'(index);
      record_o[host_pkg::EventFieldVector +: 8]    = (fetch || eoi) && first_q ? vector : '0;
      record_o[host_pkg::EventFieldCauses +: 16]   = causes;
      record_o[host_pkg::EventFieldMark +: 32]     = mark && first_q ? payload : '0;
    end
  end
  assign valid_o = level != '0;
endmodule
