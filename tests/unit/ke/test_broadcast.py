# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A routine that all processors run at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.ke.kernel import Kernel
from unit.ke.making import at, bug_check, thread


@pytest.mark.parametrize("processors", [1, 2, 5])
def test_each_processor_runs_the_routine_once_at_ipi_level(
    open_kernel: Callable[..., Kernel], processors: int
) -> None:
    open_kernel(processors)
    seen: list[tuple[int, int, int]] = []

    def routine(argument: int) -> int:
        number = wdm.KeGetCurrentProcessorNumber()
        wdm.KeMemoryBarrier()
        seen.append((number, wdm.KeGetCurrentIrql(), argument))
        return 100 + number

    here = wdm.KeGetCurrentProcessorIndex()
    assert wdm.KeIpiGenericCall(routine, 7) == 100 + here
    assert sorted(seen) == [(number, wdm.IPI_LEVEL, 7) for number in range(processors)]
    assert seen[-1][0] == here
    assert (wdm.KeGetCurrentProcessorNumber(), wdm.KeGetCurrentIrql()) == (here, wdm.PASSIVE_LEVEL)


def test_nothing_runs_in_between(open_kernel: Callable[..., Kernel]) -> None:
    """Threads and DPCs of other processors wait until the last call has returned."""
    open_kernel(3)
    order: list[str] = []
    dpc = wdm.KDPC()
    wdm.KeInitializeDpc(dpc, lambda *_: order.append("dpc"), None)
    wdm.KeSetTargetProcessorDpc(dpc, 1)

    def routine(argument: int) -> int:
        order.append("in")
        wdm.KeInsertQueueDpc(dpc, None, None)
        for _ in range(20):
            wdm.KeQueryInterruptTime()
        order.append("out")
        return argument

    others = [thread(lambda: order.append("thread")) for _ in range(2)]
    wdm.KeIpiGenericCall(routine, 0)
    for each in others:
        wdm.KeWaitForSingleObject(each, wdm.Executive, wdm.KernelMode, False, None)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    first = order.index("in")
    assert order[first : first + 6] == ["in", "out"] * 3
    assert order.count("dpc") == 1


def test_the_level_is_that_of_the_caller_after_it(open_kernel: Callable[..., Kernel]) -> None:
    open_kernel(2)
    with at(wdm.CLOCK_LEVEL):
        assert wdm.KeIpiGenericCall(lambda argument: argument + 1, 1) == 2
        assert wdm.KeGetCurrentIrql() == wdm.CLOCK_LEVEL
        wdm.KeFlushWriteBuffer()
    with bug_check(0xA), at(wdm.IPI_LEVEL):
        wdm.KeIpiGenericCall(lambda argument: argument, 1)


def test_an_error_in_the_routine_reaches_the_caller_and_leaves_the_levels(
    open_kernel: Callable[..., Kernel],
) -> None:
    kernel = open_kernel(2)

    def routine(argument: int) -> int:
        return argument // 0

    with pytest.raises(ZeroDivisionError):
        wdm.KeIpiGenericCall(routine, 1)
    assert [processor.irql for processor in kernel.processors] == [wdm.PASSIVE_LEVEL] * 2
    assert wdm.KeIpiGenericCall(lambda argument: argument, 3) == 3
