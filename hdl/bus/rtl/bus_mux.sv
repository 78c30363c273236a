// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The bus itself: the OR of all outputs with their enable on. A wire that nobody drives is 0.
module bus_mux #(
  /// Agents that can be master.
  parameter int unsigned Masters = 2,
  /// Agents that can be target.
  parameter int unsigned Targets = 4
) (
  /// Outputs of all masters and targets, the first in the low bits.
  input  logic [Masters*bus_pkg::MasterOutWidth-1:0] masters_i,
  input  logic [Targets*bus_pkg::TargetOutWidth-1:0] targets_i,
  /// The bus as every agent sees it.
  output bus_pkg::bus_t                              bus_o
);
  bus_pkg::master_out_t master;
  bus_pkg::target_out_t target;

  always_comb begin : p_or
    bus_o = '0;
    master = '0;
    target = '0;
    for (int unsigned i = 0; i < Masters; i++) begin
      master = masters_i[i*bus_pkg::MasterOutWidth +: bus_pkg::MasterOutWidth];
      bus_o.frame = bus_o.frame | (master.frame & master.control_en);
      bus_o.irdy  = bus_o.irdy | (master.irdy & master.control_en);
      bus_o.cbe   = bus_o.cbe | (master.cbe & {4{master.cbe_en}});
      bus_o.ad    = bus_o.ad | (master.ad & {32{master.ad_en}});
      bus_o.par   = bus_o.par | (master.par & master.par_en);
      bus_o.perr  = bus_o.perr | (master.perr & master.perr_en);
    end
    for (int unsigned i = 0; i < Targets; i++) begin
      target = targets_i[i*bus_pkg::TargetOutWidth +: bus_pkg::TargetOutWidth];
      bus_o.devsel = bus_o.devsel | (target.devsel & target.control_en);
      bus_o.trdy   = bus_o.trdy | (target.trdy & target.control_en);
      bus_o.stop   = bus_o.stop | (target.stop & target.control_en);
      bus_o.ad     = bus_o.ad | (target.ad & {32{target.ad_en}});
      bus_o.par    = bus_o.par | (target.par & target.par_en);
      bus_o.perr   = bus_o.perr | (target.perr & target.perr_en);
      bus_o.serr   = bus_o.serr | target.serr;
    end
  end
endmodule
