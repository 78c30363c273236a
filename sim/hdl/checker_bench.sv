// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Breaks one rule of the bus in front of the checker: TRDY is on, once, without DEVSEL. The run must end there.
module checker_bench;
  logic          clk = 1'b0;
  logic          rst_n = 1'b0;
  bus_pkg::bus_t bus = '0;

  always #1 clk = !clk;

  initial begin : p_break
    repeat (4) @(posedge clk);
    rst_n <= 1'b1;
    repeat (4) @(posedge clk);
    bus.trdy <= 1'b1;
    repeat (4) @(posedge clk);
    $display("nobody minded");
    $finish;
  end

  bus_checker #(.Masters(1), .Targets(1)) u_checker (
    .clk_i(clk), .rst_ni(rst_n), .bus_i(bus), .idsel_i('0), .req_i('0), .gnt_i(rst_n), .broken_i('0),
    .masters_i('0), .targets_i('0), .open_o(), .clock_o(), .moved_o()
  );
endmodule
