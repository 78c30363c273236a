// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// One direction of the bridge: posted writes, and a delayed transaction for each master of the origin bus, which share
/// the initiator on the other bus.
///
/// Posted writes leave in the order in which they came. A delayed request waits for those that came before it, and is
/// carried out between two of those that came later; while it is retried on the other bus it is set aside for them. So
/// nothing that waits here keeps a posted write waiting, which would be a deadlock between two bridges.
module pci_bridge_path #(
  /// Masters of the origin bus, of which `Own` is the bridge.
  parameter int unsigned Masters = 2,
  parameter int unsigned Own = 0,
  /// Log2 of the entries for posted writes, and of the data that are read ahead.
  parameter int unsigned PostedLog2 = 7,
  parameter int unsigned AheadLog2 = 6
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,
  input  pci_bridge_pkg::settings_t    settings_i,
  /// The bus below the bridge; configuration accesses to it become type 0.
  input  logic [7:0]                   secondary_i,
  /// Origin: the bus, the master whose transaction begins if FRAME comes on now, the transaction, what is to be done
  /// with it, and the answer.
  input  bus_pkg::bus_t                bus_i,
  input  logic [(Masters > 1 ? $clog2(Masters) : 1)-1:0] master_i,
  input  bus_pkg::transaction_t        transaction_i,
  input  pci_bridge_pkg::decode_t      decode_i,
  input  logic                         load_i,
  output bus_pkg::answer_t             answer_o,
  output logic [31:0]                  rdata_o,
  /// The other bus: the initiator on it.
  output bus_pkg::initiator_in_t       request_o,
  input  bus_pkg::initiator_out_t      progress_i,
  input  bus_pkg::bus_t                other_bus_i,
  output logic [31:0]                  idsel_o,
  /// Order: the posted writes of this direction; those of the other one; posted writes that others wait for must leave.
  output pci_bridge_pkg::posted_t      posted_o,
  input  pci_bridge_pkg::posted_t      other_i,
  input  logic                         flush_i,
  output logic                         flush_other_o,
  /// A posted write was lost in a master abort, in a target abort; the discard timer has thrown an answer away.
  output logic                         lost_master_abort_o,
  output logic                         lost_target_abort_o,
  output logic                         discarded_o
);
  localparam int unsigned IndexWidth = Masters > 1 ? $clog2(Masters) : 1;
  localparam logic [15:0] Endless = '1;

  // A transaction is claimed if the parity of its address is right.
  logic                  parity_q, claimed, posting_q, posting;
  logic [IndexWidth-1:0] master_q;
  always_ff @(posedge clk_i) begin : p_start
    if (bus_i.start) begin
      parity_q <= ^{bus_i.ad, bus_i.cbe};
      master_q <= master_i;
    end
  end
  assign claimed = transaction_i.decode && decode_i.hit && parity_q == bus_i.par;

  // Posted writes.
  logic        room, full, ready, is_address, last, more, pop;
  logic [3:0]  be0, be1;
  logic [31:0] data0, data1;
  logic [1:0]  count;
  logic [Masters-1:0] flush_same, flush_other, discarded;
  assign posting = posting_q && transaction_i.active;
  always_ff @(posedge clk_i) begin : p_posting
    if (!rst_ni) posting_q <= 1'b0;
    else posting_q <= posting || (claimed && decode_i.posted && room);
  end
  pci_bridge_posted #(.DepthLog2(PostedLog2)) u_posted (
    .clk_i, .rst_ni, .posting_i(posting), .transaction_i, .last_i(!bus_i.frame || bus_i.stop), .room_o(room),
    .full_o(full), .hold_i(settings_i.hold), .flush_i(flush_i || flush_same != '0), .ready_o(ready),
    .is_address_o(is_address), .last_o(last), .be0_o(be0), .data0_o(data0), .be1_o(be1), .data1_o(data1),
    .count_o(count), .more_o(more), .pop_i(pop), .posted_o
  );

  // The use of the initiator.
  typedef enum logic [2:0] {
    // Nothing is under way.
    StIdle,
    // A posted write waits for the initiator; it is under way; the rest of one that failed is thrown away.
    StOffer,
    StPosted,
    StLost,
    // A delayed request waits for the initiator; it is under way.
    StAsk,
    StDelayed
  } state_e;
  state_e                   state_q, state_d;
  logic [31:2]              address_q;
  logic [IndexWidth-1:0]    judged_q;
  logic                     turn_q, tried_q, owed_q, moved_q, broken_q, endless_q, finished_q, taken, type0_q;
  pci_bridge_pkg::delayed_t ask;

  // Delayed transactions, one for each master.
  pci_bridge_pkg::origin_t   origin;
  pci_bridge_pkg::progress_t progress;
  logic [Masters-1:0]        requests, drops;
  logic [Masters*6-1:0]      answers;
  logic [Masters*32-1:0]     rdata;
  logic [Masters*pci_bridge_pkg::DelayedWidth-1:0] delayed;
  assign origin.decode   = claimed && !decode_i.posted;
  assign origin.read     = transaction_i.read;
  assign origin.ahead    = decode_i.ahead && bus_i.frame;
  assign origin.active   = transaction_i.active;
  assign origin.transfer = transaction_i.transfer;
  assign origin.command  = transaction_i.command;
  assign origin.address  = transaction_i.address;
  logic [IndexWidth-1:0] chosen_q, chosen, candidate;
  logic                  issue, done;
  assign progress.issue        = issue;
  assign progress.transfer     = progress_i.transfer;
  assign progress.rvalid       = progress_i.rvalid;
  assign progress.done         = done;
  assign progress.result       = progress_i.result;
  assign progress.parity_error = progress_i.parity_error;
  assign progress.rdata        = progress_i.rdata;
  for (genvar i = 0; i < Masters; i++) begin : gen_slot
    if (i == Own) begin : gen_own
      assign answers[i*6 +: 6]   = '0;
      assign rdata[i*32 +: 32]   = '0;
      assign requests[i]         = 1'b0;
      assign drops[i]            = 1'b0;
      assign flush_same[i]       = 1'b0;
      assign flush_other[i]      = 1'b0;
      assign discarded[i]        = 1'b0;
      assign delayed[i*pci_bridge_pkg::DelayedWidth +: pci_bridge_pkg::DelayedWidth] = '0;
    end else begin : gen_other
      pci_bridge_pkg::origin_t   mine;
      pci_bridge_pkg::progress_t forward;
      always_comb begin
        mine          = origin;
        mine.decode   = origin.decode && master_q == IndexWidth'(i);
        forward       = progress;
        forward.issue = progress.issue && chosen == IndexWidth'(i);
        if (chosen_q != IndexWidth'(i) || state_q != StDelayed) begin
          forward.transfer = 1'b0;
          forward.rvalid   = 1'b0;
          forward.done     = 1'b0;
        end
        if (judged_q != IndexWidth'(i)) forward.parity_error = 1'b0;
      end
      pci_bridge_slot #(.DepthLog2(AheadLog2)) u_slot (
        .clk_i, .rst_ni, .settings_i, .bus_i, .origin_i(mine), .load_i, .answer_o(answers[i*6 +: 6]),
        .rdata_o(rdata[i*32 +: 32]), .request_o(requests[i]),
        .delayed_o(delayed[i*pci_bridge_pkg::DelayedWidth +: pci_bridge_pkg::DelayedWidth]), .drop_o(drops[i]),
        .progress_i(forward), .same_i(posted_o), .other_i, .flush_same_o(flush_same[i]),
        .flush_other_o(flush_other[i]), .discarded_o(discarded[i])
      );
    end
  end
  assign flush_other_o = flush_other != '0;
  assign discarded_o   = discarded != '0;

  // The answer: a posted write is taken or retried, and ends in time; a delayed transaction is answered by its slot.
  bus_pkg::answer_t slot_answer;
  always_comb begin : p_answer
    slot_answer = '0;
    rdata_o     = '0;
    for (int unsigned i = 0; i < Masters; i++) begin
      slot_answer = slot_answer | answers[i*6 +: 6];
      if (master_q == IndexWidth'(i)) rdata_o = rdata[i*32 +: 32];
    end
    answer_o = slot_answer;
    if (decode_i.posted || posting_q) begin
      answer_o        = '0;
      answer_o.wready = posting_q || room;
      answer_o.retry  = 1'b1;
      // No transaction leaves a window, whose ends are multiples of 1 MiB.
      answer_o.single = full || &transaction_i.pointer[19:2];
    end
    answer_o.hit = decode_i.hit;
  end

  assign taken = request_o.request_valid && progress_i.request_ready;
  assign issue = state_q == StAsk && taken;
  assign done  = state_q == StDelayed && progress_i.done;

  // The next delayed request in turn. One that was retried stays in turn until it is answered: its target may keep the
  // answer for it, and take nothing else from this master meanwhile.
  always_comb begin : p_choice
    chosen    = chosen_q;
    candidate = '0;
    if (state_q == StIdle && !(owed_q && requests[chosen_q])) begin
      for (int unsigned step = Masters; step > 0; step--) begin
        candidate = IndexWidth'((32'(chosen_q) + step) % Masters);
        if (requests[candidate]) chosen = candidate;
      end
    end
    ask = '0;
    for (int unsigned i = 0; i < Masters; i++) begin
      if (chosen_q == IndexWidth'(i)) ask = delayed[i*pci_bridge_pkg::DelayedWidth +: pci_bridge_pkg::DelayedWidth];
    end
  end

  // After a posted write it is a delayed request's turn, and the other way round.
  logic post, begins, leaving;
  assign post   = ready && is_address;
  assign begins = state_q == StIdle && settings_i.enable && post && !(turn_q && requests != '0);
  always_comb begin : p_state
    state_d = state_q;
    unique case (state_q)
      StIdle: if (begins) state_d = StOffer;
              else if (settings_i.enable && requests != '0) state_d = StAsk;
      StOffer: if (taken) state_d = StPosted;
      StPosted: if (progress_i.done) begin
        if (finished_q) state_d = StIdle;
        else if (progress_i.result == bus_pkg::ResultMasterAbort || progress_i.result == bus_pkg::ResultTargetAbort) begin
          state_d = StLost;
        end else begin
          state_d = StOffer;
        end
      end
      StLost: if (last && count != '0) state_d = StIdle;
      StAsk: if (taken) state_d = StDelayed;
      StDelayed: if (progress_i.done) state_d = StIdle;
      default: state_d = StIdle;
    endcase
  end
  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) begin
      state_q    <= StIdle;
      turn_q     <= 1'b0;
      chosen_q   <= '0;
    end else begin
      state_q <= state_d;
      if (state_q == StIdle) chosen_q <= chosen;
      if (state_q == StPosted) turn_q <= 1'b1;
      else if (state_q == StDelayed) turn_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin : p_progress
    judged_q <= chosen_q;
    if (state_q == StIdle) address_q <= data0[31:2];
    else if (progress_i.pop) address_q <= address_q + 30'd1;
    if (state_q == StIdle) finished_q <= 1'b0;
    else if (leaving && last) finished_q <= 1'b1;
    if (state_q == StOffer) endless_q <= more;
    if (taken) type0_q <= state_q == StAsk && is_type0;
  end
  assign leaving = state_q == StPosted && progress_i.pop;

  // A request that was retried may be set aside, but is owed. A burst that the target has ended is not continued: the
  // rest would be owed before it is known whether anybody wants it.
  logic stopped, retried;
  assign stopped = state_q == StDelayed && progress_i.active && other_bus_i.irdy && other_bus_i.stop;
  assign retried = stopped && !other_bus_i.trdy && !moved_q;
  always_ff @(posedge clk_i) begin : p_tried
    if (state_q != StDelayed) begin
      tried_q  <= 1'b0;
      moved_q  <= 1'b0;
      broken_q <= 1'b0;
    end else begin
      tried_q  <= tried_q || retried;
      moved_q  <= moved_q || progress_i.transfer;
      broken_q <= broken_q || (stopped && !retried);
    end
  end
  always_ff @(posedge clk_i) begin : p_owed
    if (!rst_ni) owed_q <= 1'b0;
    else if (state_q == StIdle) owed_q <= owed_q && chosen == chosen_q;
    else if (state_q == StDelayed) begin
      owed_q <= (owed_q || retried) && !progress_i.transfer &&
                !(progress_i.done && progress_i.result != bus_pkg::ResultStopped);
    end
  end
  assign pop     = begins || leaving || state_q == StLost;

  // A configuration access to the bus below becomes type 0; another one passes as it is.
  logic        is_configuration, is_type0;
  logic [31:0] select, type0, idsel_q;
  assign is_configuration = ask.command == bus_pkg::CommandConfigurationRead ||
                            ask.command == bus_pkg::CommandConfigurationWrite;
  assign is_type0 = is_configuration && ask.address[23:16] == secondary_i;
  always_comb begin : p_select
    select                     = '0;
    select[ask.address[15:11]] = 1'b1;
  end
  assign type0 = {select[15:0], 5'd0, ask.address[10:2], 2'b00};
  always_ff @(posedge clk_i) begin : p_idsel
    if (taken) idsel_q <= select;
  end
  assign idsel_o = idsel_q & {32{progress_i.address_phase && type0_q}};

  // The number of data of a posted write is not known when it begins. It ends with the last one: a request that is
  // stopped before that moves begins anew. A delayed request is stopped for posted writes, at the end of its first
  // transaction that moves a datum, or when nobody wants it.
  logic finishing, yielding, stale;
  assign finishing = state_q == StPosted && endless_q && (last || finished_q);
  assign yielding  = state_q == StDelayed && ((tried_q && post) || broken_q || drops != '0);
  assign stale     = !progress_i.request_ready && state_q != StPosted && state_q != StDelayed;
  always_comb begin : p_request
    request_o = bus_pkg::InitiatorInIdle;
    if (state_q == StOffer || state_q == StPosted) begin
      request_o.request_valid    = state_q == StOffer && (last || count == 2'd2);
      request_o.request.command  = bus_pkg::CommandMemoryWrite;
      request_o.request.address  = {address_q, 2'b00};
      request_o.request.length   = last ? 16'd1 : more ? Endless : 16'd2;
      request_o.request.first_be = be0;
      request_o.request.last_be  = be1;
      request_o.wdata0           = data0;
      request_o.wdata1           = data1;
      request_o.available        = finished_q ? 3'd0 : more ? 3'd7 : 3'(count);
    end else begin
      request_o.request_valid    = state_q == StAsk;
      request_o.request.command  = bus_pkg::command_e'(ask.command);
      request_o.request.address  = is_type0 ? type0 : ask.address;
      request_o.request.length   = ask.ahead ? 16'(1 << AheadLog2) - 16'(ask.address[AheadLog2+1:2]) : 16'd1;
      request_o.request.first_be = ask.ahead ? 4'hF : ask.be;
      request_o.request.last_be  = ask.ahead ? 4'hF : ask.be;
      request_o.wdata0           = ask.wdata;
      request_o.available        = ask.command[0] ? 3'd1 : 3'd7;
    end
    request_o.stop = finishing || yielding || stale;
  end

  assign lost_master_abort_o = state_q == StPosted && state_d == StLost && progress_i.result == bus_pkg::ResultMasterAbort;
  assign lost_target_abort_o = state_q == StPosted && state_d == StLost && progress_i.result == bus_pkg::ResultTargetAbort;

  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni) begin
      // B06: an address stands before the data of each transaction.
      B06_begin: assert (!(state_q == StIdle && ready) || is_address);
      // B06: data stand behind it.
      B06_data: assert (!(leaving || state_q == StLost) || !is_address);
      // B05: configuration accesses that stay type 1 are for a bus behind the next bridge.
      B05: assert (!(issue && is_configuration && !is_type0) ||
                   (ask.address[1:0] == 2'b01 && ask.address[23:16] > secondary_i));
    end
  end
endmodule
