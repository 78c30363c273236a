// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The checker of the bus behind the pins of a wave dump, by call.
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// cdef begin
// The bus on one clock. Handshakes, requests and grants are 1 while they are on; AD, C/BE and PAR as they are on the wire.
typedef struct {
    uint32_t ad, idsel;
    uint16_t req, gnt;
    uint8_t cbe, par;
    uint8_t running, frame, irdy, devsel, trdy, stop, perr, has_idsel, doubtful;
    uint8_t master_driven, target_driven, ad_driven, perr_driven;
} dump_clock;

typedef struct dump_bus dump_bus;

dump_bus* dump_open(void);
void dump_close(dump_bus* bus);
// The rules that do not hold on this clock, 1 << bus_pkg::rule_e.
uint64_t dump_check(dump_bus* bus, const dump_clock* now);
// The same of the rules of error_pins, in the order of their sentences, for the clock that was checked last.
uint64_t dump_pins(const dump_bus* bus);
// cdef end

#ifdef __cplusplus
}
#endif
