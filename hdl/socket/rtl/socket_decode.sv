// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Decides which base address register a transaction addresses, or whether it addresses the expansion ROM.
module socket_decode #(
  /// Writable bits and type bits of the six base address registers, BAR0 in the low bits. Bits 31:16 of a register for
  /// ports may be missing: the ports are then below 0x1_0000.
  parameter logic [191:0] BarMask = '0,
  parameter logic [191:0] BarType = '0,
  /// Writable bits of the address of the expansion ROM, 0 if there is none.
  parameter logic [31:0]  RomMask = '0
) (
  input  bus_pkg::transaction_t                   transaction_i,
  /// Byte enables now on the bus, low-true.
  input  logic [3:0]                              cbe_i,
  /// Configuration.
  input  pci_configuration_reg_pkg::command_out_t command_i,
  input  logic [191:0]                            bars_i,
  input  logic [31:0]                             rom_i,
  /// The register that the transaction, or the last datum that one wrote, addresses.
  output logic [5:0]                              bar_o,
  /// The transaction addresses the expansion ROM, and therefore no base address register.
  output logic                                    rom_o,
  output logic                                    hit_o,
  /// I/O address and byte enables contradict each other.
  output logic                                    abort_o,
  /// The offered datum is the last in its range, or the transaction takes no bursts.
  output logic                                    single_o
);
  logic        memory, io, last;
  logic [31:0] mask;

  // The bits of an address that belong to a range are those that are compared.
  localparam logic [31:0] UpperPort = 32'hFFFF_0000;

  // Without a transaction nothing is compared, which saves simulation time.
  always_comb begin : p_bars
    memory = 1'b0;
    io     = 1'b0;
    last   = 1'b0;
    bar_o  = '0;
    rom_o  = 1'b0;
    mask   = '0;
    if (transaction_i.active || transaction_i.write) begin
      memory = transaction_i.memory && command_i.memory_enable;
      io     = transaction_i.io && command_i.io_enable;
      // Row T30: both enables are needed.
      rom_o  = RomMask != '0 && memory && rom_i[0] && (transaction_i.address & RomMask) == (rom_i & RomMask);
      for (int unsigned i = 0; i < 6; i++) begin
        mask     = BarMask[i*32 +: 32] | (BarType[i*32] ? UpperPort : '0);
        bar_o[i] = (BarType[i*32] ? io : memory && !rom_o) && mask != '0 && (bars_i[i*32 +: 32] & mask) != '0 &&
                   (transaction_i.address & mask) == (bars_i[i*32 +: 32] & mask);
        last     = last || (bar_o[i] && (transaction_i.pointer[31:2] | mask[31:2]) == '1);
      end
    end
  end
  assign hit_o    = transaction_i.configuration || bar_o != '0 || rom_o;
  assign single_o = !memory || bar_o == '0 || last;

  // AD[1:0] must be the number of the lowest enabled byte; without any enabled byte every address is right.
  always_comb begin : p_abort
    abort_o = 1'b0;
    if (io && bar_o != '0 && cbe_i != 4'hF) begin
      unique case (transaction_i.address[1:0])
        2'd0: abort_o = cbe_i[0];
        2'd1: abort_o = cbe_i[1] || !cbe_i[0];
        2'd2: abort_o = cbe_i[2] || cbe_i[1:0] != 2'b11;
        default: abort_o = cbe_i[3] || cbe_i[2:0] != 3'b111;
      endcase
    end
  end

  logic unused_bits;
  assign unused_bits = ^{command_i, bars_i, rom_i, transaction_i};
endmodule
