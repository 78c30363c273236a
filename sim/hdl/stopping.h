// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// For a bench of one file: a failed assertion of the design throws `Stopped` instead of ending the process.
#pragma once
#include <string>

#include "verilated.h"

namespace {
struct Stopped {
    std::string complaint;
};
[[noreturn]] void stop(const char* what, const char* file, int line) {
    throw Stopped{std::string(what) + " at " + file + ":" + std::to_string(line)};
}
}  // namespace

void vl_finish(const char* file, int line, const char*) { stop("$finish", file, line); }
void vl_stop(const char* file, int line, const char*) { stop("a failed assertion", file, line); }
void vl_fatal(const char* file, int line, const char*, const char* message) { stop(message, file, line); }
