// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// A machine with its link behind a USB device of its own, for boards: all but the clock, the pins and the lights. All of it
/// has the clock of the USB core, 48 MHz. The machine must have no pads.
module usb_machine #(
  /// The number of the build, the first byte on top. A host reads it as a notice too, without a session.
  parameter logic [63:0] Build
) (
  input  logic       clk_i,
  /// The clock is stable; until then everything is in reset.
  input  logic       stable_i,
  /// The lines of the bus; see usb_device.
  input  logic       dp_i,
  input  logic       dn_i,
  output logic       dp_o,
  output logic       dn_o,
  output logic       oe_o,
  output logic       pullup_o,
  /// Lights: a host has configured the device; a byte came; a byte was sent. They are dark while the bus is suspended.
  output logic [2:0] lights_o
);
  // As in serial_machine, the reset lasts for 128 clocks after configuration.
  logic [7:0] age_q;
  logic       rst_n;
  assign rst_n = age_q[7];
  initial age_q = '0;
  always_ff @(posedge clk_i) begin : p_age
    if (!stable_i) age_q <= '0;
    else if (!rst_n) age_q <= age_q + 8'd1;
  end

  logic       rx_valid, tx_valid, tx_ready, configured, suspended;
  logic [7:0] rx_byte, tx_byte;
  usb_device u_usb (
    .clk_i, .rst_ni(rst_n), .dp_i, .dn_i, .dp_o, .dn_o, .oe_o, .pullup_o, .configured_o(configured),
    .suspended_o(suspended), .rx_valid_o(rx_valid), .rx_byte_o(rx_byte), .rx_ready_i(1'b1), .tx_valid_i(tx_valid),
    .tx_byte_i(tx_byte), .tx_ready_o(tx_ready), .notice_valid_i(1'b1), .notice_i(Build), .notice_ready_o()
  );
  linked_machine #(.Build(Build)) u_machine (
    .clk_i, .rst_ni(rst_n), .rx_valid_i(rx_valid), .rx_byte_i(rx_byte), .tx_valid_o(tx_valid), .tx_byte_o(tx_byte),
    .tx_ready_i(tx_ready)
  );

  // A light for a byte toggles, so that traffic is seen as a glow.
  logic came_q, sent_q;
  always_ff @(posedge clk_i) begin : p_lights
    came_q <= rst_n && (came_q ^ rx_valid);
    sent_q <= rst_n && (sent_q ^ (tx_valid && tx_ready));
  end
  assign lights_o = {sent_q, came_q, configured} & {3{!suspended}};
endmodule
