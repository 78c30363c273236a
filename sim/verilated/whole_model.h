// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The machine compiled as one model: with assertions, with waves, with bridges, or because the parts could not be put
// together.
#pragma once

#include <cerrno>
#include <cstdint>

#include "Vmachine.h"
#include "Vmachine___024root.h"
#include "clock_memory.h"
#include "machine_facts.h"
#include "part_state.h"
#include "verilated.h"
#include "whole_layout.h"

#if VM_TRACE_FST
#include "verilated_fst_c.h"
#elif VM_TRACE
#include "verilated_vcd_c.h"
#endif

// The bare evaluation. `Vmachine::eval` wraps it in steps for models that print or that free objects; the machine does
// neither.
void Vmachine___024root___eval(Vmachine___024root*);

namespace dirql {

#if VM_TRACE_FST
struct Waves : VerilatedFstC {
    int failure() const { return 0; }  // the writer does not say
};
#elif VM_TRACE
// When the file cannot be written any further, because the disk is full, the reason is kept and the rest counts as
// written: it costs the waves, and not the run. Verilator alone would end the program.
class WavesFile : public VerilatedVcdFile {
  public:
    ssize_t write(const char* data, ssize_t length) override {
        if (failure) return length;
        const ssize_t done = VerilatedVcdFile::write(data, length);
        if (done >= 0 || errno == EAGAIN || errno == EINTR) return done;
        failure = errno;
        return length;
    }
    int failure = 0;
};
class Waves : WavesFile, public VerilatedVcdC {
  public:
    Waves() : VerilatedVcdC(this) {}
    using VerilatedVcdC::close;
    using VerilatedVcdC::open;
    int failure() const { return WavesFile::failure; }
};
#endif

class WholeModel {
  public:
    using Pins = Vmachine___024root;
    static constexpr bool kSkips = DIRQL_SKIPS;
    static constexpr int kShortCut = ClockMemory<Pins>::kFound && !VM_TRACE;

    explicit WholeModel(VerilatedContext& context) : context_(context), top_(&context, "machine") {}

    // Returns the errno with which writing failed, 0 if it did not.
    int close_waves() {
#if VM_TRACE
        waves_.close();
        return waves_.failure();
#else
        return 0;
#endif
    }

    Pins& pins() { return *top_.rootp; }

    // Evaluates the model for the first time; false if waves are wanted and cannot be written.
    bool start(const char* waves) {
#if VM_TRACE
        if (waves) {
            context_.traceEverOn(true);
            top_.trace(&waves_, 99);
            waves_.open(waves);
            if (!waves_.isOpen()) return false;
        }
#else
        if (waves) return false;
#endif
        pins().clk_i = 0;
        top_.eval();
        return true;
    }

    void tick(bool) {
        level(1);
        if (kShortCut)
            ClockMemory<Pins>::set_low(pins());
        else
            level(0);
    }

  private:
    // All of the machine is one part.
    auto states() {
        return [this](auto take) { take(State{reinterpret_cast<char*>(&pins()), &WholeState::kLayout}); };
    }

  public:
    // As in composed_model.h.
    uint64_t let_pass(uint64_t idle) {
        const uint64_t skipped = skipper_.clock(idle, states(), [this] { tick(false); });
        pins().clock_o += skipped;
        return skipped;
    }

    uint64_t look_ahead() {
        return skipper_.look_ahead(states(), [this] { tick(false); });
    }

    void expect_changes() { skipper_.expect_changes(); }

    unsigned awake() const { return 0; }

  private:
    void level(int clock) {
        pins().clk_i = clock;
#if !VM_TRACE
        Vmachine___024root___eval(&pins());
#else
        top_.eval();
        if (waves_.isOpen()) waves_.dump(time_ += kHalfClock);
#endif
    }

    VerilatedContext& context_;
    Vmachine top_;
    Skipper skipper_;
#if VM_TRACE
    static constexpr uint64_t kHalfClock = 1'000'000'000 / DIRQL_CLOCK_FREQUENCY / 2; // ns
    Waves waves_;
    uint64_t time_ = 0;
#endif
};

}  // namespace dirql
