// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Decides which address space of the function a transaction addresses, and which datum answers it.
module store_decode #(
  /// Log2 of the buffer's bytes, the size of BAR1.
  parameter int unsigned BufferLog2 = 16
) (
  /// There is a transaction, or the last datum that one wrote, to decode; the addresses of it and of the offered datum.
  input  logic                                    enable_i,
  input  logic [31:0]                             address_i,
  input  logic [31:0]                             pointer_i,
  input  logic                                    memory_i,
  input  logic                                    io_i,
  input  logic                                    configuration_i,
  /// Byte enables of the first datum, low-true, on the decode clock.
  input  logic [3:0]                              cbe_i,
  /// Configuration.
  input  pci_configuration_reg_pkg::command_out_t command_i,
  input  logic [191:0]                            bars_i,
  /// Spaces.
  output logic                                    registers_o,
  output logic                                    buffer_o,
  output logic                                    ports_o,
  output logic                                    hit_o,
  /// The offered datum comes from the FIFO.
  output logic                                    fifo_o,
  /// I/O address and byte enables contradict each other.
  output logic                                    abort_o,
  /// The offered datum is the last in the address space, or the space takes no bursts.
  output logic                                    single_o,
  /// Data of each space, and the one that answers.
  input  logic [31:0]                             configuration_rdata_i,
  input  logic [31:0]                             registers_rdata_i,
  input  logic [31:0]                             buffer_rdata_i,
  input  logic                                    buffer_rvalid_i,
  input  logic [31:0]                             ports_rdata_i,
  input  logic [31:0]                             fifo_rdata_i,
  input  logic                                    fifo_rvalid_i,
  output logic [31:0]                             rdata_o,
  output logic                                    rvalid_o
);
  // Upper bits of the base address registers.
  logic [31:12]         registers_base;
  logic [31:BufferLog2] buffer_base;
  logic [31:4]          ports_base;
  assign registers_base = bars_i[31:12];
  assign buffer_base    = bars_i[63:32+BufferLog2];
  assign ports_base     = bars_i[95:68];

  always_comb begin : p_space
    registers_o = 1'b0;
    buffer_o    = 1'b0;
    ports_o     = 1'b0;
    fifo_o      = 1'b0;
    single_o    = 1'b1;
    if (enable_i && memory_i && command_i.memory_enable) begin
      registers_o = address_i[31:12] == registers_base && registers_base != '0;
      buffer_o    = address_i[31:BufferLog2] == buffer_base && buffer_base != '0;
      fifo_o      = registers_o && pointer_i[11:8] == 4'd1;
      single_o    = !(registers_o || buffer_o) || (registers_o && pointer_i[11:2] == '1) ||
                    (buffer_o && pointer_i[BufferLog2-1:2] == '1);
    end
    if (enable_i && io_i && command_i.io_enable) begin
      ports_o = address_i[31:4] == ports_base && ports_base != '0;
      fifo_o  = ports_o && pointer_i[3:2] == 2'd0;
    end
  end
  assign hit_o = configuration_i || registers_o || buffer_o || ports_o;

  // AD[1:0] must be the number of the lowest enabled byte; without any enabled byte every address is right.
  always_comb begin : p_abort
    abort_o = 1'b0;
    if (ports_o && cbe_i != 4'hF) begin
      unique case (address_i[1:0])
        2'd0: abort_o = cbe_i[0];
        2'd1: abort_o = cbe_i[1] || !cbe_i[0];
        2'd2: abort_o = cbe_i[2] || cbe_i[1:0] != 2'b11;
        default: abort_o = cbe_i[3] || cbe_i[2:0] != 3'b111;
      endcase
    end
  end

  always_comb begin : p_answer
    rvalid_o = 1'b1;
    rdata_o  = configuration_rdata_i;
    if (!enable_i) begin
      rdata_o = '0;
    end else if (fifo_o) begin
      rdata_o  = fifo_rdata_i;
      rvalid_o = fifo_rvalid_i;
    end else if (registers_o) begin
      rdata_o = registers_rdata_i;
    end else if (ports_o) begin
      rdata_o = ports_rdata_i;
    end else if (buffer_o) begin
      rdata_o  = buffer_rdata_i;
      rvalid_o = buffer_rvalid_i;
    end
  end

  logic unused_bits;
  assign unused_bits = ^{command_i, bars_i, pointer_i, address_i};
endmodule
