// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Host memory as seen by bus masters: writes are posted in a FIFO, reads are prefetched along the burst, a delayed read
/// for each master. Writes wait only for room. A read waits for the writes that were posted before it, and passes later
/// ones.
module bridge_memory #(
  /// Log2 of the bytes claimed, from address 0.
  parameter int unsigned MemoryLog2,
  /// Masters of the bus, the bridge included.
  parameter int unsigned Masters = 2,
  /// Clocks for which data that was read for a retried transaction is kept.
  parameter int unsigned DiscardClocks = 32768,
  /// Dwords that are fetched ahead for each master, 1 to 4.
  parameter int unsigned Queue = 4,
  /// The masters that are PCI-to-PCI bridges. They may begin other transactions while a delayed read waits.
  parameter logic [Masters-1:0] Bridges = '0
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  /// A transaction that the bridge itself began is on the bus; this block does not claim it.
  input  logic                    own_i,
  input  bus_pkg::bus_t           bus_i,
  /// The master whose transaction begins if FRAME comes on now; 0 is the bridge.
  input  logic [(Masters > 1 ? $clog2(Masters) : 1)-1:0] master_i,
  /// From the target: the transaction; data are loaded; the transaction ends without a datum.
  input  bus_pkg::transaction_t   transaction_i,
  input  logic                    load_i,
  input  logic                    retried_i,
  output logic                    hit_o,
  output logic [31:0]             rdata_o,
  output logic                    rvalid_o,
  output logic                    wready_o,
  output logic                    retry_o,
  /// The datum that was written is not one of the configuration header.
  input  logic                    write_i,
  /// The host has not taken all posted writes, or has not answered all reads.
  output logic                    busy_o,
  /// Posted writes that the host has not taken, but for one that is handed over on this clock; whether there is none, that
  /// one included; on for one clock when the host takes one, and when it takes the last one.
  output logic [4:0]              posted_o,
  output logic                    empty_o,
  output logic                    taken_o,
  output logic                    drained_o,
  /// Host memory port.
  output bridge_pkg::memory_out_t memory_o,
  input  bridge_pkg::memory_in_t  memory_i
);
  // A machine without masters has a slot too, which nobody uses.
  localparam int unsigned Slots      = Masters > 1 ? Masters - 1 : 1;
  localparam int unsigned IndexWidth = Slots > 1 ? $clog2(Slots) : 1;
  // Bits of the address of a dword, and of a posted write.
  localparam int unsigned AddressWidth = MemoryLog2 - 2;
  localparam int unsigned PostedWidth  = AddressWidth + 4 + 32;

  // Posted writes: address, lanes, datum.
  logic [PostedWidth-1:0] posted, unused_posted1;
  logic [1:0]  posted_visible;
  logic [4:0]  posted_level, posted_now;
  logic        posted_pop, write_mine;
  prim_fifo #(.Width(PostedWidth), .DepthLog2(4)) u_posted (
    .clk_i, .rst_ni, .clear_i(1'b0), .push_i(write_mine),
    .data_i({transaction_i.write_address[MemoryLog2-1:2], transaction_i.write_be, transaction_i.wdata}),
    .pop_i(posted_pop), .data0_o(posted), .data1_o(unused_posted1), .visible_o(posted_visible), .level_o(posted_level)
  );
  // A datum that the target hands over, and that is none of the header, is one of a transaction that hit this memory.
  assign write_mine = write_i && transaction_i.write_be != '0;
  always_ff @(posedge clk_i) begin : p_assert
    // A posted write is within the memory.
    if (rst_ni && write_mine) a_inside: assert (transaction_i.write_address[31:MemoryLog2] == '0);
  end
  assign wready_o   = posted_level <= 5'd12;
  assign posted_now = posted_level + 5'(write_mine);

  // The start of a transaction of another master. A read is seen in its address phase, so that the host is asked at
  // once.
  logic        read_start, host_write;
  always_comb begin : p_start
    read_start = 1'b0;
    host_write = 1'b0;
    if (bus_i.start) begin
      read_start = !own_i && bus_pkg::is_memory(bus_i.cbe) && bus_pkg::is_read(bus_i.cbe) &&
                   bus_i.ad[31:MemoryLog2] == '0;
      host_write = own_i && !bus_pkg::is_read(bus_i.cbe);
    end
  end
  assign hit_o      = transaction_i.memory && transaction_i.address[31:MemoryLog2] == '0 && !own_i;

  // A delayed read for each master. One of them is read by the transaction on the bus.
  logic [Slots-1:0]    starts, reading, rvalid, retry, want, issue, answers;
  logic [Slots*32-1:0] rdata;
  logic [Slots*AddressWidth-1:0] want_address;
  for (genvar i = 0; i < Slots; i++) begin : gen_slot
    assign starts[i] = bus_i.start && !own_i && 32'(master_i) == i + 1 && (read_start || !(Masters > 1 && Bridges[i+1]));
    bridge_read #(.DiscardClocks(DiscardClocks), .Queue(Queue), .AddressWidth(AddressWidth)) u_read (
      .clk_i, .rst_ni, .start_i(starts[i]), .read_i(read_start), .address_i(bus_i.ad[MemoryLog2-1:2]), .command_i(bus_i.cbe),
      .cbe_i(bus_i.cbe), .frame_i(bus_i.frame), .host_write_i(host_write), .active_i(transaction_i.active),
      .waiting_i(transaction_i.waiting), .retried_i, .load_i,
      .reading_o(reading[i]), .rvalid_o(rvalid[i]), .rdata_o(rdata[i*32 +: 32]), .retry_o(retry[i]),
      .posted_i(posted_now), .posted_pop_i(posted_pop),
      .want_o(want[i]), .want_address_o(want_address[i*AddressWidth +: AddressWidth]), .issue_i(issue[i]), .answer_i(answers[i]),
      .data_i(memory_i.rdata)
    );
  end
  always_comb begin : p_answer
    rdata_o = '0;
    if (reading != '0) begin
      for (int unsigned i = 0; i < Slots; i++) begin
        if (reading[i]) rdata_o = rdata[i*32 +: 32];
      end
    end
  end
  assign rvalid_o = rvalid != '0;

  // Host memory answers in order. Reads go before posted writes; among the reads, the one on the bus goes first, then
  // the next one in turn.
  logic                  slot, hm_valid_q, hm_write_q, issuing, room;
  logic [IndexWidth-1:0] last_q, chosen, candidate, head, unused_second;
  logic [2:0]            asked;
  logic [AddressWidth-1:0] next;
  assign slot = !hm_valid_q || memory_i.ready;
  assign room = asked < 3'(Queue);
  always_comb begin : p_choose
    chosen    = '0;
    candidate = '0;
    if (want != '0) begin
      for (int unsigned step = Slots; step > 0; step--) begin
        candidate = IndexWidth'((32'(last_q) + step) % Slots);
        if (want[candidate]) chosen = candidate;
      end
      for (int unsigned i = 0; i < Slots; i++) begin
        if (want[i] && (reading[i] || starts[i])) chosen = IndexWidth'(i);
      end
    end
    issuing = slot && room && want != '0;
    next    = '0;
    issue   = '0;
    if (issuing) begin
      for (int unsigned i = 0; i < Slots; i++) begin
        issue[i] = chosen == IndexWidth'(i);
        if (issue[i]) next = want_address[i*AddressWidth +: AddressWidth];
      end
    end
  end
  always_ff @(posedge clk_i) begin : p_turn
    if (!rst_ni) last_q <= '0;
    else if (issuing) last_q <= chosen;
  end
  prim_queue #(.Width(IndexWidth), .Depth(Queue)) u_asked (
    .clk_i, .rst_ni, .clear_i(1'b0), .push_i(issuing), .data_i(chosen), .pop_i(memory_i.rvalid), .data0_o(head),
    .data1_o(unused_second), .level_o(asked)
  );
  always_comb begin : p_answers
    answers = '0;
    if (memory_i.rvalid) begin
      for (int unsigned i = 0; i < Slots; i++) answers[i] = head == IndexWidth'(i);
    end
  end

  // Host memory port.
  logic [AddressWidth-1:0] hm_address_q;
  logic [3:0]  hm_be_q;
  logic [31:0] hm_wdata_q;
  assign posted_pop = slot && posted_visible != '0 && !issuing;
  always_ff @(posedge clk_i) begin : p_port
    if (!rst_ni) begin
      hm_valid_q <= 1'b0;
      hm_write_q <= 1'b0;
    end else if (slot) begin
      hm_valid_q <= posted_pop || issuing;
      hm_write_q <= posted_pop;
    end
    if (posted_pop || issuing) begin
      hm_address_q <= posted_pop ? posted[PostedWidth-1:36] : next;
      hm_be_q      <= posted_pop ? posted[35:32] : 4'hF;
      hm_wdata_q   <= posted[31:0];
    end
  end

  // A write that finds no room is retried at once if the host is the reason.
  assign retry_o   = transaction_i.read ? retry != '0 : hm_valid_q && !memory_i.ready;

  assign posted_o  = posted_level + 5'(hm_valid_q && hm_write_q);
  assign empty_o   = posted_now == '0 && !(hm_valid_q && hm_write_q);
  assign busy_o    = !empty_o || asked != '0;
  assign taken_o   = hm_valid_q && hm_write_q && memory_i.ready;
  assign drained_o = taken_o && posted_now == '0;

  assign memory_o.valid   = hm_valid_q;
  assign memory_o.write   = hm_write_q;
  assign memory_o.address = 32'({hm_address_q, 2'b00});
  assign memory_o.be      = hm_be_q;
  assign memory_o.wdata   = hm_wdata_q;
endmodule
