// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The posted writes of one direction, in one queue: of each transaction its address, then its data with their byte
/// enables. A transaction leaves when all of it is here, so that it leaves as it came, and its burst finds every datum.
///
/// A datum that the target has refused with PERR enters without byte enables, so that the data behind it keep their
/// addresses.
module pci_bridge_posted #(
  /// Log2 of the entries.
  parameter int unsigned DepthLog2 = 7
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  /// Origin: the transaction is one that is posted here; its progress; it has no datum after the one that moves now.
  input  logic                     posting_i,
  input  bus_pkg::transaction_t    transaction_i,
  input  logic                     last_i,
  /// There is room for a transaction to begin; the transaction must end with the datum that is offered now.
  output logic                     room_o,
  output logic                     full_o,
  /// Posted writes wait for `hold_i` clocks before the first of them leaves, but not while `flush_i` is on.
  input  logic [15:0]              hold_i,
  input  logic                     flush_i,
  /// A transaction may leave; its next entry: the address, or the last datum, the byte enables (high-true), the value;
  /// the datum after it; the number of data that are there, at most 2, up to the last one of the transaction.
  output logic                     ready_o,
  output logic                     is_address_o,
  output logic                     last_o,
  output logic [3:0]               be0_o,
  output logic [31:0]              data0_o,
  output logic [3:0]               be1_o,
  output logic [31:0]              data1_o,
  output logic [1:0]               count_o,
  output logic                     more_o,
  input  logic                     pop_i,
  /// For the order of other requests.
  output pci_bridge_pkg::posted_t  posted_o
);
  localparam int unsigned Width = 2 + 4 + 32;
  localparam logic [DepthLog2:0] Depth = (DepthLog2+1)'(1 << DepthLog2);

  // The address enters when the first datum moves, a datum on the clock after it has moved.
  logic moved_q, begun_q, last_q, begins, push, pop;
  assign begins = posting_i && transaction_i.transfer && !begun_q;
  always_ff @(posedge clk_i) begin : p_progress
    if (!rst_ni) begin
      moved_q <= 1'b0;
      begun_q <= 1'b0;
    end else begin
      moved_q <= posting_i && transaction_i.transfer;
      begun_q <= posting_i && (begun_q || transaction_i.transfer) && transaction_i.active;
    end
    last_q <= last_i;
  end

  logic [Width-1:0]   entry, entry0, entry1;
  logic [1:0]         visible;
  logic [DepthLog2:0] level;
  assign push  = begins || moved_q;
  assign entry = begins ? {2'b10, 4'd0, transaction_i.address}
                        : {1'b0, last_q, transaction_i.write ? transaction_i.write_be : 4'd0, transaction_i.wdata};
  prim_fifo #(.Width(Width), .DepthLog2(DepthLog2), .Pair(1'b1)) u_queue (
    .clk_i, .rst_ni, .clear_i(1'b0), .push_i(push), .data_i(entry), .pop_i(pop), .data0_o(entry0), .data1_o(entry1),
    .visible_o(visible), .level_o(level)
  );
  assign pop    = pop_i && visible != '0;
  assign room_o = level <= Depth - (DepthLog2+1)'(8);
  assign full_o = level >= Depth - (DepthLog2+1)'(5);

  // Whole transactions in the queue.
  logic [DepthLog2:0] whole_q;
  logic               enters, leaves;
  assign enters = moved_q && last_q;
  assign leaves = pop && last_o;
  always_ff @(posedge clk_i) begin : p_whole
    if (!rst_ni) whole_q <= '0;
    else whole_q <= whole_q + (DepthLog2+1)'(enters) - (DepthLog2+1)'(leaves);
  end

  // The hold begins with the first transaction that is whole.
  logic holding;
  prim_timer #(.Width(16)) u_hold (
    .clk_i, .rst_ni, .load_i(enters && whole_q == '0), .clocks_i(hold_i), .running_o(holding)
  );

  assign ready_o      = whole_q != '0 && visible != '0 && (!holding || flush_i);
  assign is_address_o = entry0[Width-1];
  assign last_o       = entry0[Width-2];
  assign be0_o        = visible != '0 ? entry0[35:32] : '0;
  assign data0_o      = entry0[31:0];
  assign be1_o        = visible[1] ? entry1[35:32] : '0;
  assign data1_o      = entry1[31:0];
  assign count_o      = visible == '0 ? 2'd0 : last_o || !visible[1] ? 2'd1 : 2'd2;
  assign more_o       = count_o == 2'd2 && !entry1[Width-2];
  assign posted_o.level  = 8'(level) + 8'(push);
  assign posted_o.leaves = pop;

  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni) begin
      // A datum of a posted write never meets the address of the next one.
      a_one_push: assert (!(begins && moved_q));
      // Each entry that was accepted has a place.
      a_room: assert (!push || level < Depth);
    end
  end
endmodule
