// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `bus_initiator`: two of them on one bus, with requests of every kind, an arbiter and a target that do
/// whatever the rules allow. `bus_checker` holds the rules: those for masters are proven, those for targets and for the arbiter
/// assumed.
module bus_initiator_formal #(
  parameter int unsigned RetryLimit = 0
) (
  input logic         clk_i,
  input logic         rst_ni,
  /// The target and the arbiter.
  input logic         devsel_i,
  input logic         trdy_i,
  input logic         stop_i,
  input logic [31:0]  ad_i,
  input logic         par_i,
  input logic         perr_i,
  input logic [1:0]   gnt_i,
  /// The two backends, and the configuration.
  input logic [259:0] backend_i,
  input logic [1:0]   enable_i,
  input logic [15:0]  latency_i,
  input logic         parity_response_i
);
  localparam int unsigned Width = bus_pkg::MasterOutWidth;
  localparam int unsigned BackendWidth = 1 + (4 + 32 + 16 + 4 + 4) + 1 + 1 + 32 + 32 + 3;
  // The states of bus_initiator.
  localparam logic [2:0] StIdle = 3'd0;
  localparam logic [2:0] StWait = 3'd1;
  localparam logic [2:0] StAddress = 3'd2;
  localparam logic [2:0] StData = 3'd3;
  localparam logic [2:0] StClose = 3'd4;
  localparam logic [2:0] StBackoff = 3'd5;
  localparam logic [29:0] LastDword = '1;

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  bus_pkg::bus_t        bus;
  bus_pkg::target_out_t target;
  logic [2*Width-1:0]   masters;
  logic [1:0]           req, gnt;
  logic [31:0]          idsel;
  logic                 open;
  logic [4:0]           clock;
  logic [15:0]          moved;

  // The clock before.
  logic       idle, idle_q, start_q, claimed_q, driven_q, past_q, ended_stop_q, parity_q;
  logic [3:0] command_q, command;
  logic [1:0] gnt_q, enable_q;
  assign gnt     = rst_ni && past_q ? gnt_i : 2'b00;
  assign idle    = !bus.frame && !bus.irdy;
  assign command = bus.start ? bus.cbe : command_q;
  always_ff @(posedge clk_i) begin : p_before
    past_q    <= rst_ni;
    idle_q    <= !rst_ni || idle;
    start_q   <= rst_ni && bus.start;
    claimed_q <= rst_ni && (target.devsel || target.trdy || target.stop);
    driven_q  <= rst_ni && target.ad_en;
    parity_q     <= ^{bus.ad, bus.cbe};
    ended_stop_q <= rst_ni && bus.stop && bus.irdy;
    command_q <= command;
    gnt_q     <= gnt;
    enable_q  <= enable_i;
  end

  // The target drives AD in a read that it has claimed, from the clock after the turnaround on.
  always_comb begin : p_target
    target            = bus_pkg::TargetOutIdle;
    target.devsel     = devsel_i && rst_ni;
    target.trdy       = trdy_i && rst_ni;
    target.stop       = stop_i && rst_ni;
    target.control_en = target.devsel || target.trdy || target.stop || claimed_q;
    target.ad         = ad_i;
    target.ad_en      = target.devsel && !command_q[0] && !start_q;
    target.par        = par_i;
    target.par_en     = driven_q;
    target.perr       = perr_i;
    target.perr_en    = 1'b1;
  end

  assign idsel = {31'd0, bus.start && (bus.cbe == bus_pkg::CommandConfigurationRead ||
                                       bus.cbe == bus_pkg::CommandConfigurationWrite) && bus.ad[1:0] == 2'b00};
  bus_pkg::bus_t drive;
  bus_drive #(.Masters(2), .Targets(1)) u_drive (.masters_i(masters), .targets_i(target), .drive_o(drive));
  bus_start u_start (.clk_i, .rst_ni, .drive_i(drive), .bus_o(bus));
  bus_checker #(.Masters(2), .Targets(1), .Sensible(1'b0)) u_checker (
    .clk_i, .rst_ni, .bus_i(bus), .idsel_i(idsel), .req_i(req), .gnt_i(gnt), .broken_i('0), .masters_i(masters),
    .targets_i(target), .open_o(open), .clock_o(clock), .moved_o(moved), .broken_o(), .first_o(), .violations_o()
  );

  for (genvar i = 0; i < 2; i++) begin : gen_master
    bus_pkg::initiator_in_t  backend;
    bus_pkg::initiator_out_t progress;
    bus_pkg::master_out_t    master;
    bus_pkg::status_set_t    status;
    logic                    take, owns;
    assign backend = backend_i[i*BackendWidth +: BackendWidth];
    bus_initiator #(.RetryLimit(RetryLimit)) u_dut (
      .clk_i, .rst_ni, .backend_i(backend), .backend_o(progress), .patient_i(1'b0), .enable_i(enable_i[i]),
      .latency_i(latency_i[i*8 +: 8]),
      .parity_response_i, .status_set_o(status), .bus_i(bus), .gnt_i(gnt[i]), .req_o(req[i]), .master_o(master)
    );
    assign masters[i*Width +: Width] = master;
    assign take = backend.request_valid && progress.request_ready;
    assign owns = master.frame || master.irdy;

    // The request that was taken: its command, the address of its next datum, the data left, the byte enables.
    logic [2:0]           state;
    bus_pkg::command_e    command_taken_q;
    logic [31:0]          next_q;
    logic [15:0]          left_q;
    logic [3:0]           first_q, last_q, lanes;
    logic                 busy_q, begun_data_q, kept_q, popped_q, transfer;
    // A read is owed; it is repeated for the target's sake only; the request that was taken counts for nothing more.
    logic                 owed, redeems, over;
    assign owed    = u_dut.owed_q;
    assign redeems = u_dut.redeem_q && u_dut.state_q != StIdle;
    assign over    = u_dut.state_q == StIdle;
    bus_pkg::initiator_in_t backend_q;
    assign state    = u_dut.state_q;
    assign transfer = owns && master.irdy && bus.trdy && !bus.start;
    assign lanes    = (begun_data_q ? 4'hF : first_q) & (left_q == 16'd1 ? last_q : 4'hF);
    always_ff @(posedge clk_i) begin : p_request
      if (!rst_ni) busy_q <= 1'b0;
      else busy_q <= take || (busy_q && !progress.done);
      if (take) begin
        command_taken_q <= backend.request.command;
        next_q          <= backend.request.address;
        left_q          <= backend.request.length;
        first_q         <= backend.request.first_be;
        last_q          <= backend.request.last_be;
        begun_data_q    <= 1'b0;
      end else if (u_dut.redeem && left_q != 16'd1) begin
        left_q <= 16'd1;
        last_q <= 4'hF;
      end else if (transfer) begin
        next_q       <= next_q + 32'd4;
        left_q       <= left_q - 16'd1;
        begun_data_q <= 1'b1;
      end
      backend_q <= backend;
      popped_q  <= progress.pop || progress.rvalid;
      kept_q    <= rst_ni;
    end

    logic owed_q, transfer_q, disabled_q;
    always_ff @(posedge clk_i) begin : p_owed
      owed_q     <= rst_ni && owed;
      transfer_q <= rst_ni && transfer;
      disabled_q <= rst_ni && !enable_i[i];
    end

    logic gives_up;
    assign gives_up = owns && clock == 5'd5 && !u_checker.answered && !bus.stop;

    // The latency timer: its value before the address phase, and the clocks with FRAME on. FRAME goes off early if more
    // data are left than the one that begins.
    logic [7:0] limit, limit_q, spent, spent_q, latency_q;
    logic       may_end, may_end_q, ended, framed_q;
    assign limit = bus.start ? latency_q : limit_q;
    assign spent = bus.start ? 8'd0 : spent_q;
    always_comb begin : p_may_end
      may_end = backend.stop || !enable_i[i] || bus.stop || (spent >= limit && !gnt[i]);
      if (state == StAddress) may_end = may_end || left_q <= 16'd1 || backend.available < 3'd2 || next_q[31:2] == LastDword;
      else may_end = may_end || left_q <= 16'd2 || backend.available < 3'd3 || gives_up || next_q[31:2] >= LastDword - 30'd1;
    end
    always_ff @(posedge clk_i) begin : p_latency
      latency_q <= latency_i[i*8 +: 8];
      limit_q   <= limit;
      spent_q   <= spent + 8'(master.frame && spent != '1);
      may_end_q <= may_end;
      framed_q  <= rst_ni && master.frame;
    end
    assign ended = framed_q && !master.frame;

    // The result that the request must have, from what the bus did last.
    logic memory, io, single, io_taken;
    logic gave_up_q, aborted, aborted_q, read_moved_q, wrong_q;
    assign aborted  = owns && master.irdy && bus.stop && !bus.devsel && state == StData;
    always_ff @(posedge clk_i) begin : p_results
      gave_up_q    <= rst_ni && gives_up;
      aborted_q    <= rst_ni && aborted;
      read_moved_q <= rst_ni && transfer && !command_taken_q[0];
      wrong_q      <= rst_ni && read_moved_q && parity_q != bus.par && parity_response_i;
    end
    assign io_taken = command_taken_q == bus_pkg::CommandIoRead || command_taken_q == bus_pkg::CommandIoWrite;
    assign memory = bus_pkg::is_memory(backend.request.command);
    assign io     = backend.request.command == bus_pkg::CommandIoRead ||
                    backend.request.command == bus_pkg::CommandIoWrite;
    assign single = backend.request.length == 16'd1 && backend.request.last_be == 4'hF;

    always_ff @(posedge clk_i) begin : p_assume
      if (rst_ni) begin
        `ASSUME(request_length, !backend.request_valid || backend.request.length != '0,
                "A request has at least one dword.")
        `ASSUME(request_command, !backend.request_valid || memory || single,
                "A request of more than one dword is one of memory.")
        `ASSUME(request_legal, !backend.request_valid || (backend.request.command[3:1] != 3'b010 &&
                backend.request.command[3:1] != 3'b100), "No request has a reserved command.")
        `ASSUME(request_address, !backend.request_valid || !memory || backend.request.address[1:0] == 2'b00,
                "The address of a memory request is that of a dword.")
        `ASSUME(request_io, !backend.request_valid || !io || backend.request.first_be == 4'h0 ||
                (backend.request.first_be[backend.request.address[1:0]] &&
                (backend.request.first_be & ((4'd1 << backend.request.address[1:0]) - 4'd1)) == '0),
                "The address of an I/O request names its lowest enabled byte.")
        `ASSUME(request_kept, !kept_q || !backend_q.request_valid || !backend.request_valid ||
                progress.request_ready || backend.request == backend_q.request,
                "A request that waits keeps its values.")
        if (kept_q) begin
          `ASSUME(available, 4'(backend.available) + 4'(popped_q) >= 4'(backend_q.available),
                  "Data and places that are available stay so until they are used.")
          `ASSUME(first_kept, popped_q || backend_q.available == '0 || backend.wdata0 == backend_q.wdata0,
                  "The first datum stays until it moves.")
          `ASSUME(second_kept, popped_q || backend_q.available < 3'd2 || backend.wdata1 == backend_q.wdata1,
                  "The second datum stays until the first one moves.")
          `ASSUME(second_first, !popped_q || backend_q.available < 3'd2 || backend.wdata0 == backend_q.wdata1,
                  "The second datum becomes the first one when that one moves.")
        end
      end
    end
    always_ff @(posedge clk_i) begin : p_properties
      if (rst_ni) begin
        `PROVE(M01_enabled, !(bus.start && master.frame) || (past_q && enable_q[i] && gnt_q[i] && idle_q),
               "A master starts only while it is enabled, granted, and the bus is idle, one clock before.")
        `PROVE(address_phase, !(bus.start && master.frame) || (busy_q && left_q != '0 && master.ad == next_q &&
               master.cbe == command_taken_q && master.ad_en && master.cbe_en && progress.address_phase),
               "An address phase belongs to a request that has not ended, and has its command and the address of the first dword that has not moved.")
        `PROVE(lanes_enabled, !transfer || (master.cbe == ~lanes && (redeems || progress.transfer_be == lanes)),
               "Each datum moves with its byte enables: those of the request for the first and the last one, after a retry too.")
        `PROVE(write_datum, !(transfer && command_taken_q[0]) || (master.ad == backend.wdata0 && progress.pop),
               "The datum written is the first one of the backend, which is popped when it moves.")
        `PROVE(read_datum, !(transfer && !command_taken_q[0]) || (progress.rvalid && progress.rdata == bus.ad) || redeems,
               "The datum read is handed over when it moves, unless it is repeated after a stop.")
        `PROVE(redeemed, !redeems || !(progress.transfer || progress.rvalid || progress.pop || progress.request_ready),
               "Nothing is handed over of a read that is repeated after a stop.")
        `PROVE(owed_first, !owed || (busy_q && !progress.done),
               "No request ends while a read that was retried is owed.")
        `PROVE(owed_kept, !past_q || !owed_q || owed || transfer_q || aborted_q || gave_up_q || disabled_q || (RetryLimit != 0),
               "A read stays owed until its datum has moved, it is aborted, or Bus Master is off.")
        `PROVE(only_moved, !(progress.pop || progress.rvalid || progress.transfer) || transfer,
               "No datum is popped or handed over that has not moved.")
        `PROVE(counted, !(transfer || progress.done) || left_q != '0 || u_dut.redeem_q || progress.result == bus_pkg::ResultOk,
               "No more data move than the request has.")
        `PROVE(done_ok, !(progress.done && progress.result == bus_pkg::ResultOk) || left_q == '0,
               "A request ends well only when all its data have moved.")
        `PROVE(done_off, !progress.done || (!owns && busy_q),
               "A request ends once, after its transaction has left the bus.")
        `PROVE(M05_no_wait, !(master.frame && !master.irdy) || bus.start,
               "IRDY is on from the clock after the address phase on.")
        `PROVE(M33_driven, !owns || master.control_en, "FRAME and IRDY count while they are on.")
        `PROVE(M25, !ended || may_end_q,
               "A burst goes on while data are left and there, unless it is stopped, or the latency timer has expired and GNT is off.")
        `PROVE(M25_timer, !master.frame || u_dut.timer_q == (limit > spent ? limit - spent : 8'd0),
               "The latency timer counts the clocks with FRAME on.")
        `PROVE(M17_status, status.received_master_abort == (gives_up &&
               command_taken_q != bus_pkg::CommandSpecialCycle),
               "A master abort sets Received Master Abort, except for a Special Cycle.")
        `PROVE(M17_result, !gave_up_q || progress.result == bus_pkg::ResultMasterAbort,
               "A master abort is the result of the request.")
        `PROVE(M18_status, status.received_target_abort == aborted, "A target abort sets Received Target Abort.")
        `PROVE(M18_result, !aborted_q || progress.result == bus_pkg::ResultTargetAbort,
               "A target abort is the result of the request.")
        `PROVE(M18_ends, !(bus.start && master.frame) || progress.result == bus_pkg::ResultOk,
               "No request goes on after an abort.")
        `PROVE(M31_frame, !(state == StData && master.frame) || next_q[31:2] != LastDword,
               "FRAME is off with the datum at the last address.")
        `PROVE(M31_ends, over || (state == StBackoff && u_dut.finished_q) || !begun_data_q || next_q[31:2] != '0,
               "No request goes on at address 0.")
        `PROVE(M31_result, !progress.done || (progress.result == bus_pkg::ResultAddressEnd) ==
               (begun_data_q && left_q != '0 && next_q[31:2] == '0),
               "A request of which data are left behind the last address ends with this result, and no other one does.")
        `PROVE(M28_status, !past_q || status.detected_parity == (read_moved_q && parity_q != bus.par),
               "A datum read with wrong parity sets Detected Parity Error, and nothing else does.")
        `PROVE(M28_perr, !past_q || (master.perr == wrong_q && (!wrong_q || master.perr_en)),
               "PERR comes on two clocks after a datum read with wrong parity, if parity errors are reported, and else not.")
      end
    end
    // The states that can be reached, for the induction.
    always_ff @(posedge clk_i) begin : p_states
      if (rst_ni) begin
        `PROVE(outputs, (owns == (state == StAddress || state == StData || state == StClose)) &&
               (master.irdy == (state == StData || state == StClose)) && (state != StAddress || master.frame) &&
               (state != StClose || !master.frame) && state <= StBackoff, "FRAME and IRDY are those of the state.")
        `PROVE(address_state, (state == StAddress) == (bus.start && master.frame), "The address phase has its state.")
        `PROVE(busy, busy_q == (progress.done || (state != StIdle && !(state == StBackoff && u_dut.finished_q))),
               "A request is under way until it is done.")
        `PROVE(read_checked, u_dut.read_check_q == read_moved_q, "The parity of each datum that was read is checked.")
        `PROVE(finishes, !progress.done || (u_dut.finished_q && (state == StIdle || state == StBackoff)),
               "A request that is done has left the bus.")
        `PROVE(request_state, over || (u_dut.address_q == next_q && u_dut.length_q == left_q &&
               u_dut.moved_q == begun_data_q && u_dut.command_q == command_taken_q &&
               u_dut.first_be_q == first_q && u_dut.last_be_q == last_q),
               "The initiator knows the progress of its request.")
        `PROVE(remains, state == StIdle || (state == StBackoff && u_dut.finished_q) || left_q != '0,
               "A request under way has data left.")
        `PROVE(frame_remains, !(state == StData && master.frame) || left_q > 16'd1,
               "FRAME is on only while more than one datum is left.")
        `PROVE(enough, !(state == StAddress || state == StData) || redeems || (backend.available != '0 &&
               (!(state == StData && master.frame) || backend.available > 3'd1)),
               "A data phase is begun only with a datum or a place for it.")
        `PROVE(drives_ad, master.ad_en == (state == StAddress || (owns && command_taken_q[0]) || (!owns &&
               gnt_q[i] && idle_q)),
               "AD is driven in the address phase, in writes, and while the bus is parked here.")
        `PROVE(drives_cbe, master.cbe_en == (owns || (gnt_q[i] && idle_q)),
               "C/BE are driven in a transaction, and while the bus is parked here.")
        `PROVE(data_lanes, state != StData || (u_dut.cbe_q == ~lanes && (!command_taken_q[0] ||
               u_dut.ad_q == backend.wdata0)), "In a data phase C/BE and AD are those of the datum.")
        `PROVE(data_command, !owns || bus.start || command_q == command_taken_q,
               "The transaction on the bus has the command of the request.")
        `PROVE(single_left, bus_pkg::is_memory(command_taken_q) || over ||
               left_q == (begun_data_q ? 16'd0 : 16'd1), "Only requests of memory have more than one datum.")
        `PROVE(single_lanes, bus_pkg::is_memory(command_taken_q) || over || last_q == 4'hF,
               "Only requests of memory have byte enables of a last datum.")
        `PROVE(legal_command, over || (command_taken_q[3:1] != 3'b010 && command_taken_q[3:1] != 3'b100),
               "A request that was taken has no reserved command.")
        `PROVE(legal_address, over || !bus_pkg::is_memory(command_taken_q) || next_q[1:0] == 2'b00,
               "A memory request stays at dwords.")
        `PROVE(legal_io, over || !io_taken || begun_data_q || first_q == '0 || (first_q[next_q[1:0]] &&
               (first_q & ((4'd1 << next_q[1:0]) - 4'd1)) == '0), "An I/O request names its lowest enabled byte.")
        `PROVE(still_well, !(state == StWait || state == StAddress || state == StData) ||
               progress.result == bus_pkg::ResultOk, "A request goes on only while nothing has gone wrong.")
        `PROVE(unfinished, state == StIdle || state == StBackoff || !u_dut.finished_q,
               "A request that goes on has not ended.")
        `PROVE(waits_devsel, !(state == StData && !u_checker.answered_q) ||
               (u_dut.unanswered_q == 3'(clock - 5'd2) && clock <= 5'd5), "The clocks without DEVSEL are counted.")
        `PROVE(claims_devsel, !(state == StData && u_checker.answered_q) || u_dut.unanswered_q == '0 ||
               !target.devsel, "A claimed transaction has no clocks without DEVSEL.")
        `PROVE(closing, state != StClose || (progress.result == bus_pkg::ResultMasterAbort ? clock == 5'd6 &&
               !u_checker.answered_q : u_checker.stopped_q), "A transaction is closed after STOP or a master abort.")
        `PROVE(rests, !(state == StClose || state == StBackoff) || !req[i], "REQ is off from STOP on.")
        `PROVE(sleeps, u_dut.awake || (!owns && !master.control_en && !req[i] && !master.perr_en),
               "An initiator that sleeps drives no control signals.")
      end
    end
    always_ff @(posedge clk_i) begin : p_owed_states
      if (rst_ni) begin
        `PROVE(owed_opening, !(owed && state == StData) || u_dut.opening_q,
               "An owed read is repeated from its first data phase.")
        `PROVE(data_fit, over || 17'(moved) + 17'(left_q) <= 17'h0FFFF || bus.start || !owns,
               "A transaction moves no more data than its request has.")
        `PROVE(address_counted, !owns || bus.start || !u_checker.linear_q ||
               next_q[31:2] == {14'h3FFF, ~u_checker.beyond_q} + 30'(moved),
               "The checker knows how far a transaction is from the last address.")
        `PROVE(owed_read, !owed || !command_taken_q[0], "Only reads are owed.")
        `PROVE(redeems_one, !redeems || left_q <= 16'd1, "One datum is read after a stop.")
        `PROVE(redeems_read, !redeems || !command_taken_q[0], "Only a read is repeated after a stop.")
        `PROVE(redeems_owed, !redeems || owed || (state == StBackoff && u_dut.finished_q) || aborted_q || gave_up_q ||
               (RetryLimit != 0), "Only an owed read is repeated after a stop.")
      end
    end
    always_ff @(posedge clk_i) begin : p_cover
      if (rst_ni) begin
        `COVER(done_burst, progress.done && progress.result == bus_pkg::ResultOk && begun_data_q && moved == 16'd3,
               "A burst of three data ends well.")
        `COVER(resumed, bus.start && master.frame && begun_data_q, "A request that was disconnected is resumed.")
        `COVER(stopped, progress.done && progress.result == bus_pkg::ResultStopped, "A request is stopped.")
        `COVER(disabled, progress.done && progress.result == bus_pkg::ResultDisabled, "A request ends because the master is disabled.")
        `COVER(redeem, redeems && transfer, "A read is repeated after a stop, and its datum thrown away.")
        `COVER(master_abort, progress.done && progress.result == bus_pkg::ResultMasterAbort,
               "A request ends with a master abort.")
        `COVER(address_end, progress.done && progress.result == bus_pkg::ResultAddressEnd && moved == 16'd2,
               "A burst ends with the last address.")
        `COVER(target_abort, progress.done && progress.result == bus_pkg::ResultTargetAbort,
               "A request ends with a target abort.")
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    `ASSUME(no_history, begun_q || !u_checker.in_reset_q, "The proof begins with the first clock of reset.")
    if (rst_ni) begin
      `ASSUME(target_idle, !idle || !(target.devsel || target.trdy || target.stop),
              "The target is off while the bus is idle.")
      `ASSUME(M23, !past_q || !ended_stop_q || !target.trdy,
              "After STOP with FRAME on, TRDY is off to the end of the transaction.")
      // The states that can be reached, for the induction.
      `PROVE(idle_nobody, idle == (!gen_master[0].owns && !gen_master[1].owns),
             "The bus is idle while no master has a transaction.")
      `PROVE(one_owner, !gen_master[0].owns || !gen_master[1].owns, "One master at most has a transaction.")
      `PROVE(owner_known, idle || bus.start || u_checker.owner_q == {gen_master[1].owns, gen_master[0].owns},
             "The checker knows the master of the transaction.")
      `PROVE(counting, (u_checker.clock_q == '0) == idle_q && u_checker.idle_q == idle_q &&
             u_checker.start_q == start_q && u_start.frame_q == u_checker.bus_q.frame && (idle_q ||
             u_checker.command_q == command_q), "All count the clocks of a transaction from its address phase.")
      `PROVE(answers, !u_checker.ended_q || u_checker.answered_q, "Data move only after DEVSEL.")
      `PROVE(answers_late, !u_checker.answered_q || u_checker.clock_q >= 5'd2,
             "DEVSEL comes after the address phase.")
      `PROVE(stops, !(u_checker.stopped_q && !idle) || gen_master[0].state == StClose ||
             gen_master[1].state == StClose, "A stopped transaction ends.")
      `COVER(passes_on, bus.start && gen_master[1].master.frame && gen_master[0].busy_q,
             "A master starts while the other has a request.")
    end
  end

  logic unused;
  assign unused = ^{open, clock};
endmodule
