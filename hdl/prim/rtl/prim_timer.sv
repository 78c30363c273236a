// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Counts down to 0 from a value that is loaded. The rest of the machine may only ask whether the timer runs: while
/// everything else stands still, the simulation lets clocks pass at once up to the last one before the end.
module prim_timer #(
  parameter int unsigned Width = 32
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             load_i,
  input  logic [Width-1:0] clocks_i,
  output logic             running_o
);
  // The simulation finds the register by this name.
  logic [Width-1:0] prim_timer_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) prim_timer_q <= '0;
    else if (load_i || running_o) prim_timer_q <= load_i ? clocks_i : prim_timer_q - Width'(1);
  end
  assign running_o = prim_timer_q != '0;
endmodule
