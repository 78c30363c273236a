# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Timers of the executive."""

from __future__ import annotations

import pytest

from dirql import wdm
from dirql.ke.kernel import Kernel
from dirql.ke.objects.ex_timer import ExTimer
from unit.ke.making import bug_check


def pause(microseconds: int) -> None:
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10 * microseconds)


def test_a_timer_calls_its_routine_once_at_DISPATCH_LEVEL(kernel: Kernel) -> None:
    calls: list[object] = []
    timer = wdm.ExAllocateTimer(lambda *told: calls.append((*told, wdm.KeGetCurrentIrql())), "context", 0)
    assert wdm.ExSetTimer(timer, -1000, 0, None) is False
    assert wdm.ExSetTimer(timer, -2000, 0, None) is True
    pause(150)
    assert calls == []
    pause(100)
    assert calls == [(timer, "context", wdm.DISPATCH_LEVEL)]
    pause(1000)
    assert len(calls) == 1
    assert wdm.ExCancelTimer(timer, None) is False


def test_a_period_is_in_100_ns_units(kernel: Kernel) -> None:
    times: list[int] = []
    timer = wdm.ExAllocateTimer(lambda *_: times.append(wdm.KeQueryInterruptTime()), None, 0)
    begin = wdm.KeQueryInterruptTime()
    wdm.ExSetTimer(timer, -1000, 250, None)
    pause(170)
    assert [round((time - begin) / 10) for time in times] == [100, 125, 150]
    assert wdm.ExCancelTimer(timer, None) is True
    pause(100)
    assert len(times) == 3


@pytest.mark.parametrize(("attributes", "stays"), [(0, False), (wdm.EX_TIMER_NOTIFICATION, True)])
def test_threads_wait_for_it(kernel: Kernel, attributes: int, stays: bool) -> None:
    timer = wdm.ExAllocateTimer(None, None, attributes)
    wdm.ExSetTimer(timer, -100, 0, None)
    forever = (timer, wdm.Executive, wdm.KernelMode, False)
    assert wdm.KeWaitForSingleObject(*forever, None) == wdm.STATUS_SUCCESS
    assert wdm.KeWaitForSingleObject(*forever, 0) == (wdm.STATUS_SUCCESS if stays else wdm.STATUS_TIMEOUT)


@pytest.mark.parametrize("cancel", [True, False])
def test_deleting_cancels_on_request(kernel: Kernel, cancel: bool) -> None:
    calls: list[object] = []
    timer = wdm.ExAllocateTimer(lambda *_: calls.append(1), None, 0)
    wdm.ExSetTimer(timer, -100, 100, None)
    assert wdm.ExDeleteTimer(timer, cancel, cancel, None) is cancel
    pause(100)
    assert len(calls) == (0 if cancel else 1)


def test_a_deleted_timer_must_not_be_used(kernel: Kernel) -> None:
    timer: ExTimer = wdm.ExAllocateTimer(None, None, 0)
    wdm.ExDeleteTimer(timer, True, True, None)
    with bug_check(wdm.TIMER_OR_DPC_INVALID, 0, timer):
        wdm.ExSetTimer(timer, -1, 0, None)


def test_waiting_for_the_end_needs_a_cancel(kernel: Kernel) -> None:
    timer = wdm.ExAllocateTimer(None, None, 0)
    with pytest.raises(ValueError, match="Cancel must be TRUE"):
        wdm.ExDeleteTimer(timer, False, True, None)
