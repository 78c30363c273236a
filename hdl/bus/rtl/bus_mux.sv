// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The bus itself: the OR of all outputs with their enable on. A wire that nobody drives is 0. The start of a
/// transaction, the first clock of FRAME, is found here once for all agents.
module bus_mux #(
  /// Agents that can be master.
  parameter int unsigned Masters = 2,
  /// Agents that can be target.
  parameter int unsigned Targets = 4
) (
  input  logic                                       clk_i,
  input  logic                                       rst_ni,
  /// Outputs of all masters and targets, the first in the low bits.
  input  logic [Masters*bus_pkg::MasterOutWidth-1:0] masters_i,
  input  logic [Targets*bus_pkg::TargetOutWidth-1:0] targets_i,
  /// The bus as every agent sees it.
  output bus_pkg::bus_t                              bus_o
);
  bus_pkg::master_out_t master;
  bus_pkg::target_out_t target;
  bus_pkg::bus_t        bus;
  logic                 frame_q;

  always_comb begin : p_or
    bus = '0;
    master = '0;
    target = '0;
    for (int unsigned i = 0; i < Masters; i++) begin
      master = masters_i[i*bus_pkg::MasterOutWidth +: bus_pkg::MasterOutWidth];
      bus.frame = bus.frame | (master.frame & master.control_en);
      bus.irdy  = bus.irdy | (master.irdy & master.control_en);
      bus.cbe   = bus.cbe | (master.cbe & {4{master.cbe_en}});
      bus.ad    = bus.ad | (master.ad & {32{master.ad_en}});
      bus.par   = bus.par | (master.par & master.par_en);
      bus.perr  = bus.perr | (master.perr & master.perr_en);
    end
    for (int unsigned i = 0; i < Targets; i++) begin
      target = targets_i[i*bus_pkg::TargetOutWidth +: bus_pkg::TargetOutWidth];
      bus.devsel = bus.devsel | (target.devsel & target.control_en);
      bus.trdy   = bus.trdy | (target.trdy & target.control_en);
      bus.stop   = bus.stop | (target.stop & target.control_en);
      bus.ad     = bus.ad | (target.ad & {32{target.ad_en}});
      bus.par    = bus.par | (target.par & target.par_en);
      bus.perr   = bus.perr | (target.perr & target.perr_en);
      bus.serr   = bus.serr | target.serr;
    end
  end

  always_ff @(posedge clk_i) begin : p_frame
    if (!rst_ni) frame_q <= 1'b0;
    else frame_q <= bus.frame;
  end
  always_comb begin : p_start
    bus_o       = bus;
    bus_o.start = bus.frame && !frame_q;
  end
endmodule
