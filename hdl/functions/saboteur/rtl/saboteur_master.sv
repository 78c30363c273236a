// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The bus master of the saboteur: one request at a time, which writes one datum in every data phase or keeps the datum
/// that it read last; and what is wrong with the function's signals as a master.
module saboteur_master (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  /// A request: start, command, byte enables (high-true), data phases, address and datum, which stay until its end.
  input  logic                    start_i,
  input  logic [3:0]              command_i,
  input  logic [3:0]              lanes_i,
  input  logic [7:0]              length_i,
  input  logic [31:0]             address_i,
  input  logic [31:0]             datum_i,
  /// A request is under way; it ends on this clock; the end of the last one; a datum of it had bad parity; the datum
  /// that was read last.
  output logic                    busy_o,
  output logic                    done_o,
  output bus_pkg::result_e        result_o,
  output logic                    parity_o,
  output logic                    rvalid_o,
  output logic [31:0]             rdata_o,
  /// Socket.
  output bus_pkg::initiator_in_t  initiator_o,
  input  bus_pkg::initiator_out_t initiator_i,
  /// Faults, and the signals between the socket and the bus.
  input  logic                    bad_address_i,
  input  logic                    bad_data_i,
  input  logic                    stuck_request_i,
  input  logic                    no_grant_i,
  input  logic                    gnt_i,
  output logic                    gnt_o,
  input  logic                    req_i,
  output logic                    req_o,
  input  bus_pkg::master_out_t    master_i,
  output bus_pkg::master_out_t    master_o
);
  // Offered from the start until the initiator takes it; under way until its end and the verdict on its last datum.
  logic             offered_q, under_way_q, parity_q, started;
  logic [1:0]       ended_q;
  logic [3:0]       command_q, lanes_q;
  logic [7:0]       length_q;
  bus_pkg::result_e result_q;

  assign started = start_i && !busy_o && length_i != '0;
  always_ff @(posedge clk_i) begin : p_request
    if (!rst_ni) begin
      offered_q   <= 1'b0;
      under_way_q <= 1'b0;
      ended_q     <= '0;
      parity_q    <= 1'b0;
      result_q    <= bus_pkg::ResultOk;
    end else begin
      if (started) offered_q <= 1'b1;
      else if (initiator_i.request_ready) offered_q <= 1'b0;
      if (started) under_way_q <= 1'b1;
      else if (done_o) under_way_q <= 1'b0;
      // A datum that was written is judged two clocks after it moved.
      ended_q <= {ended_q[0], initiator_i.done};
      if (initiator_i.done) result_q <= initiator_i.result;
      if (started) parity_q <= 1'b0;
      else if (under_way_q && initiator_i.parity_error) parity_q <= 1'b1;
    end
    if (started) begin
      command_q <= command_i;
      lanes_q   <= lanes_i;
      length_q  <= length_i;
    end
  end
  assign busy_o   = under_way_q;
  assign done_o   = ended_q[1];
  assign result_o = result_q;
  assign parity_o = parity_q;
  assign rvalid_o = initiator_i.rvalid;
  assign rdata_o  = initiator_i.rdata;

  always_comb begin : p_initiator
    initiator_o                  = bus_pkg::InitiatorInIdle;
    initiator_o.request_valid    = offered_q;
    initiator_o.available        = 3'd7;
    initiator_o.request.command  = bus_pkg::command_e'(command_q);
    initiator_o.request.length   = 16'(length_q);
    initiator_o.request.first_be = lanes_q;
    initiator_o.request.last_be  = lanes_q;
    initiator_o.request.address  = address_i;
    initiator_o.wdata0           = datum_i;
    initiator_o.wdata1           = datum_i;
  end

  // PAR follows the address phase by a clock, and so it follows each datum.
  logic address_q;
  always_ff @(posedge clk_i) begin : p_address
    if (!rst_ni) address_q <= 1'b0;
    else address_q <= initiator_i.address_phase;
  end
  always_comb begin : p_faults
    master_o     = master_i;
    master_o.par = master_i.par ^ (address_q ? bad_address_i : bad_data_i);
  end
  assign req_o = req_i || stuck_request_i;
  assign gnt_o = gnt_i || no_grant_i;

  logic unused_initiator;
  assign unused_initiator = ^initiator_i;
endmodule
