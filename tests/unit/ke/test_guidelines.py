# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Guideline limits: reported, not fatal (WDG-03)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql.ke.costs import Costs
from dirql.ke.kernel import Kernel
from dirql.ke.processors.irql import lower_irql
from dirql.ke.processors.spin_lock import SpinLock
from dirql.ke.threads.system_time import stall_execution_processor
from dirql.nt.constants import PASSIVE_LEVEL
from dirql.verifier.guidelines import Guidelines
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import connect, dpc

MICROSECOND = 33


@pytest.fixture
def reported(open_kernel: Callable[..., Kernel]) -> list[tuple[str, str]]:
    """The reports on a kernel whose own work takes no time."""
    found: list[tuple[str, str]] = []
    Guidelines(open_kernel(costs=Costs.free()), lambda row, what: found.append((row, what)))
    return found


@pytest.mark.parametrize(("clocks", "beyond"), [(100 * MICROSECOND, False), (100 * MICROSECOND + 1, True)])
def test_WDG_03_a_dpc(
    machine: FakeMachine, reported: list[tuple[str, str]], clocks: int, beyond: bool
) -> None:
    dpc(lambda: machine.spend(clocks)).insert_queue(None, None)
    assert [row for row, _ in reported] == ["WDG-03"] * beyond
    assert all(
        "a DPC should take at most 100 µs; it took 100.0 µs (3301 clocks)" in what for _, what in reported
    )


@pytest.mark.parametrize(("clocks", "beyond"), [(25 * MICROSECOND, False), (25 * MICROSECOND + 1, True)])
def test_WDG_03_an_isr(
    machine: FakeMachine, reported: list[tuple[str, str]], clocks: int, beyond: bool
) -> None:
    connect(4, lambda: (machine.clear(4), machine.spend(clocks)))
    machine.interrupt(4)
    lower_irql(PASSIVE_LEVEL)
    assert ["an ISR should take at most 25 µs" in what for _, what in reported if "ISR" in what] == [
        True
    ] * beyond


def test_WDG_03_what_interrupts_a_dpc_is_not_its_own(
    machine: FakeMachine, reported: list[tuple[str, str]]
) -> None:
    connect(4, lambda: (machine.clear(4), machine.spend(20 * MICROSECOND)))

    def routine() -> None:
        machine.spend(90 * MICROSECOND)
        machine.interrupt(4)
        lower_irql(2)

    dpc(routine).insert_queue(None, None)
    assert reported == []


@pytest.mark.parametrize(("clocks", "beyond"), [(25 * MICROSECOND, False), (25 * MICROSECOND + 1, True)])
def test_WDG_03_a_spin_lock(
    machine: FakeMachine, reported: list[tuple[str, str]], clocks: int, beyond: bool
) -> None:
    lock = SpinLock()
    old_irql = lock.acquire()
    machine.spend(clocks)
    lock.release(old_irql)
    assert ["spin lock should take at most 25 µs" in what for _, what in reported] == [True] * beyond


@pytest.mark.parametrize(("microseconds", "beyond"), [(50, False), (51, True)])
def test_WDG_03_a_stall(reported: list[tuple[str, str]], microseconds: int, beyond: bool) -> None:
    stall_execution_processor(microseconds)
    assert [what for _, what in reported] == [
        f"a stall should take at most 50 µs; it took {microseconds} µs",
    ] * beyond


def test_WDG_03_the_stalls_of_a_dpc(reported: list[tuple[str, str]]) -> None:
    def routine() -> None:
        for _ in range(3):
            stall_execution_processor(40)

    dpc(routine).insert_queue(None, None)
    assert ["all stalls of a DPC" in what for _, what in reported] == [True, False]
    assert "120 µs in <DPC" in reported[0][1]
