// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The block that writes event records in their short form, for the tests: a record goes in, bytes come out.
#include <cstring>

#include "Vlink_events.h"
#include "stopping.h"

struct events_bench {
    VerilatedContext context;
    Vlink_events block{&context};
    std::string complaint;
    unsigned clock = 0;

    void tick() {
        block.clk_i = 1;
        block.eval();
        block.clk_i = 0;
        block.eval();
        ++clock;
    }
};

extern "C" {

events_bench* events_open() { return new events_bench; }
void events_close(events_bench* bench) { delete bench; }
const char* events_complaint(events_bench* bench) { return bench->complaint.c_str(); }

void events_reset(events_bench* bench) {
    bench->block.rst_ni = 0;
    bench->block.start_i = 0;
    bench->block.ready_i = 0;
    bench->tick();
    bench->tick();
    bench->block.rst_ni = 1;
    bench->tick();
}

// Writes one record, of which at most 64 bytes come out; their number is returned. On the clocks whose bit in `pauses` is
// on, the output is not ready.
int events_write(events_bench* bench, const uint8_t* record, uint64_t pauses, uint8_t* out) {
    auto& block = bench->block;
    int length = 0;
    try {
        std::memcpy(&block.event_i, record, 16);
        block.start_i = 1;
        block.ready_i = 0;
        bench->tick();
        block.start_i = 0;
        bool last = false;
        for (int clocks = 0; !last; ++clocks) {
            if (clocks == 2000 || length == 64) throw Stopped{"the record must end; it did not"};
            block.ready_i = !(pauses >> bench->clock % 64 & 1);
            block.eval();
            if (block.valid_o && block.ready_i) out[length++] = block.byte_o;
            last = block.last_o;
            bench->tick();
        }
    } catch (const Stopped& stopped) {
        bench->complaint = stopped.complaint;
    }
    return length;
}
}
