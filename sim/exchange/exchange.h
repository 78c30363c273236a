// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The block of memory that host code and a simulated machine share: the host's RAM, one request with its answer, the
// data of a burst, and the event records that have left the machine. Python reads the part between the two `cdef` lines
// with cffi, so these declarations are the only ones.
#pragma once

#include <stdint.h>
#include "machine_facts.h"

#include "protocol.h"

// cdef begin

enum dirql_kind {
    DIRQL_TRANSFER, // one command, single or burst
    DIRQL_STRING,   // the same single command once for each dword of `data`
    DIRQL_WAIT,     // let clocks pass
    DIRQL_RESET,    // reset the machine
    DIRQL_PADS,     // reach the pads of the function with the index in `address`; `operation` is a dirql_pads_operation
};

// Each takes no clock of its own.
enum dirql_pads_operation {
    DIRQL_PADS_DRIVE,   // `datum` has the levels outside from now on; they are low after a reset
    DIRQL_PADS_LEVELS,  // the value is the levels that the function drives
    DIRQL_PADS_ENABLED, // the value is the pads that the function drives
};

#define DIRQL_POSTED_SLOTS 64
#define DIRQL_DATA_DWORDS 16384
#define DIRQL_RECORD_SLOTS 1048576
#define DIRQL_GRANT_SLOTS 65536
#define DIRQL_PATIENCE 1048576

// A host mark that waits for the next request to carry it.
struct dirql_posted {
    uint64_t spent; // clocks before it
    uint64_t mark;
};

// An event record as the timestamp unit makes it.
struct dirql_record {
    uint8_t bytes[16];
};

// A part of the host's RAM, from `start` up to `end`, that bus masters may access; no part if both are 0.
struct dirql_grant {
    uint64_t start;
    uint64_t end;
};

struct dirql_exchange {
    uint8_t memory[DIRQL_MEMORY_BYTES]; // the host's RAM; first, so that it begins on a page boundary

    // Written by the host.
    uint64_t pending; // set by the host with a request, cleared by the machine with the answer
    uint64_t kind;
    uint64_t operation; // DIRQL_OP_*
    uint64_t address;
    uint64_t byte_enables;
    uint64_t length; // dwords of a burst or a string
    uint64_t datum;
    uint64_t spent;    // clocks to let pass before the request
    uint64_t limit;    // clocks that a wait may last
    uint64_t deadline; // clock from which on the answers ask for attention
    uint64_t posted_count;
    // The host's RAM is slow, from the next reset on: the seed of the delays, and the longest of them in clocks. With 0
    // for the longest a read is answered on the next clock.
    uint64_t delay_seed;
    uint64_t delay_longest;
    // Not 0 if bus masters may access only the first `readable_count` parts in `readable`, and `writable_count` parts in
    // `writable`.
    uint64_t confined;
    uint64_t readable_count;
    uint64_t writable_count;

    // Written by the machine. The host, too, moves `clock` on, when it posts a mark.
    // Packed as DIRQL_ANSWER_* say; the value is the dword that was read, or the number of dwords of a string that moved.
    uint64_t answer;
    uint64_t clock;
    // Up to this clock nothing newly asks for attention but the deadline, unless a request comes; 0 if that is not known.
    uint64_t quiet_until;
    uint64_t record_count;
    uint64_t records_dropped;
    // The stray accesses of bus masters since the host has set their number to 0, and the first of them.
    uint64_t stray_count;
    uint64_t stray_clock;
    uint64_t stray_address;
    uint64_t stray_byte_enables;
    uint64_t stray_is_write;

    struct dirql_posted posted[DIRQL_POSTED_SLOTS];
    uint32_t data[DIRQL_DATA_DWORDS];
    struct dirql_record records[DIRQL_RECORD_SLOTS];
    struct dirql_grant readable[DIRQL_GRANT_SLOTS];
    struct dirql_grant writable[DIRQL_GRANT_SLOTS];
};

// cdef end
