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
  localparam logic [31:0] ClockKhz = 32'd33333;
  localparam logic [31:0] TimestampAddress = 32'hFEC01000;

  bus_pkg::bus_t        bus;
  bus_pkg::master_out_t bridge_master;
  bus_pkg::target_out_t bridge_target, controller_target, timestamp_target;
  logic [7-1:0] req, gnt, broken;
  logic [3-1:0] bus_master;
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

  bus_mux #(.Masters(7), .Targets(19)) u_mux (
    .clk_i, .rst_ni, .masters_i({store_13_bus_o.master, store_12_bus_o.master, store_9_bus_o.master, store_6_bus_o.master, store_3_bus_o.master, store_0_bus_o.master, bridge_master}),
    .targets_i({gpio_15_bus_o.target, gpio_14_bus_o.target, store_13_bus_o.target, store_12_bus_o.target, gpio_11_bus_o.target, gpio_10_bus_o.target, store_9_bus_o.target, gpio_8_bus_o.target, gpio_7_bus_o.target, store_6_bus_o.target, gpio_5_bus_o.target, gpio_4_bus_o.target, store_3_bus_o.target, gpio_2_bus_o.target, gpio_1_bus_o.target, store_0_bus_o.target, timestamp_target, controller_target, bridge_target}), .bus_o(bus)
  );
  bus_arbiter #(.Masters(7), .Park(0)) u_arbiter (
    .clk_i, .rst_ni, .frame_i(bus.frame), .irdy_i(bus.irdy), .start_i(bus.start), .req_i(req), .gnt_o(gnt),
    .master_o(bus_master), .broken_o(broken)
  );
  assign req[1] = store_0_bus_o.req;
  assign req[2] = store_3_bus_o.req;
  assign req[3] = store_6_bus_o.req;
  assign req[4] = store_9_bus_o.req;
  assign req[5] = store_12_bus_o.req;
  assign req[6] = store_13_bus_o.req;

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
  socket_pkg::place_t facts;
  always_comb begin : p_facts
    facts                   = '0;
    facts.clock_khz         = ClockKhz;
    facts.timestamp_address = TimestampAddress;
    facts.checker_present   = Checker;
  end

  logic       controller_interrupt, mark, drained, posted_empty;
  logic [3:0] controller_input;
  host_bridge #(.MemoryLog2(26), .Masters(7)) u_bridge (
    .clk_i, .rst_ni, .place_i(facts), .command_i(command_in), .command_o(command_out), .memory_o(memory_out),
    .memory_i(memory_in), .interrupt_i(controller_interrupt), .interrupt_input_i(controller_input),
    .mark_o(mark), .drained_o(drained), .posted_empty_o(posted_empty), .bus_i(bus), .gnt_i(gnt[0]),
    .bus_master_i(bus_master), .req_o(req[0]), .idsel_i(idsel[0]), .idsel_o(idsel),
    .master_o(bridge_master), .target_o(bridge_target)
  );

  // Function 0: store at 00:01.0.
  always_comb begin : p_store_0
    store_0_place               = facts;
    store_0_place.number        = 3'd0;
    store_0_place.multifunction = 1'b1;
    store_0_place.pin           = 3'd1;
  end
  assign store_0_bus_i.bus   = bus;
  assign store_0_bus_i.idsel = idsel[1];
  assign store_0_bus_i.gnt   = gnt[1];
  store #(.BufferLog2(16), .FifoLog2(6)) u_store_0 (
    .clk_i, .rst_ni, .place_i(store_0_place), .bus_i(store_0_bus_i), .bus_o(store_0_bus_o), .intx_o(store_0_intx),
    .events_o(store_0_events)
  );

  // Function 1: gpio at 00:01.1.
  always_comb begin : p_gpio_1
    gpio_1_place               = facts;
    gpio_1_place.number        = 3'd1;
    gpio_1_place.multifunction = 1'b1;
    gpio_1_place.pin           = 3'd2;
  end
  assign gpio_1_bus_i.bus   = bus;
  assign gpio_1_bus_i.idsel = idsel[1];
  assign gpio_1_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16)) u_gpio_1 (
    .clk_i, .rst_ni, .place_i(gpio_1_place), .bus_i(gpio_1_bus_i), .bus_o(gpio_1_bus_o), .intx_o(gpio_1_intx),
    .events_o(gpio_1_events),
    .pads_i(gpio_1_pads_i), .pads_o(gpio_1_pads_o), .pads_en_o(gpio_1_pads_en_o)
  );

  // Function 2: gpio at 00:01.5.
  always_comb begin : p_gpio_2
    gpio_2_place               = facts;
    gpio_2_place.number        = 3'd5;
    gpio_2_place.multifunction = 1'b1;
    gpio_2_place.pin           = 3'd3;
  end
  assign gpio_2_bus_i.bus   = bus;
  assign gpio_2_bus_i.idsel = idsel[1];
  assign gpio_2_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16)) u_gpio_2 (
    .clk_i, .rst_ni, .place_i(gpio_2_place), .bus_i(gpio_2_bus_i), .bus_o(gpio_2_bus_o), .intx_o(gpio_2_intx),
    .events_o(gpio_2_events),
    .pads_i(gpio_2_pads_i), .pads_o(gpio_2_pads_o), .pads_en_o(gpio_2_pads_en_o)
  );

  // Function 3: store at 00:02.0.
  always_comb begin : p_store_3
    store_3_place               = facts;
    store_3_place.number        = 3'd0;
    store_3_place.multifunction = 1'b1;
    store_3_place.pin           = 3'd1;
  end
  assign store_3_bus_i.bus   = bus;
  assign store_3_bus_i.idsel = idsel[2];
  assign store_3_bus_i.gnt   = gnt[2];
  store #(.BufferLog2(16), .FifoLog2(6)) u_store_3 (
    .clk_i, .rst_ni, .place_i(store_3_place), .bus_i(store_3_bus_i), .bus_o(store_3_bus_o), .intx_o(store_3_intx),
    .events_o(store_3_events)
  );

  // Function 4: gpio at 00:02.1.
  always_comb begin : p_gpio_4
    gpio_4_place               = facts;
    gpio_4_place.number        = 3'd1;
    gpio_4_place.multifunction = 1'b1;
    gpio_4_place.pin           = 3'd2;
  end
  assign gpio_4_bus_i.bus   = bus;
  assign gpio_4_bus_i.idsel = idsel[2];
  assign gpio_4_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16)) u_gpio_4 (
    .clk_i, .rst_ni, .place_i(gpio_4_place), .bus_i(gpio_4_bus_i), .bus_o(gpio_4_bus_o), .intx_o(gpio_4_intx),
    .events_o(gpio_4_events),
    .pads_i(gpio_4_pads_i), .pads_o(gpio_4_pads_o), .pads_en_o(gpio_4_pads_en_o)
  );

  // Function 5: gpio at 00:02.5.
  always_comb begin : p_gpio_5
    gpio_5_place               = facts;
    gpio_5_place.number        = 3'd5;
    gpio_5_place.multifunction = 1'b1;
    gpio_5_place.pin           = 3'd3;
  end
  assign gpio_5_bus_i.bus   = bus;
  assign gpio_5_bus_i.idsel = idsel[2];
  assign gpio_5_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16)) u_gpio_5 (
    .clk_i, .rst_ni, .place_i(gpio_5_place), .bus_i(gpio_5_bus_i), .bus_o(gpio_5_bus_o), .intx_o(gpio_5_intx),
    .events_o(gpio_5_events),
    .pads_i(gpio_5_pads_i), .pads_o(gpio_5_pads_o), .pads_en_o(gpio_5_pads_en_o)
  );

  // Function 6: store at 00:03.0.
  always_comb begin : p_store_6
    store_6_place               = facts;
    store_6_place.number        = 3'd0;
    store_6_place.multifunction = 1'b1;
    store_6_place.pin           = 3'd1;
  end
  assign store_6_bus_i.bus   = bus;
  assign store_6_bus_i.idsel = idsel[3];
  assign store_6_bus_i.gnt   = gnt[3];
  store #(.BufferLog2(16), .FifoLog2(6)) u_store_6 (
    .clk_i, .rst_ni, .place_i(store_6_place), .bus_i(store_6_bus_i), .bus_o(store_6_bus_o), .intx_o(store_6_intx),
    .events_o(store_6_events)
  );

  // Function 7: gpio at 00:03.1.
  always_comb begin : p_gpio_7
    gpio_7_place               = facts;
    gpio_7_place.number        = 3'd1;
    gpio_7_place.multifunction = 1'b1;
    gpio_7_place.pin           = 3'd2;
  end
  assign gpio_7_bus_i.bus   = bus;
  assign gpio_7_bus_i.idsel = idsel[3];
  assign gpio_7_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16)) u_gpio_7 (
    .clk_i, .rst_ni, .place_i(gpio_7_place), .bus_i(gpio_7_bus_i), .bus_o(gpio_7_bus_o), .intx_o(gpio_7_intx),
    .events_o(gpio_7_events),
    .pads_i(gpio_7_pads_i), .pads_o(gpio_7_pads_o), .pads_en_o(gpio_7_pads_en_o)
  );

  // Function 8: gpio at 00:03.5.
  always_comb begin : p_gpio_8
    gpio_8_place               = facts;
    gpio_8_place.number        = 3'd5;
    gpio_8_place.multifunction = 1'b1;
    gpio_8_place.pin           = 3'd3;
  end
  assign gpio_8_bus_i.bus   = bus;
  assign gpio_8_bus_i.idsel = idsel[3];
  assign gpio_8_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16)) u_gpio_8 (
    .clk_i, .rst_ni, .place_i(gpio_8_place), .bus_i(gpio_8_bus_i), .bus_o(gpio_8_bus_o), .intx_o(gpio_8_intx),
    .events_o(gpio_8_events),
    .pads_i(gpio_8_pads_i), .pads_o(gpio_8_pads_o), .pads_en_o(gpio_8_pads_en_o)
  );

  // Function 9: store at 00:04.0.
  always_comb begin : p_store_9
    store_9_place               = facts;
    store_9_place.number        = 3'd0;
    store_9_place.multifunction = 1'b1;
    store_9_place.pin           = 3'd1;
  end
  assign store_9_bus_i.bus   = bus;
  assign store_9_bus_i.idsel = idsel[4];
  assign store_9_bus_i.gnt   = gnt[4];
  store #(.BufferLog2(16), .FifoLog2(6)) u_store_9 (
    .clk_i, .rst_ni, .place_i(store_9_place), .bus_i(store_9_bus_i), .bus_o(store_9_bus_o), .intx_o(store_9_intx),
    .events_o(store_9_events)
  );

  // Function 10: gpio at 00:04.1.
  always_comb begin : p_gpio_10
    gpio_10_place               = facts;
    gpio_10_place.number        = 3'd1;
    gpio_10_place.multifunction = 1'b1;
    gpio_10_place.pin           = 3'd2;
  end
  assign gpio_10_bus_i.bus   = bus;
  assign gpio_10_bus_i.idsel = idsel[4];
  assign gpio_10_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16)) u_gpio_10 (
    .clk_i, .rst_ni, .place_i(gpio_10_place), .bus_i(gpio_10_bus_i), .bus_o(gpio_10_bus_o), .intx_o(gpio_10_intx),
    .events_o(gpio_10_events),
    .pads_i(gpio_10_pads_i), .pads_o(gpio_10_pads_o), .pads_en_o(gpio_10_pads_en_o)
  );

  // Function 11: gpio at 00:04.5.
  always_comb begin : p_gpio_11
    gpio_11_place               = facts;
    gpio_11_place.number        = 3'd5;
    gpio_11_place.multifunction = 1'b1;
    gpio_11_place.pin           = 3'd3;
  end
  assign gpio_11_bus_i.bus   = bus;
  assign gpio_11_bus_i.idsel = idsel[4];
  assign gpio_11_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16)) u_gpio_11 (
    .clk_i, .rst_ni, .place_i(gpio_11_place), .bus_i(gpio_11_bus_i), .bus_o(gpio_11_bus_o), .intx_o(gpio_11_intx),
    .events_o(gpio_11_events),
    .pads_i(gpio_11_pads_i), .pads_o(gpio_11_pads_o), .pads_en_o(gpio_11_pads_en_o)
  );

  // Function 12: store at 00:08.0.
  always_comb begin : p_store_12
    store_12_place               = facts;
    store_12_place.number        = 3'd0;
    store_12_place.multifunction = 1'b0;
    store_12_place.pin           = 3'd1;
  end
  assign store_12_bus_i.bus   = bus;
  assign store_12_bus_i.idsel = idsel[8];
  assign store_12_bus_i.gnt   = gnt[5];
  store #(.BufferLog2(16), .FifoLog2(6)) u_store_12 (
    .clk_i, .rst_ni, .place_i(store_12_place), .bus_i(store_12_bus_i), .bus_o(store_12_bus_o), .intx_o(store_12_intx),
    .events_o(store_12_events)
  );

  // Function 13: store at 00:0f.0.
  always_comb begin : p_store_13
    store_13_place               = facts;
    store_13_place.number        = 3'd0;
    store_13_place.multifunction = 1'b0;
    store_13_place.pin           = 3'd1;
  end
  assign store_13_bus_i.bus   = bus;
  assign store_13_bus_i.idsel = idsel[15];
  assign store_13_bus_i.gnt   = gnt[6];
  store #(.BufferLog2(16), .FifoLog2(6)) u_store_13 (
    .clk_i, .rst_ni, .place_i(store_13_place), .bus_i(store_13_bus_i), .bus_o(store_13_bus_o), .intx_o(store_13_intx),
    .events_o(store_13_events)
  );

  // Function 14: gpio at 00:10.0.
  always_comb begin : p_gpio_14
    gpio_14_place               = facts;
    gpio_14_place.number        = 3'd0;
    gpio_14_place.multifunction = 1'b0;
    gpio_14_place.pin           = 3'd1;
  end
  assign gpio_14_bus_i.bus   = bus;
  assign gpio_14_bus_i.idsel = idsel[16];
  assign gpio_14_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16)) u_gpio_14 (
    .clk_i, .rst_ni, .place_i(gpio_14_place), .bus_i(gpio_14_bus_i), .bus_o(gpio_14_bus_o), .intx_o(gpio_14_intx),
    .events_o(gpio_14_events),
    .pads_i(gpio_14_pads_i), .pads_o(gpio_14_pads_o), .pads_en_o(gpio_14_pads_en_o)
  );

  // Function 15: gpio at 00:1f.0.
  always_comb begin : p_gpio_15
    gpio_15_place               = facts;
    gpio_15_place.number        = 3'd0;
    gpio_15_place.multifunction = 1'b0;
    gpio_15_place.pin           = 3'd1;
  end
  assign gpio_15_bus_i.bus   = bus;
  assign gpio_15_bus_i.idsel = idsel[31];
  assign gpio_15_bus_i.gnt   = 1'b0;
  gpio #(.Pins(16)) u_gpio_15 (
    .clk_i, .rst_ni, .place_i(gpio_15_place), .bus_i(gpio_15_bus_i), .bus_o(gpio_15_bus_o), .intx_o(gpio_15_intx),
    .events_o(gpio_15_events),
    .pads_i(gpio_15_pads_i), .pads_o(gpio_15_pads_o), .pads_en_o(gpio_15_pads_en_o)
  );

  // The lines INTD to INTA.
  logic       fetch_event, spurious_event, eoi_event;
  logic [7:0] vector;
  logic [3:0] eoi_input;
  interrupt_controller #(
    .Address(32'hFEC00000), .Doorbell(32'hFEE00000), .VectorBase(8'h30), .VectorStep(8'd8)
  ) u_controller (
    .clk_i, .rst_ni, .intx_i({store_6_intx | store_13_intx, gpio_1_intx | gpio_2_intx | gpio_4_intx | gpio_5_intx | gpio_7_intx | gpio_8_intx | gpio_10_intx | gpio_11_intx | gpio_14_intx | gpio_15_intx, store_3_intx | store_12_intx, store_0_intx | store_9_intx}), .posted_empty_i(posted_empty),
    .interrupt_o(controller_interrupt), .interrupt_input_o(controller_input),
    .fetch_event_o(fetch_event), .spurious_event_o(spurious_event), .vector_o(vector), .eoi_event_o(eoi_event),
    .eoi_input_o(eoi_input), .bus_i(bus), .target_o(controller_target)
  );

  timestamp_unit #(
    .EventLog2(9), .Functions(16), .ClockKhz(ClockKhz), .Address(TimestampAddress)
  ) u_timestamp (
    .clk_i, .rst_ni, .functions_i({gpio_15_events, gpio_14_events, store_13_events, store_12_events, gpio_11_events, gpio_10_events, store_9_events, gpio_8_events, gpio_7_events, store_6_events, gpio_5_events, gpio_4_events, store_3_events, gpio_2_events, gpio_1_events, store_0_events}),
    .fetch_i(fetch_event), .spurious_i(spurious_event), .eoi_i(eoi_event), .mark_i(mark), .drained_i(drained),
    .vector_i(fetch_event ? vector : 8'(eoi_input)), .payload_i(cmd_data_i),
    .clock_o, .event_valid_o, .event_o, .event_ready_i, .event_drops_o, .bus_i(bus), .target_o(timestamp_target)
  );

  if (Checker) begin : gen_checker
    logic        unused_open;
    logic [4:0]  unused_clock;
    logic [15:0] unused_moved;
    bus_checker #(.Masters(7), .Targets(19), .Park(0)) u_checker (
      .clk_i, .rst_ni, .bus_i(bus), .idsel_i(idsel), .req_i(req), .gnt_i(gnt), .broken_i(broken),
      .masters_i({store_13_bus_o.master, store_12_bus_o.master, store_9_bus_o.master, store_6_bus_o.master, store_3_bus_o.master, store_0_bus_o.master, bridge_master}),
      .targets_i({gpio_15_bus_o.target, gpio_14_bus_o.target, store_13_bus_o.target, store_12_bus_o.target, gpio_11_bus_o.target, gpio_10_bus_o.target, store_9_bus_o.target, gpio_8_bus_o.target, gpio_7_bus_o.target, store_6_bus_o.target, gpio_5_bus_o.target, gpio_4_bus_o.target, store_3_bus_o.target, gpio_2_bus_o.target, gpio_1_bus_o.target, store_0_bus_o.target, timestamp_target, controller_target, bridge_target}),
      .open_o(unused_open), .clock_o(unused_clock), .moved_o(unused_moved)
    );
  end else begin : gen_no_checker
    logic unused_broken;
    assign unused_broken = ^broken;
  end
  logic unused_idsel;
  assign unused_idsel = ^idsel;
endmodule
