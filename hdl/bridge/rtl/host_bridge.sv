// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Host bridge: the host's command port on one side; on the bus a master for the host's accesses, and a target for the
/// host's memory and for the bridge's own configuration header (device 0).
module host_bridge #(
  /// Log2 of the bytes of host memory claimed.
  parameter int unsigned MemoryLog2 = host_pkg::MemoryLog2,
  /// Retries without any datum moved that end a command with TIMEOUT.
  parameter int unsigned RetryLimit = 1024,
  /// Whether the protocol checker is built in, for the vendor-specific capability.
  parameter bit          Checker = 1'b0
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  /// Command port.
  input  logic                 cmd_valid_i,
  output logic                 cmd_ready_o,
  input  host_pkg::op_e        cmd_op_i,
  input  logic [31:0]          cmd_address_i,
  input  logic [3:0]           cmd_be_i,
  input  logic [15:0]          cmd_length_i,
  input  logic [31:0]          cmd_data_i,
  input  logic                 wdata_valid_i,
  input  logic [31:0]          wdata_i,
  output logic                 wdata_ready_o,
  output logic                 rdata_valid_o,
  output logic [31:0]          rdata_o,
  input  logic                 rdata_ready_i,
  output logic                 rsp_valid_o,
  output host_pkg::bus_status_e    rsp_status_o,
  /// Interrupt from the controller, and to the host.
  input  logic                 interrupt_i,
  input  logic [3:0]           interrupt_input_i,
  output logic                 intr_o,
  output logic [3:0]           intr_input_o,
  /// Host memory port.
  output logic                 hm_valid_o,
  output logic                 hm_write_o,
  output logic [31:0]          hm_address_o,
  output logic [3:0]           hm_be_o,
  output logic [31:0]          hm_wdata_o,
  input  logic                 hm_ready_i,
  input  logic                 hm_rvalid_i,
  input  logic [31:0]          hm_rdata_i,
  /// Events: host mark with `cmd_data_i`, bus-master data drained.
  output logic                 mark_o,
  output logic                 drained_o,
  /// The bridge holds no posted write.
  output logic                 posted_empty_o,
  /// Bus.
  input  bus_pkg::bus_t        bus_i,
  input  logic                 gnt_i,
  output logic                 req_o,
  output logic [31:0]          idsel_o,
  output bus_pkg::master_out_t master_o,
  output bus_pkg::target_out_t target_o
);
  // Command side.
  logic              request_valid, request_ready, transfer, done, parity_error, pop, rvalid, address_phase, own;
  bus_pkg::request_t request;
  bus_pkg::result_e  result;
  logic [2:0]        available, wlevel, rlevel;
  logic              wpush, wclear, fill_push, hold;
  logic [31:0]       idsel, rdata, wdata0, wdata1;

  bridge_command u_command (
    .clk_i, .rst_ni,
    .cmd_valid_i, .cmd_ready_o, .cmd_op_i, .cmd_address_i, .cmd_be_i, .cmd_length_i, .cmd_data_i,
    .wdata_valid_i, .wdata_ready_o, .rsp_valid_o, .rsp_status_o,
    .wqueue_push_o(wpush), .wqueue_clear_o(wclear), .wqueue_level_i(wlevel),
    .fill_push_o(fill_push), .rqueue_level_i(rlevel),
    .request_valid_o(request_valid), .request_ready_i(request_ready), .request_o(request), .available_o(available),
    .transfer_i(transfer), .done_i(done), .result_i(result), .parity_error_i(parity_error),
    .idsel_o(idsel), .mark_o, .interrupt_hold_o(hold)
  );

  logic [31:0] unused_wqueue, unused_rqueue;
  prim_queue #(.Width(32)) u_wdata (
    .clk_i, .rst_ni, .clear_i(wclear), .push_i(wpush), .data_i(cmd_ready_o ? cmd_data_i : wdata_i), .pop_i(pop),
    .data0_o(wdata0), .data1_o(wdata1), .level_o(wlevel)
  );
  prim_queue #(.Width(32)) u_rdata (
    .clk_i, .rst_ni, .clear_i(1'b0), .push_i(rvalid || fill_push), .data_i(fill_push ? '1 : rdata),
    .pop_i(rdata_valid_o && rdata_ready_i), .data0_o(rdata_o), .data1_o(unused_rqueue), .level_o(rlevel)
  );
  assign rdata_valid_o = rlevel != '0;
  assign unused_wqueue = '0;

  // Bus master. Master enable is fixed on: without it the host could not enable anything.
  bus_pkg::status_set_t  master_status, target_status;
  pci_configuration_reg_pkg::command_out_t command;
  logic [7:0]            latency;
  bus_initiator #(.RetryLimit(RetryLimit)) u_initiator (
    .clk_i, .rst_ni,
    .request_valid_i(request_valid), .request_ready_o(request_ready), .request_i(request), .more_i(1'b0),
    .stop_i(1'b0), .enable_i(1'b1),
    .wdata0_i(wdata0), .wdata1_i(wdata1), .pop_o(pop), .rvalid_o(rvalid), .rdata_o(rdata), .available_i(available),
    .transfer_o(transfer), .transfer_be_o(), .done_o(done), .result_o(result), .address_o(),
    .address_phase_o(address_phase), .active_o(own), .parity_error_o(parity_error),
    .latency_i(latency), .parity_response_i(command.parity_response), .status_set_o(master_status),
    .bus_i, .gnt_i, .req_o, .master_o
  );
  assign idsel_o = idsel & {32{address_phase}};

  // Bus target: configuration header and host memory.
  logic [31:0] address, pointer, target_rdata, write_address, target_wdata, header_rdata, memory_rdata;
  logic [3:0]  be;
  logic        memory, configuration, active, waiting, retried, load, memory_hit, memory_rvalid, wready, write;
  bus_target u_target (
    .clk_i, .rst_ni,
    .address_o(address), .command_o(), .idsel_o(), .read_o(), .memory_o(memory), .io_o(),
    .configuration_o(configuration), .decode_o(), .hit_i(configuration || memory_hit), .abort_i(1'b0),
    .single_i(configuration || &pointer[MemoryLog2-1:2]), .active_o(active), .waiting_o(waiting), .retried_o(retried),
    .pointer_o(pointer), .rdata_i(target_rdata), .rvalid_i(configuration || memory_rvalid), .load_o(load),
    .loaded_o(), .loaded_address_o(), .transfer_o(),
    .wready_i(wready), .write_o(write), .write_address_o(write_address), .write_be_o(be), .wdata_o(target_wdata),
    .parity_response_i(command.parity_response), .serr_enable_i(command.serr_enable), .status_set_o(target_status),
    .bus_i, .idsel_i(idsel_o[host_pkg::DeviceBridge]), .target_o
  );
  assign target_rdata = configuration ? header_rdata : memory_rdata;

  // A master abort of a configuration access is no error: the host looks for devices in this way.
  logic request_is_config_q;
  always_ff @(posedge clk_i) begin : p_is_config
    if (request_valid) request_is_config_q <= request.command == bus_pkg::CommandConfigurationRead;
  end
  bus_pkg::status_set_t status_set;
  always_comb begin : p_status_set
    status_set = master_status | target_status;
    if (request_is_config_q && master_status.received_master_abort) status_set.received_master_abort = 1'b0;
  end

  config_header #(
    .DeviceId(16'hD100), .ClassCode(24'h060000), .Checker(Checker)
  ) u_header (
    .clk_i, .rst_ni,
    .load_i(load && configuration), .read_offset_i(pointer[7:0]), .rdata_o(header_rdata),
    .write_i(write && configuration), .write_offset_i(write_address[7:0]), .be_i(be), .wdata_i(target_wdata),
    .interrupt_status_i(1'b0), .status_set_i(status_set),
    .command_o(command), .latency_timer_o(latency), .bars_o(), .msi_enable_o(), .msi_address_o(), .msi_data_o()
  );

  bridge_memory #(.MemoryLog2(MemoryLog2)) u_memory (
    .clk_i, .rst_ni, .own_i(own), .bus_i,
    .address_i(address), .memory_i(memory), .active_i(active), .waiting_i(waiting), .retried_i(retried),
    .hit_o(memory_hit), .load_i(load && !configuration), .rdata_o(memory_rdata), .rvalid_o(memory_rvalid),
    .wready_o(wready), .write_i(write && !configuration), .write_address_i(write_address), .be_i(be),
    .wdata_i(target_wdata), .posted_empty_o, .drained_o,
    .hm_valid_o, .hm_write_o, .hm_address_o, .hm_be_o, .hm_wdata_o, .hm_ready_i, .hm_rvalid_i, .hm_rdata_i
  );

  assign intr_o       = interrupt_i && !hold;
  assign intr_input_o = interrupt_input_i;
endmodule
