// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The machine put together from compiled parts: the chassis, and each function as often as the machine has it. All
// agents' outputs come from registers, so a clock has two steps. First the rest of the logic of each part follows the bus
// and the host's inputs, then the registers are clocked, and their drives make the next bus. So each part is evaluated
// once in a clock, as if the machine were one model; `composition.h`, which is generated, has both steps of each part.
//
// A function sleeps, which costs nothing, once a clock has changed nothing in it and nothing asks for it. A grant, an
// access to one of its addresses or to its configuration space, another level on its pads, and a reset wake it in the
// clock in which they are on the bus. This rests on two rules of the RTL: a target or initiator at rest that is neither
// addressed nor granted keeps its registers, whatever the bus does; and no agent puts bad parity on an address, which all
// others would report. tests/machine/test_sleep.py compares machines of this kind, clock by clock, with the RTL as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "composition.h"
#include "machine_facts.h"
#include "part_state.h"
#include "verilated.h"

// Nothing here has an external name, since several machines may be in one process.
namespace dirql {
namespace {

// Where the fields of the bus are in a part's vector, which is a `bus_pkg::bus_t`. A function's vector has its grant and
// its IDSEL below that.
namespace bit {
constexpr unsigned kPar = 2, kCbe = 3, kAd = 7, kFrame = 43, kStart = 44;
constexpr unsigned kIdsel = 1, kBus = 2;
}

// The pads of a function: where the host finds them, and where the function does.
struct Pads {
    size_t bytes = 0; // of each; 0 for a function without pads
    const void* levels = nullptr;
    void *driven = nullptr, *enabled = nullptr;
    void* levels_i = nullptr;
    const void *driven_o = nullptr, *enabled_o = nullptr;
};

// Finds the pads in the model of a function that has some.
template <class Root, class = void>
struct PadsOf {
    static void find(Root&, Pads&) {}
};
template <class Root>
struct PadsOf<Root, std::void_t<decltype(Root::pads_i)>> {
    static void find(Root& root, Pads& pads) {
        pads.bytes = sizeof root.pads_i;
        pads.levels_i = &root.pads_i;
        pads.driven_o = &root.pads_o;
        pads.enabled_o = &root.pads_en_o;
    }
};

// One function of the machine. The pointers lead into its model.
struct Function {
    const FunctionFacts* facts;
    std::shared_ptr<void> model;
    void* root;
    void (*evaluate)(void* model);
    void (*follow)(void* root);
    void (*clock)(void* root);
    State state;
    const QData* own_o;
    const CData *req_o, *intx_o, *enables_o;
    const QData* events_o;
    const EData* bars_o;
    QData* bus_i;
    CData* rst_ni;
    Pads pads;

    // The clocks without a sign of life, after how many of them it is tried whether the state repeats, whether the next
    // clock is such a trial, and the state before that clock.
    static constexpr unsigned kFirstTrial = 3, kLastTrial = 4096;
    unsigned quiet = 0, trial = kFirstTrial;
    bool is_tried = false;
    bool intx = false;
    QData events = 0;
    std::vector<char> before;
};

class ComposedModel {
  public:
    using Pins = chassis_part::Root;
    static constexpr bool kSkips = true;
    static constexpr int kShortCut = 2;

    explicit ComposedModel(VerilatedContext& context) : chassis_(&context, "chassis") {
        functions_.reserve(kFunctionCount);
#define DIRQL_ADD(part) add<part>(context);
        DIRQL_FUNCTIONS(DIRQL_ADD)
#undef DIRQL_ADD
#define DIRQL_PAD(index, ports) connect_pads(index, pins().ports##_i, pins().ports##_o, pins().ports##_en_o);
        DIRQL_PADS(DIRQL_PAD)
#undef DIRQL_PAD
    }

    Pins& pins() { return *chassis_.rootp; }

    int close_waves() { return 0; }

    // Evaluates all parts for the first time; false if waves are wanted, which this model does not write.
    bool start(const char* waves) {
        if (waves) return false;
        chassis_.eval();
        for (Function& function : functions_) function.evaluate(function.model.get());
        wake(kAll);
        join();
        return true;
    }

    // A clock; `inputs_changed` as in CommandPort::take_changes.
    void tick(bool inputs_changed) {
        Pins& pins = this->pins();
        if (inputs_changed && with_pads_) follow_pads();
        if (pins.rst_ni != is_running_) change_reset();
        for_each(awake_, [&](unsigned i, Function& function) { follow(pins, i, function); });
        pins.bus_i = bus_;
        pins.req_i = requests_;
        pins.intx_i = (lines_[0] != 0) | (lines_[1] != 0) << 1 | (lines_[2] != 0) << 2 | (lines_[3] != 0) << 3;
        chassis_part::follow(&pins);
        chassis_part::clock(&pins);
        for_each(awake_, [](unsigned, Function& function) {
            const State& state = function.state;
            if (function.is_tried) function.before.assign(state.bytes, state.bytes + state.layout->bytes);
            function.clock(function.root);
            const Pads& pads = function.pads;
            if (!pads.bytes) return;
            std::memcpy(pads.driven, pads.driven_o, pads.bytes);
            std::memcpy(pads.enabled, pads.enabled_o, pads.bytes);
        });
        join();
    }

  private:
    // Calls what it is given with the state of each part that is evaluated.
    auto states() {
        return [this](auto take) {
            take(State{reinterpret_cast<char*>(&chassis_part::core(pins())), &chassis_part::kLayout});
            for_each(awake_, [&](unsigned, Function& function) { take(function.state); });
        };
    }

  public:
    // Clocks once while the host lets `idle` further clocks pass, and returns the number of clocks skipped after that.
    uint64_t let_pass(uint64_t idle) {
        const uint64_t skipped = skipper_.clock(idle, states(), [this] { tick(false); });
        pins().clock_o += skipped;
        return skipped;
    }

    // Clocks once, and returns the number of clocks that would do the same after that, if the host let them pass; 0 if
    // that is not known.
    uint64_t look_ahead() {
        return skipper_.look_ahead(states(), [this] { tick(false); });
    }

    // A request comes that may start something: looking ahead begins anew.
    void expect_changes() { skipper_.expect_changes(); }

    unsigned awake() const { return unsigned(__builtin_popcountll(awake_)); }

  private:
    using Set = uint64_t; // of functions
    static_assert(kFunctionCount <= 64, "see can_be_composed in composition.py");
    static constexpr Set kAll = kFunctionCount == 64 ? ~Set(0) : (Set(1) << kFunctionCount) - 1;

    // A range of addresses that a function answers.
    struct Window {
        uint32_t base, mask;
        Set function;
    };

    template <class Do>
    void for_each(Set set, Do act) {
        for (; set; set &= set - 1) {
            const unsigned i = unsigned(__builtin_ctzll(set));
            act(i, functions_[i]);
        }
    }

    template <class Part>
    void add(VerilatedContext& context) {
        using Root = typename Part::Root;
        const FunctionFacts& facts = kFunctions[functions_.size()];
        auto model = std::make_shared<typename Part::Model>(&context, facts.name);
        Root& root = *model->rootp;
        root.number_i = facts.number;
        root.multifunction_i = facts.multifunction;
        root.pin_i = facts.pin;
        root.clock_khz_i = kClockKhz;
        root.timestamp_address_i = kTimestampAddress;
        root.fault_injection_i = kFaultInjection;
        root.rst_ni = 1;
        Function function{};
        function.facts = &facts;
        function.root = &root;
        function.evaluate = [](void* it) { static_cast<typename Part::Model*>(it)->eval(); };
        function.follow = [](void* it) { Part::follow(static_cast<Root*>(it)); };
        function.clock = [](void* it) { Part::clock(static_cast<Root*>(it)); };
        function.state = {reinterpret_cast<char*>(&Part::core(root)), &Part::kLayout};
        function.own_o = &root.own_o;
        function.req_o = &root.req_o;
        function.intx_o = &root.intx_o;
        function.enables_o = &root.enables_o;
        function.events_o = &root.events_o;
        function.bars_o = root.bars_o.data();
        function.bus_i = &root.bus_i;
        function.rst_ni = &root.rst_ni;
        PadsOf<Root>::find(root, function.pads);
        function.model = std::move(model);
        functions_.push_back(std::move(function));
    }

    template <class Levels>
    void connect_pads(unsigned index, const Levels& levels, Levels& driven, Levels& enabled) {
        Pads& pads = functions_[index].pads;
        pads.levels = &levels;
        pads.driven = &driven;
        pads.enabled = &enabled;
        with_pads_ |= Set(1) << index;
    }

    // The levels that the host puts on pads go to the functions; another level wakes a function.
    void follow_pads() {
        for_each(with_pads_, [this](unsigned i, Function& function) {
            const Pads& pads = function.pads;
            if (!std::memcmp(pads.levels_i, pads.levels, pads.bytes)) return;
            std::memcpy(pads.levels_i, pads.levels, pads.bytes);
            wake(Set(1) << i);
        });
    }

    void change_reset() {
        is_running_ = pins().rst_ni;
        for (Function& function : functions_) *function.rst_ni = is_running_;
        wake(kAll);
    }

    // The logic of a function follows the bus; what comes of it goes to the chassis.
    void follow(Pins& pins, unsigned i, Function& function) {
        const FunctionFacts& facts = *function.facts;
        const QData is_selected = pins.idsel_o >> facts.device & 1, is_granted = (pins.gnt_o & grant_of(facts)) != 0;
        *function.bus_i = bus_ << bit::kBus | is_selected << bit::kIdsel | is_granted;
        function.follow(function.root);
        if (*function.events_o != function.events) {
            function.events = *function.events_o;
            put(reinterpret_cast<EData*>(&pins.events_i), i * kEventsWidth, kEventsWidth, function.events);
        }
        if (bool(*function.intx_o) != function.intx) {
            function.intx = !function.intx;
            lines_[facts.line] += function.intx ? 1 : -1;
        }
    }

    // Writes a field of a wide signal, whose words begin with the lowest.
    static void put(EData* words, unsigned place, unsigned bits, uint64_t value) {
        for (; bits; ) {
            const unsigned shift = place % 32, taken = bits < 32 - shift ? bits : 32 - shift;
            const uint32_t mask = uint32_t((uint64_t(1) << taken) - 1) << shift;
            words[place / 32] = (words[place / 32] & ~mask) | (uint32_t(value << shift) & mask);
            place += taken, bits -= taken, value >>= taken;
        }
    }

    // The bus after a clock: the OR of all drives, and the start of a transaction.
    void join() {
        Pins& pins = this->pins();
        const bool before = bus_ >> bit::kFrame & pins.rst_ni;
        QData bus = pins.own_o;
        Set tried = 0;
        for_each(awake_, [&](unsigned i, Function& function) {
            bus |= *function.own_o;
            if (*function.own_o || *function.req_o) function.quiet = 0, function.trial = Function::kFirstTrial;
            if (function.facts->master) set_request(function, *function.req_o);
            if (++function.quiet >= function.trial || function.is_tried) tried |= Set(1) << i;
        });
        const bool start = (bus >> bit::kFrame & 1) && !before;
        bus_ = bus | QData(start) << bit::kStart;
        pins.rsp_valid_o = is_answered(pins.answer_o);
        if (tried) try_to_sleep(tried);
        if (start) {
            wake(reached(pins));
            for_each(awake_, [](unsigned, Function& function) { function.quiet = 0, function.is_tried = false; });
        }
        if (pins.gnt_o & sleeping_masters_) wake(granted(pins));
    }

    // Whether the command has its answer: the one output of the chassis that depends on the bus of its clock. The bits are
    // `rsp_offered`, `rsp_checked` and `rsp_par` of bridge_pkg.
    bool is_answered(unsigned answer) const {
        return answer & 4 && !(answer & 2 && ((bus_ >> bit::kPar ^ answer) & 1));
    }

    void set_request(const Function& function, unsigned request) {
        const unsigned bit = function.facts->master - 1;
        requests_ = (requests_ & ~(1u << bit)) | request << bit;
    }

    // Begins trials of these functions, and puts those to sleep whose trial has shown that nothing changes.
    void try_to_sleep(Set tried) {
        for_each(tried, [&](unsigned i, Function& function) {
            if (!function.is_tried) {
                function.is_tried = function.facts->sleeps && pins().rst_ni;
                function.quiet = 0;
                return;
            }
            function.is_tried = false;
            const bool is_at_rest = !*function.events_o && !*function.own_o && !*function.req_o && !(*function.bus_i & 1) &&
                                    function.state.equals(function.before.data());
            if (!is_at_rest) {
                function.trial = function.trial < Function::kLastTrial ? 2 * function.trial : Function::kLastTrial;
            } else {
                function.trial = Function::kFirstTrial;
                awake_ &= ~(Set(1) << i);
                sleeping_masters_ |= grant_of(*function.facts);
                note_windows(i, function);
            }
            function.quiet = 0;
        });
    }

    void wake(Set set) {
        awake_ |= set;
        for_each(set, [this](unsigned, Function& function) {
            function.quiet = 0, function.is_tried = false;
            sleeping_masters_ &= ~grant_of(*function.facts);
        });
    }

    // The bit of a function's grant; 0 for one that is no master.
    static uint32_t grant_of(const FunctionFacts& facts) { return facts.master ? 1u << facts.master : 0; }

    Set granted(const Pins& pins) const {
        Set set = 0;
        for (size_t i = 0; i < kFunctionCount; ++i)
            if (pins.gnt_o & grant_of(kFunctions[i])) set |= Set(1) << i;
        return set;
    }

    // The functions that the transaction which starts now may concern, of those that sleep.
    Set reached(const Pins& pins) const {
        if (awake_ == kAll) return 0;
        const unsigned command = bus_ >> bit::kCbe & 0xF;
        const uint32_t ad = uint32_t(bus_ >> bit::kAd);
        Set set = 0;
        if (command >> 1 == 0b101) {
            for (size_t i = 0; i < kFunctionCount; ++i)
                if (pins.idsel_o >> kFunctions[i].device & 1 && (ad >> 8 & 7) == kFunctions[i].number) set |= Set(1) << i;
        } else {
            const bool is_memory = command >> 1 == 0b011 || (command >> 2 == 0b11 && (command & 3) != 0b01);
            const bool is_io = command >> 1 == 0b001;
            if (is_memory || is_io)
                for (const Window& window : is_io ? io_ : memory_)
                    if ((ad & window.mask) == window.base) set |= window.function;
        }
        return set & ~awake_;
    }

    // The addresses that a function answers; they stay as they are while it sleeps.
    void note_windows(unsigned i, const Function& function) {
        const Set own = Set(1) << i;
        for (auto* windows : {&memory_, &io_}) {
            size_t kept = 0;
            for (const Window& window : *windows)
                if (window.function != own) (*windows)[kept++] = window;
            windows->resize(kept);
        }
        for (unsigned bar = 0; bar < 6; ++bar) {
            const uint32_t mask = function.facts->bars[bar].mask, base = function.bars_o[bar] & mask;
            const bool is_io = function.facts->bars[bar].is_io;
            if (base && *function.enables_o >> is_io & 1) (is_io ? io_ : memory_).push_back({base, mask, own});
        }
    }

    typename chassis_part::Model chassis_;
    std::vector<Function> functions_;
    std::vector<Window> memory_, io_;
    Skipper skipper_;
    Set awake_ = 0, with_pads_ = 0;
    QData bus_ = 0;
    uint32_t requests_ = 0;         // bit 0 is the first function that can be master
    uint32_t sleeping_masters_ = 0; // grants; bit 0 is the bridge's, and never on
    int lines_[4] = {};
    bool is_running_ = true;
};

}  // namespace
}  // namespace dirql
