// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `pci_bridge_slot`: a master that begins transactions of any kind at will, repeats them or not, and leaves
/// when it likes; an initiator that carries a request out with any data and any result; posted writes that come and go.
module pci_bridge_slot_formal #(
  parameter int unsigned DepthLog2 = 2
) (
  input logic                      clk_i,
  input logic                      rst_ni,
  input pci_bridge_pkg::settings_t settings_i,
  input bus_pkg::bus_t             bus_i,
  input pci_bridge_pkg::origin_t   origin_i,
  input logic                      load_i,
  input pci_bridge_pkg::progress_t progress_i,
  input pci_bridge_pkg::posted_t   same_i,
  input pci_bridge_pkg::posted_t   other_i,
  /// The number of the datum that is followed.
  input logic [DepthLog2-1:0]      followed_i
);
  bus_pkg::answer_t         answer;
  logic [31:0]              rdata;
  logic                     request, drop, flush_same, flush_other, discarded;
  pci_bridge_pkg::delayed_t delayed;
  pci_bridge_slot #(.DepthLog2(DepthLog2)) u_dut (
    .clk_i, .rst_ni, .settings_i, .bus_i, .origin_i, .load_i, .answer_o(answer), .rdata_o(rdata), .request_o(request),
    .delayed_o(delayed), .drop_o(drop), .progress_i, .same_i, .other_i, .flush_same_o(flush_same),
    .flush_other_o(flush_other), .discarded_o(discarded)
  );

  // The state of pci_bridge_slot in which the request has ended.
  localparam logic [2:0] StateDone = 3'd6;

  logic begun_q = 1'b0;
  logic [DepthLog2-1:0] followed_q;
  always_ff @(posedge clk_i) begin : p_begun
    begun_q    <= 1'b1;
    followed_q <= followed_i;
  end

  // The transaction on the origin bus: it was claimed, its kind, a datum of the answer is on AD.
  logic       active_q, read_q, loaded_q, decode_q, stopped_q;
  always_ff @(posedge clk_i) begin : p_origin
    if (!rst_ni) begin
      active_q <= 1'b0;
      loaded_q <= 1'b0;
      decode_q <= 1'b0;
    end else begin
      active_q <= origin_i.active;
      decode_q <= origin_i.decode;
      if (!origin_i.active) loaded_q <= 1'b0;
      else if (load_i) loaded_q <= 1'b1;
      else if (origin_i.transfer) loaded_q <= 1'b0;
    end
    if (origin_i.decode) begin
      read_q    <= origin_i.read;
      stopped_q <= (answer.retry && !answer.rvalid) || answer.abort;
    end
  end

  // The request that the bridge owes an answer for, as it was accepted; whether the transaction now is identical to it.
  logic        owed_q, same_q, identical, accepts, ahead_q;
  logic [3:0]  command_q, first_be_q;
  logic [31:0] address_q;
  assign accepts   = origin_i.decode && !owed_q;
  assign identical = origin_i.address == address_q && origin_i.command == command_q && ~bus_i.cbe == first_be_q;
  always_ff @(posedge clk_i) begin : p_owed
    if (!rst_ni) owed_q <= 1'b0;
    else owed_q <= u_dut.state_d != '0;
    if (accepts) begin
      address_q  <= origin_i.address;
      command_q  <= origin_i.command;
      first_be_q <= ~bus_i.cbe;
      ahead_q    <= origin_i.ahead;
    end
    if (origin_i.decode) same_q <= owed_q && identical;
  end

  // The initiator: it carries the request out, and how many data it has moved for it. The datum that is followed.
  logic [DepthLog2:0] moved_q, given_q;
  logic               busy_q, executed_q;
  logic [31:0]        datum_q;
  always_ff @(posedge clk_i) begin : p_progress
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else begin
      busy_q <= progress_i.issue || (busy_q && !progress_i.done);
    end
    if (accepts) begin
      moved_q    <= '0;
      given_q    <= '0;
      executed_q <= 1'b0;
    end else begin
      if (progress_i.transfer) moved_q <= moved_q + 1'b1;
      if (load_i) given_q <= given_q + 1'b1;
      if (progress_i.done && progress_i.result != bus_pkg::ResultStopped &&
          progress_i.result != bus_pkg::ResultDisabled) executed_q <= 1'b1;
    end
    if (progress_i.rvalid && moved_q == {1'b0, followed_q}) datum_q <= progress_i.rdata;
  end

  // The posted writes that were there when the request was accepted, and those of the other direction that were there
  // when the last datum was read.
  logic [7:0] same_left_q, other_left_q, same_level_q, other_level_q;
  always_ff @(posedge clk_i) begin : p_posted
    same_level_q  <= same_i.level - 8'(same_i.leaves);
    other_level_q <= other_i.level - 8'(other_i.leaves);
    if (!rst_ni) begin
      same_level_q  <= '0;
      other_level_q <= '0;
      same_left_q   <= '0;
      other_left_q  <= '0;
    end else begin
      if (accepts) same_left_q <= same_i.level - 8'(same_i.leaves);
      else if (same_i.leaves && same_left_q != '0) same_left_q <= same_left_q - 8'd1;
      if (accepts) other_left_q <= '0;
      else if (progress_i.rvalid) other_left_q <= other_i.level - 8'(other_i.leaves);
      else if (other_i.leaves && other_left_q != '0) other_left_q <= other_left_q - 8'd1;
    end
  end

  // The transaction is the identical request; the request found no target.
  logic serves, last_result_bad;
  assign serves          = origin_i.active && (origin_i.decode ? identical && owed_q : same_q && active_q);
  assign last_result_bad = executed_q && (u_dut.result_q == bus_pkg::ResultMasterAbort);

  always_ff @(posedge clk_i) begin : p_assumptions
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    `ASSUME(followed_kept, !begun_q || followed_i == followed_q, "The number of the datum that is followed stays.")
    if (rst_ni) begin
      `ASSUME(ordered, !settings_i.unordered, "The fault of a broken bridge is off.")
      `ASSUME(decode_first, !origin_i.decode || (origin_i.active && !decode_q), "A transaction has one decode clock.")
      `ASSUME(begins_with_decode, !origin_i.active || active_q || origin_i.decode,
              "A transaction begins with its decode clock.")
      `ASSUME(one_at_a_time, !(origin_i.decode && active_q), "A transaction begins after the one before has ended.")
      `ASSUME(kind, !origin_i.decode || origin_i.read == !origin_i.command[0], "The command says whether it reads.")
      `ASSUME(ahead_reads, !(origin_i.decode && origin_i.ahead) || origin_i.read, "Only reads are read ahead.")
      `ASSUME(load_offered, !load_i || (answer.rvalid && (origin_i.decode ? origin_i.read && !answer.abort : read_q && origin_i.active && !stopped_q)),
              "The target takes a datum that is there, for a read that was neither retried nor aborted on its decode clock.")
      `ASSUME(load_room, !(load_i && loaded_q) || origin_i.transfer, "AD holds one datum.")
      `ASSUME(loaded_moves, !(loaded_q && !origin_i.active), "A datum on AD moves before the transaction ends.")
      `ASSUME(load_single, !(load_i && !origin_i.decode && !ahead_q && given_q != '0), "A single datum is taken once.")
      `ASSUME(transfer_loaded, !(origin_i.transfer && (origin_i.decode || !active_q)) && !(origin_i.transfer && read_q && !loaded_q),
              "A datum moves when the target offers it.")
      `ASSUME(issue_asked, !progress_i.issue || request, "The initiator takes a request that is offered.")
      `ASSUME(busy, busy_q || !(progress_i.transfer || progress_i.done || progress_i.rvalid),
              "Nothing moves without a request.")
      `ASSUME(reads_come, progress_i.rvalid == (progress_i.transfer && !command_q[0]), "A datum of a read is one that moves.")
      `ASSUME(done_alone, !(progress_i.done && progress_i.transfer), "A request ends after its last datum has moved.")
      `ASSUME(bounded_data, !progress_i.transfer || (ahead_q ? moved_q < (DepthLog2+1)'(1 << DepthLog2) : moved_q == '0),
              "No more data move than were asked for.")
      `ASSUME(result_known, progress_i.result <= bus_pkg::ResultTargetAbort || progress_i.result == bus_pkg::ResultDisabled,
              "The initiators of a bridge have no limit of retries.")
      `ASSUME(result_fits, !(progress_i.done && progress_i.result == bus_pkg::ResultOk) || moved_q != '0,
              "A request that ended well has moved a datum.")
      `ASSUME(levels_kept, same_i.level >= same_level_q && other_i.level >= other_level_q &&
              same_i.level < 8'd200 && other_i.level < 8'd200, "Posted writes go only by leaving.")
      `ASSUME(leaves_there, (same_i.level != '0 || !same_i.leaves) && (other_i.level != '0 || !other_i.leaves),
              "Only a posted write that is there leaves.")
    end
  end

  always_ff @(posedge clk_i) begin : p_properties
    if (rst_ni) begin
      // The answer belongs to the request.
      `PROVE(matched, !load_i || serves, "A datum is given only to the identical request: address, command and byte enables.")
      `PROVE(matched_abort, !(answer.abort && origin_i.decode) || serves, "A target abort is given only to the identical request.")
      `PROVE(claimed, !origin_i.decode || answer.hit, "The slot answers whatever its master begins.")
      `PROVE(retried, !(origin_i.decode && !serves) || (answer.retry && !answer.rvalid && !answer.wready && !answer.abort),
             "Everything else that the master begins is retried.")
      `PROVE(asked_as_accepted, !request || (delayed.address == address_q && delayed.command == command_q &&
             delayed.be == first_be_q), "The request on the other bus is the one that was accepted.")
      `PROVE(after_the_bus, !load_i || moved_q != '0 || last_result_bad, "No datum is given before the request was carried out.")
      `PROVE(data, !(load_i && given_q == {1'b0, followed_q} && moved_q > given_q) || rdata == datum_q,
             "Data are given in the order in which they were read since the request was accepted.")
      `PROVE(no_more, !load_i || given_q < moved_q || last_result_bad, "No datum is given that was not read.")
      `PROVE(hollow, !(load_i && moved_q == '0) || rdata == '1, "A read that found no target gives all ones.")
      `PROVE(once, !(progress_i.issue && executed_q), "A request that was carried out is not carried out again.")
      `PROVE(written_datum, !(answer.wready && origin_i.active && !origin_i.read) || bus_i.ad == delayed.wdata,
             "A write is taken only with the datum that was carried out.")

      `PROVE(ends_at_once, !(u_dut.serving_q && u_dut.read_q && u_dut.state_q == StateDone && given_q == moved_q) || answer.retry,
             "A burst ends at once when all that was read has been given.")
      `PROVE(B15_match, !(discarded && u_dut.match), "No answer is discarded on the clock on which its master asks for it.")

      // The order of posted writes and of delayed transactions.
      `PROVE(B06_request, !request || same_left_q == '0, "A request waits for the posted writes before it.")
      `PROVE(B06_answer, !load_i || other_left_q == '0,
             "The answer to a read waits for the posted writes of the other direction that came before its datum.")
      `PROVE(flushes, !(owed_q && same_left_q != '0) || flush_same, "Posted writes that a request waits for must leave.")

      `COVER(read_given, load_i && !ahead_q && given_q == '0 && moved_q != '0, "A single read is answered.")
      `COVER(burst_given, load_i && ahead_q && given_q == (DepthLog2+1)'(2), "A burst is answered.")
      `COVER(write_taken, answer.wready && bus_i.irdy, "A write is taken.")
      `COVER(waits_posted, owed_q && flush_same, "A request waits for posted writes.")
      `COVER(waits_answer, serves && flush_other && !answer.rvalid && moved_q != '0, "An answer waits for posted writes.")
      `COVER(dropped, drop, "The rest of a burst is thrown away.")
      `COVER(ones, load_i && moved_q == '0, "A read finds nobody.")
      `COVER(other_retried, origin_i.decode && owed_q && !identical, "The master begins something else.")
    end
  end
endmodule
