// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The checker of the bus behind the pins of a wave dump, which show the bus and not who drives it. So all that masters
/// drive is taken for the outputs of the one that was granted, and all that targets drive for those of one target.
module dump_bus #(
  localparam int unsigned Masters = 16
) (
  input  logic               clk_i,
  /// The dump is in reset, or the bus has not been idle yet.
  input  logic               rst_ni,
  input  logic               frame_i,
  input  logic               irdy_i,
  input  logic               devsel_i,
  input  logic               trdy_i,
  input  logic               stop_i,
  input  logic [31:0]        ad_i,
  input  logic [3:0]         cbe_i,
  input  logic               par_i,
  input  logic               perr_i,
  /// The IDSELs that the dump has, and whether it has any.
  input  logic [31:0]        idsel_i,
  input  logic               has_idsel_i,
  input  logic [Masters-1:0] req_i,
  input  logic [Masters-1:0] gnt_i,
  /// Whether somebody drives FRAME and IRDY; DEVSEL, TRDY and STOP; AD.
  input  logic               master_driven_i,
  input  logic               target_driven_i,
  input  logic               ad_driven_i,
  input  logic               perr_driven_i,
  /// Nobody knows whether PAR is right for the clock before.
  input  logic               doubtful_i,
  /// The rules that do not hold on this clock.
  output logic [bus_pkg::Rules-1:0] broken_o,
  /// The same for the rules of error_pins.
  output logic [5:0]                broken_pins_o
);
  bus_pkg::bus_t drive, bus;
  always_comb begin : p_drive
    drive        = '0;
    drive.frame  = frame_i;
    drive.irdy   = irdy_i;
    drive.devsel = devsel_i;
    drive.trdy   = trdy_i;
    drive.stop   = stop_i;
    drive.ad     = ad_i;
    drive.cbe    = cbe_i;
    drive.par    = par_i;
    drive.perr   = perr_i;
  end
  bus_start u_start (.clk_i, .rst_ni, .drive_i(drive), .bus_o(bus));

  // The master of a transaction: the one that was granted on the clock before its start. A transaction that begins
  // without a grant is counted to the first one, which had none either.
  logic [Masters-1:0] gnt_q, owner_q, owner;
  logic               past_q;
  assign owner = !bus.start ? owner_q : (gnt_q & (gnt_q - Masters'(1))) == '0 && gnt_q != '0 ? gnt_q : Masters'(1);
  always_ff @(posedge clk_i) begin : p_owner
    past_q  <= rst_ni;
    gnt_q   <= rst_ni ? gnt_i : '0;
    owner_q <= rst_ni ? owner : Masters'(1);
  end

  bus_pkg::master_out_t                       master;
  bus_pkg::target_out_t                       target;
  logic [Masters*bus_pkg::MasterOutWidth-1:0] masters;
  always_comb begin : p_outputs
    master            = '0;
    master.frame      = frame_i;
    master.irdy       = irdy_i;
    master.control_en = master_driven_i;
    master.cbe        = cbe_i;
    master.cbe_en     = 1'b1;
    master.ad         = ad_i;
    master.ad_en      = ad_driven_i;
    target            = '0;
    target.devsel     = devsel_i;
    target.trdy       = trdy_i;
    target.stop       = stop_i;
    target.control_en = target_driven_i;
    masters           = '0;
    for (int unsigned i = 0; i < Masters; i++) begin
      if (owner[i]) masters[i*bus_pkg::MasterOutWidth +: bus_pkg::MasterOutWidth] = master;
    end
  end

  // A configuration transaction of type 0 without IDSEL may be for a device whose IDSEL the dump lacks. And IDSEL
  // may be a line of AD, so it means nothing on other clocks.
  logic [31:0] idsel;
  always_comb begin : p_idsel
    idsel = '0;
    if (bus.start && bus.ad[1:0] == 2'b00 && (bus.cbe == bus_pkg::CommandConfigurationRead ||
        bus.cbe == bus_pkg::CommandConfigurationWrite)) idsel = idsel_i != '0 ? idsel_i : 32'd1;
  end

  logic [5:0] broken_pins;
  error_pins u_pins (
    .clk_i, .rst_ni, .bus_i(bus), .idsel_i, .has_idsel_i, .perr_driven_i, .doubtful_i, .broken_o(broken_pins)
  );
  assign broken_pins_o = rst_ni && past_q ? broken_pins : '0;

  bus_checker #(
    .Masters(Masters), .Targets(1), .BackToBack(1'b1), .Slowest(5)
  ) u_checker (
    .clk_i, .rst_ni, .bus_i(bus), .idsel_i(idsel), .req_i, .gnt_i, .broken_i('0), .masters_i(masters),
    .targets_i(target), .open_o(), .clock_o(), .moved_o(), .broken_o(), .first_o(), .violations_o()
  );
  assign broken_o = rst_ni && past_q ? ~u_checker.holds : '0;
endmodule
