// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The signal of a function to the host: the interrupt pin as a level or in pulses, or a message.
///
/// A signal that is due while the host does not let it out is kept as long as an enabled cause is on: a pulse while
/// Interrupt Disable is on, a message while Bus Master is off or while it is masked.
module socket_interrupt (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  socket_pkg::interrupt_t interrupt_i,
  /// From the configuration header: the pin is off; messages are on; the function may be bus master; the message's
  /// address is one that the function can reach.
  input  logic                   interrupt_disable_i,
  input  logic                   msi_enable_i,
  input  logic                   bus_master_i,
  input  logic                   msi_possible_i,
  /// The message is masked; a message waits for that.
  input  logic                   msi_masked_i,
  output logic                   msi_waits_o,
  /// The interrupt pin.
  output logic                   intx_o,
  /// A message is to be sent; it has been taken; it was taken, and Bus Master went off before it was sent; it could not
  /// be sent.
  output logic                   message_o,
  input  logic                   message_taken_i,
  input  logic                   message_again_i,
  output logic                   message_suppressed_o,
  /// This is the address phase of a message.
  input  logic                   message_phase_i,
  /// A datum of a register read, or a write of this function as master, is on the bus.
  input  logic                   register_read_i,
  input  logic                   writing_i,
  output socket_pkg::events_t    events_o
);
  logic due, on;
  assign due = interrupt_i.due != '0;
  assign on  = rst_ni && !interrupt_i.reset;

  // The pin: the level, or pulses with at least one clock between them.
  logic       line_q, again_q, previous_q, line_d, wanted;
  logic [7:0] pulse_q;
  assign wanted = due || (again_q && (interrupt_i.status || !interrupt_disable_i));
  always_comb begin : p_line_next
    if (!interrupt_i.latched) line_d = interrupt_i.status;
    else if (line_q) line_d = pulse_q != '0;
    else line_d = wanted && !interrupt_disable_i;
  end
  always_ff @(posedge clk_i) begin : p_line
    if (!on) begin
      line_q  <= 1'b0;
      again_q <= 1'b0;
    end else begin
      line_q  <= line_d;
      again_q <= interrupt_i.latched && (line_q || interrupt_disable_i) && wanted;
    end
    // A pin that goes off in a reset of the function has an event too.
    if (!rst_ni) previous_q <= 1'b0;
    else previous_q <= intx_o;
    if (!line_q) pulse_q <= interrupt_i.pulse_clocks;
    else if (pulse_q != '0) pulse_q <= pulse_q - 8'd1;
  end
  assign intx_o = line_q && !msi_enable_i && !interrupt_disable_i;

  // Messages: one at a time; all causes that come meanwhile share the next message.
  logic message_q, may_send;
  assign may_send = bus_master_i && !msi_masked_i;
  always_ff @(posedge clk_i) begin : p_message
    if (!on || !msi_enable_i) message_q <= 1'b0;
    else message_q <= (due && msi_possible_i) || message_again_i ||
                      (message_q && !message_taken_i && (may_send || interrupt_i.status));
  end
  assign message_o            = message_q && may_send;
  assign msi_waits_o          = message_q && msi_masked_i;
  assign message_suppressed_o = due && msi_enable_i && !msi_possible_i;

  // Events.
  logic [15:0] set_q, clear_q;
  always_ff @(posedge clk_i) begin : p_events
    if (!on) set_q <= '0;
    else set_q <= interrupt_i.due;
    // A cause that goes off in a reset of the function is cleared.
    if (!rst_ni) clear_q <= '0;
    else clear_q <= interrupt_i.cleared;
  end
  assign events_o.cause_set     = set_q;
  assign events_o.cause_clear   = clear_q;
  assign events_o.asserted      = (intx_o && !previous_q) || message_phase_i;
  assign events_o.deasserted    = !intx_o && previous_q;
  assign events_o.register_read = register_read_i;
  assign events_o.writing       = writing_i;

  always_ff @(posedge clk_i) begin : p_assert
    // C13: while messages are enabled the function does not turn on its interrupt pin.
    if (rst_ni) C13: assert (!(msi_enable_i && intx_o));
  end
endmodule
