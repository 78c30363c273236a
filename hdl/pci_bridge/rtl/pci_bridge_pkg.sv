// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Structures of the PCI-to-PCI bridge. "Down" is from the primary to the secondary bus, "up" the other way.
package pci_bridge_pkg;
  /// The addresses and bus numbers of the header.
  typedef struct packed {
    // The primary side answers I/O and memory; the bridge may be master of the primary bus; ISA mode.
    logic        io_enable;
    logic        memory_enable;
    logic        bus_master;
    logic        isa;
    // The bus below the bridge, and the highest one behind it.
    logic [7:0]  secondary;
    logic [7:0]  subordinate;
    // Windows, limits included, in units of 4 KiB and of 1 MiB. A window whose base is above its limit is closed.
    logic [3:0]  io_base;
    logic [3:0]  io_limit;
    logic [11:0] memory_base;
    logic [11:0] memory_limit;
    logic [11:0] prefetchable_base;
    logic [11:0] prefetchable_limit;
  } windows_t;

  /// The treatment of a transaction.
  typedef struct packed {
    // The bridge claims it; it is a memory write, which is posted; a read of it may be continued ahead of its master.
    logic hit;
    logic posted;
    logic ahead;
  } decode_t;

  /// The behaviour of one direction of the bridge.
  typedef struct packed {
    // The initiator may begin transactions.
    logic        enable;
    // Reads and their answers do not wait for posted writes: a fault of a broken bridge.
    logic        unordered;
    // The other side's master aborts become target aborts.
    logic        master_abort;
    // Data with bad parity become target aborts; answers are thrown away after 1024 clocks instead of 32768.
    logic        parity_response;
    logic        discard_soon;
    // Clocks for which posted writes wait before the first of them leaves.
    logic [15:0] hold;
  } settings_t;

  /// The posted writes of a direction: entries in the queue, the one that enters it now included; an entry leaves.
  typedef struct packed {
    logic [7:0] level;
    logic       leaves;
  } posted_t;

  /// A delayed request.
  typedef struct packed {
    logic        ahead;
    logic [3:0]  command;
    logic [3:0]  be;
    logic [31:0] address;
    logic [31:0] wdata;
  } delayed_t;
  // Spelt out for front ends that cannot ask a type for its bits. A wrong one is a width mismatch, which lint refuses.
  localparam int unsigned DelayedWidth = 1 + 4 + 4 + 32 + 32;

  /// The origin bus during a delayed transaction, for the slot of its master.
  typedef struct packed {
    // On the decode clock of a delayed transaction that the bridge claims; it reads; it may be read ahead.
    logic        decode;
    logic        read;
    logic        ahead;
    // The transaction is under way; a datum moves.
    logic        active;
    logic        transfer;
    // Command and address of the transaction.
    logic [3:0]  command;
    logic [31:0] address;
  } origin_t;

  /// The progress of a delayed request on the other bus.
  typedef struct packed {
    // The request begins; a datum moves; a datum was read; the request has ended.
    logic        issue;
    logic        transfer;
    logic        rvalid;
    logic        done;
    // The result, a `bus_pkg::result_e`; bad parity.
    logic [2:0]  result;
    logic        parity_error;
    logic [31:0] rdata;
  } progress_t;
endpackage
