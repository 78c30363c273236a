// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The store function: a device buffer that the host fills and reads through memory (BAR1), through a FIFO (BAR0 window
/// or BAR2 port), or by having the function master the bus. This file only wires its parts.
module store #(
  /// Log2 of the buffer's bytes and of the FIFO's dwords.
  parameter int unsigned BufferLog2 = 16,
  parameter int unsigned FifoLog2 = 6,
  /// The function can send messages as interrupts.
  parameter bit          Messages = 1'b1,
  /// The registers that only measure or slow down are there: ERROR_ADDRESS, DATA_CLOCKS, BUSY_CLOCKS, FIFO_PACE,
  /// FIFO_OVERRUNS.
  parameter bit          Instruments = 1'b1,
  /// The form for small boards: each transaction of the host moves one datum, the ports must be below 0x1_0000, the queues
  /// inside are shorter, and the registers for data of the bus are ones that synthesis can share with other blocks.
  parameter bit          Small = 1'b0,
  /// The function can be bus master. Else a DMA command ends as if Bus Master Enable were off.
  parameter bit          Dma = 1'b1,
  /// Bits of DELAY; bits of FIFO_THRESHOLD and MAX_BURST.
  parameter int unsigned DelayBits = 32,
  parameter int unsigned CountBits = 16,
  /// Bits of BUFFER_ADDRESS and LENGTH, more than the buffer has.
  parameter int unsigned LengthBits = 32,
  /// Bits of the bus addresses that the function can reach as bus master; a descriptor with a higher one is invalid.
  parameter int unsigned AddressBits = 32
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  socket_pkg::place_t   place_i,
  input  bus_pkg::bus_in_t  bus_i,
  output bus_pkg::bus_out_t bus_o,
  output logic                 intx_o,
  output socket_pkg::events_t  events_o
);
  if (BufferLog2 < 12 || BufferLog2 > 22) begin : gen_check_buffer
    $error("store: BufferLog2 must be 12 to 22");
  end
  if (FifoLog2 < 3 || FifoLog2 > 12) begin : gen_check_fifo
    $error("store: FifoLog2 must be 3 to 12");
  end

  if (DelayBits < 8 || DelayBits > 32 || CountBits < 8 || CountBits > 16 || AddressBits < 16 || AddressBits > 32) begin : gen_check_bits
    $error("store: DelayBits must be 8 to 32, CountBits 8 to 16, AddressBits 16 to 32");
  end
  if (LengthBits < BufferLog2 + 1 || LengthBits > 32) begin : gen_check_length
    $error("store: LengthBits must be BufferLog2 + 1 to 32");
  end

  // The bits that registers do not have.
  localparam logic [31:0]   NoDma     = Dma ? 32'd0 : 32'hFFFF_FFFF;
  localparam logic [31:0]   NoAddress = ~(32'hFFFF_FFFF >> (32 - AddressBits)) | NoDma;
  localparam logic [31:0]   NoDelay   = ~(32'hFFFF_FFFF >> (32 - DelayBits));
  localparam logic [31:0]   NoCount   = ~(32'hFFFF_FFFF >> (32 - CountBits));
  localparam logic [31:0]   NoLength  = ~(32'hFFFF_FFFF >> (32 - LengthBits));
  localparam logic [31:0]   NoPace    = Instruments ? 32'd0 : 32'hFFFF_FFFF;
  localparam logic [4095:0] Absent =
      (4096'(NoAddress) << (32'(store_reg_pkg::DescriptorBaseOffset) * 8)) |
      (4096'(NoLength) << (32'(store_reg_pkg::BufferAddressOffset) * 8)) |
      (4096'(NoLength) << (32'(store_reg_pkg::LengthOffset) * 8)) |
      (4096'(NoDelay) << (32'(store_reg_pkg::DelayOffset) * 8)) |
      (4096'(NoCount) << (32'(store_reg_pkg::FifoThresholdOffset) * 8)) |
      (4096'(NoCount | NoDma) << (32'(store_reg_pkg::MaxBurstOffset) * 8)) |
      (4096'(NoPace) << (32'(store_reg_pkg::FifoPaceOffset) * 8));

  // In the form for small boards the ports are among the first 64 Ki, as PCI allows for functions of PCs.
  localparam logic [31:0]  PortMask = Small ? 32'h0000_FFF0 : 32'hFFFF_FFF0;
  localparam logic [191:0] BarMask = {96'd0, PortMask, 32'hFFFF_FFFF << BufferLog2, 32'hFFFF_F000};
  localparam logic [191:0] BarType = {96'd0, 32'd1, 32'd8, 32'd0};

  // Socket.
  socket_pkg::access_t     host;
  socket_pkg::answer_t     answer;
  socket_pkg::interrupt_t  interrupt;
  bus_pkg::initiator_in_t  request;
  bus_pkg::initiator_out_t progress;
  logic [31:0] rdata;
  logic        load, message_failed;
  function_socket #(
    .VendorId(store_identity_pkg::VendorId), .DeviceId(store_identity_pkg::DeviceId),
    .ClassCode(store_identity_pkg::ClassCode), .Revision(store_identity_pkg::Revision), .BarMask(BarMask),
    .BarType(BarType), .RegisterBars(6'b000101), .Initiator(Dma), .Messages(Messages && Dma),
    .Bursts(!Small), .Shared(Small),
    .AddressBits(AddressBits), .LengthBits(BufferLog2 > 16 ? 16 : BufferLog2)
  ) u_socket (
    .clk_i, .rst_ni, .place_i, .bus_i, .bus_o, .intx_o, .events_o, .access_o(host), .answer_i(answer), .rdata_i(rdata),
    .load_o(load), .interrupt_i(interrupt), .message_failed_o(message_failed), .initiator_i(request),
    .initiator_o(progress)
  );

  logic [31:0] registers_rdata, ports_rdata, buffer_rdata, fifo_rdata;
  logic        buffer_rvalid, fifo_rvalid, to_registers, to_buffer, to_ports, to_fifo, from_fifo, fifo_window;
  store_answer u_answer (
    .access_i(host), .registers_o(to_registers), .buffer_o(to_buffer), .ports_o(to_ports), .fifo_o(to_fifo),
    .fifo_loaded_o(from_fifo), .fifo_window_o(fifo_window), .registers_rdata_i(registers_rdata),
    .buffer_rdata_i(buffer_rdata), .buffer_rvalid_i(buffer_rvalid), .ports_rdata_i(ports_rdata),
    .fifo_rdata_i(fifo_rdata), .fifo_rvalid_i(fifo_rvalid), .answer_o(answer), .rdata_o(rdata)
  );

  // Registers.
  store_reg_pkg::reg2hw_t    reg2hw;
  store_reg_pkg::hw2reg_t    hw2reg;
  store_reg_pkg::hwset_t     hwset;
  store_io_reg_pkg::reg2hw_t io2hw;
  store_io_reg_pkg::hw2reg_t hw2io;
  logic                      registers_reset;
  store_regs #(.Present(~Absent)) u_regs (
    .clk_i, .rst_ni(rst_ni && !registers_reset), .write_i(host.write && to_registers && host.write_address[11:9] == '0),
    .write_address_i(host.write_address[8:0]), .be_i(host.be), .wdata_i(host.wdata),
    .load_i(load && to_registers && host.pointer[11:9] == '0), .read_i(1'b0), .read_address_i(host.pointer[8:0]),
    .rdata_o(registers_rdata), .reg2hw_o(reg2hw), .hw2reg_i(hw2reg), .hwset_i(hwset)
  );
  store_io_regs u_io_regs (
    .clk_i, .rst_ni, .write_i(host.write && to_ports && !host.write_address[3]),
    .write_address_i(host.write_address[2:0]), .be_i(host.be), .wdata_i(host.wdata),
    .load_i(load && to_ports && !host.pointer[3]), .read_i(1'b0), .read_address_i(host.pointer[2:0]),
    .rdata_o(ports_rdata), .reg2hw_o(io2hw), .hw2reg_i(hw2io)
  );

  // Command.
  store_reg_pkg::state_e     state;
  store_reg_pkg::operation_e operation;
  logic        busy, done, error, aborted, raised, service, range_command, refused, engine_failed, bus_parity;
  logic        fifo_clear, draining, filling, host_pushed, host_popped, overrun, fifo_start, dma_start, inward;
  logic        mover_stop, dma_abort, mover_done, data_clock, dma_descriptor, dma_done;
  logic [2:0]  stored, delivered;
  logic        accept;
  logic [31:0] transferred, data_clocks, busy_clocks;
  logic [BufferLog2:0] taken_length;
  logic [FifoLog2:0] fifo_level;
  store_command #(.BufferLog2(BufferLog2), .FifoLog2(FifoLog2), .DelayBits(DelayBits)) u_command (
    .clk_i, .rst_ni, .command_we_i(reg2hw.command_we && reg2hw.wmask[0]), .operation_i(reg2hw.wdata[2:0]),
    .buffer_address_i(reg2hw.buffer_address.value), .length_i(reg2hw.length.value),
    .delay_i(reg2hw.delay.clocks[DelayBits-1:0]), .accept_o(accept), .length_o(taken_length),
    .threshold_i(reg2hw.fifo_threshold.dwords), .abort_i(reg2hw.control.abort),
    .soft_reset_i(reg2hw.control.soft_reset), .registers_reset_o(registers_reset), .busy_o(busy), .state_o(state),
    .operation_o(operation), .transferred_o(transferred), .data_clocks_o(data_clocks), .busy_clocks_o(busy_clocks),
    .done_o(done), .error_o(error), .aborted_o(aborted), .raised_o(raised), .fifo_service_o(service),
    .range_o(range_command), .refused_o(refused), .failed_i(engine_failed), .fifo_clear_o(fifo_clear),
    .draining_o(draining), .filling_o(filling), .fifo_level_i(fifo_level), .host_pushed_i(host_pushed),
    .host_popped_i(host_popped), .fifo_start_o(fifo_start), .dma_start_o(dma_start), .inward_o(inward),
    .mover_stop_o(mover_stop), .dma_abort_o(dma_abort), .mover_done_i(mover_done), .stored_i(stored),
    .delivered_i(delivered), .data_clock_i(data_clock), .dma_descriptor_i(dma_descriptor), .dma_done_i(dma_done)
  );

  // FIFO.
  logic        drain_valid, drain_pop, fill_push, fill_ready;
  logic [15:0] overruns;
  logic [31:0] drain_data, fill_data;
  store_fifo #(.FifoLog2(FifoLog2), .Pair(!Small)) u_fifo (
    .clk_i, .rst_ni, .clear_i(fifo_clear), .clear_overruns_i(registers_reset), .draining_i(draining),
    .filling_i(filling), .host_enable_i(host.active && to_fifo),
    .host_push_i((host.write && fifo_window && host.be != '0) || io2hw.fifo_data_we), .host_data_i(host.wdata),
    .host_load_i(load && to_fifo), .host_transfer_i(host.transfer && host.read && from_fifo && host.lanes != '0),
    .host_valid_o(fifo_rvalid), .host_data_o(fifo_rdata), .host_pushed_o(host_pushed), .host_popped_o(host_popped),
    .overrun_o(overrun), .overruns_o(overruns), .drain_valid_o(drain_valid), .drain_data_o(drain_data),
    .drain_pop_i(drain_pop), .fill_push_i(fill_push), .fill_data_i(fill_data), .fill_ready_o(fill_ready),
    .level_o(fifo_level)
  );

  // Buffer and mover.
  logic                  mover_write, mover_write_ready, mover_read, mover_read_ready, mover_rvalid;
  logic [BufferLog2-1:2] mover_write_address, mover_read_address;
  logic [3:0]            mover_be;
  logic [31:0]           mover_wdata, mover_rdata;
  store_buffer #(.BufferLog2(BufferLog2), .Stream(!Small)) u_buffer (
    .clk_i, .rst_ni, .target_write_i(host.write && to_buffer),
    .target_write_address_i(host.write_address[BufferLog2-1:2]), .target_be_i(host.be), .target_wdata_i(host.wdata),
    .stream_i(host.active && to_buffer && host.read),
    .stream_address_i(host.address[BufferLog2-1:2]), .stream_valid_o(buffer_rvalid), .stream_data_o(buffer_rdata),
    .stream_pop_i(load && to_buffer), .mover_write_i(mover_write), .mover_write_address_i(mover_write_address),
    .mover_be_i(mover_be), .mover_wdata_i(mover_wdata), .mover_write_ready_o(mover_write_ready),
    .mover_read_i(mover_read), .mover_read_address_i(mover_read_address), .mover_read_ready_o(mover_read_ready),
    .mover_rvalid_o(mover_rvalid), .mover_rdata_o(mover_rdata)
  );

  logic                  segment_start, bus_valid, wpop;
  logic [BufferLog2-1:0] segment_buffer;
  logic [1:0]            segment_offset;
  logic [BufferLog2:0]   segment_length;
  logic [2:0]            wlevel;
  store_mover #(.BufferLog2(BufferLog2), .Pace(Instruments), .Small(Small)) u_mover (
    .clk_i, .rst_ni, .start_i(fifo_start || segment_start), .inward_i(inward), .dma_i(segment_start),
    .buffer_address_i(segment_buffer),
    .other_offset_i(fifo_start ? 2'd0 : segment_offset),
    .length_i(fifo_start ? taken_length : segment_length), .stop_i(mover_stop),
    .pace_i(reg2hw.fifo_pace.clocks), .done_o(mover_done), .stored_o(stored),
    .write_o(mover_write), .write_address_o(mover_write_address), .write_be_o(mover_be), .wdata_o(mover_wdata),
    .write_ready_i(mover_write_ready), .read_o(mover_read), .read_address_o(mover_read_address),
    .read_ready_i(mover_read_ready), .rvalid_i(mover_rvalid), .rdata_i(mover_rdata),
    .drain_valid_i(drain_valid), .drain_data_i(drain_data), .drain_pop_o(drain_pop), .fill_push_o(fill_push),
    .fill_data_o(fill_data), .fill_ready_i(fill_ready), .bus_valid_i(bus_valid), .bus_data_i(progress.rdata),
    .bus_bad_i(progress.parity_error),
    .wdata0_o(request.wdata0), .wdata1_o(request.wdata1), .wlevel_o(wlevel), .wpop_i(wpop)
  );

  // Bus master.
  logic        target_abort, master_abort, descriptor_invalid, range_dma, disabled;
  logic [31:0] error_address;
  if (Dma) begin : gen_dma
    store_dma #(.BufferLog2(BufferLog2), .AddressBits(AddressBits)) u_dma (
      .clk_i, .rst_ni, .accept_i(accept), .buffer_address_i(reg2hw.buffer_address.value[BufferLog2-1:0]),
      .length_i(reg2hw.length.value[BufferLog2:0]), .descriptor_i(reg2hw.descriptor_base.address[AddressBits-5:0]),
      .start_i(dma_start), .inward_i(inward), .max_burst_i(reg2hw.max_burst.dwords),
      .bus_master_i(progress.enabled), .abort_i(dma_abort), .in_descriptor_o(dma_descriptor), .in_data_o(),
      .done_o(dma_done), .parity_o(bus_parity), .target_abort_o(target_abort), .master_abort_o(master_abort),
      .descriptor_invalid_o(descriptor_invalid), .range_o(range_dma), .disabled_o(disabled),
      .error_address_o(error_address), .data_clock_o(data_clock), .delivered_o(delivered),
      .segment_start_o(segment_start), .segment_buffer_o(segment_buffer), .segment_offset_o(segment_offset),
      .segment_length_o(segment_length), .bus_valid_o(bus_valid), .mover_done_i(mover_done), .wlevel_i(wlevel),
      .wpop_o(wpop), .request_valid_o(request.request_valid), .request_ready_i(progress.request_ready),
      .request_o(request.request), .more_o(request.more), .stop_o(request.stop), .available_o(request.available),
      .transfer_i(progress.transfer), .transfer_be_i(progress.transfer_be), .rdata_i(progress.rdata),
      .request_done_i(progress.done), .result_i(progress.result), .address_i(progress.address),
      .parity_error_i(progress.parity_error), .parity_address_i(progress.parity_address)
    );
  end else begin : gen_no_dma
    // A DMA command ends at once, as it does when Bus Master Enable is off.
    assign dma_done = 1'b1;
    assign disabled = dma_start;
    assign {request.request_valid, request.request, request.available, request.more, request.stop} = '0;
    assign {bus_parity, target_abort, master_abort, descriptor_invalid, range_dma, error_address} = '0;
    assign {dma_descriptor, data_clock, delivered, bus_valid, wpop} = '0;
    assign {segment_start, segment_offset, segment_length} = '0;
    always_ff @(posedge clk_i) begin : p_segment
      if (accept) segment_buffer <= reg2hw.buffer_address.value[BufferLog2-1:0];
    end
    logic unused_dma;
    assign unused_dma = ^{dma_abort, wlevel, progress};
  end

  // Interrupts. The cause FIFO follows the condition of the FIFO.
  logic [4:0] cause, mask;
  assign engine_failed = target_abort || master_abort || descriptor_invalid || range_dma || disabled || bus_parity;
  function_causes #(.Causes(5)) u_causes (
    .clk_i, .rst_ni, .reset_i(registers_reset),
    .set_i({raised, aborted, error || refused || overrun, service, done}), .follows_i(5'b00010),
    .cause_we_i(reg2hw.interrupt_cause_we), .mask_set_we_i(reg2hw.interrupt_mask_set_we),
    .mask_clear_we_i(reg2hw.interrupt_mask_clear_we), .bits_i(reg2hw.wdata[4:0] & reg2hw.wmask[4:0]),
    .cause_o(cause), .mask_o(mask), .due_o(interrupt.due), .cleared_o(interrupt.cleared), .status_o(interrupt.status)
  );
  assign interrupt.latched      = reg2hw.interrupt_control.latched;
  assign interrupt.pulse_clocks = reg2hw.interrupt_control.pulse_clocks;
  assign interrupt.reset        = registers_reset;

  // The values that the registers show.
  logic [31:0] error_address_q;
  logic        errors_clear;
  assign errors_clear = reg2hw.error == '0;
  always_ff @(posedge clk_i) begin : p_error_address
    if (!rst_ni || registers_reset) error_address_q <= '0;
    else if (errors_clear && (bus_parity || target_abort || master_abort || descriptor_invalid || range_dma)) begin
      error_address_q <= error_address;
    end
  end
  always_comb begin : p_show
    hw2reg = '0;
    if (load) begin
      hw2reg.features.buffer_log2      = 8'(BufferLog2);
      hw2reg.features.fifo_log2        = 8'(FifoLog2);
      hw2reg.features.byte_aligned_dma = Dma;
      hw2reg.features.pio_only         = !Dma;
      hw2reg.status.busy               = busy;
      hw2reg.status.error              = !errors_clear;
      hw2reg.status.fifo_empty         = fifo_level == '0;
      hw2reg.status.fifo_full          = fifo_level[FifoLog2];
      hw2reg.status.state              = state;
      hw2reg.status.fifo_level         = 16'(fifo_level);
      hw2reg.command                   = {29'd0, operation};
      hw2reg.transferred.value         = transferred;
      hw2reg.interrupt_cause           = {27'd0, cause};
      hw2reg.interrupt_mask_set        = {27'd0, mask};
      hw2reg.interrupt_mask_clear      = {27'd0, mask};
      if (Instruments) begin
        hw2reg.error_address.value    = error_address_q;
        hw2reg.data_clocks.value      = data_clocks;
        hw2reg.busy_clocks.value      = busy_clocks;
        hw2reg.fifo_overruns.accesses = overruns;
      end
    end
  end
  assign hwset.error.target_abort        = target_abort;
  assign hwset.error.master_abort        = master_abort;
  assign hwset.error.parity              = bus_parity;
  assign hwset.error.descriptor_invalid  = descriptor_invalid;
  assign hwset.error.range               = range_dma || range_command;
  assign hwset.error.command_while_busy  = refused;
  assign hwset.error.fifo_overrun        = overrun;
  assign hwset.error.bus_master_disabled = disabled;
  assign hwset.error.message_address     = message_failed;
  always_comb begin : p_show_ports
    hw2io = '0;
    if (load) begin
      hw2io.fifo_status.empty      = fifo_level == '0;
      hw2io.fifo_status.full       = fifo_level[FifoLog2];
      hw2io.fifo_status.busy       = busy;
      hw2io.fifo_status.fifo_level = 16'(fifo_level);
    end
  end
endmodule
