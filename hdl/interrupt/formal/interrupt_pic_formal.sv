// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `interrupt_pic`: one input, chosen freely among the eight, is compared with a description of what it must do;
/// priorities are compared with a second input, chosen as freely. Commands, lines, reads and acknowledges are arbitrary.
module interrupt_pic_formal #(
  parameter bit Gated = 1'b1,
  parameter bit Slave = 1'b0
) (
  input logic       clk_i,
  input logic       rst_ni,
  input logic [7:0] lines_i,
  input logic [7:0] level_i,
  input logic [7:0] set_i,
  input logic       write_i,
  input logic       a0_i,
  input logic [7:0] wdata_i,
  input logic       load_i,
  input logic       read_i,
  input logic       acknowledge_i
);
  logic [7:0] command, data, cascade, mask, raw, pending, in_service, lost;
  logic [4:0] base;
  logic       request, interrupt, eoi;
  logic [2:0] request_input, identity, eoi_input;
  interrupt_pic #(.Gated(Gated), .Slave(Slave)) u_dut (
    .clk_i, .rst_ni, .lines_i, .level_i, .set_i, .write_i, .a0_i, .wdata_i, .load_i, .read_i, .command_o(command),
    .data_o(data), .acknowledge_i, .request_o(request), .request_input_o(request_input), .interrupt_o(interrupt),
    .base_o(base), .cascade_o(cascade), .identity_o(identity), .mask_o(mask), .raw_o(raw), .pending_o(pending),
    .in_service_o(in_service), .lost_o(lost), .eoi_event_o(eoi), .eoi_input_o(eoi_input)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // Registers that nothing sets: inputs that the proof chooses freely and then keeps.
  logic [2:0] watched_q, other_q;
  always_ff @(posedge clk_i) begin : p_chosen
    watched_q <= watched_q;
    other_q   <= other_q;
  end

  // The command words, described by the order in which they come: the words that are still to come after ICW1.
  logic       is_icw1, is_ocw2, is_ocw3, special_q, auto_q, rotates_q, nested_q, ready_q, polls_q;
  logic [1:0] to_come_q;
  logic       single_q, mode_q;
  logic [2:0] lowest_q;
  logic [7:0] mask_q;
  assign is_icw1 = write_i && !a0_i && wdata_i[4];
  assign is_ocw2 = write_i && !a0_i && wdata_i[4:3] == 2'b00;
  assign is_ocw3 = write_i && !a0_i && wdata_i[4:3] == 2'b01;
  always_ff @(posedge clk_i) begin : p_words
    if (!rst_ni) begin
      to_come_q <= 2'd0;
      ready_q   <= 1'b0;
    end else if (is_icw1) begin
      to_come_q <= 2'd1 + 2'(!wdata_i[1]) + 2'(wdata_i[0]);
      ready_q   <= 1'b0;
    end else if (write_i && a0_i && to_come_q != 2'd0) begin
      to_come_q <= to_come_q - 2'd1;
      ready_q   <= to_come_q == 2'd1;
    end
    if (is_icw1) begin
      single_q <= wdata_i[1];
      mode_q   <= wdata_i[0];
    end
  end
  always_ff @(posedge clk_i) begin : p_modes
    if (!rst_ni || is_icw1) begin
      {mask_q, special_q, auto_q, nested_q, polls_q} <= '0;
    end else begin
      if (write_i && a0_i && to_come_q == 2'd0) mask_q <= wdata_i;
      if (write_i && a0_i && to_come_q == 2'd1 && mode_q) {nested_q, auto_q} <= {wdata_i[4], wdata_i[1]};
      if (is_ocw3 && wdata_i[6]) special_q <= wdata_i[5];
      if (read_i) polls_q <= 1'b0;
      if (is_ocw3 && wdata_i[2]) polls_q <= 1'b1;
    end
  end

  // The input that a fetch takes, and the ends.
  logic       frozen_q, acknowledged, ended, taken, found;
  logic [2:0] frozen_input_q, highest;
  logic [7:0] counting;
  assign taken        = frozen_q && (acknowledge_i || (read_i && polls_q));
  assign acknowledged = taken && frozen_input_q == watched_q;
  assign counting     = special_q ? in_service & ~mask_q : in_service;
  always_comb begin : p_highest
    found   = counting != '0;
    highest = '0;
    for (int unsigned i = 8; i >= 1; i--) begin
      if (counting[3'(lowest_q + 3'(i))]) highest = lowest_q + 3'(i);
    end
  end
  always_comb begin : p_ended
    ended = 1'b0;
    if (is_ocw2 && wdata_i[5]) ended = wdata_i[6] ? wdata_i[2:0] == watched_q : found && highest == watched_q;
  end
  always_ff @(posedge clk_i) begin : p_frozen
    if (!rst_ni) frozen_q <= 1'b0;
    else if (load_i) frozen_q <= request;
    if (load_i) frozen_input_q <= request_input;
  end
  always_ff @(posedge clk_i) begin : p_order
    if (!rst_ni || is_icw1) begin
      lowest_q  <= 3'd7;
      rotates_q <= 1'b0;
    end else begin
      if (taken && auto_q && rotates_q) lowest_q <= frozen_input_q;
      if (is_ocw2) begin
        unique case (wdata_i[7:5])
          3'b000, 3'b100: rotates_q <= wdata_i[7];
          3'b101: if (found) lowest_q <= highest;
          3'b110, 3'b111: lowest_q <= wdata_i[2:0];
          default: ;
        endcase
      end
    end
  end

  // The watched input, described by itself.
  logic line_q, line_before_q, request_q, message_q, service_q, latched, all_level_q, edge_now;
  assign latched  = !level_i[watched_q] && !all_level_q;
  assign edge_now = set_i[watched_q] || (latched && line_q && !line_before_q);
  always_ff @(posedge clk_i) begin : p_watched
    if (!rst_ni) begin
      {line_q, line_before_q, request_q, message_q, service_q, all_level_q} <= '0;
    end else begin
      line_q        <= lines_i[watched_q];
      line_before_q <= line_q;
      if (is_icw1) all_level_q <= wdata_i[3];
      if (edge_now) request_q <= 1'b1;
      else if (is_icw1 || acknowledged || (Gated && !line_q && !message_q)) request_q <= 1'b0;
      if (set_i[watched_q]) message_q <= 1'b1;
      else if (is_icw1 || acknowledged || !request_q) message_q <= 1'b0;
      if (acknowledged && !auto_q) service_q <= 1'b1;
      else if (is_icw1 || ended) service_q <= 1'b0;
    end
  end

  // Whether an input may be presented, and how far it is from the highest place.
  logic [2:0] distance, other_distance, request_distance;
  logic       above, eligible;
  assign distance         = watched_q - lowest_q - 3'd1;
  assign other_distance   = other_q - lowest_q - 3'd1;
  assign request_distance = request_input - lowest_q - 3'd1;
  always_comb begin : p_eligible
    above = 1'b0;
    for (int unsigned i = 0; i < 8; i++) begin
      if (counting[i] && 3'(i) != watched_q) above = above || 3'(3'(i) - lowest_q - 3'd1) < distance;
    end
    eligible = ready_q && pending[watched_q] && !mask_q[watched_q] && !above &&
               (!counting[watched_q] || (nested_q && cascade[watched_q]));
  end

  logic request_before_q, taken_before_q;
  always_ff @(posedge clk_i) begin : p_before
    request_before_q <= rst_ni && request;
    taken_before_q   <= rst_ni && taken;
  end

  // The state of the words: 0 none is to come, 1 to 3 the next is ICW2 to ICW4.
  logic [1:0] expected;
  always_comb begin : p_expected
    expected = 2'd1;
    if (to_come_q == 2'd0) expected = 2'd0;
    else if (to_come_q == 2'd1 && mode_q) expected = 2'd3;
    else if (to_come_q == 2'd1 + 2'(mode_q) && !single_q) expected = 2'd2;
  end

  // The vectors' upper bits, the inputs with slaves and the number of a slave, as ICW2 and ICW3 say.
  logic [4:0] vectors_q;
  logic [7:0] slaves_q;
  logic [2:0] number_q;
  always_ff @(posedge clk_i) begin : p_word_values
    if (!rst_ni) vectors_q <= '0;
    else if (write_i && a0_i && expected == 2'd1) vectors_q <= wdata_i[7:3];
    if (!rst_ni || is_icw1) begin
      slaves_q <= '0;
      number_q <= 3'd7;
    end else if (write_i && a0_i && expected == 2'd2) begin
      slaves_q <= Slave ? '0 : wdata_i;
      number_q <= wdata_i[2:0];
    end
  end

  always_ff @(posedge clk_i) begin : p_state_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    if (rst_ni) begin
      `PROVE(words, 2'(u_dut.state_q) == expected,
             "The words after the first come in their order, and those that it does not announce are left out.")
      `PROVE(word_facts, to_come_q == 2'd0 ||
             (u_dut.with_mode_q == mode_q && u_dut.single_q == single_q && to_come_q <= 2'd1 + 2'(!single_q) + 2'(mode_q)),
             "No more words come than the first one announces.")
      `PROVE(I19_modes, u_dut.ready_q == ready_q && mask == mask_q && u_dut.special_q == special_q &&
             u_dut.auto_eoi_q == auto_q && u_dut.nested_q == nested_q && u_dut.poll_q == polls_q &&
             u_dut.all_level_q == all_level_q,
             "Mask and modes are those of the last words, and the first word clears them.")
      `PROVE(I22_words, base == vectors_q && cascade == slaves_q && identity == number_q,
             "The vectors begin with what ICW2 says, and ICW3 says which inputs have slaves, or the number of a slave, which is 7 before.")
      `PROVE(mask_read, data == (polls_q ? command : mask), "The mask is read at the data port, but for a poll.")
      `PROVE(I14_order, u_dut.lowest_q == lowest_q && u_dut.rotates_q == rotates_q,
             "Only words that rotate, and acknowledges with auto EOI and rotation, change the order of the inputs.")
      `PROVE(frozen, u_dut.taken_valid_q == frozen_q && (!frozen_q || u_dut.taken_input_q == frozen_input_q),
             "An acknowledge takes what was requested when it began.")
      `PROVE(raw_state, raw[watched_q] == line_q && u_dut.u_cells.previous_q[watched_q] == line_before_q,
             "The raw state of an input is its line one clock before.")
      `PROVE(I13_request, u_dut.requests[watched_q] == request_q && u_dut.messages_q[watched_q] == message_q,
             "An edge or a message requests, masked or not, until it is acknowledged; a gated edge also goes with its line.")
      `PROVE(message_requests, !message_q || request_q, "A message is remembered as long as it requests.")
      `PROVE(I07_pending, pending[watched_q] == (request_q || (!latched && line_q)),
             "An input is pending while it is requested, or while its line is on if it is a level input.")
      `PROVE(I14_I15_service, in_service[watched_q] == service_q,
             "An input is in service from its acknowledge to an end that names it or finds it the highest; not with auto EOI.")
    end
  end

  always_ff @(posedge clk_i) begin : p_properties
    if (rst_ni) begin
      `PROVE(I04_lost, lost[watched_q] == (edge_now && request_q && !acknowledged && !is_icw1 &&
                                           !(Gated && !line_q && !message_q)),
             "An edge or a message for an input that is requested already is reported as lost, and no other one.")
      `PROVE(I11_offered, !(request && request_input == watched_q) || eligible,
             "An acknowledge takes only an input that is pending, unmasked, and held back by none in service.")
      `PROVE(I11_highest, !eligible || (request && request_distance <= distance),
             "While an input may be acknowledged, it or one before it in the order is.")
      `PROVE(I12_nothing, request || request_input == 3'd7, "Without a request the number is 7.")
      `PROVE(presented, interrupt == (request_before_q && !taken_before_q),
             "INT shows the request one clock before, and is off on the clock after an acknowledge.")
      `PROVE(I22_slave, !Slave || cascade == '0, "A slave has no slaves.")
      `PROVE(event_end, eoi == (is_ocw2 && wdata_i[5] && (wdata_i[6] || found) && !cascade[eoi_input]),
             "Each end is told, but for those of inputs with a slave.")
      `COVER(rotated, request && request_input == 3'd2 && pending[1] && !mask[1] && in_service == '0,
             "A higher number goes before a lower one after a rotation.")
      `COVER(nested_inputs, request && in_service != '0, "An input is requested while another is in service.")
      `COVER(self_nested, Slave || (request && in_service[request_input]),
             "A slave interrupts itself in special fully nested mode.")
      `COVER(special, request && in_service[other_q] && other_distance < request_distance,
             "An input goes before one in service in special mask mode.")
      `COVER(polled, polls_q && request && command == {5'b10000, request_input}, "A poll shows a request.")
      `COVER(nothing_taken, acknowledge_i && !frozen_q && ready_q, "An acknowledge finds nothing.")
      `COVER(held_line, line_q && line_before_q && latched && !pending[watched_q] && ready_q && in_service == '0,
             "A line stays on without a request.")
    end
  end

endmodule
