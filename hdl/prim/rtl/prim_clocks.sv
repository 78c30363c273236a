// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Counts the clocks on which it is enabled. Only registers and records that the host reads may look at the count: while
/// the rest of the machine stands still, the simulation lets many clocks pass at once and adds their number here.
module prim_clocks #(
  parameter int unsigned Width = 32
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             clear_i,
  input  logic             enable_i,
  output logic [Width-1:0] clocks_o
);
  // The simulation finds the register by this name.
  logic [Width-1:0] prim_clocks_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) prim_clocks_q <= '0;
    else if (clear_i || enable_i) prim_clocks_q <= clear_i ? '0 : prim_clocks_q + Width'(1);
  end
  assign clocks_o = prim_clocks_q;
endmodule
