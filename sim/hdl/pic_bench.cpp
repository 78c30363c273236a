// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The pair of 8259A chips without a bus, for the tests: lines, messages, ports and interrupt acknowledges by call.
#include "Vinterrupt_pic_pair.h"
#include "stopping.h"

struct pic_bench {
    VerilatedContext context;
    Vinterrupt_pic_pair pair{&context};
    unsigned lost[16] = {};
    unsigned ends = 0;  // 1 << the inputs whose service ended

    void tick() {
        pair.eval();
        for (int input = 0; input < 16; ++input) lost[input] += pair.lost_o >> input & 1;
        if (pair.eoi_event_o) ends |= 1u << pair.eoi_input_o;
        pair.clk_i = 1;
        pair.eval();
        pair.clk_i = 0;
        pair.eval();
    }

    // The ports of the chips, 0 for the master, 1 for the slave, 2 for ELCR.
    void select(int ports, int lanes) {
        pair.to_master_i = ports == 0;
        pair.to_slave_i = ports == 1;
        pair.to_levels_i = ports == 2;
        pair.lanes_i = lanes;
    }
};

extern "C" {

pic_bench* pic_open() { return new pic_bench; }
void pic_close(pic_bench* bench) { delete bench; }

void pic_reset(pic_bench* bench) {
    bench->pair.rst_ni = 0;
    bench->pair.lines_i = bench->pair.set_i = 0;
    bench->pair.write_i = bench->pair.read_i = bench->pair.load_i = bench->pair.acknowledge_i = 0;
    bench->tick();
    bench->tick();
    bench->pair.rst_ni = 1;
    for (unsigned& count : bench->lost) count = 0;
    bench->ends = 0;
}

void pic_clocks(pic_bench* bench, int clocks) {
    while (clocks-- > 0) bench->tick();
}

void pic_lines(pic_bench* bench, int lines) { bench->pair.lines_i = lines; }

void pic_message(pic_bench* bench, int inputs) {
    bench->pair.set_i = inputs;
    bench->tick();
    bench->pair.set_i = 0;
}

void pic_write(pic_bench* bench, int ports, int lanes, int data) {
    bench->select(ports, lanes);
    bench->pair.write_i = 1;
    bench->pair.wdata_i = data;
    bench->tick();
    bench->pair.write_i = 0;
    bench->select(-1, 0);
}

// A read puts its datum onto the bus on one clock, and the datum moves `clocks` clocks later, with these lines between.
int pic_read(pic_bench* bench, int ports, int lanes, int lines, int clocks) {
    auto& pair = bench->pair;
    bench->select(ports, lanes);
    pair.load_i = 1;
    pair.eval();
    int data = ports == 0 ? pair.master_rdata_o : ports == 1 ? pair.slave_rdata_o : pair.levels_o;
    bench->tick();
    pair.load_i = 0;
    pair.lines_i = lines;
    pic_clocks(bench, clocks);
    pair.read_i = 1;
    bench->tick();
    pair.read_i = 0;
    bench->select(-1, 0);
    return data;
}

// An interrupt acknowledge, in the same way. Returns the vector, and in bit 8 whether it belongs to a request.
int pic_fetch(pic_bench* bench, int lines, int clocks) {
    auto& pair = bench->pair;
    pair.load_i = 1;
    pair.eval();
    int vector = pair.fetch_vector_o | pair.fetch_valid_o << 8;
    bench->tick();
    pair.load_i = 0;
    pair.lines_i = lines;
    pic_clocks(bench, clocks);
    pair.acknowledge_i = 1;
    bench->tick();
    pair.acknowledge_i = 0;
    return vector;
}

// The number of the presented input; -1 for none.
int pic_presented(pic_bench* bench) { return bench->pair.interrupt_o ? bench->pair.interrupt_input_o : -1; }
int pic_pending(pic_bench* bench) { return bench->pair.pending_o; }
int pic_in_service(pic_bench* bench) { return bench->pair.in_service_o; }
int pic_masked(pic_bench* bench) { return bench->pair.mask_o; }
int pic_lost(pic_bench* bench, int input) { return bench->lost[input]; }
int pic_take_ends(pic_bench* bench) {
    int ends = bench->ends;
    bench->ends = 0;
    return ends;
}
}
