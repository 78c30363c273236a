# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Machines for tests of power management: one without devices, and one with a PCI function that is a bus."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql.ke.costs import Costs
from dirql.machine import Machine, open_machine
from fakes.pci_function import FakeFunction
from fakes.scripted_target import ScriptedTarget, Space


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine with one function; it is released without a report of leaks, which have tests of their own."""
    target = ScriptedTarget()
    function = FakeFunction()
    target.map(Space.CONFIGURATION, function.address, 256, function)
    opened = open_machine(target, costs=Costs.free())
    yield opened
    opened.kernel.stop(RuntimeError("the test is over"))
    opened.close()
