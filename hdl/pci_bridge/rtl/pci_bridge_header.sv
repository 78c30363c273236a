// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The type 1 configuration header of the bridge, around the generated register block.
module pci_bridge_header (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  input  socket_pkg::place_t              place_i,
  /// From the primary target: the transaction; the strobe that takes a datum, and the datum.
  input  bus_pkg::transaction_t           transaction_i,
  input  logic                            load_i,
  output logic [31:0]                     rdata_o,
  /// Bits of Status and of Secondary Status to set; SERR came on the secondary bus; a discard timer has run out.
  input  bus_pkg::status_set_t            primary_status_i,
  input  bus_pkg::status_set_t            secondary_status_i,
  input  logic                            secondary_serr_i,
  input  logic                            discarded_i,
  /// The registers.
  output pci_bridge_reg_pkg::reg2hw_t     registers_o,
  output pci_bridge_pkg::windows_t        windows_o
);
  pci_bridge_reg_pkg::reg2hw_t reg2hw;
  pci_bridge_reg_pkg::hw2reg_t hw2reg;
  pci_bridge_reg_pkg::hwset_t  hwset;
  logic [7:0] read_offset, write_offset;
  assign read_offset  = transaction_i.pointer[7:0];
  assign write_offset = transaction_i.write_address[7:0];

  pci_bridge_regs u_regs (
    .clk_i, .rst_ni, .write_i(transaction_i.write && transaction_i.configuration && !write_offset[7]),
    .write_address_i(write_offset[6:0]), .be_i(transaction_i.write_be), .wdata_i(transaction_i.wdata),
    .load_i(load_i && transaction_i.configuration && !read_offset[7]), .read_i(1'b0), .read_address_i(read_offset[6:0]),
    .rdata_o, .reg2hw_o(reg2hw), .hw2reg_i(hw2reg), .hwset_i(hwset)
  );

  always_comb begin : p_facts
    hw2reg                                      = '0;
    hw2reg.vendor_id.value                      = 16'h1234;
    hw2reg.device_id.value                      = 16'hD104;
    hw2reg.class_revision.base_class            = 8'h06;
    hw2reg.class_revision.subclass              = 8'h04;
    hw2reg.class_revision.revision              = 8'd1;
    hw2reg.header_type.multifunction            = place_i.multifunction;
  end

  assign hwset.status.master_data_parity              = primary_status_i.master_data_parity;
  assign hwset.status.signaled_target_abort           = primary_status_i.signaled_target_abort;
  assign hwset.status.received_target_abort           = primary_status_i.received_target_abort;
  assign hwset.status.received_master_abort           = primary_status_i.received_master_abort;
  assign hwset.status.signaled_system_error           = primary_status_i.signaled_system_error;
  assign hwset.status.detected_parity                 = primary_status_i.detected_parity;
  assign hwset.secondary_status.master_data_parity    = secondary_status_i.master_data_parity;
  assign hwset.secondary_status.signaled_target_abort = secondary_status_i.signaled_target_abort;
  assign hwset.secondary_status.received_target_abort = secondary_status_i.received_target_abort;
  assign hwset.secondary_status.received_master_abort = secondary_status_i.received_master_abort;
  assign hwset.secondary_status.received_system_error = secondary_serr_i;
  assign hwset.secondary_status.detected_parity       = secondary_status_i.detected_parity;
  assign hwset.bridge_control.discard_status          = discarded_i;

  assign registers_o                 = reg2hw;
  assign windows_o.io_enable         = reg2hw.command.io_enable;
  assign windows_o.memory_enable     = reg2hw.command.memory_enable;
  assign windows_o.bus_master        = reg2hw.command.bus_master;
  assign windows_o.isa               = reg2hw.bridge_control.isa;
  assign windows_o.secondary         = reg2hw.secondary_bus.value;
  assign windows_o.subordinate       = reg2hw.subordinate_bus.value;
  assign windows_o.io_base           = reg2hw.io_base.value;
  assign windows_o.io_limit          = reg2hw.io_limit.value;
  assign windows_o.memory_base       = reg2hw.memory_base.value;
  assign windows_o.memory_limit      = reg2hw.memory_limit.value;
  assign windows_o.prefetchable_base  = reg2hw.prefetchable_base.value;
  assign windows_o.prefetchable_limit = reg2hw.prefetchable_limit.value;
endmodule
