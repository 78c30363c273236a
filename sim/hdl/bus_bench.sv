// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Bench for rules that the machine alone never shows. Host bridge and store function share the bus with an initiator
/// for any request, a target for any answer, a requester that never starts, and wires that flip PAR.
module bus_bench (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// Host command port.
  input  logic        cmd_valid_i,
  output logic        cmd_ready_o,
  input  logic [3:0]  cmd_op_i,
  input  logic [31:0] cmd_address_i,
  input  logic [3:0]  cmd_be_i,
  input  logic [15:0] cmd_length_i,
  input  logic [31:0] cmd_data_i,
  input  logic        wdata_valid_i,
  input  logic [31:0] wdata_i,
  output logic        wdata_ready_o,
  output logic        rdata_valid_o,
  output logic [31:0] rdata_o,
  input  logic        rdata_ready_i,
  output logic        rsp_valid_o,
  output logic [2:0]  rsp_status_o,
  /// Host memory.
  output logic        hm_valid_o,
  output logic        hm_write_o,
  output logic [31:0] hm_address_o,
  output logic [3:0]  hm_be_o,
  output logic [31:0] hm_wdata_o,
  input  logic        hm_ready_i,
  input  logic        hm_rvalid_i,
  input  logic [31:0] hm_rdata_i,
  /// Free initiator: one request, the same datum for every dword.
  input  logic        request_valid_i,
  output logic        request_ready_o,
  input  logic [3:0]  request_command_i,
  input  logic [31:0] request_address_i,
  input  logic [15:0] request_length_i,
  input  logic [3:0]  request_be_i,
  input  logic [31:0] request_data_i,
  input  logic        request_more_i,
  input  logic [7:0]  latency_i,
  input  logic        parity_response_i,
  output logic        done_o,
  output logic [2:0]  result_o,
  output logic [31:0] last_data_o,
  output logic [15:0] transfers_o,
  output logic [15:0] transactions_o,
  output logic        parity_error_o,
  output logic [5:0]  status_set_o,
  /// Free target, one page at 4000_0000.
  input  logic        target_rvalid_i,
  input  logic        target_wready_i,
  input  logic        target_abort_i,
  input  logic        target_single_i,
  /// A requester that never starts.
  input  logic        stuck_req_i,
  output logic [3:0]  broken_o,
  output logic [3:0]  gnt_o,
  output logic [3:0]  req_o,
  /// Flip the PAR that masters drive, and the PAR that targets drive.
  input  logic        flip_master_par_i,
  input  logic        flip_target_par_i,
  /// The signals of the bus, for tests to read.
  output logic        frame_o,
  output logic        irdy_o,
  output logic        devsel_o,
  output logic        trdy_o,
  output logic        stop_o,
  output logic        perr_o,
  output logic        serr_o,
  output logic        intx_o
);
  bus_pkg::bus_t        bus;
  bus_pkg::master_out_t bridge_master, store_master, free_master, bridge_flipped, store_flipped, free_flipped;
  bus_pkg::target_out_t bridge_target, store_target, free_target, bridge_bent, store_bent, free_bent;
  logic [3:0]           req, gnt;
  logic [31:0]          idsel;

  always_comb begin : p_flip
    bridge_flipped = bridge_master;
    store_flipped  = store_master;
    free_flipped   = free_master;
    bridge_bent    = bridge_target;
    store_bent     = store_target;
    free_bent      = free_target;
    bridge_flipped.par = bridge_master.par ^ flip_master_par_i;
    store_flipped.par  = store_master.par ^ flip_master_par_i;
    free_flipped.par   = free_master.par ^ flip_master_par_i;
    bridge_bent.par    = bridge_target.par ^ flip_target_par_i;
    store_bent.par     = store_target.par ^ flip_target_par_i;
    free_bent.par      = free_target.par ^ flip_target_par_i;
  end

  logic [4*bus_pkg::MasterOutWidth-1:0] masters;
  logic [3*bus_pkg::TargetOutWidth-1:0] targets;
  assign masters = {bus_pkg::MasterOutIdle, free_flipped, store_flipped, bridge_flipped};
  assign targets = {free_bent, store_bent, bridge_bent};
  bus_mux #(.Masters(4), .Targets(3)) u_mux (.masters_i(masters), .targets_i(targets), .bus_o(bus));
  bus_arbiter #(.Masters(4), .Park(0)) u_arbiter (
    .clk_i, .rst_ni, .frame_i(bus.frame), .irdy_i(bus.irdy), .req_i(req), .gnt_o(gnt), .broken_o
  );
  bus_checker #(.Masters(4), .Targets(3), .Park(0), .Content(1'b0)) u_checker (
    .clk_i, .rst_ni, .bus_i(bus), .idsel_i(idsel), .req_i(req), .gnt_i(gnt), .broken_i(broken_o), .masters_i(masters),
    .targets_i(targets), .open_o(), .clock_o(), .moved_o()
  );
  assign req[3] = stuck_req_i;

  host_pkg::bus_status_e status;
  host_bridge #(.MemoryLog2(20), .RetryLimit(32)) u_bridge (
    .clk_i, .rst_ni, .cmd_valid_i, .cmd_ready_o, .cmd_op_i(host_pkg::op_e'(cmd_op_i)), .cmd_address_i, .cmd_be_i,
    .cmd_length_i, .cmd_data_i, .wdata_valid_i, .wdata_i, .wdata_ready_o, .rdata_valid_o, .rdata_o, .rdata_ready_i,
    .rsp_valid_o, .rsp_status_o(status), .interrupt_i(1'b0), .interrupt_input_i(4'd0), .intr_o(), .intr_input_o(),
    .hm_valid_o, .hm_write_o, .hm_address_o, .hm_be_o, .hm_wdata_o, .hm_ready_i, .hm_rvalid_i, .hm_rdata_i,
    .mark_o(), .drained_o(), .posted_empty_o(), .bus_i(bus), .gnt_i(gnt[0]), .req_o(req[0]), .idsel_o(idsel),
    .master_o(bridge_master), .target_o(bridge_target)
  );
  assign rsp_status_o = status;

  store #(.BufferLog2(12), .FifoLog2(4)) u_store (
    .clk_i, .rst_ni, .intx_o, .cause_event_o(), .clear_event_o(), .assert_event_o(), .deassert_event_o(),
    .register_read_o(), .bus_i(bus), .idsel_i(idsel[1]), .gnt_i(gnt[1]), .req_o(req[1]), .master_o(store_master),
    .target_o(store_target)
  );

  bus_pkg::request_t    request;
  bus_pkg::result_e     result;
  bus_pkg::status_set_t status_set;
  logic [31:0]          rdata;
  logic                 rvalid, transfer, address_phase;
  assign request = '{
    command: bus_pkg::command_e'(request_command_i), address: request_address_i, length: request_length_i,
    first_be: request_be_i, last_be: request_be_i
  };
  bus_initiator u_free_initiator (
    .clk_i, .rst_ni, .request_valid_i, .request_ready_o, .request_i(request), .more_i(request_more_i), .stop_i(1'b0),
    .enable_i(1'b1), .wdata0_i(request_data_i), .wdata1_i(request_data_i), .pop_o(), .rvalid_o(rvalid),
    .rdata_o(rdata), .available_i(3'd7), .transfer_o(transfer), .transfer_be_o(), .done_o, .result_o(result),
    .address_o(), .address_phase_o(address_phase), .active_o(), .parity_error_o, .latency_i, .parity_response_i,
    .status_set_o(status_set), .bus_i(bus), .gnt_i(gnt[2]), .req_o(req[2]), .master_o(free_master)
  );
  assign result_o     = result;
  assign status_set_o = status_set;
  always_ff @(posedge clk_i) begin : p_watch
    if (rvalid) last_data_o <= rdata;
    if (!rst_ni || (request_valid_i && request_ready_o)) begin
      transfers_o    <= '0;
      transactions_o <= '0;
    end else begin
      transfers_o    <= transfers_o + 16'(transfer);
      transactions_o <= transactions_o + 16'(address_phase);
    end
  end

  logic [31:0] address, pointer;
  logic        memory;
  bus_target u_free_target (
    .clk_i, .rst_ni, .address_o(address), .command_o(), .idsel_o(), .read_o(), .memory_o(memory), .io_o(),
    .configuration_o(), .decode_o(), .hit_i(memory && address[31:12] == 20'h40000), .abort_i(target_abort_i),
    .single_i(target_single_i), .active_o(), .waiting_o(), .retried_o(), .pointer_o(pointer), .rdata_i(~pointer),
    .rvalid_i(target_rvalid_i), .load_o(), .loaded_o(), .loaded_address_o(), .transfer_o(),
    .wready_i(target_wready_i), .write_o(), .write_address_o(), .write_be_o(), .wdata_o(),
    .parity_response_i(1'b1), .serr_enable_i(1'b0), .status_set_o(), .bus_i(bus), .idsel_i(1'b0),
    .target_o(free_target)
  );

  assign gnt_o    = gnt;
  assign req_o    = req;
  assign frame_o  = bus.frame;
  assign irdy_o   = bus.irdy;
  assign devsel_o = bus.devsel;
  assign trdy_o   = bus.trdy;
  assign stop_o   = bus.stop;
  assign perr_o   = bus.perr;
  assign serr_o   = bus.serr;
endmodule
