// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The machine's IOMMU: the parts of the host's RAM that bus masters may access, once the host has confined them. An
// access outside of these parts is a stray access: a read gives all ones, a write changes nothing, and the first one is
// kept for the host.
//
// The host memory port does not name the master of a request, so the parts hold for all masters together.
#pragma once

#include "exchange.h"

namespace dirql {

class Confinement {
  public:
    explicit Confinement(dirql_exchange& exchange) : exchange_(exchange) {}

    // True if the dword at `address` may be read. The bridge fetches ahead along a burst, up to the end of a page that
    // the burst has entered: a read that is no further behind a part is refused, and no stray access.
    bool reads(uint32_t address, uint64_t clock) {
        if (!exchange_.confined) return true;
        if (read_from_ < exchange_.readable_count && touches(exchange_.readable[read_from_], address)) return true;
        bool is_ahead = false;
        for (uint64_t place = 0; place < exchange_.readable_count; ++place) {
            const dirql_grant& part = exchange_.readable[place];
            if (touches(part, address)) return read_from_ = place, true;
            is_ahead |= part.end && address >= part.end && address < part.end + kFetchedAhead &&
                        address / kPage == (part.end - 1) / kPage;
        }
        if (!is_ahead) stray(address, 0xF, false, clock);
        return false;
    }

    // True if these bytes of the dword at `address` may be written.
    bool writes(uint32_t address, unsigned byte_enables, uint64_t clock) {
        if (!exchange_.confined || !byte_enables) return true;
        const uint64_t first = address + unsigned(__builtin_ctz(byte_enables));
        const uint64_t last = address + 31 - unsigned(__builtin_clz(byte_enables));
        if (write_to_ < exchange_.writable_count && holds(exchange_.writable[write_to_], first, last)) return true;
        unsigned open = byte_enables;
        for (uint64_t place = 0; place < exchange_.writable_count; ++place) {
            const dirql_grant& part = exchange_.writable[place];
            if (holds(part, first, last)) return write_to_ = place, true;
            for (unsigned lane = 0; lane < 4; ++lane)
                if (holds(part, address + lane, address + lane)) open &= ~(1u << lane);
        }
        if (open) stray(address, byte_enables, true, clock);
        return !open;
    }

  private:
    static constexpr uint64_t kPage = 4096;
    static constexpr uint64_t kFetchedAhead = DIRQL_FETCHED_AHEAD;

    static bool touches(const dirql_grant& part, uint64_t address) {
        return address < part.end && address + 4 > part.start;
    }

    static bool holds(const dirql_grant& part, uint64_t first, uint64_t last) {
        return part.start <= first && last < part.end;
    }

    void stray(uint32_t address, unsigned byte_enables, bool is_write, uint64_t clock) {
        if (exchange_.stray_count++) return;
        exchange_.stray_clock = clock;
        exchange_.stray_address = address;
        exchange_.stray_byte_enables = byte_enables;
        exchange_.stray_is_write = is_write;
    }

    dirql_exchange& exchange_;
    uint64_t read_from_ = 0;
    uint64_t write_to_ = 0;
};

}  // namespace dirql
