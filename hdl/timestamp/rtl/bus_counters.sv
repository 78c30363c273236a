// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Counts transactions, and clocks in five groups: idle, address phases, data, waits, retries. Each clock counts in
/// exactly one of the five groups.
module bus_counters (
  input  logic            clk_i,
  input  logic            rst_ni,
  /// Sets all counters to 0.
  input  logic            clear_i,
  input  bus_pkg::bus_t   bus_i,
  /// The counters, from the low bits up: idle, address, data, wait and retry clocks, and transactions.
  output logic [6*32-1:0] counts_o
);
  logic       idle, address, data, refused;
  logic [5:0] events;

  assign idle    = !bus_i.frame && !bus_i.irdy;
  assign address = bus_i.start;
  always_comb begin : p_events
    data    = 1'b0;
    refused = 1'b0;
    events  = 6'b000001;
    if (!idle) begin
      data    = bus_i.irdy && bus_i.trdy;
      refused = bus_i.stop && !bus_i.trdy;
      events  = {address, refused, !address && !data && !refused, data, address, 1'b0};
    end
  end

  for (genvar i = 0; i < 6; i++) begin : gen_count
    prim_clocks u_clocks (
      .clk_i, .rst_ni, .clear_i, .enable_i(events[i]), .clocks_o(counts_o[i*32 +: 32])
    );
  end
endmodule
