// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The state of a compiled part as bytes, and the clocks that are skipped while it repeats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace dirql {

// A member of a part's state.
struct Field {
    size_t offset, bytes;
};

// What is known of a part's state: its bytes, without the memories, which do not change as long as the rest does not;
// counters of clocks and timers; and signals that only show a counter. Each list ends with a field of no bytes.
struct Layout {
    size_t bytes;
    const Field *clocks, *timers, *shown;
};

struct State {
    char* bytes;
    const Layout* layout;

    bool equals(const char* copy) const { return !std::memcmp(copy, bytes, layout->bytes); }
};

// Skips clocks. While the host waits and the machine's state repeats but for counters of clocks, each further clock does
// the same again: the counters are moved on by many clocks at once. tests/machine/test_machines.py compares this with machines
// that evaluate each clock.
class Skipper {
  public:
    // Called instead of `tick` while the host lets clocks pass; `idle` as in CommandPort::idle_clocks. Clocks once, and
    // returns the number of clocks that it has skipped after that. `states` are those of the parts that are evaluated.
    template <class States, class Tick>
    uint64_t clock(uint64_t idle, States states, Tick tick) {
        if (idle < kWorth) quiet_ = 0, next_ = kFirst;
        if (idle < kWorth || ++quiet_ < next_) return tick(), 0;
        save(states);
        tick();
        const uint64_t clocks = repeats(idle - 1);
        quiet_ = 0;
        next_ = clocks ? kFirst : next_ < kLast ? 2 * next_ : kLast;
        if (clocks) advance(clocks);
        return clocks;
    }

    // Clocks once, and returns the number of clocks after that which would do the same; 0 if it is not known. After
    // `expect_changes` the states are compared at each of the first clocks, and later, as long as something changes, after
    // twice as many clocks each time.
    template <class States, class Tick>
    uint64_t look_ahead(States states, Tick tick) {
        if (++seen_ < wanted_) return tick(), 0;
        save(states);
        tick();
        const uint64_t clocks = repeats(kFar);
        seen_ = 0;
        if (clocks || failed_++ < kEager)
            wanted_ = 1;
        else
            wanted_ = wanted_ < kLast ? 2 * wanted_ : kLast;
        return clocks;
    }

    void expect_changes() { seen_ = failed_ = 0, wanted_ = 1; }

  private:
    static constexpr uint64_t kFar = uint64_t(1) << 62;
    static constexpr uint64_t kWorth = 16;
    static constexpr unsigned kFirst = 4, kLast = 4096, kEager = 8;

    static uint64_t get(const char* bytes, const Field& field) {
        uint64_t value = 0;
        std::memcpy(&value, bytes + field.offset, field.bytes);
        return value;
    }

    static void put(char* bytes, const Field& field, uint64_t value) {
        std::memcpy(bytes + field.offset, &value, field.bytes);
    }

    template <class States>
    void save(States states) {
        parts_.clear();
        states([this](const State& state) { parts_.push_back(state); });
        size_t bytes = 0;
        for (const State& part : parts_) bytes += part.layout->bytes;
        before_.resize(bytes);
        char* to = before_.data();
        for (const State& part : parts_) {
            std::memcpy(to, part.bytes, part.layout->bytes);
            to += part.layout->bytes;
        }
    }

    // The clocks, at most `clocks`, that would do what the last one did; 0 if it changed more than counters.
    uint64_t repeats(uint64_t clocks) {
        moved_.clear();
        char* before = before_.data();
        for (const State& part : parts_) {
            for (const Field* field = part.layout->clocks; field->bytes; ++field) {
                const uint64_t now = get(part.bytes, *field), was = get(before, *field);
                if (now != was && now != was + 1) return 0;
                if (now != was) moved_.push_back({part.bytes, *field, 1});
                put(before, *field, now);
            }
            for (const Field* field = part.layout->timers; field->bytes; ++field) {
                const uint64_t now = get(part.bytes, *field), was = get(before, *field);
                if (now == was) continue;
                if (now + 1 != was) return 0;
                if (clocks >= now) clocks = now ? now - 1 : 0;
                moved_.push_back({part.bytes, *field, -1});
                put(before, *field, now);
            }
            for (const Field* field = part.layout->shown; field->bytes; ++field)
                std::memcpy(before + field->offset, part.bytes + field->offset, field->bytes);
            if (!part.equals(before)) return 0;
            before += part.layout->bytes;
        }
        return clocks;
    }

    // The signals that show a counter follow at the next clock, which is always evaluated.
    void advance(uint64_t clocks) {
        for (const Moved& each : moved_)
            put(each.bytes, each.field, get(each.bytes, each.field) + (each.step > 0 ? clocks : -clocks));
    }

    struct Moved {
        char* bytes;
        Field field;
        int step;
    };

    unsigned quiet_ = 0, next_ = kFirst;  // of `clock`
    unsigned seen_ = 0, wanted_ = 1, failed_ = 0; // of `look_ahead`
    std::vector<State> parts_;
    std::vector<char> before_;
    std::vector<Moved> moved_;
};

}  // namespace dirql
