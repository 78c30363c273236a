# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A bus with functions that a test describes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dirql.ke.costs import Costs
from dirql.machine import Machine, open_machine
from fakes.pci_function import FakeFunction
from fakes.scripted_target import ScriptedTarget, Space

Opener = Callable[..., Machine]


@pytest.fixture
def open_bus() -> Iterator[Opener]:
    """Opens a machine with these functions, each at its device and function number."""
    opened: list[Machine] = []

    def open_one(*functions: FakeFunction) -> Machine:
        target = ScriptedTarget()
        for function in functions:
            target.map(Space.CONFIGURATION, function.address, 256, function)
        opened.append(open_machine(target, costs=Costs.free()))
        return opened[-1]

    yield open_one
    for machine in opened:
        machine.kernel.stop(RuntimeError("the test is over"))
        machine.close()
