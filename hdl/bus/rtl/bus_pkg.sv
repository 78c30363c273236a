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

  /// The bus as every agent sees it. `start` is the first clock of FRAME, the address phase of a transaction.
  typedef struct packed {
    logic        start;
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

  /// Bus to a function: the bus as every agent sees it, the IDSEL of the function's device, the grant of the function.
  typedef struct packed {
    bus_t bus;
    logic          idsel;
    logic          gnt;
  } bus_in_t;

  /// Bus from a function: its request for the bus, and its outputs as master and as target. All of them are registers.
  typedef struct packed {
    logic                 req;
    master_out_t master;
    target_out_t target;
  } bus_out_t;
  localparam bus_out_t BusOutIdle = '0;

  // Widths of the two bundles, by group; spelt out for front ends that cannot ask a type for its bits. A wrong one is a
  // width mismatch in bus_drive, which lint refuses.
  localparam int unsigned MasterOutWidth = 3 + (4 + 1) + (32 + 1) + 2 + 2;
  localparam int unsigned TargetOutWidth = 4 + (32 + 1) + 2 + 2 + 1;
  localparam master_out_t MasterOutIdle  = '0;
  localparam target_out_t TargetOutIdle  = '0;

  /// A request to an initiator: `length` dwords from `address`, byte enables high-true here.
  typedef struct packed {
    command_e    command;
    logic [15:0] length;
    logic [3:0]  first_be;
    logic [3:0]  last_be;
    logic [31:0] address;
  } request_t;

  /// The result of a request.
  typedef enum logic [2:0] {
    ResultOk,
    ResultStopped,
    ResultMasterAbort,
    ResultTargetAbort,
    ResultRetryLimit,
    // Master enable went off before all data had moved.
    ResultDisabled,
    // The datum at the last address has moved, and more are left.
    ResultAddressEnd
  } result_e;

  // In the structures below the members of 32 bits come last, so that each fills a word of a compiled model.

  /// A transaction as `bus_target` shows it to the block around it, the *backend*. Nothing in it depends on what the
  /// backend answers on the same clock, so that no structure is part of a combinational loop.
  typedef struct packed {
    // Latched in the address phase: command and IDSEL; the kind of the transaction: a read, memory, I/O, a configuration
    // access of type 0 to this function.
    logic [3:0]  command;
    logic        idsel;
    logic        read;
    logic        memory;
    logic        io;
    logic        configuration;
    // This is the decode clock; the transaction is decoded or claimed; a data phase waits for the backend.
    logic        decode;
    logic        active;
    logic        waiting;
    // AD holds a datum that has not moved yet.
    logic        loaded;
    // TRDY is on, so a datum moves if IRDY is on; a datum moves on this clock.
    logic        offered;
    logic        transfer;
    // A datum was written on the clock before; the byte enables (high-true).
    logic        write;
    logic [3:0]  write_be;
    // Byte addresses: of the first datum, with the low bits of the address phase; of the datum to offer next; of the
    // datum that AD holds; of the datum that was written; and that datum.
    logic [31:0] address;
    logic [31:0] pointer;
    logic [31:0] loaded_address;
    logic [31:0] write_address;
    logic [31:0] wdata;
  } transaction_t;

  /// The answer of a backend to a transaction.
  typedef struct packed {
    // On the decode clock: hit, and target abort.
    logic hit;
    logic abort;
    // The offered datum is the last of this transaction: disconnect with it.
    logic single;
    // The datum, or the place for it, will not be there soon: retry or disconnect at once.
    logic retry;
    // The datum to be read is there; there is a place for the datum that is written now and for two more.
    logic rvalid;
    logic wready;
  } answer_t;
  /// Nothing is claimed; every datum is answered at once.
  localparam answer_t AnswerIdle = 6'b000011;

  /// To an initiator.
  typedef struct packed {
    // The request is offered; it is taken on a clock with both valid and ready.
    logic        request_valid;
    // Keep REQ on during this request, because another request follows.
    logic        more;
    // End the request at the next data phase, or at once outside a transaction.
    logic        stop;
    // The number of dwords that are available to write, or of places for dwords that are read; 7 stands for 7 or more.
    logic [2:0]  available;
    // The request; the first and the second datum to write.
    request_t    request;
    logic [31:0] wdata0;
    logic [31:0] wdata1;
  } initiator_in_t;

  /// From an initiator. Nothing in it depends on what the initiator is given on the same clock.
  typedef struct packed {
    logic        request_ready;
    // Master enable: no transaction starts while it is off, and a request ends like one that is stopped.
    logic        enabled;
    // A datum moves on this clock, and the byte lanes in which it moves (high-true).
    logic        transfer;
    logic [3:0]  transfer_be;
    // The first datum to write moves; a datum that was read moves.
    logic        pop;
    logic        rvalid;
    // One clock after the last data phase: the request has ended, with this result. Nothing of it comes any more.
    logic        done;
    result_e     result;
    // This is the address phase of a transaction of this master; a transaction of this master is on the bus; it writes.
    logic        address_phase;
    logic        active;
    logic        writing;
    // A datum of this master had bad parity: one clock after a datum was read, two clocks after a datum was written.
    logic        parity_error;
    // One clock after a datum moved: the PAR that is right for it.
    logic        par;
    // The datum that was read; address of the current datum, or of an error; address of the datum with bad parity.
    logic [31:0] rdata;
    logic [31:0] address;
    logic [31:0] parity_address;
  } initiator_out_t;
  localparam initiator_in_t InitiatorInIdle = '0;

  /// Bits of the Status register that the bus side of a function sets.
  typedef struct packed {
    logic master_data_parity;
    logic signaled_target_abort;
    logic received_target_abort;
    logic received_master_abort;
    logic signaled_system_error;
    logic detected_parity;
  } status_set_t;

  /// The rules that `bus_checker` records, by their numbers. A name has the row of the rule.
  typedef enum logic [5:0] {
    RuleNone,
    RuleM01,
    RuleM02,
    RuleM03,
    RuleM04,
    RuleM05,
    RuleM06,
    RuleM07,
    RuleM08,
    RuleM09,
    RuleM10,
    RuleM11,
    RuleM12,
    RuleM13,
    RuleM14,
    RuleM15One,
    RuleM15None,
    RuleM16GiveUp,
    RuleM16Leave,
    RuleM16Patience,
    RuleM19,
    RuleM20Idle,
    RuleM20Second,
    RuleM27,
    RuleM30,
    RuleM31,
    RuleM32Turnaround,
    RuleM32Ad,
    RuleM32Control,
    RuleM33,
    RuleT01,
    RuleT03,
    RuleT04Trdy,
    RuleT04Stop,
    RuleT05,
    RuleT06,
    RuleT07,
    RuleT08,
    RuleT09,
    RuleT10,
    RuleT11Hold,
    RuleT11Off,
    RuleT12Off,
    RuleT12Release,
    RuleT14,
    RuleT15,
    RuleT22,
    RuleA01,
    RuleA02,
    RuleA03,
    RuleA05
  } rule_e;
  localparam int unsigned Rules = 51;

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
