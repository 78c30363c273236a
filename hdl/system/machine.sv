// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The machine: host bridge, arbiter, interrupt controller, timestamp unit and the store function on one bus.
/// Ports and addresses are the contract in docs/architecture.md.
module machine #(
  /// Log2 of the device buffer's bytes.
  parameter int unsigned BufferLog2 = 16,
  /// Log2 of the device FIFO's dwords.
  parameter int unsigned FifoLog2 = 6,
  /// Log2 of the number of event records that the FIFO holds.
  parameter int unsigned EventLog2 = 9,
  /// Log2 of the bytes of host memory that the bridge claims.
  parameter int unsigned MemoryLog2 = host_pkg::MemoryLog2,
  /// Clock frequency, for the registers that report it.
  parameter logic [31:0] ClockKhz = host_pkg::ClockKhz,
  /// Build the bus protocol checker in.
  parameter bit          Checker = 1'b0
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
  bus_pkg::bus_t        bus;
  bus_pkg::master_out_t bridge_master;
  bus_pkg::target_out_t bridge_target, controller_target, timestamp_target;
  bus_pkg::bus_out_t store_bus;
  logic [1:0]           req, gnt, broken;
  logic [31:0]          idsel;

  bus_mux #(.Masters(2), .Targets(4)) u_mux (
    .clk_i, .rst_ni, .masters_i({store_bus.master, bridge_master}),
    .targets_i({timestamp_target, controller_target, store_bus.target, bridge_target}), .bus_o(bus)
  );
  bus_arbiter #(.Masters(2), .Park(0)) u_arbiter (
    .clk_i, .rst_ni, .bus_i(bus), .req_i(req), .gnt_o(gnt), .broken_o(broken)
  );

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

  // Places.
  socket_pkg::place_t bridge_place, store_place;
  always_comb begin : p_places
    bridge_place                   = '0;
    bridge_place.clock_khz         = ClockKhz;
    bridge_place.timestamp_address = host_pkg::AddressTimestamp;
    bridge_place.checker_present   = Checker;
    store_place                    = bridge_place;
    store_place.pin                = 3'd1;
  end

  logic       controller_interrupt, mark, drained, posted_empty;
  logic [3:0] controller_input;
  host_bridge #(.MemoryLog2(MemoryLog2)) u_bridge (
    .clk_i, .rst_ni, .place_i(bridge_place), .command_i(command_in), .command_o(command_out), .memory_o(memory_out),
    .memory_i(memory_in), .interrupt_i(controller_interrupt), .interrupt_input_i(controller_input),
    .mark_o(mark), .drained_o(drained), .posted_empty_o(posted_empty), .bus_i(bus), .gnt_i(gnt[0]), .req_o(req[0]),
    .idsel_i(idsel[host_pkg::DeviceBridge]), .idsel_o(idsel), .master_o(bridge_master), .target_o(bridge_target)
  );

  logic                intx;
  bus_pkg::bus_in_t store_in;
  socket_pkg::events_t events;
  assign store_in.bus   = bus;
  assign store_in.idsel = idsel[host_pkg::DeviceStore];
  assign store_in.gnt   = gnt[1];
  assign req[1]         = store_bus.req;
  store #(.BufferLog2(BufferLog2), .FifoLog2(FifoLog2)) u_store (
    .clk_i, .rst_ni, .place_i(store_place), .bus_i(store_in), .bus_o(store_bus), .intx_o(intx), .events_o(events)
  );

  // No swizzle on the root bus: device 1's INTA drives intx_i[0] of the controller, not intx_i[1].
  logic       fetch_event, spurious_event, eoi_event;
  logic [7:0] vector;
  logic [3:0] eoi_input;
  interrupt_controller u_controller (
    .clk_i, .rst_ni, .intx_i({3'b000, intx}), .posted_empty_i(posted_empty),
    .interrupt_o(controller_interrupt), .interrupt_input_o(controller_input),
    .fetch_event_o(fetch_event), .spurious_event_o(spurious_event), .vector_o(vector), .eoi_event_o(eoi_event),
    .eoi_input_o(eoi_input), .bus_i(bus), .target_o(controller_target)
  );

  logic [15:0] bits;
  always_comb begin : p_bits
    bits = '0;
    bits[host_pkg::EventBitCause]         = events.cause_set != '0;
    bits[host_pkg::EventBitAssert]        = events.asserted;
    bits[host_pkg::EventBitVectorFetch]   = fetch_event;
    bits[host_pkg::EventBitClear]         = events.cause_clear != '0;
    bits[host_pkg::EventBitDeassert]      = events.deasserted;
    bits[host_pkg::EventBitEoi]           = eoi_event;
    bits[host_pkg::EventBitMark]          = mark;
    bits[host_pkg::EventBitDmaDrained]    = drained;
    bits[host_pkg::EventBitSpuriousFetch] = spurious_event;
  end
  timestamp_unit #(.EventLog2(EventLog2), .ClockKhz(ClockKhz)) u_timestamp (
    .clk_i, .rst_ni, .bits_i(bits), .function_read_i(events.register_read), .function_i(8'(host_pkg::DeviceStore)),
    .vector_i(fetch_event ? vector : eoi_event ? 8'(eoi_input) : 8'd0), .mark_i(mark ? cmd_data_i : 32'd0),
    .clock_o, .event_valid_o, .event_o, .event_ready_i, .event_drops_o, .bus_i(bus), .target_o(timestamp_target)
  );

  if (Checker) begin : gen_checker
    logic        unused_open;
    logic [4:0]  unused_clock;
    logic [15:0] unused_moved;
    bus_checker #(.Masters(2), .Targets(4), .Park(0)) u_checker (
      .clk_i, .rst_ni, .bus_i(bus), .idsel_i(idsel), .req_i(req), .gnt_i(gnt), .broken_i(broken),
      .masters_i({store_bus.master, bridge_master}),
      .targets_i({timestamp_target, controller_target, store_bus.target, bridge_target}),
      .open_o(unused_open), .clock_o(unused_clock), .moved_o(unused_moved)
    );
  end else begin : gen_no_checker
    logic unused_broken;
    assign unused_broken = ^broken;
  end
  logic unused_idsel;
  assign unused_idsel = ^idsel;
endmodule
