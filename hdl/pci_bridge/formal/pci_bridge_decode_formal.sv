// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `pci_bridge_decode`: the same transaction is shown to the decoder of each side of a bridge, and what they
/// make of it is compared with the windows as ranges of byte addresses.
module pci_bridge_decode_formal (
  input logic                     clk_i,
  input pci_bridge_pkg::windows_t windows_i,
  input bus_pkg::transaction_t    transaction_i,
  input logic                     own_i
);
  pci_bridge_pkg::decode_t down, up;
  pci_bridge_decode u_down (.windows_i, .transaction_i, .own_i, .decode_o(down));
  pci_bridge_decode #(.Up(1'b1)) u_up (.windows_i, .transaction_i, .own_i, .decode_o(up));

  // The windows, by their first and last byte.
  logic [31:0] address;
  logic        memory, prefetchable, ports, windowed, configuration, behind, seen;
  assign address      = transaction_i.address;
  assign memory       = address >= {windows_i.memory_base, 20'h0} && address <= {windows_i.memory_limit, 20'hFFFFF};
  assign prefetchable = address >= {windows_i.prefetchable_base, 20'h0} &&
                        address <= {windows_i.prefetchable_limit, 20'hFFFFF};
  // In ISA mode the upper 768 bytes of each KiB are not in the window.
  assign ports  = address >= {16'h0, windows_i.io_base, 12'h0} && address <= {16'h0, windows_i.io_limit, 12'hFFF} &&
                  !(windows_i.isa && address % 32'h400 >= 32'h100);
  assign windowed = transaction_i.memory ? memory || prefetchable : ports;
  assign seen   = transaction_i.active && !own_i;
  assign configuration = transaction_i.command == bus_pkg::CommandConfigurationRead ||
                         transaction_i.command == bus_pkg::CommandConfigurationWrite;
  assign behind = address[1:0] == 2'b01 && windows_i.secondary != '0 && address[23:16] >= windows_i.secondary &&
                  address[23:16] <= windows_i.subordinate;

  logic enabled, addressed;
  assign addressed = transaction_i.memory || transaction_i.io;
  assign enabled   = transaction_i.memory ? windows_i.memory_enable : windows_i.io_enable;
  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(kinds, transaction_i.memory == bus_pkg::is_memory(transaction_i.command) && transaction_i.io ==
            (transaction_i.command == bus_pkg::CommandIoRead || transaction_i.command == bus_pkg::CommandIoWrite) &&
            transaction_i.read == bus_pkg::is_read(transaction_i.command), "The kind of a transaction is that of its command.")
    `PROVE(B01, !(addressed && seen) || down.hit == (enabled && windowed),
           "A transaction of memory or ports goes down if its space is enabled and its address is in a window, and only then.")
    `PROVE(B02, !(down.hit && transaction_i.memory) || windows_i.memory_base <= windows_i.memory_limit ||
           windows_i.prefetchable_base <= windows_i.prefetchable_limit, "Nothing goes down through windows whose bases are above their limits.")
    `PROVE(B02_ports, !(down.hit && transaction_i.io) || windows_i.io_base <= windows_i.io_limit,
           "No access to ports goes down through a window whose base is above its limit.")
    `PROVE(B03, !(addressed && seen) || up.hit == (windows_i.bus_master && !windowed),
           "A transaction of memory or ports goes up if the bridge may be bus master and its address is in no window, and only then.")
    `PROVE(B05, !(configuration && seen) || (down.hit == behind && !up.hit),
           "A configuration transaction of type 1 for a bus behind the bridge goes down, another one does not, and none goes up.")
    `PROVE(one_way, !(down.hit && up.hit), "No transaction goes both ways.")
    `PROVE(nothing_else, (seen && (addressed || configuration)) || (down == '0 && up == '0),
           "Nothing of another kind goes through the bridge, and nothing of its own comes back.")
    `PROVE(posted, down.posted == (down.hit && transaction_i.memory && !transaction_i.read) &&
           up.posted == (up.hit && transaction_i.memory && !transaction_i.read), "Writes to memory are posted, and nothing else is.")
    `PROVE(ahead, !(down.ahead || up.ahead) || (transaction_i.memory && transaction_i.read && address[1:0] == 2'b00 &&
           (up.ahead || prefetchable)),
           "Only reads of memory in linear order are read ahead, and those that go down only where memory is prefetchable.")
    `COVER(down_memory, down.hit && transaction_i.memory && !prefetchable, "A transaction goes down through the window of memory.")
    `COVER(down_ahead, down.ahead, "A read goes down and is read ahead.")
    `COVER(down_ports, down.hit && transaction_i.io && windows_i.isa, "An access to ports goes down in ISA mode.")
    `COVER(up_ports, up.hit && transaction_i.io && address[31:12] == {16'h0, windows_i.io_base} && windows_i.isa,
           "An access to ports that ISA mode leaves out goes up.")
    `COVER(type1, down.hit && configuration, "A configuration transaction goes down.")
    `COVER(last_byte, down.hit && transaction_i.memory && address[31:20] == windows_i.memory_limit && address[19:2] == '1,
           "The last dword of a window goes down.")
  end
endmodule
