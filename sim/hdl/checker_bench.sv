// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// A player in front of the checker: the outputs of two masters, two targets and an arbiter come from a file, one line a
/// clock.
/// `+trace=FILE` names the file and `+clocks=N` the number of its lines; tests/hdl/test_checker.py writes it.
module checker_bench;
  localparam int unsigned Width = 1 + 32 + 3 * 2 + 2 * bus_pkg::MasterOutWidth + 2 * bus_pkg::TargetOutWidth;
  localparam int unsigned Depth = 128;

  logic             clk = 1'b0;
  logic [Width-1:0] trace [Depth];
  logic [Width-1:0] now = '0;
  string            file;
  int               clocks;

  always #1 clk = !clk;

  initial begin : p_play
    if (!$value$plusargs("trace=%s", file) || !$value$plusargs("clocks=%d", clocks)) $finish;
    $readmemh(file, trace);
    for (int i = 0; i < clocks; i++) begin
      @(negedge clk);
      now = trace[i];
    end
    @(negedge clk);
    $display("played to the end");
    $display("recorded %0d %0d", 6'(first), violations);
    $finish;
  end

  logic                                 rst_n;
  logic [31:0]                          idsel;
  logic [1:0]                           req, gnt, broken;
  logic [2*bus_pkg::MasterOutWidth-1:0] masters;
  logic [2*bus_pkg::TargetOutWidth-1:0] targets;
  bus_pkg::bus_t                        bus;
  assign {rst_n, idsel, req, gnt, broken, masters, targets} = now;
  bus_pkg::bus_t drive;
  bus_drive #(.Masters(2), .Targets(2)) u_drive (.masters_i(masters), .targets_i(targets), .drive_o(drive));
  bus_start u_start (.clk_i(clk), .rst_ni(rst_n), .drive_i(drive), .bus_o(bus));
  bus_pkg::rule_e first;
  logic [7:0]     violations;
  bus_checker #(.Masters(2), .Targets(2)) u_checker (
    .clk_i(clk), .rst_ni(rst_n), .bus_i(bus), .idsel_i(idsel), .req_i(req), .gnt_i(gnt), .broken_i(broken),
    .masters_i(masters), .targets_i(targets), .open_o(), .clock_o(), .moved_o(), .broken_o(), .first_o(first),
    .violations_o(violations)
  );
endmodule
