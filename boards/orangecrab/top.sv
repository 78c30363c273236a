// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// OrangeCrab r0.2: the machine at the board's 48 MHz, behind the board's USB port, whose lines end at the FPGA.
module top #(
  parameter logic [63:0] Build
) (
  input  logic       clk_48mhz_i,
  /// D+ and D−, and the pull-up of D+.
  inout  wire        usb_dp_io,
  inout  wire        usb_dn_io,
  output logic       usb_pullup_o,
  /// The LED's red, green and blue, lit while they are low.
  output logic [2:0] led_no
);
  logic       dp, dn, oe;
  logic [2:0] lights;
  assign usb_dp_io = oe ? dp : 1'bz;
  assign usb_dn_io = oe ? dn : 1'bz;
  assign led_no    = ~{lights[0], lights[1], lights[2]};
  usb_machine #(.Build(Build)) u_machine (
    .clk_i(clk_48mhz_i), .stable_i(1'b1), .dp_i(usb_dp_io), .dn_i(usb_dn_io), .dp_o(dp), .dn_o(dn), .oe_o(oe),
    .pullup_o(usb_pullup_o), .lights_o(lights)
  );
endmodule
