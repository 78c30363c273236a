// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `bus_counters`: the five groups of clocks together are all clocks since the last clear.
module bus_counters_formal (
  input logic          clk_i,
  input logic          rst_ni,
  input logic          clear_i,
  input bus_pkg::bus_t bus_i
);
  logic [6*32-1:0] counts;
  bus_counters u_dut (.clk_i, .rst_ni, .clear_i, .bus_i, .counts_o(counts));

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The counters one clock before, those that have changed since, and the counts of starts and data.
  logic [6*32-1:0] counts_q;
  logic [31:0]     starts_q, data_q;
  logic [4:0]      changed;
  logic            counting_q;
  always_ff @(posedge clk_i) begin : p_count
    counts_q   <= counts;
    counting_q <= rst_ni && !clear_i;
    if (!rst_ni || clear_i) begin
      starts_q <= '0;
      data_q   <= '0;
    end else begin
      starts_q <= starts_q + 32'(bus_i.start);
      data_q   <= data_q + 32'(bus_i.irdy && bus_i.trdy);
    end
  end
  for (genvar i = 0; i < 5; i++) begin : gen_count
    assign changed[i] = counts[i*32 +: 32] != counts_q[i*32 +: 32];
    always_ff @(posedge clk_i) begin : p_step
      if (rst_ni && counting_q && changed[i]) begin
        `PROVE(step, counts[i*32 +: 32] == counts_q[i*32 +: 32] + 32'd1, "A counter goes up by one.")
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (rst_ni) begin
      `ASSUME(start, !bus_i.start || (bus_i.frame && !bus_i.irdy && !bus_i.stop),
              "IRDY and STOP are off in an address phase.")
      `PROVE(every_clock, !counting_q || (changed != '0 && (changed & (changed - 5'd1)) == '0),
             "Each clock counts in exactly one of the five groups.")
      `PROVE(transactions, counts[160 +: 32] == starts_q && counts[32 +: 32] == starts_q,
             "Each transaction counts once, and has one address clock.")
      `PROVE(data, counts[64 +: 32] == data_q, "Each datum counts as one clock.")
      `COVER(all, counts[0 +: 32] != '0 && counts[32 +: 32] != '0 && counts[64 +: 32] != '0 &&
             counts[96 +: 32] != '0 && counts[128 +: 32] != '0, "Clocks of all groups have been counted.")
    end
  end
endmodule
