// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The FIFO between programmed I/O and the buffer. Accesses of the host cannot wait: a read of an empty FIFO gives 0, a
/// write to a full FIFO is dropped, and both are counted. While a command uses one end, the host has only the other
/// end.
module store_fifo #(
  /// Log2 of the dwords that the FIFO holds.
  parameter int unsigned FifoLog2 = 6,
  /// The second dword is at hand when the host takes the first one, so that bursts of the host need no waits.
  parameter bit          Pair = 1'b1
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              clear_i,
  /// Clears the count of overruns.
  input  logic              clear_overruns_i,
  /// A command drains (host to buffer) or fills (buffer to host) the FIFO.
  input  logic              draining_i,
  input  logic              filling_i,
  /// Host: it addresses the FIFO; it pushes a datum; it loads a datum for a read; that datum has moved.
  input  logic              host_enable_i,
  input  logic              host_push_i,
  input  logic [31:0]       host_data_i,
  input  logic              host_load_i,
  input  logic              host_transfer_i,
  output logic              host_valid_o,
  output logic [31:0]       host_data_o,
  /// A datum moved between host and FIFO on this clock.
  output logic              host_pushed_o,
  output logic              host_popped_o,
  output logic              overrun_o,
  output logic [15:0]       overruns_o,
  /// Command: drain and fill.
  output logic              drain_valid_o,
  output logic [31:0]       drain_data_o,
  input  logic              drain_pop_i,
  input  logic              fill_push_i,
  input  logic [31:0]       fill_data_i,
  output logic              fill_ready_o,
  /// The number of dwords in the FIFO.
  output logic [FifoLog2:0] level_o
);
  logic [31:0] data0, data1;
  logic [1:0]  visible;
  logic        full, accept, popped, real_q, wanted_more;

  assign full          = level_o[FifoLog2];
  assign accept        = host_push_i && !full && !filling_i;
  assign host_pushed_o = accept;
  assign fill_ready_o  = !full;
  assign popped        = host_transfer_i && real_q;
  assign host_popped_o = popped;
  assign overrun_o     = (host_push_i && !accept) || (host_transfer_i && !real_q);

  // The datum for the host to load: the head, the second entry if the head moves now, or 0 if there is none.
  always_comb begin : p_host
    wanted_more  = 1'b0;
    host_valid_o = 1'b1;
    host_data_o  = '0;
    if (host_enable_i) begin
      wanted_more  = level_o > (FifoLog2+1)'(popped) && !draining_i;
      host_valid_o = !wanted_more || visible > 2'(popped);
      if (wanted_more) host_data_o = popped ? data1 : data0;
    end
  end
  always_ff @(posedge clk_i) begin : p_real
    if (!rst_ni || clear_i) real_q <= 1'b0;
    else if (host_load_i) real_q <= wanted_more;
  end

  assign drain_valid_o = visible != '0;
  assign drain_data_o  = data0;
  prim_fifo #(.Width(32), .DepthLog2(FifoLog2), .Pair(Pair)) u_fifo (
    .clk_i, .rst_ni, .clear_i, .push_i(accept || (fill_push_i && !full)),
    .data_i(filling_i ? fill_data_i : host_data_i), .pop_i(popped || drain_pop_i), .data0_o(data0), .data1_o(data1),
    .visible_o(visible), .level_o
  );

  logic [15:0] overruns_q;
  always_ff @(posedge clk_i) begin : p_overruns
    if (!rst_ni) overruns_q <= '0;
    else if (clear_overruns_i || overrun_o) overruns_q <= clear_overruns_i ? '0 : overruns_q + 16'(overruns_q != '1);
  end
  assign overruns_o = overruns_q;
endmodule
