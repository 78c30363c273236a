// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// A serial port with 8 data bits, no parity and one stop bit, without handshake lines.
module link_uart #(
  /// Clocks of one bit, at least 4.
  parameter int unsigned ClocksPerBit
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  /// The two lines.
  input  logic       rx_i,
  output logic       tx_o,
  /// A byte has come; it is there for one clock. A byte without a stop bit is dropped.
  output logic       rx_valid_o,
  output logic [7:0] rx_byte_o,
  /// A byte to send.
  input  logic       tx_valid_i,
  input  logic [7:0] tx_byte_i,
  output logic       tx_ready_o
);
  if (ClocksPerBit < 4) begin : gen_check
    $error("link_uart: ClocksPerBit must be at least 4");
  end
  localparam int unsigned Width = $clog2(ClocksPerBit);
  localparam logic [Width-1:0] Whole = Width'(ClocksPerBit - 1);
  localparam logic [Width-1:0] Half  = Width'(ClocksPerBit / 2 - 1);

  // The line comes from another clock.
  logic [1:0] line_q;
  always_ff @(posedge clk_i) begin : p_line
    if (!rst_ni) line_q <= '1;
    else line_q <= {line_q[0], rx_i};
  end

  // A byte is its start bit, 8 data bits and its stop bit.
  localparam logic [3:0] Stop = 4'd9;

  // Receive: from the edge of the start bit half a bit to its middle, then from middle to middle.
  logic             rx_busy_q, sample;
  logic [Width-1:0] rx_time_q;
  logic [3:0]       rx_bit_q;
  logic [7:0]       rx_byte_q;
  assign sample = rx_time_q == '0;
  always_ff @(posedge clk_i) begin : p_receive
    if (!rx_busy_q) begin
      rx_time_q <= Half;
      rx_bit_q  <= '0;
    end else begin
      rx_time_q <= sample ? Whole : rx_time_q - Width'(1);
      if (sample) rx_bit_q <= rx_bit_q + 4'd1;
    end
    if (sample && rx_bit_q != Stop) rx_byte_q <= {line_q[1], rx_byte_q[7:1]};
    // A start bit that is over in its middle was none.
    if (!rst_ni) rx_busy_q <= 1'b0;
    else if (!rx_busy_q) rx_busy_q <= !line_q[1];
    else if (sample && (rx_bit_q == Stop || (rx_bit_q == '0 && line_q[1]))) rx_busy_q <= 1'b0;
    rx_valid_o <= rst_ni && rx_busy_q && sample && rx_bit_q == Stop && line_q[1];
  end
  assign rx_byte_o = rx_byte_q;

  // Send. The line is at rest while ones are shifted out.
  logic             tx_busy_q;
  logic [Width-1:0] tx_time_q;
  logic [3:0]       tx_bit_q;
  logic [8:0]       tx_line_q;
  assign tx_ready_o = !tx_busy_q;
  assign tx_o       = tx_line_q[0];
  always_ff @(posedge clk_i) begin : p_send
    if (!rst_ni) begin
      tx_busy_q <= 1'b0;
      tx_line_q <= '1;
    end else if (!tx_busy_q) begin
      tx_busy_q <= tx_valid_i;
      if (tx_valid_i) tx_line_q <= {tx_byte_i, 1'b0};
    end else if (tx_time_q == '0) begin
      tx_busy_q <= tx_bit_q != Stop;
      tx_line_q <= {1'b1, tx_line_q[8:1]};
    end
    if (!tx_busy_q) tx_bit_q <= '0;
    else if (tx_time_q == '0) tx_bit_q <= tx_bit_q + 4'd1;
    tx_time_q <= !tx_busy_q || tx_time_q == '0 ? Whole : tx_time_q - Width'(1);
  end
endmodule
