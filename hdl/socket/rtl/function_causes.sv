// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Interrupt causes and mask of a function. A cause stays on until it is cleared; a set on the clock of a clear wins.
/// A cause in `follows_i` follows a condition instead. Clearing it turns it off for one clock, so that a pulse or message
/// comes again if the condition still holds. A reset of the function turns causes and mask off, which counts as a clear of
/// each cause that was on.
module function_causes #(
  /// Number of causes, at most 16.
  parameter int unsigned Causes = 1
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  /// The function resets itself. This wins over everything else on the same clock.
  input  logic              reset_i,
  /// Causes newly set; for a cause that follows a condition, the condition.
  input  logic [Causes-1:0] set_i,
  /// The causes that follow a condition.
  input  logic [Causes-1:0] follows_i,
  /// Register accesses: write strobes and the bits written.
  input  logic              cause_we_i,
  input  logic              mask_set_we_i,
  input  logic              mask_clear_we_i,
  input  logic [Causes-1:0] bits_i,
  output logic [Causes-1:0] cause_o,
  output logic [Causes-1:0] mask_o,
  /// For the socket's `interrupt_t`.
  output logic [15:0]       due_o,
  output logic [15:0]       cleared_o,
  output logic              status_o
);
  if (Causes < 1 || Causes > 16) begin : gen_check
    $error("function_causes: Causes must be 1 to 16");
  end

  logic [Causes-1:0] cause_q, cause_d, mask_q, mask_d, clear, cleared, fresh;
  logic              changes;

  assign clear   = cause_we_i ? bits_i : '0;
  assign changes = (set_i & ~follows_i) != '0 || ((set_i ^ cause_q) & follows_i) != '0 || cause_we_i || mask_set_we_i ||
                   mask_clear_we_i || reset_i;
  always_comb begin : p_next
    cause_d = cause_q;
    mask_d  = mask_q;
    fresh   = '0;
    cleared = '0;
    if (reset_i) begin
      cause_d = '0;
      mask_d  = '0;
      cleared = cause_q;
    end else if (changes) begin
      cause_d = (((cause_q & ~clear) | set_i) & ~follows_i) | (set_i & ~(clear & cause_q) & follows_i);
      // A cause that goes off with its condition counts as cleared.
      cleared = cause_q & (clear | (~set_i & follows_i));
      if (mask_set_we_i) mask_d = mask_q | bits_i;
      if (mask_clear_we_i) mask_d = mask_q & ~bits_i;
      fresh = (set_i & ~follows_i) | (cause_d & ~cause_q & follows_i);
      // To enable a cause that is on already counts like setting the cause.
      fresh = (fresh & mask_d) | (cause_d & mask_d & ~mask_q);
    end
  end

  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) begin
      cause_q <= '0;
      mask_q  <= '0;
    end else if (changes) begin
      cause_q <= cause_d;
      mask_q  <= mask_d;
    end
  end

  assign cause_o   = cause_q;
  assign mask_o    = mask_q;
  assign due_o     = 16'(fresh);
  assign cleared_o = 16'(cleared);
  assign status_o  = (cause_q & mask_q) != '0;
endmodule
