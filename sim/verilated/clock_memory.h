// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// One evaluation of a model for each clock.
#pragma once

#include <type_traits>

namespace dirql {

// A short cut: where the model's memory of the clock's last level can be reached, it is set to low, and the next
// evaluation with the clock high is a rising edge without an evaluation with the clock low before it. Nothing in the
// machine acts on the falling edge, and all outputs come from registers. The member is private to Verilator: with a
// version that gives it another name, each clock is evaluated twice, with the same results, and a test in
// tests/machine/test_verilated.py fails.
template <class Root, class = void>
struct ClockMemory {
    static constexpr bool kFound = false;
    static void set_low(Root&) {}
};
template <class Root>
struct ClockMemory<Root, std::void_t<decltype(Root::__Vtrigprevexpr___TOP__clk_i__0)>> {
    static constexpr bool kFound = true;
    static void set_low(Root& root) { root.__Vtrigprevexpr___TOP__clk_i__0 = 0; }
};

}  // namespace dirql
