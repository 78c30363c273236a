// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// A board's machine for the tests, with the functions of link_bench.cpp: the bytes go in and come out bit by bit at the
// two lines of its serial port, one start bit, eight data bits with the lowest first, one stop bit.
#include "Vserial_machine.h"
#include "stopping.h"

namespace {
constexpr unsigned kBit = CLOCKS_PER_BIT;
constexpr unsigned kByte = 10 * kBit;
}  // namespace

struct link_bench {
    VerilatedContext context;
    Vserial_machine machine{&context};
    std::string complaint;
    // The byte that goes in with its start and stop bit, and its clocks that are left; the same of the byte that comes out.
    unsigned in_bits = 0, in_left = 0, out_bits = 0, out_left = 0;

    void tick() {
        machine.clk_i = 1;
        machine.eval();
        machine.clk_i = 0;
        machine.eval();
    }

    // The level of the line to the machine on this clock.
    bool level() {
        if (in_left == 0) return true;
        return in_bits >> (kByte - in_left--) / kBit & 1;
    }

    // Looks at the line from the machine in the middle of each bit; true if a byte has come, which is in `byte`.
    bool look(bool line, uint8_t& byte) {
        if (out_left == 0) {
            if (line) return false;
            out_left = kByte;
            out_bits = 0;
        }
        const unsigned clock = kByte - out_left--;
        if (clock % kBit != kBit / 2) return false;
        const unsigned bit = clock / kBit;
        out_bits |= unsigned(line) << bit;
        if (bit == 0 && line) throw Stopped{"a start bit must be low to its middle"};
        if (bit != 9) return false;
        if (!line) throw Stopped{"a byte must end with a stop bit"};
        byte = out_bits >> 1 & 0xFF;
        // The rest of the stop bit may be followed by a start bit at once.
        out_left = 0;
        return true;
    }
};

extern "C" {

link_bench* link_open() { return new link_bench; }
void link_close(link_bench* bench) { delete bench; }
const char* link_complaint(link_bench* bench) { return bench->complaint.c_str(); }

// The clock is not stable for some clocks; then the machine comes out of its reset by itself.
void link_reset(link_bench* bench) {
    bench->machine.stable_i = 0;
    bench->machine.rx_i = 1;
    for (int i = 0; i < 4; ++i) bench->tick();
    bench->machine.stable_i = 1;
    bench->in_left = bench->out_left = 0;
}

// As in link_bench.cpp; the paces are those of the line.
uint64_t link_run(link_bench* bench, uint64_t clocks, const uint8_t* in, uint64_t in_length, uint64_t, uint64_t* in_taken,
                  uint8_t* out, uint64_t out_room, uint64_t, uint64_t* out_length, int until_end) {
    uint64_t passed = 0, taken = 0, given = 0;
    bool ended = false;
    try {
        while (bench->complaint.empty() && passed < clocks && given < out_room && !ended) {
            if (bench->in_left == 0 && taken < in_length) {
                bench->in_bits = in[taken++] << 1 | 0x200;
                bench->in_left = kByte;
            }
            bench->machine.rx_i = bench->level();
            uint8_t byte = 0;
            if (bench->look(bench->machine.tx_o, byte)) {
                out[given++] = byte;
                ended = until_end && byte == 0x7E;
            }
            bench->tick();
            ++passed;
        }
    } catch (const Stopped& stopped) {
        bench->complaint = stopped.complaint;
    }
    *in_taken = taken;
    *out_length = given;
    return passed;
}
}
