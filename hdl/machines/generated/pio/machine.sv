// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/machines/pio.toml, do not edit.

/// pio: tiny without bus masters, for boards that are smaller still: its store has programmed I/O alone.
/// Ports are the contract in docs/architecture.md.
module machine #(
  /// Build the bus protocol checker in.
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
  input  logic [31:0]  hm_rdata_i
);
  bus_pkg::bus_t        bus, drive, own;
  bus_pkg::master_out_t bridge_master;
  logic [3*bus_pkg::TargetOutWidth-1:0] chassis_targets;
  socket_pkg::place_t   facts;
  logic [5:0]           violation;
  logic [1-1:0] gnt, broken;
  logic [1-1:0] req;
  logic                 bridge_req;
  logic [2:0]           unused_answer;
  logic [31:0]          idsel;
  bus_pkg::bus_in_t    store_0_bus_i;
  bus_pkg::bus_out_t   store_0_bus_o;
  socket_pkg::place_t  store_0_place;
  socket_pkg::events_t store_0_events;
  logic                store_0_intx;

  chassis #(.Checker(Checker)) u_chassis (
    .clk_i, .rst_ni, .cmd_valid_i, .cmd_ready_o, .cmd_op_i, .cmd_address_i,
    .cmd_be_i, .cmd_length_i, .cmd_data_i, .wdata_valid_i, .wdata_i, .wdata_ready_o,
    .rdata_valid_o, .rdata_o, .rdata_ready_i, .rsp_valid_o, .rsp_status_o, .intr_o,
    .intr_input_o, .event_valid_o, .event_o, .event_ready_i, .event_drops_o, .clock_o,
    .hm_valid_o, .hm_write_o, .hm_address_o, .hm_be_o, .hm_wdata_o, .hm_ready_i,
    .hm_rvalid_i, .hm_rdata_i,
    .drive_i(own | drive), .bus_o(bus), .facts_o(facts), .req_i(req), .gnt_o(gnt), .idsel_o(idsel),
    .intx_i({1'b0, 1'b0, 1'b0, store_0_intx}), .events_i({store_0_events}), .own_o(own), .answer_o(unused_answer), .req_o(bridge_req),
    .master_o(bridge_master), .targets_o(chassis_targets), .broken_o(broken)
  );
  logic [1*bus_pkg::MasterOutWidth-1:0] masters;
  logic [1*bus_pkg::TargetOutWidth-1:0] targets;
  assign masters = {bus_pkg::MasterOutIdle};
  assign targets = {store_0_bus_o.target};
  assign req     = {1'b0};
  bus_drive #(.Masters(1), .Targets(1)) u_drive (
    .masters_i(masters), .targets_i(targets), .drive_o(drive)
  );

  // Function 0: store at 00:01.0.
  always_comb begin : p_store_0
    store_0_place               = facts;
    store_0_place.violation     = violation;
    store_0_place.number        = 3'd0;
    store_0_place.multifunction = 1'b0;
    store_0_place.pin           = 3'd1;
  end
  assign store_0_bus_i.bus   = bus;
  assign store_0_bus_i.idsel = idsel[1];
  assign store_0_bus_i.gnt   = 1'b0;
  store #(.BufferLog2(12), .FifoLog2(6), .Messages(0), .Instruments(0), .Small(1), .Dma(0), .DelayBits(16), .CountBits(8), .LengthBits(23), .AddressBits(20)) u_store_0 (
    .clk_i, .rst_ni, .place_i(store_0_place), .bus_i(store_0_bus_i), .bus_o(store_0_bus_o), .intx_o(store_0_intx),
    .events_o(store_0_events)
  );

  if (Checker) begin : gen_checker
    logic        unused_open;
    logic [4:0]  unused_clock;
    logic [15:0] unused_moved;
    logic [7:0]  unused_violations;
    logic [bus_pkg::Rules-1:0] unused_broken;
    bus_pkg::rule_e first;
    assign violation = 6'(first);
    bus_checker #(.Masters(1), .Targets(4), .Park(0)) u_checker (
      .clk_i, .rst_ni, .bus_i(bus), .idsel_i(idsel), .req_i({bridge_req}), .gnt_i(gnt),
      .broken_i(broken), .masters_i({bridge_master}), .targets_i({targets, chassis_targets}),
      .open_o(unused_open), .clock_o(unused_clock), .moved_o(unused_moved),
      .broken_o(unused_broken), .first_o(first), .violations_o(unused_violations)
    );
  end else begin : gen_no_checker
    logic unused_checked;
    assign unused_checked = ^{broken, bridge_req, bridge_master, chassis_targets};
    assign violation      = '0;
  end
  logic unused_bits;
  assign unused_bits = ^{idsel, gnt};
endmodule
