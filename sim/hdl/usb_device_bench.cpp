// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// The USB core alone, on a bus for the tests, with its streams and its notices.
#include "Vusb_device.h"
#include "usb_bus.h"
#include "verilated.h"

#include <algorithm>
#include <deque>

namespace {

struct Streams {
    std::deque<uint8_t> to_host, from_host;
    std::deque<uint64_t> notices;
    unsigned ready = 100; // per cent of the clocks in which bytes from the host are taken
    std::mt19937 random{2};

    void reset(Vusb_device& model, bool on) { model.rst_ni = !on; }
    void before(Vusb_device& model) {
        model.tx_valid_i = !to_host.empty();
        model.tx_byte_i = to_host.empty() ? 0 : to_host.front();
        model.rx_ready_i = random() % 100 < ready;
        model.notice_valid_i = !notices.empty();
        model.notice_i = notices.empty() ? 0 : notices.front();
    }
    void after(Vusb_device& model) {
        if (model.tx_valid_i && model.tx_ready_o) to_host.pop_front();
        if (model.rx_valid_o && model.rx_ready_i) from_host.push_back(model.rx_byte_o);
        if (model.notice_valid_i && model.notice_ready_o) notices.pop_front();
    }
};

} // namespace

using usb_bus = usb::Bus<Vusb_device, Streams>;

extern "C" {
USB_FUNCTIONS(usb_bus)

void usb_feed(usb_bus* bus, const uint8_t* octets, size_t length) {
    bus->streams.to_host.insert(bus->streams.to_host.end(), octets, octets + length);
}
size_t usb_take(usb_bus* bus, uint8_t* out, size_t room) {
    auto& queue = bus->streams.from_host;
    const size_t count = std::min(room, queue.size());
    std::copy_n(queue.begin(), count, out);
    queue.erase(queue.begin(), queue.begin() + long(count));
    return count;
}
size_t usb_waiting(usb_bus* bus) { return bus->streams.to_host.size(); }
void usb_ready(usb_bus* bus, unsigned per_cent) { bus->streams.ready = per_cent; }
void usb_notice(usb_bus* bus, uint64_t notice) { bus->streams.notices.push_back(notice); }
// Configured in bit 0, suspended in bit 1.
int usb_state(usb_bus* bus) { return bus->model.configured_o | bus->model.suspended_o << 1; }
}
