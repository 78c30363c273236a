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
/// Synthesis has no assertions. There the outputs tell of broken rules: a bit for each rule that has been broken since
/// reset, the number of the first one, and the number of clocks on which one was broken. The rules of reset itself, A08
/// and T32, are in the assertions only.
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
  parameter bit          Content = 1'b1,
  /// The last clock at which a target may turn on DEVSEL: 2 for fast decode, 3 medium, 4 slow, 5 subtractive.
  parameter int unsigned Slowest = 3,
  /// Off where masters may do what no function of a machine does: ask for the bus and not use it, or use Memory Write and
  /// Invalidate for anything.
  parameter bit          Sensible = 1'b1
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
  output logic [15:0]        moved_o,
  /// The rules that have been broken since reset; the first of them, RuleNone without one; the number of clocks on which
  /// a rule was broken, which saturates.
  output logic [bus_pkg::Rules-1:0] broken_o,
  output bus_pkg::rule_e            first_o,
  output logic [7:0]                violations_o
);
  localparam int unsigned Agents = Masters + Targets;
  if (Agents > 64) begin : gen_check
    $error("bus_checker: Masters and Targets must be at most 64 together");
  end
  if (Slowest < 2 || Slowest > 5) begin : gen_check_slowest
    $error("bus_checker: Slowest must be 2 to 5");
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

  // Whether each rule holds on this clock.
  logic [bus_pkg::Rules-1:0] holds;
  assign holds[bus_pkg::RuleNone] = 1'b1;

  // Masters: when they start and stop.
  assign holds[bus_pkg::RuleM01] = !start || ((idle_q || (BackToBack && last_end_q && frames == owner_q)) &&
      (frames & gnt_q) == frames);
  assign holds[bus_pkg::RuleM02] = !(bus_q.frame && !bus_i.frame) || bus_i.irdy;
  assign holds[bus_pkg::RuleM03] = !(start && bus_q.irdy) || (BackToBack && last_end_q);
  assign holds[bus_pkg::RuleM04] = !(bus_q.irdy && !phase_end_q) || (bus_i.irdy && bus_i.frame == bus_q.frame) ||
      (!answered_q && clock_q >= 5'd5) || idle_q;
  assign holds[bus_pkg::RuleM05] = !(bus_i.frame && !bus_i.irdy) || master_waits_q < 4'd8;
  assign holds[bus_pkg::RuleM06] = !(start && bus_i.irdy);
  assign holds[bus_pkg::RuleM07] = !last_end_q || !bus_i.irdy;
  assign holds[bus_pkg::RuleM16GiveUp] = !(clock == 5'd6 && !answered && bus_q.frame) || (!bus_i.frame && bus_i.irdy);
  assign holds[bus_pkg::RuleM16Leave] = !(clock >= 5'd7 && !answered) || idle;
  assign holds[bus_pkg::RuleM16Patience] = !(idle && !idle_q && !answered_q) || clock_q >= 5'd5;
  assign holds[bus_pkg::RuleM19] = !(bus_q.stop && bus_q.irdy) || !bus_i.frame;
  always_ff @(posedge clk_i) begin : p_master_sequence
    if (rst_ni && past_q) begin
      `RULE(M01, holds[bus_pkg::RuleM01],
            "A master starts only if, one clock before, its GNT was on and the bus was idle.")
      `RULE(M02, holds[bus_pkg::RuleM02],
            "FRAME goes off only on a clock on which IRDY is on.")
      `RULE(M03, holds[bus_pkg::RuleM03],
            "FRAME, once off, stays off until the bus has been idle.")
      `RULE(M04, holds[bus_pkg::RuleM04],
            "IRDY and FRAME, once IRDY is on, do not change until the data phase ends.")
      `RULE(M05, holds[bus_pkg::RuleM05],
            "IRDY comes on within 8 clocks of the start or of the end of the data phase before.")
      `RULE(M06, holds[bus_pkg::RuleM06],
            "IRDY is off in the address phase.")
      `RULE(M07, holds[bus_pkg::RuleM07],
            "IRDY is off on the clock after the last data phase.")
      `RULE(M16_give_up, holds[bus_pkg::RuleM16GiveUp],
            "Without DEVSEL by clock 5, FRAME is off and IRDY on at clock 6.")
      `RULE(M16_leave, holds[bus_pkg::RuleM16Leave],
            "Without DEVSEL by clock 5, the bus is idle from clock 7 on.")
      `RULE(M16_patience, holds[bus_pkg::RuleM16Patience],
            "A master waits for DEVSEL until clock 5 before it gives up.")
      `RULE(M19, holds[bus_pkg::RuleM19],
            "FRAME is off on the clock after STOP with IRDY on.")
    end
  end

  // Masters: the values that they drive.
  assign holds[bus_pkg::RuleM08] = !(write && bus_q.irdy && !phase_end_q && bus_i.irdy) || bus_i.ad == bus_q.ad;
  assign holds[bus_pkg::RuleM09] = start || idle || start_q || idle_q || phase_end_q || bus_i.cbe == bus_q.cbe;
  assign holds[bus_pkg::RuleM14] = !(single_op && bus_i.irdy && bus_i.frame);
  assign holds[bus_pkg::RuleM15One] = !(start && config_op && bus_i.ad[1:0] == 2'b00) ||
      (lone(64'(idsel_i)) && idsel_i != '0);
  assign holds[bus_pkg::RuleM15None] = idsel_i == '0 || (start && config_op && bus_i.ad[1:0] == 2'b00);
  assign holds[bus_pkg::RuleM32Turnaround] = !(start_q && read) || ads == '0;
  assign holds[bus_pkg::RuleM32Ad] = lone(64'(ads)) && lone(64'(pars));
  assign holds[bus_pkg::RuleM32Control] = lone(64'(cbes)) && lone(64'(controls)) && lone(64'(target_controls));
  assign holds[bus_pkg::RuleM33] = (controls_q & ~controls & actives_q) == '0;
  always_ff @(posedge clk_i) begin : p_master_data
    if (rst_ni && past_q) begin
      `RULE(M08, holds[bus_pkg::RuleM08],
            "AD does not change in a write while IRDY is on and the data phase has not ended.")
      `RULE(M09, holds[bus_pkg::RuleM09],
            "C/BE do not change within a data phase.")
      `RULE(M14, holds[bus_pkg::RuleM14],
            "An I/O, configuration or Interrupt Acknowledge transaction has one data phase.")
      `RULE(M15_one, holds[bus_pkg::RuleM15One],
            "A configuration transaction of type 0 turns on exactly one IDSEL.")
      `RULE(M15_none, holds[bus_pkg::RuleM15None],
            "No IDSEL is on outside the address phase of a configuration transaction of type 0.")
      `RULE(M32_turnaround, holds[bus_pkg::RuleM32Turnaround],
            "Nobody drives AD in the turnaround clock of a read.")
      `RULE(M32_ad, holds[bus_pkg::RuleM32Ad],
            "At most one agent drives AD, and at most one PAR.")
      `RULE(M32_control, holds[bus_pkg::RuleM32Control],
            "At most one master drives C/BE and the control signals, and at most one target DEVSEL, TRDY and STOP.")
      `RULE(M33, holds[bus_pkg::RuleM33],
            "FRAME and IRDY are driven off for one clock before the master lets go of them.")
    end
  end

  // Commands, addresses and parity.
  if (Content) begin : gen_content
    assign holds[bus_pkg::RuleM10] = !start || (bus_i.cbe[3:1] != 3'b010 && bus_i.cbe[3:1] != 3'b100);
    assign holds[bus_pkg::RuleM11] = !(start && bus_pkg::is_memory(bus_i.cbe)) || bus_i.ad[1:0] == 2'b00;
    assign holds[bus_pkg::RuleM12] = !Sensible || command != bus_pkg::CommandMemoryWriteInvalidate ||
        (start ? bus_i.ad[3:2] == 2'b00 : !bus_i.irdy || bus_i.cbe == 4'h0);
    assign holds[bus_pkg::RuleM13] = !(start_q && (command == bus_pkg::CommandIoRead ||
        command == bus_pkg::CommandIoWrite)) || bus_i.cbe == 4'hF || (!bus_i.cbe[bus_q.ad[1:0]] &&
        (~bus_i.cbe & ((4'd1 << bus_q.ad[1:0]) - 4'd1)) == '0);
    assign holds[bus_pkg::RuleM27] = !(start_q || (write && bus_q.irdy)) || bus_i.par == ^{bus_q.ad, bus_q.cbe};
    assign holds[bus_pkg::RuleT22] = !(read && bus_q.trdy) || bus_i.par == ^{bus_q.ad, bus_q.cbe};
    always_ff @(posedge clk_i) begin : p_content
      if (rst_ni && past_q) begin
        `RULE(M10, holds[bus_pkg::RuleM10],
              "A master never issues a reserved command.")
        `RULE(M11, holds[bus_pkg::RuleM11],
              "A memory transaction begins with AD[1:0] = 00.")
        `RULE(M13, holds[bus_pkg::RuleM13],
              "AD[1:0] of an I/O transaction names the lowest enabled byte.")
        `RULE(M27, holds[bus_pkg::RuleM27],
              "PAR makes the parity of an address, and of written data, even.")
        `RULE(T22, holds[bus_pkg::RuleT22],
              "PAR makes the parity of read data even.")
        `RULE(M12, holds[bus_pkg::RuleM12],
              "A Memory Write and Invalidate begins at a multiple of 16 bytes, the smallest line, and enables all bytes.")
      end
    end
  end else begin : gen_any_content
    assign holds[bus_pkg::RuleM10] = 1'b1;
    assign holds[bus_pkg::RuleM11] = 1'b1;
    assign holds[bus_pkg::RuleM12] = 1'b1;
    assign holds[bus_pkg::RuleM13] = 1'b1;
    assign holds[bus_pkg::RuleM27] = 1'b1;
    assign holds[bus_pkg::RuleT22] = 1'b1;
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
  assign holds[bus_pkg::RuleM20Idle] = !(idle && !idle_q && stopped_q) || (owner_q & req_i) == '0;
  assign holds[bus_pkg::RuleM20Second] = (resting_q & req_i) == '0;
  always_ff @(posedge clk_i) begin : p_master_rest
    if (rst_ni && past_q) begin
      `RULE(M20_idle, holds[bus_pkg::RuleM20Idle],
            "REQ of a master that was stopped is off on the idle clock.")
      `RULE(M20_second, holds[bus_pkg::RuleM20Second],
            "REQ of a master that was stopped is off on the clock after the idle clock.")
    end
  end

  // The clocks in a row on which the granted master asks, and leaves the bus idle.
  logic [4:0] unused_grant_q;
  always_ff @(posedge clk_i) begin : p_unused_grant
    if (!rst_ni || !idle || gnt_i != gnt_q || (gnt_i & req_i & ~broken_i) == '0) unused_grant_q <= '0;
    else if (unused_grant_q != '1) unused_grant_q <= unused_grant_q + 5'd1;
  end
  assign holds[bus_pkg::RuleM30] = !Sensible || !idle || unused_grant_q < 5'd16;
  always_ff @(posedge clk_i) begin : p_master_prompt
    if (rst_ni && past_q) begin
      `RULE(M30, holds[bus_pkg::RuleM30],
            "A master that asks and is granted starts before the bus has been idle for 16 clocks.")
    end
  end

  // A transaction of memory in linear order: the end of its first address, counted from the end of memory.
  logic        linear_q;
  logic [15:0] beyond_q;
  always_ff @(posedge clk_i) begin : p_first_address
    if (start) begin
      linear_q <= bus_pkg::is_memory(bus_i.cbe) && bus_i.ad[1:0] == 2'b00 && bus_i.ad[31:18] == '1;
      beyond_q <= ~bus_i.ad[17:2];
    end
  end
  assign holds[bus_pkg::RuleM31] = start || !(linear_q && bus_i.irdy && bus_i.trdy && !bus_i.stop && bus_i.frame) ||
      moved_q != beyond_q;
  always_ff @(posedge clk_i) begin : p_master_end
    if (rst_ni && past_q) begin
      `RULE(M31, holds[bus_pkg::RuleM31],
            "A burst does not go on beyond the last address of memory.")
    end
  end

  // Targets: when they claim, move and stop.
  assign holds[bus_pkg::RuleT01] = lone(64'(devsels));
  assign holds[bus_pkg::RuleT03] = !(bus_i.devsel && !bus_q.devsel) || (clock >= 5'd2 && clock <= 5'(Slowest));
  assign holds[bus_pkg::RuleT04Trdy] = !bus_i.trdy || bus_i.devsel;
  assign holds[bus_pkg::RuleT04Stop] = !bus_i.stop || bus_i.devsel || (bus_q.devsel && !bus_i.trdy) ||
      (bus_q.stop && !bus_q.devsel);
  assign holds[bus_pkg::RuleT05] = !(bus_q.devsel && !last_end_q) || bus_i.devsel || (bus_i.stop && !bus_i.trdy);
  assign holds[bus_pkg::RuleT06] = !((bus_q.trdy || bus_q.stop) && !phase_end_q) ||
      (bus_i.devsel == bus_q.devsel && bus_i.trdy == bus_q.trdy && bus_i.stop == bus_q.stop);
  assign holds[bus_pkg::RuleT07] = !(clock == 5'd2 && read) || !bus_i.trdy;
  assign holds[bus_pkg::RuleT08] = !(read && bus_q.trdy && !bus_q.irdy && bus_i.trdy) || bus_i.ad == bus_q.ad;
  assign holds[bus_pkg::RuleT09] = !(answered && !ended_q && !bus_i.trdy && !bus_i.stop) || clock < 5'd16;
  assign holds[bus_pkg::RuleT10] = !(answered && ended_q && !idle && !bus_i.trdy && !bus_i.stop) ||
      target_waits_q < 5'd8;
  assign holds[bus_pkg::RuleT11Hold] = !(bus_q.stop && bus_q.frame) || bus_i.stop;
  assign holds[bus_pkg::RuleT11Off] = !(bus_q.stop && last_end_q) || !bus_i.stop;
  assign holds[bus_pkg::RuleT12Off] = !last_end_q || (!bus_i.devsel && !bus_i.trdy && !bus_i.stop);
  assign holds[bus_pkg::RuleT12Release] = (target_controls_q & ~target_controls & target_actives_q) == '0;
  assign holds[bus_pkg::RuleT14] = !(bus_i.stop && !bus_i.devsel && bus_q.devsel) || !bus_i.trdy;
  assign holds[bus_pkg::RuleT15] = !bus_i.devsel ||
      (command != bus_pkg::CommandSpecialCycle && command != bus_pkg::CommandDualAddress && command[3:1] != 3'b010 &&
      command[3:1] != 3'b100);
  always_ff @(posedge clk_i) begin : p_target_sequence
    if (rst_ni && past_q) begin
      `RULE(T01, holds[bus_pkg::RuleT01],
            "At most one target turns on DEVSEL.")
      `RULE(T03, holds[bus_pkg::RuleT03],
            "DEVSEL comes on at clock 2 at the earliest, and not later than at the speed of the bus' slowest target.")
      `RULE(T04_trdy, holds[bus_pkg::RuleT04Trdy],
            "TRDY is on only while DEVSEL is.")
      `RULE(T04_stop, holds[bus_pkg::RuleT04Stop],
            "STOP is on only while DEVSEL is, or in a target abort.")
      `RULE(T05, holds[bus_pkg::RuleT05],
            "DEVSEL stays on until the last data phase has ended, except in a target abort.")
      `RULE(T06, holds[bus_pkg::RuleT06],
            "DEVSEL, TRDY and STOP, once TRDY or STOP is on, do not change until the data phase ends.")
      `RULE(T07, holds[bus_pkg::RuleT07],
            "TRDY is off in the turnaround clock of a read.")
      `RULE(T08, holds[bus_pkg::RuleT08],
            "AD does not change in a read while TRDY is on and IRDY off.")
      `RULE(T09, holds[bus_pkg::RuleT09],
            "The first data phase ends within 16 clocks of the start.")
      `RULE(T10, holds[bus_pkg::RuleT10],
            "Each data phase after the first ends within 8 clocks.")
      `RULE(T11_hold, holds[bus_pkg::RuleT11Hold],
            "STOP stays on until FRAME is off.")
      `RULE(T11_off, holds[bus_pkg::RuleT11Off],
            "STOP is off on the clock after the last data phase.")
      `RULE(T12_off, holds[bus_pkg::RuleT12Off],
            "DEVSEL, TRDY and STOP are off on the clock after the last data phase.")
      `RULE(T12_release, holds[bus_pkg::RuleT12Release],
            "DEVSEL, TRDY and STOP are driven off for one clock before the target lets go of them.")
      `RULE(T14, holds[bus_pkg::RuleT14],
            "TRDY is off in a target abort.")
      `RULE(T15, holds[bus_pkg::RuleT15],
            "No target claims a reserved command, a Dual Address Cycle or a Special Cycle.")
    end
  end

  // Arbiter.
  logic [2:0] quiet_q;
  always_ff @(posedge clk_i) begin : p_quiet
    if (!rst_ni || !idle || req_i != '0) quiet_q <= '0;
    else if (quiet_q != '1) quiet_q <= quiet_q + 3'd1;
  end
  assign holds[bus_pkg::RuleA01] = lone(64'(gnt_i));
  assign holds[bus_pkg::RuleA02] = !(idle_q && gnt_q != '0 && gnt_i != '0) || gnt_i == gnt_q;
  assign holds[bus_pkg::RuleA03] = (gnt_i & ~gnt_q & ~req_q) == '0 || (req_q & ~broken_q) == '0;
  assign holds[bus_pkg::RuleA05] = quiet_q < 3'd4 || gnt_i[Park];
  always_ff @(posedge clk_i) begin : p_arbiter
    if (rst_ni && past_q) begin
      `RULE(A01, holds[bus_pkg::RuleA01],
            "At most one GNT is on.")
      `RULE(A02, holds[bus_pkg::RuleA02],
            "GNT passes from one master to another on an idle bus through a clock without any GNT.")
      `RULE(A03, holds[bus_pkg::RuleA03],
            "A master that does not ask gets GNT only if no master asks.")
      `RULE(A05, holds[bus_pkg::RuleA05],
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

  // The record of broken rules. The lowest number is the first one if several are broken on one clock.
  bus_pkg::rule_e lowest;
  always_comb begin : p_lowest
    lowest = bus_pkg::RuleNone;
    for (int unsigned i = bus_pkg::Rules - 1; i > 0; i--) begin
      if (!holds[i]) lowest = bus_pkg::rule_e'(6'(i));
    end
  end
  always_ff @(posedge clk_i) begin : p_record
    if (!rst_ni) begin
      broken_o     <= '0;
      first_o      <= bus_pkg::RuleNone;
      violations_o <= '0;
    end else if (past_q && lowest != bus_pkg::RuleNone) begin
      broken_o <= broken_o | ~holds;
      if (first_o == bus_pkg::RuleNone) first_o <= lowest;
      if (violations_o != '1) violations_o <= violations_o + 8'd1;
    end
  end

  assign open_o  = !idle;
  assign clock_o = clock;
  assign moved_o = moved_q;

  logic unused_history;
  assign unused_history = ^{frames_q, bus_q.start, bus_q.perr, bus_q.serr, bus_q.par};
endmodule
