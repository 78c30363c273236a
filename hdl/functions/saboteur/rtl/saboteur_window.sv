// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// The window of the saboteur: a target of its own that keeps 4 KiB of data and answers as badly as it is told. The
/// socket says on the decode clock that a transaction is for it. The window looks at no parity, and what it does is not
/// in the function's Status register.
module saboteur_window (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  /// On the decode clock: a transaction is for the window; it reads; its address.
  input  logic                 hit_i,
  input  logic                 read_i,
  input  logic [11:0]          address_i,
  /// The fault, the datum at which it comes, and whether it is armed. It came in the transaction that is under way.
  input  saboteur_reg_pkg::fault_e fault_i,
  input  logic [7:0]           datum_i,
  input  logic                 armed_i,
  output logic                 done_o,
  /// The pace, in clocks.
  input  logic [1:0]           decode_i,
  input  logic [7:0]           first_i,
  input  logic [7:0]           later_i,
  /// Bus; the outputs count while `drives_o` is on.
  input  bus_pkg::bus_t        bus_i,
  output logic                 drives_o,
  output bus_pkg::target_out_t target_o
);
  typedef enum logic [1:0] {
    // No transaction of the window.
    StIdle,
    // DEVSEL comes late.
    StDecode,
    // Data phases.
    StData,
    // STOP is held until FRAME is off.
    StStop
  } state_e;

  state_e      state_q, state_d;
  logic        devsel_q, devsel_d, trdy_q, trdy_d, stop_q, stop_d, control_en_q, read_q, order_q;
  logic [1:0]  late_q;
  logic [7:0]  wait_q;
  logic [10:0] count_q, next_count;
  logic [11:2] pointer_q, next;
  logic        phase_end, transfer, offer, load, at_fault, absent, claim, leaves, aborts, withholds, stops, spoils, done_q, tail_q;

  assign phase_end  = bus_i.irdy && (trdy_q || stop_q);
  assign transfer   = bus_i.irdy && trdy_q;
  assign leaves     = !bus_i.frame && !bus_i.irdy;
  assign next       = pointer_q + 10'(transfer);
  assign next_count = count_q + 11'(transfer);
  assign at_fault   = armed_i && next_count == 11'(datum_i);
  assign claim      = state_q == StDecode ? late_q == '0 && !leaves
                                          : hit_i && state_q == StIdle && decode_i == '0 && !absent;

  assign load       = offer && read_q;

  // The fault of the datum that is offered. The last datum of the window ends a burst; a burst order other than
  // linear gets one datum.
  assign absent    = armed_i && fault_i == saboteur_reg_pkg::FaultAbsent;
  assign aborts    = at_fault && fault_i == saboteur_reg_pkg::FaultAbort;
  assign withholds = aborts || (at_fault && fault_i == saboteur_reg_pkg::FaultStop);
  assign spoils    = at_fault && fault_i == saboteur_reg_pkg::FaultParity;
  assign stops     = withholds || (at_fault && fault_i == saboteur_reg_pkg::FaultLast) || (bus_i.frame && (next == '1 || order_q));

  always_comb begin : p_state
    state_d  = state_q;
    devsel_d = devsel_q;
    trdy_d   = trdy_q;
    stop_d   = stop_q;
    offer    = 1'b0;
    unique case (state_q)
      StIdle: begin
        if (hit_i && !absent) state_d = claim ? StData : StDecode;
        devsel_d = claim;
      end
      StDecode: begin
        if (leaves) state_d = StIdle;
        else if (claim) state_d = StData;
        devsel_d = claim;
      end
      StData: begin
        if (leaves || (phase_end && !bus_i.frame)) begin
          state_d = StIdle;
        end else if (phase_end && stop_q) begin
          state_d = StStop;
          trdy_d  = 1'b0;
        end else begin
          if (phase_end) begin
            trdy_d = 1'b0;
            offer  = later_i == '0;
          end else begin
            offer = !trdy_q && !stop_q && wait_q == '0;
          end
        end
      end
      StStop: if (leaves || (bus_i.irdy && !bus_i.frame)) state_d = StIdle;
      default: state_d = StIdle;
    endcase
    if (offer) begin
      trdy_d = !withholds;
      stop_d = stops;
      if (aborts) devsel_d = 1'b0;
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
    end else begin
      state_q      <= state_d;
      devsel_q     <= devsel_d;
      trdy_q       <= trdy_d;
      stop_q       <= stop_d;
      // The signals are driven off for one clock before they are released.
      control_en_q <= devsel_d || trdy_d || stop_d || devsel_q || trdy_q || stop_q;
    end
  end

  // The place of the transaction, and the clocks until the next datum.
  always_ff @(posedge clk_i) begin : p_place
    if (state_q == StIdle) begin
      if (hit_i) begin
        read_q    <= read_i;
        pointer_q <= address_i[11:2];
        order_q   <= address_i[1:0] != '0;
        count_q   <= '0;
        late_q    <= decode_i - 2'd1;
        wait_q    <= first_i;
      end
    end else begin
      pointer_q <= next;
      count_q   <= next_count;
      if (state_q == StDecode) late_q <= late_q - 2'd1;
      if (phase_end) wait_q <= later_i - 8'(later_i != '0);
      else if (state_q == StData && wait_q != '0) wait_q <= wait_q - 8'd1;
    end
  end

  // A fault counts once in a transaction.
  always_ff @(posedge clk_i) begin : p_done
    if (!rst_ni) done_q <= 1'b0;
    else if (state_q == StIdle) done_q <= 1'b0;
    else if (done_o) done_q <= 1'b1;
  end
  assign done_o = hit_i && state_q == StIdle ? absent : offer && at_fault && fault_i != saboteur_reg_pkg::FaultNone && !done_q;

  // The data. A datum that is written moves on the clock of `transfer`.
  logic [31:0] words [1024];
  logic [31:0] ad_q;
  logic        ad_en_q, par_en_q;
  always_ff @(posedge clk_i) begin : p_data
    for (int unsigned lane = 0; lane < 4; lane++) begin
      if (transfer && !read_q && !bus_i.cbe[lane]) words[pointer_q][8*lane +: 8] <= bus_i.ad[8*lane +: 8];
    end
    if (load) ad_q <= words[next];
  end
  always_ff @(posedge clk_i) begin : p_ad
    if (!rst_ni) begin
      ad_en_q  <= 1'b0;
      par_en_q <= 1'b0;
    end else begin
      ad_en_q  <= read_q && devsel_d && state_q != StIdle;
      par_en_q <= ad_en_q;
    end
  end

  // Parity: PAR follows AD by a clock; PERR comes two clocks after the datum that it complains of.
  logic spoilt_q, moved_spoilt_q, parity_q, perr_q, perr_en_q;
  always_ff @(posedge clk_i) begin : p_parity
    if (!rst_ni) begin
      spoilt_q       <= 1'b0;
      moved_spoilt_q <= 1'b0;
      perr_q         <= 1'b0;
      perr_en_q      <= 1'b0;
      tail_q         <= 1'b0;
    end else begin
      if (offer) spoilt_q <= spoils;
      else if (phase_end || state_q == StIdle) spoilt_q <= 1'b0;
      moved_spoilt_q <= transfer && !read_q && spoilt_q;
      perr_q         <= moved_spoilt_q;
      perr_en_q      <= moved_spoilt_q || perr_q;
      tail_q         <= state_q != StIdle;
    end
    if (state_q != StIdle || tail_q) parity_q <= ^{bus_i.ad, bus_i.cbe} ^ (read_q && spoilt_q && trdy_q);
  end

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
  assign target_o.serr       = 1'b0;
  assign drives_o            = control_en_q || ad_en_q || par_en_q || perr_en_q;

  logic unused_bus;
  assign unused_bus = ^bus_i;
endmodule
