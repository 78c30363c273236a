// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// OrangeCrab r0.2: the machine at the board's 48 MHz. Its USB port needs a USB core in the FPGA, which is not built yet;
/// until then the link is a serial port at the pins 0 (RX) and 1 (TX) of the header.
module top #(
  parameter int unsigned ClocksPerBit,
  parameter logic [63:0] Build
) (
  input  logic       clk_48mhz_i,
  input  logic       rx_i,
  output logic       tx_o,
  /// The LED's red, green and blue, lit while they are low.
  output logic [2:0] led_no,
  /// The pull-up of USB: off, so that a host sees no device.
  output logic       usb_pullup_o
);
  logic [2:0] lights;
  assign led_no       = ~{lights[0], lights[1], lights[2]};
  assign usb_pullup_o = 1'b0;
  serial_machine #(.ClocksPerBit(ClocksPerBit), .Build(Build)) u_machine (
    .clk_i(clk_48mhz_i), .stable_i(1'b1), .rx_i, .tx_o, .lights_o(lights)
  );
endmodule
