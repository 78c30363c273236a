// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// Where a client finds the twin: a TCP port or a pty. And what ends or resets the process from outside: signals, and the
// end of the pipe of the process that uses the twin.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>

#include "twin_line.h"

namespace dirql {

[[noreturn]] inline void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

class Port {
  public:
    // Without `watched` nothing but signals ends the process; otherwise the end of that file does.
    explicit Port(int watched) : watched_(watched) {
        sigset_t set;
        sigemptyset(&set);
        for (int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, number);
        sigprocmask(SIG_BLOCK, &set, nullptr);
        signal(SIGPIPE, SIG_IGN);
        signals_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
        if (signals_ < 0) fail("signalfd");
    }

    // Listens, at any free port if `port` is 0; returns the address for clients.
    std::string listen_tcp(const std::string& host, uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) throw std::invalid_argument("no IPv4 address: " + host);
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1;
        setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        socklen_t size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        if (bind(listener_, generic, size) || listen(listener_, 4) || getsockname(listener_, generic, &size))
            fail("tcp://" + host + ":" + std::to_string(port));
        return "tcp://" + host + ":" + std::to_string(ntohs(address.sin_port));
    }

    // Makes a pty, which is raw before anybody can write to it; returns its name. The other end stays open here, since
    // a pty without one gives errors.
    std::string open_pty() {
        termios raw{};
        cfmakeraw(&raw);
        char name[128];
        if (openpty(&client_, &kept_, name, &raw, nullptr)) fail("openpty");
        set_nonblocking(client_);
        return name;
    }

    // Waits for at most `nanoseconds`, -1 for ever, for bytes, a client, room for bytes or a signal, and serves them.
    void serve(Line& line, int64_t nanoseconds) {
        pollfd files[] = {{signals_, POLLIN, 0},
                          {watched_, POLLIN, 0},
                          {listener_, POLLIN, 0},
                          {client_, events(line), 0}};
        const timespec limit = {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
        if (ppoll(files, 4, nanoseconds < 0 ? nullptr : &limit, nullptr) <= 0) return;
        if (files[0].revents) take_signals();
        if (files[1].revents) take_watched();
        if (files[2].revents) take_client(line);
        if (files[3].revents) exchange(line, files[3].revents);
    }

    bool is_ended() const { return ended_; }

    // Whether the twin was reset since the last call.
    bool take_reset() {
        const bool was = reset_;
        reset_ = false;
        return was;
    }

    // Sends what the client takes now. Without a client it is lost, as on a line that nobody listens to.
    void flush(Line& line) {
        if (!line.out.size()) return;
        if (client_ < 0) return line.out.clear();
        const ssize_t sent = write(client_, line.out.data(), line.out.size());
        if (sent > 0)
            line.out.drop(size_t(sent));
        else if (errno != EAGAIN && errno != EINTR)
            leave(line);
    }

  private:
    static constexpr size_t kChunk = 4096;

    short events(const Line& line) const {
        return short((line.in.size() < kChunk ? POLLIN | POLLRDHUP : 0) | (line.out.size() ? POLLOUT : 0));
    }

    static void set_nonblocking(int file) {
        int on = 1;
        if (ioctl(file, FIONBIO, &on)) fail("FIONBIO");
    }

    void take_signals() {
        signalfd_siginfo info;
        while (read(signals_, &info, sizeof info) == sizeof info) (info.ssi_signo == SIGUSR1 ? reset_ : ended_) = true;
    }

    void take_watched() {
        char nothing[64];
        if (read(watched_, nothing, sizeof nothing) <= 0) ended_ = true;
    }

    // A second client is sent away at once. The first one may have left a moment ago.
    void take_client(Line& line) {
        const int file = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (file < 0) return;
        if (has_left()) leave(line);
        if (client_ >= 0) {
            close(file);
            return;
        }
        const int on = 1;
        setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        client_ = file;
        line.in.clear(), line.out.clear();
    }

    bool has_left() const {
        pollfd client = {client_, POLLRDHUP, 0};
        return client_ >= 0 && poll(&client, 1, 0) == 1;
    }

    void exchange(Line& line, short events) {
        if (events & POLLOUT) flush(line);
        if (!(events & (POLLIN | POLLRDHUP | POLLHUP | POLLERR)) || client_ < 0) return;
        char chunk[kChunk];
        const ssize_t size = read(client_, chunk, sizeof chunk);
        if (size > 0)
            line.in.append(chunk, size_t(size));
        else if (size == 0 || (errno != EAGAIN && errno != EINTR))
            leave(line);
    }

    // The client has gone. A pty has no end of its clients: it waits for the next one.
    void leave(Line& line) {
        line.in.clear(), line.out.clear();
        if (kept_ >= 0) return;
        close(client_);
        client_ = -1;
    }

    int watched_, signals_ = -1, listener_ = -1, client_ = -1, kept_ = -1;
    bool ended_ = false, reset_ = false;
};

}  // namespace dirql
