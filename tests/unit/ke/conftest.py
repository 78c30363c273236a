# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A kernel on a made-up machine, for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dirql.ke.costs import Costs
from dirql.ke.kernel import Kernel
from dirql.ke.limits import Limits
from dirql.ke.threads.schedule import Schedule
from fakes.clock_and_controller import FakeMachine


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


@pytest.fixture
def open_kernel(machine: FakeMachine) -> Iterator[Callable[..., Kernel]]:
    """Opens kernels on the machine, and closes what is open at the end."""

    opened: list[Kernel] = []

    def new_kernel(
        processors: int = 1,
        schedule: Schedule | None = None,
        costs: Costs | None = None,
        limits: Limits | None = None,
    ) -> Kernel:
        opened.append(
            Kernel(
                machine,
                machine,
                processors=processors,
                schedule=schedule,
                costs=costs or Costs(),
                limits=limits or Limits.off(),
            )
        )
        return opened[-1]

    yield new_kernel
    for kernel in opened:
        kernel.close()


@pytest.fixture
def kernel(open_kernel: Callable[..., Kernel]) -> Kernel:
    return open_kernel()


@pytest.fixture
def defects(kernel: Kernel) -> list[str]:
    """The rows of the defects that are found in the test."""
    found: list[str] = []
    kernel.hooks.defect_found = lambda row, _: found.append(row)
    return found
