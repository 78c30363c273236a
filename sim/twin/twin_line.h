// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The line of the link: bytes that wait to go into the machine, and bytes that came out of it. Bytes go into the machine
// as they are, or as bits through the UART of a board.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace dirql {

// Bytes in their order.
class Octets {
  public:
    size_t size() const { return bytes_.size() - taken_; }
    const char* data() const { return bytes_.data() + taken_; }
    void put(uint8_t octet) { bytes_.push_back(char(octet)); }
    void append(const char* from, size_t size) { bytes_.append(from, size); }
    uint8_t take() {
        const uint8_t octet = uint8_t(bytes_[taken_]);
        drop(1);
        return octet;
    }
    void drop(size_t size) {
        taken_ += size;
        if (taken_ == bytes_.size()) clear();
    }
    void clear() { bytes_.clear(), taken_ = 0; }

  private:
    std::string bytes_;
    size_t taken_ = 0;
};

// The bytes that wait for the client before the line is held, or, on pins, where it cannot be held, bytes are lost.
constexpr size_t kRoom = 1 << 16;

struct Line {
    Octets in, out;
};

// A byte at a time, `clocks` after the one before.
class ByteLine {
  public:
    explicit ByteLine(uint64_t clocks) : clocks_(std::max<uint64_t>(clocks, 1)) {}

    // Sets the inputs for the next clock, and takes the byte that leaves in it; whether the line is at rest.
    template <class Pins>
    bool drive(Pins& pins, Line& line) {
        since_in_ += since_in_ < clocks_;
        since_out_ += since_out_ < clocks_;
        pins.rx_valid_i = line.in.size() && since_in_ == clocks_;
        if (pins.rx_valid_i) pins.rx_byte_i = line.in.take(), since_in_ = 0;
        pins.tx_ready_i = since_out_ == clocks_ && line.out.size() < kRoom;
        const bool leaves = pins.tx_valid_o && pins.tx_ready_i;
        if (leaves) line.out.put(pins.tx_byte_o), since_out_ = 0;
        return !pins.rx_valid_i && !line.in.size() && !leaves && since_in_ == clocks_ && since_out_ == clocks_;
    }

    // The line as it is before anything was sent.
    template <class Pins>
    void rest(Pins& pins) {
        pins.rx_valid_i = 0;
        pins.tx_ready_i = 0;
    }

  private:
    uint64_t clocks_, since_in_ = 0, since_out_ = 0;
};

// The time of a bit: `clocks` / `bits` clocks, which need not be a whole number.
struct BitTime {
    int64_t clocks = 1, bits = 1;
};

// 8 bits between a start bit and a stop bit.
class PinLine {
  public:
    explicit PinLine(BitTime time) : time_(time) {}

    // As that of `ByteLine`.
    template <class Pins>
    bool drive(Pins& pins, Line& line) {
        send(pins, line.in);
        receive(pins.tx_o, line.out);
        return !sending_ && !receiving_ && !line.in.size();
    }

    template <class Pins>
    void rest(Pins& pins) {
        pins.rx_i = 1;
    }

    // The byte whose start bit began in the last clock, -1 if none did.
    int begun() const { return begun_; }

  private:
    static constexpr unsigned kBits = 10;

    template <class Pins>
    void send(Pins& pins, Octets& in) {
        begun_ = -1;
        if (!sending_ && in.size()) {
            sending_ = kBits;
            send_time_ = 0;
            begun_ = in.take();
            send_bits_ = uint32_t(begun_) << 1 | 1u << (kBits - 1);
        }
        pins.rx_i = sending_ ? send_bits_ & 1 : 1;
        if (sending_ && has_passed(send_time_)) {
            send_bits_ >>= 1;
            --sending_;
        }
    }

    // A bit is looked at in its middle.
    void receive(unsigned level, Octets& out) {
        if (!receiving_) {
            if (level) return;
            receiving_ = kBits;
            receive_time_ = time_.clocks / 2 - time_.bits;
        }
        if (!has_passed(receive_time_)) return;
        received_ = received_ >> 1 | level << (kBits - 1);
        if (--receiving_) return;
        const bool is_framed = !(received_ & 1) && level;
        if (is_framed && out.size() < kRoom) out.put(uint8_t(received_ >> 1));
    }

    // Lets a clock pass; whether a bit has ended in it.
    bool has_passed(int64_t& time) const {
        time += time_.bits;
        if (time < time_.clocks) return false;
        time -= time_.clocks;
        return true;
    }

    const BitTime time_;
    unsigned sending_ = 0, receiving_ = 0; // bits that are left
    int64_t send_time_ = 0, receive_time_ = 0;
    uint32_t send_bits_ = 0, received_ = 0;
    int begun_ = -1;
};

}  // namespace dirql
