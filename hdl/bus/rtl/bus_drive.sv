// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The bus as some of its agents drive it: the OR of all their outputs with their enable on. A wire that none of them
/// drives is 0. The OR of all agents' drives is the bus but for `start`, which is 0 here and comes from `bus_start`.
module bus_drive #(
  /// Agents that can be master.
  parameter int unsigned Masters = 2,
  /// Agents that can be target.
  parameter int unsigned Targets = 4
) (
  /// Outputs of the masters and targets, the first in the low bits.
  input  logic [Masters*bus_pkg::MasterOutWidth-1:0] masters_i,
  input  logic [Targets*bus_pkg::TargetOutWidth-1:0] targets_i,
  output bus_pkg::bus_t                              drive_o
);
  bus_pkg::master_out_t master;
  bus_pkg::target_out_t target;
  bus_pkg::bus_t        drive;

  always_comb begin : p_or
    drive = '0;
    master = '0;
    target = '0;
    for (int unsigned i = 0; i < Masters; i++) begin
      master = masters_i[i*bus_pkg::MasterOutWidth +: bus_pkg::MasterOutWidth];
      drive.frame = drive.frame | (master.frame & master.control_en);
      drive.irdy  = drive.irdy | (master.irdy & master.control_en);
      drive.cbe   = drive.cbe | (master.cbe & {4{master.cbe_en}});
      drive.ad    = drive.ad | (master.ad & {32{master.ad_en}});
      drive.par   = drive.par | (master.par & master.par_en);
      drive.perr  = drive.perr | (master.perr & master.perr_en);
    end
    for (int unsigned i = 0; i < Targets; i++) begin
      target = targets_i[i*bus_pkg::TargetOutWidth +: bus_pkg::TargetOutWidth];
      drive.devsel = drive.devsel | (target.devsel & target.control_en);
      drive.trdy   = drive.trdy | (target.trdy & target.control_en);
      drive.stop   = drive.stop | (target.stop & target.control_en);
      drive.ad     = drive.ad | (target.ad & {32{target.ad_en}});
      drive.par    = drive.par | (target.par & target.par_en);
      drive.perr   = drive.perr | (target.perr & target.perr_en);
      drive.serr   = drive.serr | target.serr;
    end
  end
  assign drive_o = drive;
endmodule
