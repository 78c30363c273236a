// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// PCI-to-PCI bridge: a target and an initiator on each of its two buses, a direction between each target and the
/// initiator of the other bus, and the arbiter of the secondary bus, on which the bridge is master 0.
///
/// While the secondary bus is in reset, the bridge claims nothing that would go there.
module pci_bridge #(
  /// Masters of the primary bus, of which `PrimaryOwn` is the bridge; masters of the secondary bus, the bridge included.
  parameter int unsigned PrimaryMasters = 2,
  parameter int unsigned PrimaryOwn = 1,
  parameter int unsigned SecondaryMasters = 2,
  /// Log2 of the entries for posted writes of each direction, and of the data that are read ahead for each master.
  parameter int unsigned PostedLog2 = 7,
  parameter int unsigned AheadLog2 = 6
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  socket_pkg::place_t      place_i,
  /// Primary bus; the master whose transaction begins if FRAME comes on now.
  input  bus_pkg::bus_in_t        primary_i,
  input  logic [(PrimaryMasters > 1 ? $clog2(PrimaryMasters) : 1)-1:0] primary_master_i,
  output bus_pkg::bus_out_t       primary_o,
  /// Secondary bus: its reset; the bus as all its agents drive it, and as they see it; a request of each other master,
  /// and a grant for each master, the bridge's in bit 0; the master whose transaction begins if FRAME comes on now;
  /// IDSEL of each device.
  output logic                    secondary_rst_no,
  input  bus_pkg::bus_t           drive_i,
  output bus_pkg::bus_t           bus_o,
  input  logic [(SecondaryMasters > 1 ? SecondaryMasters - 1 : 1)-1:0] req_i,
  output logic [SecondaryMasters-1:0] gnt_o,
  output logic [(SecondaryMasters > 1 ? $clog2(SecondaryMasters) : 1)-1:0] master_o,
  output logic [31:0]             idsel_o,
  /// The outputs of the bridge on the secondary bus; the masters that count as broken.
  output logic                    req_o,
  output bus_pkg::master_out_t    secondary_master_o,
  output bus_pkg::target_out_t    secondary_target_o,
  output logic [SecondaryMasters-1:0] broken_o
);
  pci_bridge_reg_pkg::reg2hw_t registers;
  pci_bridge_pkg::windows_t    windows;

  // The secondary bus.
  logic          rst_n, reset_q;
  bus_pkg::bus_t bus;
  always_ff @(posedge clk_i) begin : p_reset
    if (!rst_ni) reset_q <= 1'b0;
    else reset_q <= registers.bridge_control.secondary_reset;
  end
  assign rst_n            = rst_ni && !reset_q;
  assign secondary_rst_no = rst_n;
  bus_start u_start (.clk_i, .rst_ni(rst_n), .drive_i, .bus_o(bus));
  assign bus_o = bus;
  logic [SecondaryMasters-1:0] requests;
  if (SecondaryMasters > 1) begin : gen_masters
    assign requests = {req_i, req_o};
  end else begin : gen_no_masters
    assign requests = req_o;
    logic unused_requests;
    assign unused_requests = ^req_i;
  end
  bus_arbiter #(.Masters(SecondaryMasters), .Park(0)) u_arbiter (
    .clk_i, .rst_ni(rst_n), .frame_i(bus.frame), .irdy_i(bus.irdy), .start_i(bus.start), .req_i(requests), .gnt_o,
    .master_o, .broken_o
  );

  // The primary side.
  bus_pkg::transaction_t   primary, secondary;
  bus_pkg::answer_t        primary_answer, secondary_answer, down_answer;
  bus_pkg::status_set_t    primary_target_status, primary_master_status, secondary_target_status, secondary_master_status;
  bus_pkg::initiator_in_t  up_request, down_request;
  bus_pkg::initiator_out_t up_progress, down_progress;
  bus_pkg::target_out_t    primary_target;
  pci_bridge_pkg::decode_t down_decode, up_decode;
  logic [31:0] down_rdata, up_rdata, header_rdata;
  logic        primary_load, secondary_load, serr_q;
  bus_target u_primary_target (
    .clk_i, .rst_ni, .number_i(place_i.number), .transaction_o(primary), .answer_i(primary_answer),
    .rdata_i(primary.configuration ? header_rdata : down_rdata), .load_o(primary_load), .retried_o(),
    .parity_response_i(registers.command.parity_response), .serr_enable_i(registers.command.serr_enable),
    .status_set_o(primary_target_status), .bus_i(primary_i.bus), .idsel_i(primary_i.idsel), .target_o(primary_target)
  );
  pci_bridge_decode u_down_decode (
    .windows_i(windows), .transaction_i(primary), .own_i(up_progress.active || !rst_n), .decode_o(down_decode)
  );
  always_comb begin : p_primary_answer
    primary_answer = down_answer;
    if (primary.configuration) begin
      primary_answer        = bus_pkg::AnswerIdle;
      primary_answer.hit    = 1'b1;
      primary_answer.single = 1'b1;
    end
  end
  bus_initiator #(.Lanes(1'b1), .Owes(1'b0)) u_primary_initiator (
    .clk_i, .rst_ni, .backend_i(up_request), .backend_o(up_progress), .patient_i(1'b0), .enable_i(windows.bus_master),
    .latency_i({registers.latency_timer.value, 3'b000}), .parity_response_i(registers.command.parity_response),
    .status_set_o(primary_master_status), .bus_i(primary_i.bus), .gnt_i(primary_i.gnt), .req_o(primary_o.req),
    .master_o(primary_o.master)
  );

  // The secondary side.
  bus_target u_secondary_target (
    .clk_i, .rst_ni(rst_n), .number_i(3'd0), .transaction_o(secondary), .answer_i(secondary_answer),
    .rdata_i(up_rdata), .load_o(secondary_load), .retried_o(),
    .parity_response_i(registers.bridge_control.parity_response), .serr_enable_i(1'b0),
    .status_set_o(secondary_target_status), .bus_i(bus), .idsel_i(1'b0), .target_o(secondary_target_o)
  );
  pci_bridge_decode #(.Up(1'b1)) u_up_decode (
    .windows_i(windows), .transaction_i(secondary), .own_i(down_progress.active), .decode_o(up_decode)
  );
  bus_initiator #(.Lanes(1'b1), .Owes(1'b0)) u_secondary_initiator (
    .clk_i, .rst_ni(rst_n), .backend_i(down_request), .backend_o(down_progress), .patient_i(1'b0), .enable_i(1'b1),
    .latency_i({registers.secondary_latency_timer.value, 3'b000}),
    .parity_response_i(registers.bridge_control.parity_response), .status_set_o(secondary_master_status), .bus_i(bus),
    .gnt_i(gnt_o[0]), .req_o, .master_o(secondary_master_o)
  );

  // The two directions.
  pci_bridge_pkg::settings_t down_settings, up_settings;
  pci_bridge_pkg::posted_t   down_posted, up_posted;
  logic        flush_down, flush_up, down_discarded, up_discarded;
  logic        down_master_abort, down_target_abort, up_master_abort, up_target_abort;
  assign down_settings.enable = 1'b1;
  assign down_settings.unordered = registers.faults.reads_pass_writes;
  assign down_settings.master_abort = registers.bridge_control.master_abort;
  assign down_settings.parity_response = registers.bridge_control.parity_response;
  assign down_settings.discard_soon = registers.bridge_control.primary_discard_timer;
  assign down_settings.hold = registers.downstream_hold.clocks;
  assign up_settings.enable = windows.bus_master;
  assign up_settings.unordered = registers.faults.reads_pass_writes;
  assign up_settings.master_abort = registers.bridge_control.master_abort;
  assign up_settings.parity_response = registers.command.parity_response;
  assign up_settings.discard_soon = registers.bridge_control.secondary_discard_timer;
  assign up_settings.hold = registers.upstream_hold.clocks;
  logic [31:0] unused_idsel;
  pci_bridge_path #(
    .Masters(PrimaryMasters), .Own(PrimaryOwn), .PostedLog2(PostedLog2), .AheadLog2(AheadLog2)
  ) u_down (
    .clk_i, .rst_ni(rst_n), .settings_i(down_settings), .secondary_i(windows.secondary), .bus_i(primary_i.bus),
    .master_i(primary_master_i), .transaction_i(primary), .decode_i(down_decode), .load_i(primary_load),
    .answer_o(down_answer), .rdata_o(down_rdata), .request_o(down_request), .progress_i(down_progress),
    .other_bus_i(bus), .idsel_o, .posted_o(down_posted), .other_i(up_posted), .flush_i(flush_down),
    .flush_other_o(flush_up), .lost_master_abort_o(down_master_abort), .lost_target_abort_o(down_target_abort),
    .discarded_o(down_discarded)
  );
  pci_bridge_path #(
    .Masters(SecondaryMasters), .Own(0), .PostedLog2(PostedLog2), .AheadLog2(AheadLog2)
  ) u_up (
    .clk_i, .rst_ni(rst_n), .settings_i(up_settings), .secondary_i(windows.secondary), .bus_i(bus), .master_i(master_o),
    .transaction_i(secondary), .decode_i(up_decode), .load_i(secondary_load), .answer_o(secondary_answer),
    .rdata_o(up_rdata), .request_o(up_request), .progress_i(up_progress), .other_bus_i(primary_i.bus),
    .idsel_o(unused_idsel), .posted_o(up_posted), .other_i(down_posted), .flush_i(flush_up),
    .flush_other_o(flush_down), .lost_master_abort_o(up_master_abort), .lost_target_abort_o(up_target_abort),
    .discarded_o(up_discarded)
  );

  // System errors: SERR of the secondary bus, posted writes that were lost, answers that nobody fetched.
  logic secondary_serr, lost, discarded, serr;
  assign secondary_serr = bus.serr && rst_n;
  assign lost = down_target_abort || up_target_abort ||
                (registers.bridge_control.master_abort && (down_master_abort || up_master_abort));
  assign discarded = down_discarded || up_discarded;
  assign serr = registers.command.serr_enable &&
                ((secondary_serr && registers.bridge_control.serr_forward) || lost ||
                 (discarded && registers.bridge_control.discard_serr));
  always_ff @(posedge clk_i) begin : p_serr
    if (!rst_ni) serr_q <= 1'b0;
    else serr_q <= serr;
  end
  always_comb begin : p_primary_target
    primary_o.target      = primary_target;
    primary_o.target.serr = primary_target.serr || serr_q;
  end

  bus_pkg::status_set_t primary_status;
  always_comb begin : p_status
    primary_status = primary_target_status | primary_master_status;
    primary_status.signaled_system_error = primary_target_status.signaled_system_error || serr;
  end
  pci_bridge_header u_header (
    .clk_i, .rst_ni, .place_i, .transaction_i(primary), .load_i(primary_load), .rdata_o(header_rdata),
    .primary_status_i(primary_status), .secondary_status_i(secondary_target_status | secondary_master_status),
    .secondary_serr_i(secondary_serr), .discarded_i(discarded), .registers_o(registers), .windows_o(windows)
  );

  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni) begin
      // B05: no configuration access goes up.
      B05_up: assert (!(up_progress.address_phase && (primary_o.master.cbe == bus_pkg::CommandConfigurationRead ||
                                                      primary_o.master.cbe == bus_pkg::CommandConfigurationWrite)));
      // B10: the secondary bus is in reset while the bit is on.
      B10: assert (!reset_q || !secondary_rst_no);
    end
  end
endmodule
