// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/machines/pio.toml, do not edit.

/// pio: tiny without bus masters, for boards that are smaller still: its store has programmed I/O alone.
/// The chassis is everything but the functions: host bridge, arbiter, interrupt controller and timestamp unit.
module chassis #(
  /// The bus protocol checker is built in, which the configuration headers say.
  parameter bit Checker = 1'b0
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  /// Command port.
  input  logic         cmd_valid_i,
  output logic         cmd_ready_o,
  input  logic [3:0]   cmd_op_i,
  input  logic [31:0]  cmd_address_i,
  input  logic [3:0]   cmd_be_i,
  input  logic [15:0]  cmd_length_i,
  input  logic [31:0]  cmd_data_i,
  input  logic         wdata_valid_i,
  input  logic [31:0]  wdata_i,
  output logic         wdata_ready_o,
  output logic         rdata_valid_o,
  output logic [31:0]  rdata_o,
  input  logic         rdata_ready_i,
  output logic         rsp_valid_o,
  output logic [2:0]   rsp_status_o,
  /// The interrupt that is presented to the host.
  output logic         intr_o,
  output logic [3:0]   intr_input_o,
  /// Event stream.
  output logic         event_valid_o,
  output logic [127:0] event_o,
  input  logic         event_ready_i,
  output logic [15:0]  event_drops_o,
  /// Bus clocks since reset.
  output logic [63:0]  clock_o,
  /// Host memory.
  output logic         hm_valid_o,
  output logic         hm_write_o,
  output logic [31:0]  hm_address_o,
  output logic [3:0]   hm_be_o,
  output logic [31:0]  hm_wdata_o,
  input  logic         hm_ready_i,
  input  logic         hm_rvalid_i,
  input  logic [31:0]  hm_rdata_i,
  /// The functions: the bus as all agents drive it, the chassis among them, and as they all see it; the facts that
  /// their headers show.
  input  bus_pkg::bus_t drive_i,
  output bus_pkg::bus_t bus_o,
  output socket_pkg::place_t facts_o,
  /// A request of each function that can be bus master; one grant for each master, the bridge's in bit 0.
  input  logic [1-1:0] req_i,
  output logic [1-1:0] gnt_o,
  /// IDSEL of each device.
  output logic [31:0]  idsel_o,
  /// The lines INTD to INTA, and the events of each function, the first in the low bits.
  input  logic [3:0]   intx_i,
  input  logic [1*socket_pkg::EventsWidth-1:0] events_i,
  /// The bus as the chassis drives it.
  output bus_pkg::bus_t own_o,
  /// `rsp_valid_o` before the look at PAR, for a simulation to which the bus comes later: `rsp_offered`, `rsp_checked`
  /// and `rsp_par` of `bridge_pkg::command_out_t`.
  output logic [2:0]   answer_o,
  /// For the bus protocol checker: the bridge's request and outputs as master, the outputs of the chassis' targets, and
  /// the masters that count as broken.
  output logic         req_o,
  output bus_pkg::master_out_t master_o,
  output logic [3*bus_pkg::TargetOutWidth-1:0] targets_o,
  output logic [1-1:0] broken_o
);
  localparam logic [31:0] ClockKhz = 32'd24000;
  localparam logic [31:0] TimestampAddress = 32'hFEC01000;

  bus_pkg::bus_t        bus;
  bus_pkg::target_out_t bridge_target, controller_target, timestamp_target;
  logic [1-1:0] bus_master;
  assign targets_o = {timestamp_target, controller_target, bridge_target};
  bus_drive #(.Masters(1), .Targets(3)) u_drive (.masters_i(master_o), .targets_i(targets_o), .drive_o(own_o));
  bus_start u_start (.clk_i, .rst_ni, .drive_i, .bus_o(bus));
  bus_arbiter #(.Masters(1), .Park(0)) u_arbiter (
    .clk_i, .rst_ni, .frame_i(bus.frame), .irdy_i(bus.irdy), .start_i(bus.start), .req_i({req_o}),
    .gnt_o, .master_o(bus_master), .broken_o
  );
  assign bus_o = bus;
  logic unused_requests;
  assign unused_requests = ^req_i;

  // The ports to the host.
  bridge_pkg::command_in_t  command_in;
  bridge_pkg::command_out_t command_out;
  bridge_pkg::memory_in_t   memory_in;
  bridge_pkg::memory_out_t  memory_out;
  assign command_in.cmd_valid   = cmd_valid_i;
  assign command_in.cmd_op      = cmd_op_i;
  assign command_in.cmd_address = cmd_address_i;
  assign command_in.cmd_be      = cmd_be_i;
  assign command_in.cmd_length  = cmd_length_i;
  assign command_in.cmd_data    = cmd_data_i;
  assign command_in.wdata_valid = wdata_valid_i;
  assign command_in.wdata       = wdata_i;
  assign command_in.rdata_ready = rdata_ready_i;
  assign cmd_ready_o            = command_out.cmd_ready;
  assign wdata_ready_o          = command_out.wdata_ready;
  assign rdata_valid_o          = command_out.rdata_valid;
  assign rdata_o                = command_out.rdata;
  assign rsp_valid_o            = command_out.rsp_valid;
  assign rsp_status_o           = command_out.rsp_status;
  assign answer_o               = {command_out.rsp_offered, command_out.rsp_checked, command_out.rsp_par};
  assign intr_o                 = command_out.intr;
  assign intr_input_o           = command_out.intr_input;
  assign memory_in.ready        = hm_ready_i;
  assign memory_in.rvalid       = hm_rvalid_i;
  assign memory_in.rdata        = hm_rdata_i;
  assign hm_valid_o             = memory_out.valid;
  assign hm_write_o             = memory_out.write;
  assign hm_address_o           = memory_out.address;
  assign hm_be_o                = memory_out.be;
  assign hm_wdata_o             = memory_out.wdata;

  // The facts that every configuration header shows; a function adds its place.
  always_comb begin : p_facts
    facts_o                   = '0;
    facts_o.clock_khz         = ClockKhz;
    facts_o.timestamp_address = TimestampAddress;
    facts_o.checker_present   = Checker;
    facts_o.fault_injection   = 1'b0;
  end

  logic       controller_interrupt, mark, drained, posted_empty;
  logic [3:0] controller_input;
  host_bridge #(
    .MemoryLog2(20), .Masters(1), .Queue(1), .Faults(1'b0),
    .Shared(1'b1)
  ) u_bridge (
    .clk_i, .rst_ni, .place_i(facts_o), .command_i(command_in), .command_o(command_out), .memory_o(memory_out),
    .memory_i(memory_in), .interrupt_i(controller_interrupt), .interrupt_input_i(controller_input),
    .mark_o(mark), .drained_o(drained), .posted_empty_o(posted_empty), .bus_i(bus), .gnt_i(gnt_o[0]),
    .bus_master_i(bus_master), .req_o, .idsel_i(idsel_o[0]), .idsel_o,
    .master_o, .target_o(bridge_target)
  );
  logic       fetch_event, spurious_event, eoi_event;
  logic [7:0] vector;
  logic [3:0] eoi_input;
  interrupt_controller #(
    .Address(32'hFEC00000), .Doorbell(32'hFEE00000), .VectorBase(8'h30), .VectorStep(8'd8),
    .LostBits(1), .Routes(1'b0), .Lines(4'b0001), .Shared(1'b1)
  ) u_controller (
    .clk_i, .rst_ni, .intx_i, .posted_empty_i(posted_empty),
    .interrupt_o(controller_interrupt), .interrupt_input_o(controller_input),
    .fetch_event_o(fetch_event), .spurious_event_o(spurious_event), .vector_o(vector), .eoi_event_o(eoi_event),
    .eoi_input_o(eoi_input), .bus_i(bus), .target_o(controller_target)
  );

  timestamp_unit #(
    .EventLog2(8), .Functions(1), .ClockKhz(ClockKhz), .Address(TimestampAddress),
    .Counters(1'b0), .ClockBits(48), .Causes(5), .Waiting(2), .Shared(1'b1)
  ) u_timestamp (
    .clk_i, .rst_ni, .functions_i(events_i),
    .fetch_i(fetch_event), .spurious_i(spurious_event), .eoi_i(eoi_event), .mark_i(mark), .drained_i(drained),
    .vector_i(fetch_event ? vector : 8'(eoi_input)), .payload_i(cmd_data_i),
    .clock_o, .event_valid_o, .event_o, .event_ready_i, .event_drops_o, .bus_i(bus), .target_o(timestamp_target)
  );
endmodule
