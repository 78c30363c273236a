// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `bus_target`: two of them on one bus, with backends that answer as they like, and a master that does
/// whatever the rules for masters allow. `bus_checker` holds the rules: those for masters are assumed, those for targets proven.
module bus_target_formal (
  input logic        clk_i,
  input logic        rst_ni,
  /// The master.
  input logic        frame_i,
  input logic        irdy_i,
  input logic [31:0] ad_i,
  input logic [3:0]  cbe_i,
  input logic        par_i,
  input logic [31:0] idsel_i,
  /// The two backends.
  input logic [11:0] answer_i,
  input logic [63:0] rdata_i,
  input logic [5:0]  number_i,
  input logic        parity_response_i,
  input logic        serr_enable_i
);
  localparam int unsigned Width = bus_pkg::TargetOutWidth;
  localparam int unsigned AnswerWidth = 6;
  // The states of bus_target.
  localparam logic [2:0] StIdle = 3'd0;
  localparam logic [2:0] StDecode = 3'd1;
  localparam logic [2:0] StData = 3'd2;
  localparam logic [2:0] StAbort = 3'd3;
  localparam logic [2:0] StStop = 3'd4;

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  bus_pkg::bus_t        bus;
  bus_pkg::master_out_t master;
  logic [2*Width-1:0]   targets;
  logic                 open;
  logic [4:0]           clock;
  logic [15:0]          moved;

  // The master drives AD in address phases and in writes, and PAR one clock later.
  logic       frame_q, irdy_q, driven_q, start, idle, write_q, write;
  assign start = bus.start;
  assign idle  = !bus.frame && !bus.irdy;
  assign write = start ? cbe_i[0] : write_q;
  always_ff @(posedge clk_i) begin : p_master
    frame_q  <= rst_ni && bus.frame;
    irdy_q   <= rst_ni && bus.irdy;
    driven_q <= rst_ni && master.ad_en;
    write_q  <= write;
  end
  always_comb begin : p_drive
    master            = bus_pkg::MasterOutIdle;
    master.frame      = frame_i && rst_ni;
    master.irdy       = irdy_i && rst_ni;
    master.control_en = master.frame || master.irdy || frame_q || irdy_q;
    master.cbe        = cbe_i;
    master.cbe_en     = master.frame || master.irdy;
    master.ad         = ad_i;
    master.ad_en      = (master.frame && !frame_q) || (master.cbe_en && write_q);
    master.par        = par_i;
    master.par_en     = driven_q;
  end

  bus_pkg::bus_t drive;
  bus_drive #(.Masters(1), .Targets(2)) u_drive (.masters_i(master), .targets_i(targets), .drive_o(drive));
  bus_start u_start (.clk_i, .rst_ni, .drive_i(drive), .bus_o(bus));
  bus_checker #(.Masters(1), .Targets(2), .Content(1'b0), .Sensible(1'b0)) u_checker (
    .clk_i, .rst_ni, .bus_i(bus), .idsel_i, .req_i(1'b0), .gnt_i(rst_ni), .broken_i(1'b0), .masters_i(master),
    .targets_i(targets), .open_o(open), .clock_o(clock), .moved_o(moved), .broken_o(), .first_o(), .violations_o()
  );

  // The clock before.
  logic [31:0] ad_q;
  logic [3:0]  cbe_q;
  logic        parity_q, address_wrong_q, past_q, start_q;
  always_ff @(posedge clk_i) begin : p_before
    ad_q      <= bus.ad;
    cbe_q     <= bus.cbe;
    parity_q  <= ^{bus.ad, bus.cbe};
    past_q    <= rst_ni;
    start_q   <= rst_ni && start;
    address_wrong_q <= start_q && parity_q != bus.par;
  end

  // The transaction: its command, the address of the datum that moves next, and the number of data that have moved,
  // which stops at 7.
  logic [31:0] next_q;
  logic [3:0]  command_q;
  logic [2:0]  count_q;
  always_ff @(posedge clk_i) begin : p_transaction
    if (start) begin
      command_q <= bus.cbe;
      next_q    <= {bus.ad[31:2], 2'b00};
      count_q   <= '0;
    end else if (bus.irdy && bus.trdy) begin
      next_q <= next_q + 32'd4;
      if (count_q != '1) count_q <= count_q + 3'd1;
    end
  end

  for (genvar i = 0; i < 2; i++) begin : gen_target
    bus_pkg::transaction_t access;
    bus_pkg::answer_t      answer;
    bus_pkg::status_set_t  status;
    bus_pkg::target_out_t  target;
    logic                  load, retried;
    assign answer = answer_i[i*AnswerWidth +: AnswerWidth];
    bus_target u_dut (
      .clk_i, .rst_ni, .number_i(number_i[i*3 +: 3]), .transaction_o(access), .answer_i(answer),
      .rdata_i(rdata_i[i*32 +: 32]), .load_o(load), .retried_o(retried), .parity_response_i, .serr_enable_i,
      .status_set_o(status), .bus_i(bus), .idsel_i(idsel_i[i]), .target_o(target)
    );
    assign targets[i*Width +: Width] = target;

    logic [2:0] state;
    logic       claimed, awake;
    assign state   = u_dut.state_q;
    assign claimed = state == StData || state == StAbort || state == StStop;
    assign awake   = state != StIdle || u_dut.tail_q != '0;

    // The datum that was loaded last, and whether a written datum moved on the clock before, from where and with what.
    logic [31:0] datum_q, moved_address_q;
    logic        wrote_q, wrong_q, aborts_q, held_q, selected_q;
    always_ff @(posedge clk_i) begin : p_record
      if (load) datum_q <= rdata_i[i*32 +: 32];
      wrote_q         <= rst_ni && target.devsel && bus.irdy && bus.trdy && command_q[0];
      moved_address_q <= next_q;
      aborts_q        <= rst_ni && state == StAbort;
      held_q          <= rst_ni && !start && (load || (held_q && !access.transfer));
      if (start) selected_q <= idsel_i[i];
      wrong_q         <= rst_ni && wrote_q && parity_q != bus.par && parity_response_i;
    end

    always_ff @(posedge clk_i) begin : p_assume
      if (rst_ni) begin
        `ASSUME(hit_legal, !(access.decode && answer.hit) || access.memory || access.io || access.configuration ||
                access.command == bus_pkg::CommandInterruptAcknowledge,
                "A backend says hit for memory, I/O and type 0 of configuration, and for Interrupt Acknowledge, only.")
      end
    end
    always_ff @(posedge clk_i) begin : p_properties
      if (rst_ni) begin
        `PROVE(T22_read, !(past_q && target.par_en) || target.par == parity_q,
               "PAR that the target drives makes the parity of the clock before even.")
        `PROVE(M32_only_read, !target.ad_en || (!command_q[0] && target.devsel) || (target.control_en && target.stop),
               "The target drives AD only in a read that it has claimed.")
        `PROVE(T08_datum, !(target.trdy && !command_q[0]) || (target.ad_en && target.ad == datum_q && access.loaded),
               "While TRDY is on in a read, AD is the datum that the backend gave.")
        `PROVE(read_address, !(target.trdy && !command_q[0]) || access.loaded_address == next_q,
               "The datum on AD is that of the first address, plus four for each datum that has moved.")
        `PROVE(held, access.loaded == (access.active && held_q),
               "The backend is told that AD holds a datum from its load until it has moved.")
        `PROVE(offered, access.offered == target.trdy && access.transfer == (target.trdy && bus.irdy),
               "A datum is offered while TRDY is on, and moves when IRDY is on too.")
        `PROVE(waiting, access.waiting == (state == StData && !target.trdy && !target.stop),
               "A data phase waits for the backend until TRDY or STOP is on.")
        `PROVE(selected, !access.active || access.idsel == selected_q, "IDSEL is that of the address phase.")
        `PROVE(write_strobe, access.write == (wrote_q && !(parity_response_i && parity_q != bus.par)),
               "Each written datum is handed over once, one clock after it moved, unless its parity is wrong and reported.")
        `PROVE(write_datum, !access.write || (access.wdata == ad_q && access.write_be == ~cbe_q &&
               access.write_address == moved_address_q),
               "A written datum is handed over with its byte enables and its address.")
        `PROVE(T13, !retried || count_q == '0, "A transaction counts as retried only if no datum has moved.")
        `PROVE(T33, !idle || state == StIdle, "While the bus is idle, the target is ready for the next transaction.")
        `PROVE(T02, !target.devsel || state != StIdle, "DEVSEL is on only in a transaction that was claimed.")
        `PROVE(T23_status, !wrote_q || status.detected_parity == (parity_q != bus.par),
               "A datum written with wrong parity sets Detected Parity Error.")
        `PROVE(T23_perr, !past_q || (target.perr == wrong_q && (!wrong_q || target.perr_en)),
               "PERR comes on two clocks after a written datum with wrong parity, if parity errors are reported, and else not.")
        `PROVE(T14_status, status.signaled_target_abort == (state == StAbort),
               "A target abort sets Signaled Target Abort.")
        `PROVE(T14_abort, !aborts_q || {target.devsel, target.trdy, target.stop} == 3'b001,
               "A target abort turns STOP on and DEVSEL off, after one clock with DEVSEL.")
        `PROVE(unclaimed, !(state == StData || state == StAbort) || clock != 5'd3 || !address_wrong_q,
               "A transaction whose address has wrong parity is not claimed.")
      end
    end
    // The states that can be reached, for the induction.
    always_ff @(posedge clk_i) begin : p_states
      if (rst_ni) begin
        `PROVE(outputs, {target.devsel, target.trdy, target.stop} == 3'b000 || (state == StData &&
               target.devsel) || (state == StAbort && {target.devsel, target.trdy, target.stop} == 3'b100) ||
               (state == StStop && !target.trdy && target.stop), "DEVSEL, TRDY and STOP are those of the state.")
        `PROVE(data_claimed, !(state == StData || state == StAbort) || target.devsel, "DEVSEL is on in data phases.")
        `PROVE(stop_held, !(state == StStop) || target.stop, "STOP is on in the state that holds it.")
        `PROVE(decodes, (state == StDecode) == start_q, "The clock after the address phase is the decode clock.")
        `PROVE(decode_state, state != StDecode || (count_q == '0 && !u_dut.moved_q && u_dut.waited_q == '0 &&
               clock == 5'd2 && !u_checker.ended_q && !u_checker.answered_q),
               "On the decode clock nothing has happened yet.")
        `PROVE(known_state, state <= StStop, "There is no sixth state.")
        `PROVE(active_claimed, !claimed || (!idle && !start && u_checker.answered),
               "A claimed transaction is on the bus.")
        `PROVE(latched, state == StIdle || (access.command == command_q && access.read == !command_q[0]),
               "The command is that of the transaction.")
        `PROVE(moved_some, state == StIdle || u_dut.moved_q == (count_q != '0),
               "The target knows whether a datum has moved.")
        `PROVE(pointing, !(state == StDecode || state == StData) || {u_dut.gen_bursts.pointer_q, 2'b00} == next_q + (access.read &&
               target.trdy ? 32'd4 : 32'd0), "The pointer is that of the next datum.")
        `PROVE(drives, target.ad_en == (access.read && target.devsel), "AD is driven with DEVSEL in a read.")
        `PROVE(quiet, awake ||
               {target.control_en, target.ad_en, target.par_en, target.perr_en, target.perr, target.serr, access.write} == '0,
               "A target that sleeps drives nothing.")
        `PROVE(first_wait, !(claimed || state == StDecode) || u_checker.ended_q ||
               u_dut.waited_q == 4'(clock - 5'd2) || clock > 5'd17,
               "The target counts the clocks of the first data phase.")
        `PROVE(first_limit, !(state == StData && !target.trdy && !target.stop) || u_dut.waited_q <= 4'd12,
               "The wait is limited.")
        `PROVE(later_wait, !(state == StData && u_dut.moved_q) ||
               5'(u_dut.waited_q) + 5'd1 == u_checker.target_waits_q || target.trdy || target.stop,
               "The target counts the clocks of a later data phase.")
        `PROVE(later_limit, !(state == StData && u_dut.moved_q && !target.trdy && !target.stop) ||
               u_dut.waited_q <= 4'd6, "The wait of a later data phase is limited.")
      end
    end
    always_ff @(posedge clk_i) begin : p_cover
      if (rst_ni) begin
        `COVER(burst, access.write && count_q == 3'd3, "Three data of a burst are written.")
        `COVER(burst_read, access.transfer && access.read && count_q == 3'd2, "Three data of a burst are read.")
        `COVER(retry, retried && state == StData, "A transaction is retried.")
        `COVER(disconnect, state == StData && target.stop && !target.trdy && count_q == 3'd1,
               "A burst is ended without a datum.")
        `COVER(abort, target.stop && !target.devsel, "A transaction is aborted.")
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    `ASSUME(no_history, begun_q || !u_checker.in_reset_q, "The proof begins with the first clock of reset.")
    if (rst_ni) begin
      `ASSUME(irdy_in_transaction, !bus.irdy || irdy_q || frame_q, "IRDY comes on only in a transaction.")
      `ASSUME(one_hit, !gen_target[0].answer.hit || !gen_target[1].answer.hit, "No two backends hit.")
      `PROVE(one_claims, !gen_target[0].claimed || !gen_target[1].claimed,
             "One target at most has claimed the transaction.")
      `PROVE(some_claims, !(u_checker.answered_q && !idle) || gen_target[0].claimed || gen_target[1].claimed,
             "An answered transaction is claimed by a target.")
      `PROVE(history, u_checker.bus_q.frame == frame_q && u_checker.bus_q.irdy == irdy_q &&
             u_start.frame_q == frame_q && (u_checker.command_q == command_q || u_checker.clock_q == '0) &&
             u_checker.start_q == start_q && u_checker.idle_q == (!frame_q && !irdy_q),
             "All count the clocks of a transaction from its address phase.")
      `COVER(late, bus.trdy && clock >= 5'd12 && count_q == '0, "A first datum comes late.")
      `COVER(other, gen_target[0].state == StIdle && gen_target[1].state == StData && moved == 16'd1,
             "One target is idle during a transaction with the other.")
    end
  end

  logic unused;
  assign unused = ^{open, moved, idsel_i};
endmodule
