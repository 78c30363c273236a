// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

#include "machine.h"

#include <cstdio>
#include <string>

#include "Vmachine.h"
#include "Vmachine___024root.h"
#include "port.h"
#include "verilated.h"

// The evaluation itself, without what Verilator does around each one for models that print or free objects: the machine
// does neither.
void Vmachine___024root___eval(Vmachine___024root*);

#if VM_TRACE_FST
#include "verilated_fst_c.h"
using Waves = VerilatedFstC;
#elif VM_TRACE
#include "verilated_vcd_c.h"
using Waves = VerilatedVcdC;
#endif

namespace {

constexpr uint64_t kHalfClock = 15; // ns, in wave files

// Thrown out of the model by the three ways in which Verilated code ends a program.
struct Stopped {
    std::string complaint;
};

[[noreturn]] void stop(const char* what, const char* file, int line) {
    throw Stopped{std::string(what) + " at " + file + ":" + std::to_string(line)};
}

// Lets the next evaluation with the clock high be a rising edge, without one with the clock low between them: nothing
// in the machine looks at the falling edge, and what the port reads comes from registers. It wants to know how
// Verilator remembers the clock; true if it does.
template <class Root>
auto forget_high(Root& root, int) -> decltype(root.__Vtrigprevexpr___TOP__clk_i__0, true) {
    root.__Vtrigprevexpr___TOP__clk_i__0 = 0;
    return true;
}
template <class Root>
bool forget_high(Root&, long) {
    return false;
}

}  // namespace

void vl_finish(const char* file, int line, const char*) { stop("$finish", file, line); }
void vl_stop(const char* file, int line, const char*) { stop("$stop or a failed assertion", file, line); }
void vl_fatal(const char* file, int line, const char*, const char* message) { stop(message, file, line); }

struct dirql_machine {
    explicit dirql_machine(dirql_exchange& e) : exchange(e), top(&context, "machine"), port(*top.rootp, e) {}

    ~dirql_machine() {
#if VM_TRACE
        waves.close();
#endif
    }

    bool start(const char* path) {
#if VM_TRACE
        if (path) {
            context.traceEverOn(true);
            top.trace(&waves, 99);
            waves.open(path);
            if (!waves.isOpen()) return false;
        }
#else
        if (path) return false;
#endif
        port.rest();
        top.rootp->clk_i = 0;
        top.eval();
        return true;
    }

    void tick() {
        level(1);
        if (VM_TRACE || !forget_high(*top.rootp, 0)) level(0);
    }

    // Runs what the port has begun. A model that stopped itself is not touched again.
    unsigned run() {
        if (!complaint.empty()) return DIRQL_STOPPED;
        try {
            while (!port.drive()) {
                port.serve();
                tick();
            }
            return port.status();
        } catch (const Stopped& stopped) {
            complaint = stopped.complaint;
            return DIRQL_STOPPED;
        }
    }

    void level(int clock) {
        top.rootp->clk_i = clock;
#if !VM_TRACE
        Vmachine___024root___eval(top.rootp);
#else
        top.eval();
        if (waves.isOpen()) waves.dump(time += kHalfClock);
#endif
    }

    dirql_exchange& exchange;
    VerilatedContext context;
    Vmachine top;
    dirql::Port<Vmachine___024root> port;
    std::string complaint;
#if VM_TRACE
    Waves waves;
    uint64_t time = 0;
#endif
};

namespace {

// What a transaction of each space can carry; see Target in host/dirql/target/contract.py.
bool is_sound(uint32_t operation, uint32_t address, uint32_t byte_enables) {
    if (byte_enables > 0xF) return false;
    const unsigned lane = address & 3;
    if (operation != DIRQL_OP_IO_READ && operation != DIRQL_OP_IO_WRITE) return lane == 0;
    return byte_enables ? lane == unsigned(__builtin_ctz(byte_enables)) : true;
}

}  // namespace

extern "C" {

dirql_machine* dirql_open(dirql_exchange* exchange, const char* waves) {
    auto* machine = new dirql_machine(*exchange);
    if (machine->start(waves)) return machine;
    delete machine;
    return nullptr;
}

void dirql_close(dirql_machine* machine) { delete machine; }

void dirql_execute(dirql_machine* machine) {
    dirql_exchange& exchange = machine->exchange;
    machine->port.begin();
    exchange.status = machine->run();
    exchange.value = machine->port.value();
    exchange.pending = 0;
}

uint64_t dirql_wait(dirql_machine* machine, uint64_t spent, uint64_t limit) {
    if (!machine) return uint64_t(DIRQL_CLOSED) << 32;
    machine->exchange.kind = DIRQL_WAIT;
    machine->exchange.spent = spent;
    machine->exchange.limit = limit;
    machine->port.begin();
    const uint64_t status = machine->run();
    return status << 32 | uint64_t(machine->port.attention()) << 40;
}

uint64_t dirql_command(dirql_machine* machine, uint32_t operation, uint64_t spent, uint32_t address,
                       uint32_t byte_enables, uint32_t datum) {
    if (!machine) return uint64_t(DIRQL_CLOSED) << 32;
    if (!is_sound(operation, address, byte_enables)) return uint64_t(DIRQL_ARGUMENT) << 32;
    machine->port.begin_command(operation, address, byte_enables, datum, spent);
    const uint64_t status = machine->run();
    return machine->port.value() | status << 32 | uint64_t(machine->port.attention()) << 40;
}

const char* dirql_complaint(const dirql_machine* machine) { return machine->complaint.c_str(); }

void dirql_clock_bare(dirql_machine* machine, uint64_t clocks) {
    while (clocks--) machine->tick();
    machine->exchange.clock = machine->top.rootp->clock_o;
}

}  // extern "C"
