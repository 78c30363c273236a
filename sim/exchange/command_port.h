// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The host's side of the command port, clock by clock. Both simulated targets run this one state machine, so they
// cannot differ in what they ask of the machine and when.
//
// `Pins` has a member for each signal of the RTL top, with the same name. Outputs are read and inputs are written
// between two clock edges: `drive` first, then `serve`, then the edge. The machine's outputs come from registers, so
// the next edge acts on the same values that are read here.
#pragma once

#include <cstring>

#include "confinement.h"
#include "exchange.h"
#include "memory_delays.h"

namespace dirql {

inline constexpr uint64_t kNever = UINT64_MAX;
inline constexpr unsigned kResetClocks = 4;
// The edges after which a wait ends before its limit, so that host code sees signals such as Ctrl-C meanwhile.
inline constexpr uint64_t kLongestWait = 1 << 18;

template <class Pins>
class CommandPort {
  public:
    CommandPort(Pins& pins, dirql_exchange& exchange) : pins_(pins), exchange_(exchange), confinement_(exchange) {}

    // Takes up the request in the exchange.
    void begin() {
        begin_command(uint32_t(exchange_.operation), uint32_t(exchange_.address), uint32_t(exchange_.byte_enables),
                      exchange_.length, uint32_t(exchange_.datum), exchange_.spent);
        if (exchange_.kind == DIRQL_RESET) return begin_reset();
        if (exchange_.kind == DIRQL_WAIT || exchange_.kind == DIRQL_PADS) {
            after_ = exchange_.kind == DIRQL_WAIT ? State::kWait : State::kPads;
            return;
        }
        string_ = exchange_.kind == DIRQL_STRING;
        burst_ = !string_ && length_ > 1 && operation_ <= DIRQL_OP_MEM_WRITE;
        sending_ = burst_ && operation_ == DIRQL_OP_MEM_WRITE;
        if (string_) datum_ = exchange_.data[0];
    }

    // Takes up a single command without the exchange.
    void begin_command(uint32_t operation, uint32_t address, uint32_t byte_enables, uint64_t length, uint32_t datum,
                       uint64_t spent) {
        operation_ = operation;
        address_ = address;
        byte_enables_ = byte_enables;
        datum_ = datum;
        spent_ = spent;
        length_ = length;
        completed_ = 0;
        string_ = burst_ = sending_ = false;
        after_ = State::kCommand;
        exchange_.quiet_until = 0;
        present_ = presented();
        posted_ = 0;
        next_posted();
    }

    // Sets the inputs for the next edge. True when the request has its answer and no edge is wanted.
    bool drive() {
        for (;;) switch (state_) {
            case State::kPostedSpend:
                if (pass()) return false;
                present(DIRQL_OP_MARK, 0, 0, uint32_t(exchange_.posted[posted_].mark), 1);
                state_ = State::kPostedMark;
                [[fallthrough]];
            case State::kPostedMark:
                if (!taken_) return take();
                withdraw();
                ++posted_;
                next_posted();
                break;
            case State::kSpend:
                if (pass()) return false;
                enter();
                break;
            case State::kCommand:
                if (!taken_) return send(), take();
                withdraw();
                state_ = State::kResponse;
                patience_ = DIRQL_PATIENCE;
                [[fallthrough]];
            case State::kResponse:
                if (pins_.rdata_valid_o) receive(pins_.rdata_o);
                if (!pins_.rsp_valid_o) return send(), lose_patience();
                set(pins_.wdata_valid_i, 0);
                if (!next_of_string()) return end(pins_.rsp_status_o);
                break;
            case State::kWait:
                return attention() || pins_.clock_o >= stop_ || !patience_-- ? end(DIRQL_BUS_STATUS_OK) : false;
            case State::kPads: return reach_pads(), end(DIRQL_BUS_STATUS_OK);
            case State::kReset:
                if (left_--) return false;
                set(pins_.rst_ni, 1);
                // A memory that was slow until now may have been busy; nothing takes that back if it is not slow any more.
                set(pins_.hm_ready_i, 1);
                delays_.restart(exchange_.delay_seed, exchange_.delay_longest);
                return end(DIRQL_BUS_STATUS_OK);
        }
    }

    // Answers the bus masters' requests to host memory and takes a timestamp record, as the next edge will see them.
    void serve() {
        if (delays_.are_on()) {
            serve_late();
        } else {
            set(pins_.hm_rvalid_i, fetched_);
            if (fetched_) set(pins_.hm_rdata_i, fetch_);
            fetched_ = false;
            if (pins_.hm_valid_o) access_memory(may_read_now());
        }
        if (pins_.event_valid_o) record();
    }

    // Gives all inputs the values that they have between requests; some inputs never have another value.
    void rest() {
        set(pins_.cmd_valid_i, 0);
        set(pins_.wdata_valid_i, 0);
        set(pins_.rdata_ready_i, 1);
        set(pins_.event_ready_i, 1);
        set(pins_.hm_ready_i, 1);
        set(pins_.hm_rvalid_i, 0);
        set(pins_.rst_ni, 1);
    }

    // The clocks after the next edge that this request lets pass whatever the machine does, if the machine stays as it
    // is; 0 unless the request waits or spends clocks.
    uint64_t idle_clocks() const {
        switch (state_) {
            case State::kPostedSpend:
            case State::kSpend: return left_;
            case State::kWait: {
                const uint64_t end = stop_ < exchange_.deadline ? stop_ : exchange_.deadline;
                return end > pins_.clock_o + 1 ? end - pins_.clock_o - 1 : 0;
            }
            default: return 0;
        }
    }

    // True if neither this side nor the machine asks the other for anything at the next edge.
    bool is_quiet() const {
        return !changed_ && !fetched_ && !pins_.hm_valid_o && !pins_.event_valid_o && delays_.is_idle(pins_.clock_o);
    }

    // The machine has let clocks of `idle_clocks` pass without edges.
    void skip(uint64_t clocks) {
        if (state_ != State::kWait) left_ -= clocks;
    }

    unsigned status() const { return status_; }

    // True if an input has got another value since the last call.
    bool take_changes() {
        const bool changed = changed_;
        changed_ = false;
        return changed;
    }

    // The packed answer to the request; the status is an argument because the model may have stopped itself.
    uint64_t answer(unsigned status) const {
        return uint64_t(string_ ? uint32_t(completed_) : value_) << DIRQL_ANSWER_VALUE |
               uint64_t(status) << DIRQL_ANSWER_STATUS | uint64_t(attention()) << DIRQL_ANSWER_ATTENTION |
               uint64_t(pins_.intr_o ? pins_.intr_input_o : 0) << DIRQL_ANSWER_INPUT;
    }

  private:
    template <class Pin, class Value>
    void set(Pin& pin, Value value) {
        const Pin wanted = Pin(value);
        if (pin == wanted) return;
        pin = wanted;
        changed_ = true;
    }

    enum class State : uint8_t { kPostedSpend, kPostedMark, kSpend, kCommand, kResponse, kWait, kPads, kReset };

    unsigned attention() const {
        return (pins_.intr_o ? DIRQL_ATTENTION_INTERRUPT : 0) |
               (pins_.clock_o >= exchange_.deadline ? DIRQL_ATTENTION_DEADLINE : 0) |
               (exchange_.stray_count ? DIRQL_ATTENTION_STRAY : 0);
    }

    // A reset drops the posted marks, the event records, and a read answer for a bus master that is under way.
    void begin_reset() {
        rest();
        set(pins_.rst_ni, 0);
#define DIRQL_PAD(index, ports) set(pins_.ports##_i, 0);
        DIRQL_PADS(DIRQL_PAD)
#undef DIRQL_PAD
        exchange_.posted_count = 0;
        exchange_.record_count = 0;
        exchange_.stray_count = 0;
        fetched_ = waits_ = false;
        left_ = kResetClocks;
        state_ = State::kReset;
    }

    // Uses up one clock of `left_`; false if none is left.
    bool pass() { return left_ && left_--; }

    // Goes on to the next posted mark, or to the request itself.
    void next_posted() {
        if (posted_ < exchange_.posted_count) {
            left_ = exchange_.posted[posted_].spent;
            state_ = State::kPostedSpend;
        } else {
            left_ = spent_;
            state_ = State::kSpend;
            exchange_.posted_count = 0;
        }
    }

    void enter() {
        state_ = after_;
        if (state_ == State::kCommand) return begin_next();
        patience_ = kLongestWait;
        const uint64_t limit = exchange_.limit;
        stop_ = limit > kNever - pins_.clock_o ? kNever : pins_.clock_o + limit;
    }

    void begin_next() { present(operation_, address_, byte_enables_, datum_, string_ ? 1 : uint32_t(length_)); }

    void present(uint32_t operation, uint32_t address, uint32_t byte_enables, uint32_t datum, uint32_t length) {
        set(pins_.cmd_valid_i, 1);
        set(pins_.cmd_op_i, operation);
        set(pins_.cmd_address_i, address);
        set(pins_.cmd_be_i, byte_enables);
        set(pins_.cmd_length_i, length);
        set(pins_.cmd_data_i, datum);
        taken_ = false;
        sent_ = 0;
        patience_ = DIRQL_PATIENCE;
    }

    // The next edge takes the command if the machine is ready now.
    bool take() {
        taken_ = pins_.cmd_ready_o;
        return taken_ ? false : lose_patience();
    }

    void withdraw() { set(pins_.cmd_valid_i, 0); }

    // Offers a word of a write burst to the next edge.
    void send() {
        if (!sending_) return;
        set(pins_.wdata_valid_i, sent_ < length_);
        if (sent_ == length_) return;
        set(pins_.wdata_i, exchange_.data[sent_]);
        sent_ += pins_.wdata_ready_o;
    }

    void receive(uint32_t word) {
        if (completed_ < DIRQL_DATA_DWORDS) exchange_.data[completed_] = word;
        value_ = word;
        completed_ += !string_;
    }

    // Goes on to the next command of a string. False at the end of the string, after an error, and when an interrupt or
    // the deadline asks for attention that did not when the string began.
    bool next_of_string() {
        if (!string_ || pins_.rsp_status_o != DIRQL_BUS_STATUS_OK) return false;
        if (++completed_ == length_ || attention_rose()) return false;
        datum_ = exchange_.data[completed_];
        begin_next();
        state_ = State::kCommand;
        return true;
    }

    // 0 if nothing asks for attention; otherwise a number that is made of the input and of whether the deadline is
    // reached.
    unsigned presented() const { return unsigned(answer(0) >> DIRQL_ANSWER_ATTENTION); }

    bool attention_rose() const {
        const unsigned now = presented();
        return now && now != present_;
    }

    bool lose_patience() {
        if (--patience_) return false;
        withdraw();
        set(pins_.wdata_valid_i, 0);
        return end(DIRQL_FAILURE_UNANSWERED);
    }

    bool end(unsigned status) {
        status_ = status;
        exchange_.clock = pins_.clock_o;
        exchange_.records_dropped = pins_.event_drops_o;
        return true;
    }

    void reach_pads() {
#define DIRQL_PAD(index, ports) \
    if (address_ == index) { \
        if (operation_ == DIRQL_PADS_DRIVE) set(pins_.ports##_i, datum_); \
        value_ = operation_ == DIRQL_PADS_LEVELS ? pins_.ports##_o : pins_.ports##_en_o; \
    }
        DIRQL_PADS(DIRQL_PAD)
#undef DIRQL_PAD
    }

    // The part of `serve` for a slow memory. A request that is not taken stays where it is. Its permission is that of the
    // clock on which it came: what the bridge has fetched ahead may wait here after the end of its transaction.
    void serve_late() {
        const uint64_t clock = pins_.clock_o;
        set(pins_.hm_rvalid_i, delays_.is_answered(clock));
        if (pins_.hm_rvalid_i) set(pins_.hm_rdata_i, delays_.take());
        set(pins_.hm_ready_i, delays_.is_ready(clock));
        if (!pins_.hm_valid_o) return;
        const bool may_read = waits_ ? may_read_ : may_read_now();
        waits_ = !pins_.hm_ready_i;
        may_read_ = may_read;
        if (waits_) return;
        access_memory(may_read);
        delays_.request(clock);
        if (fetched_) delays_.read(clock, fetch_);
        fetched_ = false;
    }

    // False for a write too.
    bool may_read_now() {
        const uint32_t address = pins_.hm_address_o & ~3u;
        return !pins_.hm_write_o && address < DIRQL_MEMORY_BYTES && confinement_.reads(address, pins_.clock_o);
    }

    void access_memory(bool may_read) {
        const uint32_t address = pins_.hm_address_o & ~3u;
        const bool inside = address < DIRQL_MEMORY_BYTES;
        if (!pins_.hm_write_o) {
            fetch_ = UINT32_MAX;
            if (may_read) std::memcpy(&fetch_, exchange_.memory + address, 4);
            fetched_ = true;
        } else if (inside && confinement_.writes(address, pins_.hm_be_o, pins_.clock_o)) {
            store(exchange_.memory + address, pins_.hm_wdata_o, pins_.hm_be_o);
        }
    }

    static void store(uint8_t* to, uint32_t word, unsigned byte_enables) {
        if (byte_enables == 0xF) return void(std::memcpy(to, &word, 4));
        for (unsigned lane = 0; lane < 4; ++lane)
            if (byte_enables >> lane & 1) to[lane] = uint8_t(word >> 8 * lane);
    }

    // Without room a record stays in the machine; when the FIFO there is full, the machine counts the records lost.
    void record() {
        uint64_t& count = exchange_.record_count;
        set(pins_.event_ready_i, count < DIRQL_RECORD_SLOTS);
        if (pins_.event_ready_i) std::memcpy(&exchange_.records[count++], &pins_.event_o, sizeof(dirql_record));
    }

    Pins& pins_;
    dirql_exchange& exchange_;
    Confinement confinement_;
    MemoryDelays delays_;

    State state_ = State::kSpend;
    State after_ = State::kCommand;
    bool changed_ = true;
    bool taken_ = false;
    bool string_ = false;
    bool burst_ = false;
    bool sending_ = false;
    bool fetched_ = false;
    bool waits_ = false;
    bool may_read_ = false;
    uint32_t fetch_ = 0;
    uint32_t operation_ = 0;
    uint32_t address_ = 0;
    uint32_t byte_enables_ = 0;
    uint32_t datum_ = 0;
    uint32_t value_ = 0;
    unsigned status_ = 0;
    unsigned present_ = 0;
    uint64_t left_ = 0; // clocks that this state still lets pass
    uint64_t spent_ = 0;
    uint64_t stop_ = 0;
    uint64_t length_ = 0;
    uint64_t sent_ = 0;
    uint64_t completed_ = 0;
    uint64_t posted_ = 0;
    uint64_t patience_ = 0;
};

}  // namespace dirql
