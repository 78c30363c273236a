// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `socket_decode` for a function with a range of memory, one of ports and an expansion ROM, wherever they lie:
/// one that answers, and at which datum of a burst it stops.
module socket_decode_formal (
  input logic                                          clk_i,
  input bus_pkg::transaction_t                         transaction_i,
  input logic [3:0]                                    cbe_i,
  input pci_configuration_reg_pkg::command_out_t       command_i,
  input logic [191:0]                                  bars_i,
  input logic [31:0]                                   rom_i
);
  localparam logic [31:0]  Memory = 32'hFFFF_F000;
  localparam logic [31:0]  Ports = 32'h0000_FFF0;
  localparam logic [31:0]  Rom = 32'hFFFF_F800;
  logic [5:0] bar;
  logic       rom, hit, abort, single;
  socket_decode #(
    .BarMask({128'd0, Ports, Memory}), .BarType({128'd0, 32'd1, 32'd0}), .RomMask(Rom)
  ) u_dut (
    .transaction_i, .cbe_i, .command_i, .bars_i, .rom_i, .bar_o(bar), .rom_o(rom), .hit_o(hit), .abort_o(abort),
    .single_o(single)
  );

  // The ranges of 4 KiB, of 16 ports and of 2 KiB; a base address register of 0 has no range.
  logic [31:0] address, memory_base, port_base, rom_base;
  logic        in_memory, in_ports, in_rom, shown;
  assign address     = transaction_i.address;
  assign memory_base = bars_i[31:0] & Memory;
  assign port_base   = bars_i[63:32] & Ports;
  assign rom_base    = rom_i & Rom;
  assign shown       = transaction_i.active || transaction_i.write;
  assign in_memory   = memory_base != '0 && address[31:12] == memory_base[31:12];
  assign in_ports    = port_base != '0 && address[31:4] == port_base[31:4];
  assign in_rom      = address[31:11] == rom_base[31:11];

  // The lowest enabled byte.
  logic [1:0] lowest;
  assign lowest = !cbe_i[0] ? 2'd0 : !cbe_i[1] ? 2'd1 : !cbe_i[2] ? 2'd2 : 2'd3;

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(kinds, !(transaction_i.memory && transaction_i.io) && !(transaction_i.configuration &&
            (transaction_i.memory || transaction_i.io)), "A transaction has one kind.")
    `ASSUME(unused_registers, bars_i[191:64] == '0 && bars_i[63:48] == '0, "Absent registers and absent bits are 0.")
    `PROVE(T30, rom == (shown && transaction_i.memory && command_i.memory_enable && rom_i[0] && in_rom),
           "The expansion ROM answers memory in its range while both its own enable and that of memory are on, and only then.")
    `PROVE(C05_memory, bar[0] == (shown && transaction_i.memory && command_i.memory_enable && in_memory && !rom),
           "A range of memory answers while memory is enabled, but where the ROM does, and only then.")
    `PROVE(C05_ports, bar[1] == (shown && transaction_i.io && command_i.io_enable && in_ports),
           "A range of ports answers while ports are enabled, and only then.")
    `PROVE(absent, bar[5:2] == '0, "Absent registers answer nothing.")
    `PROVE(T02, hit == (transaction_i.configuration || bar != '0 || rom),
           "A function claims its configuration, its ranges and its ROM, and nothing else.")
    `PROVE(M13, abort == (bar[1] && cbe_i != 4'hF && address[1:0] != lowest),
           "An access to ports whose address does not name the lowest enabled byte is aborted, and nothing else is.")
    `PROVE(ends, single || (bar[0] && transaction_i.pointer[11:2] != '1),
           "A burst ends with the last datum of its range, with the first of the ROM and with that of a port.")
    `COVER(rom_first, rom && in_memory, "The ROM answers where a range of memory lies.")
    `COVER(burst, bar[0] && !single, "A burst of a range of memory goes on.")
    `COVER(last, bar[0] && single, "A burst of a range of memory ends.")
    `COVER(aborted, abort, "An access to a port is aborted.")
    `COVER(top, bar[0] && address == 32'hFFFF_FFFC, "The last dword of all addresses is in a range.")
  end
endmodule
