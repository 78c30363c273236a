// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// ULX3S: the machine at 50 MHz, behind the USB port US1.
module top #(
  parameter int unsigned ClocksPerBit,
  parameter logic [63:0] Build
) (
  input  logic       clk_25mhz_i,
  input  logic       rx_i,
  output logic       tx_o,
  output logic [2:0] led_o,
  /// The radio module, which shares pins with the FPGA: it is held in reset.
  output logic       wifi_en_o
);
  // 25 MHz times 2: the oscillator of the PLL runs at 600 MHz.
  logic clk, locked;
  EHXPLLL #(
    .PLLRST_ENA("DISABLED"), .INTFB_WAKE("DISABLED"), .STDBY_ENABLE("DISABLED"), .DPHASE_SOURCE("DISABLED"),
    .OUTDIVIDER_MUXA("DIVA"), .OUTDIVIDER_MUXB("DIVB"), .OUTDIVIDER_MUXC("DIVC"), .OUTDIVIDER_MUXD("DIVD"),
    .CLKI_DIV(1), .CLKFB_DIV(2), .FEEDBK_PATH("CLKOP"),
    .CLKOP_ENABLE("ENABLED"), .CLKOP_DIV(12), .CLKOP_CPHASE(5), .CLKOP_FPHASE(0)
  ) u_pll (
    .CLKI(clk_25mhz_i), .CLKFB(clk), .CLKOP(clk), .LOCK(locked), .RST(1'b0), .STDBY(1'b0), .PHASESEL0(1'b0),
    .PHASESEL1(1'b0), .PHASEDIR(1'b1), .PHASESTEP(1'b1), .PHASELOADREG(1'b1), .PLLWAKESYNC(1'b0), .ENCLKOP(1'b0)
  );

  // The lock comes from no clock.
  logic [1:0] locked_q;
  always_ff @(posedge clk) locked_q <= {locked_q[0], locked};

  logic [2:0] lights;
  assign led_o     = lights;
  assign wifi_en_o = 1'b0;
  serial_machine #(.ClocksPerBit(ClocksPerBit), .Build(Build)) u_machine (
    .clk_i(clk), .stable_i(locked_q[1]), .rx_i, .tx_o, .lights_o(lights)
  );
endmodule
