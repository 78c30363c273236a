// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// A bus of full-speed USB between a host and a model of a device, level by level, with the clock of the host apart from
// that of the device. It makes packets as USB 2.0 chapter 7 and 8 say, and checks that the device does. It knows nothing
// of the device but its lines. The time is counted in clocks of the device, four of which are nominally a bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace usb {
// Why the model stopped: the first assertion that failed.
inline std::string stopped;
inline void stop(const char* reason, const char* file, int line) {
    if (stopped.empty()) stopped = std::string(reason) + " at " + file + ":" + std::to_string(line);
}
} // namespace usb

void vl_finish(const char* file, int line, const char*) { usb::stop("$finish", file, line); }
void vl_stop(const char* file, int line, const char*) { usb::stop("a failed assertion", file, line); }
void vl_fatal(const char* file, int line, const char*, const char* message) { usb::stop(message, file, line); }

namespace usb {

enum class Level : uint8_t { SE0, J, K };

// What a host may do wrong, or a bad cable; `place` is a bit of the packet on the line, its SYNC being the first eight.
enum class Fault : int {
    NONE,
    FLIP,      // the level of one bit is the other one
    UNSTUFFED, // no bits are stuffed
    CUT,       // the packet ends in front of the bit, without an end of packet
    CRC,       // a bit of the CRC is wrong
    TAIL,      // the last bit before SE0 is repeated `place` times; a hub may do so once (7.1.9.1)
    SHORT,     // the packet ends in front of the bit, with an end of packet
    EATEN,     // a hub has eaten that many bits of the SYNC
    OVERLONG,  // a one is stuffed in place of a zero
};

constexpr double NOMINAL = 4;
constexpr double LEAST_TURN = 2, MOST_TURN = 6.5; // 7.1.18, in bits
constexpr double SILENCE = 18;                     // 7.1.19
constexpr int LONGEST_RUN = 6;

inline bool is_token(unsigned pid) { return (pid & 3) == 1; }
inline bool is_data(unsigned pid) { return (pid & 3) == 3; }

// A CRC over bits in their order on the line, as the register of 8.3.5 shifts: the highest bit comes first.
inline unsigned crc(const std::vector<bool>& bits, unsigned width, unsigned polynomial) {
    const unsigned top = 1u << (width - 1), mask = (top << 1) - 1;
    unsigned value = mask;
    for (const bool bit : bits) {
        const bool feeds = ((value & top) != 0) != bit;
        value = (value << 1) & mask;
        if (feeds) value ^= polynomial;
    }
    return ~value & mask;
}

inline unsigned crc5(const std::vector<bool>& bits) { return crc(bits, 5, 0x05); }
inline unsigned crc16(const std::vector<bool>& bits) { return crc(bits, 16, 0x8005); }

inline void append(std::vector<bool>& bits, unsigned value, unsigned count) {
    for (unsigned place = 0; place < count; place++) bits.push_back(value >> place & 1);
}

inline void append_crc(std::vector<bool>& bits, unsigned value, unsigned width) {
    for (unsigned place = width; place-- > 0;) bits.push_back(value >> place & 1);
}

// The bits of a packet behind the SYNC; the first byte is the identifier, with its check. Of a token the last five bits
// of the third byte are ignored.
inline std::vector<bool> bits_of(const uint8_t* octets, size_t length, bool wrong_crc) {
    std::vector<bool> bits, body;
    append(bits, octets[0], 8);
    const unsigned pid = octets[0] & 15;
    if (is_token(pid) && length == 3) {
        append(body, octets[1] | octets[2] << 8, 11);
        append_crc(body, crc5(body) ^ unsigned(wrong_crc), 5);
    } else {
        for (size_t place = 1; place < length; place++) append(body, octets[place], 8);
        if (is_data(pid)) append_crc(body, crc16(body) ^ unsigned(wrong_crc), 16);
    }
    bits.insert(bits.end(), body.begin(), body.end());
    return bits;
}

// `Streams` drives the other ports of the model: reset(model, on) its reset, before(model) sets inputs, after(model) looks
// at outputs as they were before the edge.
template <class Model, class Streams>
class Bus {
public:
    Model model;
    Streams streams;
    std::string complaint;
    double bit = NOMINAL;  // the clocks of a bit of the host
    double jitter = 0;     // the most by which an edge of a line may be early or late, in clocks
    uint64_t clock = 0;
    std::mt19937 random{1};

    Bus() {
        streams.reset(model, true);
        for (int each = 0; each < 4; each++) step(true, false, false);
        streams.reset(model, false);
        clock = 0;
    }

    // Nobody drives for this number of bits.
    void idle(double bits) {
        for (const double end = double(clock) + bits * bit; double(clock) < end;) rest();
    }

    // The host drives a level.
    void drive(Level level, double bits) {
        std::vector<Level> levels(size_t(std::ceil(bits)), level);
        play(levels);
    }

    void send(const uint8_t* octets, size_t length, Fault fault, int place) {
        std::vector<bool> line;
        append(line, 0x80, 8);
        for (const bool value : bits_of(octets, length, fault == Fault::CRC)) line.push_back(value);
        play(levels_of(stuff(line, fault), fault, place));
    }

    // The packet of the device, without its CRC; empty if it is silent.
    std::vector<uint8_t> receive() {
        const double begin = idle_since_;
        while (!model.oe_o) {
            if (double(clock) > begin + SILENCE * bit) return {};
            rest();
        }
        std::vector<Level> seen;
        while (model.oe_o) {
            if (seen.empty() && driven() == Level::K) begins_ = clock;
            if (!seen.empty() || driven() == Level::K) seen.push_back(driven());
            rest();
        }
        const double turn = (double(begins_) - begin) / NOMINAL;
        if (turn < LEAST_TURN || turn > MOST_TURN) {
            complain("the device must answer 2 to 6.5 bits after a packet; it was after " + std::to_string(turn));
        }
        return decode(seen);
    }

private:
    double idle_since_ = 0;
    uint64_t begins_ = 0;

    void complain(const std::string& text) {
        if (complaint.empty()) complaint = text;
    }

    Level driven() const { return model.dp_o ? Level::J : model.dn_o ? Level::K : Level::SE0; }

    // One clock with these levels, if the host drives, or those of the device or of the pull-up.
    void step(bool dp, bool dn, bool drives) {
        if (drives && model.oe_o) complain("the device must not drive the lines while the host does");
        if (!drives) {
            dp = model.oe_o ? model.dp_o : model.pullup_o;
            dn = model.oe_o && model.dn_o;
        }
        if (model.oe_o && model.dp_o && model.dn_o) complain("the device must not drive both lines high");
        model.dp_i = dp;
        model.dn_i = dn;
        streams.before(model);
        model.eval();
        streams.after(model);
        model.clk_i = 1;
        model.eval();
        model.clk_i = 0;
        model.eval();
        clock++;
    }

    void rest() { step(false, false, false); }

    double wobble() {
        return jitter == 0 ? 0 : std::uniform_real_distribution<double>(-jitter, jitter)(random);
    }

    // The host drives these levels, each for a bit, from somewhere between two clocks on.
    void play(const std::vector<Level>& levels) {
        const double begin = double(clock) + std::uniform_real_distribution<double>(0, 1)(random);
        double ends[2] = {begin + bit + wobble(), begin + bit + wobble()};
        size_t places[2] = {0, 0};
        while (double(clock) < begin) rest();
        const double end = begin + double(levels.size()) * bit;
        for (; double(clock) < end;) {
            for (int line = 0; line < 2; line++) {
                while (places[line] + 1 < levels.size() && double(clock) >= ends[line]) {
                    places[line]++;
                    ends[line] = begin + double(places[line] + 1) * bit + wobble();
                }
            }
            step(levels[places[0]] == Level::J, levels[places[1]] == Level::K, true);
        }
        // The last level of a packet is J, one bit behind SE0.
        idle_since_ = levels.back() == Level::J ? end - bit : end;
    }

    static std::vector<bool> stuff(const std::vector<bool>& bits, Fault fault) {
        std::vector<bool> stuffed;
        int run = 0;
        for (const bool value : bits) {
            stuffed.push_back(value);
            run = value ? run + 1 : 0;
            if (run == LONGEST_RUN && fault != Fault::UNSTUFFED) {
                stuffed.push_back(fault == Fault::OVERLONG);
                run = 0;
            }
        }
        return stuffed;
    }

    static std::vector<Level> levels_of(const std::vector<bool>& bits, Fault fault, int place) {
        std::vector<Level> levels;
        Level level = Level::J;
        for (const bool value : bits) {
            if (!value) level = level == Level::J ? Level::K : Level::J;
            levels.push_back(level);
        }
        const auto at = levels.begin() + (place < int(levels.size()) ? place : int(levels.size()) - 1);
        if (fault == Fault::FLIP) *at = *at == Level::J ? Level::K : Level::J;
        if (fault == Fault::CUT || fault == Fault::SHORT) levels.erase(at, levels.end());
        if (fault == Fault::TAIL) levels.insert(levels.end(), size_t(place), levels.back());
        if (fault == Fault::EATEN) levels.erase(levels.begin(), at);
        if (fault != Fault::CUT) levels.insert(levels.end(), {Level::SE0, Level::SE0});
        levels.push_back(Level::J);
        return levels;
    }

    std::vector<uint8_t> decode(const std::vector<Level>& seen) {
        const size_t clocks = size_t(NOMINAL);
        if (seen.size() % clocks) complain("the device must send whole bits");
        std::vector<Level> levels;
        for (size_t place = 0; place + clocks <= seen.size(); place += clocks) {
            for (size_t each = 1; each < clocks; each++) {
                if (seen[place + each] != seen[place]) complain("a level must last a whole bit");
            }
            levels.push_back(seen[place]);
        }
        const size_t count = levels.size();
        if (count < 3 || levels[count - 1] != Level::J || levels[count - 2] != Level::SE0
            || levels[count - 3] != Level::SE0) {
            complain("a packet must end with two bits of SE0 and one of J");
            return {};
        }
        levels.resize(count - 3);
        return unstuffed(levels);
    }

    std::vector<uint8_t> unstuffed(const std::vector<Level>& levels) {
        std::vector<bool> bits;
        Level before = Level::J;
        int run = 0;
        for (const Level level : levels) {
            if (level == Level::SE0) complain("SE0 must not be in a packet");
            const bool value = level == before;
            before = level;
            if (run == LONGEST_RUN) {
                if (value) complain("after six ones there must be a zero");
                run = 0;
                continue;
            }
            run = value ? run + 1 : 0;
            bits.push_back(value);
        }
        if (run == LONGEST_RUN) complain("after six ones at the end there must be a zero");
        return checked(bits);
    }

    std::vector<uint8_t> checked(const std::vector<bool>& bits) {
        std::vector<uint8_t> octets;
        for (size_t place = 0; place + 8 <= bits.size(); place += 8) {
            unsigned octet = 0;
            for (size_t each = 0; each < 8; each++) octet |= unsigned(bits[place + each]) << each;
            octets.push_back(uint8_t(octet));
        }
        if (bits.size() % 8 || octets.size() < 2 || octets[0] != 0x80) {
            complain("a packet must be SYNC and whole bytes");
            return {};
        }
        octets.erase(octets.begin());
        const unsigned pid = octets[0] & 15;
        if ((octets[0] >> 4) != (~pid & 15)) complain("the identifier and its check must agree");
        if (is_token(pid)) complain("a device must not send tokens");
        if (!is_data(pid)) {
            if (octets.size() != 1) complain("a handshake must have no data");
            return octets;
        }
        if (octets.size() < 3 || octets.size() > 1 + 64 + 2) {
            complain("a data packet must have 0 to 64 bytes and a CRC");
            return {};
        }
        const size_t body = octets.size() - 2;
        if (bits_of(octets.data(), body, false) != std::vector<bool>(bits.begin() + 8, bits.end())) {
            complain("the CRC of a data packet must be right");
        }
        octets.resize(body);
        return octets;
    }
};

} // namespace usb

// The functions of a library, the same for each model.
#define USB_FUNCTIONS(Type)                                                                                      \
    Type* usb_open() { return new Type; }                                                                        \
    void usb_close(Type* bus) { delete bus; }                                                                    \
    const char* usb_complaint(Type* bus) {                                                                       \
        return (usb::stopped.empty() ? bus->complaint : usb::stopped).c_str();                                   \
    }                                                                                                            \
    uint64_t usb_clock(Type* bus) { return bus->clock; }                                                         \
    void usb_quality(Type* bus, double error, double jitter, unsigned seed) {                                    \
        bus->bit = usb::NOMINAL * (1 + error);                                                                   \
        bus->jitter = jitter;                                                                                    \
        bus->random.seed(seed);                                                                                  \
    }                                                                                                            \
    void usb_idle(Type* bus, double bits) { bus->idle(bits); }                                                   \
    void usb_drive(Type* bus, int level, double bits) { bus->drive(usb::Level(level), bits); }                   \
    void usb_send(Type* bus, const uint8_t* octets, size_t length, int fault, int place) {                       \
        bus->send(octets, length, usb::Fault(fault), place);                                                     \
    }                                                                                                            \
    int usb_receive(Type* bus, uint8_t* out) {                                                                   \
        const auto octets = bus->receive();                                                                      \
        std::copy(octets.begin(), octets.end(), out);                                                            \
        return int(octets.size());                                                                               \
    }
