// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The bus: the outputs of an agent, the bus as all agents see it, and the constants of the protocol.
/// Handshakes are positive-true; AD, C/BE and PAR have conventional PCI's values, so byte enables are low-true.
package bus_pkg;
  typedef enum logic [3:0] {
    CommandInterruptAcknowledge  = 4'h0,
    CommandSpecialCycle          = 4'h1,
    CommandIoRead                = 4'h2,
    CommandIoWrite               = 4'h3,
    CommandMemoryRead            = 4'h6,
    CommandMemoryWrite           = 4'h7,
    CommandConfigurationRead     = 4'hA,
    CommandConfigurationWrite    = 4'hB,
    CommandMemoryReadMultiple    = 4'hC,
    CommandDualAddress           = 4'hD,
    CommandMemoryReadLine        = 4'hE,
    CommandMemoryWriteInvalidate = 4'hF
  } command_e;

  /// The outputs of a master; a value counts only while its enable is on.
  typedef struct packed {
    logic        frame;
    logic        irdy;
    logic        control_en;
    logic [3:0]  cbe;
    logic        cbe_en;
    logic [31:0] ad;
    logic        ad_en;
    logic        par;
    logic        par_en;
    logic        perr;
    logic        perr_en;
  } master_out_t;

  /// The outputs of a target; a value counts only while its enable is on. SERR on the bus is the OR of all.
  typedef struct packed {
    logic        devsel;
    logic        trdy;
    logic        stop;
    logic        control_en;
    logic [31:0] ad;
    logic        ad_en;
    logic        par;
    logic        par_en;
    logic        perr;
    logic        perr_en;
    logic        serr;
  } target_out_t;

  /// The bus as every agent sees it.
  typedef struct packed {
    logic        frame;
    logic        irdy;
    logic        devsel;
    logic        trdy;
    logic        stop;
    logic [31:0] ad;
    logic [3:0]  cbe;
    logic        par;
    logic        perr;
    logic        serr;
  } bus_t;

  // Widths of the two bundles, by group; spelt out for front ends that cannot ask a type for its bits. A wrong one is a
  // width mismatch in bus_mux, which lint refuses.
  localparam int unsigned MasterOutWidth = 3 + (4 + 1) + (32 + 1) + 2 + 2;
  localparam int unsigned TargetOutWidth = 4 + (32 + 1) + 2 + 2 + 1;
  localparam master_out_t MasterOutIdle  = '0;
  localparam target_out_t TargetOutIdle  = '0;

  /// A request to an initiator: `length` dwords from `address`, byte enables high-true here.
  typedef struct packed {
    command_e    command;
    logic [31:0] address;
    logic [15:0] length;
    logic [3:0]  first_be;
    logic [3:0]  last_be;
  } request_t;

  /// The result of a request.
  typedef enum logic [2:0] {
    ResultOk,
    ResultStopped,
    ResultMasterAbort,
    ResultTargetAbort,
    ResultRetryLimit
  } result_e;

  /// Bits of the Status register that the bus side of a function sets.
  typedef struct packed {
    logic master_data_parity;
    logic signaled_target_abort;
    logic received_target_abort;
    logic received_master_abort;
    logic signaled_system_error;
    logic detected_parity;
  } status_set_t;

  /// Whether a command moves data from target to master.
  function automatic logic is_read(input logic [3:0] command);
    is_read = !command[0];
  endfunction

  /// Whether a command addresses memory, in any of its five forms.
  function automatic logic is_memory(input logic [3:0] command);
    // 011x are the plain read and write. 11xx are their variants, except 1101, the dual address cycle.
    is_memory = command[3:1] == 3'b011 || (command[3:2] == 2'b11 && command[1:0] != 2'b01);
  endfunction
endpackage
