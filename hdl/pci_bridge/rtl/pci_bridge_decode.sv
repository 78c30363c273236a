// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Decides what goes through the bridge: down what is inside a window, up what is outside all of them.
module pci_bridge_decode #(
  /// The transaction is on the secondary bus.
  parameter bit Up = 1'b0
) (
  input  pci_bridge_pkg::windows_t windows_i,
  input  bus_pkg::transaction_t    transaction_i,
  /// A transaction of the bridge itself is on this bus; it does not come back.
  input  logic                     own_i,
  output pci_bridge_pkg::decode_t  decode_o
);
  logic        in_io, in_memory, in_prefetchable, type1;
  logic [11:0] megabyte;

  // Without a transaction nothing is compared, which saves simulation time.
  always_comb begin : p_windows
    in_io           = 1'b0;
    in_memory       = 1'b0;
    in_prefetchable = 1'b0;
    type1           = 1'b0;
    megabyte        = transaction_i.address[31:20];
    if (transaction_i.active) begin
      in_io = transaction_i.address[31:16] == '0 && transaction_i.address[15:12] >= windows_i.io_base &&
              transaction_i.address[15:12] <= windows_i.io_limit &&
              !(windows_i.isa && transaction_i.address[9:8] != 2'b00);
      in_memory       = megabyte >= windows_i.memory_base && megabyte <= windows_i.memory_limit;
      in_prefetchable = megabyte >= windows_i.prefetchable_base && megabyte <= windows_i.prefetchable_limit;
      type1 = (transaction_i.command == bus_pkg::CommandConfigurationRead ||
               transaction_i.command == bus_pkg::CommandConfigurationWrite) &&
              transaction_i.address[1:0] == 2'b01 && transaction_i.address[23:16] >= windows_i.secondary &&
              transaction_i.address[23:16] <= windows_i.subordinate && windows_i.secondary != '0;
    end
  end

  always_comb begin : p_decode
    decode_o = '0;
    if (!own_i && transaction_i.active) begin
      if (Up) begin
        decode_o.hit = windows_i.bus_master && ((transaction_i.memory && !in_memory && !in_prefetchable) ||
                                                (transaction_i.io && !in_io));
      end else begin
        decode_o.hit = (transaction_i.memory && windows_i.memory_enable && (in_memory || in_prefetchable)) ||
                       (transaction_i.io && windows_i.io_enable && in_io) || type1;
      end
      decode_o.posted = decode_o.hit && transaction_i.memory && !transaction_i.read;
      decode_o.ahead  = decode_o.hit && transaction_i.memory && transaction_i.read &&
                        (Up || in_prefetchable) && transaction_i.address[1:0] == 2'b00;
    end
  end
endmodule
