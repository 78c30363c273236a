// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/machines/crowd.toml, do not edit.

/// crowd: sixteen functions: stores and gpios on four devices with three functions each, and on devices of their own.
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
  /// Pads of function 1, gpio at 00:01.1: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_1_pads_i,
  output logic [15:0]  gpio_1_pads_o,
  output logic [15:0]  gpio_1_pads_en_o,
  /// Pads of function 2, gpio at 00:01.5: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_2_pads_i,
  output logic [15:0]  gpio_2_pads_o,
  output logic [15:0]  gpio_2_pads_en_o,
  /// Pads of function 4, gpio at 00:02.1: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_4_pads_i,
  output logic [15:0]  gpio_4_pads_o,
  output logic [15:0]  gpio_4_pads_en_o,
  /// Pads of function 5, gpio at 00:02.5: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_5_pads_i,
  output logic [15:0]  gpio_5_pads_o,
  output logic [15:0]  gpio_5_pads_en_o,
  /// Pads of function 7, gpio at 00:03.1: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_7_pads_i,
  output logic [15:0]  gpio_7_pads_o,
  output logic [15:0]  gpio_7_pads_en_o,
  /// Pads of function 8, gpio at 00:03.5: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_8_pads_i,
  output logic [15:0]  gpio_8_pads_o,
  output logic [15:0]  gpio_8_pads_en_o,
  /// Pads of function 10, gpio at 00:04.1: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_10_pads_i,
  output logic [15:0]  gpio_10_pads_o,
  output logic [15:0]  gpio_10_pads_en_o,
  /// Pads of function 11, gpio at 00:04.5: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_11_pads_i,
  output logic [15:0]  gpio_11_pads_o,
  output logic [15:0]  gpio_11_pads_en_o,
  /// Pads of function 14, gpio at 00:10.0: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_14_pads_i,
  output logic [15:0]  gpio_14_pads_o,
  output logic [15:0]  gpio_14_pads_en_o,
  /// Pads of function 15, gpio at 00:1f.0: the levels outside, those driven, and where.
  input  logic [15:0]  gpio_15_pads_i,
  output logic [15:0]  gpio_15_pads_o,
  output logic [15:0]  gpio_15_pads_en_o
);
  bus_pkg::bus_t        bus, drive, own;
  bus_pkg::master_out_t bridge_master;
  logic [3*bus_pkg::TargetOutWidth-1:0] chassis_targets;
  socket_pkg::place_t   facts;
  logic [5:0]           violation;
  logic [7-1:0] gnt, broken;
  logic [6-1:0] req;
  logic                 bridge_req;
  logic [2:0]           unused_answer;
  logic [31:0]          idsel;
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
  bus_pkg::bus_in_t    gpio_2_bus_i;
  bus_pkg::bus_out_t   gpio_2_bus_o;
  socket_pkg::place_t  gpio_2_place;
  socket_pkg::events_t gpio_2_events;
  logic                gpio_2_intx;
  bus_pkg::bus_in_t    store_3_bus_i;
  bus_pkg::bus_out_t   store_3_bus_o;
  socket_pkg::place_t  store_3_place;
  socket_pkg::events_t store_3_events;
  logic                store_3_intx;
  bus_pkg::bus_in_t    gpio_4_bus_i;
  bus_pkg::bus_out_t   gpio_4_bus_o;
  socket_pkg::place_t  gpio_4_place;
  socket_pkg::events_t gpio_4_events;
  logic                gpio_4_intx;
  bus_pkg::bus_in_t    gpio_5_bus_i;
  bus_pkg::bus_out_t   gpio_5_bus_o;
  socket_pkg::place_t  gpio_5_place;
  socket_pkg::events_t gpio_5_events;
  logic                gpio_5_intx;
  bus_pkg::bus_in_t    store_6_bus_i;
  bus_pkg::bus_out_t   store_6_bus_o;
  socket_pkg::place_t  store_6_place;
  socket_pkg::events_t store_6_events;
  logic                store_6_intx;
  bus_pkg::bus_in_t    gpio_7_bus_i;
  bus_pkg::bus_out_t   gpio_7_bus_o;
  socket_pkg::place_t  gpio_7_place;
  socket_pkg::events_t gpio_7_events;
  logic                gpio_7_intx;
  bus_pkg::bus_in_t    gpio_8_bus_i;
  bus_pkg::bus_out_t   gpio_8_bus_o;
  socket_pkg::place_t  gpio_8_place;
  socket_pkg::events_t gpio_8_events;
  logic                gpio_8_intx;
  bus_pkg::bus_in_t    store_9_bus_i;
  bus_pkg::bus_out_t   store_9_bus_o;
  socket_pkg::place_t  store_9_place;
  socket_pkg::events_t store_9_events;
  logic                store_9_intx;
  bus_pkg::bus_in_t    gpio_10_bus_i;
  bus_pkg::bus_out_t   gpio_10_bus_o;
  socket_pkg::place_t  gpio_10_place;
  socket_pkg::events_t gpio_10_events;
  logic                gpio_10_intx;
  bus_pkg::bus_in_t    gpio_11_bus_i;
  bus_pkg::bus_out_t   gpio_11_bus_o;
  socket_pkg::place_t  gpio_11_place;
  socket_pkg::events_t gpio_11_events;
  logic                gpio_11_intx;
  bus_pkg::bus_in_t    store_12_bus_i;
  bus_pkg::bus_out_t   store_12_bus_o;
  socket_pkg::place_t  store_12_place;
  socket_pkg::events_t store_12_events;
  logic                store_12_intx;
  bus_pkg::bus_in_t    store_13_bus_i;
  bus_pkg::bus_out_t   store_13_bus_o;
  socket_pkg::place_t  store_13_place;
  socket_pkg::events_t store_13_events;
  logic                store_13_intx;
  bus_pkg::bus_in_t    gpio_14_bus_i;
  bus_pkg::bus_out_t   gpio_14_bus_o;
  socket_pkg::place_t  gpio_14_place;
  socket_pkg::events_t gpio_14_events;
  logic                gpio_14_intx;
  bus_pkg::bus_in_t    gpio_15_bus_i;
  bus_pkg::bus_out_t   gpio_15_bus_o;
  socket_pkg::place_t  gpio_15_place;
  socket_pkg::events_t gpio_15_events;
  logic                gpio_15_intx;

  chassis #(.Checker(Checker)) u_chassis (
    .clk_i, .rst_ni, .cmd_valid_i, .cmd_ready_o, .cmd_op_i, .cmd_address_i,
    .cmd_be_i, .cmd_length_i, .cmd_data_i, .wdata_valid_i, .wdata_i, .wdata_ready_o,
    .rdata_valid_o, .rdata_o, .rdata_ready_i, .rsp_valid_o, .rsp_status_o, .intr_o,
    .intr_input_o, .event_valid_o, .event_o, .event_ready_i, .event_drops_o, .clock_o,
    .hm_valid_o, .hm_write_o, .hm_address_o, .hm_be_o, .hm_wdata_o, .hm_ready_i,
    .hm_rvalid_i, .hm_rdata_i,
    .drive_i(own | drive), .bus_o(bus), .facts_o(facts), .req_i(req), .gnt_o(gnt), .idsel_o(idsel),
    .intx_i({store_6_intx | store_13_intx, gpio_1_intx | gpio_2_intx | gpio_4_intx | gpio_5_intx | gpio_7_intx | gpio_8_intx | gpio_10_intx | gpio_11_intx | gpio_14_intx | gpio_15_intx, store_3_intx | store_12_intx, store_0_intx | store_9_intx}), .events_i({gpio_15_events, gpio_14_events, store_13_events, store_12_events, gpio_11_events, gpio_10_events, store_9_events, gpio_8_events, gpio_7_events, store_6_events, gpio_5_events, gpio_4_events, store_3_events, gpio_2_events, gpio_1_events, store_0_events}), .own_o(own), .answer_o(unused_answer), .req_o(bridge_req),
    .master_o(bridge_master), .targets_o(chassis_targets), .broken_o(broken)
  );
  logic [6*bus_pkg::MasterOutWidth-1:0] masters;
  logic [16*bus_pkg::TargetOutWidth-1:0] targets;
  assign masters = {store_13_bus_o.master, store_12_bus_o.master, store_9_bus_o.master, store_6_bus_o.master, store_3_bus_o.master, store_0_bus_o.master};
  assign targets = {gpio_15_bus_o.target, gpio_14_bus_o.target, store_13_bus_o.target, store_12_bus_o.target, gpio_11_bus_o.target, gpio_10_bus_o.target, store_9_bus_o.target, gpio_8_bus_o.target, gpio_7_bus_o.target, store_6_bus_o.target, gpio_5_bus_o.target, gpio_4_bus_o.target, store_3_bus_o.target, gpio_2_bus_o.target, gpio_1_bus_o.target, store_0_bus_o.target};
  assign req     = {store_13_bus_o.req, store_12_bus_o.req, store_9_bus_o.req, store_6_bus_o.req, store_3_bus_o.req, store_0_bus_o.req};
  bus_drive #(.Masters(6), .Targets(16)) u_drive (
    .masters_i(masters), .targets_i(targets), .drive_o(drive)
  );

  // Function 0: store at 00:01.0.
  always_comb begin : p_store_0
    store_0_place               = facts;
    store_0_place.violation     = violation;
    store_0_place.number        = 3'd0;
    store_0_place.multifunction = 1'b1;
    store_0_place.pin           = 3'd1;
  end
  assign store_0_bus_i.bus   = bus;
  assign store_0_bus_i.idsel = idsel[1];
  assign store_0_bus_i.gnt   = gnt[1];
  store #(.BufferLog2(16), .FifoLog2(6), .Messages(1), .Instruments(1), .Small(0), .Dma(1), .DelayBits(32), .CountBits(16), .LengthBits(32), .AddressBits(32)) u_store_0 (
    .clk_i, .rst_ni, .place_i(store_0_place), .bus_i(store_0_bus_i), .bus_o(store_0_bus_o), .intx_o(store_0_intx),
    .events_o(store_0_events)
  );

  // Function 1: gpio at 00:01.1.
  always_comb begin : p_gpio_1
    gpio_1_place               = facts;
    gpio_1_place.violation     = violation;
    gpio_1_place.number        = 3'd1;
    gpio_1_place.multifunction = 1'b1;
    gpio_1_place.pin           = 3'd2;
  end
  assign gpio_1_bus_i.bus   = bus;
  assign gpio_1_bus_i.idsel = idsel[1];
  assign gpio_1_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_1 (
    .clk_i, .rst_ni, .place_i(gpio_1_place), .bus_i(gpio_1_bus_i), .bus_o(gpio_1_bus_o), .intx_o(gpio_1_intx),
    .events_o(gpio_1_events),
    .pads_i(gpio_1_pads_i), .pads_o(gpio_1_pads_o), .pads_en_o(gpio_1_pads_en_o)
  );

  // Function 2: gpio at 00:01.5.
  always_comb begin : p_gpio_2
    gpio_2_place               = facts;
    gpio_2_place.violation     = violation;
    gpio_2_place.number        = 3'd5;
    gpio_2_place.multifunction = 1'b1;
    gpio_2_place.pin           = 3'd3;
  end
  assign gpio_2_bus_i.bus   = bus;
  assign gpio_2_bus_i.idsel = idsel[1];
  assign gpio_2_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_2 (
    .clk_i, .rst_ni, .place_i(gpio_2_place), .bus_i(gpio_2_bus_i), .bus_o(gpio_2_bus_o), .intx_o(gpio_2_intx),
    .events_o(gpio_2_events),
    .pads_i(gpio_2_pads_i), .pads_o(gpio_2_pads_o), .pads_en_o(gpio_2_pads_en_o)
  );

  // Function 3: store at 00:02.0.
  always_comb begin : p_store_3
    store_3_place               = facts;
    store_3_place.violation     = violation;
    store_3_place.number        = 3'd0;
    store_3_place.multifunction = 1'b1;
    store_3_place.pin           = 3'd1;
  end
  assign store_3_bus_i.bus   = bus;
  assign store_3_bus_i.idsel = idsel[2];
  assign store_3_bus_i.gnt   = gnt[2];
  store #(.BufferLog2(16), .FifoLog2(6), .Messages(1), .Instruments(1), .Small(0), .Dma(1), .DelayBits(32), .CountBits(16), .LengthBits(32), .AddressBits(32)) u_store_3 (
    .clk_i, .rst_ni, .place_i(store_3_place), .bus_i(store_3_bus_i), .bus_o(store_3_bus_o), .intx_o(store_3_intx),
    .events_o(store_3_events)
  );

  // Function 4: gpio at 00:02.1.
  always_comb begin : p_gpio_4
    gpio_4_place               = facts;
    gpio_4_place.violation     = violation;
    gpio_4_place.number        = 3'd1;
    gpio_4_place.multifunction = 1'b1;
    gpio_4_place.pin           = 3'd2;
  end
  assign gpio_4_bus_i.bus   = bus;
  assign gpio_4_bus_i.idsel = idsel[2];
  assign gpio_4_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_4 (
    .clk_i, .rst_ni, .place_i(gpio_4_place), .bus_i(gpio_4_bus_i), .bus_o(gpio_4_bus_o), .intx_o(gpio_4_intx),
    .events_o(gpio_4_events),
    .pads_i(gpio_4_pads_i), .pads_o(gpio_4_pads_o), .pads_en_o(gpio_4_pads_en_o)
  );

  // Function 5: gpio at 00:02.5.
  always_comb begin : p_gpio_5
    gpio_5_place               = facts;
    gpio_5_place.violation     = violation;
    gpio_5_place.number        = 3'd5;
    gpio_5_place.multifunction = 1'b1;
    gpio_5_place.pin           = 3'd3;
  end
  assign gpio_5_bus_i.bus   = bus;
  assign gpio_5_bus_i.idsel = idsel[2];
  assign gpio_5_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_5 (
    .clk_i, .rst_ni, .place_i(gpio_5_place), .bus_i(gpio_5_bus_i), .bus_o(gpio_5_bus_o), .intx_o(gpio_5_intx),
    .events_o(gpio_5_events),
    .pads_i(gpio_5_pads_i), .pads_o(gpio_5_pads_o), .pads_en_o(gpio_5_pads_en_o)
  );

  // Function 6: store at 00:03.0.
  always_comb begin : p_store_6
    store_6_place               = facts;
    store_6_place.violation     = violation;
    store_6_place.number        = 3'd0;
    store_6_place.multifunction = 1'b1;
    store_6_place.pin           = 3'd1;
  end
  assign store_6_bus_i.bus   = bus;
  assign store_6_bus_i.idsel = idsel[3];
  assign store_6_bus_i.gnt   = gnt[3];
  store #(.BufferLog2(16), .FifoLog2(6), .Messages(1), .Instruments(1), .Small(0), .Dma(1), .DelayBits(32), .CountBits(16), .LengthBits(32), .AddressBits(32)) u_store_6 (
    .clk_i, .rst_ni, .place_i(store_6_place), .bus_i(store_6_bus_i), .bus_o(store_6_bus_o), .intx_o(store_6_intx),
    .events_o(store_6_events)
  );

  // Function 7: gpio at 00:03.1.
  always_comb begin : p_gpio_7
    gpio_7_place               = facts;
    gpio_7_place.violation     = violation;
    gpio_7_place.number        = 3'd1;
    gpio_7_place.multifunction = 1'b1;
    gpio_7_place.pin           = 3'd2;
  end
  assign gpio_7_bus_i.bus   = bus;
  assign gpio_7_bus_i.idsel = idsel[3];
  assign gpio_7_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_7 (
    .clk_i, .rst_ni, .place_i(gpio_7_place), .bus_i(gpio_7_bus_i), .bus_o(gpio_7_bus_o), .intx_o(gpio_7_intx),
    .events_o(gpio_7_events),
    .pads_i(gpio_7_pads_i), .pads_o(gpio_7_pads_o), .pads_en_o(gpio_7_pads_en_o)
  );

  // Function 8: gpio at 00:03.5.
  always_comb begin : p_gpio_8
    gpio_8_place               = facts;
    gpio_8_place.violation     = violation;
    gpio_8_place.number        = 3'd5;
    gpio_8_place.multifunction = 1'b1;
    gpio_8_place.pin           = 3'd3;
  end
  assign gpio_8_bus_i.bus   = bus;
  assign gpio_8_bus_i.idsel = idsel[3];
  assign gpio_8_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_8 (
    .clk_i, .rst_ni, .place_i(gpio_8_place), .bus_i(gpio_8_bus_i), .bus_o(gpio_8_bus_o), .intx_o(gpio_8_intx),
    .events_o(gpio_8_events),
    .pads_i(gpio_8_pads_i), .pads_o(gpio_8_pads_o), .pads_en_o(gpio_8_pads_en_o)
  );

  // Function 9: store at 00:04.0.
  always_comb begin : p_store_9
    store_9_place               = facts;
    store_9_place.violation     = violation;
    store_9_place.number        = 3'd0;
    store_9_place.multifunction = 1'b1;
    store_9_place.pin           = 3'd1;
  end
  assign store_9_bus_i.bus   = bus;
  assign store_9_bus_i.idsel = idsel[4];
  assign store_9_bus_i.gnt   = gnt[4];
  store #(.BufferLog2(16), .FifoLog2(6), .Messages(1), .Instruments(1), .Small(0), .Dma(1), .DelayBits(32), .CountBits(16), .LengthBits(32), .AddressBits(32)) u_store_9 (
    .clk_i, .rst_ni, .place_i(store_9_place), .bus_i(store_9_bus_i), .bus_o(store_9_bus_o), .intx_o(store_9_intx),
    .events_o(store_9_events)
  );

  // Function 10: gpio at 00:04.1.
  always_comb begin : p_gpio_10
    gpio_10_place               = facts;
    gpio_10_place.violation     = violation;
    gpio_10_place.number        = 3'd1;
    gpio_10_place.multifunction = 1'b1;
    gpio_10_place.pin           = 3'd2;
  end
  assign gpio_10_bus_i.bus   = bus;
  assign gpio_10_bus_i.idsel = idsel[4];
  assign gpio_10_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_10 (
    .clk_i, .rst_ni, .place_i(gpio_10_place), .bus_i(gpio_10_bus_i), .bus_o(gpio_10_bus_o), .intx_o(gpio_10_intx),
    .events_o(gpio_10_events),
    .pads_i(gpio_10_pads_i), .pads_o(gpio_10_pads_o), .pads_en_o(gpio_10_pads_en_o)
  );

  // Function 11: gpio at 00:04.5.
  always_comb begin : p_gpio_11
    gpio_11_place               = facts;
    gpio_11_place.violation     = violation;
    gpio_11_place.number        = 3'd5;
    gpio_11_place.multifunction = 1'b1;
    gpio_11_place.pin           = 3'd3;
  end
  assign gpio_11_bus_i.bus   = bus;
  assign gpio_11_bus_i.idsel = idsel[4];
  assign gpio_11_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_11 (
    .clk_i, .rst_ni, .place_i(gpio_11_place), .bus_i(gpio_11_bus_i), .bus_o(gpio_11_bus_o), .intx_o(gpio_11_intx),
    .events_o(gpio_11_events),
    .pads_i(gpio_11_pads_i), .pads_o(gpio_11_pads_o), .pads_en_o(gpio_11_pads_en_o)
  );

  // Function 12: store at 00:08.0.
  always_comb begin : p_store_12
    store_12_place               = facts;
    store_12_place.violation     = violation;
    store_12_place.number        = 3'd0;
    store_12_place.multifunction = 1'b0;
    store_12_place.pin           = 3'd1;
  end
  assign store_12_bus_i.bus   = bus;
  assign store_12_bus_i.idsel = idsel[8];
  assign store_12_bus_i.gnt   = gnt[5];
  store #(.BufferLog2(16), .FifoLog2(6), .Messages(1), .Instruments(1), .Small(0), .Dma(1), .DelayBits(32), .CountBits(16), .LengthBits(32), .AddressBits(32)) u_store_12 (
    .clk_i, .rst_ni, .place_i(store_12_place), .bus_i(store_12_bus_i), .bus_o(store_12_bus_o), .intx_o(store_12_intx),
    .events_o(store_12_events)
  );

  // Function 13: store at 00:0f.0.
  always_comb begin : p_store_13
    store_13_place               = facts;
    store_13_place.violation     = violation;
    store_13_place.number        = 3'd0;
    store_13_place.multifunction = 1'b0;
    store_13_place.pin           = 3'd1;
  end
  assign store_13_bus_i.bus   = bus;
  assign store_13_bus_i.idsel = idsel[15];
  assign store_13_bus_i.gnt   = gnt[6];
  store #(.BufferLog2(16), .FifoLog2(6), .Messages(1), .Instruments(1), .Small(0), .Dma(1), .DelayBits(32), .CountBits(16), .LengthBits(32), .AddressBits(32)) u_store_13 (
    .clk_i, .rst_ni, .place_i(store_13_place), .bus_i(store_13_bus_i), .bus_o(store_13_bus_o), .intx_o(store_13_intx),
    .events_o(store_13_events)
  );

  // Function 14: gpio at 00:10.0.
  always_comb begin : p_gpio_14
    gpio_14_place               = facts;
    gpio_14_place.violation     = violation;
    gpio_14_place.number        = 3'd0;
    gpio_14_place.multifunction = 1'b0;
    gpio_14_place.pin           = 3'd1;
  end
  assign gpio_14_bus_i.bus   = bus;
  assign gpio_14_bus_i.idsel = idsel[16];
  assign gpio_14_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_14 (
    .clk_i, .rst_ni, .place_i(gpio_14_place), .bus_i(gpio_14_bus_i), .bus_o(gpio_14_bus_o), .intx_o(gpio_14_intx),
    .events_o(gpio_14_events),
    .pads_i(gpio_14_pads_i), .pads_o(gpio_14_pads_o), .pads_en_o(gpio_14_pads_en_o)
  );

  // Function 15: gpio at 00:1f.0.
  always_comb begin : p_gpio_15
    gpio_15_place               = facts;
    gpio_15_place.violation     = violation;
    gpio_15_place.number        = 3'd0;
    gpio_15_place.multifunction = 1'b0;
    gpio_15_place.pin           = 3'd1;
  end
  assign gpio_15_bus_i.bus   = bus;
  assign gpio_15_bus_i.idsel = idsel[31];
  assign gpio_15_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16), .Rom(0)) u_gpio_15 (
    .clk_i, .rst_ni, .place_i(gpio_15_place), .bus_i(gpio_15_bus_i), .bus_o(gpio_15_bus_o), .intx_o(gpio_15_intx),
    .events_o(gpio_15_events),
    .pads_i(gpio_15_pads_i), .pads_o(gpio_15_pads_o), .pads_en_o(gpio_15_pads_en_o)
  );

  if (Checker) begin : gen_checker
    logic        unused_open;
    logic [4:0]  unused_clock;
    logic [15:0] unused_moved;
    logic [7:0]  unused_violations;
    logic [bus_pkg::Rules-1:0] unused_broken;
    bus_pkg::rule_e first;
    assign violation = 6'(first);
    bus_checker #(.Masters(7), .Targets(19), .Park(0)) u_checker (
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
