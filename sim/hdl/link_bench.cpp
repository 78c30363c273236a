// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// A machine with its link for the tests: bytes go in and come out at the line, as fast or as slowly as a test wants.
#include "Vlinked_machine.h"
#include "stopping.h"

struct link_bench {
    VerilatedContext context;
    Vlinked_machine machine{&context};
    std::string complaint;
    uint64_t since_byte = 0;
    uint64_t clock = 0;

    void tick() {
        machine.clk_i = 1;
        machine.eval();
        machine.clk_i = 0;
        machine.eval();
        ++clock;
    }
};

extern "C" {

link_bench* link_open() { return new link_bench; }
void link_close(link_bench* bench) { delete bench; }
const char* link_complaint(link_bench* bench) { return bench->complaint.c_str(); }

void link_reset(link_bench* bench) {
    bench->machine.rst_ni = 0;
    bench->machine.rx_valid_i = 0;
    bench->machine.tx_ready_i = 0;
    for (int i = 0; i < 4; ++i) bench->tick();
    bench->machine.rst_ni = 1;
}

// Runs for `clocks`, or until the end of a frame comes out if `until_end` is set. A byte of `in` goes in every `in_pace`
// clocks, and the line is ready for a byte every `out_pace` clocks. Returns the clocks that have passed.
uint64_t link_run(link_bench* bench, uint64_t clocks, const uint8_t* in, uint64_t in_length, uint64_t in_pace,
                  uint64_t* in_taken, uint8_t* out, uint64_t out_room, uint64_t out_pace, uint64_t* out_length,
                  int until_end) {
    auto& top = bench->machine;
    uint64_t passed = 0, taken = 0, given = 0;
    bool ended = false;
    try {
        while (bench->complaint.empty() && passed < clocks && given < out_room && !ended) {
            top.rx_valid_i = taken < in_length && ++bench->since_byte >= in_pace;
            if (top.rx_valid_i) {
                bench->since_byte = 0;
                top.rx_byte_i = in[taken++];
            }
            top.tx_ready_i = bench->clock % out_pace == 0;
            if (top.tx_valid_o && top.tx_ready_i) {
                out[given++] = top.tx_byte_o;
                ended = until_end && top.tx_byte_o == 0x7E;
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
