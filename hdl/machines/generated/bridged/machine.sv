// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/machines/bridged.toml, do not edit.

/// bridged: two bridges, one behind the other, and four functions on each of the two buses behind them.
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
  input  logic [31:0]  hm_rdata_i,
  /// Pads of function 1, gpio at 01:02.0: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_1_pads_i,
  output logic [15:0]  gpio_1_pads_o,
  output logic [15:0]  gpio_1_pads_en_o,
  /// Pads of function 5, gpio at 02:02.0: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_5_pads_i,
  output logic [15:0]  gpio_5_pads_o,
  output logic [15:0]  gpio_5_pads_en_o
);
  bus_pkg::bus_t        bus, drive, own;
  bus_pkg::master_out_t bridge_master;
  logic [3*bus_pkg::TargetOutWidth-1:0] chassis_targets;
  socket_pkg::place_t   facts;
  logic [5:0]           violation;
  logic [2-1:0] gnt, broken;
  logic [1-1:0] req;
  logic                 bridge_req;
  logic [2:0]           unused_answer;
  logic [31:0]          idsel;
  logic [1-1:0] bus_master;
  bus_pkg::bus_in_t    store_0_bus_i;
  bus_pkg::bus_out_t   store_0_bus_o;
  socket_pkg::place_t  store_0_place;
  socket_pkg::events_t store_0_events;
  logic                store_0_intx;
  bus_pkg::bus_in_t    gpio_1_bus_i;
  bus_pkg::bus_out_t   gpio_1_bus_o;
  socket_pkg::place_t  gpio_1_place;
  socket_pkg::events_t gpio_1_events;
  logic                gpio_1_intx;
  bus_pkg::bus_in_t    pulser_2_bus_i;
  bus_pkg::bus_out_t   pulser_2_bus_o;
  socket_pkg::place_t  pulser_2_place;
  socket_pkg::events_t pulser_2_events;
  logic                pulser_2_intx;
  bus_pkg::bus_in_t    store_3_bus_i;
  bus_pkg::bus_out_t   store_3_bus_o;
  socket_pkg::place_t  store_3_place;
  socket_pkg::events_t store_3_events;
  logic                store_3_intx;
  bus_pkg::bus_in_t    store_4_bus_i;
  bus_pkg::bus_out_t   store_4_bus_o;
  socket_pkg::place_t  store_4_place;
  socket_pkg::events_t store_4_events;
  logic                store_4_intx;
  bus_pkg::bus_in_t    gpio_5_bus_i;
  bus_pkg::bus_out_t   gpio_5_bus_o;
  socket_pkg::place_t  gpio_5_place;
  socket_pkg::events_t gpio_5_events;
  logic                gpio_5_intx;
  bus_pkg::bus_in_t    pulser_6_bus_i;
  bus_pkg::bus_out_t   pulser_6_bus_o;
  socket_pkg::place_t  pulser_6_place;
  socket_pkg::events_t pulser_6_events;
  logic                pulser_6_intx;
  bus_pkg::bus_in_t    store_7_bus_i;
  bus_pkg::bus_out_t   store_7_bus_o;
  socket_pkg::place_t  store_7_place;
  socket_pkg::events_t store_7_events;
  logic                store_7_intx;
  bus_pkg::bus_t        bus_1, drive_1;
  bus_pkg::bus_in_t     bridge_1_bus_i;
  bus_pkg::bus_out_t    bridge_1_bus_o;
  socket_pkg::place_t   bridge_1_place;
  bus_pkg::master_out_t bridge_1_master;
  bus_pkg::target_out_t bridge_1_target;
  logic                 bridge_1_req, rst_1_n;
  logic [4-1:0] gnt_1, broken_1;
  logic [2-1:0] bus_1_master;
  logic [31:0]          idsel_1;
  logic [3:0]           intx_1;
  bus_pkg::bus_t        bus_2, drive_2;
  bus_pkg::bus_in_t     bridge_2_bus_i;
  bus_pkg::bus_out_t    bridge_2_bus_o;
  socket_pkg::place_t   bridge_2_place;
  bus_pkg::master_out_t bridge_2_master;
  bus_pkg::target_out_t bridge_2_target;
  logic                 bridge_2_req, rst_2_n;
  logic [3-1:0] gnt_2, broken_2;
  logic [2-1:0] bus_2_master;
  logic [31:0]          idsel_2;
  logic [3:0]           intx_2;

  chassis #(.Checker(Checker)) u_chassis (
    .clk_i, .rst_ni, .cmd_valid_i, .cmd_ready_o, .cmd_op_i, .cmd_address_i,
    .cmd_be_i, .cmd_length_i, .cmd_data_i, .wdata_valid_i, .wdata_i, .wdata_ready_o,
    .rdata_valid_o, .rdata_o, .rdata_ready_i, .rsp_valid_o, .rsp_status_o, .intr_o,
    .intr_input_o, .event_valid_o, .event_o, .event_ready_i, .event_drops_o, .clock_o,
    .hm_valid_o, .hm_write_o, .hm_address_o, .hm_be_o, .hm_wdata_o, .hm_ready_i,
    .hm_rvalid_i, .hm_rdata_i,
    .drive_i(own | drive), .bus_o(bus), .facts_o(facts), .req_i(req), .gnt_o(gnt), .bus_master_o(bus_master), .idsel_o(idsel),
    .intx_i({intx_1[3], intx_1[2], intx_1[1], intx_1[0]}), .events_i({store_7_events, pulser_6_events, gpio_5_events, store_4_events, store_3_events, pulser_2_events, gpio_1_events, store_0_events}), .own_o(own), .answer_o(unused_answer), .req_o(bridge_req),
    .master_o(bridge_master), .targets_o(chassis_targets), .broken_o(broken)
  );
  logic [1*bus_pkg::MasterOutWidth-1:0] masters;
  logic [1*bus_pkg::TargetOutWidth-1:0] targets;
  assign masters = {bridge_1_bus_o.master};
  assign targets = {bridge_1_bus_o.target};
  assign req     = {bridge_1_bus_o.req};
  bus_drive #(.Masters(1), .Targets(1)) u_drive (
    .masters_i(masters), .targets_i(targets), .drive_o(drive)
  );

  // The bridge at 00:02.0, and bus 1 below it.
  assign intx_1 = {pulser_2_intx | intx_2[3], gpio_1_intx | intx_2[2], store_0_intx | store_3_intx | intx_2[1], intx_2[0]};
  always_comb begin : p_bridge_1
    bridge_1_place               = facts;
    bridge_1_place.multifunction = 1'b0;
  end
  assign bridge_1_bus_i.bus   = bus;
  assign bridge_1_bus_i.idsel = idsel[2];
  assign bridge_1_bus_i.gnt   = gnt[1];
  pci_bridge #(.PrimaryMasters(2), .PrimaryOwn(1), .SecondaryMasters(4),
    .AheadLog2(6)
  ) u_bridge_1 (
    .clk_i, .rst_ni, .place_i(bridge_1_place), .primary_i(bridge_1_bus_i), .primary_master_i(bus_master),
    .primary_o(bridge_1_bus_o), .secondary_rst_no(rst_1_n), .drive_i(drive_1), .bus_o(bus_1),
    .req_i({bridge_2_bus_o.req, store_3_bus_o.req, store_0_bus_o.req}), .gnt_o(gnt_1), .master_o(bus_1_master), .idsel_o(idsel_1), .req_o(bridge_1_req),
    .secondary_master_o(bridge_1_master), .secondary_target_o(bridge_1_target), .broken_o(broken_1)
  );
  logic [4*bus_pkg::MasterOutWidth-1:0] masters_1;
  logic [6*bus_pkg::TargetOutWidth-1:0] targets_1;
  assign masters_1 = {bridge_2_bus_o.master, store_3_bus_o.master, store_0_bus_o.master, bridge_1_master};
  assign targets_1 = {bridge_2_bus_o.target, store_3_bus_o.target, pulser_2_bus_o.target, gpio_1_bus_o.target, store_0_bus_o.target, bridge_1_target};
  bus_drive #(.Masters(4), .Targets(6)) u_drive_1 (
    .masters_i(masters_1), .targets_i(targets_1), .drive_o(drive_1)
  );
  if (Checker) begin : gen_checker_1
    bus_checker #(.Masters(4), .Targets(6), .Park(0)) u_checker (
      .clk_i, .rst_ni(rst_1_n), .bus_i(bus_1), .idsel_i(idsel_1), .req_i({bridge_2_bus_o.req, store_3_bus_o.req, store_0_bus_o.req, bridge_1_req}),
      .gnt_i(gnt_1), .broken_i(broken_1), .masters_i(masters_1), .targets_i(targets_1),
      .open_o(), .clock_o(), .moved_o(), .broken_o(), .first_o(), .violations_o()
    );
  end
  logic unused_bits_1;
  assign unused_bits_1 = ^{broken_1, idsel_1, gnt_1, bus_1_master, bridge_1_req};

  // The bridge at 01:04.0, and bus 2 below it.
  assign intx_2 = {pulser_6_intx, gpio_5_intx | store_7_intx, store_4_intx, 1'b0};
  always_comb begin : p_bridge_2
    bridge_2_place               = facts;
    bridge_2_place.multifunction = 1'b0;
  end
  assign bridge_2_bus_i.bus   = bus_1;
  assign bridge_2_bus_i.idsel = idsel_1[4];
  assign bridge_2_bus_i.gnt   = gnt_1[3];
  pci_bridge #(.PrimaryMasters(4), .PrimaryOwn(3), .SecondaryMasters(3),
    .AheadLog2(6)
  ) u_bridge_2 (
    .clk_i, .rst_ni(rst_1_n), .place_i(bridge_2_place), .primary_i(bridge_2_bus_i), .primary_master_i(bus_1_master),
    .primary_o(bridge_2_bus_o), .secondary_rst_no(rst_2_n), .drive_i(drive_2), .bus_o(bus_2),
    .req_i({store_7_bus_o.req, store_4_bus_o.req}), .gnt_o(gnt_2), .master_o(bus_2_master), .idsel_o(idsel_2), .req_o(bridge_2_req),
    .secondary_master_o(bridge_2_master), .secondary_target_o(bridge_2_target), .broken_o(broken_2)
  );
  logic [3*bus_pkg::MasterOutWidth-1:0] masters_2;
  logic [5*bus_pkg::TargetOutWidth-1:0] targets_2;
  assign masters_2 = {store_7_bus_o.master, store_4_bus_o.master, bridge_2_master};
  assign targets_2 = {store_7_bus_o.target, pulser_6_bus_o.target, gpio_5_bus_o.target, store_4_bus_o.target, bridge_2_target};
  bus_drive #(.Masters(3), .Targets(5)) u_drive_2 (
    .masters_i(masters_2), .targets_i(targets_2), .drive_o(drive_2)
  );
  if (Checker) begin : gen_checker_2
    bus_checker #(.Masters(3), .Targets(5), .Park(0)) u_checker (
      .clk_i, .rst_ni(rst_2_n), .bus_i(bus_2), .idsel_i(idsel_2), .req_i({store_7_bus_o.req, store_4_bus_o.req, bridge_2_req}),
      .gnt_i(gnt_2), .broken_i(broken_2), .masters_i(masters_2), .targets_i(targets_2),
      .open_o(), .clock_o(), .moved_o(), .broken_o(), .first_o(), .violations_o()
    );
  end
  logic unused_bits_2;
  assign unused_bits_2 = ^{broken_2, idsel_2, gnt_2, bus_2_master, bridge_2_req};

  // Function 0: store at 01:01.0.
  always_comb begin : p_store_0
    store_0_place               = facts;
    store_0_place.violation     = violation;
    store_0_place.number        = 3'd0;
    store_0_place.multifunction = 1'b0;
    store_0_place.pin           = 3'd1;
  end
  assign store_0_bus_i.bus   = bus_1;
  assign store_0_bus_i.idsel = idsel_1[1];
  assign store_0_bus_i.gnt   = gnt_1[1];
  store #(.BufferLog2(16), .FifoLog2(6), .Messages(1), .Instruments(1), .Small(0), .Dma(1), .DelayBits(32), .CountBits(16), .LengthBits(32), .AddressBits(32)) u_store_0 (
    .clk_i, .rst_ni(rst_1_n), .place_i(store_0_place), .bus_i(store_0_bus_i), .bus_o(store_0_bus_o), .intx_o(store_0_intx),
    .events_o(store_0_events)
  );

  // Function 1: gpio at 01:02.0.
  always_comb begin : p_gpio_1
    gpio_1_place               = facts;
    gpio_1_place.violation     = violation;
    gpio_1_place.number        = 3'd0;
    gpio_1_place.multifunction = 1'b0;
    gpio_1_place.pin           = 3'd1;
  end
  assign gpio_1_bus_i.bus   = bus_1;
  assign gpio_1_bus_i.idsel = idsel_1[2];
  assign gpio_1_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_1 (
    .clk_i, .rst_ni(rst_1_n), .place_i(gpio_1_place), .bus_i(gpio_1_bus_i), .bus_o(gpio_1_bus_o), .intx_o(gpio_1_intx),
    .events_o(gpio_1_events),
    .pads_i(gpio_1_pads_i), .pads_o(gpio_1_pads_o), .pads_en_o(gpio_1_pads_en_o)
  );

  // Function 2: pulser at 01:03.0.
  always_comb begin : p_pulser_2
    pulser_2_place               = facts;
    pulser_2_place.violation     = violation;
    pulser_2_place.number        = 3'd0;
    pulser_2_place.multifunction = 1'b0;
    pulser_2_place.pin           = 3'd1;
  end
  assign pulser_2_bus_i.bus   = bus_1;
  assign pulser_2_bus_i.idsel = idsel_1[3];
  assign pulser_2_bus_i.gnt   = 1'b0;
  pulser u_pulser_2 (
    .clk_i, .rst_ni(rst_1_n), .place_i(pulser_2_place), .bus_i(pulser_2_bus_i), .bus_o(pulser_2_bus_o), .intx_o(pulser_2_intx),
    .events_o(pulser_2_events)
  );

  // Function 3: store at 01:05.0.
  always_comb begin : p_store_3
    store_3_place               = facts;
    store_3_place.violation     = violation;
    store_3_place.number        = 3'd0;
    store_3_place.multifunction = 1'b0;
    store_3_place.pin           = 3'd1;
  end
  assign store_3_bus_i.bus   = bus_1;
  assign store_3_bus_i.idsel = idsel_1[5];
  assign store_3_bus_i.gnt   = gnt_1[2];
  store #(.BufferLog2(16), .FifoLog2(6), .Messages(1), .Instruments(1), .Small(0), .Dma(1), .DelayBits(32), .CountBits(16), .LengthBits(32), .AddressBits(32)) u_store_3 (
    .clk_i, .rst_ni(rst_1_n), .place_i(store_3_place), .bus_i(store_3_bus_i), .bus_o(store_3_bus_o), .intx_o(store_3_intx),
    .events_o(store_3_events)
  );

  // Function 4: store at 02:01.0.
  always_comb begin : p_store_4
    store_4_place               = facts;
    store_4_place.violation     = violation;
    store_4_place.number        = 3'd0;
    store_4_place.multifunction = 1'b0;
    store_4_place.pin           = 3'd1;
  end
  assign store_4_bus_i.bus   = bus_2;
  assign store_4_bus_i.idsel = idsel_2[1];
  assign store_4_bus_i.gnt   = gnt_2[1];
  store #(.BufferLog2(16), .FifoLog2(6), .Messages(1), .Instruments(1), .Small(0), .Dma(1), .DelayBits(32), .CountBits(16), .LengthBits(32), .AddressBits(32)) u_store_4 (
    .clk_i, .rst_ni(rst_2_n), .place_i(store_4_place), .bus_i(store_4_bus_i), .bus_o(store_4_bus_o), .intx_o(store_4_intx),
    .events_o(store_4_events)
  );

  // Function 5: gpio at 02:02.0.
  always_comb begin : p_gpio_5
    gpio_5_place               = facts;
    gpio_5_place.violation     = violation;
    gpio_5_place.number        = 3'd0;
    gpio_5_place.multifunction = 1'b0;
    gpio_5_place.pin           = 3'd1;
  end
  assign gpio_5_bus_i.bus   = bus_2;
  assign gpio_5_bus_i.idsel = idsel_2[2];
  assign gpio_5_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_5 (
    .clk_i, .rst_ni(rst_2_n), .place_i(gpio_5_place), .bus_i(gpio_5_bus_i), .bus_o(gpio_5_bus_o), .intx_o(gpio_5_intx),
    .events_o(gpio_5_events),
    .pads_i(gpio_5_pads_i), .pads_o(gpio_5_pads_o), .pads_en_o(gpio_5_pads_en_o)
  );

  // Function 6: pulser at 02:03.0.
  always_comb begin : p_pulser_6
    pulser_6_place               = facts;
    pulser_6_place.violation     = violation;
    pulser_6_place.number        = 3'd0;
    pulser_6_place.multifunction = 1'b0;
    pulser_6_place.pin           = 3'd1;
  end
  assign pulser_6_bus_i.bus   = bus_2;
  assign pulser_6_bus_i.idsel = idsel_2[3];
  assign pulser_6_bus_i.gnt   = 1'b0;
  pulser u_pulser_6 (
    .clk_i, .rst_ni(rst_2_n), .place_i(pulser_6_place), .bus_i(pulser_6_bus_i), .bus_o(pulser_6_bus_o), .intx_o(pulser_6_intx),
    .events_o(pulser_6_events)
  );

  // Function 7: store at 02:06.0.
  always_comb begin : p_store_7
    store_7_place               = facts;
    store_7_place.violation     = violation;
    store_7_place.number        = 3'd0;
    store_7_place.multifunction = 1'b0;
    store_7_place.pin           = 3'd1;
  end
  assign store_7_bus_i.bus   = bus_2;
  assign store_7_bus_i.idsel = idsel_2[6];
  assign store_7_bus_i.gnt   = gnt_2[2];
  store #(.BufferLog2(16), .FifoLog2(6), .Messages(1), .Instruments(1), .Small(0), .Dma(1), .DelayBits(32), .CountBits(16), .LengthBits(32), .AddressBits(32)) u_store_7 (
    .clk_i, .rst_ni(rst_2_n), .place_i(store_7_place), .bus_i(store_7_bus_i), .bus_o(store_7_bus_o), .intx_o(store_7_intx),
    .events_o(store_7_events)
  );

  if (Checker) begin : gen_checker
    logic        unused_open;
    logic [4:0]  unused_clock;
    logic [15:0] unused_moved;
    logic [7:0]  unused_violations;
    logic [bus_pkg::Rules-1:0] unused_broken;
    bus_pkg::rule_e first;
    assign violation = 6'(first);
    bus_checker #(.Masters(2), .Targets(4), .Park(0)) u_checker (
      .clk_i, .rst_ni, .bus_i(bus), .idsel_i(idsel), .req_i({req, bridge_req}), .gnt_i(gnt),
      .broken_i(broken), .masters_i({masters, bridge_master}), .targets_i({targets, chassis_targets}),
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
