// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Host bridge: the host's command port on one side; on the bus a master for the host's accesses, and a target for the
/// host's memory and for the bridge's own configuration header (device 0).
module host_bridge #(
  /// Log2 of the bytes of host memory claimed.
  parameter int unsigned MemoryLog2,
  /// Masters of the bus, the bridge included. Without others the bridge does not claim the host's memory.
  parameter int unsigned Masters = 2,
  /// Clocks for which the answer to a retried read of host memory is kept.
  parameter int unsigned DiscardClocks = 32768,
  /// Retries without any datum moved that end a command with TIMEOUT. If there are PCI-to-PCI bridges, 64 retries count as
  /// one while the host's memory has not done all that it was asked for: an answer behind a bridge waits for the posted
  /// writes before it.
  parameter int unsigned RetryLimit = 1024,
  /// Entries of the queues between the bus and the host, 1 to 4; with 1 or 2, each transaction of the host has at most
  /// as many data.
  parameter int unsigned Queue = 4,
  /// The host can arm faults and hold back the interrupt.
  parameter bit          Faults = 1'b1,
  /// The target's data have registers that synthesis can keep once for all targets, see `bus_target`.
  parameter bit          Shared = 1'b0,
  /// The masters that are PCI-to-PCI bridges, see `bridge_memory`.
  parameter logic [Masters-1:0] Bridges = '0
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  /// Constant straps: the place on the bus, and the facts of the machine that the header shows.
  input  socket_pkg::place_t       place_i,
  /// Command port and host memory port.
  input  bridge_pkg::command_in_t  command_i,
  output bridge_pkg::command_out_t command_o,
  output bridge_pkg::memory_out_t  memory_o,
  input  bridge_pkg::memory_in_t   memory_i,
  /// Interrupt from the controller.
  input  logic                     interrupt_i,
  input  logic [3:0]               interrupt_input_i,
  /// Events: host mark with `cmd_data_i`, bus-master data drained.
  output logic                     mark_o,
  output logic                     drained_o,
  /// The bridge holds no posted write.
  output logic                     posted_empty_o,
  /// Bus; the IDSEL lines of all devices, of which `idsel_i` is the bridge's own.
  input  bus_pkg::bus_t            bus_i,
  input  logic                     gnt_i,
  /// The master whose transaction begins if FRAME comes on now; 0 is the bridge.
  input  logic [(Masters > 1 ? $clog2(Masters) : 1)-1:0] bus_master_i,
  output logic                     req_o,
  input  logic                     idsel_i,
  output logic [31:0]              idsel_o,
  output bus_pkg::master_out_t     master_o,
  output bus_pkg::target_out_t     target_o
);
  // Command side.
  bus_pkg::initiator_in_t  request;
  bus_pkg::initiator_out_t progress;
  logic [2:0]              wlevel, rlevel;
  logic                    wpush, wclear, fill_push, hold, posted_taken;
  logic [4:0]              posted_writes;
  logic [31:0]             idsel;

  bridge_command #(.Queue(Queue), .Faults(Faults)) u_command (
    .clk_i, .rst_ni, .command_i, .cmd_ready_o(command_o.cmd_ready), .wdata_ready_o(command_o.wdata_ready),
    .rsp_valid_o(command_o.rsp_valid), .rsp_status_o(command_o.rsp_status), .rsp_offered_o(command_o.rsp_offered),
    .rsp_checked_o(command_o.rsp_checked), .rsp_par_o(command_o.rsp_par),
    .wqueue_push_o(wpush), .wqueue_clear_o(wclear), .wqueue_level_i(wlevel),
    .fill_push_o(fill_push), .rqueue_level_i(rlevel),
    .request_valid_o(request.request_valid), .request_o(request.request), .available_o(request.available),
    .initiator_i(progress), .posted_i(posted_writes), .posted_taken_i(posted_taken), .idsel_o(idsel), .mark_o, .interrupt_hold_o(hold)
  );

  logic [31:0] unused_rqueue;
  prim_queue #(.Width(32), .Depth(Queue)) u_wdata (
    .clk_i, .rst_ni, .clear_i(wclear), .push_i(wpush),
    .data_i(command_o.cmd_ready ? command_i.cmd_data : command_i.wdata), .pop_i(progress.pop),
    .data0_o(request.wdata0), .data1_o(request.wdata1), .level_o(wlevel)
  );
  prim_queue #(.Width(32), .Depth(Queue)) u_rdata (
    .clk_i, .rst_ni, .clear_i(1'b0), .push_i(progress.rvalid || fill_push),
    .data_i(fill_push ? '1 : progress.rdata), .pop_i(command_o.rdata_valid && command_i.rdata_ready),
    .data0_o(command_o.rdata), .data1_o(unused_rqueue), .level_o(rlevel)
  );
  assign command_o.rdata_valid = rlevel != '0;

  // Bus master. Master enable is fixed on: without it the host could not enable anything.
  bus_pkg::status_set_t  master_status, target_status;
  pci_configuration_reg_pkg::command_out_t command;
  logic [7:0]            latency;
  assign request.more = 1'b0;
  assign request.stop = 1'b0;
  bus_initiator #(.RetryLimit(RetryLimit), .PatienceLog2(Bridges != '0 ? 6 : 0), .WriteBursts(Queue > 1)) u_initiator (
    .clk_i, .rst_ni, .backend_i(request), .backend_o(progress), .patient_i(memory_busy), .enable_i(1'b1), .latency_i(latency),
    .parity_response_i(command.parity_response), .status_set_o(master_status), .bus_i, .gnt_i, .req_o, .master_o
  );
  assign idsel_o = idsel & {32{progress.address_phase}};

  // Bus target: configuration header and host memory.
  bus_pkg::transaction_t transaction;
  bus_pkg::answer_t      answer;
  logic [31:0] target_rdata, header_rdata, memory_rdata;
  logic        load, retried, memory_busy, memory_hit, memory_rvalid, memory_wready, memory_retry;
  bus_target #(.Shared(Shared)) u_target (
    .clk_i, .rst_ni, .number_i(place_i.number), .transaction_o(transaction), .answer_i(answer), .rdata_i(target_rdata),
    .load_o(load), .retried_o(retried),
    .parity_response_i(command.parity_response), .serr_enable_i(command.serr_enable), .status_set_o(target_status),
    .bus_i, .idsel_i, .target_o
  );
  assign answer.hit    = transaction.configuration || memory_hit;
  assign answer.abort  = 1'b0;
  assign answer.single = transaction.configuration || &transaction.pointer[MemoryLog2-1:2];
  assign answer.retry  = !transaction.configuration && memory_retry;
  assign answer.rvalid = transaction.configuration || memory_rvalid;
  assign answer.wready = memory_wready;
  assign target_rdata = transaction.configuration ? header_rdata : memory_rdata;

  // A master abort of a configuration access is no error: the host looks for devices in this way.
  logic request_is_config_q;
  always_ff @(posedge clk_i) begin : p_is_config
    if (request.request_valid) request_is_config_q <= request.request.command == bus_pkg::CommandConfigurationRead;
  end
  bus_pkg::status_set_t status_set;
  always_comb begin : p_status_set
    status_set = master_status | target_status;
    if (request_is_config_q && master_status.received_master_abort) status_set.received_master_abort = 1'b0;
  end

  config_header #(
    .VendorId(16'h1234), .DeviceId(16'hD100), .ClassCode(24'h060000), .Revision(8'd1)
  ) u_header (
    .clk_i, .rst_ni, .place_i, .transaction_i(transaction), .load_i(load), .rdata_o(header_rdata),
    .interrupt_status_i(1'b0), .status_set_i(status_set),
    .command_o(command), .latency_timer_o(latency), .bars_o(), .rom_o(), .msi_enable_o(), .msi_address_o(), .msi_data_o(),
    .msi_masked_o(), .msi_waits_i(1'b0)
  );

  // Only other masters use the host's memory here.
  if (Masters > 1) begin : gen_memory
    bridge_memory #(.MemoryLog2(MemoryLog2), .Masters(Masters), .DiscardClocks(DiscardClocks), .Queue(Queue), .Bridges(Bridges)) u_memory (
      .clk_i, .rst_ni, .own_i(progress.active), .bus_i, .master_i(bus_master_i), .transaction_i(transaction),
      .load_i(load && !transaction.configuration), .retried_i(retried), .hit_o(memory_hit), .rdata_o(memory_rdata),
      .rvalid_o(memory_rvalid), .wready_o(memory_wready), .retry_o(memory_retry),
      .write_i(transaction.write && !transaction.configuration), .posted_o(posted_writes), .busy_o(memory_busy), .empty_o(posted_empty_o),
      .taken_o(posted_taken), .drained_o, .memory_o, .memory_i
    );
  end else begin : gen_no_memory
    assign {memory_hit, memory_rdata, memory_rvalid, memory_wready, memory_retry, memory_busy} = '0;
    assign {posted_writes, posted_taken, drained_o} = '0;
    assign posted_empty_o = 1'b1;
    assign memory_o       = '0;
    logic unused_memory;
    assign unused_memory = ^{bus_master_i, memory_i, retried, load};
  end

  always_ff @(posedge clk_i) begin : p_assert
    // No posted write arrives on the clock after a transaction of the bridge, so that `posted_writes` has all.
    if (rst_ni && progress.done) a_none_arrives: assert (!transaction.write || transaction.configuration);
  end

  assign command_o.intr       = interrupt_i && !hold;
  assign command_o.intr_input = interrupt_input_i;
endmodule
