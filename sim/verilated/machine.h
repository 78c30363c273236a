// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The machine as a library: what Python calls, through cffi. One call is one whole operation; no Python runs within.
#pragma once

#include "exchange.h"

#ifdef __cplusplus
extern "C" {
#endif

// cdef begin

struct dirql_machine;

// Makes a machine over `exchange`, which must outlive it and be zero. `waves` names the file for signals, or is NULL;
// a library built without waves wants NULL. Returns NULL if that file cannot be written.
struct dirql_machine *dirql_open(struct dirql_exchange *exchange, const char *waves);
void dirql_close(struct dirql_machine *machine);

// Carries out the request in the exchange, whatever was posted before it included.
void dirql_execute(struct dirql_machine *machine);

// Carries out one single command. The result has the value in bits 31:0, the status in 39:32 and the attention in
// 47:40: a number below 2^32 means that all is well and nothing asks for attention. `machine` may be NULL: closed.
uint64_t dirql_command(struct dirql_machine *machine, uint32_t operation, uint64_t spent, uint32_t address,
                       uint32_t byte_enables, uint32_t datum);

// Lets `spent` clocks pass, then waits until something asks for attention, or for `limit` clocks. The result has the
// status and the attention where that of dirql_command has them. `machine` may be NULL: closed.
uint64_t dirql_wait(struct dirql_machine *machine, uint64_t spent, uint64_t limit);

// What the model said when it stopped itself.
const char *dirql_complaint(const struct dirql_machine *machine);

// Clocks the bare model, with nothing looked at and nothing served: the floor that benchmarks compare with.
void dirql_clock_bare(struct dirql_machine *machine, uint64_t clocks);

// cdef end

#ifdef __cplusplus
}
#endif
