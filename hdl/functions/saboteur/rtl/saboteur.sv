// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The saboteur function: registers, a window that answers badly, and a bus master that breaks rules, on the function
/// socket. What it does wrong stands between the socket and the bus, so that the socket itself stays as it is.
module saboteur (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  socket_pkg::place_t  place_i,
  input  bus_pkg::bus_in_t    bus_i,
  output bus_pkg::bus_out_t   bus_o,
  output logic                intx_o,
  output socket_pkg::events_t events_o
);
  // BAR0: the registers; BAR1: the window. Both are pages of memory.
  localparam logic [191:0] BarMask = {128'd0, 32'hFFFF_F000, 32'hFFFF_F000};

  socket_pkg::access_t     host;
  socket_pkg::interrupt_t  interrupt;
  bus_pkg::initiator_in_t  request;
  bus_pkg::initiator_out_t progress;
  bus_pkg::bus_in_t        bus;
  bus_pkg::bus_out_t       outputs;
  logic [31:0]             rdata;
  logic                    load, gnt;
  function_socket #(
    .VendorId(saboteur_identity_pkg::VendorId), .DeviceId(saboteur_identity_pkg::DeviceId),
    .ClassCode(saboteur_identity_pkg::ClassCode), .Revision(saboteur_identity_pkg::Revision), .BarMask(BarMask),
    .RegisterBars(6'b000001), .OtherBars(6'b000010), .Lanes(1'b1)
  ) u_socket (
    .clk_i, .rst_ni, .place_i, .bus_i(bus), .bus_o(outputs), .intx_o, .events_o, .access_o(host),
    .answer_i(socket_pkg::AnswerAtOnce), .rdata_i(rdata), .load_o(load), .interrupt_i(interrupt), .message_failed_o(),
    .initiator_i(request), .initiator_o(progress)
  );
  assign bus.bus   = bus_i.bus;
  assign bus.idsel = bus_i.idsel;
  assign bus.gnt   = gnt;

  // Registers: the generated block fills the first 64 bytes of the page.
  saboteur_reg_pkg::reg2hw_t reg2hw;
  saboteur_reg_pkg::hw2reg_t hw2reg;
  saboteur_regs u_regs (
    .clk_i, .rst_ni, .write_i(host.write && host.bar[0] && host.write_address[11:6] == '0),
    .write_address_i(host.write_address[5:0]), .be_i(host.be), .wdata_i(host.wdata),
    .load_i(load && host.bar[0] && host.pointer[11:6] == '0), .read_i(1'b0), .read_address_i(host.pointer[5:0]),
    .rdata_o(rdata), .reg2hw_o(reg2hw), .hw2reg_i(hw2reg)
  );

  // The window, and how often it is still to do what it is told.
  bus_pkg::target_out_t window;
  logic                 drives, spoilt;
  logic [15:0]          left_q;
  logic [31:0]          spoilt_q;
  saboteur_window u_window (
    .clk_i, .rst_ni, .hit_i(host.active && host.bar[1]), .read_i(host.read), .address_i(host.address[11:0]),
    .fault_i(saboteur_reg_pkg::fault_e'(reg2hw.fault.kind)),
    .datum_i(reg2hw.fault.datum), .armed_i(left_q != '0), .done_o(spoilt),
    .decode_i(reg2hw.pace.decode), .first_i(reg2hw.pace.first), .later_i(reg2hw.pace.later), .bus_i(bus_i.bus),
    .drives_o(drives), .target_o(window)
  );
  always_ff @(posedge clk_i) begin : p_left
    if (!rst_ni) begin
      left_q   <= '0;
      spoilt_q <= '0;
    end else begin
      if (reg2hw.count_we) left_q <= (left_q & ~reg2hw.wmask[15:0]) | (reg2hw.wdata[15:0] & reg2hw.wmask[15:0]);
      else if (spoilt && left_q != '1) left_q <= left_q - 16'd1;
      if (reg2hw.faults_done_we) spoilt_q <= '0;
      else if (spoilt) spoilt_q <= spoilt_q + 32'd1;
    end
  end

  // The bus master.
  logic             start, busy, done, parity, rvalid;
  logic [31:0]      fetched, datum_q;
  bus_pkg::result_e result;
  assign start = reg2hw.master_start_we && reg2hw.wmask == '1;
  saboteur_master u_master (
    .clk_i, .rst_ni, .start_i(start), .command_i(reg2hw.wdata[3:0]), .lanes_i(reg2hw.wdata[7:4]),
    .length_i(reg2hw.wdata[15:8]), .address_i(reg2hw.master_address.value), .datum_i(datum_q), .busy_o(busy),
    .done_o(done), .result_o(result), .parity_o(parity), .rvalid_o(rvalid), .rdata_o(fetched), .initiator_o(request),
    .initiator_i(progress), .bad_address_i(reg2hw.master_faults.bad_address), .bad_data_i(reg2hw.master_faults.bad_data),
    .stuck_request_i(reg2hw.master_faults.stuck_request), .no_grant_i(reg2hw.master_faults.no_grant), .gnt_i(bus_i.gnt),
    .gnt_o(gnt), .req_i(outputs.req), .req_o(bus_o.req), .master_i(outputs.master), .master_o(bus_o.master)
  );
  always_ff @(posedge clk_i) begin : p_datum
    if (!rst_ni) datum_q <= '0;
    else if (reg2hw.master_data_we) datum_q <= (datum_q & ~reg2hw.wmask) | (reg2hw.wdata & reg2hw.wmask);
    else if (rvalid) datum_q <= fetched;
  end
  assign bus_o.target = drives ? window : outputs.target;

  // Interrupt: one cause, a pin that can be stuck, and glitches.
  logic cause, mask, status, glitch;
  function_causes #(.Causes(1)) u_causes (
    .clk_i, .rst_ni, .reset_i(1'b0), .set_i(done), .follows_i(1'b0), .cause_we_i(reg2hw.interrupt_cause_we),
    .mask_set_we_i(reg2hw.interrupt_mask_set_we), .mask_clear_we_i(reg2hw.interrupt_mask_clear_we),
    .bits_i(reg2hw.wdata[0] & reg2hw.wmask[0]), .cause_o(cause), .mask_o(mask), .due_o(interrupt.due),
    .cleared_o(interrupt.cleared), .status_o(status)
  );
  prim_timer #(.Width(8)) u_glitch (
    .clk_i, .rst_ni, .load_i(reg2hw.glitch_we), .clocks_i(reg2hw.wdata[7:0] & reg2hw.wmask[7:0]), .running_o(glitch)
  );
  assign interrupt.status       = status || glitch || reg2hw.pin.stuck;
  assign interrupt.latched      = 1'b0;
  assign interrupt.pulse_clocks = '0;
  assign interrupt.reset        = 1'b0;

  // The values that the registers show.
  always_comb begin : p_show
    hw2reg = '0;
    if (load) begin
      hw2reg.count                = {16'd0, left_q};
      hw2reg.faults_done          = spoilt_q;
      hw2reg.master_data          = datum_q;
      hw2reg.master_start         = {busy, 31'd0};
      hw2reg.master_result        = {23'd0, parity, 5'd0, result};
      hw2reg.interrupt_cause      = {31'd0, cause};
      hw2reg.interrupt_mask_set   = {31'd0, mask};
      hw2reg.interrupt_mask_clear = {31'd0, mask};
    end
  end

  logic unused_host;
  assign unused_host = ^host;
endmodule
