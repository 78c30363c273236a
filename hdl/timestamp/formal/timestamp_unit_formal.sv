// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `timestamp_unit` around the collector and the counters, which have proofs of their own: the registers, the
/// stream of records, and the count of lost ones, on a bus that does whatever it likes.
module timestamp_unit_formal (
  input logic                               clk_i,
  input logic                               rst_ni,
  input logic [socket_pkg::EventsWidth-1:0] functions_i,
  input logic                               fetch_i,
  input logic                               spurious_i,
  input logic                               eoi_i,
  input logic                               mark_i,
  input logic                               drained_i,
  input logic [7:0]                         vector_i,
  input logic [31:0]                        payload_i,
  input logic                               event_ready_i,
  input bus_pkg::bus_t                      bus_i,
  /// Follow the record that is written on this clock.
  input logic                               follow_i
);
  localparam int unsigned EventLog2 = 3;
  localparam logic [31:0] Address = 32'h1234_5000;
  localparam logic [31:0] Khz = 32'd12345;

  logic [63:0]          clock;
  logic                 event_valid;
  logic [127:0]         event_record;
  logic [15:0]          drops;
  bus_pkg::target_out_t target;
  timestamp_unit #(.EventLog2(EventLog2), .Functions(1), .ClockKhz(Khz), .Address(Address)) u_dut (
    .clk_i, .rst_ni, .functions_i, .fetch_i, .spurious_i, .eoi_i, .mark_i, .drained_i, .vector_i, .payload_i,
    .clock_o(clock), .event_valid_o(event_valid), .event_o(event_record), .event_ready_i, .event_drops_o(drops), .bus_i,
    .target_o(target)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // Clocks and losses as they must be, and the records between collector and host.
  logic [63:0]        clock_q;
  logic [16:0]        drops_q;
  logic [EventLog2:0] level_q;
  logic               clear, written, refused, taken;
  assign clear   = u_dut.access.write && u_dut.access.write_address[11:2] == 10'(timestamp_reg_pkg::ControlOffset >> 2) &&
                   u_dut.access.write_be[0] && u_dut.access.wdata[0];
  assign written = u_dut.valid && level_q < (EventLog2+1)'(2**EventLog2);
  assign refused = u_dut.valid && !written;
  assign taken   = event_valid && event_ready_i;
  always_ff @(posedge clk_i) begin : p_model
    if (!rst_ni) begin
      clock_q <= '0;
      drops_q <= '0;
      level_q <= '0;
    end else begin
      clock_q <= clock_q + 64'd1;
      level_q <= level_q + (EventLog2+1)'(written) - (EventLog2+1)'(taken);
      if (clear) drops_q <= '0;
      else if (drops_q + 17'(refused) + 17'(u_dut.lost) > 17'hFFFF) drops_q <= 17'hFFFF;
      else drops_q <= drops_q + 17'(refused) + 17'(u_dut.lost);
    end
  end

  // A record that is followed from the clock on which it is written, with the number of those before it.
  logic               followed_q;
  logic [EventLog2:0] before_q;
  logic [127:0]       record_q;
  always_ff @(posedge clk_i) begin : p_follow
    if (!rst_ni) followed_q <= 1'b0;
    else if (!followed_q && follow_i && written) begin
      followed_q <= 1'b1;
      before_q   <= level_q - (EventLog2+1)'(taken);
      record_q   <= u_dut.record;
    end else if (followed_q && taken) begin
      if (before_q == '0) followed_q <= 1'b0;
      else before_q <= before_q - (EventLog2+1)'(1);
    end
  end

  // The high half of the counter on the clock on which COUNTER_LO was loaded last.
  logic [31:0] high_q;
  logic        has_loaded_q;
  always_ff @(posedge clk_i) begin : p_high
    has_loaded_q <= rst_ni && (u_dut.load || has_loaded_q);
    if (!rst_ni) high_q <= '0;
    else if (u_dut.load && bus_i.cbe != '1 && u_dut.access.pointer[11:2] == '0) high_q <= clock_q[63:32];
  end

  // The clock before.
  logic past_q, cleared_q, decode_q, hit_q;
  logic [31:0] address_q, datum_q;
  always_ff @(posedge clk_i) begin : p_before
    past_q    <= rst_ni;
    cleared_q <= rst_ni && clear;
    decode_q  <= rst_ni && u_dut.access.decode;
    hit_q     <= u_dut.access.memory && u_dut.access.address[31:12] == Address[31:12] && u_dut.u_target.parity_q == bus_i.par;
    if (u_dut.load) address_q <= u_dut.access.pointer;
    if (u_dut.load) datum_q <= u_dut.rdata;
  end

  // The register that is read on this clock.
  logic [11:2] place;
  logic        loads;
  assign place = u_dut.access.pointer[11:2];
  assign loads = u_dut.load && !u_dut.access.transfer;
  function automatic logic at(input logic [11:2] dword, input logic [5:0] offset);
    at = dword == {6'd0, offset[5:2]};
  endfunction

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    `ASSUME(start_idle, !bus_i.start || !u_dut.access.active,
            "A transaction begins only after the one before has left the bus.")
    `ASSUME(own_trdy, !target.trdy || bus_i.trdy, "TRDY of the unit is on the bus.")
    if (rst_ni) begin
      `PROVE(clocks, clock == clock_q, "The counter counts every clock since reset, from 0.")
      `PROVE(losses, {1'b0, drops} == drops_q,
             "Each record that finds the FIFO full, and each loss of the collector, counts once; the count stops at its end and is cleared by CONTROL.")
      `PROVE(level, u_dut.level == level_q && level_q <= (EventLog2+1)'(2**EventLog2),
             "The level is the number of records written and not taken.")
      `PROVE(visible_some, (EventLog2+1)'(u_dut.visible) <= level_q && u_dut.u_fifo.stored_q <= level_q,
             "No more records are visible than there are.")
      `PROVE(nothing_taken, !taken || level_q != '0, "No record is taken that was not written.")
      `PROVE(first, !(followed_q && event_valid && before_q == '0) || event_record == record_q,
             "Records are given to the host in their order, each as it was written.")
      `PROVE(followed, !followed_q || before_q < level_q, "A record stays in the FIFO until it is taken.")
      if (past_q && decode_q) begin
        `PROVE(T15_claims, target.devsel == hit_q, "The unit claims memory accesses to its page, and nothing else.")
      end
      if (cleared_q) begin
        `PROVE(cleared, drops == '0 && u_dut.counts == '0, "CONTROL clears the counters.")
      end
      if (loads) begin
        `PROVE(show_low, !at(place, timestamp_reg_pkg::CounterLoOffset) || u_dut.rdata == clock_q[31:0],
               "COUNTER_LO shows the low half of the counter.")
        `PROVE(show_high, !at(place, timestamp_reg_pkg::CounterHiOffset) || u_dut.rdata == high_q,
               "COUNTER_HI shows the high half that belongs to the last COUNTER_LO that was read.")
        `PROVE(show_level, !at(place, timestamp_reg_pkg::EventLevelOffset) || u_dut.rdata == 32'(level_q),
               "EVENT_LEVEL shows the level.")
        `PROVE(show_drops, !at(place, timestamp_reg_pkg::EventDropsOffset) || u_dut.rdata == 32'(drops_q),
               "EVENT_DROPS shows the losses.")
        `PROVE(show_khz, !at(place, timestamp_reg_pkg::ClockKhzOffset) || u_dut.rdata == Khz,
               "CLOCK_KHZ shows the frequency.")
        `PROVE(show_counts, !at(place, timestamp_reg_pkg::TransactionsOffset) || u_dut.rdata == u_dut.counts[191:160],
               "TRANSACTIONS shows the count of transactions.")
        `PROVE(show_nothing, place[11:6] == '0 || u_dut.rdata == '0, "The page reads 0 beyond the registers.")
      end
      `PROVE(high_state, u_dut.high_q == high_q,
             "The high half is latched on the clock that loads the low half for a read with an enabled byte.")
      `PROVE(data_claimed, !target.trdy || (u_dut.access.active && !u_dut.access.decode && (!u_dut.access.read || has_loaded_q)),
             "TRDY is on in data phases only.")
      `PROVE(read_datum, !(target.trdy && u_dut.access.read) || target.ad == datum_q, "A read gets the register.")
      `COVER(dropped, drops_q == 17'd2, "Two records are dropped.")
      `COVER(flowing, followed_q && before_q == '0 && taken && record_q[31:0] != '0, "A record is taken.")
      `COVER(read_high, loads && at(place, timestamp_reg_pkg::CounterHiOffset) && past_q, "COUNTER_HI is read.")
    end
  end
endmodule
