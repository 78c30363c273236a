// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Bench for rules that the machine alone never shows. Host bridge, store function, interrupt controller and timestamp
/// unit share the bus with an initiator for any request, a target for any answer, a master and a target that a test drives pin by pin,
/// and wires that flip PAR. The store function is function 0 of its device; function 2 is another one.
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
  input  logic        request_stop_i,
  /// Master enable, latency timer and parity error response of the free initiator.
  input  logic        request_enable_i,
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
  /// The master that is driven pin by pin. It drives C/BE, FRAME and IRDY while `pin_control_i` is on. Its PAR is right.
  input  logic        pin_req_i,
  input  logic        pin_control_i,
  input  logic        pin_frame_i,
  input  logic        pin_irdy_i,
  input  logic [3:0]  pin_cbe_i,
  input  logic        pin_ad_en_i,
  input  logic [31:0] pin_ad_i,
  /// The target that is driven pin by pin. Its PAR is right.
  input  logic        pin_target_i,
  input  logic        pin_devsel_i,
  input  logic        pin_trdy_i,
  input  logic        pin_stop_i,
  input  logic        pin_target_ad_en_i,
  input  logic [31:0] pin_target_ad_i,
  input  logic        pin_perr_i,
  output logic [3:0]  broken_o,
  output logic [3:0]  gnt_o,
  output logic [3:0]  req_o,
  /// Flip the PAR that masters drive, and the PAR that targets drive.
  input  logic        flip_master_par_i,
  input  logic        flip_target_par_i,
  /// The bus as it was at the last rising edge, and the GNT of the master that is driven pin by pin.
  output logic        seen_frame_o,
  output logic        seen_irdy_o,
  output logic        seen_devsel_o,
  output logic        seen_trdy_o,
  output logic        seen_stop_o,
  output logic        seen_perr_o,
  output logic [31:0] seen_ad_o,
  output logic [3:0]  seen_cbe_o,
  output logic        seen_gnt_o,
  /// The interrupt that the controller presents.
  output logic        interrupt_o,
  output logic [3:0]  interrupt_input_o,
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
  bus_pkg::master_out_t bridge_master, free_master, bridge_flipped, store_flipped, free_flipped;
  bus_pkg::target_out_t bridge_target, free_target, bridge_bent, store_bent, free_bent;
  bus_pkg::target_out_t controller_target, timestamp_target;
  bus_pkg::master_out_t pin_master;
  bus_pkg::target_out_t pin_target;
  logic                 posted_empty;
  logic [1:0]           bus_master;
  bus_pkg::bus_out_t store_bus, second_bus;
  logic [3:0]           req, gnt;
  logic [31:0]          idsel;

  always_comb begin : p_flip
    bridge_flipped = bridge_master;
    store_flipped  = store_bus.master;
    free_flipped   = free_master;
    bridge_bent    = bridge_target;
    store_bent     = store_bus.target;
    free_bent      = free_target;
    bridge_flipped.par = bridge_master.par ^ flip_master_par_i;
    store_flipped.par  = store_bus.master.par ^ flip_master_par_i;
    free_flipped.par   = free_master.par ^ flip_master_par_i;
    bridge_bent.par    = bridge_target.par ^ flip_target_par_i;
    store_bent.par     = store_bus.target.par ^ flip_target_par_i;
    free_bent.par      = free_target.par ^ flip_target_par_i;
  end

  logic [4*bus_pkg::MasterOutWidth-1:0] masters;
  logic [7*bus_pkg::TargetOutWidth-1:0] targets;
  assign masters = {pin_master, free_flipped, store_flipped, bridge_flipped};
  assign targets = {second_bus.target, timestamp_target, pin_target, controller_target, free_bent, store_bent, bridge_bent};
  bus_pkg::bus_t drive;
  bus_drive #(.Masters(4), .Targets(7)) u_drive (.masters_i(masters), .targets_i(targets), .drive_o(drive));
  bus_start u_start (.clk_i, .rst_ni, .drive_i(drive), .bus_o(bus));
  bus_arbiter #(.Masters(4), .Park(0)) u_arbiter (
    .clk_i, .rst_ni, .frame_i(bus.frame), .irdy_i(bus.irdy), .start_i(bus.start), .req_i(req), .gnt_o(gnt),
    .master_o(bus_master), .broken_o
  );
  bus_checker #(.Masters(4), .Targets(7), .Park(0), .BackToBack(1'b1), .Content(1'b0), .Slowest(5), .Sensible(1'b0)) u_checker (
    .clk_i, .rst_ni, .bus_i(bus), .idsel_i(idsel), .req_i(req), .gnt_i(gnt), .broken_i(broken_o), .masters_i(masters),
    .targets_i(targets), .open_o(), .clock_o(), .moved_o(), .broken_o(), .first_o(), .violations_o()
  );
  timestamp_unit #(.EventLog2(4), .ClockKhz(32'd1000), .Address(32'h6002_0000)) u_timestamp (
    .clk_i, .rst_ni, .functions_i('0), .fetch_i(1'b0), .spurious_i(1'b0), .eoi_i(1'b0), .mark_i(1'b0), .drained_i(1'b0),
    .vector_i('0), .payload_i('0), .clock_o(), .event_valid_o(), .event_o(), .event_ready_i(1'b1), .event_drops_o(), .bus_i(bus), .target_o(timestamp_target)
  );

  // The master and the target that are driven pin by pin: PAR is that of the values on the clock before.
  bus_pkg::bus_t seen_q;
  logic          pin_ad_en_q, pin_target_ad_en_q, pin_perr_q;
  always_ff @(posedge clk_i) begin : p_seen
    seen_q             <= bus;
    seen_gnt_o         <= gnt[3];
    pin_ad_en_q        <= pin_ad_en_i;
    pin_target_ad_en_q <= pin_target_ad_en_i;
    pin_perr_q         <= pin_perr_i;
  end
  always_comb begin : p_pins
    pin_master            = bus_pkg::MasterOutIdle;
    pin_master.frame      = pin_frame_i;
    pin_master.irdy       = pin_irdy_i;
    pin_master.control_en = pin_control_i;
    pin_master.cbe        = pin_cbe_i;
    pin_master.cbe_en     = pin_control_i;
    pin_master.ad         = pin_ad_i;
    pin_master.ad_en      = pin_ad_en_i;
    pin_master.par        = ^{seen_q.ad, seen_q.cbe} ^ flip_master_par_i;
    pin_master.par_en     = pin_ad_en_q;
    pin_target            = bus_pkg::TargetOutIdle;
    pin_target.devsel     = pin_devsel_i;
    pin_target.trdy       = pin_trdy_i;
    pin_target.stop       = pin_stop_i;
    pin_target.control_en = pin_target_i;
    pin_target.ad         = pin_target_ad_i;
    pin_target.ad_en      = pin_target_ad_en_i;
    pin_target.par        = ^{seen_q.ad, seen_q.cbe} ^ flip_target_par_i;
    pin_target.par_en     = pin_target_ad_en_q;
    pin_target.perr       = pin_perr_i;
    pin_target.perr_en    = pin_perr_i || pin_perr_q;
  end
  assign req[3]        = pin_req_i;
  assign seen_frame_o  = seen_q.frame;
  assign seen_irdy_o   = seen_q.irdy;
  assign seen_devsel_o = seen_q.devsel;
  assign seen_trdy_o   = seen_q.trdy;
  assign seen_stop_o   = seen_q.stop;
  assign seen_perr_o   = seen_q.perr;
  assign seen_ad_o     = seen_q.ad;
  assign seen_cbe_o    = seen_q.cbe;

  interrupt_controller #(
    .Address(32'h6000_0000), .Doorbell(32'h6001_0000), .VectorBase(8'h30), .VectorStep(8'd8)
  ) u_controller (
    .clk_i, .rst_ni, .intx_i('0), .posted_empty_i(posted_empty), .interrupt_o, .interrupt_input_o, .fetch_event_o(),
    .spurious_event_o(), .vector_o(), .eoi_event_o(), .eoi_input_o(), .bus_i(bus), .target_o(controller_target)
  );

  bridge_pkg::command_in_t  command_in;
  bridge_pkg::command_out_t command_out;
  bridge_pkg::memory_in_t   memory_in;
  bridge_pkg::memory_out_t  memory_out;
  assign command_in = '{
    cmd_valid: cmd_valid_i, cmd_op: cmd_op_i, cmd_address: cmd_address_i, cmd_be: cmd_be_i,
    cmd_length: cmd_length_i, cmd_data: cmd_data_i, wdata_valid: wdata_valid_i, wdata: wdata_i,
    rdata_ready: rdata_ready_i
  };
  assign memory_in     = '{ready: hm_ready_i, rvalid: hm_rvalid_i, rdata: hm_rdata_i};
  assign cmd_ready_o   = command_out.cmd_ready;
  assign wdata_ready_o = command_out.wdata_ready;
  assign rdata_valid_o = command_out.rdata_valid;
  assign rdata_o       = command_out.rdata;
  assign rsp_valid_o   = command_out.rsp_valid;
  assign rsp_status_o  = command_out.rsp_status;
  assign hm_valid_o    = memory_out.valid;
  assign hm_write_o    = memory_out.write;
  assign hm_address_o  = memory_out.address;
  assign hm_be_o       = memory_out.be;
  assign hm_wdata_o    = memory_out.wdata;
  host_bridge #(.MemoryLog2(20), .Masters(4), .DiscardClocks(2048), .RetryLimit(32)) u_bridge (
    .clk_i, .rst_ni, .place_i('0), .command_i(command_in), .command_o(command_out), .memory_o(memory_out),
    .memory_i(memory_in), .interrupt_i(1'b0), .interrupt_input_i(4'd0), .mark_o(), .drained_o(), .posted_empty_o(posted_empty),
    .bus_i(bus), .gnt_i(gnt[0]), .bus_master_i(bus_master), .req_o(req[0]), .idsel_i(idsel[0]), .idsel_o(idsel), .master_o(bridge_master),
    .target_o(bridge_target)
  );

  bus_pkg::bus_in_t store_in;
  assign store_in = '{bus: bus, idsel: idsel[1], gnt: gnt[1]};
  assign req[1]   = store_bus.req;
  store #(.BufferLog2(12), .FifoLog2(4)) u_store (
    .clk_i, .rst_ni, .place_i(place_of(3'd0)), .bus_i(store_in), .bus_o(store_bus), .intx_o, .events_o()
  );

  // Function 2 of the same device, which is never granted the bus.
  bus_pkg::bus_in_t second_in;
  assign second_in = '{bus: bus, idsel: idsel[1], gnt: 1'b0};
  store #(.BufferLog2(12), .FifoLog2(3)) u_second (
    .clk_i, .rst_ni, .place_i(place_of(3'd2)), .bus_i(second_in), .bus_o(second_bus), .intx_o(), .events_o()
  );
  function automatic socket_pkg::place_t place_of(input logic [2:0] number);
    place_of               = '0;
    place_of.number        = number;
    place_of.multifunction = 1'b1;
    place_of.pin           = 3'd1;
  endfunction

  bus_pkg::status_set_t status_set;
  bus_pkg::initiator_in_t  request;
  bus_pkg::initiator_out_t progress;
  assign request = '{
    request_valid: request_valid_i,
    request: '{
      command: bus_pkg::command_e'(request_command_i), address: request_address_i, length: request_length_i,
      first_be: request_be_i, last_be: request_be_i
    },
    more: request_more_i, stop: request_stop_i, wdata0: request_data_i, wdata1: request_data_i, available: 3'd7
  };
  bus_initiator u_free_initiator (
    .clk_i, .rst_ni, .backend_i(request), .backend_o(progress), .patient_i(1'b0), .enable_i(request_enable_i), .latency_i,
    .parity_response_i, .status_set_o(status_set), .bus_i(bus), .gnt_i(gnt[2]), .req_o(req[2]), .master_o(free_master)
  );
  assign request_ready_o = progress.request_ready;
  assign done_o          = progress.done;
  assign result_o        = progress.result;
  assign parity_error_o  = progress.parity_error;
  assign status_set_o = status_set;
  always_ff @(posedge clk_i) begin : p_watch
    if (progress.rvalid) last_data_o <= progress.rdata;
    if (!rst_ni || (request_valid_i && request_ready_o)) begin
      transfers_o    <= '0;
      transactions_o <= '0;
    end else begin
      transfers_o    <= transfers_o + 16'(progress.transfer);
      transactions_o <= transactions_o + 16'(progress.address_phase);
    end
  end

  bus_pkg::transaction_t transaction;
  bus_pkg::answer_t      answer;
  assign answer = '{
    hit: transaction.memory && transaction.address[31:12] == 20'h40000, abort: target_abort_i,
    single: target_single_i, retry: 1'b0, rvalid: target_rvalid_i, wready: target_wready_i
  };
  bus_target u_free_target (
    .clk_i, .rst_ni, .number_i('0), .transaction_o(transaction), .answer_i(answer), .rdata_i(~transaction.pointer),
    .load_o(), .retried_o(), .parity_response_i(1'b1), .serr_enable_i(1'b0), .status_set_o(), .bus_i(bus),
    .idsel_i(1'b0), .target_o(free_target)
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
