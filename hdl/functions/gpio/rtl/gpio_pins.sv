// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The pins: direction, loop-back, synchronisation, edges and levels.
module gpio_pins #(
  /// Number of pins.
  parameter int unsigned Pins = 16
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  /// From the registers.
  input  logic [Pins-1:0] output_i,
  input  logic [Pins-1:0] direction_i,
  input  logic [Pins-1:0] loopback_i,
  input  logic [Pins-1:0] rising_i,
  input  logic [Pins-1:0] falling_i,
  input  logic [Pins-1:0] level_i,
  /// The levels of the pins; a cause that is newly set, or for a pin in `level_i` the condition of its cause.
  output logic [Pins-1:0] input_o,
  output logic [Pins-1:0] set_o,
  /// Pads: what comes in, what is driven, and which pins are driven. What comes in need not follow the clock.
  input  logic [Pins-1:0] pads_i,
  output logic [Pins-1:0] pads_o,
  output logic [Pins-1:0] pads_en_o
);
  logic [Pins-1:0] pins, first_q, second_q, before_q;

  assign pins = (direction_i | loopback_i) & output_i | ~(direction_i | loopback_i) & pads_i;
  // Two registers in a row, so that a level that changes near the clock edge has settled.
  always_ff @(posedge clk_i) begin : p_synchronise
    if (!rst_ni) begin
      first_q  <= '0;
      second_q <= '0;
      before_q <= '0;
    end else begin
      first_q  <= pins;
      second_q <= first_q;
      before_q <= second_q;
    end
  end

  assign set_o     = (rising_i & second_q & ~(before_q & ~level_i)) | (falling_i & ~second_q & (before_q | level_i));
  assign input_o   = second_q;
  assign pads_o    = output_i;
  assign pads_en_o = direction_i;
endmodule
