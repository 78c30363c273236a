// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The machine with its link as one model, a clock at a time, and the clocks in which it stands still as one step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "Vtwin.h"
#include "Vtwin___024root.h"
#include "clock_memory.h"
#include "part_state.h"
#include "twin_layout.h"
#include "verilated.h"

// The bare evaluation, as in whole_model.h.
void Vtwin___024root___eval(Vtwin___024root*);

namespace dirql {

class TwinModel {
  public:
    using Pins = Vtwin___024root;

    TwinModel() : top_(&context_, "twin") {
        pins().clk_i = 0;
        pins().rst_ni = 1;
        top_.eval();
    }

    Pins& pins() { return *top_.rootp; }

    void tick() {
        level(1);
        if (ClockMemory<Pins>::kFound)
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
    // Clocks once by `tick`, and returns the number of clocks after that which would do the same if nothing came from
    // outside; 0 if it is not known.
    template <class Tick>
    uint64_t look_ahead(Tick tick) {
        if (!DIRQL_SKIPS) return tick(), 0;
        const uint64_t clocks = skipper_.look_ahead(states(), tick);
        return clocks && quiet_ < kOld ? std::min(clocks, until_age()) : clocks;
    }

    // Lets clocks pass that `look_ahead` has announced; few of them are evaluated.
    void let_pass(uint64_t clocks) {
        quiet_ += clocks;
        while (clocks) clocks -= 1 + skipper_.clock(clocks, states(), [this] { tick(); });
    }

    // Called when something goes in or comes out.
    void expect_changes() {
        skipper_.expect_changes();
        quiet_ = 0;
    }

  private:
    void level(int clock) {
        pins().clk_i = clock;
        Vtwin___024root___eval(&pins());
    }

    // What `link_memory` has of the host's memory becomes old at each clock whose number is a multiple of this. Until two
    // of them have passed, these clocks are evaluated.
    static constexpr uint64_t kAge = 1024, kOld = 2 * kAge;

    uint64_t until_age() { return (kAge - WholeState::clock(pins()) % kAge) % kAge; }

    VerilatedContext context_;
    Vtwin top_;
    Skipper skipper_;
    uint64_t quiet_ = 0; // clocks that were skipped since something went in or came out
};

}  // namespace dirql
