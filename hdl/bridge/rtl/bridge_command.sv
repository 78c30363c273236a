// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Takes the host's commands one at a time and answers them. A command becomes a request to the bus initiator. This
/// block answers it alone if it needs no bus or meets an armed fault, and completes the answer if the bus transaction
/// failed.
///
/// A read always delivers the number of data that it asked for, with all ones in the place of data that the bus did not
/// give. A write burst always takes all of its data. A read is answered when the host has taken all posted writes that
/// were there at the end of its transaction, so a driver that reads a register finds the data before it in memory.
///
/// A read that has ended well is answered on the idle clock after its transaction, on which the next command can be taken.
/// The PAR of the last datum is on the bus on that clock; if it is wrong the answer waits. A write is answered after PERR: two
/// clocks later, when the interrupt controller presents what has come of the datum.
module bridge_command #(
  /// Entries of the queues, 1 to 4.
  parameter int unsigned Queue = 4,
  /// The host can arm faults and hold back the interrupt; else these commands do nothing.
  parameter bit Faults = 1'b1
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  /// Command port: from the host; the part of the answer that this block gives.
  input  bridge_pkg::command_in_t command_i,
  output logic                    cmd_ready_o,
  output logic                    wdata_ready_o,
  output logic                    rsp_valid_o,
  output host_pkg::bus_status_e   rsp_status_o,
  /// See `bridge_pkg::command_out_t`.
  output logic                    rsp_offered_o,
  output logic                    rsp_checked_o,
  output logic                    rsp_par_o,
  /// Queue of data to write: at most one push in a clock, the level, and a strobe that empties the queue.
  output logic                    wqueue_push_o,
  output logic                    wqueue_clear_o,
  input  logic [2:0]              wqueue_level_i,
  /// Queue of data that was read: a push of all ones, and the level.
  output logic                    fill_push_o,
  input  logic [2:0]              rqueue_level_i,
  /// Initiator: the request and the room for it; the progress.
  output logic                    request_valid_o,
  output bus_pkg::request_t       request_o,
  output logic [2:0]              available_o,
  input  bus_pkg::initiator_out_t initiator_i,
  /// Posted writes that the host has not taken; it takes one.
  input  logic [4:0]              posted_i,
  input  logic                    posted_taken_i,
  /// IDSEL lines for the current configuration access, valid with the address phase.
  output logic [31:0]             idsel_o,
  /// A host mark enters the event stream on this clock.
  output logic                    mark_o,
  /// The host sees no interrupt while this is on.
  output logic                    interrupt_hold_o
);
  typedef enum logic [2:0] {
    // Ready for a command.
    StIdle,
    // The initiator carries out the request.
    StBus,
    // The PERR for a written datum comes on this clock.
    StParity,
    // The transaction failed: deliver the missing data, or take the data that the host still sends.
    StFill,
    // The answer is given to the host.
    StRespond
  } state_e;

  state_e            state_q, state_d;
  logic              take, read, burst, write, bus_op, fault_hit, config_op, last_fill;
  host_pkg::op_e     op, op_q;
  host_pkg::bus_status_e status_q, status_d;
  host_pkg::bus_status_e fault_status, translated;
  logic [31:0]       idsel_d, idsel_q;
  logic [15:0]       length, left_q;
  logic              ended, prompt, given, parity_q, fault_armed;
  logic [4:0]        behind_q;

  assign op = host_pkg::op_e'(command_i.cmd_op);

  // After a transaction that the target ended, the initiator keeps REQ off for two clocks.
  assign cmd_ready_o = (state_q == StIdle || prompt) && initiator_i.request_ready;
  assign take        = command_i.cmd_valid && cmd_ready_o;

  // The answer to a read on the idle clock after the transaction.
  assign ended  = state_q == StBus && initiator_i.done;
  assign prompt = ended && !write && initiator_i.result == bus_pkg::ResultOk && !parity_q && rqueue_level_i <= 3'd1 &&
                  posted_i == '0;
  assign given  = prompt && !initiator_i.parity_error;
  always_comb begin : p_decode
    bus_op    = 1'b0;
    read      = 1'b0;
    config_op = 1'b0;
    length    = 16'd1;
    fault_hit = 1'b0;
    if (take) begin
      bus_op    = op <= host_pkg::OpIntAck;
      read      = op == host_pkg::OpMemRead || op == host_pkg::OpIoRead ||
                  op == host_pkg::OpCfgRead || op == host_pkg::OpIntAck;
      config_op = op == host_pkg::OpCfgRead || op == host_pkg::OpCfgWrite;
      fault_hit = bus_op && fault_armed;
      if ((op == host_pkg::OpMemRead || op == host_pkg::OpMemWrite) && command_i.cmd_length != '0) begin
        length = command_i.cmd_length;
      end
    end
  end
  assign burst       = length != 16'd1;
  assign write       = op_q == host_pkg::OpMemWrite || op_q == host_pkg::OpIoWrite || op_q == host_pkg::OpCfgWrite;
  assign mark_o      = take && op == host_pkg::OpMark;

  assign request_valid_o = bus_op && !fault_hit;
  bridge_address u_address (
    .enable_i(take), .op_i(op), .address_i(command_i.cmd_address), .be_i(burst ? 4'hF : command_i.cmd_be),
    .length_i(length), .request_o, .idsel_o(idsel_d)
  );
  always_ff @(posedge clk_i) begin : p_idsel
    if (take) idsel_q <= config_op ? idsel_d : '0;
  end
  assign idsel_o = idsel_q;

  always_comb begin : p_state
    state_d  = state_q;
    status_d = status_q;
    unique case (state_q)
      StIdle: state_d = StIdle;
      StBus: if (ended) begin
        status_d = translated;
        if (initiator_i.result != bus_pkg::ResultOk) state_d = StFill;
        else if (given) state_d = StIdle;
        else state_d = write ? StParity : StRespond;
      end
      StParity: begin
        if (initiator_i.parity_error) status_d = host_pkg::BusStatusParity;
        state_d = StIdle;
      end
      StFill: if (last_fill) state_d = StRespond;
      StRespond: if (rqueue_level_i <= 3'd1 && behind_q == '0) state_d = StIdle;
      default: state_d = StIdle;
    endcase
    if (state_q == StIdle || take) status_d = fault_hit ? fault_status : host_pkg::BusStatusOk;
    if (take && op != host_pkg::OpMark) state_d = !bus_op ? StRespond : fault_hit ? StFill : StBus;
  end

  // The status for the host that belongs to the initiator's result.
  always_comb begin : p_translate
    unique case (initiator_i.result)
      // Nobody answers beyond the last address.
      bus_pkg::ResultMasterAbort, bus_pkg::ResultAddressEnd: translated = host_pkg::BusStatusMasterAbort;
      bus_pkg::ResultTargetAbort: translated = host_pkg::BusStatusTargetAbort;
      bus_pkg::ResultRetryLimit:  translated = host_pkg::BusStatusTimeout;
      default: translated = parity_q || initiator_i.parity_error ? host_pkg::BusStatusParity : host_pkg::BusStatusOk;
    endcase
  end

  // The posted writes that the answer to a read is behind.
  always_ff @(posedge clk_i) begin : p_behind
    if (!rst_ni) behind_q <= '0;
    else if (ended) behind_q <= write ? '0 : posted_i - 5'(posted_taken_i);
    else if (posted_taken_i && behind_q != '0) behind_q <= behind_q - 5'd1;
  end

  logic rsp_q;
  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) begin
      state_q  <= StIdle;
      status_q <= host_pkg::BusStatusOk;
      rsp_q    <= 1'b0;
    end else begin
      state_q  <= state_d;
      status_q <= status_d;
      rsp_q    <= state_q != StIdle && state_d == StIdle && !given;
    end
  end

  always_ff @(posedge clk_i) begin : p_progress
    if (take) op_q <= op;
    if (take) parity_q <= 1'b0;
    else if (initiator_i.parity_error) parity_q <= 1'b1;
    // The data that a read has not delivered, or that a write burst has not taken from the host.
    if (!rst_ni) left_q <= '0;
    else if (take) left_q <= read || (op == host_pkg::OpMemWrite && burst) ? length : '0;
    else if (write ? command_i.wdata_valid && wdata_ready_o : initiator_i.transfer || fill_push_o) begin
      left_q <= left_q - 16'd1;
    end
  end

  // Data of a write: the datum of the command, or the data of the burst.
  assign wdata_ready_o  = write && left_q != '0 && wqueue_level_i < 3'(Queue);
  assign wqueue_push_o  = (bus_op && !read && !burst) || (command_i.wdata_valid && wdata_ready_o);
  assign wqueue_clear_o = state_q == StFill;
  // A single write may start at once: its datum enters the queue on the clock of the command.
  assign available_o    = take ? (read || !burst ? 3'd1 : 3'd0) : write ? wqueue_level_i : 3'(Queue) - rqueue_level_i;

  assign fill_push_o = state_q == StFill && !write && left_q != '0 && rqueue_level_i < (Queue > 1 ? 3'(Queue - 1) : 3'd1);
  assign last_fill   = left_q == '0;

  // Armed faults and the interrupt hold.
  if (Faults) begin : gen_faults
    logic [31:0]           address_q;
    logic [15:0]           count_q;
    host_pkg::bus_status_e fault_status_q;
    assign fault_armed  = count_q != '0 && command_i.cmd_address == address_q;
    assign fault_status = fault_status_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) count_q <= '0;
      else if (take && op == host_pkg::OpArmFault) count_q <= command_i.cmd_length;
      else if (take && fault_hit) count_q <= count_q - 16'd1;
      if (take && op == host_pkg::OpArmFault) begin
        address_q      <= command_i.cmd_address;
        fault_status_q <= host_pkg::bus_status_e'(command_i.cmd_data[2:0]);
      end
    end
    prim_timer u_hold (
      .clk_i, .rst_ni, .load_i(take && op == host_pkg::OpHoldInterrupt), .clocks_i(command_i.cmd_data),
      .running_o(interrupt_hold_o)
    );
  end else begin : gen_no_faults
    assign fault_armed      = 1'b0;
    assign fault_status     = host_pkg::BusStatusOk;
    assign interrupt_hold_o = 1'b0;
  end

  assign rsp_valid_o   = rsp_q || given;
  assign rsp_status_o  = status_q;
  assign rsp_offered_o = rsp_q || prompt;
  assign rsp_checked_o = prompt;
  assign rsp_par_o     = initiator_i.par;
endmodule
