// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Bus-master engine: walks a list of descriptors in host memory, and lets the mover and the bus initiator move the
/// data that they describe. A descriptor is four dwords: address, high address (0), length in bytes (24 bits, not 0),
/// flags (bit 0 last).
///
/// After `abort_i` no further request begins, and a transaction on the bus ends at the next data phase, so the engine
/// leaves the bus within 64 clocks. A read that was retried is repeated by the initiator before its request ends, and
/// `done_o` comes after that: nothing of the transfer is on the bus later. The engine ends in the same way, with an error, when Bus Master goes off, and
/// when a datum had bad parity: no such datum is used.
module store_dma #(
  /// Log2 of the buffer's bytes.
  parameter int unsigned BufferLog2 = 16,
  /// Bits of the bus addresses that the engine can reach.
  parameter int unsigned AddressBits = 32
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  /// Takes the arguments of a transfer, or of a command without one: place in the buffer, bytes, first descriptor.
  input  logic                  accept_i,
  input  logic [BufferLog2-1:0] buffer_address_i,
  input  logic [BufferLog2:0]   length_i,
  input  logic [AddressBits-1:4] descriptor_i,
  /// Begins the transfer, to the buffer if `inward_i`, which stays as it is until the end.
  input  logic                  start_i,
  input  logic                  inward_i,
  input  logic [15:0]           max_burst_i,
  input  logic                  bus_master_i,
  input  logic                  abort_i,
  /// The engine reads a descriptor, moves data, or has ended.
  output logic                  in_descriptor_o,
  output logic                  in_data_o,
  output logic                  done_o,
  /// Errors, each on for one clock, and the address of an error.
  output logic                  parity_o,
  output logic                  target_abort_o,
  output logic                  master_abort_o,
  output logic                  descriptor_invalid_o,
  output logic                  range_o,
  output logic                  disabled_o,
  output logic [31:0]           error_address_o,
  /// A payload datum moves on the bus; bytes given to host memory on this clock.
  output logic                  data_clock_o,
  output logic [2:0]            delivered_o,
  /// Mover.
  output logic                  segment_start_o,
  output logic [BufferLog2-1:0] segment_buffer_o,
  output logic [1:0]            segment_offset_o,
  output logic [BufferLog2:0]   segment_length_o,
  output logic                  bus_valid_o,
  input  logic                  mover_done_i,
  input  logic [2:0]            wlevel_i,
  output logic                  wpop_o,
  /// Initiator.
  output logic                  request_valid_o,
  input  logic                  request_ready_i,
  output bus_pkg::request_t     request_o,
  output logic                  more_o,
  output logic                  stop_o,
  output logic [2:0]            available_o,
  input  logic                  transfer_i,
  input  logic [3:0]            transfer_be_i,
  input  logic [31:0]           rdata_i,
  input  logic                  request_done_i,
  input  bus_pkg::result_e      result_i,
  input  logic [31:0]           address_i,
  /// A datum of this engine had bad parity: one clock after it was read, two clocks after it was written; its address.
  input  logic                  parity_error_i,
  input  logic [31:0]           parity_address_i
);
  typedef enum logic [2:0] {
    // No transfer.
    StIdle,
    // The descriptor's request is offered, then under way.
    StFetch,
    StDescriptor,
    // The descriptor is checked, the segment begins.
    StCheck,
    // Bursts are offered and under way.
    StBurst,
    // All bursts have ended; the mover still moves its last data.
    StDrain,
    // The transfer has ended.
    StDone
  } state_e;

  state_e      state_q, state_d;
  // Bits of a number of dwords of the buffer, and of a burst.
  localparam int unsigned DwordWidth = BufferLog2 - 1;
  localparam int unsigned BurstWidth = DwordWidth < 16 ? DwordWidth : 16;
  localparam logic [31:0] Reached    = 32'hFFFF_FFFF >> (32 - AddressBits);

  logic        in_flight_q, failed, valid_descriptor, past_last, last_q, invalid_q, beyond_q, too_long, too_long_q;
  logic [AddressBits-1:0] address_q;
  logic [AddressBits-1:4] base_q;
  logic [AddressBits:4]   next_base;
  logic [1:0]  word_q;
  logic [BufferLog2-1:0] buffer_q;
  logic [BufferLog2:0]   left_q, length_q, segment_length;
  logic [DwordWidth-1:0] dwords_left_q;
  logic [BurstWidth-1:0] burst;
  logic        take, ended_well, first_burst_q, last_burst;
  logic [1:0]  tail_q;

  // Bad parity of any datum ends the transfer.
  logic bad, bad_q;
  assign bad = parity_error_i || bad_q;
  always_ff @(posedge clk_i) begin : p_bad
    if (!rst_ni || start_i) bad_q <= 1'b0;
    else if (parity_error_i) bad_q <= 1'b1;
  end

  assign take       = request_valid_o && request_ready_i;
  assign failed     = request_done_i && result_i != bus_pkg::ResultOk;
  assign ended_well = request_done_i && result_i == bus_pkg::ResultOk;

  always_comb begin : p_state
    state_d = state_q;
    unique case (state_q)
      StIdle: if (start_i) state_d = StFetch;
      StFetch: begin
        if (abort_i || bad || !bus_master_i) state_d = StDone;
        else if (take) state_d = StDescriptor;
      end
      StDescriptor: begin
        if (failed) state_d = StDone;
        else if (ended_well) state_d = StCheck;
      end
      StCheck: state_d = !valid_descriptor || bad || abort_i ? StDone : StBurst;
      StBurst: begin
        if (failed) state_d = StDone;
        else if (!in_flight_q || ended_well) begin
          if (abort_i || bad || !bus_master_i) state_d = take ? StBurst : StDone;
          else if (dwords_left_q == '0) state_d = StDrain;
        end
      end
      StDrain: begin
        if (abort_i || bad) state_d = StDone;
        else if (mover_done_i) state_d = last_q || left_q == '0 ? StDone : StFetch;
      end
      StDone: state_d = StIdle;
      default: state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) begin
      state_q     <= StIdle;
      in_flight_q <= 1'b0;
    end else begin
      state_q     <= state_d;
      in_flight_q <= take || (in_flight_q && !request_done_i);
    end
  end

  // The descriptor is checked as it arrives. Of a length that is longer than the buffer, only that is kept.
  logic arrives;
  assign arrives = state_q == StDescriptor && transfer_i;
  always_ff @(posedge clk_i) begin : p_descriptor
    if (state_q == StFetch) begin
      word_q    <= 2'd0;
      invalid_q <= 1'b0;
    end else if (arrives) begin
      word_q <= word_q + 2'd1;
      unique case (word_q)
        2'd1: invalid_q <= invalid_q || rdata_i != '0;
        2'd2: invalid_q <= invalid_q || rdata_i[31:24] != '0 || rdata_i[23:0] == '0;
        2'd3: invalid_q <= invalid_q || rdata_i[31:1] != '0 || past_last;
        default: invalid_q <= (rdata_i & ~Reached) != '0;
      endcase
    end
    if (arrives && word_q == 2'd2) begin
      length_q <= rdata_i[BufferLog2:0];
      beyond_q <= rdata_i[23:BufferLog2+1] != '0;
    end
    if (arrives && word_q == 2'd3) last_q <= rdata_i[0];
    if (accept_i) base_q <= descriptor_i;
    else if (state_q == StCheck) base_q <= next_base[AddressBits-1:4];
  end
  assign too_long         = beyond_q || length_q > left_q;
  // Behind the last address there is no place for another descriptor.
  assign next_base        = {1'b0, base_q} + (AddressBits-3)'(1);
  assign valid_descriptor = !invalid_q && (last_q || !next_base[AddressBits]);
  assign segment_length   = too_long ? left_q : length_q;

  // The bytes to move may end with the last address, and must not run past it: the sum of the bits that such a number has
  // carries into the other bits of the address, which are all ones.
  localparam int unsigned CarryBits = AddressBits > BufferLog2 + 1 ? BufferLog2 + 1 : AddressBits;
  logic [BufferLog2+1:0] behind;
  always_comb begin : p_past_last
    behind    = '0;
    past_last = 1'b0;
    if (arrives && word_q == 2'd3) begin
      behind    = (BufferLog2+2)'(address_q[CarryBits-1:0]) + (BufferLog2+2)'(segment_length);
      past_last = &(address_q | ~(Reached[AddressBits-1:0] << CarryBits)) &&
                  (behind >> CarryBits >= (BufferLog2+2)'(2) ||
                   (behind[CarryBits] && behind[CarryBits-1:0] != '0));
    end
  end

  // Progress through the list; the segment's host side in whole dwords.
  always_ff @(posedge clk_i) begin : p_progress
    if (accept_i) begin
      left_q   <= length_i;
      buffer_q <= buffer_address_i;
    end else if (state_q == StCheck) begin
      left_q   <= left_q - segment_length;
      buffer_q <= buffer_q + BufferLog2'(segment_length);
    end
    if (arrives && word_q == 2'd0) address_q <= rdata_i[AddressBits-1:0];
    else if (state_q == StBurst && take) address_q <= {address_q[AddressBits-1:2] + (AddressBits-2)'(burst), 2'b00};
    if (state_q == StCheck) begin
      too_long_q    <= too_long;
      first_burst_q <= 1'b1;
      tail_q        <= address_q[1:0] + segment_length[1:0] - 2'd1;
      dwords_left_q <= DwordWidth'(((BufferLog2+2)'(segment_length) + (BufferLog2+2)'(address_q[1:0]) + (BufferLog2+2)'(3)) >> 2);
    end else if (state_q == StBurst && take) begin
      first_burst_q <= 1'b0;
      dwords_left_q <= dwords_left_q - DwordWidth'(burst);
    end
  end

  // Requests: the descriptor, then bursts of at most MAX_BURST with only the run's lanes enabled when writing.
  logic [15:0] longest;
  logic [3:0]  head_be, tail_be;
  logic        primed;
  always_comb begin : p_burst
    longest    = '0;
    last_burst = 1'b0;
    burst      = '0;
    primed     = 1'b0;
    if (state_q == StBurst) begin
      longest    = max_burst_i == '0 ? 16'd1 : max_burst_i;
      last_burst = 22'(dwords_left_q) <= 22'(longest);
      burst      = last_burst ? dwords_left_q[BurstWidth-1:0] : longest[BurstWidth-1:0];
      // A write begins when enough data is available to continue it without waits.
      primed     = inward_i || wlevel_i >= 3'd3 || BurstWidth'(wlevel_i) >= burst;
    end
  end
  assign head_be = 4'hF << address_q[1:0];
  assign tail_be = 4'hF >> (2'd3 - tail_q);

  always_comb begin : p_request
    request_o.command  = bus_pkg::CommandMemoryRead;
    request_o.address  = 32'({base_q, 4'h0});
    request_o.length   = 16'd4;
    request_o.first_be = 4'hF;
    request_o.last_be  = 4'hF;
    if (state_q == StBurst) begin
      request_o.address = 32'({address_q[AddressBits-1:2], 2'b00});
      request_o.length  = 16'(burst);
      if (!inward_i) begin
        request_o.command = bus_pkg::CommandMemoryWrite;
        if (first_burst_q) request_o.first_be = head_be;
        if (last_burst) request_o.last_be = tail_be;
      end
    end
  end
  assign request_valid_o = bus_master_i && !abort_i && !bad && !failed &&
                           (state_q == StFetch || (state_q == StBurst && dwords_left_q != '0 && primed));
  assign more_o          = state_q == StBurst && dwords_left_q != '0 && !abort_i && !bad;
  assign stop_o          = abort_i || bad_q;
  assign available_o     = state_q == StBurst && !inward_i ? wlevel_i : 3'd7;

  assign segment_start_o  = state_q == StCheck && valid_descriptor && !bad && !abort_i;
  assign segment_buffer_o = buffer_q;
  assign segment_offset_o = address_q[1:0];
  assign segment_length_o = segment_length;
  assign bus_valid_o      = state_q == StBurst && transfer_i && inward_i;
  assign wpop_o           = state_q == StBurst && transfer_i && !inward_i;
  assign data_clock_o     = state_q == StBurst && transfer_i;
  // A datum given to host memory counts two clocks later, when its target has not complained about its parity.
  logic [2:0] given, given_q, judged_q;
  always_comb begin : p_given
    given = '0;
    if (wpop_o) given = 3'(transfer_be_i[0]) + 3'(transfer_be_i[1]) + 3'(transfer_be_i[2]) + 3'(transfer_be_i[3]);
  end
  always_ff @(posedge clk_i) begin : p_delivered
    if (!rst_ni) begin
      given_q  <= '0;
      judged_q <= '0;
    end else if (given != '0 || given_q != '0 || judged_q != '0) begin
      given_q  <= given;
      judged_q <= given_q;
    end
  end
  assign delivered_o = bad ? '0 : judged_q;

  // Errors.
  logic list_ended;
  assign list_ended           = state_q == StDrain && mover_done_i && !abort_i && !bad;
  assign parity_o             = parity_error_i;
  assign target_abort_o       = request_done_i && result_i == bus_pkg::ResultTargetAbort;
  assign master_abort_o       = request_done_i && result_i == bus_pkg::ResultMasterAbort;
  assign descriptor_invalid_o = (state_q == StCheck && !valid_descriptor && !bad) || (list_ended && last_q && left_q != '0);
  assign range_o              = list_ended && left_q == '0 && (too_long_q || !last_q);
  assign disabled_o           = !abort_i && !bad &&
                                ((request_done_i && result_i == bus_pkg::ResultDisabled) ||
                                 (!bus_master_i && state_d == StDone &&
                                  (state_q == StFetch || (state_q == StBurst && !failed))));
  assign error_address_o      = parity_error_i ? parity_address_i : request_done_i ? address_i : 32'({base_q, 4'h0});

  assign in_descriptor_o = state_q == StFetch || state_q == StDescriptor || state_q == StCheck;
  assign in_data_o       = state_q == StBurst || state_q == StDrain;
  assign done_o          = state_q == StDone;
endmodule
