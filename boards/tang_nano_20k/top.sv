// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Tang Nano 20K: the machine at the board's 27 MHz.
module top #(
  parameter int unsigned ClocksPerBit,
  parameter logic [63:0] Build
) (
  input  logic       clk_27mhz_i,
  input  logic       rx_i,
  output logic       tx_o,
  /// LEDs, lit while they are low.
  output logic [2:0] led_no
);
  logic [2:0] lights;
  assign led_no = ~lights;
  serial_machine #(.ClocksPerBit(ClocksPerBit), .Build(Build)) u_machine (
    .clk_i(clk_27mhz_i), .stable_i(1'b1), .rx_i, .tx_o, .lights_o(lights)
  );
endmodule
