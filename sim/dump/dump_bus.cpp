// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
#include "dump_bus.h"

#include <cstdlib>

#include "Vdump_bus.h"
#include "verilated.h"

// The model has no assertions, $stop or $finish, so nothing calls these.
void vl_finish(const char*, int, const char*) { std::abort(); }
void vl_stop(const char*, int, const char*) { std::abort(); }
void vl_fatal(const char*, int, const char*, const char*) { std::abort(); }

struct dump_bus {
    VerilatedContext context;
    Vdump_bus model{&context};
    uint64_t pins = 0;
};

extern "C" {

dump_bus* dump_open(void) { return new dump_bus; }
void dump_close(dump_bus* bus) { delete bus; }

uint64_t dump_check(dump_bus* bus, const dump_clock* now) {
    Vdump_bus& model = bus->model;
    model.rst_ni = now->running;
    model.frame_i = now->frame;
    model.irdy_i = now->irdy;
    model.devsel_i = now->devsel;
    model.trdy_i = now->trdy;
    model.stop_i = now->stop;
    model.ad_i = now->ad;
    model.cbe_i = now->cbe;
    model.par_i = now->par;
    model.req_i = now->req;
    model.gnt_i = now->gnt;
    model.master_driven_i = now->master_driven;
    model.target_driven_i = now->target_driven;
    model.ad_driven_i = now->ad_driven;
    model.perr_i = now->perr;
    model.idsel_i = now->idsel;
    model.has_idsel_i = now->has_idsel;
    model.perr_driven_i = now->perr_driven;
    model.doubtful_i = now->doubtful;
    model.clk_i = 0;
    model.eval();
    const uint64_t broken = model.broken_o;
    bus->pins = model.broken_pins_o;
    model.clk_i = 1;
    model.eval();
    return broken;
}

uint64_t dump_pins(const dump_bus* bus) { return bus->pins; }

}  // extern "C"
