// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Moves one segment: a run of bytes between the buffer and the FIFO or the bus, through the byte funnel.
module store_mover #(
  /// Log2 of the buffer's bytes.
  parameter int unsigned BufferLog2 = 16,
  /// Dwords between FIFO and buffer can be slowed down.
  parameter bit          Pace = 1'b1,
  /// Few registers: a datum stays in the buffer's RAM until it is taken, and the queue to the bus has three entries.
  parameter bit          Small = 1'b0
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  /// Begins a segment, to the buffer (`inward_i`) or from it; the other side is the bus (`dma_i`) or the FIFO.
  input  logic                  start_i,
  input  logic                  inward_i,
  input  logic                  dma_i,
  input  logic [BufferLog2-1:0] buffer_address_i,
  input  logic [1:0]            other_offset_i,
  input  logic [BufferLog2:0]   length_i,
  /// Stops the mover, which then takes and gives no more data.
  input  logic                  stop_i,
  /// Clocks added to each dword between FIFO and buffer.
  input  logic [15:0]           pace_i,
  /// The mover holds no data any more.
  output logic                  done_o,
  /// Bytes written into the buffer on this clock.
  output logic [2:0]            stored_o,
  /// Buffer.
  output logic                  write_o,
  output logic [BufferLog2-1:2] write_address_o,
  output logic [3:0]            write_be_o,
  output logic [31:0]           wdata_o,
  input  logic                  write_ready_i,
  output logic                  read_o,
  output logic [BufferLog2-1:2] read_address_o,
  input  logic                  read_ready_i,
  input  logic                  rvalid_i,
  input  logic [31:0]           rdata_i,
  /// FIFO.
  input  logic                  drain_valid_i,
  input  logic [31:0]           drain_data_i,
  output logic                  drain_pop_o,
  output logic                  fill_push_o,
  output logic [31:0]           fill_data_o,
  input  logic                  fill_ready_i,
  /// Bus: data that was read, which is never refused; queue of data to write.
  input  logic                  bus_valid_i,
  input  logic [31:0]           bus_data_i,
  /// The datum that came from the bus on the clock before had bad parity: it is not taken, and none after it.
  input  logic                  bus_bad_i,
  output logic [31:0]           wdata0_o,
  output logic [31:0]           wdata1_o,
  output logic [2:0]            wlevel_o,
  input  logic                  wpop_i
);
  logic        inward_q, dma_q, running_q, paced;
  logic        in_valid, in_ready, out_valid, out_ready, align_done;
  logic [31:0] in_data, out_data, head;
  logic [3:0]  out_be;
  logic        has_head;

  always_ff @(posedge clk_i) begin : p_segment
    if (!rst_ni || stop_i || bus_bad_i) running_q <= 1'b0;
    else if (start_i) running_q <= 1'b1;
    if (start_i) inward_q <= inward_i;
    if (start_i) dma_q <= dma_i;
  end

  // The speed of programmed I/O.
  if (Pace) begin : gen_pace
    logic [15:0] pace_q;
    assign paced = dma_q || pace_q == '0;
    always_ff @(posedge clk_i) begin
      if (start_i || (in_valid && in_ready)) pace_q <= start_i ? '0 : pace_i;
      else if (pace_q != '0) pace_q <= pace_q - 16'd1;
    end
  end else begin : gen_no_pace
    assign paced = 1'b1;
    logic unused_pace;
    assign unused_pace = ^pace_i;
  end

  logic [BufferLog2-1:2] read_address_q, write_address_q;
  logic                  data_coming_q;
  logic                  ahead_pop;
  assign ahead_pop = !inward_q && in_valid && in_ready;
  if (Small) begin : gen_held
    // The RAM's output holds the next datum until somebody else reads; then it is read again.
    logic held_q, again;
    logic unused_rvalid;
    assign unused_rvalid  = rvalid_i;
    assign again          = !held_q || ahead_pop;
    assign read_o         = running_q && !inward_q && !align_done && again;
    assign read_address_o = read_address_q + (BufferLog2-2)'(ahead_pop);
    assign head           = rdata_i;
    assign has_head       = held_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || start_i) held_q <= 1'b0;
      else held_q <= read_ready_i && (read_o || (held_q && !ahead_pop));
      if (start_i || ahead_pop) read_address_q <= start_i ? buffer_address_i[BufferLog2-1:2] : read_address_o;
    end
  end else begin : gen_ahead
    // Reads of the buffer are ahead by the number of dwords that the queue holds.
    logic        reading_q;
    logic [2:0]  level, ahead;
    logic [31:0] unused_second;
    assign ahead          = level + 3'(reading_q);
    assign read_o         = running_q && !inward_q && !align_done && (ahead < 3'd2 || (ahead == 3'd2 && ahead_pop));
    assign read_address_o = read_address_q;
    assign has_head       = level != '0;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || start_i) reading_q <= 1'b0;
      else reading_q <= read_o && read_ready_i;
      if (start_i || (read_o && read_ready_i)) begin
        read_address_q <= start_i ? buffer_address_i[BufferLog2-1:2] : read_address_q + 1'b1;
      end
    end
    prim_queue #(.Width(32), .Depth(2)) u_ahead (
      .clk_i, .rst_ni, .clear_i(start_i), .push_i(rvalid_i && reading_q), .data_i(rdata_i),
      .pop_i(ahead_pop), .data0_o(head), .data1_o(unused_second), .level_o(level)
    );
  end

  // Data from the bus, one clock after it moved.
  logic [31:0] bus_data_q;
  always_ff @(posedge clk_i) begin : p_bus
    if (!rst_ni || start_i) data_coming_q <= 1'b0;
    else data_coming_q <= bus_valid_i;
    if (Small || bus_valid_i) bus_data_q <= bus_data_i;
  end

  always_comb begin : p_in
    in_valid = 1'b0;
    in_data  = '0;
    if (running_q) begin
      in_valid = paced && (!inward_q ? has_head : dma_q ? data_coming_q && !bus_bad_i : drain_valid_i);
      in_data  = !inward_q ? head : dma_q ? bus_data_q : drain_data_i;
    end
  end
  store_align #(.CountWidth(BufferLog2 + 1)) u_align (
    .clk_i, .rst_ni, .start_i, .source_offset_i(inward_i ? other_offset_i : buffer_address_i[1:0]),
    .sink_offset_i(inward_i ? buffer_address_i[1:0] : other_offset_i), .length_i,
    .valid_i(in_valid), .data_i(in_data), .ready_o(in_ready),
    .valid_o(out_valid), .data_o(out_data), .be_o(out_be), .ready_i(out_ready), .done_o(align_done)
  );
  assign drain_pop_o = inward_q && !dma_q && in_valid && in_ready;

  // Out of the funnel.
  localparam logic [2:0] OutDepth = Small ? 3'd3 : 3'd4;
  logic out_take;
  always_comb begin : p_out
    out_ready = 1'b0;
    if (running_q) begin
      out_ready = inward_q ? write_ready_i : dma_q ? wlevel_o < OutDepth || (Small && wpop_i) : fill_ready_i;
    end
  end
  assign out_take = out_valid && out_ready;
  assign write_o         = out_take && inward_q;
  assign write_address_o = write_address_q;
  assign write_be_o      = out_be;
  assign wdata_o         = out_data;
  always_comb begin : p_stored
    stored_o = '0;
    if (write_o) stored_o = 3'(out_be[0]) + 3'(out_be[1]) + 3'(out_be[2]) + 3'(out_be[3]);
  end
  always_ff @(posedge clk_i) begin : p_write
    if (start_i || write_o) write_address_q <= start_i ? buffer_address_i[BufferLog2-1:2] : write_address_q + 1'b1;
  end

  // Byte lanes outside the run read 0 through the FIFO.
  assign fill_push_o = out_take && !inward_q && !dma_q;
  always_comb begin : p_fill
    fill_data_o = '0;
    if (fill_push_o) fill_data_o = out_data & {{8{out_be[3]}}, {8{out_be[2]}}, {8{out_be[1]}}, {8{out_be[0]}}};
  end
  prim_queue #(.Width(32), .Depth(32'(OutDepth))) u_out (
    .clk_i, .rst_ni, .clear_i(start_i), .push_i(out_take && !inward_q && dma_q), .data_i(out_data),
    .pop_i(wpop_i), .data0_o(wdata0_o), .data1_o(wdata1_o), .level_o(wlevel_o)
  );

  assign done_o = align_done && (inward_q || !dma_q || wlevel_o == '0);

  always_ff @(posedge clk_i) begin : p_assert
    // The bus cannot be made to wait. While this function is the master, nobody else writes the buffer.
    if (rst_ni && running_q && inward_q && dma_q && data_coming_q) a_bus_data_taken: assert (in_ready);
  end
endmodule
