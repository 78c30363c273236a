// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Clock counter, event stream and bus counters, with their registers on the bus.
/// A full FIFO drops the newest record and counts the dropped records.
module timestamp_unit #(
  /// Log2 of the records that the FIFO holds.
  parameter int unsigned EventLog2 = 9,
  /// Number of functions.
  parameter int unsigned Functions = 1,
  /// Clock frequency, for the register that reports it.
  parameter logic [31:0] ClockKhz,
  /// Bus address of the registers, at the start of a page of 4 KiB.
  parameter logic [31:0] Address,
  /// The bus counters are there; else they read 0.
  parameter bit          Counters = 1'b1,
  /// Bits of the counter of clocks, 48 to 64; it begins again at 0 after its last value.
  parameter int unsigned ClockBits = 64,
  /// The most causes that a function has.
  parameter int unsigned Causes = 16,
  /// Clocks with events that can wait for their records.
  parameter int unsigned Waiting = 4,
  /// The target's data have registers that synthesis can keep once for all targets, see `bus_target`.
  parameter bit          Shared = 1'b0
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  /// Events of the functions and of the machine, see `event_collector`.
  input  logic [Functions*socket_pkg::EventsWidth-1:0] functions_i,
  input  logic                 fetch_i,
  input  logic                 spurious_i,
  input  logic                 eoi_i,
  input  logic                 mark_i,
  input  logic                 drained_i,
  input  logic [7:0]           vector_i,
  input  logic [31:0]          payload_i,
  /// Clocks since reset.
  output logic [63:0]          clock_o,
  /// Event stream.
  output logic                 event_valid_o,
  output logic [127:0]         event_o,
  input  logic                 event_ready_i,
  output logic [15:0]          event_drops_o,
  /// Bus.
  input  bus_pkg::bus_t        bus_i,
  output bus_pkg::target_out_t target_o
);
  if (ClockBits < 48 || ClockBits > 64 || Causes < 1 || Causes > 16) begin : gen_check
    $error("timestamp_unit: ClockBits must be 48 to 64, Causes 1 to 16");
  end

  timestamp_reg_pkg::reg2hw_t reg2hw;
  timestamp_reg_pkg::hw2reg_t hw2reg;

  bus_pkg::transaction_t access;
  bus_pkg::answer_t      answer;
  logic [31:0] rdata;
  logic        load, lanes_on;

  always_comb begin : p_answer
    answer        = bus_pkg::AnswerIdle;
    answer.hit    = access.memory && access.address[31:12] == Address[31:12];
    answer.single = 1'b1;
  end
  bus_target #(.Bursts(1'b0), .Shared(Shared)) u_target (
    .clk_i, .rst_ni, .number_i('0), .transaction_o(access), .answer_i(answer), .rdata_i(rdata), .load_o(load),
    .retried_o(), .parity_response_i(1'b1), .serr_enable_i(1'b0), .status_set_o(), .bus_i, .idsel_i(1'b0), .target_o
  );

  timestamp_regs u_regs (
    .clk_i, .rst_ni, .write_i(access.write && access.write_address[11:6] == '0), .write_address_i(access.write_address[5:0]),
    .be_i(access.write_be), .wdata_i(access.wdata), .load_i(load && access.pointer[11:6] == '0),
    .read_i(load && lanes_on && access.pointer[11:6] == '0), .read_address_i(access.pointer[5:0]),
    .rdata_o(rdata), .reg2hw_o(reg2hw), .hw2reg_i(hw2reg)
  );
  // A read without any enabled byte has no side effect. The side effect of another one is on the clock that loads its
  // datum, which moves for certain, since a transaction has one datum and its byte enables are on the bus already.
  assign lanes_on = bus_i.cbe != 4'hF;

  logic low_read, clear;
  assign low_read = reg2hw.counter_lo_re;
  assign clear    = reg2hw.control.clear;

  // The counter. The high half is latched when the low half is put on the bus.
  logic [ClockBits-1:0]  clock;
  logic [ClockBits-33:0] high_q;
  prim_clocks #(.Width(ClockBits)) u_clocks (.clk_i, .rst_ni, .clear_i(1'b0), .enable_i(1'b1), .clocks_o(clock));
  always_ff @(posedge clk_i) begin : p_high
    if (!rst_ni) high_q <= '0;
    else if (low_read) high_q <= clock[ClockBits-1:32];
  end

  // The stream.
  logic [EventLog2:0]   level;
  logic [1:0]           visible;
  logic                 valid, push, lost, dropped;
  logic [15:0]          drops_q;
  logic [16:0]          drops;
  logic [127:0]         record;
  event_collector #(.Functions(Functions), .Waiting(Waiting)) u_collector (
    .clk_i, .rst_ni, .clock_i(clock[47:0]), .irdy_i(bus_i.irdy && lanes_on), .functions_i, .fetch_i, .spurious_i, .eoi_i,
    .mark_i,
    .drained_i, .vector_i, .payload_i, .valid_o(valid), .record_o(record), .lost_o(lost)
  );
  assign push    = valid && !level[EventLog2];
  assign dropped = valid && !push;
  assign drops   = {1'b0, drops_q} + 17'(dropped) + 17'(lost);
  // Bits of a record that are never on have no place in the FIFO.
  localparam int unsigned BitsWidth  = 32'(host_pkg::EventBitSpuriousFetch) + 1;
  localparam int unsigned IndexWidth = Functions > 1 ? $clog2(Functions) : 1;
  localparam int unsigned KeptWidth  = 48 + BitsWidth + IndexWidth + 8 + Causes + 32;
  logic [KeptWidth-1:0]  kept, unused_second;
  logic [BitsWidth-1:0]  bits;
  logic [IndexWidth-1:0] index;
  logic [Causes-1:0]     causes;
  logic [47:0]           stamp;
  logic [31:0]           payload;
  logic [7:0]            vector;
  prim_fifo #(.Width(KeptWidth), .DepthLog2(EventLog2)) u_fifo (
    .clk_i, .rst_ni, .clear_i(1'b0), .push_i(push),
    .data_i({
      record[host_pkg::EventFieldMark +: 32], record[host_pkg::EventFieldCauses +: Causes],
      record[host_pkg::EventFieldVector +: 8], record[host_pkg::EventFieldFunction +: IndexWidth],
      record[host_pkg::EventFieldBits +: BitsWidth], record[host_pkg::EventFieldClock +: 48]
    }),
    .pop_i(event_valid_o && event_ready_i), .data0_o(kept), .data1_o(unused_second), .visible_o(visible), .level_o(level)
  );
  assign {payload, causes, vector, index, bits, stamp} = kept;
  logic unused_record;
  assign unused_record = ^record;
  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni && push) begin
      // The bits of a record that have no place in the FIFO are off.
      a_kept: assert (record[host_pkg::EventFieldBits +: 16] >> BitsWidth == '0 &&
                      record[host_pkg::EventFieldFunction +: 8] >> IndexWidth == '0 &&
                      record[host_pkg::EventFieldCauses +: 16] >> Causes == '0);
    end
  end
  always_comb begin : p_event
    event_o = '0;
    event_o[host_pkg::EventFieldClock +: 48]    = stamp;
    event_o[host_pkg::EventFieldBits +: 16]     = 16'(bits);
    event_o[host_pkg::EventFieldFunction +: 8]  = 8'(index);
    event_o[host_pkg::EventFieldVector +: 8]    = vector;
    event_o[host_pkg::EventFieldCauses +: 16]   = 16'(causes);
    event_o[host_pkg::EventFieldMark +: 32]     = payload;
  end
  always_ff @(posedge clk_i) begin : p_drops
    if (!rst_ni) drops_q <= '0;
    else if (clear || dropped || lost) drops_q <= clear ? '0 : drops[16] ? '1 : drops[15:0];
  end

  logic [6*32-1:0] counts;
  if (Counters) begin : gen_counters
    bus_counters u_counters (.clk_i, .rst_ni, .clear_i(clear), .bus_i, .counts_o(counts));
  end else begin : gen_no_counters
    assign counts = '0;
  end

  always_comb begin : p_read
    hw2reg = '0;
    if (load) begin
      hw2reg.counter_lo                = clock[31:0];
      hw2reg.counter_hi                = 32'(high_q);
      hw2reg.event_level.records       = 16'(level);
      hw2reg.event_drops.records       = drops_q;
      hw2reg.clock_khz.khz             = ClockKhz;
      hw2reg.idle_clocks.clocks        = counts[0*32 +: 32];
      hw2reg.address_clocks.clocks     = counts[1*32 +: 32];
      hw2reg.data_clocks.clocks        = counts[2*32 +: 32];
      hw2reg.wait_clocks.clocks        = counts[3*32 +: 32];
      hw2reg.retry_clocks.clocks       = counts[4*32 +: 32];
      hw2reg.transactions.transactions = counts[5*32 +: 32];
    end
  end

  assign clock_o       = 64'(clock);
  assign event_valid_o = visible != '0;
  assign event_drops_o = drops_q;
endmodule
