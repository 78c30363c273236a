// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `store_dma` with `store_mover` and `store_align`: one transfer from reset. A description of the initiator and
/// of the buffer moves data as slowly as it likes and fails when it likes. A count walks along the list byte by byte, and
/// says which byte each datum must hold; the value of one byte, chosen freely, is followed from its source to its place.
module store_dma_formal #(
  /// The most bytes of a transfer.
  parameter int unsigned Longest = 6,
  /// Initiator and buffer are ready at any clock, or not; without it they are always ready.
  parameter bit          Waits = 1'b1,
  /// The small form of the mover: a datum that was read stays until the buffer takes another read, of the mover or not.
  parameter bit          Small = 1'b0,
  /// Bits of the bus addresses. The list and its segments are at the end of them, or somewhere in the middle.
  parameter int unsigned AddressBits = 32,
  parameter bit          Top = 1'b0
) (
  input logic        clk_i,
  input logic        start_i,
  input logic        abort_i,
  input logic        bus_master_i,
  /// The initiator: takes a request; moves a datum; ends the request early, with this result; reports bad parity.
  input logic        ready_i,
  input logic        move_i,
  input logic        end_i,
  input logic [2:0]  result_i,
  input logic        parity_i,
  input logic [31:0] rdata_i,
  /// The buffer: takes a read; its datum.
  input logic        read_ready_i,
  input logic [31:0] buffer_data_i
);
  localparam int unsigned BufferLog2 = 4;

  // Reset on the first clock. Registers that nothing sets hold what the host has asked for: direction, place in the
  // buffer, bytes, longest burst; two descriptors, which the list repeats: address, bytes, last, not legal; and the byte
  // that is followed, with its value.
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;
  logic        inward_q;
  logic [3:0]  buffer_q, length_q, follow_q;
  logic [1:0]  burst_q;
  logic [15:0] address_q;
  logic [7:0]  bytes_q, value_q;
  logic [1:0]  last_q, illegal_q;
  always_ff @(posedge clk_i) begin : p_free
    inward_q  <= inward_q;
    buffer_q  <= buffer_q;
    length_q  <= length_q;
    follow_q  <= follow_q;
    burst_q   <= burst_q;
    address_q <= address_q;
    bytes_q   <= bytes_q;
    value_q   <= value_q;
    last_q    <= last_q;
    illegal_q <= illegal_q;
  end
  localparam logic [31:0] Reached = 32'hFFFF_FFFF >> (32 - AddressBits);
  localparam logic [32:0] Behind  = 33'(Reached) + 33'd1;
  // At the end there is place for one descriptor, or for two.
  logic        only_q;
  logic [31:0] base;
  assign base = Top ? Reached - (only_q ? 32'd15 : 32'd31) : 32'h0000_1230;
  always_ff @(posedge clk_i) only_q <= only_q;

  // The blocks.
  logic                  started_q, start, done, parity, target_abort, master_abort, invalid, range, disabled;
  logic [2:0]            delivered, stored, wlevel, available;
  logic                  segment_start, bus_valid, mover_done, wpop, request_valid, more, stop, transfer, finished;
  logic [BufferLog2-1:0] segment_buffer;
  logic [1:0]            segment_offset;
  logic [BufferLog2:0]   segment_length;
  logic [3:0]            lanes, write_be;
  logic                  write, read;
  logic [BufferLog2-1:2] write_address, read_address;
  logic [31:0]           wdata, word, bus_word;
  bus_pkg::request_t     request;
  bus_pkg::result_e      result;
  logic                  rvalid_q, ready, read_ready, ended_q;
  assign read_ready = read_ready_i || !Waits;
  logic                  accepted_q;
  assign start = start_i && !started_q && accepted_q;
  store_dma #(.BufferLog2(BufferLog2), .AddressBits(AddressBits)) u_dma (
    .clk_i, .rst_ni(rst_n), .accept_i(rst_n && !accepted_q), .buffer_address_i(buffer_q),
    .length_i({1'b0, length_q}), .descriptor_i(base[AddressBits-1:4]), .start_i(start), .inward_i(inward_q), .max_burst_i({14'd0, burst_q}), .bus_master_i, .abort_i,
    .in_descriptor_o(), .in_data_o(), .done_o(done), .parity_o(parity), .target_abort_o(target_abort),
    .master_abort_o(master_abort), .descriptor_invalid_o(invalid), .range_o(range), .disabled_o(disabled),
    .error_address_o(), .data_clock_o(), .delivered_o(delivered), .segment_start_o(segment_start),
    .segment_buffer_o(segment_buffer), .segment_offset_o(segment_offset), .segment_length_o(segment_length),
    .bus_valid_o(bus_valid), .mover_done_i(mover_done), .wlevel_i(wlevel), .wpop_o(wpop),
    .request_valid_o(request_valid), .request_ready_i(ready), .request_o(request), .more_o(more), .stop_o(stop),
    .available_o(available), .transfer_i(transfer), .transfer_be_i(lanes), .rdata_i(bus_word),
    .request_done_i(finished), .result_i(result), .address_i(32'd0), .parity_error_i(parity_i),
    .parity_address_i(32'd0)
  );
  store_mover #(.BufferLog2(BufferLog2), .Small(Small)) u_mover (
    .clk_i, .rst_ni(rst_n), .start_i(segment_start), .inward_i(inward_q), .dma_i(1'b1),
    .buffer_address_i(segment_buffer), .other_offset_i(segment_offset), .length_i(segment_length),
    .stop_i(ended_q && !inward_q), .pace_i(16'd0), .done_o(mover_done), .stored_o(stored), .write_o(write),
    .write_address_o(write_address), .write_be_o(write_be), .wdata_o(wdata), .write_ready_i(1'b1), .read_o(read),
    .read_address_o(read_address), .read_ready_i(read_ready), .rvalid_i(rvalid_q), .rdata_i(buffer_data_i), .drain_valid_i(1'b0),
    .drain_data_i(32'd0), .drain_pop_o(), .fill_push_o(), .fill_data_o(), .fill_ready_i(1'b0), .bus_valid_i(bus_valid),
    .bus_data_i(bus_word), .bus_bad_i(parity_i), .wdata0_o(word), .wdata1_o(), .wlevel_o(wlevel), .wpop_i(wpop)
  );

  // The initiator: one request at a time, which ends one clock after its last datum or earlier.
  logic        active_q, reads_q, list_q, begun_q, take, judge_q, judge2_q;
  logic [31:0] place_q;
  logic [15:0] left_q;
  logic [3:0]  first_be_q, last_be_q;
  assign ready    = (ready_i || !Waits) && !active_q;
  assign take     = request_valid && ready;
  assign transfer = active_q && left_q != '0 && (move_i || !Waits) && available != '0;
  assign lanes    = (begun_q ? 4'hF : first_be_q) & (left_q == 16'd1 ? last_be_q : 4'hF);
  assign finished = active_q && (left_q == '0 || (end_i && !transfer));
  assign result   = left_q == '0 ? bus_pkg::ResultOk : bus_pkg::result_e'(result_i);
  // A request of the list reads a descriptor; others move data.
  logic reading_list;
  assign reading_list = u_dma.state_q == 3'd1;
  always_ff @(posedge clk_i) begin : p_initiator
    if (!rst_n) {active_q, accepted_q, started_q, ended_q, judge_q, judge2_q} <= '0;
    else begin
      active_q  <= take || (active_q && !finished);
      accepted_q <= 1'b1;
      started_q <= started_q || start;
      ended_q   <= ended_q || done;
      judge_q   <= transfer;
      judge2_q  <= judge_q && !reads_q;
    end
    if (take) begin
      place_q    <= request.address;
      left_q     <= request.length;
      first_be_q <= request.first_be;
      last_be_q  <= request.last_be;
      reads_q    <= !request.command[0];
      list_q     <= reading_list;
      begun_q    <= 1'b0;
    end else if (transfer) begin
      place_q <= place_q + 32'd4;
      left_q  <= left_q - 16'd1;
      begun_q <= 1'b1;
    end
    rvalid_q <= rst_n && read_ready && (read || (Small && rvalid_q));
  end

  // The list in host memory: descriptors one after another.
  logic [31:0] chosen_address, list_word;
  logic [3:0]  chosen_bytes;
  logic        chosen_last, chosen_illegal, number_q;
  assign chosen_address = {Top ? Reached[31:8] : 24'h0000_56, number_q ? address_q[15:8] : address_q[7:0]};
  assign chosen_bytes   = number_q ? bytes_q[7:4] : bytes_q[3:0];
  assign chosen_last    = last_q[number_q];
  assign chosen_illegal = illegal_q[number_q];
  always_comb begin : p_list
    unique case (place_q[3:2])
      2'd0: list_word = chosen_address;
      2'd1: list_word = {31'd0, chosen_illegal};
      2'd2: list_word = {28'd0, chosen_bytes};
      default: list_word = {31'd0, chosen_last};
    endcase
  end
  assign bus_word = list_q ? list_word : rdata_i;

  // The walk along the list: the bytes that have moved on the bus, those that have been stored, the host address of the
  // next byte, and the bytes left of the segment.
  logic [3:0]  moved_q, moved1_q, moved2_q, stored_q, counted_q, sure_q, limit_q, left, room, segment_left_q;
  logic [31:0] next_q, base_q;
  logic [2:0]  these, put;
  logic [3:0]  these_lanes, put_lanes;
  logic        data, segment_long_q, bad_q, bad, legal, past_last, at_end_q;
  logic [1:0]  put_lane;
  assign data  = transfer && !list_q;
  assign bad   = bad_q || parity_i;
  assign room  = 4'd4 - {2'd0, next_q[1:0]};
  assign these = segment_left_q < room ? segment_left_q[2:0] : room[2:0];
  assign put   = 3'(write_be[0]) + 3'(write_be[1]) + 3'(write_be[2]) + 3'(write_be[3]);
  assign left  = length_q - moved_q;
  assign past_last = 33'(chosen_address) + 33'(chosen_bytes < left ? chosen_bytes : left) > Behind;
  assign legal = !chosen_illegal && chosen_bytes != '0 && !past_last && (chosen_last || !at_end_q);
  assign put_lane    = 2'(buffer_q + stored_q);
  assign these_lanes = ((4'd1 << these) - 4'd1) << next_q[1:0];
  assign put_lanes   = ((4'd1 << put) - 4'd1) << put_lane;
  always_ff @(posedge clk_i) begin : p_walk
    moved1_q <= moved_q;
    moved2_q <= moved1_q;
    if (!rst_n) begin
      {moved_q, stored_q, counted_q, sure_q, segment_left_q} <= '0;
      {number_q, segment_long_q, bad_q, at_end_q} <= '0;
      base_q <= base;
    end else begin
      bad_q     <= bad;
      counted_q <= counted_q + 4'(stored) + 4'(delivered);
      if (write) stored_q <= stored_q + 4'(put);
      if (!bad) sure_q <= moved_q;
      if (!bad_q) limit_q <= moved2_q;
      if (finished && list_q && left_q == '0) begin
        next_q         <= chosen_address;
        segment_left_q <= !legal ? 4'd0 : chosen_bytes < left ? chosen_bytes : left;
        segment_long_q <= chosen_bytes > left;
        base_q         <= base_q + 32'd16;
      end else if (data) begin
        next_q         <= next_q + 32'(these);
        segment_left_q <= segment_left_q - 4'(these);
        moved_q        <= moved_q + 4'(these);
      end
      if (take && reading_list && base_q != base) number_q <= !number_q;
      if (take && reading_list) at_end_q <= 33'(base_q) + 33'd16 == Behind;
    end
  end

  // The followed byte: whether it is in the datum that moves, in which lane; its value as it was read from the host.
  logic [7:0] got_q;
  logic [1:0] lane, stored_lane;
  logic       here, put_here;
  assign here        = data && follow_q >= moved_q && follow_q < moved_q + 4'(these);
  assign put_here    = write && follow_q >= stored_q && follow_q < stored_q + 4'(put);
  assign lane        = 2'(next_q[1:0] + 2'(follow_q - moved_q));
  assign stored_lane = 2'(buffer_q + follow_q);
  logic [3:0]            followed_place;
  logic [BufferLog2-1:2] read_address_q;
  assign followed_place = buffer_q + follow_q;
  always_ff @(posedge clk_i) begin : p_byte
    if (here) got_q <= rdata_i[{lane, 3'd0} +: 8];
    if (read) read_address_q <= read_address;
  end

  // Why the transfer ends.
  logic failed_q, aborted_q, error_q, error, off_q;
  assign error = parity || target_abort || master_abort || invalid || range || disabled;
  always_ff @(posedge clk_i) begin : p_end
    if (!rst_n) {failed_q, aborted_q, error_q, off_q} <= '0;
    else begin
      failed_q  <= failed_q || (finished && result != bus_pkg::ResultOk);
      aborted_q <= aborted_q || (abort_i && started_q && !ended_q);
      error_q   <= error_q || error;
      off_q     <= off_q || !bus_master_i;
    end
  end
  logic [2:0] after_q;
  always_ff @(posedge clk_i) after_q <= !rst_n || !ended_q ? '0 : after_q + 3'(after_q != '1);

  always_ff @(posedge clk_i) begin : p_assume
    `ASSUME(bytes_some, length_q != '0 && 32'(length_q) <= Longest && follow_q < length_q,
            "A transfer has at least one byte, and few.")
    `ASSUME(inside_buffer, 5'(buffer_q) + 5'(length_q) <= 5'd16, "The bytes are inside the buffer.")
    `ASSUME(few_bytes, bytes_q[3:0] <= 4'd8 && bytes_q[7:4] <= 4'd8, "The segments are short.")
    `ASSUME(parity_when, !parity_i || (judge_q && reads_q) || judge2_q,
            "Bad parity is reported one clock after a datum was read, or two clocks after one was written.")
    `ASSUME(results, !finished || left_q == '0 || result == bus_pkg::ResultMasterAbort ||
            result == bus_pkg::ResultTargetAbort || (result == bus_pkg::ResultStopped && stop) ||
            (result == bus_pkg::ResultDisabled && !bus_master_i),
            "A request ends early by an abort of the bus, because it is stopped, or because Bus Master is off.")
    `ASSUME(buffer_value, !(rvalid_q && read_address_q == followed_place[3:2]) ||
            buffer_data_i[{stored_lane, 3'd0} +: 8] == value_q, "The buffer gives the value of the followed byte.")
  end
  always_ff @(posedge clk_i) begin : p_properties
    if (rst_n) begin
      `PROVE(list_read, !(take && reading_list) || (request.address == base_q && request.length == 16'd4 &&
             request.command == bus_pkg::CommandMemoryRead),
             "Descriptors are read one after another, each as a whole.")
      `PROVE(M31, !take || 33'(request.address) + {15'd0, request.length, 2'b00} <= Behind,
             "No burst runs past the last address, neither of data nor of a descriptor.")
      `PROVE(request_in_order, !(take && !reading_list) || (request.address == {next_q[31:2], 2'b00} &&
             request.length != '0 && (burst_q == '0 ? request.length == 16'd1 : request.length <= {14'd0, burst_q}) &&
             request.command == (inward_q ? bus_pkg::CommandMemoryRead : bus_pkg::CommandMemoryWrite)),
             "A burst begins with the dword of the next byte of the list, in the right direction, and is no longer than MAX_BURST.")
      `PROVE(D01, !data || legal, "No datum moves of a segment that runs past the last address, or whose descriptor is invalid.")
      `PROVE(in_list, !data || (segment_left_q != '0 && place_q == {next_q[31:2], 2'b00}),
             "Each datum is the dword of the next byte of the list, and none is beyond it.")
      `PROVE(bytes_enabled, !(data && !inward_q) || lanes == these_lanes,
             "A datum that is written has exactly the next bytes of the segment that are in its dword.")
      `PROVE(value_written, !(here && !inward_q) || word[{lane, 3'd0} +: 8] == value_q,
             "Each byte that is written to the host has the value that it has in the buffer.")
      `PROVE(place_stored, !write || (inward_q && put != '0 && write_be == put_lanes &&
             write_address == 2'((buffer_q + stored_q) >> 2)),
             "The buffer is written in order, each byte once and in its place, and only in a transfer into it.")
      `PROVE(value_stored, !put_here || wdata[{stored_lane, 3'd0} +: 8] == got_q,
             "Each byte that is stored has the value that was read from the host.")
      `PROVE(stored_moved, !write || stored_q + 4'(put) <= (bad ? sure_q : moved_q),
             "Only bytes that have come from the host are stored, none that had bad parity, and none after it.")
      `PROVE(progress_stored, !inward_q || counted_q == stored_q, "In a transfer into the buffer, progress is the stored bytes.")
      `PROVE(progress_written, inward_q || counted_q <= moved_q,
             "In a transfer to the host, progress is never more than the bytes written.")
      `PROVE(progress_bad, inward_q || !bad_q || counted_q <= limit_q,
             "Progress has no byte of a written datum with bad parity, and none after it.")
      `PROVE(progress_end, !(after_q >= 3'd2 && !inward_q && !bad) || counted_q == moved_q,
             "Two clocks after the end, progress is the bytes written.")
      `PROVE(quiet_after, !request_valid || !(bad_q || failed_q || abort_i || !bus_master_i || ended_q),
             "After an error, an abort, or without Bus Master, no request is made.")
      if (done) begin
        `PROVE(end_error, error_q || aborted_q || failed_q || bad || off_q || (moved_q == length_q &&
               (!inward_q || stored_q == length_q) && chosen_last && !segment_long_q),
               "A transfer ends without an error only when its last byte is in its place and the list ends with it.")
        `PROVE(end_failed, !(failed_q && !aborted_q && !off_q && !bad) || error_q, "A failure of the bus is an error.")
      end
      `PROVE(list_short, !invalid || !legal || (chosen_last && moved_q < length_q),
             "A descriptor is called invalid if it is not legal, or the last one of a list that is too short.")
      `PROVE(list_long, !range || (moved_q == length_q && (segment_long_q || !chosen_last)),
             "A list is called too long only if bytes or descriptors of it are left over.")
      `PROVE(bad_said, !parity_i || parity, "Bad parity is an error.")
      `COVER(done_inward, done && inward_q && !error_q && base_q == base + 32'd32 &&
             buffer_q[1:0] != address_q[1:0] && !aborted_q && !failed_q && !off_q,
             "A list of two segments has been moved into the buffer, to another byte offset.")
      `COVER(done_outward, after_q == 3'd2 && !inward_q && !error_q && base_q == base + 32'd32 &&
             counted_q == length_q && length_q > 4'd2 && !aborted_q && !failed_q,
             "A list of two segments has been moved to the host.")
      `COVER(done_bad, done && inward_q && bad_q && stored_q != '0, "A transfer ends with bad parity after some bytes.")
      `COVER(done_long, done && error_q && moved_q == length_q && segment_long_q && !bad, "A list is too long.")
      `COVER(done_short, done && error_q && moved_q != '0 && moved_q < length_q && !failed_q && !bad && legal,
             "A list is too short.")
    end
  end

  if (Top) begin : gen_top
    always_ff @(posedge clk_i) begin : p_cover
      if (rst_n) begin
        `COVER(ends_last, done && !error_q && !aborted_q && !failed_q && !off_q && 33'(next_q) == Behind,
               "A segment that ends with the last address is moved.")
        `COVER(refused_past, invalid && past_last && !chosen_illegal && chosen_bytes != '0 && moved_q != '0,
               "A segment that runs past the last address is refused.")
        `COVER(refused_list, invalid && at_end_q && !chosen_last && !past_last && !chosen_illegal && chosen_bytes != '0,
               "A descriptor at the last address that is not the last one is refused.")
      end
    end
  end

  logic unused;
  assign unused = ^{more, start};
endmodule
