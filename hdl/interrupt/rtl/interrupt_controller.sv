// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Interrupt controller on the bus: registers, the message doorbell and Interrupt Acknowledge, around one of the two
/// personalities: `interrupt_core`, or `interrupt_pic_pair` with its ports. A doorbell write waits until the host bridge
/// has no posted data left, so that a message cannot overtake the data it announces.
module interrupt_controller #(
  /// Bus addresses of the registers and of the doorbell, both at the start of a page of 4 KiB.
  parameter logic [31:0] Address,
  parameter logic [31:0] Doorbell,
  /// The personality: two 8259A chips, or the simple controller; whether an edge on a chip counts only while its line is
  /// on.
  parameter bit          Pair = 1'b0,
  parameter bit          Gated = 1'b1,
  /// The vector of input n is VectorBase + VectorStep * n; the chips get their vectors from the host.
  parameter logic [7:0]  VectorBase,
  parameter logic [7:0]  VectorStep,
  /// Bits of each count of lost edges, and of the count of spurious fetches, 1 to 16.
  parameter int unsigned LostBits = 16,
  /// The host can route the lines to any input. Else the lines have the inputs that they have after reset, and only the
  /// inputs of `Lines` are there: the others are never requested.
  parameter bit          Routes = 1'b1,
  /// The lines that functions use, INTA … INTD.
  parameter logic [3:0]  Lines = '1,
  /// The target's data have registers that synthesis can keep once for all targets, see `bus_target`.
  parameter bit          Shared = 1'b0
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  /// INTA … INTD of the bus.
  input  logic [3:0]           intx_i,
  /// The host bridge holds no posted write.
  input  logic                 posted_empty_i,
  /// An interrupt is presented to the host, and the number of the input.
  output logic                 interrupt_o,
  output logic [3:0]           interrupt_input_o,
  /// Events, each on for the clock on which it happens: a fetch with the vector, spurious or not; an EOI with the
  /// input.
  output logic                 fetch_event_o,
  output logic                 spurious_event_o,
  output logic [7:0]           vector_o,
  output logic                 eoi_event_o,
  output logic [3:0]           eoi_input_o,
  /// Bus.
  input  bus_pkg::bus_t        bus_i,
  output bus_pkg::target_out_t target_o
);
  if (LostBits < 1 || LostBits > 16) begin : gen_check
    $error("interrupt_controller: LostBits must be 1 to 16");
  end

  interrupt_controller_reg_pkg::reg2hw_t reg2hw;
  interrupt_controller_reg_pkg::hw2reg_t hw2reg;

  bus_pkg::transaction_t access;
  bus_pkg::answer_t      answer;
  logic [31:0] regs_rdata, rdata;
  logic        load, to_regs, to_doorbell, to_ports, ports_abort, acknowledge_cycle;

  assign acknowledge_cycle = access.command == bus_pkg::CommandInterruptAcknowledge;
  assign to_regs     = access.memory && access.address[31:12] == Address[31:12];
  assign to_doorbell = access.memory && access.address[31:12] == Doorbell[31:12];
  always_comb begin : p_answer
    answer        = bus_pkg::AnswerIdle;
    answer.hit    = acknowledge_cycle || to_regs || to_doorbell || to_ports;
    answer.abort  = ports_abort;
    answer.single = 1'b1;
    answer.wready = !to_doorbell || posted_empty_i;
  end
  bus_target #(.Bursts(1'b0), .Shared(Shared)) u_target (
    .clk_i, .rst_ni, .number_i('0), .transaction_o(access), .answer_i(answer), .rdata_i(rdata), .load_o(load),
    .retried_o(), .parity_response_i(1'b1), .serr_enable_i(1'b0), .status_set_o(), .bus_i, .idsel_i(1'b0), .target_o
  );

  // A fetch returns the input that was presented when the datum was put on the bus; it counts when the datum moves.
  logic        fetch_valid, fetch_now, fetching_q, fetched_valid_q, lanes_on;
  logic [7:0]  vector, vector_q;
  logic [15:0] ports_rdata;
  always_comb begin : p_rdata
    rdata = regs_rdata;
    if (acknowledge_cycle) rdata = {24'd0, vector};
    if (to_ports) rdata = {16'd0, ports_rdata};
  end
  assign lanes_on  = bus_i.cbe != 4'hF;
  assign fetch_now = access.transfer && access.read && fetching_q && lanes_on;
  always_ff @(posedge clk_i) begin : p_fetch
    if (!rst_ni) fetching_q <= 1'b0;
    else if (load) fetching_q <= acknowledge_cycle || (!Pair && to_regs &&
                                  access.pointer[11:0] == {5'd0, interrupt_controller_reg_pkg::ClaimOffset});
    if (load) begin
      fetched_valid_q <= fetch_valid;
      vector_q        <= vector;
    end
  end

  // The registers fill the first 128 bytes of the page.
  logic [15:0] lines, set, lost;
  logic        regs_write;
  assign regs_write = access.write && access.write_address[31:7] == Address[31:7];
  // The inputs that there are, and the bits that registers do not have.
  function automatic logic [15:0] inputs_of_lines();
    inputs_of_lines = '0;
    for (int unsigned i = 0; i < 4; i++) begin
      if (Lines[i]) inputs_of_lines[interrupt_controller_reg_pkg::RouteReset[i*4 +: 4]] = 1'b1;
    end
  endfunction
  localparam logic [15:0]   Inputs = Routes ? '1 : inputs_of_lines();
  localparam logic [15:0]   NoEnable = Pair ? '1 : ~Inputs;
  localparam logic [1023:0] Absent =
      (1024'(NoEnable) << (32'(interrupt_controller_reg_pkg::EnableOffset) * 8)) |
      (1024'(NoEnable) << (32'(interrupt_controller_reg_pkg::ModeOffset) * 8)) |
      (1024'(Pair ? 32'h1F : 32'd0) << (32'(interrupt_controller_reg_pkg::ThresholdOffset) * 8)) |
      (1024'(Routes ? 32'd0 : 32'hFFFF_FFFF) << (32'(interrupt_controller_reg_pkg::RouteOffset) * 8));
  interrupt_controller_regs #(.Present(~Absent)) u_regs (
    .clk_i, .rst_ni, .write_i(regs_write), .write_address_i(access.write_address[6:0]), .be_i(access.write_be), .wdata_i(access.wdata),
    .load_i(load && to_regs && access.pointer[11:7] == '0),
    .read_i(1'b0), .read_address_i(access.pointer[6:0]), .rdata_o(regs_rdata), .reg2hw_o(reg2hw), .hw2reg_i(hw2reg)
  );

  interrupt_controller_reg_pkg::route_out_t route;
  logic [15:0] wmask, lost_we;
  logic        software_set_we, spurious_we;
  assign wmask           = reg2hw.wmask[15:0];
  assign software_set_we = reg2hw.software_set_we;
  assign spurious_we     = reg2hw.spurious_we;
  assign lost_we         = reg2hw.lost_we;
  always_comb begin : p_set
    set = '0;
    if (software_set_we) set = access.wdata[15:0] & wmask;
    if (access.write && access.write_address[31:12] == Doorbell[31:12] && access.write_be[0] && access.wdata[15:4] == '0) begin
      set[access.wdata[3:0]] = 1'b1;
    end
    set = set & Inputs;
  end
  assign route = reg2hw.route;
  always_comb begin : p_route
    lines = '0;
    if (intx_i[0]) lines[route.inta] = 1'b1;
    if (intx_i[1]) lines[route.intb] = 1'b1;
    if (intx_i[2]) lines[route.intc] = 1'b1;
    if (intx_i[3]) lines[route.intd] = 1'b1;
    lines = lines & Inputs;
  end

  // The personalities.
  logic [15:0] raw, pending, in_service;
  if (Pair) begin : gen_pair
    // Three dwords of ports; the two upper lanes of each have none. A chip takes one byte in a transaction.
    localparam logic [31:0] MasterPorts = 32'h0020;
    localparam logic [31:0] SlavePorts  = 32'h00A0;
    localparam logic [31:0] LevelPorts  = 32'h04D0;
    logic        to_master, to_slave, to_levels, pair_load, two_bytes, unused_eoi;
    logic [15:0] master_rdata, slave_rdata, levels;
    assign to_master    = access.io && access.address[31:2] == MasterPorts[31:2];
    assign to_slave     = access.io && access.address[31:2] == SlavePorts[31:2];
    assign to_levels    = access.io && access.address[31:2] == LevelPorts[31:2];
    assign to_ports     = to_master || to_slave || to_levels;
    assign two_bytes    = bus_i.cbe[1:0] == 2'b00 && !to_levels;
    assign ports_abort  = to_ports && (bus_i.cbe[3:2] != 2'b11 || two_bytes);
    assign pair_load    = load && (acknowledge_cycle || to_ports);
    always_comb begin : p_ports
      ports_rdata = master_rdata;
      if (to_slave) ports_rdata = slave_rdata;
      if (to_levels) ports_rdata = levels;
    end
    interrupt_pic_pair #(.Gated(Gated)) u_pair (
      .clk_i, .rst_ni, .lines_i(lines), .set_i(set), .write_i(access.write), .read_i(access.transfer && access.read),
      .to_master_i(to_master), .to_slave_i(to_slave), .to_levels_i(to_levels),
      .lanes_i(access.write ? access.write_be[1:0] : ~bus_i.cbe[1:0]),
      .wdata_i(access.wdata[15:0]), .load_i(pair_load), .master_rdata_o(master_rdata), .slave_rdata_o(slave_rdata),
      .levels_o(levels), .acknowledge_i(fetch_now), .fetch_valid_o(fetch_valid), .fetch_vector_o(vector), .interrupt_o,
      .interrupt_input_o, .mask_o(), .raw_o(raw), .pending_o(pending), .in_service_o(in_service), .lost_o(lost),
      .eoi_event_o, .eoi_input_o
    );
    assign unused_eoi = reg2hw.eoi_we;
  end else begin : gen_core
    logic [3:0] fetch_input, fetched_input_q;
    always_comb begin : p_vector
      vector = host_pkg::VectorSpurious;
      if (load && fetch_valid) vector = VectorBase + (8'(fetch_input) * VectorStep);
    end
    always_ff @(posedge clk_i) begin : p_input
      if (load) fetched_input_q <= fetch_input;
    end
    interrupt_core u_core (
      .clk_i, .rst_ni, .lines_i(lines), .latched_i(reg2hw.mode.latched), .enable_i(reg2hw.enable.inputs),
      .threshold_i(reg2hw.threshold.input_number), .threshold_enable_i(reg2hw.threshold.enable),
      .set_i(set),
      .acknowledge_i(fetch_now && fetched_valid_q), .acknowledge_input_i(fetched_input_q),
      .eoi_i(eoi_event_o), .eoi_input_i(eoi_input_o),
      .raw_o(raw), .pending_o(pending), .in_service_o(in_service), .lost_o(lost),
      .fetch_valid_o(fetch_valid), .fetch_input_o(fetch_input), .interrupt_o, .interrupt_input_o
    );
    assign to_ports    = 1'b0;
    assign ports_abort = 1'b0;
    assign ports_rdata = '0;
    assign eoi_event_o = reg2hw.eoi_we && wmask[0];
    assign eoi_input_o = access.wdata[3:0];
  end

  // Saturating counters of spurious fetches and lost edges.
  logic [LostBits-1:0]    spurious_q;
  logic [16*LostBits-1:0] losses;
  logic             counts_lost;
  always_ff @(posedge clk_i) begin : p_spurious
    if (!rst_ni) spurious_q <= '0;
    else if (spurious_we || spurious_event_o) spurious_q <= spurious_we ? '0 : spurious_q + LostBits'(spurious_q != '1);
  end
  assign counts_lost = lost_we != '0 || lost != '0;
  for (genvar i = 0; i < 16; i++) begin : gen_lost
    logic [LostBits-1:0] lost_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) lost_q <= '0;
      else if (counts_lost) lost_q <= lost_we[i] ? '0 : lost_q + LostBits'(lost[i] && lost_q != '1);
    end
    assign losses[i*LostBits +: LostBits] = lost_q;
  end

  always_comb begin : p_read
    hw2reg = '0;
    if (load) begin
      hw2reg.pending.inputs    = pending;
      hw2reg.in_service.inputs = in_service;
      hw2reg.raw.inputs        = raw;
      if (!Pair) hw2reg.claim  = {24'd0, vector};
      hw2reg.spurious          = 32'(spurious_q);
      for (int unsigned i = 0; i < 16; i++) hw2reg.lost[i*32 +: 32] = 32'(losses[i*LostBits +: LostBits]);
    end
  end

  assign fetch_event_o    = fetch_now;
  assign spurious_event_o = fetch_now && !fetched_valid_q;
  assign vector_o         = vector_q;
endmodule
