// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The state machine of command_port.h behind the DPI function of harness.sv. The exchange is a file that Python maps,
// too; the environment variable DIRQL_EXCHANGE holds the file's name.

#include <fcntl.h>
#include <sys/mman.h>
#include <svdpi.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "command_port.h"
#include "verilated.h"

// cocotb ends each simulation with $finish; without this, Verilator prints a line about it.
void vl_finish(const char*, int, const char*) { Verilated::threadContextp()->gotFinish(true); }

namespace {

// The machine's signals as values: outputs are copied in, inputs are copied out.
struct Pins {
    bool cmd_ready_o, wdata_ready_o, rdata_valid_o, rsp_valid_o, intr_o, event_valid_o, hm_valid_o, hm_write_o;
    uint32_t rdata_o, rsp_status_o, intr_input_o, event_drops_o, hm_address_o, hm_be_o, hm_wdata_o;
    uint64_t clock_o;
    uint32_t event_o[4];

    bool rst_ni, cmd_valid_i, wdata_valid_i, rdata_ready_i, event_ready_i, hm_ready_i, hm_rvalid_i;
    uint32_t cmd_op_i, cmd_address_i, cmd_be_i, cmd_length_i, cmd_data_i, wdata_i, hm_rdata_i;

#define DIRQL_PAD(index, ports) uint32_t ports##_i, ports##_o, ports##_en_o;
    DIRQL_PADS(DIRQL_PAD)
#undef DIRQL_PAD
};

dirql_exchange& map_exchange() {
    const char* const name = std::getenv("DIRQL_EXCHANGE");
    const int file = name ? open(name, O_RDWR) : -1;
    // Whichever side comes first gives the file its size.
    const bool sized = file >= 0 && ftruncate(file, sizeof(dirql_exchange)) == 0;
    void* const address =
        sized ? mmap(nullptr, sizeof(dirql_exchange), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
    if (address == MAP_FAILED) {
        std::perror("dirql: DIRQL_EXCHANGE must name a file of an exchange; start the simulator with dirql");
        std::_Exit(1);
    }
    close(file);
    return *static_cast<dirql_exchange*>(address);
}

struct Host {
    Host() : exchange(map_exchange()), port(pins, exchange) { port.rest(); }

    // True while it is the host's turn.
    bool step() {
        if (turn) {
            if (!exchange.pending) return true;
            port.begin();
        }
        turn = port.drive();
        if (turn) {
            exchange.answer = port.answer(port.status());
            exchange.pending = 0;
        } else {
            port.serve();
        }
        return turn;
    }

    Pins pins{};
    dirql_exchange& exchange;
    dirql::CommandPort<Pins> port;
    bool turn = true;
};

Host& host() {
    static Host only;
    return only;
}

}  // namespace

// Called before each step for each function with pads. Takes the levels that the function drives, and returns those that
// come from outside.
extern "C" unsigned dirql_pads(unsigned function, unsigned levels, unsigned enabled) {
    [[maybe_unused]] Pins& p = host().pins;
#define DIRQL_PAD(index, ports) \
    if (function == index) { \
        p.ports##_o = levels; \
        p.ports##_en_o = enabled; \
        return p.ports##_i; \
    }
    DIRQL_PADS(DIRQL_PAD)
#undef DIRQL_PAD
    return 0;
}

extern "C" svBit dirql_step(
    svBit cmd_ready, svBit wdata_ready, svBit rdata_valid, unsigned rdata, svBit rsp_valid, unsigned rsp_status,
    svBit intr, unsigned intr_input, svBit event_valid, const svBitVecVal* event_record, unsigned event_drops,
    uint64_t clock, svBit hm_valid, svBit hm_write, unsigned hm_address, unsigned hm_be, unsigned hm_wdata,
    svBit* rst_n, svBit* cmd_valid, unsigned* cmd_op, unsigned* cmd_address, unsigned* cmd_be, unsigned* cmd_length,
    unsigned* cmd_data, svBit* wdata_valid, unsigned* wdata, svBit* event_take, svBit* hm_ready, svBit* hm_rvalid,
    unsigned* hm_rdata) {
    Pins& p = host().pins;
    p.cmd_ready_o = cmd_ready;
    p.wdata_ready_o = wdata_ready;
    p.rdata_valid_o = rdata_valid;
    p.rdata_o = rdata;
    p.rsp_valid_o = rsp_valid;
    p.rsp_status_o = rsp_status;
    p.intr_o = intr;
    p.intr_input_o = intr_input;
    p.event_valid_o = event_valid;
    std::memcpy(p.event_o, event_record, sizeof p.event_o);
    p.event_drops_o = event_drops;
    p.clock_o = clock;
    p.hm_valid_o = hm_valid;
    p.hm_write_o = hm_write;
    p.hm_address_o = hm_address;
    p.hm_be_o = hm_be;
    p.hm_wdata_o = hm_wdata;
    const bool turn = host().step();
    *rst_n = p.rst_ni;
    *cmd_valid = p.cmd_valid_i;
    *cmd_op = p.cmd_op_i;
    *cmd_address = p.cmd_address_i;
    *cmd_be = p.cmd_be_i;
    *cmd_length = p.cmd_length_i;
    *cmd_data = p.cmd_data_i;
    *wdata_valid = p.wdata_valid_i;
    *wdata = p.wdata_i;
    *event_take = p.event_ready_i;
    *hm_ready = p.hm_ready_i;
    *hm_rvalid = p.hm_rvalid_i;
    *hm_rdata = p.hm_rdata_i;
    return turn;
}
