// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// A twin: the machine with its link as a program, in whose place a board could be. docs/twins.md is the manual.
//
//     twin --tcp HOST PORT | --pty   [--clocks-per-byte N] [--bit CLOCKS BITS] [--watch] [--session FILE]
//     twin --replay FILE CLOCKS      [--bit CLOCKS BITS]
//     twin --bare CLOCKS
//
// Its first and only line of output is the address. With --watch it ends when its standard input does. DIRQL_PINS is 1
// for a twin with the pins of a UART, on which `BITS` bits last for `CLOCKS` clocks; the others take a byte in
// `--clocks-per-byte`.
//
// A session is a file with a line for each byte that went in: the clock in which its start bit began, and the byte. A
// replay sends it again, for so many clocks, and prints the number of each clock after which the line `tx` is another.
// Bare, the machine is clocked with nothing around it, and the seconds of the processor are printed: a measure for the rest.
#include <sys/ioctl.h>
#include <time.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include "machine_facts.h"
#include "twin_line.h"
#include "twin_model.h"
#include "twin_port.h"

namespace {

// Thrown when the model would end the program.
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

namespace {

constexpr int64_t kSecond = 1'000'000'000; // ns

int64_t now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * kSecond + time.tv_nsec;
}

// Holds the machine's clock against that of the wall: it may be behind, and hardly ahead.
class Pace {
  public:
    // The nanoseconds until `clock` is due on the wall, less than 0 for one that was.
    int64_t until(uint64_t clock, int64_t now) const {
        const double seconds = double(clock - clock_) / DIRQL_CLOCK_FREQUENCY;
        return seconds > kForever ? INT64_MAX : int64_t(seconds * kSecond) - (now - wall_);
    }

    // The clock that is due now.
    uint64_t due(int64_t now) const {
        return clock_ + uint64_t(double(now - wall_) / kSecond * DIRQL_CLOCK_FREQUENCY);
    }

    // What the machine is behind is forgotten.
    void forget(uint64_t clock, int64_t now) {
        if (until(clock, now) < 0) clock_ = clock, wall_ = now;
    }

  private:
    static constexpr double kForever = 1e9;

    uint64_t clock_ = 0;
    int64_t wall_ = now();
};

#if DIRQL_PINS
using Wire = dirql::PinLine;
using WireTime = dirql::BitTime;
#else
using Wire = dirql::ByteLine;
using WireTime = uint64_t;
#endif

class Twin {
  public:
    explicit Twin(WireTime time) : wire_(time) { reset(); }

    void run(dirql::Port& port) {
        int64_t sleep = 0;
        while (!port.is_ended()) {
            port.serve(line_, sleep);
            if (port.take_reset()) reset();
            sleep = advance();
            port.flush(line_);
        }
    }

    // Clocks the machine, with nothing around it; returns the time of the processor in seconds.
    double bare(uint64_t clocks) {
        const clock_t begin = clock();
        for (uint64_t i = 0; i < clocks; ++i) model_->tick();
        return double(clock() - begin) / CLOCKS_PER_SEC;
    }

#if DIRQL_PINS
    // Writes each byte that goes in from now on to a file.
    void record(const std::string& path) {
        session_ = fopen(path.c_str(), "w");
        if (!session_) dirql::fail(path);
        setlinebuf(session_);
    }

    // Sends the bytes of a session, and prints the changes of the line that comes out.
    void replay(const std::string& path, uint64_t clocks) {
        std::ifstream session(path);
        if (!session) dirql::fail(path);
        uint64_t due = 0;
        unsigned octet = 0;
        bool has_more = bool(session >> due >> octet);
        for (unsigned level = 1; clock_ < clocks;) {
            for (; has_more && due == clock_; has_more = bool(session >> due >> octet)) line_.in.put(uint8_t(octet));
            tick();
            if (model_->pins().tx_o == level) continue;
            level = !level;
            printf("%" PRIu64 "\n", clock_);
        }
    }
#endif

  private:
    // Clocks between two looks at the client.
    static constexpr unsigned kLook = 128;
    // A sleep of less than this is not worth it.
    static constexpr int64_t kShortest = 50'000; // ns
    static constexpr unsigned kResetClocks = 8;

    // A new machine, since a board that is switched on has no reset line.
    void reset() {
        line_.in.clear(), line_.out.clear();
        model_.emplace();
        wire_.rest(model_->pins());
        model_->pins().rst_ni = 0;
        for (unsigned i = 0; i < kResetClocks; ++i) model_->tick();
        model_->pins().rst_ni = 1;
        rests_ = false;
        ahead_ = 0;
    }

    void tick() {
        rests_ = wire_.drive(model_->pins(), line_);
        if (!rests_) model_->expect_changes();
#if DIRQL_PINS
        if (session_ && wire_.begun() >= 0) fprintf(session_, "%" PRIu64 " %d\n", clock_, wire_.begun());
#endif
        model_->tick();
        ++clock_;
    }

    // Lets clocks pass; returns the time for which nothing more will happen unless something comes from outside: -1 for
    // ever, 0 for a machine that works. Clocks in which the machine works pass as fast as they can.
    int64_t advance() {
        sleep_through();
        for (unsigned i = 0; i < kLook; ++i) {
            if (!rests_ || line_.in.size()) {
                tick();
                continue;
            }
            ahead_ = model_->look_ahead([this] { tick(); });
            if (!ahead_) continue;
            const int64_t sleep = pace_.until(clock_ + ahead_, now());
            if (sleep > kShortest) return sleep == INT64_MAX ? -1 : sleep;
            let_pass(ahead_);
        }
        pace_.forget(clock_, now());
        return 0;
    }

    // The clocks that have passed on the wall while the twin slept; what came meanwhile comes after them.
    void sleep_through() {
        if (!ahead_) return;
        const uint64_t due = pace_.due(now());
        let_pass(due > clock_ ? std::min(ahead_, due - clock_) : 0);
    }

    void let_pass(uint64_t clocks) {
        model_->let_pass(clocks);
        clock_ += clocks;
        ahead_ = 0;
    }

    std::optional<dirql::TwinModel> model_;
    dirql::Line line_;
    Wire wire_;
    Pace pace_;
    FILE* session_ = nullptr;
    uint64_t clock_ = 0, ahead_ = 0; // clocks that have passed, and those after them in which nothing happens
    bool rests_ = false;             // nothing was on the line in the last clock
};

struct Options {
    std::string host, session, replay;
    unsigned port = 0;
    uint64_t clocks_per_byte = 1, clocks = 0, bare = 0;
    dirql::BitTime bit;
    bool is_pty = false, watches = false;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        const int left = argc - 1 - i;
        if (name == "--pty")
            options.is_pty = true;
        else if (name == "--watch")
            options.watches = true;
        else if (name == "--tcp" && left >= 2)
            options.host = argv[++i], options.port = unsigned(atoi(argv[++i]));
        else if (name == "--clocks-per-byte" && left >= 1)
            options.clocks_per_byte = uint64_t(atoll(argv[++i]));
        else if (name == "--bit" && left >= 2)
            options.bit.clocks = atoll(argv[++i]), options.bit.bits = atoll(argv[++i]);
        else if (name == "--bare" && left >= 1)
            options.bare = uint64_t(atoll(argv[++i]));
        else if (name == "--session" && left >= 1)
            options.session = argv[++i];
        else if (name == "--replay" && left >= 2)
            options.replay = argv[++i], options.clocks = uint64_t(atoll(argv[++i]));
        else
            throw std::invalid_argument("an option must be one of those at the top of twin.cpp; it was " + name);
    }
    return options;
}

#if DIRQL_PINS
WireTime time_of(const Options& options) { return options.bit; }
#else
WireTime time_of(const Options& options) { return options.clocks_per_byte; }
#endif

int serve(const Options& options) {
    // Before the model, whose runtime has a thread: signals that the port does not block there would end the process.
    dirql::Port port(options.watches ? STDIN_FILENO : -1);
    Twin twin(time_of(options));
#if DIRQL_PINS
    if (!options.session.empty()) twin.record(options.session);
#endif
    const std::string address =
        options.is_pty ? port.open_pty() : port.listen_tcp(options.host, uint16_t(options.port));
    printf("%s\n", address.c_str());
    fflush(stdout);
    twin.run(port);
    return EXIT_SUCCESS;
}

int start(const Options& options) {
    if (options.bare) return printf("%.3f\n", Twin(time_of(options)).bare(options.bare)), EXIT_SUCCESS;
#if DIRQL_PINS
    if (!options.replay.empty()) return Twin(time_of(options)).replay(options.replay, options.clocks), EXIT_SUCCESS;
#endif
    return serve(options);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return start(parse(argc, argv));
    } catch (const Stopped& stopped) {
        fprintf(stderr, "twin: %s\n", stopped.complaint.c_str());
    } catch (const std::exception& error) {
        fprintf(stderr, "twin: %s\n", error.what());
    }
    return EXIT_FAILURE;
}
