// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `function_causes` and `socket_interrupt` together: one cause that stays and one that follows a condition are
/// compared with a description of what each must do, and so are the pin and the messages that come from them.
module function_causes_formal (
  input logic       clk_i,
  input logic       rst_ni,
  input logic [1:0] set_i,
  input logic       cause_we_i,
  input logic       mask_set_we_i,
  input logic       mask_clear_we_i,
  input logic [1:0] bits_i,
  input logic       latched_i,
  input logic [7:0] pulse_clocks_i,
  input logic       interrupt_disable_i,
  input logic       msi_enable_i,
  input logic       bus_master_i,
  input logic       msi_possible_i,
  input logic       msi_masked_i,
  input logic       message_taken_i,
  input logic       message_again_i,
  /// The function resets itself.
  input logic       reset_i
);
  logic [1:0]             cause, mask;
  logic [15:0]            due, cleared;
  logic                   status, intx, message, suppressed, pending;
  socket_pkg::interrupt_t interrupt;
  socket_pkg::events_t    events;
  function_causes #(.Causes(2)) u_dut (
    .clk_i, .rst_ni, .reset_i, .set_i, .follows_i(2'b10), .cause_we_i, .mask_set_we_i, .mask_clear_we_i, .bits_i,
    .cause_o(cause), .mask_o(mask), .due_o(due), .cleared_o(cleared), .status_o(status)
  );
  always_comb begin : p_interrupt
    interrupt              = socket_pkg::InterruptIdle;
    interrupt.due          = due;
    interrupt.cleared      = cleared;
    interrupt.status       = status;
    interrupt.latched      = latched_i;
    interrupt.pulse_clocks = pulse_clocks_i;
    interrupt.reset        = reset_i;
  end
  socket_interrupt u_pin (
    .clk_i, .rst_ni, .interrupt_i(interrupt), .interrupt_disable_i, .msi_enable_i, .bus_master_i, .msi_possible_i,
    .msi_masked_i, .msi_waits_o(pending), .intx_o(intx), .message_o(message), .message_taken_i, .message_again_i, .message_suppressed_o(suppressed),
    .message_phase_i(1'b0), .register_read_i(1'b0), .writing_i(1'b0), .events_o(events)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The causes and enables as they must be.
  logic [1:0] clear, cause_q, mask_q;
  assign clear = cause_we_i ? bits_i : 2'b00;
  always_ff @(posedge clk_i) begin : p_model
    if (!rst_ni || reset_i) begin
      cause_q <= '0;
      mask_q  <= '0;
    end else begin
      cause_q[0] <= set_i[0] || (cause_q[0] && !clear[0]);
      cause_q[1] <= set_i[1] && !(cause_q[1] && clear[1]);
      if (mask_clear_we_i) mask_q <= mask_q & ~bits_i;
      else if (mask_set_we_i) mask_q <= mask_q | bits_i;
    end
  end

  // The clock before.
  logic        past_q, status_q, due_q, latched_q, line_q, again_q, disable_q, msi_q, master_q, masked_q, possible_q, taken_q,
               returned_q, waits_q, waits, pin_q;
  logic [1:0]  on_q, set_q, lost_q;
  logic [15:0] due_causes_q, cleared_q;
  assign waits = u_pin.message_q;
  always_ff @(posedge clk_i) begin : p_before
    past_q       <= rst_ni && !reset_i;
    status_q     <= rst_ni && status;
    due_q        <= rst_ni && due != '0;
    due_causes_q <= due;
    cleared_q    <= cleared;
    latched_q    <= latched_i;
    line_q       <= rst_ni && u_pin.line_q;
    again_q      <= rst_ni && u_pin.again_q;
    disable_q    <= interrupt_disable_i;
    msi_q        <= msi_enable_i;
    master_q     <= bus_master_i;
    masked_q     <= msi_masked_i;
    possible_q   <= msi_possible_i;
    taken_q      <= message_taken_i;
    returned_q   <= message_again_i;
    waits_q      <= rst_ni && waits;
    pin_q        <= rst_ni && intx;
    on_q         <= rst_ni ? cause & mask : 2'b00;
    set_q        <= set_i;
    lost_q       <= rst_ni && reset_i ? cause : 2'b00;
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (rst_ni) begin
      `PROVE(causes, cause == cause_q,
             "A cause stays on until it is cleared, a set wins over a clear, and a cause that follows does so.")
      `PROVE(enables, mask == mask_q, "Enables are set and cleared by their bits; a clear wins over a set.")
      `PROVE(I01_status, status == ((cause_q & mask_q) != '0), "The status is on while an enabled cause is.")
      if (past_q) begin
        `PROVE(due_each, (cause & mask & ~on_q) == '0 || due_q,
               "Each enabled cause that comes on has been due one clock before.")
        `PROVE(due_again, !(set_q[0] && on_q[0] && mask[0]) || due_q,
               "An enabled cause that is set again is due again.")
        `PROVE(I01_level, latched_q || u_pin.line_q == status_q,
               "The line of a level interrupt is the status one clock before.")
        `PROVE(pulse_each, !(latched_q && due_q) || (u_pin.line_q && !line_q) || u_pin.again_q,
               "What is due in pulses begins a pulse, or is kept for the next one.")
        `PROVE(pulse_kept, !(latched_q && again_q && (status_q || !disable_q)) || (u_pin.line_q && !line_q) ||
               u_pin.again_q, "A pulse that was kept waits until it begins, or until its causes are cleared while the pin is disabled.")
        `PROVE(pulse_disabled, !(latched_q && disable_q && !line_q) || !u_pin.line_q,
               "No pulse begins while the pin is disabled.")
        `PROVE(pulse_real, !(latched_q && u_pin.line_q && !line_q) || again_q || due_q,
               "No pulse begins without a cause.")
        `PROVE(message_each, !(due_q && msi_q && possible_q) || waits,
               "What is due as a message makes a message wait.")
        `PROVE(message_returned, !(returned_q && msi_q) || waits,
               "A message that comes back because Bus Master went off waits again.")
        `PROVE(message_kept, !(waits_q && !taken_q && msi_q && ((master_q && !masked_q) || status_q)) || waits,
               "A message waits until it is taken, messages are turned off, or its causes are cleared while Bus Master is off or it is masked.")
        `PROVE(message_real, !waits || waits_q || due_q || returned_q, "No message waits without a cause.")
        `PROVE(event_causes, events.cause_set == due_causes_q && events.cause_clear == cleared_q,
               "A cause is reported one clock after it was set and enabled, or cleared, and at no other time.")
      end
      `PROVE(event_reset, past_q || (events.cause_set == '0 && events.cause_clear == 16'(lost_q)),
             "A reset of the function is reported as a clear of the causes that were on, and as nothing else.")
      `PROVE(message_master, message == (waits && bus_master_i && !msi_masked_i),
             "A message that waits is sent while Bus Master is on and it is not masked, and only then.")
      `PROVE(C19_pending, pending == (waits && msi_masked_i),
             "The pending bit is on while a masked message waits.")
      `PROVE(C13_pin, !(msi_enable_i && intx), "The pin is off while messages are on.")
      `PROVE(pin_disabled, !(interrupt_disable_i && intx), "The pin is off while it is disabled.")
      `PROVE(suppress, suppressed == (due != '0 && msi_enable_i && !msi_possible_i),
             "A message that cannot be sent is reported.")
      `PROVE(event_pin, events.asserted == (intx && !pin_q) && events.deasserted == (!intx && pin_q),
             "Each first clock with the pin on, and each first clock with it off, has its event.")
      `COVER(pulsed_again, u_pin.line_q && u_pin.again_q && latched_q, "A pulse is on while another is due.")
      `COVER(second_pulse, past_q && latched_q && u_pin.line_q && !line_q && !due_q, "A pulse that was kept begins.")
      `COVER(pulse_late, past_q && latched_q && disable_q && again_q && !interrupt_disable_i && status,
             "A pulse waits for the end of Interrupt Disable.")
      `COVER(message_shared, message && waits_q && due_q, "Two causes share a message.")
      `COVER(message_late, waits_q && !master_q && message, "A message waits for Bus Master.")
      `COVER(message_unmasked, waits_q && masked_q && master_q && message, "A message waits for its mask.")
      `COVER(follows_again, cause[1] && !on_q[1] && mask[1] && due_q && set_q[1],
             "A cause that follows comes on again after a clear.")
    end
  end
endmodule
