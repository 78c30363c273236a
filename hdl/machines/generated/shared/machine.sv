// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/machines/shared.toml, do not edit.

/// shared: four stores: two share a level-sensitive line, two share a latched line.
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
  localparam logic [31:0] ClockKhz = 32'd33333;
  localparam logic [31:0] TimestampAddress = 32'hFEC01000;

  bus_pkg::bus_t        bus;
  bus_pkg::master_out_t bridge_master;
  bus_pkg::target_out_t bridge_target, controller_target, timestamp_target;
  logic [5-1:0] req, gnt, broken;
  logic [3-1:0] bus_master;
  logic [31:0]          idsel;
  bus_pkg::bus_in_t    store_0_bus_i;
  bus_pkg::bus_out_t   store_0_bus_o;
  socket_pkg::place_t  store_0_place;
  socket_pkg::events_t store_0_events;
  logic                store_0_intx;
  bus_pkg::bus_in_t    store_1_bus_i;
  bus_pkg::bus_out_t   store_1_bus_o;
  socket_pkg::place_t  store_1_place;
  socket_pkg::events_t store_1_events;
  logic                store_1_intx;
  bus_pkg::bus_in_t    store_2_bus_i;
  bus_pkg::bus_out_t   store_2_bus_o;
  socket_pkg::place_t  store_2_place;
  socket_pkg::events_t store_2_events;
  logic                store_2_intx;
  bus_pkg::bus_in_t    store_3_bus_i;
  bus_pkg::bus_out_t   store_3_bus_o;
  socket_pkg::place_t  store_3_place;
  socket_pkg::events_t store_3_events;
  logic                store_3_intx;

  bus_mux #(.Masters(5), .Targets(7)) u_mux (
    .clk_i, .rst_ni, .masters_i({store_3_bus_o.master, store_2_bus_o.master, store_1_bus_o.master, store_0_bus_o.master, bridge_master}),
    .targets_i({store_3_bus_o.target, store_2_bus_o.target, store_1_bus_o.target, store_0_bus_o.target, timestamp_target, controller_target, bridge_target}), .bus_o(bus)
  );
  bus_arbiter #(.Masters(5), .Park(0)) u_arbiter (
    .clk_i, .rst_ni, .frame_i(bus.frame), .irdy_i(bus.irdy), .start_i(bus.start), .req_i(req), .gnt_o(gnt),
    .master_o(bus_master), .broken_o(broken)
  );
  assign req[1] = store_0_bus_o.req;
  assign req[2] = store_1_bus_o.req;
  assign req[3] = store_2_bus_o.req;
  assign req[4] = store_3_bus_o.req;

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
  host_bridge #(.MemoryLog2(26), .Masters(5)) u_bridge (
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
    store_0_place.multifunction = 1'b0;
    store_0_place.pin           = 3'd1;
  end
  assign store_0_bus_i.bus   = bus;
  assign store_0_bus_i.idsel = idsel[1];
  assign store_0_bus_i.gnt   = gnt[1];
  store #(.BufferLog2(16), .FifoLog2(6)) u_store_0 (
    .clk_i, .rst_ni, .place_i(store_0_place), .bus_i(store_0_bus_i), .bus_o(store_0_bus_o), .intx_o(store_0_intx),
    .events_o(store_0_events)
  );

  // Function 1: store at 00:02.0.
  always_comb begin : p_store_1
    store_1_place               = facts;
    store_1_place.number        = 3'd0;
    store_1_place.multifunction = 1'b0;
    store_1_place.pin           = 3'd1;
  end
  assign store_1_bus_i.bus   = bus;
  assign store_1_bus_i.idsel = idsel[2];
  assign store_1_bus_i.gnt   = gnt[2];
  store #(.BufferLog2(16), .FifoLog2(6)) u_store_1 (
    .clk_i, .rst_ni, .place_i(store_1_place), .bus_i(store_1_bus_i), .bus_o(store_1_bus_o), .intx_o(store_1_intx),
    .events_o(store_1_events)
  );

  // Function 2: store at 00:03.0.
  always_comb begin : p_store_2
    store_2_place               = facts;
    store_2_place.number        = 3'd0;
    store_2_place.multifunction = 1'b0;
    store_2_place.pin           = 3'd1;
  end
  assign store_2_bus_i.bus   = bus;
  assign store_2_bus_i.idsel = idsel[3];
  assign store_2_bus_i.gnt   = gnt[3];
  store #(.BufferLog2(16), .FifoLog2(6)) u_store_2 (
    .clk_i, .rst_ni, .place_i(store_2_place), .bus_i(store_2_bus_i), .bus_o(store_2_bus_o), .intx_o(store_2_intx),
    .events_o(store_2_events)
  );

  // Function 3: store at 00:04.0.
  always_comb begin : p_store_3
    store_3_place               = facts;
    store_3_place.number        = 3'd0;
    store_3_place.multifunction = 1'b0;
    store_3_place.pin           = 3'd1;
  end
  assign store_3_bus_i.bus   = bus;
  assign store_3_bus_i.idsel = idsel[4];
  assign store_3_bus_i.gnt   = gnt[4];
  store #(.BufferLog2(16), .FifoLog2(6)) u_store_3 (
    .clk_i, .rst_ni, .place_i(store_3_place), .bus_i(store_3_bus_i), .bus_o(store_3_bus_o), .intx_o(store_3_intx),
    .events_o(store_3_events)
  );

  // The lines INTD to INTA.
  logic       fetch_event, spurious_event, eoi_event;
  logic [7:0] vector;
  logic [3:0] eoi_input;
  interrupt_controller #(
    .Address(32'hFEC00000), .Doorbell(32'hFEE00000), .VectorBase(8'h30), .VectorStep(8'd8)
  ) u_controller (
    .clk_i, .rst_ni, .intx_i({1'b0, 1'b0, store_2_intx | store_3_intx, store_0_intx | store_1_intx}), .posted_empty_i(posted_empty),
    .interrupt_o(controller_interrupt), .interrupt_input_o(controller_input),
    .fetch_event_o(fetch_event), .spurious_event_o(spurious_event), .vector_o(vector), .eoi_event_o(eoi_event),
    .eoi_input_o(eoi_input), .bus_i(bus), .target_o(controller_target)
  );

  timestamp_unit #(
    .EventLog2(9), .Functions(4), .ClockKhz(ClockKhz), .Address(TimestampAddress)
  ) u_timestamp (
    .clk_i, .rst_ni, .functions_i({store_3_events, store_2_events, store_1_events, store_0_events}),
    .fetch_i(fetch_event), .spurious_i(spurious_event), .eoi_i(eoi_event), .mark_i(mark), .drained_i(drained),
    .vector_i(fetch_event ? vector : 8'(eoi_input)), .payload_i(cmd_data_i),
    .clock_o, .event_valid_o, .event_o, .event_ready_i, .event_drops_o, .bus_i(bus), .target_o(timestamp_target)
  );

  if (Checker) begin : gen_checker
    logic        unused_open;
    logic [4:0]  unused_clock;
    logic [15:0] unused_moved;
    bus_checker #(.Masters(5), .Targets(7), .Park(0)) u_checker (
      .clk_i, .rst_ni, .bus_i(bus), .idsel_i(idsel), .req_i(req), .gnt_i(gnt), .broken_i(broken),
      .masters_i({store_3_bus_o.master, store_2_bus_o.master, store_1_bus_o.master, store_0_bus_o.master, bridge_master}),
      .targets_i({store_3_bus_o.target, store_2_bus_o.target, store_1_bus_o.target, store_0_bus_o.target, timestamp_target, controller_target, bridge_target}),
      .open_o(unused_open), .clock_o(unused_clock), .moved_o(unused_moved)
    );
  end else begin : gen_no_checker
    logic unused_broken;
    assign unused_broken = ^broken;
  end
  logic unused_idsel;
  assign unused_idsel = ^idsel;
endmodule
