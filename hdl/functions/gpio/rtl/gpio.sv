// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The gpio function: registers, pins and interrupt causes on the function socket, without a bus master. It is the
/// template for a new function.
module gpio #(
  /// Number of pins.
  parameter int unsigned Pins = 16,
  /// The expansion ROM: 0 for none, else its contents, see `expansion_rom`.
  parameter int unsigned Rom = 0
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  socket_pkg::place_t  place_i,
  input  bus_pkg::bus_in_t    bus_i,
  output bus_pkg::bus_out_t   bus_o,
  output logic                intx_o,
  output socket_pkg::events_t events_o,
  /// Pads, which the machine's top leads outside: the levels there, the levels driven, and the pads that are driven.
  input  logic [Pins-1:0]     pads_i,
  output logic [Pins-1:0]     pads_o,
  output logic [Pins-1:0]     pads_en_o
);
  if (Pins < 1 || Pins > 16) begin : gen_check
    $error("gpio: Pins must be 1 to 16");
  end

  // BAR0: the registers, in a page of memory.
  localparam logic [191:0] BarMask = {160'd0, 32'hFFFF_F000};

  // Socket: accesses of the host come as `host`; they are answered at once.
  socket_pkg::access_t    host;
  socket_pkg::interrupt_t interrupt;
  logic [31:0]            rdata;
  logic                   load;
  function_socket #(
    .VendorId(gpio_identity_pkg::VendorId), .DeviceId(gpio_identity_pkg::DeviceId),
    .ClassCode(gpio_identity_pkg::ClassCode), .Revision(gpio_identity_pkg::Revision), .BarMask(BarMask),
    .Rom(Rom), .Initiator(1'b0)
  ) u_socket (
    .clk_i, .rst_ni, .place_i, .bus_i, .bus_o, .intx_o, .events_o, .access_o(host),
    .answer_i(socket_pkg::AnswerAtOnce), .rdata_i(rdata), .load_o(load), .interrupt_i(interrupt), .message_failed_o(),
    .initiator_i(bus_pkg::InitiatorInIdle), .initiator_o()
  );

  // Registers: the generated block fills the first 64 bytes of the page.
  gpio_reg_pkg::reg2hw_t reg2hw;
  gpio_reg_pkg::hw2reg_t hw2reg;
  gpio_regs u_regs (
    .clk_i, .rst_ni, .write_i(host.write && host.bar[0] && host.write_address[11:6] == '0),
    .write_address_i(host.write_address[5:0]), .be_i(host.be), .wdata_i(host.wdata),
    .load_i(load && host.bar[0] && host.pointer[11:6] == '0), .read_i(1'b0), .read_address_i(host.pointer[5:0]),
    .rdata_o(rdata), .reg2hw_o(reg2hw), .hw2reg_i(hw2reg)
  );

  // Pins.
  logic [Pins-1:0] levels, set;
  gpio_pins #(.Pins(Pins)) u_pins (
    .clk_i, .rst_ni, .output_i(reg2hw.pin_output.pins[Pins-1:0]), .direction_i(reg2hw.direction.outputs[Pins-1:0]),
    .loopback_i(reg2hw.loopback.pins[Pins-1:0]), .rising_i(reg2hw.rising.pins[Pins-1:0]),
    .falling_i(reg2hw.falling.pins[Pins-1:0]), .level_i(reg2hw.level.pins[Pins-1:0]), .input_o(levels), .set_o(set),
    .pads_i, .pads_o, .pads_en_o
  );

  // Interrupt: a cause for each pin.
  logic [Pins-1:0] cause, mask;
  function_causes #(.Causes(Pins)) u_causes (
    .clk_i, .rst_ni, .reset_i(1'b0), .set_i(set), .follows_i(reg2hw.level.pins[Pins-1:0]),
    .cause_we_i(reg2hw.interrupt_cause_we), .mask_set_we_i(reg2hw.interrupt_mask_set_we), .mask_clear_we_i(reg2hw.interrupt_mask_clear_we),
    .bits_i(reg2hw.wdata[Pins-1:0] & reg2hw.wmask[Pins-1:0]), .cause_o(cause), .mask_o(mask), .due_o(interrupt.due),
    .cleared_o(interrupt.cleared), .status_o(interrupt.status)
  );
  assign interrupt.latched      = reg2hw.interrupt_control.latched;
  assign interrupt.pulse_clocks = reg2hw.interrupt_control.pulse_clocks;
  assign interrupt.reset        = 1'b0;

  // The values that the registers show.
  always_comb begin : p_show
    hw2reg = '0;
    if (load) begin
      hw2reg.features.pins        = 8'(Pins);
      hw2reg.pin_input.pins         = 16'(levels);
      hw2reg.interrupt_cause      = {16'd0, 16'(cause)};
      hw2reg.interrupt_mask_set   = {16'd0, 16'(mask)};
      hw2reg.interrupt_mask_clear = {16'd0, 16'(mask)};
    end
  end
endmodule
