// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Carries out the frames of the inbox in their order. A COMMAND goes to the machine's command port, once or as a string
/// of single commands; what it reads is kept until the answer is made. Other frames need nothing here.
module link_command #(
  /// The machine can arm faults, whose count is longer than that of other commands.
  parameter bit Faults = 1'b1,
  /// Log2 of the bytes of the receive ring.
  parameter int unsigned RingLog2 = 10
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// The oldest frame of the inbox.
  input  logic        waiting_i,
  input  logic [3:0]  type_i,
  input  logic [RingLog2-3:0] left_i,
  input  logic [7:0]  byte_i,
  output logic        pop_o,
  output logic        done_o,
  /// Command port.
  output logic        cmd_valid_o,
  input  logic        cmd_ready_i,
  output logic [3:0]  cmd_op_o,
  output logic [31:0] cmd_address_o,
  output logic [3:0]  cmd_be_o,
  output logic [15:0] cmd_length_o,
  output logic [31:0] cmd_data_o,
  output logic        wdata_valid_o,
  input  logic        wdata_ready_i,
  input  logic        rdata_valid_i,
  input  logic [31:0] rdata_i,
  output logic        rdata_ready_o,
  input  logic        rsp_valid_i,
  input  logic [2:0]  rsp_status_i,
  /// An interrupt is presented of which the host has not been told: a string ends.
  input  logic        news_i,
  /// The machine takes a command.
  output logic        taken_o,
  /// A RESPONSE is wanted; its contents, and the byte of the data that were read at the index of `read_i`, one clock after
  /// it. It has been made.
  output logic        respond_o,
  output logic [2:0]  status_o,
  output logic [6:0]  count_o,
  output logic        reads_o,
  input  logic [7:0]  index_i,
  output logic [7:0]  data_o,
  input  logic        responded_i
);
  typedef enum logic [3:0] {
    // No frame is there.
    StIdle,
    // The bytes before the data are read.
    StHead,
    // The command is judged.
    StJudge,
    // The next datum to write is read.
    StDatum,
    // The machine is offered the command.
    StOffer,
    // The machine carries out the command.
    StRun,
    // A command of a string has ended, or a dword of a burst was taken.
    StNext,
    // The frame is carried out, and leaves the inbox.
    StDone,
    // The answer is wanted.
    StRespond
  } state_e;

  state_e      state_q, state_d;
  logic [63:0] head_q;
  logic [31:0] datum_q;
  logic [2:0]  place_q, status_q;
  logic [6:0]  count_q, wanted;
  logic [15:0] count;
  logic [7:0]  control;
  logic        skips, failed_q, news_q, answer, is_string, known, memory, many, burst, fits, enough, more, malformed;
  logic        ended_q, ends, succeeds, word_moves, word_read;

  // The bytes before the data: operation and byte enables, control, count, address.
  assign cmd_op_o      = head_q[3:0];
  assign cmd_be_o      = head_q[7:4];
  assign control       = head_q[15:8];
  assign answer        = control[host_pkg::LinkControlAnswer];
  assign is_string     = control[host_pkg::LinkControlString];
  assign count         = head_q[31:16];
  assign cmd_address_o = head_q[63:32];
  assign cmd_length_o  = is_string ? 16'd1 : Faults ? count : {9'd0, count[6:0]};
  assign cmd_data_o    = datum_q;
  logic unused_head;
  assign unused_head = ^control[7:3];
  always_ff @(posedge clk_i) begin : p_head
    if (state_q == StHead) head_q <= {byte_i, head_q[63:8]};
    if (state_q == StDatum) datum_q <= {byte_i, datum_q[31:8]};
  end

  // The dwords that must be there: two before the data, then the data. The last four bytes of a frame are its CRC.
  assign known     = !(cmd_op_o[3] && cmd_op_o[2:1] != '0);
  assign reads_o   = !cmd_op_o[3] && !cmd_op_o[0];
  assign memory    = cmd_op_o == host_pkg::OpMemRead || cmd_op_o == host_pkg::OpMemWrite;
  assign many      = is_string || memory;
  assign burst     = !is_string && memory && count != 16'd1;
  assign fits      = !many || (count != '0 && count[15:7] == '0 && !(count[6] && count[5:0] != '0));
  assign wanted    = state_q == StIdle ? 7'd2 : reads_o ? '0 : many ? count[6:0] : 7'd1;
  assign enough    = left_i > (RingLog2-2)'(wanted);
  assign malformed = !known || !fits || !enough;

  // A chained command is skipped if the one before it did not do all that it should.
  assign skips = control[host_pkg::LinkControlChained] && failed_q;
  always_ff @(posedge clk_i) begin : p_failed
    if (!rst_ni) failed_q <= 1'b0;
    else if (state_q == StDone && type_i == host_pkg::LinkToDeviceCommand) failed_q <= skips || !succeeds || (is_string && more);
  end

  always_comb begin : p_state
    state_d = state_q;
    unique case (state_q)
      StIdle: if (waiting_i) begin
        state_d = type_i == host_pkg::LinkToDeviceCommand && enough ? StHead : StDone;
      end
      StHead: if (place_q == 3'd7) state_d = StJudge;
      StJudge: begin
        if (skips || malformed) state_d = StDone;
        else state_d = reads_o || burst ? StOffer : StDatum;
      end
      StDatum: if (place_q[1:0] == 2'd3) state_d = burst ? StRun : StOffer;
      StOffer: if (cmd_ready_i) state_d = burst && !reads_o ? StDatum : StRun;
      StRun: begin
        if (wdata_valid_o && wdata_ready_i) state_d = StNext;
        else if (ends) state_d = succeeds && is_string ? StNext : StDone;
      end
      StNext: begin
        if (burst) state_d = more ? StDatum : StRun;
        else if (!more || news_q) state_d = StDone;
        else state_d = reads_o ? StOffer : StDatum;
      end
      // A string that ends early is answered, so that the host knows where.
      StDone: begin
        if (type_i != host_pkg::LinkToDeviceCommand) state_d = StIdle;
        else if (answer || !succeeds || (is_string && more && !skips)) state_d = StRespond;
        else state_d = StIdle;
      end
      StRespond: if (responded_i) state_d = StIdle;
      default: state_d = StIdle;
    endcase
  end
  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
  end

  // The place in the bytes that are read from the frame, or in the dword that the machine has read.
  assign word_read = state_q == StRun && rdata_valid_i;
  always_ff @(posedge clk_i) begin : p_place
    if (state_q == StIdle) place_q <= '0;
    else if (pop_o || word_read) place_q <= place_q + 3'd1;
  end

  // The end of a command. A mark has no answer, and the last datum of a read may come with the answer.
  assign ends     = state_q == StRun && (ended_q || cmd_op_o == host_pkg::OpMark) && !rdata_valid_i;
  assign succeeds = status_q == host_pkg::BusStatusOk;
  always_ff @(posedge clk_i) begin : p_status
    // An interrupt that came since the begin of the frame may have been told meanwhile.
    if (state_q == StIdle) news_q <= 1'b0;
    else if (news_i) news_q <= 1'b1;
    if (state_q == StOffer) ended_q <= 1'b0;
    else if (rsp_valid_i) ended_q <= 1'b1;
    if (state_q == StIdle) status_q <= enough ? host_pkg::BusStatusOk : host_pkg::LinkMalformed[2:0];
    else if (state_q == StJudge && malformed && !skips) status_q <= host_pkg::LinkMalformed[2:0];
    else if (rsp_valid_i) status_q <= rsp_status_i;
  end

  // Commands of a string that have succeeded, or dwords of another command.
  assign word_moves = burst && (rdata_ready_o || (wdata_valid_o && wdata_ready_i));
  assign more       = count_q != count[6:0];
  always_ff @(posedge clk_i) begin : p_count
    if (state_q == StIdle) count_q <= '0;
    else if (ends && !succeeds && !is_string) count_q <= '0;
    else if (word_moves || (ends && succeeds && !burst)) count_q <= count_q + 7'd1;
  end

  // The data that were read. Those of a command that fails are not counted.
  prim_ram #(.Width(8), .AddressWidth(8)) u_data (
    .clk_i, .write_i(word_read), .write_address_i({count_q[5:0], place_q[1:0]}),
    .write_data_i(rdata_i[8*place_q[1:0] +: 8]), .read_i(1'b1), .read_address_i(index_i), .read_data_o(data_o)
  );

  assign pop_o         = state_q == StHead || state_q == StDatum;
  assign done_o        = state_q == StDone;
  assign cmd_valid_o   = state_q == StOffer;
  assign taken_o       = cmd_valid_o && cmd_ready_i;
  assign wdata_valid_o = state_q == StRun && burst && !reads_o && more;
  assign rdata_ready_o = word_read && place_q[1:0] == 2'd3;
  assign respond_o     = state_q == StRespond;
  assign status_o      = status_q;
  assign count_o       = count_q;
endmodule
