// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The iCEBreaker. The machine runs at the board's own 12 MHz, without a PLL, so that the whole bitstream can be simulated.
module top #(
  parameter int unsigned ClocksPerBit,
  parameter logic [63:0] Build
) (
  input  logic       clk_12mhz_i,
  input  logic       rx_i,
  output logic       tx_o,
  output logic [1:0] led_no
);
  logic [2:0] lights;
  serial_machine #(.ClocksPerBit(ClocksPerBit), .Build(Build)) u_machine (
    .clk_i(clk_12mhz_i), .stable_i(1'b1), .rx_i, .tx_o, .lights_o(lights)
  );
  assign led_no = ~{lights[2] ^ lights[1], lights[0]};
endmodule
