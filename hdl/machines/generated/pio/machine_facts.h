// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Generated from hdl/machines/pio.toml, do not edit.
#pragma once

// Bytes of the host's RAM, which begins at bus address 0.
#define DIRQL_MEMORY_BYTES 0x100000u
// Bytes of host memory behind those that a bus master wants that bridges may fetch too.
#define DIRQL_FETCHED_AHEAD 32u
// Bus clocks per second.
#define DIRQL_CLOCK_FREQUENCY 24000000u
// X(index, ports) for each function with pads: its index, and the start of the names of its ports.
#define DIRQL_PADS(X)
