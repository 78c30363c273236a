// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// One delayed transaction of one master: a read, or a write to I/O or configuration space. The first attempt is
/// retried and kept here; the bridge carries it out on the other bus; the repetition gets the answer. A repetition has
/// the same address, command and byte enables, and the same datum if it writes. Everything else that the master begins
/// is retried until the answer is fetched, or thrown away by the discard timer.
///
/// A read that may be continued ahead of its master gets as many data as the queue holds. Those that the master does
/// not fetch in the transaction that fetches the first of them are thrown away, so that no read gets data from before
/// it began.
module pci_bridge_slot #(
  /// Log2 of the data that are read ahead.
  parameter int unsigned DepthLog2 = 6
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  pci_bridge_pkg::settings_t   settings_i,
  /// The origin bus and the delayed transaction on it, while it is one of this slot's master.
  input  bus_pkg::bus_t               bus_i,
  input  pci_bridge_pkg::origin_t     origin_i,
  /// The target takes the datum of the answer.
  input  logic                        load_i,
  /// The answer, on the decode clock and while this slot serves the transaction; 0 otherwise.
  output bus_pkg::answer_t            answer_o,
  output logic [31:0]                 rdata_o,
  /// A request waits to be carried out; nobody wants the rest of its data; its progress.
  output logic                        request_o,
  output pci_bridge_pkg::delayed_t    delayed_o,
  output logic                        drop_o,
  input  pci_bridge_pkg::progress_t   progress_i,
  /// Posted writes of the same direction, before which the request must not pass, and of the other direction, before
  /// which the answer must not; these must leave now.
  input  pci_bridge_pkg::posted_t     same_i,
  input  pci_bridge_pkg::posted_t     other_i,
  output logic                        flush_same_o,
  output logic                        flush_other_o,
  /// The discard timer has thrown an answer away.
  output logic                        discarded_o
);
  typedef enum logic [2:0] {
    // No request.
    StFree,
    // A write whose datum comes with the retry; then whose parity comes.
    StCapture,
    StCheck,
    // The request waits for the posted writes before it, and for the initiator.
    StWaiting,
    // The initiator carries it out.
    StBus,
    // The PERR for a written datum comes on this clock.
    StJudge,
    // The answer waits for the repetition.
    StDone,
    // Nobody wants the rest of the data; the initiator ends.
    StDrop
  } state_e;

  state_e                   state_q, state_d;
  pci_bridge_pkg::delayed_t delayed_q;
  logic [2:0]               result_q;
  logic                     read_q, moved_q, bad_q, serving_q, delivered_q, served_q;
  logic                     accept, expired, over, same_data;

  assign accept = origin_i.decode && state_q == StFree;
  assign over   = serving_q && !origin_i.active;

  // The identical request; the datum of a write is compared when it is there.
  logic match;
  assign match = origin_i.decode && state_q != StFree && state_q != StDrop && origin_i.address == delayed_q.address &&
                 origin_i.command == delayed_q.command && ~bus_i.cbe == delayed_q.be;

  // Order: the entries that were in the queues of posted writes, and are still there.
  logic [7:0] same_q, other_q;
  always_ff @(posedge clk_i) begin : p_order
    if (!rst_ni) begin
      same_q  <= '0;
      other_q <= '0;
    end else begin
      if (accept) same_q <= settings_i.unordered ? '0 : same_i.level - 8'(same_i.leaves);
      else if (same_i.leaves && same_q != '0) same_q <= same_q - 8'd1;
      if (progress_i.rvalid && state_q == StBus) begin
        other_q <= settings_i.unordered ? '0 : other_i.level - 8'(other_i.leaves);
      end else if (accept) begin
        other_q <= '0;
      end else if (other_i.leaves && other_q != '0) begin
        other_q <= other_q - 8'd1;
      end
    end
  end
  assign flush_same_o  = state_q != StFree && same_q != '0;
  assign flush_other_o = state_q != StFree && other_q != '0;

  always_comb begin : p_state
    state_d = state_q;
    unique case (state_q)
      StFree: if (accept) state_d = origin_i.read ? StWaiting : StCapture;
      StCapture: if (bus_i.irdy && bus_i.stop) state_d = StCheck;
      // A write with bad parity stays here; its repetition moves, and the target says PERR.
      StCheck: state_d = bus_i.par == ^{delayed_q.wdata, ~delayed_q.be} ? StWaiting : StDone;
      StWaiting: if (progress_i.issue) state_d = StBus;
      StBus: begin
        if (progress_i.done) begin
          if (progress_i.result == bus_pkg::ResultStopped || progress_i.result == bus_pkg::ResultDisabled) begin
            state_d = moved_q ? StDone : StWaiting;
          end else begin
            state_d = read_q ? StDone : StJudge;
          end
        end
        if (over && delivered_q) state_d = progress_i.done ? StFree : StDrop;
      end
      StJudge: state_d = StDone;
      StDone: if ((over && delivered_q) || expired) state_d = StFree;
      StDrop: if (progress_i.done) state_d = StFree;
      default: state_d = StFree;
    endcase
  end
  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) state_q <= StFree;
    else state_q <= state_d;
  end

  always_ff @(posedge clk_i) begin : p_request
    if (accept) begin
      read_q            <= origin_i.read;
      delayed_q.ahead   <= origin_i.ahead;
      delayed_q.command <= origin_i.command;
      delayed_q.address <= origin_i.address;
      delayed_q.be      <= ~bus_i.cbe;
    end
    // A single datum that is read shares the register with one that is written.
    if (state_q == StCapture) delayed_q.wdata <= bus_i.ad;
    else if (progress_i.rvalid && state_q == StBus && !delayed_q.ahead) delayed_q.wdata <= progress_i.rdata;
  end

  always_ff @(posedge clk_i) begin : p_result
    if (state_q == StFree) begin
      result_q <= bus_pkg::ResultOk;
      moved_q  <= 1'b0;
      bad_q    <= 1'b0;
    end else begin
      if (state_q == StBus && progress_i.done) result_q <= progress_i.result;
      if (state_q == StBus && progress_i.transfer) moved_q <= 1'b1;
      // The parity of what was read is known before it can be delivered.
      if ((state_q == StBus || state_q == StJudge) && progress_i.parity_error && settings_i.parity_response) begin
        bad_q <= 1'b1;
      end
    end
  end

  // The read found no target.
  logic hollow;
  assign hollow = result_q == bus_pkg::ResultMasterAbort && !moved_q;

  // Data that were read ahead.
  logic [31:0]        ahead_data, unused_second;
  logic [1:0]         visible;
  logic [DepthLog2:0] level;
  logic               pop;
  assign pop = load_i && delayed_q.ahead && visible != '0 && !hollow && (match || serving_q);
  prim_fifo #(.Width(32), .DepthLog2(DepthLog2)) u_ahead (
    .clk_i, .rst_ni, .clear_i(state_q == StFree || state_q == StDrop),
    .push_i(progress_i.rvalid && state_q == StBus && delayed_q.ahead), .data_i(progress_i.rdata), .pop_i(pop),
    .data0_o(ahead_data), .data1_o(unused_second), .visible_o(visible), .level_o(level)
  );

  // The answer. A read that found no target reads all ones.
  logic failed, there, ready;
  assign failed = state_q == StDone && (bad_q || (result_q == bus_pkg::ResultTargetAbort && !moved_q) ||
                                        (hollow && settings_i.master_abort));
  assign there  = delayed_q.ahead && !hollow ? visible != '0 : state_q == StDone && !served_q;
  assign ready  = there && other_q == '0 && !bad_q;
  assign same_data = bus_i.ad == delayed_q.wdata;
  always_comb begin : p_answer
    answer_o = '0;
    if (match || serving_q) begin
      answer_o.hit    = 1'b1;
      answer_o.abort  = match && failed && other_q == '0;
      answer_o.rvalid = read_q && ready;
      answer_o.wready = !read_q && state_q == StDone && !served_q && bus_i.irdy && same_data;
      answer_o.single = !delayed_q.ahead || hollow ||
                        (state_q == StDone && level == (DepthLog2+1)'(1));
      // A burst that is delivered waits for its next datum, unless there is none.
      answer_o.retry  = read_q ? !served_q || (state_q == StDone && level == '0) || bad_q
                               : state_q != StDone || (bus_i.irdy && !same_data);
    end else if (origin_i.decode) begin
      answer_o.hit    = 1'b1;
      answer_o.retry  = 1'b1;
    end
    rdata_o = hollow ? '1 : delayed_q.ahead ? ahead_data : delayed_q.wdata;
  end

  always_ff @(posedge clk_i) begin : p_serving
    if (!rst_ni || state_q == StFree) begin
      serving_q   <= 1'b0;
      served_q    <= 1'b0;
      delivered_q <= 1'b0;
    end else begin
      serving_q <= match || (serving_q && origin_i.active);
      if (match) served_q <= load_i;
      else if (serving_q && load_i) served_q <= 1'b1;
      if (over) served_q <= 1'b0;
      if (answer_o.abort || ((match || serving_q) && origin_i.transfer)) delivered_q <= 1'b1;
    end
  end

  // The discard timer runs while the answer waits.
  logic [15:0] waited_q;
  always_ff @(posedge clk_i) begin : p_discard
    if (!rst_ni || state_q != StDone || serving_q || match) waited_q <= '0;
    else waited_q <= waited_q + 16'd1;
  end
  assign expired     = state_q == StDone && !serving_q && !match &&
                       waited_q == (settings_i.discard_soon ? 16'd1023 : 16'd32767);
  assign discarded_o = expired;

  assign request_o = state_q == StWaiting && same_q == '0;
  assign delayed_o = delayed_q;
  assign drop_o    = state_q == StDrop;
endmodule
