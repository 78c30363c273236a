// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Interrupt causes and mask of the function, and the signal to the host: INTx as a level or in pulses, or a message.
/// The cause FIFO follows the condition of the FIFO. Clearing it turns it off for one clock, so that a pulse or message
/// comes again if service is still needed. All other causes stay until they are cleared; a set on the clock of a clear
/// wins.
module store_interrupt (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// Causes newly set: done, (unused), error, aborted, raised; and the FIFO's condition.
  input  logic [4:0]  set_i,
  input  logic        fifo_i,
  /// Register accesses.
  input  logic        cause_we_i,
  input  logic        mask_set_we_i,
  input  logic        mask_clear_we_i,
  input  logic [4:0]  bits_i,
  output logic [4:0]  cause_o,
  output logic [4:0]  mask_o,
  /// A pulse of `pulse_clocks_i` + 1 clocks instead of a level.
  input  logic        latched_i,
  input  logic [7:0]  pulse_clocks_i,
  /// From the configuration header.
  input  logic        interrupt_disable_i,
  input  logic        msi_enable_i,
  input  logic        msi_possible_i,
  /// An enabled cause is on.
  output logic        status_o,
  /// INTx line.
  output logic        intx_o,
  /// A message is to be sent; it has been taken; it could not be sent.
  output logic        message_o,
  input  logic        message_taken_i,
  output logic        message_suppressed_o,
  /// Device events, each on for the clock on which it happens.
  output logic        cause_event_o,
  output logic        clear_event_o,
  output logic        assert_event_o,
  output logic        deassert_event_o
);
  logic [4:0] cause_q, cause_d, mask_q, mask_d, clear, fresh;
  logic       due, changes;

  assign clear = cause_we_i ? bits_i : '0;
  assign changes = set_i != '0 || fifo_i != cause_q[1] || cause_we_i || mask_set_we_i || mask_clear_we_i;
  always_comb begin : p_next
    cause_d = cause_q;
    mask_d  = mask_q;
    fresh   = '0;
    if (changes) begin
      cause_d    = (cause_q & ~clear) | set_i;
      cause_d[1] = fifo_i && !(clear[1] && cause_q[1]);
      if (mask_set_we_i) mask_d = mask_q | bits_i;
      if (mask_clear_we_i) mask_d = mask_q & ~bits_i;
      fresh    = set_i;
      fresh[1] = cause_d[1] && !cause_q[1];
      // To enable a cause that is on already counts like setting the cause.
      fresh = (fresh & mask_d) | (cause_d & mask_d & ~mask_q);
    end
  end
  assign due = fresh != '0;

  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) begin
      cause_q       <= '0;
      mask_q        <= '0;
      cause_event_o <= 1'b0;
      clear_event_o <= 1'b0;
    end else begin
      if (changes) cause_q <= cause_d;
      if (changes) mask_q <= mask_d;
      cause_event_o <= due;
      clear_event_o <= (clear & cause_q) != '0;
    end
  end
  assign cause_o  = cause_q;
  assign mask_o   = mask_q;
  assign status_o = (cause_q & mask_q) != '0;

  // INTx: the level, or pulses with at least one clock between them.
  logic       line_q, again_q, previous_q, line_d;
  logic [7:0] pulse_q;
  assign line_d = latched_i ? (line_q ? pulse_q != '0 : due || again_q) : status_o;
  always_ff @(posedge clk_i) begin : p_line
    if (!rst_ni) begin
      line_q     <= 1'b0;
      again_q    <= 1'b0;
      previous_q <= 1'b0;
    end else begin
      line_q     <= line_d;
      again_q    <= latched_i && (line_q ? again_q || due : 1'b0);
      previous_q <= intx_o;
    end
    if (!line_q) pulse_q <= pulse_clocks_i;
    else if (pulse_q != '0) pulse_q <= pulse_q - 8'd1;
  end
  assign intx_o           = line_q && !msi_enable_i && !interrupt_disable_i;
  assign assert_event_o   = intx_o && !previous_q;
  assign deassert_event_o = !intx_o && previous_q;

  // Messages: one at a time; all causes that come meanwhile share the next message.
  logic message_q;
  always_ff @(posedge clk_i) begin : p_message
    if (!rst_ni || !msi_enable_i) message_q <= 1'b0;
    else message_q <= (due && msi_possible_i) || (message_q && !message_taken_i);
  end
  assign message_o            = message_q;
  assign message_suppressed_o = due && msi_enable_i && !msi_possible_i;

  always_ff @(posedge clk_i) begin : p_assert
    // C13: while messages are enabled the function does not turn on its interrupt pin.
    if (rst_ni) C13: assert (!(msi_enable_i && intx_o));
  end
endmodule
