// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The pulser function: registers, a source of pulses and one interrupt cause on the function socket, without a bus
/// master. The socket shows the pin as a level, whose length is the pulser's own affair.
module pulser (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  socket_pkg::place_t  place_i,
  input  bus_pkg::bus_in_t    bus_i,
  output bus_pkg::bus_out_t   bus_o,
  output logic                intx_o,
  output socket_pkg::events_t events_o
);
  // BAR0: the registers, in a page of memory.
  localparam logic [191:0] BarMask = {160'd0, 32'hFFFF_F000};

  socket_pkg::access_t    host;
  socket_pkg::interrupt_t interrupt;
  logic [31:0]            rdata;
  logic                   load;
  function_socket #(
    .VendorId(pulser_identity_pkg::VendorId), .DeviceId(pulser_identity_pkg::DeviceId),
    .ClassCode(pulser_identity_pkg::ClassCode), .Revision(pulser_identity_pkg::Revision), .BarMask(BarMask),
    .Initiator(1'b0)
  ) u_socket (
    .clk_i, .rst_ni, .place_i, .bus_i, .bus_o, .intx_o, .events_o, .access_o(host),
    .answer_i(socket_pkg::AnswerAtOnce), .rdata_i(rdata), .load_o(load), .interrupt_i(interrupt), .message_failed_o(),
    .initiator_i(bus_pkg::InitiatorInIdle), .initiator_o()
  );

  // Registers: the generated block fills the first 64 bytes of the page.
  pulser_reg_pkg::reg2hw_t reg2hw;
  pulser_reg_pkg::hw2reg_t hw2reg;
  pulser_regs u_regs (
    .clk_i, .rst_ni, .write_i(host.write && host.bar[0] && host.write_address[11:6] == '0),
    .write_address_i(host.write_address[5:0]), .be_i(host.be), .wdata_i(host.wdata),
    .load_i(load && host.bar[0] && host.pointer[11:6] == '0), .read_i(1'b0), .read_address_i(host.pointer[5:0]),
    .rdata_o(rdata), .reg2hw_o(reg2hw), .hw2reg_i(hw2reg)
  );

  // The source. A write to COUNT needs its two bytes.
  logic        start, pulse, on;
  logic [15:0] left;
  logic [31:0] events;
  assign start = reg2hw.count_we && reg2hw.wmask[15:0] == '1;
  pulser_source u_source (
    .clk_i, .rst_ni, .start_i(start), .count_i(reg2hw.wdata[15:0]), .width_i(reg2hw.width.clocks),
    .period_i(reg2hw.period.clocks), .jitter_i(reg2hw.jitter.random), .endless_i(reg2hw.control.endless),
    .clear_i(reg2hw.events_we), .pulse_o(pulse), .on_o(on), .left_o(left), .events_o(events)
  );

  // Interrupt: one cause.
  logic cause, mask, status;
  function_causes #(.Causes(1)) u_causes (
    .clk_i, .rst_ni, .reset_i(1'b0), .set_i(pulse && !reg2hw.control.noise), .follows_i(1'b0),
    .cause_we_i(reg2hw.interrupt_cause_we && !reg2hw.control.deaf), .mask_set_we_i(reg2hw.interrupt_mask_set_we),
    .mask_clear_we_i(reg2hw.interrupt_mask_clear_we), .bits_i(reg2hw.wdata[0] & reg2hw.wmask[0]), .cause_o(cause),
    .mask_o(mask), .due_o(interrupt.due), .cleared_o(interrupt.cleared), .status_o(status)
  );
  // Moderation: a held pin that was on a short time ago waits, while the cause is kept.
  logic held, held_q, moderated;
  assign held = status && (held_q || !moderated);
  always_ff @(posedge clk_i) begin : p_held
    if (!rst_ni) held_q <= 1'b0;
    else held_q <= held;
  end
  prim_timer u_moderation (
    .clk_i, .rst_ni, .load_i(held && !held_q), .clocks_i(reg2hw.moderation.clocks), .running_o(moderated)
  );
  always_comb begin : p_pin
    interrupt.status = reg2hw.control.held ? held : on && mask;
    if (reg2hw.control.noise) interrupt.status = on;
    if (reg2hw.control.stuck) interrupt.status = 1'b1;
  end
  assign interrupt.latched      = 1'b0;
  assign interrupt.pulse_clocks = '0;
  assign interrupt.reset        = 1'b0;

  // The values that the registers show.
  always_comb begin : p_show
    hw2reg = '0;
    if (load) begin
      hw2reg.count                = {16'd0, left};
      hw2reg.events               = events;
      hw2reg.interrupt_cause      = {31'd0, cause};
      hw2reg.interrupt_mask_set   = {31'd0, mask};
      hw2reg.interrupt_mask_clear = {31'd0, mask};
    end
  end
endmodule
