// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// One 8259A interrupt controller in its x86 mode, around the cells of the simple controller: command words ICW1 to ICW4
/// and OCW1 to OCW3, eight inputs with rotating priority, all forms of the end of interrupt, poll, special mask and
/// special fully nested mode. Intel 8259A data sheet (order number 231468-003).
/// Nothing is presented from reset to the end of the first initialization, and during each one. Buffered mode has no
/// meaning on a chip without pins, and the MCS-80 mode is not there.
module interrupt_pic #(
  /// An edge on an input counts only while its line is on, as in silicon; else it is kept after the line has gone off.
  parameter bit Gated = 1'b1,
  /// The pin SP: the chip is a slave, and ICW3 has its number; else ICW3 has the inputs with slaves.
  parameter bit Slave = 1'b0
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  /// Input lines; inputs that are level-sensitive by ELCR; requests by messages, which need no line.
  input  logic [7:0] lines_i,
  input  logic [7:0] level_i,
  input  logic [7:0] set_i,
  /// A byte is written to the port with A0 off or on.
  input  logic       write_i,
  input  logic       a0_i,
  input  logic [7:0] wdata_i,
  /// A fetch or a read begins: what it returns is what is requested now. A read of a port has ended; the bytes of both.
  input  logic       load_i,
  input  logic       read_i,
  output logic [7:0] command_o,
  output logic [7:0] data_o,
  /// An interrupt acknowledge of what was requested at `load_i` has ended.
  input  logic       acknowledge_i,
  /// The answer to an acknowledge now: whether an input is requested, and its number; 7 without one.
  output logic       request_o,
  output logic [2:0] request_input_o,
  /// INT, a register.
  output logic       interrupt_o,
  /// ICW2: the upper five bits of the vectors. ICW3: the inputs with slaves, of which a slave and a single chip have none;
  /// the number of a slave, 7 before ICW3.
  output logic [4:0] base_o,
  output logic [7:0] cascade_o,
  output logic [2:0] identity_o,
  /// State.
  output logic [7:0] mask_o,
  output logic [7:0] raw_o,
  output logic [7:0] pending_o,
  output logic [7:0] in_service_o,
  output logic [7:0] lost_o,
  /// The service of an input ends by a command, and its number. It tells nothing of an input with a slave.
  output logic       eoi_event_o,
  output logic [2:0] eoi_input_o
);
  typedef enum logic [1:0] {
    // Command words OCW1 to OCW3, and ICW1.
    StOperate,
    // The byte with A0 on is ICW2, ICW3 or ICW4.
    StVector,
    StCascade,
    StMode
  } state_e;
  state_e     state_q, state_d;
  logic       ready_q, ready_d;

  // ICW1: bit 0 ICW4 follows, bit 1 single, bit 3 all inputs level-sensitive.
  logic       icw1, icw2, icw3, icw4, ocw1, ocw2, ocw3;
  logic       with_mode_q, single_q, all_level_q;
  assign icw1 = write_i && !a0_i && wdata_i[4];
  assign ocw2 = write_i && !a0_i && wdata_i[4:3] == 2'b00;
  assign ocw3 = write_i && !a0_i && wdata_i[4:3] == 2'b01;
  assign ocw1 = write_i && a0_i && state_q == StOperate;
  assign icw2 = write_i && a0_i && state_q == StVector;
  assign icw3 = write_i && a0_i && state_q == StCascade;
  assign icw4 = write_i && a0_i && state_q == StMode;

  always_comb begin : p_state
    state_d = state_q;
    ready_d = ready_q;
    unique case (state_q)
      StOperate: ;
      StVector:  if (icw2) state_d = !single_q ? StCascade : with_mode_q ? StMode : StOperate;
      StCascade: if (icw3) state_d = with_mode_q ? StMode : StOperate;
      StMode:    if (icw4) state_d = StOperate;
      default:   state_d = StOperate;
    endcase
    if (icw1) state_d = StVector;
    if (state_d != StOperate) ready_d = 1'b0;
    else if (state_q != StOperate) ready_d = 1'b1;
  end
  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) begin
      state_q <= StOperate;
      ready_q <= 1'b0;
    end else begin
      state_q <= state_d;
      ready_q <= ready_d;
    end
  end

  // ICW1 clears what ICW3 and ICW4 say, and the number of a slave becomes 7. Bit 1 of ICW4 is auto EOI, bit 4 special
  // fully nested mode.
  logic       auto_eoi_q, nested_q;
  logic [2:0] identity_q;
  logic [4:0] base_q;
  logic [7:0] cascade_q;
  always_ff @(posedge clk_i) begin : p_initialization
    if (!rst_ni) begin
      with_mode_q <= 1'b0;
      single_q    <= 1'b0;
      all_level_q <= 1'b0;
      base_q      <= '0;
      cascade_q   <= '0;
    end else begin
      if (icw1) {all_level_q, single_q, with_mode_q} <= {wdata_i[3], wdata_i[1:0]};
      if (icw2) base_q <= wdata_i[7:3];
      if (icw1) cascade_q <= '0;
      else if (icw3 && !Slave) cascade_q <= wdata_i;
    end
    if (!rst_ni || icw1) identity_q <= 3'd7;
    else if (icw3) identity_q <= wdata_i[2:0];
    if (!rst_ni || icw1) {nested_q, auto_eoi_q} <= 2'b00;
    else if (icw4) {nested_q, auto_eoi_q} <= {wdata_i[4], wdata_i[1]};
  end

  // OCW1 is the mask. OCW3: bits 6:5 special mask mode, bit 2 poll, bits 1:0 the register that a read of the command port
  // shows. The read that follows a poll command ends it.
  logic [7:0] mask_q;
  logic       special_q, shows_service_q, poll_q;
  always_ff @(posedge clk_i) begin : p_operation
    if (!rst_ni || icw1) begin
      mask_q          <= '0;
      special_q       <= 1'b0;
      shows_service_q <= 1'b0;
      poll_q          <= 1'b0;
    end else begin
      if (ocw1) mask_q <= wdata_i;
      if (ocw3 && wdata_i[6]) special_q <= wdata_i[5];
      if (ocw3 && wdata_i[1]) shows_service_q <= wdata_i[0];
      if (ocw3 && wdata_i[2]) poll_q <= 1'b1;
      else if (read_i) poll_q <= 1'b0;
    end
  end

  // A fetch or a poll takes the input that was requested when it began.
  logic       taken_valid_q, taken;
  logic [2:0] taken_input_q;
  logic [7:0] acknowledged;
  assign taken = (acknowledge_i || (read_i && poll_q)) && taken_valid_q;
  always_ff @(posedge clk_i) begin : p_taken
    if (!rst_ni) taken_valid_q <= 1'b0;
    else if (load_i) taken_valid_q <= request_o;
    if (load_i) taken_input_q <= request_input_o;
  end

  // The cells. A gated edge goes with its line; a request by a message has no line.
  logic [7:0] requests, messages_q, withdrawn, served, ended;
  assign acknowledged = taken ? 8'd1 << taken_input_q : '0;
  assign withdrawn    = icw1 ? '1 : Gated ? ~raw_o & ~messages_q : '0;
  assign served       = auto_eoi_q ? '0 : acknowledged;
  always_ff @(posedge clk_i) begin : p_messages
    if (!rst_ni) messages_q <= '0;
    else messages_q <= (messages_q & requests & ~acknowledged & ~{8{icw1}}) | set_i;
  end
  interrupt_cells #(.Inputs(8)) u_cells (
    .clk_i, .rst_ni, .lines_i, .latched_i(~(level_i | {8{all_level_q}})), .set_i, .acknowledged_i(acknowledged),
    .withdrawn_i(withdrawn), .served_i(served), .ended_i(ended), .raw_o, .requests_o(requests), .pending_o,
    .in_service_o, .lost_o
  );

  // In special mask mode a masked input in service blocks nothing, and no unspecific end finds it. In special fully
  // nested mode a slave in service does not block itself.
  logic [7:0] serving, wanted, selves;
  logic [2:0] lowest_q;
  assign serving = in_service_o & ~(special_q ? mask_q : '0);
  assign wanted  = ready_q ? pending_o & ~mask_q : '0;
  assign selves  = nested_q ? cascade_q : '0;
  always_comb begin : p_request
    logic       blocked;
    logic [2:0] number;
    blocked         = 1'b0;
    request_o       = 1'b0;
    request_input_o = 3'd7;
    for (int unsigned i = 1; i <= 8; i++) begin
      number  = lowest_q + 3'(i);
      blocked = blocked || (serving[number] && !selves[number]);
      if (wanted[number] && !blocked) begin
        request_o       = 1'b1;
        request_input_o = number;
      end
      blocked = blocked || serving[number] || request_o;
    end
  end

  // Ends and priorities. OCW2: bit 7 rotates, bit 6 names an input in bits 2:0, bit 5 is an end of interrupt.
  logic       rotates_q, ends, served_valid;
  logic [2:0] served_input;
  always_comb begin : p_served
    logic [2:0] number;
    served_valid = 1'b0;
    served_input = '0;
    for (int unsigned i = 1; i <= 8; i++) begin
      number = lowest_q + 3'(i);
      if (serving[number] && !served_valid) begin
        served_valid = 1'b1;
        served_input = number;
      end
    end
  end
  assign eoi_input_o = wdata_i[6] ? wdata_i[2:0] : served_input;
  assign ends        = ocw2 && wdata_i[5] && (wdata_i[6] || served_valid);
  assign ended       = icw1 ? '1 : ends ? 8'd1 << eoi_input_o : '0;
  assign eoi_event_o = ends && !cascade_q[eoi_input_o];
  always_ff @(posedge clk_i) begin : p_priority
    if (!rst_ni || icw1) begin
      lowest_q  <= 3'd7;
      rotates_q <= 1'b0;
    end else begin
      if (ocw2 && wdata_i[7] && (ends || wdata_i[6:5] == 2'b10)) lowest_q <= eoi_input_o;
      else if (taken && auto_eoi_q && rotates_q) lowest_q <= taken_input_q;
      if (ocw2 && wdata_i[6:5] == 2'b00) rotates_q <= wdata_i[7];
    end
  end

  // INT is off for a clock after an acknowledge, so that an edge-triggered input behind it sees the next request.
  always_ff @(posedge clk_i) begin : p_present
    if (!rst_ni) interrupt_o <= 1'b0;
    else interrupt_o <= request_o && !taken;
  end

  // A poll shows whether an input is requested in bit 7, and its number; the number is 0 without one.
  logic [7:0] polled;
  assign polled     = request_o ? {5'b10000, request_input_o} : '0;
  assign command_o  = poll_q ? polled : shows_service_q ? in_service_o : pending_o;
  assign data_o     = poll_q ? polled : mask_q;
  assign base_o     = base_q;
  assign cascade_o  = cascade_q;
  assign identity_o = identity_q;
  assign mask_o     = mask_q;
endmodule
