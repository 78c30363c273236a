// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The bus as every agent sees it: all that is driven, and the start of a transaction, the first clock of FRAME, which is
/// found here once for all agents.
module bus_start (
  input  logic          clk_i,
  input  logic          rst_ni,
  /// The OR of all agents' drives.
  input  bus_pkg::bus_t drive_i,
  output bus_pkg::bus_t bus_o
);
  logic frame_q;

  always_ff @(posedge clk_i) begin : p_frame
    if (!rst_ni) frame_q <= 1'b0;
    else frame_q <= drive_i.frame;
  end
  always_comb begin : p_start
    bus_o       = drive_i;
    bus_o.start = drive_i.frame && !frame_q;
  end
endmodule
