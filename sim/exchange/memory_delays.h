// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// Times of a slow host memory, such as that behind a board's link: each read is answered late, and after each request
// the memory may take no other for a while. Answers stay in the order of the requests. All times come from a seeded
// generator and from the clocks of the requests, so the same run gives the same times.
#pragma once

#include <cstdint>

namespace dirql {

class MemoryDelays {
  public:
    // Forgets all requests. `longest` is the most clocks by which an answer is late, or for which the memory is not
    // ready; 0 stands for a memory that answers at once.
    void restart(uint64_t seed, uint64_t longest) {
        state_ = seed;
        longest_ = longest;
        first_ = count_ = ready_from_ = 0;
    }

    bool are_on() const { return longest_; }

    // True if nothing is left to happen after the edge at `clock`.
    bool is_idle(uint64_t clock) const { return !count_ && clock >= ready_from_; }

    bool is_ready(uint64_t clock) const { return clock >= ready_from_ && count_ < kSlots; }

    // A request is taken at the edge at `clock`.
    void request(uint64_t clock) { ready_from_ = clock + 1 + draw(); }

    // The request at the edge at `clock` is a read of `word`, which is the answer even if the memory changes meanwhile.
    void read(uint64_t clock, uint32_t word) {
        slots_[(first_ + count_++) % kSlots] = {clock + 1 + draw(), word};
    }

    // True if the oldest read is answered at the edge at `clock`; `take` gives the answer then.
    bool is_answered(uint64_t clock) const { return count_ && clock >= slots_[first_].clock; }

    uint32_t take() {
        const uint32_t word = slots_[first_].word;
        first_ = (first_ + 1) % kSlots;
        --count_;
        return word;
    }

  private:
    static constexpr unsigned kSlots = 16;

    struct Answer {
        uint64_t clock;
        uint32_t word;
    };

    // One in 64 delays is long and one in 4 is up to 31 clocks, the others are up to 2: long enough for every limit of
    // the bus, and seldom enough that a run still ends.
    uint64_t draw() {
        const uint64_t random = next();
        const unsigned kind = random & 63;
        const uint64_t limit = kind == 0 ? longest_ : kind < 16 ? 31 : 2;
        return (random >> 6) % ((limit < longest_ ? limit : longest_) + 1);
    }

    // SplitMix64, after G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    uint64_t next() {
        uint64_t mixed = state_ += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
        return mixed ^ mixed >> 31;
    }

    uint64_t state_ = 0;
    uint64_t longest_ = 0;
    uint64_t ready_from_ = 0;
    unsigned first_ = 0;
    unsigned count_ = 0;
    Answer slots_[kSlots] = {};
};

}  // namespace dirql
