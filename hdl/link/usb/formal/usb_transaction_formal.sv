// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `usb_transaction`: it answers only what it was asked, and moves the toggles with the data.
module usb_transaction_formal (
  input logic       clk_i,
  input logic       rst_ni,
  input logic       started_i,
  input logic       ended_i,
  input logic       token_i,
  input logic       data_good_i,
  input logic       handshake_i,
  input logic [3:0] pid_i,
  input logic [6:0] token_address_i,
  input logic [3:0] token_endpoint_i,
  input logic       is_setup_long_i,
  input logic       is_too_long_i,
  input logic       done_i,
  input logic [6:0] address_i,
  input logic       configured_i,
  input logic [2:0] in_halted_i,
  input logic [2:0] in_full_i,
  input logic [1:0] out_halted_i,
  input logic [1:0] out_room_i
);
  logic       start, with_data, out_begin, receiving, setup;
  logic [3:0] pid;
  logic [1:0] endpoint, out_commit;
  logic [2:0] in_begin, in_taken;
  usb_transaction u_dut (
    .clk_i, .rst_ni, .started_i, .ended_i, .token_i, .data_good_i, .handshake_i, .pid_i, .token_address_i,
    .token_endpoint_i, .is_setup_long_i, .is_too_long_i, .start_o(start), .pid_o(pid), .with_data_o(with_data), .done_i,
    .address_i, .configured_i, .in_halted_i, .in_full_i, .in_clear_i('0), .out_halted_i, .out_room_i, .out_clear_i('0),
    .endpoint_o(endpoint), .in_begin_o(in_begin), .in_taken_o(in_taken), .out_begin_o(out_begin),
    .receiving_o(receiving), .out_commit_o(out_commit), .setup_o(setup)
  );

  // The states of the block, in their order there.
  localparam logic [2:0] Listening = 3'd1, Turning = 3'd2, Sending = 3'd3, Waiting = 3'd4;

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The fields of a packet are there some clocks before its end, and stay.
  logic       ended_q;
  logic [3:0] pid_q, token_endpoint_q;
  logic [6:0] token_address_q, address_q;
  logic       token_q, data_good_q, handshake_q, setup_long_q, too_long_q, configured_q;
  always_ff @(posedge clk_i) begin : p_fields
    ended_q          <= ended_i;
    pid_q            <= pid_i;
    token_endpoint_q <= token_endpoint_i;
    token_address_q  <= token_address_i;
    address_q        <= address_i;
    configured_q     <= configured_i;
    token_q          <= token_i;
    data_good_q      <= data_good_i;
    handshake_q      <= handshake_i;
    setup_long_q     <= is_setup_long_i;
    too_long_q       <= is_too_long_i;
  end

  // A device owes one answer after a token IN for it, and one after OUT or SETUP and good data. This follows from the
  // packets alone; so does whether it has sent data whose ACK may come.
  logic       token_for_us, asks, listens_q, owes_q, sent_q, sends_q, acknowledged_q;
  logic [2:0] in_taken_q;
  assign token_for_us = ended_i && token_i && token_address_i == address_i && token_endpoint_i <= 4'd2
                        && (pid_i == usb_pkg::PidIn || pid_i == usb_pkg::PidOut || pid_i == usb_pkg::PidSetup);
  assign asks = (token_for_us && pid_i == usb_pkg::PidIn)
                || (ended_i && data_good_i && !token_i && listens_q && !is_too_long_i);
  always_ff @(posedge clk_i) begin : p_owed
    in_taken_q     <= in_taken;
    acknowledged_q <= rst_ni && ended_i && handshake_i && pid_i == usb_pkg::PidAck && sent_q;
    if (!rst_ni) begin
      listens_q <= 1'b0;
      owes_q    <= 1'b0;
      sends_q   <= 1'b0;
      sent_q    <= 1'b0;
    end else begin
      if (ended_i) listens_q <= token_for_us && pid_i != usb_pkg::PidIn;
      if (start) owes_q <= 1'b0;
      else if (asks) owes_q <= 1'b1;
      if (start) sends_q <= with_data;
      else if (done_i) sends_q <= 1'b0;
      if (done_i) sent_q <= sends_q;
      else if (ended_i) sent_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (begun_q) begin
      `ASSUME(fields, !ended_i || (!ended_q && pid_i == pid_q && token_endpoint_i == token_endpoint_q
              && token_address_i == token_address_q && address_i == address_q && configured_i == configured_q
              && token_i == token_q && data_good_i == data_good_q && handshake_i == handshake_q
              && is_setup_long_i == setup_long_q && is_too_long_i == too_long_q),
              "The fields of a packet are there before it ends.")
      `ASSUME(kinds, !(token_i && data_good_i) && !(token_i && handshake_i) && !(data_good_i && handshake_i)
              && (!token_i || pid_i[1:0] == 2'b01) && (!data_good_i || pid_i[2:0] == 3'b011)
              && (!handshake_i || pid_i[1:0] == 2'b10), "A packet is of one kind, which its identifier says.")
      `ASSUME(quiet, !(ended_i || started_i) || !(u_dut.state_q == Turning || u_dut.state_q == Sending),
              "Nobody else sends while the device is about to answer, or answers.")
      `ASSUME(sender, !done_i || (u_dut.state_q == Sending && !start), "The transmitter ends what was begun.")
    end
    if (rst_ni && begun_q) begin
      `PROVE(asked, !start || owes_q, "The device sends one packet for each that asks it, and no other.")
      `PROVE(kind, !start || pid == usb_pkg::PidAck || pid == usb_pkg::PidNak || pid == usb_pkg::PidStall
             || pid == usb_pkg::PidData0 || pid == usb_pkg::PidData1, "It sends data or a handshake.")
      `PROVE(taken, in_taken == '0 || acknowledged_q,
             "Data to the host count as taken only at an ACK behind them.")
      `PROVE(taken_once, in_taken == '0 || in_taken_q == '0, "Data to the host are taken once.")
      `PROVE(turn, u_dut.state_q != Turning || owes_q, "While the lines turn around an answer is owed.")
      `PROVE(waiting, u_dut.state_q != Listening || listens_q, "Data are awaited only behind OUT and SETUP.")
      `PROVE(sending, u_dut.state_q != Sending || start || sends_q == with_data,
             "What is sent is what was begun.")
      `PROVE(acks, u_dut.state_q != Waiting || (sent_q && with_data), "An ACK is awaited only behind data.")
      `PROVE(replies, u_dut.state_q != Turning || pid == usb_pkg::PidAck || pid == usb_pkg::PidNak
             || pid == usb_pkg::PidStall || pid == usb_pkg::PidData0 || pid == usb_pkg::PidData1,
             "An answer is chosen before the lines turn around.")
      `COVER(commit, out_commit != '0, "Data are taken from the host.")
      `COVER(given, in_taken != '0, "Data are taken by the host.")
      `COVER(refused, start && pid == usb_pkg::PidNak, "A packet is refused for now.")
    end
  end
endmodule
