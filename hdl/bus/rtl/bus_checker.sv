// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

// `RULE(M05, condition, "sentence") is the assertion M05. When it fails it prints its label and the sentence. The front
// end of Yosys knows no messages.
`ifdef YOSYS
  `define RULE(Label, Condition, Sentence) Label: assert (Condition);
`else
  `define RULE(Label, Condition, Sentence) Label: assert (Condition) else $error(Sentence);
`endif

/// Checks the protocol of the bus from the outside, each assertion labelled with the row of its rule: M for masters,
/// T for targets, A for the arbiter. It looks at the bus and at the agents that drive it, and changes nothing.
///
/// Clocks of a transaction are counted from 1, the address phase. A rule about "the clock after" compares with the
/// history registers: their names end in `_q`.
module bus_checker #(
  /// Agents that can be master; agents that can be target.
  parameter int unsigned Masters = 2,
  parameter int unsigned Targets = 4,
  /// The master that the arbiter parks on.
  parameter int unsigned Park = 0,
  /// Masters may begin a transaction on the clock after the last data phase of their own transaction before it.
  parameter bit          BackToBack = 1'b0,
  /// Off for benches that break the rules of commands, addresses and parity on purpose.
  parameter bit          Content = 1'b1
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  bus_pkg::bus_t      bus_i,
  input  logic [31:0]        idsel_i,
  input  logic [Masters-1:0] req_i,
  input  logic [Masters-1:0] gnt_i,
  input  logic [Masters-1:0] broken_i,
  /// The outputs of each agent, as the multiplexer gets them.
  input  logic [Masters*bus_pkg::MasterOutWidth-1:0] masters_i,
  input  logic [Targets*bus_pkg::TargetOutWidth-1:0] targets_i,
  /// A transaction is under way; the clock of the transaction; the data that it has moved. The counts saturate.
  output logic               open_o,
  output logic [4:0]         clock_o,
  output logic [15:0]        moved_o
);
  localparam int unsigned Agents = Masters + Targets;
  if (Agents > 64) begin : gen_check
    $error("bus_checker: Masters and Targets must be at most 64 together");
  end

  // The signals that each agent drives.
  logic [Masters-1:0] frames, actives, controls, cbes, frames_q, actives_q, controls_q, gnt_q, req_q, broken_q;
  logic [Targets-1:0] devsels, target_controls, target_actives, target_controls_q, target_actives_q;
  logic [Agents-1:0]  ads, pars;
  for (genvar i = 0; i < Masters; i++) begin : gen_master
    bus_pkg::master_out_t master;
    assign master      = masters_i[i*bus_pkg::MasterOutWidth +: bus_pkg::MasterOutWidth];
    assign frames[i]   = master.frame && master.control_en;
    assign actives[i]  = (master.frame || master.irdy) && master.control_en;
    assign controls[i] = master.control_en;
    assign cbes[i]     = master.cbe_en;
    assign ads[i]      = master.ad_en;
    assign pars[i]     = master.par_en;
  end
  for (genvar i = 0; i < Targets; i++) begin : gen_target
    bus_pkg::target_out_t target;
    assign target             = targets_i[i*bus_pkg::TargetOutWidth +: bus_pkg::TargetOutWidth];
    assign devsels[i]         = target.devsel && target.control_en;
    assign target_actives[i]  = (target.devsel || target.trdy || target.stop) && target.control_en;
    assign target_controls[i] = target.control_en;
    assign ads[Masters+i]     = target.ad_en;
    assign pars[Masters+i]    = target.par_en;
  end

  // Whether at most one bit is set.
  function automatic logic lone(input logic [63:0] bits);
    lone = (bits & (bits - 64'd1)) == '0;
  endfunction

  // The state of the bus on this clock, and on the clock before.
  bus_pkg::bus_t bus_q;
  logic          idle, idle_q, start, start_q, phase_end, phase_end_q, last_end_q, past_q;
  assign idle      = !bus_i.frame && !bus_i.irdy;
  assign start     = bus_i.frame && !bus_q.frame;
  assign phase_end = bus_i.irdy && (bus_i.trdy || bus_i.stop);
  always_ff @(posedge clk_i) begin : p_history
    if (!rst_ni) begin
      bus_q       <= '0;
      idle_q      <= 1'b1;
      start_q     <= 1'b0;
      phase_end_q <= 1'b0;
      last_end_q  <= 1'b0;
      past_q      <= 1'b0;
    end else begin
      bus_q       <= bus_i;
      idle_q      <= idle;
      start_q     <= start;
      phase_end_q <= phase_end;
      last_end_q  <= phase_end && !bus_i.frame;
      past_q      <= 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin : p_agents
    frames_q          <= frames;
    actives_q         <= actives;
    controls_q        <= controls;
    target_controls_q <= target_controls;
    target_actives_q  <= target_actives;
    gnt_q             <= rst_ni ? gnt_i : '0;
    req_q             <= rst_ni ? req_i : '0;
    broken_q          <= broken_i;
  end

  // The transaction: its command, its clock, whether a target has claimed it, the number of data that moved, and the
  // clocks that the data phase has lasted for the master and for the target.
  logic [3:0]  command_q, command;
  logic [4:0]  clock_q, clock;
  logic [15:0] moved_q;
  logic        answered_q, answered, ended_q, read, write, config_op, single_op;
  logic [3:0]  master_waits_q;
  logic [4:0]  target_waits_q;
  assign command   = start ? bus_i.cbe : command_q;
  assign clock     = start ? 5'd1 : idle ? 5'd0 : clock_q == '1 ? clock_q : clock_q + 5'd1;
  assign answered  = !start && (answered_q || bus_i.devsel);
  assign read      = bus_pkg::is_read(command);
  assign write     = !read;
  assign config_op = command == bus_pkg::CommandConfigurationRead || command == bus_pkg::CommandConfigurationWrite;
  assign single_op = config_op || command == bus_pkg::CommandInterruptAcknowledge ||
                     command == bus_pkg::CommandIoRead || command == bus_pkg::CommandIoWrite;
  always_ff @(posedge clk_i) begin : p_transaction
    if (!rst_ni) begin
      clock_q    <= '0;
      answered_q <= 1'b0;
      ended_q    <= 1'b0;
      moved_q    <= '0;
    end else begin
      clock_q    <= clock;
      answered_q <= answered && !idle;
      ended_q    <= !start && !idle && (ended_q || phase_end);
      moved_q    <= start ? '0 : moved_q + 16'(bus_i.irdy && bus_i.trdy && moved_q != '1);
    end
    command_q <= command;
  end
  always_ff @(posedge clk_i) begin : p_waits
    if (!rst_ni || start || phase_end || idle) master_waits_q <= 4'd1;
    else if (!bus_i.irdy && master_waits_q != '1) master_waits_q <= master_waits_q + 4'd1;
    if (!rst_ni || start || phase_end || idle) target_waits_q <= 5'd1;
    else if (target_waits_q != '1) target_waits_q <= target_waits_q + 5'd1;
  end

  // The master of the transaction.
  logic [Masters-1:0] owner_q;

  // Masters: when they start and stop.
  always_ff @(posedge clk_i) begin : p_master_sequence
    if (rst_ni && past_q) begin
      `RULE(M01, !start || ((idle_q || (BackToBack && last_end_q && frames == owner_q)) && (frames & gnt_q) == frames),
            "A master starts only if, one clock before, its GNT was on and the bus was idle.")
      `RULE(M02, !(bus_q.frame && !bus_i.frame) || bus_i.irdy,
            "FRAME goes off only on a clock on which IRDY is on.")
      `RULE(M03, !(start && bus_q.irdy) || (BackToBack && last_end_q),
            "FRAME, once off, stays off until the bus has been idle.")
      `RULE(M04, !(bus_q.irdy && !phase_end_q) || (bus_i.irdy && bus_i.frame == bus_q.frame) ||
            (!answered_q && clock_q >= 5'd5) || idle_q,
            "IRDY and FRAME, once IRDY is on, do not change until the data phase ends.")
      `RULE(M05, !(bus_i.frame && !bus_i.irdy) || master_waits_q < 4'd8,
            "IRDY comes on within 8 clocks of the start or of the end of the data phase before.")
      `RULE(M06, !(start && bus_i.irdy),
            "IRDY is off in the address phase.")
      `RULE(M07, !last_end_q || !bus_i.irdy,
            "IRDY is off on the clock after the last data phase.")
      `RULE(M16_give_up, !(clock == 5'd6 && !answered && bus_q.frame) || (!bus_i.frame && bus_i.irdy),
            "Without DEVSEL by clock 5, FRAME is off and IRDY on at clock 6.")
      `RULE(M16_leave, !(clock >= 5'd7 && !answered) || idle,
            "Without DEVSEL by clock 5, the bus is idle from clock 7 on.")
      `RULE(M16_patience, !(idle && !idle_q && !answered_q) || clock_q >= 5'd5,
            "A master waits for DEVSEL until clock 5 before it gives up.")
      `RULE(M19, !(bus_q.stop && bus_q.irdy) || !bus_i.frame,
            "FRAME is off on the clock after STOP with IRDY on.")
    end
  end

  // Masters: the values that they drive.
  always_ff @(posedge clk_i) begin : p_master_data
    if (rst_ni && past_q) begin
      `RULE(M08, !(write && bus_q.irdy && !phase_end_q && bus_i.irdy) || bus_i.ad == bus_q.ad,
            "AD does not change in a write while IRDY is on and the data phase has not ended.")
      `RULE(M09, start || idle || start_q || idle_q || phase_end_q || bus_i.cbe == bus_q.cbe,
            "C/BE do not change within a data phase.")
      `RULE(M14, !(single_op && bus_i.irdy && bus_i.frame),
            "An I/O, configuration or Interrupt Acknowledge transaction has one data phase.")
      `RULE(M15_one, !(start && config_op && bus_i.ad[1:0] == 2'b00) || (lone(64'(idsel_i)) && idsel_i != '0),
            "A configuration transaction of type 0 turns on exactly one IDSEL.")
      `RULE(M15_none, idsel_i == '0 || (start && config_op && bus_i.ad[1:0] == 2'b00),
            "No IDSEL is on outside the address phase of a configuration transaction of type 0.")
      `RULE(M32_turnaround, !(start_q && read) || ads == '0,
            "Nobody drives AD in the turnaround clock of a read.")
      `RULE(M32_ad, lone(64'(ads)) && lone(64'(pars)),
            "At most one agent drives AD, and at most one PAR.")
      `RULE(M32_control, lone(64'(cbes)) && lone(64'(controls)) && lone(64'(target_controls)),
            "At most one master drives C/BE and the control signals, and at most one target DEVSEL, TRDY and STOP.")
      `RULE(M33, (controls_q & ~controls & actives_q) == '0,
            "FRAME and IRDY are driven off for one clock before the master lets go of them.")
    end
  end

  // Commands, addresses and parity.
  if (Content) begin : gen_content
    always_ff @(posedge clk_i) begin : p_content
      if (rst_ni && past_q) begin
        `RULE(M10, !start || (bus_i.cbe[3:1] != 3'b010 && bus_i.cbe[3:1] != 3'b100),
              "A master never issues a reserved command.")
        `RULE(M11, !(start && bus_pkg::is_memory(bus_i.cbe)) || bus_i.ad[1:0] == 2'b00,
              "A memory transaction begins with AD[1:0] = 00.")
        `RULE(M13, !(start_q && (command == bus_pkg::CommandIoRead || command == bus_pkg::CommandIoWrite)) ||
              bus_i.cbe == 4'hF || (!bus_i.cbe[bus_q.ad[1:0]] && (~bus_i.cbe & ((4'd1 << bus_q.ad[1:0]) - 4'd1)) == '0),
              "AD[1:0] of an I/O transaction names the lowest enabled byte.")
        `RULE(M27, !(start_q || (write && bus_q.irdy)) || bus_i.par == ^{bus_q.ad, bus_q.cbe},
              "PAR makes the parity of an address, and of written data, even.")
        `RULE(T22, !(read && bus_q.trdy) || bus_i.par == ^{bus_q.ad, bus_q.cbe},
              "PAR makes the parity of read data even.")
      end
    end
  end

  // After STOP the master keeps its REQ off for two clocks, of which the idle clock is the first.
  logic [Masters-1:0] resting_q;
  logic               stopped_q;
  always_ff @(posedge clk_i) begin : p_rest
    if (!rst_ni) begin
      stopped_q <= 1'b0;
      resting_q <= '0;
    end else begin
      stopped_q <= !start && !idle && (stopped_q || (phase_end && bus_i.stop));
      resting_q <= idle && !idle_q && stopped_q ? owner_q : '0;
    end
    if (start) owner_q <= frames;
  end
  always_ff @(posedge clk_i) begin : p_master_rest
    if (rst_ni && past_q) begin
      `RULE(M20_idle, !(idle && !idle_q && stopped_q) || (owner_q & req_i) == '0,
            "REQ of a master that was stopped is off on the idle clock.")
      `RULE(M20_second, (resting_q & req_i) == '0,
            "REQ of a master that was stopped is off on the clock after the idle clock.")
    end
  end

  // Targets: when they claim, move and stop.
  always_ff @(posedge clk_i) begin : p_target_sequence
    if (rst_ni && past_q) begin
      `RULE(T01, lone(64'(devsels)),
            "At most one target turns on DEVSEL.")
      `RULE(T03, !(bus_i.devsel && !bus_q.devsel) || (clock >= 5'd2 && clock <= 5'd3),
            "DEVSEL comes on at clock 2 or 3.")
      `RULE(T04_trdy, !bus_i.trdy || bus_i.devsel,
            "TRDY is on only while DEVSEL is.")
      `RULE(T04_stop, !bus_i.stop || bus_i.devsel || (bus_q.devsel && !bus_i.trdy) || (bus_q.stop && !bus_q.devsel),
            "STOP is on only while DEVSEL is, or in a target abort.")
      `RULE(T05, !(bus_q.devsel && !last_end_q) || bus_i.devsel || (bus_i.stop && !bus_i.trdy),
            "DEVSEL stays on until the last data phase has ended, except in a target abort.")
      `RULE(T06, !((bus_q.trdy || bus_q.stop) && !phase_end_q) ||
            (bus_i.devsel == bus_q.devsel && bus_i.trdy == bus_q.trdy && bus_i.stop == bus_q.stop),
            "DEVSEL, TRDY and STOP, once TRDY or STOP is on, do not change until the data phase ends.")
      `RULE(T07, !(clock == 5'd2 && read) || !bus_i.trdy,
            "TRDY is off in the turnaround clock of a read.")
      `RULE(T08, !(read && bus_q.trdy && !bus_q.irdy && bus_i.trdy) || bus_i.ad == bus_q.ad,
            "AD does not change in a read while TRDY is on and IRDY off.")
      `RULE(T09, !(answered && !ended_q && !bus_i.trdy && !bus_i.stop) || clock < 5'd16,
            "The first data phase ends within 16 clocks of the start.")
      `RULE(T10, !(answered && ended_q && !idle && !bus_i.trdy && !bus_i.stop) || target_waits_q < 5'd8,
            "Each data phase after the first ends within 8 clocks.")
      `RULE(T11_hold, !(bus_q.stop && bus_q.frame) || bus_i.stop,
            "STOP stays on until FRAME is off.")
      `RULE(T11_off, !(bus_q.stop && last_end_q) || !bus_i.stop,
            "STOP is off on the clock after the last data phase.")
      `RULE(T12_off, !last_end_q || (!bus_i.devsel && !bus_i.trdy && !bus_i.stop),
            "DEVSEL, TRDY and STOP are off on the clock after the last data phase.")
      `RULE(T12_release, (target_controls_q & ~target_controls & target_actives_q) == '0,
            "DEVSEL, TRDY and STOP are driven off for one clock before the target lets go of them.")
      `RULE(T14, !(bus_i.stop && !bus_i.devsel && bus_q.devsel) || !bus_i.trdy,
            "TRDY is off in a target abort.")
      `RULE(T15, !bus_i.devsel || (command != bus_pkg::CommandSpecialCycle && command != bus_pkg::CommandDualAddress &&
            command[3:1] != 3'b010 && command[3:1] != 3'b100),
            "No target claims a reserved command, a Dual Address Cycle or a Special Cycle.")
    end
  end

  // Arbiter.
  logic [2:0] quiet_q;
  always_ff @(posedge clk_i) begin : p_quiet
    if (!rst_ni || !idle || req_i != '0) quiet_q <= '0;
    else if (quiet_q != '1) quiet_q <= quiet_q + 3'd1;
  end
  always_ff @(posedge clk_i) begin : p_arbiter
    if (rst_ni && past_q) begin
      `RULE(A01, lone(64'(gnt_i)),
            "At most one GNT is on.")
      `RULE(A02, !(idle_q && gnt_q != '0 && gnt_i != '0) || gnt_i == gnt_q,
            "GNT passes from one master to another on an idle bus through a clock without any GNT.")
      `RULE(A03, (gnt_i & ~gnt_q & ~req_q) == '0 || (req_q & ~broken_q) == '0,
            "A master that does not ask gets GNT only if no master asks.")
      `RULE(A05, quiet_q < 3'd4 || gnt_i[Park],
            "GNT is with the parking master after four idle clocks without a request.")
    end
  end

  // In reset nothing is driven and nothing is granted.
  logic in_reset_q;
  always_ff @(posedge clk_i) begin : p_reset
    in_reset_q <= !rst_ni;
    if (in_reset_q === 1'b1 && !rst_ni) begin
      `RULE(T32, controls == '0 && target_controls == '0 && ads == '0 && cbes == '0 && pars == '0,
            "No agent drives anything in reset.")
      `RULE(A08, gnt_i == '0,
            "No GNT is on in reset.")
    end
  end

  assign open_o  = !idle;
  assign clock_o = clock;
  assign moved_o = moved_q;

  logic unused_history;
  assign unused_history = ^{frames_q, bus_q.start, bus_q.perr, bus_q.serr, bus_q.par};
endmodule
