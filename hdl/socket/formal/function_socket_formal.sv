// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

`include "formal/properties.svh"

/// Proof of `function_socket` with all its parts, on a bus that need not keep the rules, which the proofs of target and
/// initiator are for. The function behind it answers as it likes.
module function_socket_formal #(
  /// The base address registers that there are: 0 for 4 KiB and 64 KiB of memory and 256 bytes of I/O in the first three,
  /// 1 for 16 bytes of I/O in the first, 16 bytes of memory in the fourth, 1 MiB of memory in the sixth.
  parameter int unsigned Layout = 0
) (
  input logic                   clk_i,
  input logic                   rst_ni,
  input bus_pkg::bus_in_t       bus_i,
  input socket_pkg::answer_t    answer_i,
  input logic [31:0]            rdata_i,
  input socket_pkg::interrupt_t interrupt_i,
  input bus_pkg::initiator_in_t initiator_i
);
  localparam logic [191:0] BarMask = Layout == 0 ? {96'd0, 32'hFFFF_FF00, 32'hFFFF_0000, 32'hFFFF_F000} :
                                     {32'hFFF0_0000, 32'd0, 32'hFFFF_FFF0, 64'd0, 32'hFFFF_FFF0};
  localparam logic [191:0] BarType = Layout == 0 ? {96'd0, 32'd1, 64'd0} : {32'd8, 128'd0, 32'd1};
  localparam logic [31:0]  Identity = 32'h5678_1234;

  bus_pkg::bus_out_t       bus;
  logic                    intx, load, message_failed;
  socket_pkg::events_t     events;
  socket_pkg::access_t     access;
  socket_pkg::place_t      place;
  bus_pkg::initiator_out_t progress;

  // Registers that nothing sets: the number of the function, and the base address register that is looked at.
  logic [2:0] number_q, watched_q;
  always_ff @(posedge clk_i) begin : p_free
    number_q  <= number_q;
    watched_q <= watched_q;
  end
  always_comb begin : p_place
    place        = '0;
    place.number = number_q;
    place.pin    = 3'd1;
  end
  function_socket #(
    .VendorId(Identity[15:0]), .DeviceId(Identity[31:16]), .ClassCode(24'h123456), .Revision(8'd1), .BarMask(BarMask),
    .BarType(BarType)
  ) u_dut (
    .clk_i, .rst_ni, .place_i(place), .bus_i, .bus_o(bus), .intx_o(intx), .events_o(events), .access_o(access),
    .answer_i, .rdata_i, .load_o(load), .interrupt_i, .message_failed_o(message_failed), .initiator_i,
    .initiator_o(progress)
  );

  logic begun_q = 1'b0;
  always_ff @(posedge clk_i) begun_q <= 1'b1;

  // The states of bus_target.
  localparam logic [2:0] StIdle   = 3'd0;
  localparam logic [2:0] StDecode = 3'd1;
  localparam logic [2:0] StData   = 3'd2;
  localparam logic [2:0] StAbort  = 3'd3;
  logic [2:0] state;
  assign state = u_dut.u_target.state_q;

  // The transaction, from its address phase.
  logic [31:0] address_q;
  logic [3:0]  command_q;
  logic        idsel_q, parity_q, memory, io, configuration, write;
  always_ff @(posedge clk_i) begin : p_transaction
    if (state == StIdle && bus_i.bus.start) begin
      address_q <= bus_i.bus.ad;
      command_q <= bus_i.bus.cbe;
      idsel_q   <= bus_i.idsel;
      parity_q  <= ^{bus_i.bus.ad, bus_i.bus.cbe};
    end
  end
  assign write         = command_q[0];
  assign io            = command_q == bus_pkg::CommandIoRead || command_q == bus_pkg::CommandIoWrite;
  assign configuration = (command_q == bus_pkg::CommandConfigurationRead ||
                          command_q == bus_pkg::CommandConfigurationWrite) && idsel_q && address_q[1:0] == 2'b00 &&
                         address_q[10:8] == number_q;
  always_comb begin : p_memory
    case (command_q)
      bus_pkg::CommandMemoryRead, bus_pkg::CommandMemoryWrite, bus_pkg::CommandMemoryReadMultiple,
      bus_pkg::CommandMemoryReadLine, bus_pkg::CommandMemoryWriteInvalidate: memory = 1'b1;
      default: memory = 1'b0;
    endcase
  end

  // The ranges that the transaction is in, and whether the datum at `pointer` is the last of one.
  logic [5:0]  holds;
  logic        last;
  logic [31:0] mask, base, watched_mask, watched_base, next;
  assign next = access.pointer + 32'd4;
  always_comb begin : p_ranges
    holds       = '0;
    last         = 1'b0;
    mask         = '0;
    base         = '0;
    watched_mask = '0;
    watched_base = '0;
    for (int unsigned i = 0; i < 6; i++) begin
      mask = BarMask[i*32 +: 32];
      base = u_dut.bars[i*32 +: 32] & mask;
      if (mask != '0 && base != '0 && (address_q & mask) == base) begin
        holds[i] = BarType[i*32] ? io && u_dut.command.io_enable : memory && u_dut.command.memory_enable;
      end
      last = last || (holds[i] && (next & mask) != (access.pointer & mask));
      if (watched_q == 3'(i)) begin
        watched_mask = mask;
        watched_base = u_dut.bars[i*32 +: 32];
      end
    end
  end

  // An I/O access names the lowest enabled byte; one without any enabled byte may name any.
  logic [1:0] lowest;
  logic       contradicts, claims, aborts;
  assign lowest      = !bus_i.bus.cbe[0] ? 2'd0 : !bus_i.bus.cbe[1] ? 2'd1 : !bus_i.bus.cbe[2] ? 2'd2 : 2'd3;
  assign contradicts = io && bus_i.bus.cbe != '1 && address_q[1:0] != lowest;
  assign claims      = (configuration || holds != '0) && parity_q == bus_i.bus.par;
  assign aborts      = !configuration && (contradicts || answer_i.abort);

  // The address of the datum after the one that is offered, or else of the one to be offered.
  logic [31:0] following;
  assign following = {u_dut.u_target.gen_bursts.pointer_q, 2'b00} + (bus.target.trdy && write ? 32'd4 : 32'd0);

  // The clock before.
  logic        past_q, decoded_q, claims_q, aborts_q, offered_q, single_q, answered_q, moved_q, active_q, frame_q;
  logic        status_q, reset_q, latched_q;
  logic [31:0] ad_q, datum_q;
  logic [3:0]  cbe_q;
  always_ff @(posedge clk_i) begin : p_before
    past_q     <= rst_ni;
    decoded_q  <= rst_ni && state == StDecode;
    claims_q   <= claims;
    aborts_q   <= aborts;
    offered_q  <= rst_ni && u_dut.u_target.offer && u_dut.u_target.can;
    single_q   <= bus_i.bus.frame && (!memory || last || answer_i.single || address_q[1:0] != 2'b00);
    answered_q <= configuration || (write ? answer_i.wready : answer_i.rvalid);
    moved_q    <= rst_ni && bus.target.devsel && bus.target.trdy && bus_i.bus.irdy;
    active_q   <= rst_ni && state != StIdle;
    frame_q    <= rst_ni && bus_i.bus.frame;
    status_q   <= rst_ni && !interrupt_i.reset && interrupt_i.status;
    reset_q    <= interrupt_i.reset;
    latched_q  <= interrupt_i.latched;
    ad_q       <= bus_i.bus.ad;
    cbe_q      <= bus_i.bus.cbe;
    if (load) datum_q <= configuration ? u_dut.header_rdata : rdata_i;
  end

  // The watched base address register and the enables, as configuration writes have made them.
  logic [31:0] base_q, written_mask, bar_mask;
  logic        configured, memory_enable_q, io_enable_q, bus_master_q, disabled_q;
  logic [5:0]  place_written;
  assign configured    = access.write && configuration;
  assign place_written = address_q[7:2];
  assign written_mask  = {{8{!cbe_q[3]}}, {8{!cbe_q[2]}}, {8{!cbe_q[1]}}, {8{!cbe_q[0]}}};
  assign bar_mask      = written_mask & watched_mask;
  always_ff @(posedge clk_i) begin : p_configuration
    if (!rst_ni) begin
      base_q <= BarType[32'(watched_q)*32 +: 32];
      {memory_enable_q, io_enable_q, bus_master_q, disabled_q} <= '0;
    end else if (configured) begin
      if (place_written == 6'd4 + 6'(watched_q)) base_q <= (ad_q & bar_mask) | (base_q & ~bar_mask);
      if (place_written == 6'd1 && written_mask[0]) {bus_master_q, memory_enable_q, io_enable_q} <= ad_q[2:0];
      if (place_written == 6'd1 && written_mask[8]) disabled_q <= ad_q[10];
    end
  end

  always_ff @(posedge clk_i) begin : p_properties
    `ASSUME(reset_first, begun_q || !rst_ni, "The proof begins in reset, which may come again at any time.")
    `ASSUME(one_of_six, watched_q < 3'd6, "The base address register that is looked at is one of six.")
    `ASSUME(M03, !past_q || !active_q || frame_q || !bus_i.bus.frame || state == StIdle,
            "FRAME, once off, stays off until the transaction has ended.")
    `ASSUME(start_idle, !bus_i.bus.start || state == StIdle,
            "A transaction begins only after the one before has left the bus.")
    `ASSUME(own_trdy, !bus.target.trdy || bus_i.bus.trdy, "TRDY of the function is on the bus.")
    `ASSUME(T04, !bus_i.bus.trdy || bus_i.bus.devsel, "TRDY is on only while DEVSEL is.")
    if (rst_ni) begin
      if (decoded_q) begin
        `PROVE(T15_claims, bus.target.devsel == claims_q,
               "A transaction is claimed if its address is in an enabled range, or if it is a configuration access of type 0 with IDSEL on and this function's number, and no other one.")
        `PROVE(T14_aborts, !claims_q || (state == StAbort) == aborts_q,
               "A claimed transaction is aborted if the function says so or the byte enables of an I/O access contradict its address, and never a configuration access.")
      end
      `PROVE(decodes, access.bar == (access.active || access.write ? holds : 6'd0),
             "The function is shown exactly the ranges that hold the address, and none outside a transaction.")
      `PROVE(configuration_hidden, !configuration || access.bar == '0 || !(access.active || access.write),
             "The function is shown no range in a configuration access.")
      if (offered_q) begin
        `PROVE(answered, answered_q && bus.target.trdy,
               "A datum moves only once the function has answered; configuration is answered at once.")
        `PROVE(single, bus.target.stop == single_q,
               "A burst ends with the last datum of a range, with a datum that the function calls the last, and after one datum of I/O or configuration.")
      end
      `PROVE(read_datum, !(state == StData && bus.target.trdy && !write) || bus.target.ad == datum_q,
             "A read gets the datum of the function, or in a configuration access that of the header.")
      `PROVE(writes, access.write == (moved_q && write && (u_dut.u_target.parity_q == bus_i.bus.par ||
             !u_dut.command.parity_response)) || !past_q,
             "The function is handed each datum that was written here, unless its parity is wrong and reported, and no other one.")
      `PROVE(write_datum, !access.write || (access.wdata == ad_q && access.be == ~cbe_q),
             "A written datum comes with its byte enables.")
      `PROVE(in_range, !(state == StData && bus.target.trdy && holds[watched_q] && memory) ||
             ((write ? {u_dut.u_target.gen_bursts.pointer_q, 2'b00} : access.loaded_address) & watched_mask) == (address_q & watched_mask),
             "No datum of a burst is outside the range that its first one is in.")
      `PROVE(header_identity, !(load && configuration && address_q[7:2] == 6'd0) || u_dut.header_rdata == Identity,
             "The header shows the identity.")
      `PROVE(header_bar, !(load && configuration && address_q[7:2] == 6'd4 + 6'(watched_q)) ||
             u_dut.header_rdata == base_q, "The header shows the base address registers.")
      `PROVE(base, watched_base == base_q,
             "A base address register changes by configuration writes to it only, and only in its writable bits.")
      `PROVE(enables, {u_dut.command.memory_enable, u_dut.command.io_enable, u_dut.command.bus_master,
             u_dut.command.interrupt_disable} == {memory_enable_q, io_enable_q, bus_master_q, disabled_q},
             "The enables of the Command register change by configuration writes to it only.")
      `PROVE(I01_pin, !past_q || latched_q || reset_q ||
             intx == (status_q && !disabled_q && !u_dut.message_enable),
             "The pin of a level interrupt is the status one clock before, unless it is disabled or messages are on.")
    end
  end

  // The states that can be reached, for the induction; and goals.
  always_ff @(posedge clk_i) begin : p_states
    if (rst_ni) begin
      `PROVE(latched, state == StIdle || (u_dut.transaction.address == address_q && u_dut.transaction.read == !write &&
             u_dut.transaction.memory == memory && u_dut.transaction.io == io &&
             u_dut.transaction.configuration == configuration && u_dut.transaction.command == command_q),
             "The transaction is that of the address phase.")
      `PROVE(latched_after, !access.write || (write && u_dut.transaction.address == address_q &&
             u_dut.transaction.configuration == configuration && u_dut.transaction.memory == memory &&
             u_dut.transaction.io == io), "The transaction is known until its last datum is handed over.")
      `PROVE(latched_parity, state != StDecode || u_dut.u_target.parity_q == parity_q,
             "The parity is that of the address phase.")
      `PROVE(known_state, state <= 3'd4, "There is no sixth state.")
      `PROVE(data_claimed, (!bus.target.trdy || state == StData) && (state != StData || bus.target.devsel),
             "TRDY is on in data phases only, which have DEVSEL.")
      `PROVE(stays_claimed, state != StData || configuration || holds != '0,
             "A claimed transaction stays in its range to its end.")
      `PROVE(one_datum, !(configuration && (state == StDecode || state == StData)) ||
             (bus.target.trdy ? !bus_i.bus.frame || bus.target.stop :
              u_dut.transaction.pointer == {address_q[31:2], 2'b00}),
             "A configuration access has one datum.")
      `PROVE(one_address, !(configuration && state == StData && bus.target.trdy) ||
             (write ? {u_dut.u_target.gen_bursts.pointer_q, 2'b00} : access.loaded_address) == {address_q[31:2], 2'b00},
             "The datum of a configuration access is at its address.")
      `PROVE(write_address, !(access.write && configuration) || access.write_address[7:2] == address_q[7:2],
             "A configuration write is handed over with its address.")
      `PROVE(stays_inside, !((state == StDecode || state == StData) && memory && holds[watched_q]) ||
             bus.target.stop || (bus.target.trdy && !bus_i.bus.frame) ||
             (following & watched_mask) == (address_q & watched_mask),
             "The next datum of a burst that goes on is in its range.")
      `PROVE(waits, !(state == StData && bus.target.stop && !bus.target.trdy) || !u_dut.u_target.offer,
             "No datum is offered after STOP.")
      `COVER(burst, access.write && access.bar[watched_q] && memory && access.write_address != address_q &&
             bus.target.stop, "A burst of writes is ended at the end of its range.")
      `COVER(io_aborted, state == StAbort && io, "An I/O access is aborted.")
      `COVER(other_number, decoded_q && !bus.target.devsel && idsel_q && command_q == bus_pkg::CommandConfigurationRead &&
             address_q[1:0] == '0, "A configuration access to another function of the device is left alone.")
      `COVER(pin_on, intx && interrupt_i.latched, "The pin is on.")
    end
  end

  // A message, from the clock on which the initiator takes it.
  localparam logic [2:0] MasterIdle = 3'd0;
  localparam logic [2:0] MasterWait = 3'd1;
  localparam logic [2:0] MasterAddress = 3'd2;
  localparam logic [2:0] MasterData = 3'd3;
  localparam logic [2:0] MasterBackoff = 3'd5;
  logic        taken, busy_q, left_q, owns, over, transfer, gave_q, judged_q, requested_q, enabled_q;
  logic [31:0] message_address_q;
  logic [15:0] message_data_q;
  logic [2:0]  master_state;
  logic        done, finished, redeems, owed;
  bus_pkg::result_e result;
  assign master_state = u_dut.gen_initiator.u_master.u_initiator.state_q;
  assign taken        = u_dut.message_taken;
  assign done         = u_dut.gen_initiator.u_master.progress.done;
  assign result       = u_dut.gen_initiator.u_master.progress.result;
  assign finished     = u_dut.gen_initiator.u_master.u_initiator.finished_q;
  assign redeems      = u_dut.gen_initiator.u_master.u_initiator.redeem_q;
  assign owed         = u_dut.gen_initiator.u_master.u_initiator.owed_q;
  assign owns         = u_dut.gen_initiator.u_master.owns_q;
  assign over         = master_state == MasterIdle;
  assign transfer     = master_state == MasterData && bus.master.irdy && bus_i.bus.trdy;
  always_ff @(posedge clk_i) begin : p_message
    if (!rst_ni) {busy_q, requested_q} <= '0;
    else begin
      busy_q      <= taken || (busy_q && !done);
      requested_q <= (progress.request_ready && initiator_i.request_valid) || (requested_q && !progress.done);
    end
    if (taken) begin
      left_q            <= 1'b1;
      message_address_q <= u_dut.message_address[31:0];
      message_data_q    <= u_dut.message_data;
    end else if (transfer) begin
      left_q <= 1'b0;
    end
    enabled_q <= rst_ni && u_dut.message_enable;
    gave_q    <= rst_ni && transfer && busy_q;
    judged_q  <= rst_ni && gave_q;
  end
  always_ff @(posedge clk_i) begin : p_messages
    if (rst_ni) begin
      `PROVE(message_taken, !taken || (u_dut.u_interrupt.message_q && bus_master_q && enabled_q),
             "A message is taken only if one waits, Bus Master is on, and messages were enabled one clock before.")
      `PROVE(message_first, !(u_dut.message && progress.request_ready),
             "While a message waits, no request of the function is taken.")
      `PROVE(message_address, !u_dut.message_phase || (bus.master.frame && bus.master.ad == message_address_q &&
             bus.master.cbe == bus_pkg::CommandMemoryWrite && left_q),
             "A message is a memory write to the address that it had when it was taken, and is not repeated once its datum has moved.")
      `PROVE(message_datum, !(transfer && busy_q) || (bus.master.ad == {16'd0, message_data_q} &&
             bus.master.cbe == '0 && left_q), "A message has one datum, the number that it had when it was taken.")
      `PROVE(message_sent, !(busy_q && done) || left_q == (result != bus_pkg::ResultOk),
             "A message ends well if its datum has moved, and only then.")
      `PROVE(message_failed_state, message_failed == (u_dut.message_suppressed ||
             (busy_q && done && result != bus_pkg::ResultOk && result != bus_pkg::ResultDisabled) ||
             (judged_q && bus_i.bus.perr)),
             "A message fails if the function cannot reach its address, its transaction fails, or its target complains about its parity.")
      `PROVE(not_mixed, !(progress.transfer || progress.pop || progress.rvalid || progress.done) || requested_q,
             "The function is shown the progress of its own requests, and not that of messages.")
      `PROVE(all_shown, !(transfer && requested_q) || progress.transfer || redeems,
             "The function is shown each datum of its own requests, but that of a read that is repeated after a stop.")
      // The states that can be reached, for the induction.
      `PROVE(owner, (!busy_q || owns) && !(requested_q && owns), "The initiator works for one of the two.")
      `PROVE(working, finished || over || busy_q || requested_q,
             "The initiator works on a request that it has taken.")
      `PROVE(finished_state, !finished || over || master_state == MasterBackoff,
             "What has ended has left the bus.")
      `PROVE(owed_read, !(owed || (redeems && !over)) || !u_dut.gen_initiator.u_master.u_initiator.command_q[0],
             "Only a read is repeated after a stop.")
      `PROVE(still_well, !(master_state == MasterWait || master_state == MasterAddress ||
             master_state == MasterData) || result == bus_pkg::ResultOk,
             "A request goes on only while nothing has gone wrong.")
      `PROVE(last_address, !(master_state == MasterData && u_dut.gen_initiator.u_master.u_initiator.frame_q) ||
             !u_dut.gen_initiator.u_master.u_initiator.at_end, "FRAME is off with the datum at the last address.")
      `PROVE(owed_owner, !(owed || (redeems && !over)) || !owns, "No message is owed.")
      `PROVE(owed_busy, !owed || (!over && !finished), "A read is owed only until its request has ended.")
      `PROVE(request_state, !(requested_q && !done) || (!over && !finished),
             "The initiator has the request of the function.")
      `PROVE(done_state, !done || ((busy_q || requested_q) && finished), "What ends was under way.")
      `PROVE(message_progress, !(busy_q && !done) ||
             (u_dut.gen_initiator.u_master.u_initiator.address_q == message_address_q &&
              u_dut.gen_initiator.u_master.u_initiator.command_q == bus_pkg::CommandMemoryWrite &&
              u_dut.gen_initiator.u_master.u_initiator.length_q == 16'd1 && left_q && !over && !finished &&
              u_dut.gen_initiator.u_master.u_initiator.first_be_q == '1 &&
              u_dut.gen_initiator.u_master.u_initiator.last_be_q == '1 &&
              u_dut.gen_initiator.u_master.datum_q == message_data_q),
             "The initiator has the message.")
      `PROVE(message_data_state, !(busy_q && master_state == MasterData) || (bus.master.cbe == '0 && !bus.master.frame &&
             bus.master.ad == {16'd0, message_data_q}), "The datum of the message is on AD, and is the last one.")
      `COVER(message_after, busy_q && transfer && initiator_i.request_valid,
             "A message is sent while the function has a request.")
    end
  end

  logic unused;
  assign unused = ^{events};
endmodule
