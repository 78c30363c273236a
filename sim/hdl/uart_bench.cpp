// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// A serial port for the tests, clock by clock.
#include "Vlink_uart.h"
#include "stopping.h"
#include "verilated.h"

struct uart_bench {
    VerilatedContext context;
    Vlink_uart port{&context};
};

extern "C" {

uart_bench* uart_open() { return new uart_bench; }
void uart_close(uart_bench* bench) { delete bench; }

// One clock with these inputs. Returns tx_o in bit 0, tx_ready_o in bit 1, rx_valid_o in bit 2, and rx_byte_o in 15:8, as
// they were before the edge.
unsigned uart_step(uart_bench* bench, int reset_n, int rx, int tx_valid, int tx_byte) {
    auto& port = bench->port;
    port.rst_ni = reset_n;
    port.rx_i = rx;
    port.tx_valid_i = tx_valid;
    port.tx_byte_i = tx_byte;
    port.eval();
    const unsigned seen = port.tx_o | port.tx_ready_o << 1 | port.rx_valid_o << 2 | port.rx_byte_o << 8;
    port.clk_i = 1;
    port.eval();
    port.clk_i = 0;
    port.eval();
    return seen;
}
}
