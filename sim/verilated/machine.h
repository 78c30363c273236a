// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The machine as a library, which Python calls through cffi. One call is one whole operation; no Python runs within it.
#pragma once

#include "exchange.h"

#ifdef __cplusplus
extern "C" {
#endif

// cdef begin

struct dirql_machine;

// Makes a machine over `exchange`, which must outlive it and be zero. `waves` names the file for signals, or is NULL;
// a library that was built without waves needs NULL. Returns NULL if the file cannot be written.
struct dirql_machine *dirql_open(struct dirql_exchange *exchange, const char *waves);
// Returns the errno with which writing the signals failed, 0 if it did not.
int dirql_close(struct dirql_machine *machine);

// Carries out the marks posted in the exchange, and then the request in it.
void dirql_execute(struct dirql_machine *machine);

// Lets `spent` clocks pass, then carries out one single command; `length` is 1 except for ARM_FAULT.
// Returns the packed answer (DIRQL_ANSWER_*): a number below 2^32 means that the status is OK and nothing asks for
// attention.
uint64_t dirql_command(struct dirql_machine *machine, uint32_t operation, uint64_t spent, uint32_t address,
                       uint32_t byte_enables, uint32_t length, uint32_t datum);

// Lets `spent` clocks pass, then waits until something asks for attention, or for `limit` clocks. Returns the packed
// answer. With a limit of 0 it also looks ahead, and sets `quiet_until` of the exchange where the machine stands still.
uint64_t dirql_wait(struct dirql_machine *machine, uint64_t spent, uint64_t limit);

// The message with which the model stopped itself, "" if it runs.
const char *dirql_complaint(const struct dirql_machine *machine);

// Clocks the bare model; bus masters get no answers meanwhile. Benchmarks compare the other calls with this one.
void dirql_clock_bare(struct dirql_machine *machine, uint64_t clocks);

// The functions that do not sleep; 0 in a library that is one model, in which none sleeps.
uint32_t dirql_awake(const struct dirql_machine *machine);

// 2 if the machine is put together from parts, whose functions sleep; 1 if it is one model and each clock is one
// evaluation, 0 if each clock is two. See composed_model.h and whole_model.h.
int dirql_short_cut(void);

// cdef end

#ifdef __cplusplus
}
#endif
