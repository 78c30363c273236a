# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A compiled machine with its assertions on for each test, at its ports or behind its link."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dirql.target.simulation.verilated import VerilatedTarget
from fakes.default_machine import MACHINE
from hdl.link_bench import Host, Line, load_bench
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


@pytest.fixture(scope="module")
def make_line() -> Callable[[], Line]:
    """Makes lines to the machine `tiny` with its link."""
    return load_bench("tiny")


@pytest.fixture
def line(make_line: Callable[[], Line]) -> Iterator[Line]:
    """A line to a machine just out of reset."""
    made = make_line()
    yield made
    made.close()


@pytest.fixture
def host(line: Line) -> Host:
    """A host at the end of the line, without a session."""
    return Host(line)
