// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `gpio` with its socket, on a bus and with levels outside that do whatever they like: one pin, chosen freely,
/// is compared with a description of its registers, its pad, its level, its cause and its enable.
module gpio_formal #(
  parameter int unsigned Pins = 16
) (
  input logic               clk_i,
  input logic               rst_ni,
  input bus_pkg::bus_in_t   bus_i,
  input logic [Pins-1:0]    pads_i
);
  bus_pkg::bus_out_t   bus;
  logic                intx;
  socket_pkg::events_t events;
  socket_pkg::place_t  place;
  always_comb begin : p_place
    place     = '0;
    place.pin = 3'd1;
  end
  logic [Pins-1:0]     driven, enabled;
  gpio #(.Pins(Pins)) u_dut (
    .clk_i, .rst_ni, .place_i(place), .bus_i, .bus_o(bus), .intx_o(intx), .events_o(events), .pads_i, .pads_o(driven),
    .pads_en_o(enabled)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // A register that nothing sets: a pin that the proof chooses freely and then keeps.
  logic [3:0] watched_q;
  always_ff @(posedge clk_i) watched_q <= watched_q;

  // The bit that the host writes for the watched pin, by register.
  logic        written, bit_written;
  logic [11:2] place_written;
  assign written       = u_dut.host.write && u_dut.host.bar[0] && u_dut.host.be[watched_q[3]];
  assign place_written = u_dut.host.write_address[11:2];
  assign bit_written   = u_dut.host.wdata[{1'b0, watched_q}];
  function automatic logic at(input logic [11:2] dword, input logic [5:0] offset);
    at = dword == {6'd0, offset[5:2]};
  endfunction

  // The watched pin, described by itself: its registers, its level on the last three clocks, its cause and enable.
  logic output_q, direction_q, loopback_q, rising_q, falling_q, level_q, cause_q, enable_q;
  logic first_q, second_q, before_q, wanted, cleared, set_due, cause_next, enable_next, edge_now;
  assign cleared  = written && at(place_written, gpio_reg_pkg::InterruptCauseOffset) && bit_written;
  assign edge_now = (rising_q && second_q && !before_q) || (falling_q && !second_q && before_q);
  assign wanted   = (rising_q && second_q) || (falling_q && !second_q);
  always_comb begin : p_next
    if (level_q) cause_next = wanted && !(cause_q && cleared);
    else cause_next = edge_now || (cause_q && !cleared);
    enable_next = enable_q;
    if (written && bit_written && at(place_written, gpio_reg_pkg::InterruptMaskSetOffset)) enable_next = 1'b1;
    if (written && bit_written && at(place_written, gpio_reg_pkg::InterruptMaskClearOffset)) enable_next = 1'b0;
    // A signal is due with each edge, with the beginning of a level, and when a cause that is on is enabled.
    set_due = (level_q ? cause_next && !cause_q : edge_now) && enable_next;
    set_due = set_due || (cause_next && enable_next && !enable_q);
  end
  always_ff @(posedge clk_i) begin : p_watched
    if (!rst_ni) begin
      {output_q, direction_q, loopback_q, rising_q, falling_q, level_q, cause_q, enable_q} <= '0;
      {first_q, second_q, before_q} <= '0;
    end else begin
      if (written && at(place_written, gpio_reg_pkg::PinOutputOffset)) output_q <= bit_written;
      if (written && at(place_written, gpio_reg_pkg::DirectionOffset)) direction_q <= bit_written;
      if (written && at(place_written, gpio_reg_pkg::LoopbackOffset)) loopback_q <= bit_written;
      if (written && at(place_written, gpio_reg_pkg::RisingOffset)) rising_q <= bit_written;
      if (written && at(place_written, gpio_reg_pkg::FallingOffset)) falling_q <= bit_written;
      if (written && at(place_written, gpio_reg_pkg::LevelOffset)) level_q <= bit_written;
      cause_q  <= cause_next;
      enable_q <= enable_next;
      first_q  <= direction_q || loopback_q ? output_q : pads_i[watched_q];
      second_q <= first_q;
      before_q <= second_q;
    end
  end

  // The clock before.
  logic past_q, due_q, cleared_q, status_q, latched_q;
  always_ff @(posedge clk_i) begin : p_before
    past_q    <= rst_ni;
    due_q     <= rst_ni && set_due;
    cleared_q <= rst_ni && cause_q && (cleared || (level_q && !wanted));
    status_q  <= rst_ni && u_dut.interrupt.status;
    latched_q <= u_dut.reg2hw.interrupt_control.latched;
  end

  // The datum that the host reads on this clock, for the watched pin.
  logic        loads, bit_read;
  logic [11:2] place_read;
  assign loads      = u_dut.load && u_dut.host.bar[0];
  assign place_read = u_dut.host.pointer[11:2];
  assign bit_read   = u_dut.rdata[{1'b0, watched_q}];

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    `ASSUME(one_of_all, 32'(watched_q) < Pins, "The watched pin is one of those that there are.")
    if (rst_ni) begin
      `PROVE(registers, {u_dut.reg2hw.pin_output.pins[watched_q], u_dut.reg2hw.direction.outputs[watched_q],
             u_dut.reg2hw.loopback.pins[watched_q], u_dut.reg2hw.rising.pins[watched_q],
             u_dut.reg2hw.falling.pins[watched_q], u_dut.reg2hw.level.pins[watched_q]} ==
             {output_q, direction_q, loopback_q, rising_q, falling_q, level_q},
             "A register keeps the bit of a pin until the host writes its byte.")
      `PROVE(level, u_dut.levels[watched_q] == second_q && u_dut.u_pins.first_q[watched_q] == first_q &&
             u_dut.u_pins.before_q[watched_q] == before_q,
             "The level of a pin is, two clocks later, its bit of PIN_OUTPUT if it is an output or looped back, and else its pad's.")
      `PROVE(pad, driven[watched_q] == output_q && enabled[watched_q] == direction_q,
             "A pad shows the bit of PIN_OUTPUT, and is driven if the pin is an output.")
      `PROVE(cause, u_dut.cause[watched_q] == cause_q,
             "A cause is set by the chosen edges and stays on until it is cleared, or follows the chosen level.")
      `PROVE(enable, u_dut.mask[watched_q] == enable_q, "An enable is set and cleared by its bit.")
      `PROVE(I01_status, !(cause_q && enable_q) || u_dut.interrupt.status, "An enabled cause turns the status on.")
      if (past_q) begin
        `PROVE(I01_pin, latched_q || intx == (status_q && !u_dut.u_socket.command.interrupt_disable),
               "The interrupt pin of a level interrupt is the status one clock before, unless it is disabled.")
        `PROVE(event_set, events.cause_set[watched_q] == due_q,
               "A cause is reported one clock after an edge that is enabled, after the beginning of a level, or after it was enabled while it was on.")
        `PROVE(event_clear, events.cause_clear[watched_q] == cleared_q,
               "The end of a cause is reported one clock after it was cleared, or after its level ended.")
      end
      `PROVE(show_level, !(loads && at(place_read, gpio_reg_pkg::PinInputOffset)) || bit_read == second_q,
             "PIN_INPUT shows the level.")
      `PROVE(show_cause, !(loads && at(place_read, gpio_reg_pkg::InterruptCauseOffset)) || bit_read == cause_q,
             "INTERRUPT_CAUSE shows the causes.")
      `PROVE(show_enable, !(loads && (at(place_read, gpio_reg_pkg::InterruptMaskSetOffset) ||
             at(place_read, gpio_reg_pkg::InterruptMaskClearOffset))) || bit_read == enable_q,
             "Both registers of the mask show the enables.")
      `PROVE(show_nothing, !loads || place_read[11:6] == '0 || u_dut.rdata == '0,
             "The page reads 0 beyond the registers.")
      `PROVE(no_master, !bus.req && bus.master == bus_pkg::MasterOutIdle, "The function is no bus master.")
      `PROVE(no_messages, !u_dut.u_socket.message_enable, "The function has no messages that can be enabled.")
      `COVER(rose, past_q && due_q && !level_q && rising_q && !falling_q && before_q, "A rising edge interrupts.")
      `COVER(follows, past_q && due_q && level_q && falling_q && intx, "A cause follows a low level.")
      `COVER(read_cause, loads && at(place_read, gpio_reg_pkg::InterruptCauseOffset) && bit_read && intx,
             "The host reads a cause that is on.")
    end
  end
endmodule
