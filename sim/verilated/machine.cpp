// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

#include "machine.h"

#include <string>

#include "command_port.h"
#include "verilated.h"

// On where the machine is put together from compiled parts, off where it is compiled as one model.
#if DIRQL_COMPOSED
#include "composed_model.h"
using Model = dirql::ComposedModel;
#else
#include "whole_model.h"
using Model = dirql::WholeModel;
#endif

namespace {

// Thrown when the model would end the program: at $finish, at $stop or a failed assertion, and at a fatal error.
struct Stopped {
    std::string complaint;
};

[[noreturn]] void stop(const char* what, const char* file, int line) {
    throw Stopped{std::string(what) + " at " + file + ":" + std::to_string(line)};
}

}  // namespace

void vl_finish(const char* file, int line, const char*) { stop("$finish", file, line); }
void vl_stop(const char* file, int line, const char*) { stop("$stop or a failed assertion", file, line); }
void vl_fatal(const char* file, int line, const char*, const char* message) { stop(message, file, line); }

struct dirql_machine {
    explicit dirql_machine(dirql_exchange& e) : exchange(e), model(context), port(model.pins(), e) {}

    bool start(const char* waves) {
        port.rest();
        return model.start(waves);
    }

    void tick() {
        model.tick(port.take_changes());
    }

    // Carries out the request that the command port has begun, and returns the answer. A model that stopped itself is
    // not evaluated again.
    //
    // With `looks_ahead` the last clock shows how long the machine would stand still if no request came.
    uint64_t run(bool looks_ahead = false) {
        if (!complaint.empty()) return port.answer(DIRQL_FAILURE_STOPPED);
        try {
            uint64_t ahead = 0;
            while (!port.drive()) {
                port.serve();
                const bool is_quiet = Model::kSkips && port.is_quiet();
                const uint64_t idle = is_quiet ? port.idle_clocks() : 0;
                ahead = 0;
                if (idle)
                    port.skip(model.let_pass(idle));
                else if (is_quiet && looks_ahead)
                    ahead = model.look_ahead();
                else
                    tick();
            }
            if (ahead) exchange.quiet_until = exchange.clock + ahead;
            return port.answer(port.status());
        } catch (const Stopped& stopped) {
            complaint = stopped.complaint;
            return port.answer(DIRQL_FAILURE_STOPPED);
        }
    }

    dirql_exchange& exchange;
    VerilatedContext context;
    Model model;
    dirql::CommandPort<Model::Pins> port;
    std::string complaint;
};

extern "C" {

dirql_machine* dirql_open(dirql_exchange* exchange, const char* waves) {
    auto* machine = new dirql_machine(*exchange);
    if (machine->start(waves)) return machine;
    dirql_close(machine);
    return nullptr;
}

int dirql_close(dirql_machine* machine) {
    // A model takes its public signals out of the thread's context, which is that of the machine made last.
    if (machine) Verilated::threadContextp(&machine->context);
    const int failure = machine ? machine->model.close_waves() : 0;
    delete machine;
    Verilated::threadContextp(nullptr);
    return failure;
}

void dirql_execute(dirql_machine* machine) {
    dirql_exchange& exchange = machine->exchange;
    machine->port.begin();
    machine->model.expect_changes();
    exchange.answer = machine->run();
    exchange.pending = 0;
}

uint64_t dirql_wait(dirql_machine* machine, uint64_t spent, uint64_t limit) {
    machine->exchange.kind = DIRQL_WAIT;
    machine->exchange.spent = spent;
    machine->exchange.limit = limit;
    machine->port.begin();
    return machine->run(limit == 0);
}

uint64_t dirql_command(dirql_machine* machine, uint32_t operation, uint64_t spent, uint32_t address,
                       uint32_t byte_enables, uint32_t length, uint32_t datum) {
    machine->port.begin_command(operation, address, byte_enables, length, datum, spent);
    machine->model.expect_changes();
    return machine->run();
}

const char* dirql_complaint(const dirql_machine* machine) { return machine->complaint.c_str(); }

void dirql_clock_bare(dirql_machine* machine, uint64_t clocks) {
    while (clocks--) machine->tick();
    machine->exchange.clock = machine->model.pins().clock_o;
}

uint32_t dirql_awake(const dirql_machine* machine) { return machine->model.awake(); }

int dirql_short_cut(void) { return Model::kShortCut; }

}  // extern "C"
