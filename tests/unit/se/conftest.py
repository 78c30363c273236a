# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A machine without devices, and memory for identifiers, lists and descriptors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql.ke.costs import Costs
from dirql.machine import Machine, open_machine
from fakes.scripted_target import ScriptedTarget
from unit.se.making import Workspace


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine that is released without a report of leaks, which have tests of their own."""
    opened = open_machine(ScriptedTarget(), costs=Costs.free())
    yield opened
    opened.kernel.stop(RuntimeError("the test is over"))
    opened.close()


@pytest.fixture
def work(machine: Machine) -> Workspace:
    """Memory of the machine, piece by piece."""
    return Workspace()
