# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A compiled machine with its assertions on for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql.target.simulation.verilated import VerilatedTarget
from fakes.default_machine import MACHINE
from hdl.machine_bench import Bench


@pytest.fixture
def fresh() -> Iterator[Bench]:
    """A machine just out of reset, before enumeration."""
    target = VerilatedTarget(MACHINE, checked=True)
    yield Bench(target)
    target.close()


@pytest.fixture
def bench(fresh: Bench) -> Bench:
    """The machine with its function placed and enabled."""
    fresh.enumerate()
    return fresh
