// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

/// Master side of an agent. It carries out a request of any number of dwords, in as many transactions as the target,
/// the arbiter and the available data make necessary.
///
/// It never inserts waits. FRAME stays on only if the datum after the next is available (a write) or has a place (a
/// read), so IRDY is on from the clock after the address phase to the end. Retries and disconnects are resumed at the
/// first dword that has not moved; REQ then stays off for two clocks.
///
/// A read that was retried is *owed*: the target may hold an answer for it, so it is repeated until it is answered. A
/// request that is stopped before that ends only then: for one datum more, which is thrown away. So nothing of a request
/// comes after its end, and the memory that it was for may be given back. Only `enable_i` ends it at once; what is owed
/// then is forgotten, and the target's discard timer drops it.
///
/// The datum at the last address ends the request, which does not go on at address 0.
module bus_initiator #(
  /// The number of retries without any datum moved after which the request ends; 0 means never.
  parameter int unsigned RetryLimit = 0,
  /// Log2 of the retries that count as one of them while `patient_i` is on.
  parameter int unsigned PatienceLog2 = 0,
  /// Bits of the addresses and of the lengths of requests; the other bits of a request are 0.
  parameter int unsigned AddressBits = 32,
  parameter int unsigned LengthBits = 16,
  /// A write can move more than one datum in a transaction. Else `available` must be at most 1 for a write, and `wdata1`
  /// is not looked at.
  parameter bit          WriteBursts = 1'b1,
  /// Each datum has byte enables of its own: `first_be` of the request are those of `wdata0`, and `last_be` those of
  /// `wdata1`, at any time.
  parameter bit          Lanes = 1'b0,
  /// A read that was retried is owed. Else a request that is stopped ends at once, and the backend repeats it.
  parameter bit          Owes = 1'b1
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  /// Backend.
  input  bus_pkg::initiator_in_t  backend_i,
  output bus_pkg::initiator_out_t backend_o,
  /// Retries may come from something that is only slow.
  input  logic                    patient_i,

  /// From the configuration header: master enable, latency timer, parity error response; to it: the bits of Status to
  /// set.
  input  logic                    enable_i,
  input  logic [7:0]              latency_i,
  input  logic                    parity_response_i,
  output bus_pkg::status_set_t    status_set_o,

  /// Bus.
  input  bus_pkg::bus_t           bus_i,
  input  logic                    gnt_i,
  output logic                    req_o,
  output bus_pkg::master_out_t    master_o
);
  typedef enum logic [2:0] {
    // No request.
    StIdle,
    // A request waits for grant, idle bus and data.
    StWait,
    // FRAME and address are on the bus.
    StAddress,
    // A data phase.
    StData,
    // FRAME is off and IRDY on for the closing clock after STOP or a master abort.
    StClose,
    // REQ is off after a retry or disconnect.
    StBackoff
  } state_e;

  localparam logic [2:0] DevselLimit = 3'd3;

  state_e              state_q, state_d;
  bus_pkg::command_e   command_q;
  logic [AddressBits-1:0] address_q;
  logic [LengthBits-1:0]  length_q;
  logic [3:0]          first_be_q, last_be_q;
  bus_pkg::result_e    result_q, result_d;
  logic                done_q, done_d, moved_q;
  logic                frame_q, frame_d, irdy_q, irdy_d, control_en_q;
  logic [2:0]          unanswered_q;
  logic                can_start, write, transfer, phase_end, give_up, take, awake;
  logic                stay, retry_limit_hit, timer_expired, wrap_up;
  logic [3:0]          be;
  logic [1:0]          tail_q;

  // The owed read: it was retried in its first data phase, and no datum, abort or limit of retries has ended it since.
  // `redeem_q` is on once it is repeated only for the target's sake, to the next request.
  logic owed_q, owed_d, redeem_q, redeem, opening_q, ready, ending, quit, places;
  assign ready  = state_q == StIdle;
  assign take   = backend_i.request_valid && ready;
  assign redeem = owed_q && backend_i.stop && (state_q == StWait || state_q == StBackoff);
  assign ending = !enable_i || backend_i.stop;
  assign quit   = !enable_i || (backend_i.stop && !owed_d);
  assign places = backend_i.available != '0 || (redeem_q && state_q != StIdle);
  always_comb begin : p_owes
    owed_d = owed_q;
    if (give_up || phase_end) begin
      owed_d = Owes && opening_q && !write && bus_i.stop && bus_i.devsel && !bus_i.trdy && !retry_limit_hit;
    end
  end
  always_ff @(posedge clk_i) begin : p_owed
    if (!rst_ni) begin
      owed_q   <= 1'b0;
      redeem_q <= 1'b0;
    end else if (awake) begin
      owed_q   <= owed_d && !done_d;
      redeem_q <= !take && (redeem_q || redeem);
    end
    if (awake) opening_q <= state_q == StAddress || (opening_q && !phase_end);
  end

  // Idle gating: three clocks after a transfer, when its parity has been checked, only the parking can change until the
  // next request. The gate saves simulation time: this one and that of bus_target take a quarter off an idle clock
  // (640 to 490 ns, "clocks waited" of bench/target_paths.py).
  logic busy;
  assign busy  = state_q != StIdle || backend_i.request_valid || backend_i.more;
  assign awake = busy || tail_q != '0;
  always_ff @(posedge clk_i) begin : p_tail
    if (!rst_ni) tail_q <= '0;
    else if (awake) tail_q <= busy ? 2'd3 : tail_q - 2'd1;
  end

  // A data phase.
  assign write = command_q[0];
  always_comb begin : p_phase
    transfer  = 1'b0;
    phase_end = 1'b0;
    give_up   = 1'b0;
    if (state_q == StData) begin
      transfer  = irdy_q && bus_i.trdy;
      phase_end = irdy_q && (bus_i.trdy || bus_i.stop);
      give_up   = unanswered_q == DevselLimit && !bus_i.devsel && !bus_i.stop;
    end
  end

  // The datum that moves next is one of the two at the end of the addresses; it is the last one.
  logic near_end, at_end;
  assign near_end = &address_q[AddressBits-1:3];
  assign at_end   = near_end && address_q[2];

  // Whether another data phase may follow the one being started (in StAddress) or loaded (in StData).
  always_comb begin : p_stay
    wrap_up = 1'b0;
    stay    = 1'b0;
    be      = 4'hF;
    if (state_q == StAddress || state_q == StData) begin
      wrap_up = ending || (timer_expired && !gnt_i);
      stay    = !wrap_up &&
                (state_q == StAddress ? length_q > LengthBits'(1) && backend_i.available >= 3'd2 && !at_end
                                      : length_q > LengthBits'(2) && backend_i.available >= 3'd3 && !near_end);
      if (!moved_q) be = first_be_q;
      if (length_q == LengthBits'(1)) be = be & last_be_q;
      if (Lanes) be = backend_i.request.first_be;
    end
  end

  // The transaction leaves the bus; whether the request has then ended.
  logic leaves, over, last_moves, second_q, finished_q;
  always_comb begin : p_end
    last_moves = 1'b0;
    leaves     = 1'b0;
    over       = 1'b0;
    done_d     = 1'b0;
    if (awake) begin
      last_moves = transfer && length_q == LengthBits'(1);
      leaves     = (phase_end && !frame_q) || state_q == StClose;
      over       = last_moves || quit || result_d != bus_pkg::ResultOk;
      // The end is reported on the first clock after the transaction has left the bus.
      if (leaves) done_d = over;
      else if (take || state_q == StWait) done_d = quit;
    end
  end

  always_comb begin : p_state
    state_d = state_q;
    frame_d = frame_q;
    irdy_d  = irdy_q;
    can_start = 1'b0;
    unique case (state_q)
      StIdle, StWait: begin
        can_start = gnt_i && enable_i && !bus_i.frame && !bus_i.irdy && places;
        if (take || state_q == StWait) state_d = quit ? StIdle : can_start ? StAddress : StWait;
        frame_d = state_d == StAddress;
      end
      StAddress: begin
        state_d = StData;
        irdy_d  = 1'b1;
        frame_d = stay;
      end
      StData: begin
        if (give_up) begin
          state_d = StClose;
          frame_d = 1'b0;
        end else if (phase_end) begin
          frame_d = frame_q && !bus_i.stop && stay;
          irdy_d  = frame_q;
          if (!frame_q) state_d = bus_i.stop ? StBackoff : over ? StIdle : StWait;
          else if (bus_i.stop) state_d = StClose;
        end
      end
      StClose: begin
        irdy_d  = 1'b0;
        state_d = result_q == bus_pkg::ResultMasterAbort ? StIdle : StBackoff;
      end
      // The state is entered with the idle clock; one more clock makes two clocks without REQ.
      StBackoff: if (second_q) state_d = finished_q ? StIdle : StWait;
      default: state_d = StIdle;
    endcase
  end

  always_comb begin : p_result
    result_d = result_q;
    if (take) begin
      result_d = bus_pkg::ResultOk;
    end else if (state_q == StData) begin
      if (give_up) result_d = bus_pkg::ResultMasterAbort;
      else if (phase_end && bus_i.stop && !bus_i.devsel) result_d = bus_pkg::ResultTargetAbort;
      else if (phase_end && retry_limit_hit) result_d = bus_pkg::ResultRetryLimit;
      else if (transfer && at_end && length_q != LengthBits'(1)) result_d = bus_pkg::ResultAddressEnd;
    end
  end

  always_ff @(posedge clk_i) begin : p_done
    if (!rst_ni) begin
      finished_q <= 1'b0;
      done_q     <= 1'b0;
      result_q   <= bus_pkg::ResultOk;
    end else if (awake) begin
      finished_q <= done_d || (finished_q && !take);
      done_q     <= done_d;
      result_q   <= result_d;
      if (done_d && (!last_moves || redeem_q) && result_d == bus_pkg::ResultOk) begin
        result_q <= backend_i.stop || redeem_q ? bus_pkg::ResultStopped : bus_pkg::ResultDisabled;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_request
    if (take || transfer) begin
      address_q <= take ? backend_i.request.address[AddressBits-1:0] : address_q + AddressBits'(4);
      length_q  <= take ? backend_i.request.length[LengthBits-1:0] : length_q - LengthBits'(1);
    end
    if (take) begin
      command_q  <= backend_i.request.command;
      first_be_q <= backend_i.request.first_be;
      last_be_q  <= backend_i.request.last_be;
    end
    // An owed read is repeated with the byte enables that it had, for one datum.
    if (redeem && length_q != LengthBits'(1)) begin
      length_q  <= LengthBits'(1);
      last_be_q <= 4'hF;
    end
  end

  always_ff @(posedge clk_i) begin : p_regs
    if (!rst_ni) begin
      state_q      <= StIdle;
      frame_q      <= 1'b0;
      irdy_q       <= 1'b0;
      control_en_q <= 1'b0;
      second_q     <= 1'b0;
    end else if (awake) begin
      state_q      <= state_d;
      frame_q      <= frame_d;
      irdy_q       <= irdy_d;
      // FRAME and IRDY are driven off for one clock before they are released.
      control_en_q <= frame_d || irdy_d || frame_q || irdy_q;
      second_q     <= state_q == StBackoff;
    end
  end

  always_ff @(posedge clk_i) begin : p_hold
    if (take) moved_q <= 1'b0;
    else if (transfer) moved_q <= 1'b1;
    if (awake) unanswered_q <= state_q != StData || bus_i.devsel ? '0 : unanswered_q + 3'd1;
  end

  // The number of retries without a datum in between.
  if (RetryLimit != 0) begin : gen_retry_limit
    localparam int unsigned Width = $clog2(RetryLimit + 1) + PatienceLog2;
    logic [Width-1:0] retries_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || take || transfer) retries_q <= '0;
      else if (phase_end && !bus_i.trdy) retries_q <= retries_q + (patient_i ? Width'(1) : Width'(1 << PatienceLog2));
    end
    assign retry_limit_hit = !bus_i.trdy && retries_q >> PatienceLog2 == Width'(RetryLimit - 1);
  end else begin : gen_no_retry_limit
    assign retry_limit_hit = 1'b0;
    logic unused_patient;
    assign unused_patient = patient_i;
  end

  // Latency timer: counts the clocks with FRAME on.
  logic [7:0] timer_q;
  always_ff @(posedge clk_i) begin : p_timer
    if (awake) timer_q <= state_d == StAddress ? latency_i : timer_q - 8'(frame_q && timer_q != '0);
  end
  assign timer_expired = timer_q == '0;

  // The request for the bus. A granted master on an idle bus needs no REQ.
  // During a burst REQ stays on until the end is near, so that the arbiter does not take the grant away.
  logic req_q, wants_more;
  always_comb begin : p_wants_more
    wants_more = 1'b0;
    if (take) wants_more = backend_i.more || backend_i.request.length > 16'd3;
    else if (state_q != StIdle) wants_more = backend_i.more || length_q > LengthBits'(3) + LengthBits'(transfer);
    if (ending || redeem_q) wants_more = 1'b0;
  end
  always_ff @(posedge clk_i) begin : p_req
    if (!rst_ni || !awake) req_q <= 1'b0;
    else if (state_d == StWait) req_q <= enable_i && places;
    else if (state_d == StIdle && state_q != StBackoff) req_q <= backend_i.more && enable_i;
    else req_q <= wants_more && (state_d == StAddress || (state_d == StData && !bus_i.stop));
  end

  // AD and C/BE are driven in a transaction of this master, and while the bus is parked here.
  logic        ad_en_q, cbe_en_q, park;
  logic [31:0] ad_q, ad_d;
  logic [3:0]  cbe_q, cbe_d;
  assign park = gnt_i && !bus_i.frame && !bus_i.irdy;

  always_comb begin : p_ad
    ad_d  = ad_q;
    cbe_d = cbe_q;
    if (awake) begin
      if (state_d == StAddress) begin
        ad_d  = take ? backend_i.request.address : 32'(address_q);
        cbe_d = take ? backend_i.request.command : command_q;
      end else if (state_q == StAddress) begin
        ad_d  = backend_i.wdata0;
        cbe_d = ~be;
      end else if (transfer && frame_q) begin
        if (WriteBursts) ad_d = backend_i.wdata1;
        cbe_d = Lanes ? ~backend_i.request.last_be : length_q == LengthBits'(2) ? ~last_be_q : 4'h0;
      end
    end
  end

  logic busy_d;
  assign busy_d = state_d == StAddress || state_d == StData || state_d == StClose;
  always_ff @(posedge clk_i) begin : p_drive
    if (!rst_ni) begin
      ad_en_q  <= 1'b0;
      cbe_en_q <= 1'b0;
    end else begin
      ad_en_q  <= state_d == StAddress || (busy_d && write) || (!busy_d && park);
      cbe_en_q <= busy_d || park;
    end
    if (awake) begin
      ad_q  <= ad_d;
      cbe_q <= cbe_d;
    end
  end

  // Parity: PAR follows AD by one clock; PERR follows a bad read datum by two.
  logic parity_q, par_en_q, read_check_q, write_check_q, write_check2_q, perr_q, perr_en_q, read_bad, write_bad;
  always_ff @(posedge clk_i) begin : p_parity
    // While the bus is parked here, AD and C/BE keep their values, so that their parity is taken once.
    if (awake || (ad_en_q && !par_en_q)) parity_q <= ^{bus_i.ad, bus_i.cbe};
    if (!rst_ni) par_en_q <= 1'b0;
    else par_en_q <= ad_en_q;
    if (!rst_ni) begin
      read_check_q   <= 1'b0;
      write_check_q  <= 1'b0;
      write_check2_q <= 1'b0;
      perr_q         <= 1'b0;
      perr_en_q      <= 1'b0;
    end else if (awake) begin
      read_check_q   <= transfer && !write;
      write_check_q  <= transfer && write;
      write_check2_q <= write_check_q;
      perr_q         <= read_bad && parity_response_i;
      perr_en_q      <= (read_bad && parity_response_i) || perr_q;
    end
  end

  // The addresses of the last datum that moved, and of the last one that moved a clock before.
  logic [AddressBits-1:0] moved_address_q, checked_address_q;
  always_ff @(posedge clk_i) begin : p_moved_address
    if (transfer) moved_address_q <= address_q;
    if (write_check_q) checked_address_q <= moved_address_q;
  end

  // Status.
  logic special;
  assign special = command_q == bus_pkg::CommandSpecialCycle;
  always_comb begin : p_status
    read_bad     = 1'b0;
    write_bad    = 1'b0;
    status_set_o = '0;
    // Both are off while the initiator sleeps. A condition on `awake`, which depends on the request, would make the
    // outputs depend on the inputs.
    if (read_check_q) read_bad = parity_q != bus_i.par;
    if (write_check2_q) write_bad = bus_i.perr;
    if (awake) begin
      status_set_o.master_data_parity    = (read_bad || write_bad) && parity_response_i;
      status_set_o.detected_parity       = read_bad;
      status_set_o.received_master_abort = give_up && !special;
      status_set_o.received_target_abort = phase_end && bus_i.stop && !bus_i.devsel;
    end
  end

  assign backend_o.request_ready = ready;
  assign backend_o.enabled       = enable_i;
  assign backend_o.transfer      = transfer && !redeem_q;
  assign backend_o.transfer_be   = ~cbe_q;
  assign backend_o.pop           = transfer && write;
  assign backend_o.rvalid        = transfer && !write && !redeem_q;
  assign backend_o.rdata         = bus_i.ad;
  assign backend_o.done          = done_q;
  assign backend_o.result        = result_q;
  assign backend_o.address       = 32'(address_q);
  assign backend_o.address_phase = state_q == StAddress;
  assign backend_o.active        = frame_q || irdy_q;
  assign backend_o.writing       = (frame_q || irdy_q) && write;
  assign backend_o.parity_error  = (read_bad && !redeem_q) || write_bad;
  assign backend_o.par           = parity_q;
  assign backend_o.parity_address = 32'(read_check_q ? moved_address_q : checked_address_q);
  assign req_o                   = req_q;

  assign master_o.frame      = frame_q;
  assign master_o.irdy       = irdy_q;
  assign master_o.control_en = control_en_q;
  assign master_o.cbe        = cbe_q;
  assign master_o.cbe_en     = cbe_en_q;
  assign master_o.ad         = ad_q;
  assign master_o.ad_en      = ad_en_q;
  assign master_o.par        = parity_q;
  assign master_o.par_en     = par_en_q;
  assign master_o.perr       = perr_q;
  assign master_o.perr_en    = perr_en_q;
endmodule
