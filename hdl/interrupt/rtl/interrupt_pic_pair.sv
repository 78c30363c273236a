// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The second personality of the interrupt controller, without a bus: two 8259A chips and their ELCR. The slave has the
/// inputs 8 to 15, and its INT is input 2 of the master.
module interrupt_pic_pair #(
  /// An edge counts only while its line is on, see `interrupt_pic`.
  parameter bit Gated = 1'b1
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  /// Input lines, and requests by messages and by software; input 2 has none.
  input  logic [15:0] lines_i,
  input  logic [15:0] set_i,
  /// A dword of ports is written or was read, in the byte lanes that are on: the master's two ports, the slave's two, or
  /// the two of ELCR. At most one lane is on for a chip.
  input  logic        write_i,
  input  logic        read_i,
  input  logic        to_master_i,
  input  logic        to_slave_i,
  input  logic        to_levels_i,
  input  logic [1:0]  lanes_i,
  input  logic [15:0] wdata_i,
  /// A fetch or a read begins, and what a read returns.
  input  logic        load_i,
  output logic [15:0] master_rdata_o,
  output logic [15:0] slave_rdata_o,
  output logic [15:0] levels_o,
  /// The interrupt acknowledge that began with `load_i` has ended.
  input  logic        acknowledge_i,
  /// The answer to a fetch now: the vector, and whether it belongs to a request.
  output logic        fetch_valid_o,
  output logic [7:0]  fetch_vector_o,
  /// The master's INT, and the input whose vector a fetch would have returned on the clock before.
  output logic        interrupt_o,
  output logic [3:0]  interrupt_input_o,
  /// State.
  output logic [15:0] mask_o,
  output logic [15:0] raw_o,
  output logic [15:0] pending_o,
  output logic [15:0] in_service_o,
  output logic [15:0] lost_o,
  /// The service of an input ends by a command, but for the one that the slave has at the master.
  output logic        eoi_event_o,
  output logic [3:0]  eoi_input_o
);
  // Inputs 0, 1, 2, 8 and 13 are latched for ever.
  localparam logic [15:0] LevelInputs = 16'hDEF8;

  logic [15:0] levels_q;
  always_ff @(posedge clk_i) begin : p_levels
    if (!rst_ni) levels_q <= '0;
    else if (write_i && to_levels_i) begin
      if (lanes_i[0]) levels_q[7:0] <= wdata_i[7:0] & LevelInputs[7:0];
      if (lanes_i[1]) levels_q[15:8] <= wdata_i[15:8] & LevelInputs[15:8];
    end
  end
  assign levels_o = levels_q;

  // The cascade. The slave answers an acknowledge of the input of the master that has its number; without an answer
  // nobody drives the data bus.
  logic       master_request, slave_request, slave_interrupt, cascaded, answered, cascaded_q, answered_q, master_eoi,
              slave_eoi;
  logic [2:0] master_number, slave_number, slave_identity, master_eoi_number, slave_eoi_number;
  logic [4:0] master_base, slave_base;
  logic [7:0] master_cascade, wdata;
  logic [7:0] master_command, master_data, slave_command, slave_data;
  assign cascaded = master_request && master_cascade[master_number];
  assign answered = cascaded && slave_identity == master_number;
  always_ff @(posedge clk_i) begin : p_answered
    if (load_i) answered_q <= answered;
    cascaded_q <= cascaded;
  end

  assign wdata = lanes_i[1] ? wdata_i[15:8] : wdata_i[7:0];
  interrupt_pic #(.Gated(Gated)) u_master (
    .clk_i, .rst_ni, .lines_i({lines_i[7:3], slave_interrupt, lines_i[1:0]}), .level_i(levels_q[7:0]),
    .set_i({set_i[7:3], 1'b0, set_i[1:0]}),
    .write_i(write_i && to_master_i && lanes_i != '0), .a0_i(lanes_i[1]), .wdata_i(wdata),
    .load_i, .read_i(read_i && to_master_i && lanes_i != '0), .command_o(master_command), .data_o(master_data),
    .acknowledge_i, .request_o(master_request), .request_input_o(master_number), .interrupt_o, .base_o(master_base),
    .cascade_o(master_cascade), .identity_o(), .mask_o(mask_o[7:0]), .raw_o(raw_o[7:0]), .pending_o(pending_o[7:0]),
    .in_service_o(in_service_o[7:0]), .lost_o(lost_o[7:0]), .eoi_event_o(master_eoi), .eoi_input_o(master_eoi_number)
  );
  interrupt_pic #(.Gated(Gated), .Slave(1'b1)) u_slave (
    .clk_i, .rst_ni, .lines_i(lines_i[15:8]), .level_i(levels_q[15:8]), .set_i(set_i[15:8]),
    .write_i(write_i && to_slave_i && lanes_i != '0), .a0_i(lanes_i[1]), .wdata_i(wdata),
    .load_i, .read_i(read_i && to_slave_i && lanes_i != '0), .command_o(slave_command), .data_o(slave_data),
    .acknowledge_i(acknowledge_i && answered_q), .request_o(slave_request), .request_input_o(slave_number),
    .interrupt_o(slave_interrupt), .base_o(slave_base), .cascade_o(), .identity_o(slave_identity),
    .mask_o(mask_o[15:8]), .raw_o(raw_o[15:8]), .pending_o(pending_o[15:8]), .in_service_o(in_service_o[15:8]),
    .lost_o(lost_o[15:8]), .eoi_event_o(slave_eoi), .eoi_input_o(slave_eoi_number)
  );
  assign master_rdata_o = {master_data, master_command};
  assign slave_rdata_o  = {slave_data, slave_command};

  always_comb begin : p_fetch
    fetch_valid_o  = master_request && !cascaded;
    fetch_vector_o = {master_base, master_number};
    if (answered) begin
      fetch_valid_o  = slave_request;
      fetch_vector_o = {slave_base, slave_number};
    end else if (cascaded) begin
      fetch_vector_o = host_pkg::VectorSpurious;
    end
  end

  logic [2:0] master_number_q, slave_number_q;
  always_ff @(posedge clk_i) begin : p_present
    master_number_q <= master_number;
    slave_number_q  <= slave_number;
  end
  assign interrupt_input_o = cascaded_q ? {1'b1, slave_number_q} : {1'b0, master_number_q};

  assign eoi_event_o = master_eoi || slave_eoi;
  assign eoi_input_o = slave_eoi ? {1'b1, slave_eoi_number} : {1'b0, master_eoi_number};

  logic unused_set;
  assign unused_set = set_i[2] ^ lines_i[2];
endmodule
