// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The link: a machine's ports to the host, carried by frames over a line for bytes. docs/link-protocol.md is the contract
/// of the frames, docs/architecture.md that of the machine's ports, which have the same names here with the directions
/// reversed.
module link #(
  /// Log2 of the bytes of the rings, 10 to 12.
  parameter int unsigned ReceiveLog2 = 10,
  parameter int unsigned TransmitLog2 = 10,
  /// Log2 of the bytes that are fetched at once for bus masters, 4 to 7.
  parameter int unsigned LineLog2 = 7,
  /// The most dwords in a frame that writes host memory.
  parameter int unsigned WriteDwords = int'(host_pkg::LinkLongestWrite),
  /// The machine can arm faults.
  parameter bit Faults = 1'b1,
  /// The machine has bus masters, and so reads host memory.
  parameter bit Memory = 1'b1,
  /// Clocks per second, and the numbers of machine and build, the first byte on top.
  parameter logic [31:0] ClockHz,
  parameter logic [63:0] Machine,
  parameter logic [63:0] Build = 64'd0
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  /// The line: a byte comes in, and cannot be held back; a byte goes out.
  input  logic         rx_valid_i,
  input  logic [7:0]   rx_byte_i,
  output logic         tx_valid_o,
  output logic [7:0]   tx_byte_o,
  input  logic         tx_ready_i,
  /// The reset of the machine, active low.
  output logic         machine_rst_no,
  /// Command port.
  output logic         cmd_valid_o,
  input  logic         cmd_ready_i,
  output logic [3:0]   cmd_op_o,
  output logic [31:0]  cmd_address_o,
  output logic [3:0]   cmd_be_o,
  output logic [15:0]  cmd_length_o,
  output logic [31:0]  cmd_data_o,
  output logic         wdata_valid_o,
  output logic [31:0]  wdata_o,
  input  logic         wdata_ready_i,
  input  logic         rdata_valid_i,
  input  logic [31:0]  rdata_i,
  output logic         rdata_ready_o,
  input  logic         rsp_valid_i,
  input  logic [2:0]   rsp_status_i,
  /// The interrupt that is presented to the host.
  input  logic         intr_i,
  input  logic [3:0]   intr_input_i,
  /// Event stream.
  input  logic         event_valid_i,
  input  logic [127:0] event_i,
  output logic         event_ready_o,
  input  logic [15:0]  event_drops_i,
  /// Bus clocks since reset.
  input  logic [63:0]  clock_i,
  /// Host memory.
  input  logic         hm_valid_i,
  input  logic         hm_write_i,
  input  logic [31:0]  hm_address_i,
  input  logic [3:0]   hm_be_i,
  input  logic [31:0]  hm_wdata_i,
  output logic         hm_ready_o,
  output logic         hm_rvalid_o,
  output logic [31:0]  hm_rdata_o
);
  // From the line. Everything behind the receiver and the session is reset with each session.
  logic        body, body_first, ended, good, hello_long, ask_bit, again_bit, taken, lost, session, begun_n;
  logic [3:0]  kind;
  logic [7:0]  number, next, nonce_byte;
  logic [31:0] word, nonce;
  link_receive u_receive (
    .clk_i, .rst_ni, .rx_valid_i, .rx_byte_i, .body_o(body), .body_first_o(body_first), .word_o(word), .ended_o(ended),
    .good_o(good), .hello_long_o(hello_long), .type_o(kind), .ask_o(ask_bit), .again_o(again_bit), .number_o(number),
    .next_o(next), .nonce_o(nonce)
  );

  logic acknowledge, replay, done, hello, again, ask, owed, again_made, next_made, hello_made, answer_made, nonce_pop;
  link_session u_session (
    .clk_i, .rst_ni, .ended_i(ended), .good_i(good), .hello_long_i(hello_long), .type_i(kind), .ask_i(ask_bit),
    .again_i(again_bit), .nonce_i(nonce), .taken_i(taken), .lost_i(lost), .session_o(session), .begun_no(begun_n),
    .acknowledge_o(acknowledge), .replay_o(replay), .done_i(done), .hello_o(hello), .again_o(again), .ask_o(ask),
    .owed_o(owed), .hello_made_i(hello_made), .again_made_i(again_made), .next_made_i(next_made),
    .answer_made_i(answer_made), .nonce_o(nonce_byte), .nonce_pop_i(nonce_pop)
  );
  assign machine_rst_no = begun_n;

  logic       waiting, pop;
  logic [3:0] oldest_kind;
  logic [7:0] oldest_byte, wanted;
  logic [ReceiveLog2-3:0] left;
  link_inbox #(.RingLog2(ReceiveLog2)) u_inbox (
    .clk_i, .rst_ni(begun_n), .session_i(session), .body_i(body), .byte_i(word[31:24]), .ended_i(ended), .good_i(good),
    .type_i(kind), .number_i(number), .taken_o(taken), .lost_o(lost), .waiting_o(waiting), .type_o(oldest_kind),
    .left_o(left), .byte_o(oldest_byte), .pop_i(pop), .done_i(done), .number_o(wanted)
  );

  // Commands.
  logic       news, command, respond, responded, reads;
  logic [2:0] status;
  logic [6:0] count;
  logic [7:0] index, data;
  link_command #(.RingLog2(ReceiveLog2), .Faults(Faults)) u_command (
    .clk_i, .rst_ni(begun_n), .waiting_i(waiting), .type_i(oldest_kind), .left_i(left), .byte_i(oldest_byte),
    .pop_o(pop), .done_o(done), .cmd_valid_o, .cmd_ready_i, .cmd_op_o, .cmd_address_o, .cmd_be_o, .cmd_length_o,
    .cmd_data_o, .wdata_valid_o, .wdata_ready_i, .rdata_valid_i, .rdata_i, .rdata_ready_o, .rsp_valid_i, .rsp_status_i,
    .news_i(news), .taken_o(command), .respond_o(respond), .status_o(status), .count_o(count), .reads_o(reads),
    .index_i(index), .data_o(data), .responded_i(responded)
  );
  assign wdata_o = cmd_data_o;

  // Host memory.
  logic       read_ready, write_taken, fetch, fetched;
  logic [7:0] tag;
  logic [LineLog2-2:0] dwords;
  if (Memory) begin : gen_memory
    link_memory #(.LineLog2(LineLog2)) u_memory (
      .clk_i, .rst_ni(begun_n), .valid_i(hm_valid_i), .write_i(hm_write_i), .address_i(hm_address_i), .ready_o(read_ready),
      .rvalid_o(hm_rvalid_o), .rdata_o(hm_rdata_o), .write_taken_i(write_taken), .command_i(command),
      .clock_i(clock_i[9:0]), .fetch_o(fetch), .tag_o(tag), .dwords_o(dwords), .fetched_i(fetched), .body_i(body),
      .body_first_i(body_first), .word_i(word), .data_i(taken && kind == host_pkg::LinkToDeviceData)
    );
  end else begin : gen_no_memory
    assign {read_ready, hm_rvalid_o, hm_rdata_o, fetch, tag, dwords} = '0;
    logic unused_memory;
    assign unused_memory = ^{body_first, word[23:0], command, fetched};
  end
  assign hm_ready_o = hm_write_i ? write_taken : read_ready;

  // Events.
  logic       record_start, record_valid, record_last, record_ready;
  logic [7:0] record_byte;
  link_events u_events (
    .clk_i, .rst_ni(begun_n), .start_i(record_start), .event_i, .valid_o(record_valid), .byte_o(record_byte),
    .last_o(record_last), .ready_i(record_ready)
  );
  assign event_ready_o = record_last;

  // To the line.
  logic       out_valid, out_end, out_ready, frame_valid, frame_last, frame_ready, idle;
  logic [7:0] out_byte, frame_byte, made;
  link_compose #(
    .ReceiveLog2(ReceiveLog2), .LineLog2(LineLog2), .WriteDwords(WriteDwords), .ClockHz(ClockHz), .Machine(Machine),
    .Build(Build)
  ) u_compose (
    .clk_i, .rst_ni(begun_n), .valid_o(out_valid), .end_o(out_end), .byte_o(out_byte), .ready_i(out_ready),
    .number_i(made), .wanted_i(wanted), .idle_i(idle && !out_valid), .hello_i(hello), .again_i(again), .ask_i(ask),
    .owed_i(owed), .hello_made_o(hello_made), .again_made_o(again_made), .next_made_o(next_made),
    .answer_made_o(answer_made), .nonce_i(nonce_byte), .nonce_pop_o(nonce_pop), .respond_i(respond), .status_i(status),
    .count_i(count), .reads_i(reads), .index_o(index), .data_i(data), .responded_o(responded), .fetch_i(fetch),
    .tag_i(tag), .dwords_i(dwords), .fetched_o(fetched), .hm_valid_i, .hm_write_i, .hm_address_i, .hm_be_i, .hm_wdata_i,
    .hm_taken_o(write_taken), .intr_i, .intr_input_i, .news_o(news), .clock_i(clock_i[47:0]), .drops_i(event_drops_i),
    .event_i(event_valid_i), .record_start_o(record_start), .record_valid_i(record_valid),
    .record_byte_i(record_byte), .record_last_i(record_last), .record_ready_o(record_ready)
  );
  link_frame u_frame (
    .clk_i, .rst_ni(begun_n), .valid_i(out_valid), .end_i(out_end), .byte_i(out_byte), .ready_o(out_ready),
    .valid_o(frame_valid), .byte_o(frame_byte), .last_o(frame_last), .ready_i(frame_ready)
  );
  link_transmit #(.RingLog2(TransmitLog2)) u_transmit (
    .clk_i, .rst_ni(begun_n), .valid_i(frame_valid), .byte_i(frame_byte), .last_i(frame_last), .ready_o(frame_ready),
    .number_o(made), .idle_o(idle), .acknowledge_i(acknowledge), .next_i(next), .replay_i(replay), .tx_valid_o,
    .tx_byte_o, .tx_ready_i
  );
  logic unused_clock;
  assign unused_clock = ^clock_i[63:48];
endmodule
