# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Numbers of processors, saved floating-point states, base priorities, and facts about the system."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.ke.kernel import Kernel
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.ntstatus import StatusException
from unit.ke.making import a_mutex, at, bug_check, notification, thread


@pytest.mark.parametrize("count", [1, 3])
def test_the_processors_are_counted(open_kernel: Callable[..., Kernel], count: int) -> None:
    open_kernel(processors=count)
    mask = (1 << count) - 1
    assert wdm.KeQueryActiveProcessors() == mask
    assert wdm.KeQueryActiveProcessorCount() == (count, mask)
    assert wdm.KeQueryMaximumProcessorCount() == count
    for group, expected in ((0, count), (wdm.ALL_PROCESSOR_GROUPS, count), (1, 0)):
        assert wdm.KeQueryActiveProcessorCountEx(group) == expected
        assert wdm.KeQueryMaximumProcessorCountEx(group) == expected
    assert (wdm.KeQueryGroupAffinity(0), wdm.KeQueryGroupAffinity(1)) == (mask, 0)
    assert (wdm.KeQueryActiveGroupCount(), wdm.KeQueryMaximumGroupCount()) == (1, 1)
    assert (wdm.KeQueryHighestNodeNumber(), wdm.KeGetCurrentNodeNumber()) == (0, 0)
    assert wdm.KeGetRecommendedSharedDataAlignment() == 64


def test_processors_have_numbers_in_their_group(open_kernel: Callable[..., Kernel]) -> None:
    open_kernel(processors=2)
    index, number = wdm.KeGetCurrentProcessorNumberEx()
    assert (index, number) == (wdm.KeGetCurrentProcessorNumber(), wdm.PROCESSOR_NUMBER(0, index))
    status, second = wdm.KeGetProcessorNumberFromIndex(1)
    assert (status, second) == (wdm.STATUS_SUCCESS, wdm.PROCESSOR_NUMBER(0, 1))
    assert second is not None
    assert wdm.KeGetProcessorIndexFromNumber(second) == 1
    assert wdm.KeGetProcessorNumberFromIndex(2) == (wdm.STATUS_INVALID_PARAMETER, None)
    for wrong in (wdm.PROCESSOR_NUMBER(1, 0), wdm.PROCESSOR_NUMBER(0, 2), wdm.PROCESSOR_NUMBER(0, 0, 1)):
        assert wdm.KeGetProcessorIndexFromNumber(wrong) == wdm.INVALID_PROCESSOR_INDEX


def test_a_dpc_gets_a_target_in_a_group(open_kernel: Callable[..., Kernel]) -> None:
    open_kernel(processors=2)
    dpc, ran = wdm.KDPC(), list[int]()
    wdm.KeInitializeDpc(dpc, lambda *_: ran.append(wdm.KeGetCurrentProcessorNumber()), None)
    assert wdm.KeSetTargetProcessorDpcEx(dpc, wdm.PROCESSOR_NUMBER(0, 1)) == wdm.STATUS_SUCCESS
    assert wdm.KeSetTargetProcessorDpcEx(dpc, wdm.PROCESSOR_NUMBER(0, 2)) == wdm.STATUS_INVALID_PARAMETER
    wdm.KeInsertQueueDpc(dpc, None, None)
    wdm.KeFlushQueuedDpcs()
    assert ran == [1]


def test_FPU_01_a_state_is_saved_and_restored(kernel: Kernel) -> None:
    state = wdm.KFLOATING_SAVE()
    for level in (wdm.PASSIVE_LEVEL, wdm.DISPATCH_LEVEL):
        with at(level):
            assert wdm.KeSaveFloatingPointState(state) == wdm.STATUS_SUCCESS
            assert wdm.KeRestoreFloatingPointState(state) == wdm.STATUS_SUCCESS
    assert list(kernel.leaks()) == []
    wdm.KeSaveFloatingPointState(state)
    (leak,) = kernel.leaks()
    assert "was not restored" in leak


def restore_what_is_not_saved(state: wdm.KFLOATING_SAVE) -> tuple[object, ...]:
    wdm.KeSaveFloatingPointState(state)
    wdm.KeRestoreFloatingPointState(state)
    return (0, state, 0, 0)


def restore_at_another_level(state: wdm.KFLOATING_SAVE) -> tuple[object, ...]:
    wdm.KeSaveFloatingPointState(state)
    wdm.KeRaiseIrql(wdm.APC_LEVEL)
    return (1, wdm.PASSIVE_LEVEL, wdm.APC_LEVEL, 0)


def restore_in_another_thread(state: wdm.KFLOATING_SAVE) -> tuple[object, ...]:
    other = thread(lambda: wdm.KeSaveFloatingPointState(state))
    wait_for_single_object(other)
    return (2, other, wdm.KeGetCurrentThread(), 0)


@pytest.mark.parametrize(
    "prepare", [restore_what_is_not_saved, restore_at_another_level, restore_in_another_thread]
)
def test_FPU_01_a_state_is_restored_once_and_where_it_was_saved(
    kernel: Kernel, prepare: Callable[[wdm.KFLOATING_SAVE], tuple[object, ...]]
) -> None:
    state = wdm.KFLOATING_SAVE()
    parameters = prepare(state)
    with bug_check(wdm.INVALID_FLOATING_POINT_STATE, *parameters):
        wdm.KeRestoreFloatingPointState(state)


def test_a_base_priority_is_an_increment(kernel: Kernel) -> None:
    event = notification()
    other = thread(lambda: wait_for_single_object(event))
    assert wdm.KeSetBasePriorityThread(other, 3) == 0
    assert wdm.KeQueryPriorityThread(other) == 11
    assert wdm.KeSetBasePriorityThread(other, -20) == 3
    assert wdm.KeQueryPriorityThread(other) == 1
    assert wdm.KeSetBasePriorityThread(other, 100) == -7
    assert wdm.KeQueryPriorityThread(other) == wdm.HIGH_PRIORITY
    event.set()


def test_the_macro_for_a_mutex_waits(kernel: Kernel) -> None:
    mutex = a_mutex()
    assert wdm.KeWaitForMutexObject(mutex, wdm.Executive, wdm.KernelMode, False, None) == wdm.STATUS_SUCCESS
    assert wdm.KeReadStateMutex(mutex) == 0
    waited: list[int] = []
    other = thread(lambda: waited.append(wdm.KeWaitForMutexObject(mutex, 0, wdm.KernelMode, False, 0)))
    wait_for_single_object(other)
    assert waited == [wdm.STATUS_TIMEOUT]
    wdm.KeReleaseMutex(mutex, False)


def test_the_timer_resolution_is_the_finest_that_is_asked_for(kernel: Kernel) -> None:
    assert wdm.ExQueryTimerResolution() == (156_250, 5_000, 156_250)
    assert wdm.ExSetTimerResolution(10_000, True) == 10_000
    assert wdm.ExSetTimerResolution(1, True) == 5_000
    assert wdm.ExQueryTimerResolution() == (156_250, 5_000, 5_000)
    assert [wdm.ExSetTimerResolution(0, False) for _ in range(3)] == [10_000, 156_250, 156_250]


def test_the_features_of_x64_are_there(kernel: Kernel) -> None:
    assert wdm.ExIsProcessorFeaturePresent(wdm.PF_XMMI64_INSTRUCTIONS_AVAILABLE)
    assert not wdm.ExIsProcessorFeaturePresent(wdm.PF_3DNOW_INSTRUCTIONS_AVAILABLE)
    assert not wdm.ExVerifySuite(wdm.DataCenter)


def test_each_uuid_is_another(kernel: Kernel) -> None:
    made = [wdm.ExUuidCreate() for _ in range(100)]
    assert {status for status, _ in made} == {wdm.STATUS_SUCCESS}
    assert len({str(uuid) for _, uuid in made}) == 100
    assert {uuid.data3 >> 12 for _, uuid in made} == {1}
    assert {uuid.data4[0] >> 6 for _, uuid in made} == {2}


@pytest.mark.parametrize(
    ("routine", "status"),
    [
        (wdm.ExRaiseAccessViolation, wdm.STATUS_ACCESS_VIOLATION),
        (wdm.ExRaiseDatatypeMisalignment, wdm.STATUS_DATATYPE_MISALIGNMENT),
    ],
)
def test_the_exceptions_of_bad_addresses(kernel: Kernel, routine: Callable[[], object], status: int) -> None:
    with pytest.raises(StatusException) as caught:
        routine()
    assert caught.value.status == status


def test_the_precise_times_are_those_of_the_clock(kernel: Kernel) -> None:
    wdm.KeStallExecutionProcessor(1234)
    time, counter = wdm.KeQueryInterruptTimePrecise()
    assert counter * 10_000_000 // wdm.KeQueryPerformanceCounter()[1] == time
    assert time <= wdm.KeQueryInterruptTime() <= wdm.KeQuerySystemTimePrecise()
