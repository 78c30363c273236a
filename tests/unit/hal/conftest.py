# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A scripted machine with a kernel, memory and the layer under test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql.hal.hal import Hal
from dirql.hal.io_space import map_io_space
from dirql.ke.costs import Costs
from dirql.ke.kernel import Kernel
from dirql.mm.manager import MemoryManager
from dirql.nt.addresses import PhysicalAddress
from dirql.nt.constants import PAGE_SIZE, MmNonCached
from dirql.verifier.policy import Verifier
from fakes.scripted_target import Ram, ScriptedTarget, Space

BAR = 0x8000_0000
BAR_BYTES = 2 * PAGE_SIZE
PORTS = 0x1000
PORT_BYTES = 256
CONFIGURATION = 1 << 11
"""The configuration address of device 1, function 0."""


class Machine:
    """RAM of 4 MiB, and a function with RAM behind a memory BAR, an I/O BAR and its configuration space."""

    def __init__(self, memory: int = 4 << 20) -> None:
        self.target = ScriptedTarget()
        self.target.memory = memoryview(bytearray(memory))
        self.registers = Ram(BAR_BYTES)
        self.ports = Ram(PORT_BYTES)
        self.configuration = Ram(256)
        self.target.map(Space.MEMORY, BAR, BAR_BYTES, self.registers)
        self.target.map(Space.IO, PORTS, PORT_BYTES, self.ports)
        self.target.map(Space.CONFIGURATION, CONFIGURATION, 256, self.configuration)
        self.memory_manager = MemoryManager(self.target.memory)
        self.hal = Hal(self.target, self.memory_manager)
        self.kernel = Kernel(self.hal.clock, self.hal.interrupts, costs=Costs.free(), verifier=Verifier(0))
        self.memory_manager.install()
        self.hal.install()

    def map_bar(self, offset: int = 0, length: int = BAR_BYTES) -> int:
        address = map_io_space(PhysicalAddress(BAR + offset), length, MmNonCached)
        assert address is not None
        return address

    def close(self) -> None:
        self.hal.close()
        self.memory_manager.close()
        self.kernel.close()


@pytest.fixture
def machine() -> Iterator[Machine]:
    opened = Machine()
    yield opened
    opened.close()
