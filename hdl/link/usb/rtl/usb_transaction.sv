// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Transactions (USB 2.0, 8.5): answers tokens for this device with data or a handshake, takes data, keeps the toggles, and
/// waits for the other side no longer than it may. Endpoint 0 is control, 1 bulk in both directions, 2 interrupt IN.
module usb_transaction (
  input  logic       clk_i,
  input  logic       rst_ni,
  /// From the receiver of packets; see there.
  input  logic       started_i,
  input  logic       ended_i,
  input  logic       token_i,
  input  logic       data_good_i,
  input  logic       handshake_i,
  input  logic [3:0] pid_i,
  input  logic [6:0] token_address_i,
  input  logic [3:0] token_endpoint_i,
  input  logic       is_setup_long_i,
  input  logic       is_too_long_i,
  /// To the transmitter; see there.
  output logic       start_o,
  output logic [3:0] pid_o,
  output logic       with_data_o,
  input  logic       done_i,
  /// The device's address, and whether it is configured.
  input  logic [6:0] address_i,
  input  logic       configured_i,
  /// Of each endpoint to the host, 2:0, and from the host, 1:0: it is halted; it has a packet to send, or room for one; its
  /// toggle becomes DATA0.
  input  logic [2:0] in_halted_i,
  input  logic [2:0] in_full_i,
  input  logic [2:0] in_clear_i,
  input  logic [1:0] out_halted_i,
  input  logic [1:0] out_room_i,
  input  logic [1:0] out_clear_i,
  /// The endpoint of the transaction.
  output logic [1:0] endpoint_o,
  /// To an endpoint to the host: its packet is going to be sent, and is over; the host has it.
  output logic [2:0] in_begin_o,
  output logic [2:0] in_taken_o,
  /// To an endpoint from the host: data may come; they did and are taken.
  output logic       out_begin_o,
  output logic       receiving_o,
  output logic [1:0] out_commit_o,
  /// The data that came are a SETUP.
  output logic       setup_o
);
  // An answer must not be given up before 16 bits, and must be after 18 (7.1.19). Its SYNC of 8 bits is seen when it ends.
  localparam logic [6:0] Patience = 7'd98;
  // From the end of a packet to the answer, 2 to 6.5 bits (7.1.18), beside the stages of receiver and transmitter.
  localparam logic [6:0] Turn = 7'd4;

  typedef enum logic [2:0] {
    // A token is awaited.
    StToken,
    // After OUT or SETUP: data are awaited.
    StData,
    // An answer was chosen; the lines turn around.
    StTurn,
    // The answer is being sent.
    StSend,
    // After data for the host: its ACK is awaited.
    StAck
  } state_e;

  state_e     state_q;
  logic       mine_q, setup_q, room_q, hearing_q, expired;
  logic [1:0] endpoint_q, token_endpoint;
  logic [3:0] reply_q;
  logic [6:0] time_q;
  assign endpoint_o     = endpoint_q;
  assign token_endpoint = token_endpoint_i[1:0];
  assign expired        = time_q == '0 && !hearing_q;

  // A token is for this device if address and endpoint are. It is known some clocks before the token ends.
  logic is_in, is_out, is_setup, enabled;
  assign is_in    = pid_i == usb_pkg::PidIn;
  assign is_out   = pid_i == usb_pkg::PidOut;
  assign is_setup = pid_i == usb_pkg::PidSetup;
  assign enabled  = token_endpoint_i[3:2] == '0 && (token_endpoint == 2'd0 || (configured_i && !is_setup
                    && (token_endpoint == 2'd1 || (token_endpoint == 2'd2 && is_in))));
  logic in_halted, in_full, in_toggle, out_halted, out_toggle;
  logic [2:0] in_toggle_q;
  logic [1:0] out_toggle_q;
  always_ff @(posedge clk_i) begin : p_mine
    mine_q     <= token_address_i == address_i && enabled && (is_in || is_out || is_setup);
    in_halted  <= in_halted_i[token_endpoint];
    in_full    <= in_full_i[token_endpoint];
    in_toggle  <= in_toggle_q[token_endpoint];
    out_halted <= out_halted_i[endpoint_q[0]];
    out_toggle <= out_toggle_q[endpoint_q[0]];
  end

  // Verdicts at the end of a packet.
  logic token_mine, data, repeated, accepts, sends;
  logic [3:0] in_reply, out_reply;
  assign token_mine = ended_i && token_i && mine_q;
  assign data       = ended_i && state_q == StData && data_good_i && (!setup_q || (is_setup_long_i && !pid_i[3]))
                      && !is_too_long_i;
  assign repeated   = pid_i[3] != out_toggle;
  assign in_reply   = in_halted ? usb_pkg::PidStall : !in_full ? usb_pkg::PidNak
                      : in_toggle ? usb_pkg::PidData1 : usb_pkg::PidData0;
  assign accepts    = setup_q || (!out_halted && !repeated && room_q);
  assign out_reply  = !setup_q && out_halted ? usb_pkg::PidStall
                      : accepts || repeated ? usb_pkg::PidAck : usb_pkg::PidNak;
  assign sends      = !in_halted && in_full;

  always_ff @(posedge clk_i) begin : p_state
    if (!rst_ni) state_q <= StToken;
    else if (token_mine) state_q <= is_in ? StTurn : StData;
    else begin
      unique case (state_q)
        StToken: ;
        StData:  if (data) state_q <= StTurn;
                 else if (ended_i || expired) state_q <= StToken;
        StTurn:  if (time_q == '0) state_q <= StSend;
        StSend:  if (done_i) state_q <= with_data_o ? StAck : StToken;
        default: if (ended_i || expired) state_q <= StToken;
      endcase
    end
  end
  always_ff @(posedge clk_i) begin : p_time
    if (ended_i) time_q <= token_mine && !is_in ? Patience : Turn;
    else if (done_i) time_q <= Patience;
    else if (time_q != '0) time_q <= time_q - 7'd1;
    // A packet that has begun is awaited to its end.
    if (!rst_ni || ended_i || done_i) hearing_q <= 1'b0;
    else if (started_i) hearing_q <= 1'b1;
    start_o <= rst_ni && state_q == StTurn && time_q == '0;
  end
  always_ff @(posedge clk_i) begin : p_token
    if (token_mine) begin
      endpoint_q <= token_endpoint;
      setup_q    <= is_setup;
      room_q     <= out_room_i[token_endpoint[0]];
    end
    if (token_mine && is_in) reply_q <= in_reply;
    else if (data) reply_q <= out_reply;
  end
  assign pid_o       = reply_q;
  assign with_data_o = reply_q[2:0] == 3'b011;

  // The endpoints learn of a verdict one clock later.
  logic commits, taken;
  assign commits = data && accepts;
  assign taken   = ended_i && state_q == StAck && handshake_i && pid_i == usb_pkg::PidAck;
  always_ff @(posedge clk_i) begin : p_endpoints
    out_begin_o <= rst_ni && token_mine && !is_in;
    receiving_o <= rst_ni && state_q == StData && hearing_q && (setup_q || room_q);
    setup_o     <= rst_ni && commits && setup_q;
    for (int unsigned each = 0; each < 3; each++) begin
      in_begin_o[each] <= rst_ni && token_mine && is_in && sends && token_endpoint == 2'(each);
      in_taken_o[each] <= rst_ni && taken && endpoint_q == 2'(each);
    end
    for (int unsigned each = 0; each < 2; each++) begin
      out_commit_o[each] <= rst_ni && commits && !setup_q && endpoint_q == 2'(each);
    end
  end

  // Toggles. The data stage of a control transfer begins with DATA1 in either direction (8.5.3).
  always_ff @(posedge clk_i) begin : p_toggles
    if (!rst_ni) begin
      in_toggle_q  <= '0;
      out_toggle_q <= '0;
    end else begin
      in_toggle_q  <= (in_toggle_q ^ in_taken_o) & ~in_clear_i | 3'(setup_o);
      out_toggle_q <= (out_toggle_q ^ out_commit_o) & ~out_clear_i | 2'(setup_o);
    end
  end

  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni) begin
      // One endpoint at most begins to send.
      a_begin: assert ((in_begin_o & (in_begin_o - 3'd1)) == '0);
      // One endpoint at most learns that the host has its packet.
      a_taken: assert ((in_taken_o & (in_taken_o - 3'd1)) == '0);
      // No endpoint begins to send while another one takes data.
      a_apart: assert (in_begin_o == '0 || out_commit_o == '0);
      // The host takes only what was sent to it.
      if (in_taken_o != '0) a_data: assert (with_data_o);
    end
  end
endmodule
