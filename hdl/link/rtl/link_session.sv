// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The session of the link: it begins with a HELLO, for which everything behind the receiver is reset, the machine too.
/// And what the host is owed beside its commands: an answer to an ASK, the notice that a frame was lost, and an
/// acknowledgement.
module link_session (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// From the receiver, as a frame ends; `lost_i`: a frame was lost.
  input  logic        ended_i,
  input  logic        good_i,
  input  logic        hello_long_i,
  input  logic [3:0]  type_i,
  input  logic        ask_i,
  input  logic        again_i,
  input  logic [31:0] nonce_i,
  input  logic        taken_i,
  input  logic        lost_i,
  /// A session runs. The reset of everything else, active low: on for some clocks before a session, or before the HELLO
  /// that says that there is none.
  output logic        session_o,
  output logic        begun_no,
  /// For the ring to the host: the frame that ended acknowledges frames; all frames must be sent again.
  output logic        acknowledge_o,
  output logic        replay_o,
  /// A command is carried out, which is to be acknowledged.
  input  logic        done_i,
  /// Owed to the host: a HELLO, AGAIN, an answer, an acknowledgement. Each is
  /// cleared as it is made: `next` in any frame is an acknowledgement.
  output logic        hello_o,
  output logic        again_o,
  output logic        ask_o,
  output logic        owed_o,
  input  logic        hello_made_i,
  input  logic        again_made_i,
  input  logic        next_made_i,
  input  logic        answer_made_i,
  /// The lowest byte of the nonce; `nonce_pop_i` moves the next one there, and four of them move all back.
  output logic [7:0]  nonce_o,
  input  logic        nonce_pop_i
);
  // Clocks of the reset.
  localparam logic [2:0] Reset = 3'd7;

  logic        session_q, hello, ask, renew, same;
  logic [2:0]  reset_q;
  logic [31:0] nonce_q;
  assign same  = session_q && nonce_i == nonce_q;
  assign hello = ended_i && good_i && type_i == host_pkg::LinkToDeviceHello && hello_long_i && nonce_i != '0;
  assign ask   = ended_i && good_i && type_i == host_pkg::LinkToDeviceControl && ask_i;
  assign renew = (hello && !same) || (ask && !session_q);

  always_ff @(posedge clk_i) begin : p_session
    if (!rst_ni) begin
      session_q <= 1'b0;
      reset_q   <= Reset;
      hello_o   <= 1'b0;
    end else begin
      if (hello) session_q <= 1'b1;
      if (renew) reset_q <= Reset;
      else if (!begun_no) reset_q <= reset_q - 3'd1;
      if (renew) hello_o <= 1'b1;
      else if (hello_made_i) hello_o <= 1'b0;
    end
    // Without a session the nonce is 0.
    if (!rst_ni) nonce_q <= '0;
    else if (hello && !same) nonce_q <= nonce_i;
    else if (nonce_pop_i) nonce_q <= {nonce_q[7:0], nonce_q[31:8]};
  end
  assign begun_no  = reset_q == '0;
  assign session_o = session_q && begun_no;
  assign nonce_o   = nonce_q[7:0];

  assign acknowledge_o = ended_i && good_i && session_o && type_i != host_pkg::LinkToDeviceHello;
  assign replay_o      = ended_i && good_i && session_o &&
                         ((type_i == host_pkg::LinkToDeviceControl && again_i) || hello);

  // The host is asked once for each gap: until the next frame in order comes, more bad ones change nothing.
  logic gap_q;
  always_ff @(posedge clk_i) begin : p_owed
    if (!begun_no) begin
      gap_q   <= 1'b0;
      again_o <= 1'b0;
      ask_o   <= 1'b0;
      owed_o  <= 1'b0;
    end else begin
      if (taken_i) gap_q <= 1'b0;
      else if (lost_i) gap_q <= 1'b1;
      if (lost_i && !gap_q) again_o <= 1'b1;
      else if (again_made_i) again_o <= 1'b0;
      if (ask && session_q) ask_o <= 1'b1;
      else if (answer_made_i) ask_o <= 1'b0;
      if (done_i) owed_o <= 1'b1;
      else if (next_made_i) owed_o <= 1'b0;
    end
  end
endmodule
