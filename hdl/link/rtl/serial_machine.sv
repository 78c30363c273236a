// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// A machine with its link behind a serial port, for boards: all but the clock, the pins and the lights.
/// The machine must have no pads.
module serial_machine #(
  /// Clocks of one bit of the serial port.
  parameter int unsigned ClocksPerBit,
  /// The number of the build, the first byte on top.
  parameter logic [63:0] Build
) (
  input  logic       clk_i,
  /// The clock is stable; until then everything is in reset.
  input  logic       stable_i,
  /// The lines of the serial port.
  input  logic       rx_i,
  output logic       tx_o,
  /// Lights: out of reset; a byte came; a byte was sent.
  output logic [2:0] lights_o
);
  // The registers of the parts that boards have are 0 after configuration, and the block RAMs of the iCE40 can be read
  // some microseconds later. So the reset lasts for 128 clocks, 10 µs at 12 MHz.
  logic [7:0] age_q;
  logic       rst_n;
  assign rst_n = age_q[7];
  initial age_q = '0;
  always_ff @(posedge clk_i) begin : p_age
    if (!stable_i) age_q <= '0;
    else if (!rst_n) age_q <= age_q + 8'd1;
  end

  logic       rx_valid, tx_valid, tx_ready;
  logic [7:0] rx_byte, tx_byte;
  link_uart #(.ClocksPerBit(ClocksPerBit)) u_uart (
    .clk_i, .rst_ni(rst_n), .rx_i, .tx_o, .rx_valid_o(rx_valid), .rx_byte_o(rx_byte), .tx_valid_i(tx_valid),
    .tx_byte_i(tx_byte), .tx_ready_o(tx_ready)
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
  assign lights_o = {sent_q, came_q, rst_n};
endmodule
