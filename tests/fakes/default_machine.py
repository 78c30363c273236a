# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The machine `default` as tests and fakes use it: the addresses, the store function, the vectors of inputs."""

from __future__ import annotations

from dirql.hardware.reading import DEFAULT_MACHINE, load_machine

__all__ = [
    "BUFFER",
    "CONTROLLER",
    "DOORBELL",
    "INPUTS",
    "MACHINE",
    "MEMORY",
    "PORTS",
    "STORE",
    "STORE_CONFIGURATION",
    "TIMESTAMP",
    "input_of",
    "vector_of",
]

MACHINE = load_machine(DEFAULT_MACHINE)
MEMORY = MACHINE.buses[0].memory.start
"""The first address of the window for devices; tests put the registers of the store function there."""
BUFFER = MEMORY + 0x10_0000
"""An address in the window for the buffer of the store function."""
PORTS = MACHINE.buses[0].ports.start
CONTROLLER = MACHINE.controller.address
DOORBELL = MACHINE.controller.doorbell
INPUTS = MACHINE.controller.inputs
TIMESTAMP = MACHINE.timestamp_unit.address
STORE = MACHINE.functions_named("store")[0]
STORE_CONFIGURATION = STORE.place.configuration_address

vector_of = MACHINE.controller.vector
input_of = MACHINE.controller.input_of_vector
