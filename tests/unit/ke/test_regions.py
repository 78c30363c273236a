# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Critical and guarded regions: the two counts of a thread, and the two questions about them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from dirql import wdm
from dirql.ke.kernel import Kernel
from dirql.ke.processors.irql import raise_irql
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import a_mutex, at, bug_check, thread


def counts() -> tuple[int, int, bool, bool]:
    current = wdm.KeGetCurrentThread()
    assert isinstance(current, wdm.KTHREAD)
    return (
        current.kernel_apc_disable,
        current.special_apc_disable,
        wdm.KeAreApcsDisabled(),
        wdm.KeAreAllApcsDisabled(),
    )


def test_APC_01_critical_regions_nest(kernel: Kernel) -> None:
    seen = [counts()[0]]
    for enter in (True, True, False, False):
        (wdm.KeEnterCriticalRegion if enter else wdm.KeLeaveCriticalRegion)()
        seen.append(counts()[0])
    assert seen == [0, -1, -2, -1, 0]


def test_APC_01_guarded_regions_nest(kernel: Kernel) -> None:
    seen = [counts()[1]]
    for enter in (True, True, False, False):
        (wdm.KeEnterGuardedRegion if enter else wdm.KeLeaveGuardedRegion)()
        seen.append(counts()[1])
    assert seen == [0, -1, -2, -1, 0]


@given(
    st.lists(st.sampled_from(["enter", "leave", "guard", "open"]), max_size=12),
    st.sampled_from([0, 1, 2, 15]),
)
def test_APC_01_APC_03_the_questions_follow_the_counts_at_each_level(steps: list[str], irql: int) -> None:
    machine = FakeMachine()
    kernel = Kernel(machine, machine)
    kernel.verifier.verify(None, None)  # the levels are a rule for verified drivers only
    try:
        raise_irql(irql)
        normal = special = 0
        for step in steps:
            if step in {"enter", "leave"}:
                (wdm.KeEnterCriticalRegion if step == "enter" else wdm.KeLeaveCriticalRegion)()
                normal += -1 if step == "enter" else 1
            else:
                (wdm.KeEnterGuardedRegion if step == "guard" else wdm.KeLeaveGuardedRegion)()
                special += -1 if step == "guard" else 1
            expected = (normal, special, bool(normal or special), bool(special) or irql >= wdm.APC_LEVEL)
            assert counts() == expected
    finally:
        kernel.close()


def test_APC_01_a_thread_has_counts_of_its_own(kernel: Kernel) -> None:
    wdm.KeEnterCriticalRegion()
    found: list[tuple[int, int, bool, bool]] = []
    wdm.KeWaitForSingleObject(
        thread(lambda: found.append(counts())), wdm.Executive, wdm.KernelMode, False, None
    )
    assert found == [(0, 0, False, False)]
    assert counts()[0] == -1


def test_APC_01_the_owner_of_a_mutex_is_in_a_critical_region(kernel: Kernel) -> None:
    mutex = a_mutex()
    for expected in (-1, -1):
        wdm.KeWaitForSingleObject(mutex, wdm.Executive, wdm.KernelMode, False, None)
        assert counts() == (expected, 0, True, False)
    wdm.KeReleaseMutex(mutex, False)
    assert counts()[0] == -1
    wdm.KeReleaseMutex(mutex, False)
    assert counts() == (0, 0, False, False)


@pytest.mark.parametrize(
    ("enter", "leave", "disabled"),
    [
        (wdm.KeEnterCriticalRegion, wdm.KeLeaveCriticalRegion, 0x0000_FFFF),
        (wdm.KeEnterGuardedRegion, wdm.KeLeaveGuardedRegion, 0xFFFF_0000),
    ],
    ids=["critical", "guarded"],
)
def test_a_thread_that_ends_inside_a_region_is_bug_check_0x20(
    kernel: Kernel, enter: Callable[[], None], leave: Callable[[], None], disabled: int
) -> None:
    ended = thread(lambda: (enter(), leave()))
    wdm.KeWaitForSingleObject(ended, wdm.Executive, wdm.KernelMode, False, None)
    with bug_check(wdm.KERNEL_APC_PENDING_DURING_EXIT, 0, disabled, wdm.PASSIVE_LEVEL, 1):
        inside = thread(enter)
        wdm.KeWaitForSingleObject(inside, wdm.Executive, wdm.KernelMode, False, None)


def test_the_level_is_a_rule_for_verified_drivers(kernel: Kernel) -> None:
    with bug_check(wdm.DRIVER_VERIFIER_DETECTED_VIOLATION, 0x11A, wdm.DISPATCH_LEVEL), at(wdm.DISPATCH_LEVEL):
        wdm.KeEnterCriticalRegion()


def test_nt_lets_a_driver_enter_a_region_at_each_level(kernel: Kernel) -> None:
    kernel.verifier.verify(None, None)
    with at(wdm.HIGH_LEVEL):
        wdm.KeEnterCriticalRegion()
        assert counts() == (-1, 0, True, True)
        wdm.KeLeaveCriticalRegion()
