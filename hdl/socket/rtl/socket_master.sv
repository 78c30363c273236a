// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The bus master of a function: its own requests and its messages share one initiator. A message goes first whenever
/// the initiator is free.
module socket_master #(
  /// Bits of the addresses and of the lengths of requests.
  parameter int unsigned AddressBits = 32,
  parameter int unsigned LengthBits = 16,
  /// Each datum has byte enables of its own, see `bus_initiator`.
  parameter bit          Lanes = 1'b0
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  /// The function's requests.
  input  bus_pkg::initiator_in_t  initiator_i,
  output bus_pkg::initiator_out_t initiator_o,
  /// A message is to be sent, with its address and datum; it is taken; this is its address phase; Bus Master went off
  /// before it was sent; it could not be sent.
  input  logic                    message_i,
  input  logic [31:0]             message_address_i,
  input  logic [15:0]             message_data_i,
  output logic                    message_taken_o,
  output logic                    message_phase_o,
  output logic                    message_again_o,
  output logic                    message_failed_o,
  /// From and to the configuration header.
  input  logic                    enable_i,
  input  logic [7:0]              latency_i,
  input  logic                    parity_response_i,
  output bus_pkg::status_set_t    status_set_o,
  /// Bus.
  input  bus_pkg::bus_t           bus_i,
  input  logic                    gnt_i,
  output logic                    req_o,
  output bus_pkg::master_out_t    master_o
);
  bus_pkg::initiator_in_t  request;
  bus_pkg::initiator_out_t progress;
  logic                    owns, owns_q;

  // The address and datum of a message are those of the clock on which it is taken. A message has one datum, whose parity
  // is known two clocks after it moved.
  logic [15:0] datum_q;
  logic        moved_q, judged_q;
  always_ff @(posedge clk_i) begin : p_message
    if (message_taken_o) datum_q <= message_data_i;
    moved_q  <= progress.transfer && owns;
    judged_q <= moved_q;
  end

  bus_initiator #(.AddressBits(AddressBits), .LengthBits(LengthBits), .Lanes(Lanes)) u_initiator (
    .clk_i, .rst_ni, .backend_i(request), .backend_o(progress), .patient_i(1'b0), .enable_i, .latency_i, .parity_response_i,
    .status_set_o, .bus_i, .gnt_i, .req_o, .master_o
  );

  assign owns = progress.request_ready ? message_i : owns_q;
  always_ff @(posedge clk_i) begin : p_owner
    if (!rst_ni) owns_q <= 1'b0;
    else if (progress.request_ready && request.request_valid) owns_q <= message_i;
  end
  always_comb begin : p_request
    request               = initiator_i;
    request.request_valid = message_i || initiator_i.request_valid;
    if (owns) begin
      request.request.command  = bus_pkg::CommandMemoryWrite;
      request.request.address  = message_address_i;
      request.request.length   = 16'd1;
      request.request.first_be = 4'hF;
      request.request.last_be  = 4'hF;
      request.more             = 1'b0;
      request.stop             = 1'b0;
      request.wdata0           = {16'd0, datum_q};
      request.available        = 3'd1;
    end
  end

  always_comb begin : p_progress
    initiator_o               = progress;
    initiator_o.request_ready = progress.request_ready && !message_i;
    initiator_o.transfer      = progress.transfer && !owns;
    initiator_o.pop           = progress.pop && !owns;
    initiator_o.rvalid        = progress.rvalid && !owns;
    initiator_o.done          = progress.done && !owns_q;
    initiator_o.address_phase = progress.address_phase && !owns;
    initiator_o.active        = progress.active && !owns;
    initiator_o.writing       = progress.writing && !owns;
    initiator_o.parity_error  = progress.parity_error && !judged_q;
  end
  assign message_taken_o  = progress.request_ready && message_i;
  assign message_phase_o  = progress.address_phase && owns_q;
  logic message_done;
  assign message_done     = progress.done && owns_q;
  assign message_again_o  = message_done && progress.result == bus_pkg::ResultDisabled;
  assign message_failed_o = (message_done && progress.result != bus_pkg::ResultOk && !message_again_o) ||
                            (progress.parity_error && judged_q);
endmodule
