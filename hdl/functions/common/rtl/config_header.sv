// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Type 0 configuration header with MSI and the vendor-specific capability, around the generated register block.
/// Parameters say which registers a function has; absent registers read 0 and ignore writes.
module config_header #(
  parameter logic [15:0]  VendorId,
  parameter logic [15:0]  DeviceId,
  /// Base class, subclass, programming interface.
  parameter logic [23:0]  ClassCode,
  parameter logic [7:0]   Revision,
  /// The capability of messages and the vendor-specific capability are present.
  parameter bit           Messages = 1'b0,
  parameter bit           Vendor = 1'b0,
  /// Writable bits of the six base address registers, BAR0 in the low bits; 0 means absent.
  parameter logic [191:0] BarMask = '0,
  /// Type bits of the base address registers.
  parameter logic [191:0] BarType = '0,
  /// Writable bits of the address of the expansion ROM; 0 means that there is none.
  parameter logic [31:0]  RomMask = '0,
  /// Number of the build, in the vendor-specific capability.
  parameter logic [31:0]  Build = 32'd0
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// The place of the function, and the facts of the machine that the header shows.
  input  socket_pkg::place_t                        place_i,
  /// From the target: the transaction; the strobe that takes a datum, and the datum.
  input  bus_pkg::transaction_t                     transaction_i,
  input  logic                                      load_i,
  output logic [31:0]                               rdata_o,
  /// An interrupt is wanted (Status bit 3).
  input  logic                                      interrupt_status_i,
  /// Bits of Status to set.
  input  bus_pkg::status_set_t                      status_set_i,
  /// The abilities that the header enables.
  output pci_configuration_reg_pkg::command_out_t   command_o,
  output logic [7:0]                                latency_timer_o,
  output logic [191:0]                              bars_o,
  output logic [31:0]                               rom_o,
  output logic                                      msi_enable_o,
  output logic [63:0]                               msi_address_o,
  output logic [15:0]                               msi_data_o,
  /// The message is masked; a message waits for that.
  output logic                                      msi_masked_o,
  input  logic                                      msi_waits_i
);
  localparam logic [31:0] ClassRevision = {ClassCode, Revision};

  pci_configuration_reg_pkg::reg2hw_t reg2hw;
  pci_configuration_reg_pkg::hw2reg_t hw2reg;
  pci_configuration_reg_pkg::hwset_t  hwset;
  logic [31:0] wmask;
  logic [5:0]  bar_we;
  logic [7:0]  read_offset, write_offset;
  logic        write, load;
  localparam logic [7:0] MessageOffset = 8'(pci_configuration_reg_pkg::MsiCapabilityIdOffset);
  localparam logic [7:0] VendorOffset  = 8'(pci_configuration_reg_pkg::VendorCapabilityIdOffset);

  // An absent capability reads 0 and ignores writes.
  function automatic logic is_present(input logic [7:0] offset);
    is_present = !offset[7] && (offset < MessageOffset || (offset < VendorOffset ? Messages : Vendor));
  endfunction
  assign read_offset  = transaction_i.pointer[7:0];
  assign write_offset = transaction_i.write_address[7:0];
  assign write = transaction_i.write && transaction_i.configuration && is_present(write_offset);
  assign load  = load_i && transaction_i.configuration && is_present(read_offset);

  pci_configuration_regs u_regs (
    .clk_i, .rst_ni,
    .write_i(write), .write_address_i(write_offset[6:0]), .be_i(transaction_i.write_be), .wdata_i(transaction_i.wdata),
    .load_i(load), .read_i(1'b0), .read_address_i(read_offset[6:0]), .rdata_o, .reg2hw_o(reg2hw), .hw2reg_i(hw2reg),
    .hwset_i(hwset)
  );

  assign wmask  = reg2hw.wmask;
  assign bar_we = reg2hw.bar_we;
  logic unused_strobes;
  assign unused_strobes = ^{wmask, bar_we, reg2hw.expansion_rom_we};
  for (genvar i = 0; i < 6; i++) begin : gen_bar
    localparam logic [31:0] Mask = BarMask[i*32 +: 32];
    if (Mask == '0) begin : gen_absent
      assign bars_o[i*32 +: 32] = BarType[i*32 +: 32];
    end else begin : gen_present
      logic [31:0] bar_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni) bar_q <= BarType[i*32 +: 32];
        else if (bar_we[i]) bar_q <= (transaction_i.wdata & wmask & Mask) | (bar_q & ~(wmask & Mask));
      end
      assign bars_o[i*32 +: 32] = bar_q;
    end
  end

  if (RomMask == '0) begin : gen_no_rom
    assign rom_o = '0;
  end else begin : gen_rom
    localparam logic [31:0] Mask = RomMask | 32'd1;
    logic [31:0] rom_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) rom_q <= '0;
      else if (reg2hw.expansion_rom_we) rom_q <= (transaction_i.wdata & wmask & Mask) | (rom_q & ~(wmask & Mask));
    end
    assign rom_o = rom_q;
  end

  always_comb begin : p_facts
    hw2reg = '0;
    if (load) begin
      hw2reg.vendor_id.value                      = VendorId;
      hw2reg.device_id.value                      = DeviceId;
      hw2reg.class_revision.revision              = ClassRevision[7:0];
      hw2reg.class_revision.programming_interface = ClassRevision[15:8];
      hw2reg.class_revision.subclass              = ClassRevision[23:16];
      hw2reg.class_revision.base_class            = ClassRevision[31:24];
      hw2reg.subsystem_vendor_id.value            = VendorId;
      hw2reg.subsystem_id.value                   = DeviceId;
      hw2reg.capabilities_pointer.value           = Messages ? MessageOffset : Vendor ? VendorOffset : 8'h00;
      hw2reg.interrupt_pin.value                  = 8'(place_i.pin);
      hw2reg.header_type.multifunction            = place_i.multifunction;
      hw2reg.bar                                  = bars_o;
      hw2reg.expansion_rom                        = rom_o;
      hw2reg.status.interrupt_status              = interrupt_status_i;
      hw2reg.status.capability_list               = Messages || Vendor;
      hw2reg.vendor_build.value                   = Build;
      hw2reg.vendor_clock.khz                     = place_i.clock_khz;
      hw2reg.vendor_features.timestamp            = 1'b1;
      hw2reg.vendor_features.fault_injection      = place_i.fault_injection;
      hw2reg.vendor_features.checker_present      = place_i.checker_present;
      hw2reg.vendor_features.violation            = place_i.violation;
      hw2reg.vendor_timestamp.value               = place_i.timestamp_address;
      hw2reg.msi_pending.waits                    = msi_waits_i;
      hw2reg.msi_next.offset                      = Vendor ? VendorOffset : 8'h00;
    end
  end

  assign hwset.status.master_data_parity    = status_set_i.master_data_parity;
  assign hwset.status.signaled_target_abort = status_set_i.signaled_target_abort;
  assign hwset.status.received_target_abort = status_set_i.received_target_abort;
  assign hwset.status.received_master_abort = status_set_i.received_master_abort;
  assign hwset.status.signaled_system_error = status_set_i.signaled_system_error;
  assign hwset.status.detected_parity       = status_set_i.detected_parity;

  assign command_o       = reg2hw.command;
  assign latency_timer_o = {reg2hw.latency_timer.value, 3'b000};
  assign msi_enable_o    = Messages && reg2hw.msi_control.enable;
  assign msi_address_o   = Messages ? {reg2hw.msi_upper_address.address, reg2hw.msi_address.address, 2'b00} : '0;
  assign msi_masked_o    = Messages && reg2hw.msi_mask.masked;
  assign msi_data_o      = Messages ? reg2hw.msi_data.value : '0;
endmodule
