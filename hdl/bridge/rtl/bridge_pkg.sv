// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The two ports of the host bridge towards the host, as structures. docs/architecture.md describes their signals. Only
/// the pins of the top are flat. `cmd_op` is a `host_pkg::op_e`, and `rsp_status` a `host_pkg::bus_status_e`; the front
/// end of Yosys takes no structure with a member whose type is of another package.
package bridge_pkg;
  /// Command port: from the host.
  typedef struct packed {
    logic        cmd_valid;
    logic [3:0]  cmd_op;
    logic [3:0]  cmd_be;
    logic [15:0] cmd_length;
    logic        wdata_valid;
    logic        rdata_ready;
    logic [31:0] cmd_address;
    logic [31:0] cmd_data;
    logic [31:0] wdata;
  } command_in_t;

  /// Command port: to the host. `rsp_valid` depends on the PAR of the bus and on nothing else that is not a register: it is
  /// on if `rsp_offered` is, unless `rsp_checked` is on and PAR is not `rsp_par`.
  typedef struct packed {
    logic        cmd_ready;
    logic        wdata_ready;
    logic        rdata_valid;
    logic        rsp_valid;
    logic [2:0]  rsp_status;
    logic        rsp_offered;
    logic        rsp_checked;
    logic        rsp_par;
    logic        intr;
    logic [3:0]  intr_input;
    logic [31:0] rdata;
  } command_out_t;

  /// Host memory port: from the host's memory.
  typedef struct packed {
    logic        ready;
    logic        rvalid;
    logic [31:0] rdata;
  } memory_in_t;

  /// Host memory port: to the host's memory.
  typedef struct packed {
    logic        valid;
    logic        write;
    logic [3:0]  be;
    logic [31:0] address;
    logic [31:0] wdata;
  } memory_out_t;
endpackage
