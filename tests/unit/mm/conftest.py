# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A memory manager without a target: a kernel on a scripted clock, and 1024 frames."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql.hal.interrupts import InterruptController
from dirql.ke.costs import Costs
from dirql.ke.kernel import Kernel
from dirql.ke.processors.irql import lower_irql, raise_irql
from dirql.mm.manager import MemoryManager
from dirql.nt.constants import PAGE_SIZE
from dirql.verifier.policy import Verifier
from fakes.scripted_target import ScriptedTarget

FRAMES = 1024


class Machine:
    """The memory manager of a test, and a way to run at another IRQL."""

    def __init__(self) -> None:
        target = ScriptedTarget()
        controller = InterruptController(target, lambda _error: None)
        self.kernel = Kernel(target, controller, costs=Costs.free(), verifier=Verifier(0))
        self.memory_manager = MemoryManager(memoryview(bytearray(FRAMES * PAGE_SIZE)))
        self.memory_manager.install()

    def raise_irql(self, irql: int) -> int:
        return raise_irql(irql)

    def lower_irql(self, irql: int) -> None:
        lower_irql(irql)

    def close(self) -> None:
        self.memory_manager.close()
        self.kernel.close()


@pytest.fixture
def machine() -> Iterator[Machine]:
    opened = Machine()
    yield opened
    opened.close()


@pytest.fixture
def memory_manager(machine: Machine) -> MemoryManager:
    return machine.memory_manager
