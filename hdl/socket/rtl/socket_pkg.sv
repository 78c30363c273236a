// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The structures between a function and the machine, and between a function's own logic and its socket; the README of
/// this room shows how a function uses them. Those that carry the bus are in `bus_pkg`, because the front end of Yosys
/// takes no structure with a member whose type is of another package.
package socket_pkg;
  /// Straps, constant but for `violation`. They are an input and not parameters, so that one compiled model of a function serves every
  /// place; synthesis folds them.
  typedef struct packed {
    // The number of the function in its device; whether the device has more than one function.
    logic [2:0]  number;
    logic        multifunction;
    // The interrupt pin that the header names: 0 for none, 1 for INTA … 4 for INTD.
    logic [2:0]  pin;
    // Facts of the machine that the header shows: frequency of the clock in kHz, bus address of the timestamp unit,
    // presence of the bus protocol checker.
    logic [31:0] clock_khz;
    logic [31:0] timestamp_address;
    logic        checker_present;
    // Whether the host can arm faults.
    logic        fault_injection;
    // The first rule of the bus that the checker has seen broken; no constant if there is a checker.
    logic [5:0]  violation;
  } place_t;

  /// Device events. All of them come from registers.
  typedef struct packed {
    // The causes that were set and are enabled, and those that were cleared, on the clock before.
    logic [15:0] cause_set;
    logic [15:0] cause_clear;
    // The first clock with and the first clock without the interrupt pin; a message counts as a first clock with it.
    logic        asserted;
    logic        deasserted;
    // The datum of a register read is on the bus. It moves on this clock if IRDY is on.
    logic        register_read;
    // A write of this function as bus master is on the bus.
    logic        writing;
  } events_t;
  // Spelt out for front ends that cannot ask a type for its bits. A wrong one is a width mismatch, which lint refuses.
  localparam int unsigned EventsWidth = 16 + 16 + 4;

  /// An access of the host to the function. Nothing in it depends on the answer to it.
  typedef struct packed {
    // The BAR that is accessed, as one bit of six. All bits are off in a configuration access.
    logic [5:0]  bar;
    // A transaction is under way; it reads.
    logic        active;
    logic        read;
    // A datum moves on this clock, in these byte lanes (high-true). Side effects of a read belong here.
    logic        transfer;
    logic [3:0]  lanes;
    // A datum was written on the clock before; its byte enables (high-true).
    logic        write;
    logic [3:0]  be;
    // Byte addresses: of the transaction's first datum; of the datum to offer next; of the datum on the bus; of the datum
    // that was written; and that datum.
    logic [31:0] address;
    logic [31:0] pointer;
    logic [31:0] loaded_address;
    logic [31:0] write_address;
    logic [31:0] wdata;
  } access_t;

  /// The answer of a function to an access.
  typedef struct packed {
    // The datum to be read is there; there is a place for the datum that is written now and for two more.
    logic rvalid;
    logic wready;
    // Target abort, on the decode clock; the offered datum is the last of the transaction.
    logic abort;
    logic single;
  } answer_t;
  /// Every datum is answered at once.
  localparam answer_t AnswerAtOnce = 4'b1100;

  /// The interrupt of a function, from its causes. `function_causes` gives the first four.
  typedef struct packed {
    // Causes that are set or enabled on this clock, so that a pulse or a message is due; causes that are cleared on it.
    logic [15:0] due;
    logic [15:0] cleared;
    // An enabled cause is on.
    logic        status;
    // Pulses of `pulse_clocks` + 1 clocks instead of a level.
    logic        latched;
    logic [7:0]  pulse_clocks;
    // The function resets itself: the pin goes off, and a message that waits is dropped. `cleared` then has all causes
    // that were on.
    logic        reset;
  } interrupt_t;
  localparam interrupt_t InterruptIdle = '0;
endpackage
