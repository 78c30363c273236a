# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A machine without devices, whose kernel calls cost no clocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dirql.ke.costs import Costs
from dirql.machine import Machine, open_machine
from fakes.scripted_target import ScriptedTarget

__all__ = ["bare_machine"]


@contextmanager
def bare_machine() -> Iterator[Machine]:
    """A machine that is released without a report of leaks, which have tests of their own."""
    machine = open_machine(ScriptedTarget(), costs=Costs.free())
    yield machine
    machine.kernel.stop(RuntimeError("the test is over"))
    machine.close()
