// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// A machine with its link behind the USB core, on a bus.
#include "Vusb_machine.h"
#include "usb_bus.h"
#include "verilated.h"

namespace {

// The streams are joined to the link inside.
struct Streams {
    void reset(Vusb_machine& model, bool on) { model.stable_i = !on; }
    void before(Vusb_machine&) {}
    void after(Vusb_machine&) {}
};

} // namespace

using usb_bus = usb::Bus<Vusb_machine, Streams>;

extern "C" {
USB_FUNCTIONS(usb_bus)
}
