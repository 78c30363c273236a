// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/machines/crowd.toml, do not edit.
#pragma once

// Bytes of the host's RAM, which begins at bus address 0.
#define DIRQL_MEMORY_BYTES 0x4000000u
// Bytes of host memory behind those that a bus master wants that bridges may fetch too.
#define DIRQL_FETCHED_AHEAD 32u
// Bus clocks per second.
#define DIRQL_CLOCK_FREQUENCY 33333333u
// X(index, ports) for each function with pads: its index, and the start of the names of its ports.
#define DIRQL_PADS(X) X(1, gpio_1_pads) X(2, gpio_2_pads) X(4, gpio_4_pads) X(5, gpio_5_pads) X(7, gpio_7_pads) X(8, gpio_8_pads) X(10, gpio_10_pads) X(11, gpio_11_pads) X(14, gpio_14_pads) X(15, gpio_15_pads)
