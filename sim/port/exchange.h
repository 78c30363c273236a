// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The block of memory that host code and a simulated machine share: one request with its answer, the data of a burst,
// the drained timestamp records, and the host's RAM. Python reads the part between the two `cdef` lines with cffi, so
// these declarations are the only ones.
#pragma once

#include <stdint.h>

// cdef begin

enum dirql_kind {
    DIRQL_TRANSFER, // one command, single or burst
    DIRQL_STRING,   // the same single command once for each dword of `data`
    DIRQL_WAIT,     // let clocks pass
    DIRQL_RESET,    // reset the machine
};

// Statuses beyond those of the bus.
enum dirql_status {
    DIRQL_UNANSWERED = 16, // no response within DIRQL_PATIENCE clocks
    DIRQL_ARGUMENT = 17,   // an argument that no command can carry
    DIRQL_CLOSED = 18,     // there is no machine
    DIRQL_STOPPED = 19,    // the model stopped itself, as a failed assertion makes it do
};

enum dirql_attention {
    DIRQL_INTERRUPT = 1, // an interrupt is presented
    DIRQL_DEADLINE = 2,  // `deadline` has been reached
};

#define DIRQL_POSTED_SLOTS 64
#define DIRQL_DATA_DWORDS 16384
#define DIRQL_EVENT_SLOTS 1048576
#define DIRQL_MEMORY_BYTES 67108864
#define DIRQL_PATIENCE 1048576

// A host mark that waits for the next request to carry it.
struct dirql_posted {
    uint64_t spent; // clocks before it
    uint64_t mark;
};

struct dirql_exchange {
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
    uint64_t deadline; // clock from which on the host wants to hear
    uint64_t posted_count;

    // Written by the machine. `clock` is moved on by the host, too, when it posts a mark.
    uint64_t status;
    uint64_t value;
    uint64_t completed; // dwords that moved
    uint64_t clock;
    uint64_t attention; // enum dirql_attention
    uint64_t input;     // the input presented, when there is an interrupt
    uint64_t event_count;
    uint64_t events_dropped;

    struct dirql_posted posted[DIRQL_POSTED_SLOTS];
    uint32_t data[DIRQL_DATA_DWORDS];
    uint8_t events[16777216]; // 16 bytes a record, as the timestamp unit makes them
    uint8_t memory[DIRQL_MEMORY_BYTES];
};

// cdef end
