// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0

#include "machine.h"

#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "Vmachine.h"
#include "Vmachine___024root.h"
#include "command_port.h"
#include "model_state.h"
#include "verilated.h"

// On for the library that is evaluated directly; off if assertions or waves have logic of their own.
#ifndef DIRQL_DIRECT
#define DIRQL_DIRECT 0
#endif

// The bare evaluation. `Vmachine::eval` wraps it in steps for models that print or that free objects; the machine does
// neither.
void Vmachine___024root___eval(Vmachine___024root*);

#if VM_TRACE_FST
#include "verilated_fst_c.h"
using Waves = VerilatedFstC;
#elif VM_TRACE
#include "verilated_vcd_c.h"
using Waves = VerilatedVcdC;
#endif

namespace {

constexpr uint64_t kHalfClock = 1'000'000'000 / DIRQL_CLOCK_FREQUENCY / 2; // ns, in wave files

// Thrown when the model would end the program: at $finish, at $stop or a failed assertion, and at a fatal error.
struct Stopped {
    std::string complaint;
};

[[noreturn]] void stop(const char* what, const char* file, int line) {
    throw Stopped{std::string(what) + " at " + file + ":" + std::to_string(line)};
}

// A short cut: where the model's memory of the clock's last level can be reached, it is set to low, and the next
// evaluation with the clock high is a rising edge without an evaluation with the clock low before it. Nothing in the
// machine acts on the falling edge, and all outputs come from registers. It makes clocks 11 % faster ("clocks waited" of
// bench/target_paths.py: 2.89 to 3.23 million a second). The member is private to Verilator: with a version that gives
// it another name, each clock is evaluated twice, with the same results, and a test in tests/machine/test_verilated.py
// fails.
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
using MachineClock = ClockMemory<Vmachine___024root>;

// A shorter cut, for a library without assertions and waves. All logic of the machine hangs on the rising edge of one
// clock, and the model has two routines for a clock: one carries changes of the inputs through the combinational logic,
// the other takes the edge. Here they are called without the loops and triggers of Verilator's own evaluation, and the
// first one only if an input has changed ("clocks of the bare model" of bench/target_paths.py: 2.77 to 3.16 million a
// second). The routines and the triggers are private to Verilator: with a version that names them otherwise the model is
// evaluated as a whole, with the same results, and a test in tests/machine/test_verilated.py fails.
template <class Root, class = void>
struct Evaluation {
    static constexpr bool kDirect = false;
    static void clock(Root&, bool) {}
};
template <class Root>
struct Evaluation<Root, std::void_t<decltype(Vmachine___024root___eval_ico(std::declval<Root*>())),
                                    decltype(Vmachine___024root___eval_nba(std::declval<Root*>())),
                                    decltype(std::declval<Root&>().__VicoTriggered[0]),
                                    decltype(std::declval<Root&>().__VnbaTriggered[0])>> {
    static constexpr bool kDirect = DIRQL_DIRECT;
    static void clock(Root& root, bool inputs_changed) {
        if (inputs_changed) {
            root.__VicoTriggered[0] = 1;
            Vmachine___024root___eval_ico(&root);
        }
        root.__VnbaTriggered[0] = 1;
        Vmachine___024root___eval_nba(&root);
    }
};
using MachineEvaluation = Evaluation<Vmachine___024root>;

// Skips clocks. While the host waits and the machine's state repeats but for counters of clocks, each further clock does
// the same again: the counters are moved on by many clocks at once. The state is all that Verilator keeps before the
// memories, which do not change as long as the rest does not. The library with assertions does not skip, nor do waves
// and cocotb; tests/machine/test_same_cycles.py compares them with this one.
#if DIRQL_DIRECT && DIRQL_STATE_KNOWN
class Skipper {
  public:
    explicit Skipper(Vmachine___024root& root) : root_(root) {}

    // Called instead of `tick` while the host lets clocks pass; `idle` as in CommandPort::idle_clocks. Clocks once, and
    // returns the number of clocks that it has skipped after that.
    template <class Tick>
    uint64_t clock(uint64_t idle, Tick tick) {
        if (idle < kWorth) quiet_ = 0, next_ = kFirst;
        if (idle < kWorth || ++quiet_ < next_) return tick(), 0;
        std::memcpy(before_, &root_, kBytes);
        tick();
        const uint64_t clocks = repeats(idle - 1);
        quiet_ = 0;
        next_ = clocks ? kFirst : next_ < kLast ? 2 * next_ : kLast;
        if (clocks) advance(clocks);
        return clocks;
    }

  private:
    static constexpr uint64_t kWorth = 16;
    static constexpr unsigned kFirst = 4, kLast = 4096;
    static constexpr size_t kBytes = offsetof(Vmachine___024root, DIRQL_STATE_END);

    template <class Member>
    Member& earlier(Member& member) {
        return *reinterpret_cast<Member*>(before_ + (reinterpret_cast<char*>(&member) - reinterpret_cast<char*>(&root_)));
    }

    // The clocks, at most `clocks`, that would do what the last one did; 0 if it changed more than counters.
    uint64_t repeats(uint64_t clocks) {
        bool odd = false;
#define DIRQL_COUNTER(name) \
    odd |= root_.name - earlier(root_.name) > 1; \
    moved_.name = root_.name != earlier(root_.name); \
    earlier(root_.name) = root_.name;
        DIRQL_STATE_COUNTERS(DIRQL_COUNTER)
#undef DIRQL_COUNTER
#define DIRQL_TIMER(name) \
    if (root_.name != earlier(root_.name)) { \
        odd |= earlier(root_.name) - root_.name != 1; \
        if (clocks >= root_.name) clocks = root_.name ? root_.name - 1 : 0; \
        earlier(root_.name) = root_.name; \
        moved_.name = true; \
    } else { \
        moved_.name = false; \
    }
        DIRQL_STATE_TIMERS(DIRQL_TIMER)
#undef DIRQL_TIMER
#define DIRQL_SHOWN(name) earlier(root_.name) = root_.name;
        DIRQL_STATE_SHOWN(DIRQL_SHOWN)
#undef DIRQL_SHOWN
        return odd || std::memcmp(before_, &root_, kBytes) ? 0 : clocks;
    }

    // The signals that show a counter follow at the next edge, which is always evaluated.
    void advance(uint64_t clocks) {
#define DIRQL_COUNTER(name) root_.name += moved_.name ? clocks : 0;
        DIRQL_STATE_COUNTERS(DIRQL_COUNTER)
#undef DIRQL_COUNTER
#define DIRQL_TIMER(name) root_.name -= moved_.name ? clocks : 0;
        DIRQL_STATE_TIMERS(DIRQL_TIMER)
#undef DIRQL_TIMER
        root_.DIRQL_STATE_CLOCK += clocks;
    }

    struct Moved {
#define DIRQL_COUNTER(name) bool name;
        DIRQL_STATE_COUNTERS(DIRQL_COUNTER)
        DIRQL_STATE_TIMERS(DIRQL_COUNTER)
#undef DIRQL_COUNTER
    };

    Vmachine___024root& root_;
    Moved moved_{};
    unsigned quiet_ = 0, next_ = kFirst;
    alignas(Vmachine___024root) char before_[kBytes];
};
constexpr bool kSkipsClocks = MachineEvaluation::kDirect;
#else
class Skipper {
  public:
    explicit Skipper(Vmachine___024root&) {}
    template <class Tick>
    uint64_t clock(uint64_t, Tick tick) {
        return tick(), 0;
    }
};
constexpr bool kSkipsClocks = false;
#endif
constexpr bool kSkipsFallingEdge = MachineClock::kFound && !VM_TRACE;

}  // namespace

void vl_finish(const char* file, int line, const char*) { stop("$finish", file, line); }
void vl_stop(const char* file, int line, const char*) { stop("$stop or a failed assertion", file, line); }
void vl_fatal(const char* file, int line, const char*, const char* message) { stop(message, file, line); }

struct dirql_machine {
    explicit dirql_machine(dirql_exchange& e) : exchange(e), top(&context, "machine"), port(*top.rootp, e), skipper(*top.rootp) {}

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
        if (MachineEvaluation::kDirect) return MachineEvaluation::clock(*top.rootp, port.take_changes());
        level(1);
        if (kSkipsFallingEdge)
            MachineClock::set_low(*top.rootp);
        else
            level(0);
    }

    // Carries out the request that the command port has begun, and returns the answer. A model that stopped itself is
    // not evaluated again.
    uint64_t run() {
        if (!complaint.empty()) return port.answer(DIRQL_FAILURE_STOPPED);
        try {
            while (!port.drive()) {
                port.serve();
                const uint64_t idle = kSkipsClocks && port.is_quiet() ? port.idle_clocks() : 0;
                if (!idle)
                    tick();
                else
                    port.skip(skipper.clock(idle, [this] { tick(); }));
            }
            return port.answer(port.status());
        } catch (const Stopped& stopped) {
            complaint = stopped.complaint;
            return port.answer(DIRQL_FAILURE_STOPPED);
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
    dirql::CommandPort<Vmachine___024root> port;
    Skipper skipper;
    std::string complaint;
#if VM_TRACE
    Waves waves;
    uint64_t time = 0;
#endif
};

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
    exchange.answer = machine->run();
    exchange.pending = 0;
}

uint64_t dirql_wait(dirql_machine* machine, uint64_t spent, uint64_t limit) {
    machine->exchange.kind = DIRQL_WAIT;
    machine->exchange.spent = spent;
    machine->exchange.limit = limit;
    machine->port.begin();
    return machine->run();
}

uint64_t dirql_command(dirql_machine* machine, uint32_t operation, uint64_t spent, uint32_t address,
                       uint32_t byte_enables, uint32_t length, uint32_t datum) {
    machine->port.begin_command(operation, address, byte_enables, length, datum, spent);
    return machine->run();
}

const char* dirql_complaint(const dirql_machine* machine) { return machine->complaint.c_str(); }

void dirql_clock_bare(dirql_machine* machine, uint64_t clocks) {
    while (clocks--) machine->tick();
    machine->exchange.clock = machine->top.rootp->clock_o;
}

int dirql_short_cut(void) { return kSkipsClocks ? 3 : MachineEvaluation::kDirect ? 2 : kSkipsFallingEdge; }

}  // extern "C"
