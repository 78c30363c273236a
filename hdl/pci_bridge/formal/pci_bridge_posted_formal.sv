// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `pci_bridge_posted`: a target that begins, moves and ends transactions at will, and a drain that takes an
/// entry whenever it likes. One entry, chosen freely, is followed from its push to its pop.
module pci_bridge_posted_formal #(
  parameter int unsigned DepthLog2 = 4
) (
  input logic                  clk_i,
  input logic                  rst_ni,
  input bus_pkg::transaction_t transaction_i,
  input logic                  posting_i,
  input logic                  last_i,
  input logic [15:0]           hold_i,
  input logic                  flush_i,
  input logic                  pop_i,
  /// Follow the entry that is pushed on this clock.
  input logic                  follow_i
);
  logic                    room, full, ready, is_address, last, more;
  logic [3:0]              be0, be1;
  logic [31:0]             data0, data1;
  logic [1:0]              count;
  pci_bridge_pkg::posted_t posted;
  pci_bridge_posted #(.DepthLog2(DepthLog2)) u_dut (
    .clk_i, .rst_ni, .posting_i, .transaction_i, .last_i, .room_o(room), .full_o(full), .hold_i, .flush_i,
    .ready_o(ready), .is_address_o(is_address), .last_o(last), .be0_o(be0), .data0_o(data0), .be1_o(be1),
    .data1_o(data1), .count_o(count), .more_o(more), .pop_i, .posted_o(posted)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The transaction on the origin bus: whether one is posted, whether its last datum has moved, and the datum before.
  logic posting_q, ended_q, transfer_q, was_full_q;
  always_ff @(posedge clk_i) begin : p_origin
    if (!rst_ni) begin
      posting_q  <= 1'b0;
      ended_q    <= 1'b0;
      transfer_q <= 1'b0;
      was_full_q <= 1'b0;
    end else begin
      posting_q  <= posting_i;
      ended_q    <= posting_i && (ended_q || (transaction_i.transfer && last_i));
      transfer_q <= posting_i && transaction_i.transfer;
      was_full_q <= posting_i && full;
    end
  end

  // The entries that leave: each address is followed by data, and the last of them by an address or nothing.
  logic inside_q;
  always_ff @(posedge clk_i) begin : p_inside
    if (!rst_ni) inside_q <= 1'b0;
    else if (pop_i) inside_q <= is_address || !last;
  end

  // The followed entry and the number of entries before it.
  logic               followed_q;
  logic [DepthLog2:0] before_q;
  logic [37:0]        entry_q;
  always_ff @(posedge clk_i) begin : p_follow
    if (!rst_ni) begin
      followed_q <= 1'b0;
    end else if (!followed_q) begin
      followed_q <= follow_i && u_dut.push;
      before_q   <= u_dut.level - (DepthLog2+1)'(pop_i);
      entry_q    <= u_dut.entry;
    end else if (pop_i) begin
      followed_q <= before_q != '0;
      before_q   <= before_q - (DepthLog2+1)'(1);
    end
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (rst_ni) begin
      `ASSUME(begin_with_room, !(posting_i && !posting_q) || (room && !transfer_q),
              "A transaction is posted only if there was room for it, and after the one before has ended.")
      `ASSUME(active, !posting_i || transaction_i.active, "A transaction that is posted is under way.")
      `ASSUME(no_transfer_after_last, !(ended_q && transaction_i.transfer), "Nothing moves after the last datum.")
      `ASSUME(ends, !(posting_q && !posting_i) || ended_q, "A transaction that is posted ends with its last datum.")
      `ASSUME(stops_when_full, !(was_full_q && posting_i && transaction_i.transfer) || last_i,
              "A datum that is offered while the queue says that it is full is the last one.")
      `ASSUME(pop_there, !pop_i || u_dut.visible != '0, "Nothing is taken unless it is there.")
      `ASSUME(pop_whole, !(pop_i && !inside_q) || ready, "A transaction begins to leave when it is ready.")
    end
    if (rst_ni) begin
      `PROVE(B06_order, !(followed_q && before_q == '0 && u_dut.visible != '0) ||
             {is_address, last, be0, data0} == entry_q,
             "Entries leave in the order in which they came, with their data and byte enables.")
      `PROVE(B06_begins, !(ready && !inside_q) || is_address, "The first entry of a transaction is its address.")
      `PROVE(B06_data, !(inside_q && u_dut.visible != '0) || !is_address, "The entries after the address are data.")
      `PROVE(whole, !inside_q || u_dut.whole_q != '0, "A transaction that leaves is whole in the queue.")
      `PROVE(counted, count <= 2'd2 && (!more || count == 2'd2), "At most two data are shown.")
      `PROVE(shown, (count == 2'd0) == (u_dut.visible == 2'd0) && (count == 2'd2) == (u_dut.visible == 2'd2 && !last),
             "As many data are shown as are visible, and none behind the last one.")
      `COVER(burst_leaves, inside_q && more && pop_i, "A burst leaves.")
      `COVER(two_wait, u_dut.whole_q >= (DepthLog2+1)'(2), "Two transactions wait.")
      `COVER(held, u_dut.holding && u_dut.whole_q != '0 && flush_i && ready, "A held transaction leaves for an answer.")
      `COVER(fills, full && posting_i, "A transaction fills the queue.")
      `COVER(hole, followed_q && pop_i && before_q == '0 && !is_address && be0 == 4'b0101, "A datum with holes leaves.")
    end
  end
endmodule
