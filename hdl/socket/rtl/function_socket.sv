// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Everything between a function's own logic and the bus: target, configuration header with the decode of base address
/// registers, optional initiator, interrupt pin, pulses and messages.
module function_socket #(
  /// Identity.
  parameter logic [15:0]  VendorId,
  parameter logic [15:0]  DeviceId,
  /// Base class, subclass, programming interface.
  parameter logic [23:0]  ClassCode,
  parameter logic [7:0]   Revision,
  /// Number of the build, in the vendor-specific capability.
  parameter logic [31:0]  Build = 32'd1,
  /// Writable bits of the six 32-bit base address registers, BAR0 in the low bits, 0 for an absent one; type bits.
  parameter logic [191:0] BarMask = '0,
  parameter logic [191:0] BarType = '0,
  /// The base address registers of which a read counts as a register read in the event records.
  parameter logic [5:0]   RegisterBars = 6'h3F,
  /// The base address registers whose transactions a target of the function's own claims; the socket only shows them.
  parameter logic [5:0]   OtherBars = 6'h00,
  /// The expansion ROM of 2 KiB: 0 for none, else its contents, see `expansion_rom`. The socket answers accesses to it.
  parameter int unsigned  Rom = 0,
  /// There is an initiator, so that the function can send messages and make requests of its own.
  parameter bit           Initiator = 1'b1,
  /// The host can read and write the function in bursts.
  parameter bit           Bursts = 1'b1,
  /// The target's data have registers that synthesis can keep once for all targets, see `bus_target`.
  parameter bit           Shared = 1'b0,
  /// The function can send messages; that needs an initiator.
  parameter bit           Messages = Initiator,
  /// Bits of the addresses and of the lengths, in dwords, that the function asks the initiator for. With messages, whose
  /// addresses the host chooses, all 32 bits are there.
  parameter int unsigned  AddressBits = 32,
  parameter int unsigned  LengthBits = 16,
  /// Each datum of a request has byte enables of its own, see `bus_initiator`.
  parameter bit           Lanes = 1'b0
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  /// The function's connection to the machine.
  input  socket_pkg::place_t      place_i,
  input  bus_pkg::bus_in_t     bus_i,
  output bus_pkg::bus_out_t    bus_o,
  output logic                    intx_o,
  output socket_pkg::events_t     events_o,
  /// Accesses of the host: the access; the answer to it; the datum to be read, and the strobe that takes it. A datum
  /// that was taken and does not move counts as not read.
  output socket_pkg::access_t     access_o,
  input  socket_pkg::answer_t     answer_i,
  input  logic [31:0]             rdata_i,
  output logic                    load_o,
  /// The interrupt; a message that was due could not be sent.
  input  socket_pkg::interrupt_t  interrupt_i,
  output logic                    message_failed_o,
  /// Requests of the function as bus master: `bus_pkg::InitiatorInIdle` for a function that makes none.
  input  bus_pkg::initiator_in_t  initiator_i,
  output bus_pkg::initiator_out_t initiator_o
);
  // Target and configuration. The ROM takes 2 KiB, the least that there may be.
  localparam logic [31:0] RomMask = Rom == 0 ? '0 : 32'hFFFF_F800;
  bus_pkg::transaction_t transaction;
  bus_pkg::answer_t      answer;
  logic [5:0]            bar;
  logic                  hit, abort, single, in_rom;
  pci_configuration_reg_pkg::command_out_t command;
  bus_pkg::status_set_t master_status, target_status;
  logic [191:0] bars;
  logic [63:0]  message_address;
  logic [31:0]  header_rdata, rom, rom_rdata;
  logic [15:0]  message_data;
  logic [7:0]   latency;
  logic         message_enable, message_masked, message_waits;
  bus_target #(.Bursts(Bursts), .Shared(Shared)) u_target (
    .clk_i, .rst_ni, .number_i(place_i.number), .transaction_o(transaction), .answer_i(answer),
    .rdata_i(transaction.configuration ? header_rdata : in_rom ? rom_rdata : rdata_i), .load_o, .retried_o(),
    .parity_response_i(command.parity_response), .serr_enable_i(command.serr_enable), .status_set_o(target_status),
    .bus_i(bus_i.bus), .idsel_i(bus_i.idsel), .target_o(bus_o.target)
  );
  config_header #(
    .VendorId(VendorId), .DeviceId(DeviceId), .ClassCode(ClassCode), .Revision(Revision), .Messages(Initiator && Messages),
    .Vendor(1'b1), .BarMask(BarMask), .BarType(BarType), .RomMask(RomMask), .Build(Build)
  ) u_header (
    .clk_i, .rst_ni, .place_i, .transaction_i(transaction), .load_i(load_o), .rdata_o(header_rdata),
    .interrupt_status_i(interrupt_i.status), .status_set_i(master_status | target_status), .command_o(command),
    .latency_timer_o(latency), .bars_o(bars), .rom_o(rom), .msi_enable_o(message_enable), .msi_address_o(message_address),
    .msi_data_o(message_data), .msi_masked_o(message_masked), .msi_waits_i(message_waits)
  );
  socket_decode #(.BarMask(BarMask), .BarType(BarType), .RomMask(RomMask)) u_decode (
    .transaction_i(transaction), .cbe_i(bus_i.bus.cbe), .command_i(command), .bars_i(bars), .rom_i(rom), .bar_o(bar), .rom_o(in_rom),
    .hit_o(hit), .abort_o(abort), .single_o(single)
  );
  if (Rom == 0) begin : gen_no_rom
    assign rom_rdata = '0;
  end else begin : gen_rom
    expansion_rom #(.VendorId(VendorId), .DeviceId(DeviceId), .ClassCode(ClassCode), .Contents(Rom)) u_rom (
      .address_i(transaction.pointer[10:0]), .rdata_o(rom_rdata)
    );
  end

  // The configuration header and the ROM answer at once; what is written to the ROM is lost.
  logic own;
  assign own = transaction.configuration || in_rom;
  assign answer.hit    = hit && (bar & OtherBars) == '0;
  assign answer.abort  = !own && (abort || answer_i.abort);
  assign answer.single = single || answer_i.single || !Bursts;
  assign answer.retry  = 1'b0;
  assign answer.rvalid = own || answer_i.rvalid;
  assign answer.wready = own || answer_i.wready;

  assign access_o.bar            = bar;
  assign access_o.active         = transaction.active;
  assign access_o.read           = transaction.read;
  assign access_o.address        = transaction.address;
  assign access_o.pointer        = transaction.pointer;
  assign access_o.loaded_address = transaction.loaded_address;
  assign access_o.transfer       = transaction.transfer;
  assign access_o.lanes          = ~bus_i.bus.cbe;
  assign access_o.write          = transaction.write;
  assign access_o.write_address  = transaction.write_address;
  assign access_o.be             = transaction.write_be;
  assign access_o.wdata          = transaction.wdata;

  // Initiator.
  logic message, message_taken, message_phase, message_again, message_failed,
        message_suppressed;
  if (Initiator) begin : gen_initiator
    socket_master #(.AddressBits(Messages ? 32 : AddressBits), .LengthBits(LengthBits), .Lanes(Lanes)) u_master (
      .clk_i, .rst_ni, .initiator_i, .initiator_o, .message_i(Messages && message), .message_address_i(message_address[31:0]),
      .message_data_i(message_data), .message_taken_o(message_taken), .message_phase_o(message_phase),
      .message_again_o(message_again), .message_failed_o(message_failed), .enable_i(command.bus_master), .latency_i(latency),
      .parity_response_i(command.parity_response), .status_set_o(master_status), .bus_i(bus_i.bus), .gnt_i(bus_i.gnt),
      .req_o(bus_o.req), .master_o(bus_o.master)
    );
  end else begin : gen_no_initiator
    assign initiator_o    = '0;
    assign message_taken  = 1'b0;
    assign message_phase  = 1'b0;
    assign message_failed = 1'b0;
    assign message_again  = 1'b0;
    assign master_status  = '0;
    assign bus_o.req      = 1'b0;
    assign bus_o.master   = bus_pkg::MasterOutIdle;
    logic unused_initiator;
    assign unused_initiator = ^{initiator_i, bus_i.gnt, latency, message, message_address, message_data};
  end

  // Interrupt.
  socket_interrupt u_interrupt (
    .clk_i, .rst_ni, .interrupt_i, .interrupt_disable_i(command.interrupt_disable), .msi_enable_i(message_enable),
    .bus_master_i(command.bus_master), .msi_possible_i(message_address[63:32] == '0),
    .msi_masked_i(message_masked), .msi_waits_o(message_waits), .intx_o, .message_o(message),
    .message_taken_i(message_taken), .message_again_i(message_again), .message_suppressed_o(message_suppressed),
    .message_phase_i(message_phase),
    .register_read_i(transaction.offered && transaction.read && (bar & RegisterBars) != '0),
    .writing_i(initiator_o.writing), .events_o
  );
  assign message_failed_o = message_suppressed || message_failed;
endmodule
