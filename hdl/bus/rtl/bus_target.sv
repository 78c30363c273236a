// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Target side of an agent: medium decode, parity, all terminations, and the limits of 16 and 8 clocks. The block
/// around it, the *backend*, knows the meaning of addresses and holds the data:
///
/// - on the decode clock the backend says `hit` for the latched address and command, and, if the byte enables now on
///   the bus are illegal for it, `abort`;
/// - `load_o` takes the datum `rdata_i` while `rvalid` is on, and `transfer` says that it has moved; a datum that was
///   loaded and not transferred counts as not read, so side effects of a read belong to `transfer`;
/// - `write` hands over a datum that was written, one clock after it moved; `wready` promises a place for that datum
///   and for two more;
/// - while a data phase cannot end, `retry` says that waiting is of no use: it ends in a retry or disconnect at once.
///
/// A datum with bad parity that the target reports with PERR is not handed over.
module bus_target #(
  /// The backend takes bursts. Without them it must answer with `single` on, and the one datum of a transaction has the
  /// transaction's address.
  parameter bit Bursts = 1'b1,
  /// Each datum on the bus is kept, whatever target it is for, so that synthesis needs the registers once for all targets
  /// and masters that do so. Without it a target keeps only its own data, and a function can sleep while others use the
  /// bus.
  parameter bit Shared = 1'b0
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  /// The number of this function in its device, for configuration accesses.
  input  logic [2:0]            number_i,

  /// Backend: the transaction; the answer to it; the datum to be read, and the strobe that takes it; a transaction that
  /// was claimed ends without a datum having moved.
  output bus_pkg::transaction_t transaction_o,
  input  bus_pkg::answer_t      answer_i,
  input  logic [31:0]           rdata_i,
  output logic                  load_o,
  output logic                  retried_o,

  /// From and to the configuration header.
  input  logic                  parity_response_i,
  input  logic                  serr_enable_i,
  output bus_pkg::status_set_t  status_set_o,

  /// Bus.
  input  bus_pkg::bus_t         bus_i,
  input  logic                  idsel_i,
  output bus_pkg::target_out_t  target_o
);
  typedef enum logic [2:0] {
    // No transaction that this target has claimed.
    StIdle,
    // The clock after the address phase: decode, check address parity.
    StDecode,
    // Data phases of a transaction that this target has claimed.
    StData,
    // DEVSEL is on for the one clock before a target abort.
    StAbort,
    // STOP is held until FRAME is off.
    StStop
  } state_e;

  // The clocks after FRAME, and after a data phase, at which STOP goes on; they are inside the limits of 16 and 8.
  localparam logic [3:0] FirstLimit = 4'd11;
  localparam logic [3:0] LaterLimit = 4'd5;

  state_e      state_q, state_d;
  logic        devsel_q, devsel_d, trdy_q, trdy_d, stop_q, stop_d, control_en_q;
  logic        start, claim, phase_end, offer, can, transfer, moved_q, ends, parity_q, address_bad, awake;
  logic [3:0]  waited_q;
  logic [1:0]  tail_q;
  // The current transaction.
  logic [31:0] address_q;
  logic [3:0]  command_q;
  logic        idsel_q, loaded_q, read_q, memory_q, io_q, configuration_q;

  assign start       = bus_i.start;
  assign address_bad = parity_q != bus_i.par;
  assign claim       = state_q == StDecode && answer_i.hit && !address_bad;
  assign phase_end   = bus_i.irdy && (trdy_q || stop_q);

  // Idle gating: once the parity of this target's last transaction has been reported, or another target's transaction
  // has been decoded, nothing changes until the next transaction on the bus. The gate saves simulation time: see bus_initiator.
  assign awake = start || state_q != StIdle || tail_q != '0;
  always_ff @(posedge clk_i) begin : p_tail
    if (!rst_ni) tail_q <= '0;
    else if (state_q == StDecode && !answer_i.hit && !address_bad) tail_q <= '0;
    else if (awake) tail_q <= start || state_q != StIdle ? 2'd3 : tail_q - 2'd1;
  end

  always_comb begin : p_state
    state_d  = state_q;
    devsel_d = devsel_q;
    trdy_d   = trdy_q;
    stop_d   = stop_q;
    offer    = 1'b0;
    unique case (state_q)
      StIdle: if (start) state_d = StDecode;
      StDecode: begin
        state_d  = !claim ? StIdle : answer_i.abort ? StAbort : StData;
        devsel_d = claim;
        offer    = claim && !answer_i.abort;
      end
      StData: begin
        if (phase_end && !bus_i.frame) begin
          state_d  = StIdle;
        end else if (phase_end && stop_q) begin
          state_d = StStop;
          trdy_d  = 1'b0;
        end else begin
          offer = phase_end || (!trdy_q && !stop_q);
        end
      end
      StAbort: begin
        state_d  = StStop;
        devsel_d = 1'b0;
        stop_d   = 1'b1;
      end
      StStop: if (bus_i.irdy && !bus_i.frame) state_d = StIdle;
      default: state_d = StIdle;
    endcase
    can = 1'b0;
    if (offer) begin
      can    = read_q ? answer_i.rvalid : answer_i.wready;
      trdy_d = can;
      // A burst order other than linear gets one datum.
      if (can) stop_d = bus_i.frame && (answer_i.single || (memory_q && address_q[1:0] != 2'b00));
      else stop_d = answer_i.retry || (state_q == StData && !phase_end && waited_q >= (moved_q ? LaterLimit : FirstLimit));
    end
    if (state_d == StIdle) begin
      devsel_d = 1'b0;
      trdy_d   = 1'b0;
      stop_d   = 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) begin
      state_q      <= StIdle;
      devsel_q     <= 1'b0;
      trdy_q       <= 1'b0;
      stop_q       <= 1'b0;
      control_en_q <= 1'b0;
    end else if (awake) begin
      state_q      <= state_d;
      devsel_q     <= devsel_d;
      trdy_q       <= trdy_d;
      stop_q       <= stop_d;
      // The signals are driven off for one clock before they are released.
      control_en_q <= devsel_d || trdy_d || stop_d || devsel_q || trdy_q || stop_q;
    end
  end

  always_ff @(posedge clk_i) begin : p_latch
    // The same registers in every target of a machine, so that synthesis keeps them once: 3 x 39 of them in a machine
    // with four targets.
    if (start) begin
      address_q <= bus_i.ad;
      command_q <= bus_i.cbe;
      idsel_q   <= idsel_i;
      read_q    <= bus_pkg::is_read(bus_i.cbe);
      memory_q  <= bus_pkg::is_memory(bus_i.cbe);
      io_q      <= bus_i.cbe == bus_pkg::CommandIoRead || bus_i.cbe == bus_pkg::CommandIoWrite;
      configuration_q <= (bus_i.cbe == bus_pkg::CommandConfigurationRead ||
                          bus_i.cbe == bus_pkg::CommandConfigurationWrite) &&
                         idsel_i && bus_i.ad[1:0] == 2'b00 && bus_i.ad[10:8] == number_i;
    end
  end

  // The address of the datum to offer next, of the one on AD, and of the one that was written.
  logic [31:2] next, loaded_address, write_address;
  if (Bursts) begin : gen_bursts
    logic [31:2] pointer_q, loaded_address_q, write_address_q;
    always_ff @(posedge clk_i) begin
      if (start) pointer_q <= bus_i.ad[31:2];
      else if (load_o || (transfer && !read_q)) pointer_q <= pointer_q + 30'd1;
      if (load_o) loaded_address_q <= pointer_q;
      if (transfer && !read_q) write_address_q <= pointer_q;
    end
    assign next           = transfer && !read_q ? pointer_q + 30'd1 : pointer_q;
    assign loaded_address = loaded_address_q;
    assign write_address  = write_address_q;
  end else begin : gen_single
    assign next           = address_q[31:2];
    assign loaded_address = address_q[31:2];
    assign write_address  = address_q[31:2];
  end

  always_ff @(posedge clk_i) begin : p_progress
    if (!rst_ni) begin
      moved_q  <= 1'b0;
      loaded_q <= 1'b0;
    end else if (awake) begin
      if (state_q == StIdle) moved_q <= 1'b0;
      else if (transfer) moved_q <= 1'b1;
      waited_q <= state_q == StIdle || phase_end ? '0 : waited_q + 4'(waited_q != '1);
      if (state_d == StIdle) loaded_q <= 1'b0;
      else if (load_o) loaded_q <= 1'b1;
      else if (transfer) loaded_q <= 1'b0;
    end
  end

  always_comb begin : p_end
    ends      = 1'b0;
    retried_o = 1'b0;
    if (state_q != StIdle && state_q != StDecode) begin
      ends = state_d == StIdle;
      if (ends && !moved_q) retried_o = !transfer;
    end
  end
  assign load_o      = offer && read_q && answer_i.rvalid;
  assign transfer    = bus_i.irdy && trdy_q;

  // AD is driven from DEVSEL on, so never in the turnaround clock.
  logic        ad_en_q;
  logic [31:0] ad_q;
  always_ff @(posedge clk_i) begin : p_ad
    if (!rst_ni) ad_en_q <= 1'b0;
    else if (awake) ad_en_q <= read_q && devsel_d;
    if (load_o) ad_q <= rdata_i;
  end

  // Data that was written, one clock after it moved.
  logic        write_q;
  logic [31:0] wdata_q;
  logic [3:0]  write_be_q;
  always_ff @(posedge clk_i) begin : p_write
    if (!rst_ni) write_q <= 1'b0;
    else write_q <= transfer && !read_q;
    if (Shared || (transfer && !read_q)) begin
      wdata_q    <= bus_i.ad;
      write_be_q <= ~bus_i.cbe;
    end
  end

  // Parity of the clock before; PERR and SERR come two clocks after the error that they report.
  logic par_en_q, perr_q, perr_en_q, serr_q, data_bad, system_error;
  always_ff @(posedge clk_i) begin : p_parity
    if (awake) parity_q <= ^{bus_i.ad, bus_i.cbe};
    if (!rst_ni) begin
      par_en_q  <= 1'b0;
      perr_q    <= 1'b0;
      perr_en_q <= 1'b0;
      serr_q    <= 1'b0;
    end else if (awake) begin
      par_en_q  <= ad_en_q;
      perr_q    <= data_bad && parity_response_i;
      perr_en_q <= (data_bad && parity_response_i) || perr_q;
      serr_q    <= system_error;
    end
  end

  always_comb begin : p_status
    data_bad     = 1'b0;
    system_error = 1'b0;
    status_set_o = '0;
    if (awake) begin
      if (write_q) data_bad = parity_q != bus_i.par;
      if (state_q == StDecode) system_error = address_bad && parity_response_i && serr_enable_i;
      status_set_o.detected_parity       = data_bad || (state_q == StDecode && address_bad);
      status_set_o.signaled_system_error = system_error;
      status_set_o.signaled_target_abort = state_q == StAbort;
    end
  end

  assign transaction_o.address        = address_q;
  assign transaction_o.command        = command_q;
  assign transaction_o.idsel          = idsel_q;
  assign transaction_o.read           = read_q;
  assign transaction_o.memory         = memory_q;
  assign transaction_o.io             = io_q;
  assign transaction_o.configuration  = configuration_q;
  assign transaction_o.decode         = state_q == StDecode;
  assign transaction_o.active         = state_q != StIdle;
  assign transaction_o.waiting        = state_q == StData && !trdy_q && !stop_q;
  assign transaction_o.pointer        = {next, 2'b00};
  assign transaction_o.loaded         = loaded_q;
  assign transaction_o.loaded_address = {loaded_address, 2'b00};
  assign transaction_o.offered        = trdy_q;
  assign transaction_o.transfer       = transfer;
  assign transaction_o.write          = write_q && !(data_bad && parity_response_i);
  assign transaction_o.write_address  = {write_address, 2'b00};
  assign transaction_o.write_be       = write_be_q;
  assign transaction_o.wdata          = wdata_q;

  assign target_o.devsel     = devsel_q;
  assign target_o.trdy       = trdy_q;
  assign target_o.stop       = stop_q;
  assign target_o.control_en = control_en_q;
  assign target_o.ad         = ad_q;
  assign target_o.ad_en      = ad_en_q;
  assign target_o.par        = parity_q;
  assign target_o.par_en     = par_en_q;
  assign target_o.perr       = perr_q;
  assign target_o.perr_en    = perr_en_q;
  assign target_o.serr       = serr_q;
endmodule
