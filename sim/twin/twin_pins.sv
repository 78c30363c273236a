// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The machine with its link behind a serial port, as boards with a USB converter have it. Pads of functions are open.
module twin_pins #(
  parameter int unsigned ClocksPerBit = 8
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// The serial port.
  input  logic rx_i,
  output logic tx_o
);
  logic       rx_valid, tx_valid, tx_ready;
  logic [7:0] rx_byte, tx_byte;

  link_uart #(.ClocksPerBit(ClocksPerBit)) u_uart (
    .clk_i, .rst_ni, .rx_i, .tx_o, .rx_valid_o(rx_valid), .rx_byte_o(rx_byte), .tx_valid_i(tx_valid),
    .tx_byte_i(tx_byte), .tx_ready_o(tx_ready)
  );
  linked_machine u_machine (
    .clk_i, .rst_ni, .rx_valid_i(rx_valid), .rx_byte_i(rx_byte), .tx_valid_o(tx_valid), .tx_byte_o(tx_byte),
    .tx_ready_i(tx_ready)
  );
endmodule
