// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Makes the frames to the host, byte by byte, one at a time. It chooses what is sent next, and takes the writes of bus
/// masters and the event records from the machine; neighbouring writes become one frame.
module link_compose #(
  /// Log2 of the bytes of the receive ring and of a line, for the HELLO.
  parameter int unsigned ReceiveLog2 = 10,
  parameter int unsigned LineLog2 = 7,
  /// The most dwords of a WRITE.
  parameter int unsigned WriteDwords = 32,
  /// For the HELLO: clocks per second, and the numbers of machine and build.
  parameter logic [31:0] ClockHz = 32'd0,
  parameter logic [63:0] Machine = 64'd0,
  parameter logic [63:0] Build = 64'd0
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  /// A byte of the frame, or its end. They come from registers.
  output logic         valid_o,
  output logic         end_o,
  output logic [7:0]   byte_o,
  input  logic         ready_i,
  /// The number of this frame, and of the frame that is wanted next.
  input  logic [7:0]   number_i,
  input  logic [7:0]   wanted_i,
  /// All that was made has left.
  input  logic         idle_i,
  /// Owed to the host, see `link_session`; on for one clock when it is made: AGAIN is in a frame, `next` is in a frame.
  input  logic         hello_i,
  input  logic         again_i,
  input  logic         ask_i,
  input  logic         owed_i,
  output logic         hello_made_o,
  output logic         again_made_o,
  output logic         next_made_o,
  output logic         answer_made_o,
  input  logic [7:0]   nonce_i,
  output logic         nonce_pop_o,
  /// A RESPONSE, see `link_command`; it is made.
  input  logic         respond_i,
  input  logic [2:0]   status_i,
  input  logic [6:0]   count_i,
  input  logic         reads_i,
  output logic [7:0]   index_o,
  input  logic [7:0]   data_i,
  output logic         responded_o,
  /// A FETCH, see `link_memory`; it is made.
  input  logic         fetch_i,
  input  logic [7:0]   tag_i,
  input  logic [LineLog2-2:0] dwords_i,
  output logic         fetched_o,
  /// The request at the host memory port, and whether it is a write that is taken.
  input  logic         hm_valid_i,
  input  logic         hm_write_i,
  input  logic [31:0]  hm_address_i,
  input  logic [3:0]   hm_be_i,
  input  logic [31:0]  hm_wdata_i,
  output logic         hm_taken_o,
  /// The interrupt that is presented; it is presented, and the host has not been told.
  input  logic         intr_i,
  input  logic [3:0]   intr_input_i,
  output logic         news_o,
  /// Bus clocks, and event records that were lost.
  input  logic [47:0]  clock_i,
  input  logic [15:0]  drops_i,
  /// An event record waits; begin with it; its short form.
  input  logic         event_i,
  output logic         record_start_o,
  input  logic         record_valid_i,
  input  logic [7:0]   record_byte_i,
  input  logic         record_last_i,
  output logic         record_ready_o
);
  // Event records in a frame, and clocks for which a frame with writes waits for another one.
  localparam logic [7:0] Records  = 8'd16;
  localparam logic [4:0] Patience = '1;

  typedef enum logic [2:0] {
    // No frame is being made.
    StIdle,
    // The bytes up to those whose number is open.
    StFixed,
    // The data of a RESPONSE.
    StData,
    // A dword of a WRITE.
    StWord,
    // A WRITE that can go on.
    StOpen,
    // The event record that waits, if the frame may have another one.
    StRecord,
    // The bytes of an event record.
    StShort,
    // The end.
    StEnd
  } state_e;

  // Steps of the bytes whose number is fixed, which are at the same place in several frames.
  localparam logic [4:0] StepNext    = 5'd2;
  localparam logic [4:0] StepState   = 5'd4;
  localparam logic [4:0] StepAddress = 5'd5;
  localparam logic [4:0] StepCount   = 5'd11;
  localparam logic [4:0] StepLost    = 5'd12;
  localparam logic [4:0] StepHello   = 5'd30;

  state_e      state_q, state_d;
  host_pkg::link_to_host_e type_q, chosen;
  logic        begins, changed, answers, answers_q, go, emits, last_step;
  logic [4:0]  step_q, step_d;
  logic [7:0]  told, told_q, units_q, units_d, fixed, now;
  logic        appends, closes, lanes, turn_q;

  // The choice of the next frame. The host is told of an interrupt once.
  assign told = 8'(intr_i) << host_pkg::LinkStatePresented |
                (intr_i ? 8'(intr_input_i) << host_pkg::LinkStateInput : '0);
  assign changed = told != told_q;
  assign news_o  = intr_i && changed;
  assign answers = ask_i && !event_i;
  always_comb begin : p_choose
    begins = rst_ni && state_q == StIdle;
    chosen = host_pkg::LinkToHostState;
    if (hello_i) chosen = host_pkg::LinkToHostHello;
    else if (event_i && (turn_q || ask_i || (idle_i && !hm_valid_i))) chosen = host_pkg::LinkToHostEvents;
    else if (hm_valid_i && hm_write_i) chosen = host_pkg::LinkToHostWrite;
    else if (respond_i) chosen = host_pkg::LinkToHostResponse;
    else if (!changed && fetch_i) chosen = host_pkg::LinkToHostFetch;
    else if (!changed && !again_i && !answers && !(owed_i && idle_i)) begins = 1'b0;
  end
  assign hello_made_o  = begins && chosen == host_pkg::LinkToHostHello;
  assign answer_made_o = begins && chosen == host_pkg::LinkToHostState && answers;

  // Clock, lost records and state are those of the moment at which the frame is begun.
  logic        with_state, from_sample;
  logic [63:0] sample_q;
  assign with_state  = type_q == host_pkg::LinkToHostState || type_q == host_pkg::LinkToHostResponse;
  assign from_sample = with_state && (step_q[3] || step_q[2:0] > 3'd4);
  always_ff @(posedge clk_i) begin : p_sample
    if (begins) sample_q <= {drops_i, clock_i};
    else if (go && state_q == StFixed && from_sample) sample_q <= sample_q >> 8;
    if (!rst_ni) told_q <= '0;
    else if (begins && (chosen == host_pkg::LinkToHostState || chosen == host_pkg::LinkToHostResponse)) told_q <= told;
    if (begins) answers_q <= answers;
  end

  // The bytes whose number is fixed. Those of a HELLO that never change are here at their steps.
  localparam logic [255:0] Constants = {
    8'd0, reversed(Build), reversed(Machine), ClockHz, 8'd0, 8'(LineLog2), 8'(ReceiveLog2), host_pkg::LinkVersion, 56'd0
  };
  function automatic logic [63:0] reversed(logic [63:0] number);
    for (int unsigned i = 0; i < 8; i++) reversed[8*i +: 8] = number[8*(7-i) +: 8];
  endfunction
  logic       is_nonce;
  logic [7:0] constant;
  assign is_nonce = step_q[4:3] == '0 && step_q[2:0] != 3'd7;
  assign constant = Constants[8*step_q +: 8];
  // The address with its bytes at the low bits of their steps, from 5 on.
  logic [31:0] address;
  assign address = {hm_address_i[23:0], hm_address_i[31:24]};
  always_comb begin : p_fixed
    fixed = '0;
    unique case (step_q)
      5'd0: begin
        fixed[3:0] = type_q;
        fixed[host_pkg::LinkKindAgain] = again_i;
      end
      5'd1: fixed = number_i;
      5'd2: fixed = wanted_i;
      default: unique case (type_q)
        host_pkg::LinkToHostHello: fixed = is_nonce ? nonce_i : constant;
        host_pkg::LinkToHostFetch, host_pkg::LinkToHostWrite: begin
          if (step_q == 5'd3) fixed = tag_i;
          else if (step_q == 5'd4) fixed = 8'(dwords_i);
          else fixed = address[8*step_q[1:0] +: 8];
        end
        default: begin
          if (step_q == 5'd3) fixed = 8'(status_i);
          else if (step_q == StepState) begin
            fixed = told_q;
            fixed[host_pkg::LinkStateAnswers] = answers_q && type_q == host_pkg::LinkToHostState;
          end else if (step_q == StepCount && type_q == host_pkg::LinkToHostResponse) fixed = 8'(count_i);
          else fixed = sample_q[7:0];
        end
      endcase
    endcase
  end

  always_comb begin : p_step
    step_d    = step_q + 5'd1;
    last_step = 1'b0;
    unique case (type_q)
      host_pkg::LinkToHostState: begin
        if (step_q == StepNext) step_d = StepState;
        last_step = step_q == StepLost;
      end
      host_pkg::LinkToHostHello:    last_step = step_q == StepHello;
      host_pkg::LinkToHostResponse: last_step = step_q == StepCount;
      host_pkg::LinkToHostFetch:    last_step = step_q == StepAddress + 5'd3;
      host_pkg::LinkToHostWrite: begin
        if (step_q == StepNext) step_d = StepAddress;
        last_step = step_q == StepAddress + 5'd3;
      end
      default:                      last_step = step_q == StepNext;
    endcase
  end

  // Writes. A dword that follows the one before is appended, if all bytes between the first and it are written.
  logic [29:0] next_q;
  logic [3:0]  first_be_q, last_be_q;
  logic [4:0]  patience_q;
  assign appends = hm_valid_i && hm_write_i && hm_address_i[31:2] == next_q && units_q[7:2] != 6'(WriteDwords) &&
                   (units_q[7:2] == 6'd1 || last_be_q == 4'hF);
  assign closes  = hm_valid_i || hello_i || respond_i || changed || again_i || ask_i || event_i ||
                   (idle_i && patience_q == Patience);
  assign lanes   = state_q == StOpen && !appends && closes;
  assign hm_taken_o = go && state_q == StWord && units_q[1:0] == 2'd3;
  always_ff @(posedge clk_i) begin : p_write
    if (hm_taken_o) begin
      next_q    <= hm_address_i[31:2] + 30'd1;
      last_be_q <= hm_be_i;
      if (units_q[7:2] == '0) first_be_q <= hm_be_i;
    end
    if (state_q != StOpen) patience_q <= '0;
    else if (patience_q != Patience) patience_q <= patience_q + 5'd1;
  end

  // Units: bytes of data, event records.
  always_comb begin : p_units
    units_d = units_q;
    if (state_q == StIdle) units_d = '0;
    else if (go && (state_q == StData || state_q == StWord || record_last_i)) units_d = units_q + 8'd1;
  end
  always_ff @(posedge clk_i) begin : p_counts
    units_q <= units_d;
    if (state_q == StIdle) step_q <= '0;
    else if (go && state_q == StFixed) step_q <= step_d;
    if (begins) type_q <= chosen;
    // After each other frame the event records have a turn, so that a line that is never idle carries them too.
    if (!rst_ni) turn_q <= 1'b0;
    else if (begins) turn_q <= chosen != host_pkg::LinkToHostEvents;
  end

  assign go = !valid_o || ready_i;
  always_comb begin : p_state
    state_d = state_q;
    emits   = 1'b0;
    unique case (state_q)
      StIdle: if (begins) state_d = StFixed;
      StFixed: begin
        emits = 1'b1;
        if (go && last_step) begin
          unique case (type_q)
            host_pkg::LinkToHostResponse: state_d = reads_i && count_i != '0 ? StData : StEnd;
            host_pkg::LinkToHostWrite:    state_d = StWord;
            host_pkg::LinkToHostEvents:   state_d = StRecord;
            default:                      state_d = StEnd;
          endcase
        end
      end
      StData: begin
        emits = 1'b1;
        if (go && units_d == {count_i[5:0], 2'b00}) state_d = StEnd;
      end
      StWord: begin
        emits = 1'b1;
        if (hm_taken_o) state_d = StOpen;
      end
      StOpen: begin
        emits = lanes;
        if (appends) state_d = StWord;
        else if (go && closes) state_d = StEnd;
      end
      StRecord: state_d = event_i && units_q != Records ? StShort : StEnd;
      StShort: begin
        emits = record_valid_i;
        if (record_last_i) state_d = StRecord;
      end
      StEnd: begin
        emits = 1'b1;
        if (go) state_d = StIdle;
      end
    endcase
  end
  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
  end

  // The byte; a register lies between making it and writing it into the ring.
  always_comb begin : p_now
    unique case (state_q)
      StData:  now = data_i;
      StWord:  now = hm_wdata_i[8*units_q[1:0] +: 8];
      StOpen:  now = {last_be_q, first_be_q};
      StShort: now = record_byte_i;
      default: now = fixed;
    endcase
  end
  always_ff @(posedge clk_i) begin : p_out
    if (!rst_ni) valid_o <= 1'b0;
    else if (go) valid_o <= emits;
    if (go) begin
      end_o  <= state_q == StEnd;
      byte_o <= now;
    end
  end

  assign again_made_o   = go && state_q == StFixed && step_q == 5'd0;
  assign next_made_o    = go && state_q == StFixed && step_q == StepNext;
  assign nonce_pop_o    = go && state_q == StFixed && type_q == host_pkg::LinkToHostHello &&
                          is_nonce && step_q[2:0] > 3'd2;
  assign fetched_o      = go && state_q == StFixed && type_q == host_pkg::LinkToHostFetch && last_step;
  assign responded_o    = go && state_q == StEnd && type_q == host_pkg::LinkToHostResponse;
  assign index_o        = units_d;
  assign record_start_o = state_q == StRecord && state_d == StShort;
  assign record_ready_o = go && state_q == StShort;
endmodule
