// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Carries out one command at a time: takes and checks its arguments, lets the access time pass, starts the mover or the
/// DMA engine, and reports the end as exactly one of the causes done, error, aborted and raised.
module store_command #(
  /// Log2 of the buffer's bytes and of the FIFO's dwords.
  parameter int unsigned BufferLog2 = 16,
  parameter int unsigned FifoLog2 = 6,
  /// Bits of the access time.
  parameter int unsigned DelayBits = 32
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  /// COMMAND is written, with this operation; the registers that hold the arguments of the command.
  input  logic                  command_we_i,
  input  logic [2:0]            operation_i,
  input  logic [31:0]           buffer_address_i,
  input  logic [31:0]           length_i,
  input  logic [DelayBits-1:0]  delay_i,
  input  logic [15:0]           threshold_i,
  /// The arguments are taken on this clock; the length as it was then.
  output logic                  accept_o,
  output logic [BufferLog2:0]   length_o,
  /// CONTROL: abort and soft reset; the registers are reset on this clock.
  input  logic                  abort_i,
  input  logic                  soft_reset_i,
  output logic                  registers_reset_o,
  /// State, as the registers show it.
  output logic                  busy_o,
  output store_reg_pkg::state_e state_o,
  output store_reg_pkg::operation_e operation_o,
  output logic [31:0]           transferred_o,
  output logic [31:0]           data_clocks_o,
  output logic [31:0]           busy_clocks_o,
  /// Causes to set; the FIFO wants service.
  output logic                  done_o,
  output logic                  error_o,
  output logic                  aborted_o,
  output logic                  raised_o,
  output logic                  fifo_service_o,
  /// Errors found here; an error of the engine or of the bus was reported on this clock.
  output logic                  range_o,
  output logic                  refused_o,
  input  logic                  failed_i,
  /// FIFO.
  output logic                  fifo_clear_o,
  output logic                  draining_o,
  output logic                  filling_o,
  input  logic [FifoLog2:0]     fifo_level_i,
  input  logic                  host_pushed_i,
  input  logic                  host_popped_i,
  /// Mover and engine.
  output logic                  fifo_start_o,
  output logic                  dma_start_o,
  output logic                  inward_o,
  output logic                  mover_stop_o,
  output logic                  dma_abort_o,
  input  logic                  mover_done_i,
  input  logic [2:0]            stored_i,
  input  logic [2:0]            delivered_i,
  input  logic                  data_clock_i,
  input  logic                  dma_descriptor_i,
  input  logic                  dma_done_i
);
  typedef enum logic [2:0] {
    // Ready.
    StIdle,
    // The access time; on its last clock the work starts, unless the arguments are wrong.
    StDelay,
    // Programmed I/O.
    StFifo,
    // Bus mastering.
    StDma,
    // After work waits for the parity of the last datum, and for data that is still inside the function.
    StFinish
  } state_e;

  // Bits for a count of dwords, in the buffer or in the FIFO.
  localparam int unsigned       CountWidth   = BufferLog2 > FifoLog2 + 2 ? BufferLog2 : FifoLog2 + 2;
  localparam logic [1:0]        FinishClocks = 2'd3;
  localparam logic [FifoLog2:0] Depth        = {1'b1, {FifoLog2{1'b0}}};

  state_e      state_q, state_d;
  store_reg_pkg::operation_e operation_q;
  logic        accept, moves, some_q, out_of_range, out_of_range_q, abort_q, reset_q, failed_q, raise, fifo_over;
  logic        start, starting_q, working, ending;
  // Counts of bytes go up to the size of the buffer, and so do those of data phases, each of which moves a byte or more.
  logic [BufferLog2:0]   length_q, transferred_q, data_clocks_q;
  logic [BufferLog2-2:0] host_left_q;
  logic        delaying;
  logic [1:0]  finish_q;
  logic [BufferLog2+1:0] last_byte;

  always_comb begin : p_accept
    accept = 1'b0;
    if (command_we_i) accept = state_q == StIdle && operation_i >= 3'd1 && operation_i <= 3'd5;
  end
  assign refused_o    = command_we_i && state_q != StIdle;
  assign raise        = operation_q == store_reg_pkg::OperationRaise;
  assign moves        = !raise && some_q;
  always_comb begin : p_range
    last_byte    = '0;
    out_of_range = 1'b0;
    if (accept) begin
      last_byte    = {1'b0, buffer_address_i[BufferLog2:0]} + {1'b0, length_i[BufferLog2:0]};
      out_of_range = (buffer_address_i[31:BufferLog2+1] | length_i[31:BufferLog2+1]) != '0 ||
                     last_byte[BufferLog2+1] || (last_byte[BufferLog2] && last_byte[BufferLog2-1:0] != '0);
    end
  end
  assign fifo_over    = filling_o ? host_left_q == '0 && mover_done_i : mover_done_i;

  always_comb begin : p_state
    state_d = state_q;
    unique case (state_q)
      StIdle: if (accept) state_d = StDelay;
      StDelay: begin
        if (abort_q || (start && (!moves || out_of_range_q))) state_d = StFinish;
        else if (start) state_d = draining_o || filling_o ? StFifo : StDma;
      end
      StFifo: if (abort_q || (fifo_over && !starting_q)) state_d = StFinish;
      StDma: if (dma_done_i) state_d = StFinish;
      StFinish: if (finish_q == '0) state_d = StIdle;
      default: state_d = StIdle;
    endcase
  end

  // The end of the mover counts from the clock after the start of the mover.
  assign start   = state_q == StDelay && !delaying;
  assign working = state_q == StFifo || state_q == StDma;
  assign ending  = state_q == StFinish && finish_q == '0;
  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) begin
      state_q    <= StIdle;
      starting_q <= 1'b0;
      abort_q    <= 1'b0;
      reset_q    <= 1'b0;
      failed_q   <= 1'b0;
    end else begin
      state_q    <= state_d;
      starting_q <= start;
      abort_q    <= state_q != StIdle && !ending && (abort_q || abort_i || soft_reset_i);
      reset_q    <= soft_reset_i || (reset_q && state_q != StIdle);
      failed_q   <= !accept && (failed_q || failed_i || range_o);
    end
  end
  assign registers_reset_o = reset_q && state_q == StIdle;

  always_ff @(posedge clk_i) begin : p_timers
    if (accept) begin
      operation_q      <= store_reg_pkg::operation_e'(operation_i);
      length_q         <= length_i[BufferLog2:0];
      some_q           <= length_i != '0;
      out_of_range_q   <= out_of_range;
    end
    if (state_q != StIdle) finish_q <= working ? FinishClocks : state_q == StFinish ? finish_q - 2'd1 : '0;
  end

  // Counters. A dword taken by the host counts for the bytes of it that belong to the command.
  logic [2:0]          popped_bytes, moved;
  logic [BufferLog2:0] bytes_left;
  logic                clear;
  assign clear = registers_reset_o || accept;
  prim_timer #(.Width(DelayBits)) u_delay (.clk_i, .rst_ni, .load_i(accept), .clocks_i(delay_i), .running_o(delaying));
  prim_clocks u_busy (
    .clk_i, .rst_ni, .clear_i(clear), .enable_i(state_q != StIdle), .clocks_o(busy_clocks_o)
  );
  always_comb begin : p_popped
    bytes_left   = '0;
    popped_bytes = '0;
    if (host_popped_i && filling_o) begin
      bytes_left   = length_q - transferred_q;
      popped_bytes = bytes_left[BufferLog2:2] == '0 ? {1'b0, bytes_left[1:0]} : 3'd4;
    end
  end
  // A command moves data in one of three ways.
  assign moved = stored_i | delivered_i | popped_bytes;
  always_ff @(posedge clk_i) begin : p_counters
    if (!rst_ni) begin
      transferred_q <= '0;
      data_clocks_q <= '0;
    end else if (clear || state_q != StIdle) begin
      transferred_q <= clear ? '0 : transferred_q + (BufferLog2+1)'(moved);
      data_clocks_q <= clear ? '0 : data_clocks_q + (BufferLog2+1)'(data_clock_i);
    end
  end

  // Programmed I/O: the dwords that the host still has to give or take, and the request to the host to do so.
  logic [BufferLog2-2:0] total;
  logic [FifoLog2:0]     at_hand, wanted;
  logic [CountWidth-1:0] held;
  assign held  = CountWidth'(fifo_level_i) + CountWidth'(host_pushed_i);
  assign total = (BufferLog2-1)'(((BufferLog2+2)'(length_q) + (BufferLog2+2)'(3)) >> 2);
  always_comb begin : p_wanted
    at_hand        = '0;
    wanted         = '0;
    fifo_service_o = 1'b0;
    if (state_q == StFifo && host_left_q != '0) begin
      at_hand = filling_o ? fifo_level_i : Depth - fifo_level_i;
      wanted  = threshold_i > 16'(Depth) ? Depth : threshold_i[FifoLog2:0];
      if (CountWidth'(host_left_q) < CountWidth'(wanted)) wanted = (FifoLog2+1)'(host_left_q);
      fifo_service_o = at_hand >= wanted;
    end
  end
  always_ff @(posedge clk_i) begin : p_host_left
    if (start) begin
      // Data pushed before the command count.
      host_left_q <= filling_o ? total :
                     CountWidth'(total) > held ? (BufferLog2-1)'(CountWidth'(total) - held) : '0;
    end else if (host_left_q != '0 && ((draining_o && host_pushed_i) || (filling_o && host_popped_i))) begin
      host_left_q <= host_left_q - (BufferLog2-1)'(1);
    end
  end

  assign draining_o   = state_q != StIdle && operation_q == store_reg_pkg::OperationFifoWrite;
  assign filling_o    = state_q != StIdle && operation_q == store_reg_pkg::OperationFifoRead;
  assign inward_o     = operation_q == store_reg_pkg::OperationFifoWrite ||
                        operation_q == store_reg_pkg::OperationDmaWrite;
  assign fifo_start_o = start && state_d == StFifo;
  assign dma_start_o  = start && state_d == StDma;
  assign mover_stop_o = ending || (state_q == StFinish && operation_q != store_reg_pkg::OperationDmaWrite);
  assign dma_abort_o  = abort_q && state_q == StDma;
  assign fifo_clear_o = ending || registers_reset_o ||
                        (accept && operation_i != store_reg_pkg::OperationFifoWrite);

  assign range_o   = start && moves && out_of_range_q && !abort_q;
  // An abort after the last byte has moved comes too late, and has no effect.
  logic stopped;
  always_comb begin : p_causes
    stopped   = 1'b0;
    aborted_o = 1'b0;
    error_o   = 1'b0;
    raised_o  = 1'b0;
    done_o    = 1'b0;
    if (ending) begin
      stopped = abort_q && !(moves && transferred_q == length_q);
      if (stopped) aborted_o = 1'b1;
      else if (failed_q) error_o = 1'b1;
      else if (raise) raised_o = 1'b1;
      else done_o = 1'b1;
    end
  end

  always_comb begin : p_visible_state
    unique case (state_q)
      StIdle: state_o = store_reg_pkg::StateIdle;
      StDelay: state_o = store_reg_pkg::StateDelaying;
      StFifo: state_o = store_reg_pkg::StateFifo;
      StDma: state_o = dma_descriptor_i ? store_reg_pkg::StateDescriptor : store_reg_pkg::StateData;
      default: state_o = store_reg_pkg::StateFinishing;
    endcase
    if (abort_q) state_o = store_reg_pkg::StateAborting;
  end
  assign accept_o      = accept;
  assign length_o      = length_q;
  assign busy_o        = state_q != StIdle;
  assign operation_o   = operation_q;
  assign transferred_o = 32'(transferred_q);
  assign data_clocks_o = 32'(data_clocks_q);
endmodule
