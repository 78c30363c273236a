# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines that are told of processes, threads and images."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from unit.io.making import make_driver

Change = Callable[[Callable[..., object] | None], int]
KINDS: dict[str, tuple[Change, Change]] = {
    "process": (
        lambda routine: wdm.PsSetCreateProcessNotifyRoutine(routine, False),
        lambda routine: wdm.PsSetCreateProcessNotifyRoutine(routine, True),
    ),
    "process-ex": (
        lambda routine: wdm.PsSetCreateProcessNotifyRoutineEx(routine, False),
        lambda routine: wdm.PsSetCreateProcessNotifyRoutineEx(routine, True),
    ),
    "thread": (wdm.PsSetCreateThreadNotifyRoutine, wdm.PsRemoveCreateThreadNotifyRoutine),
    "image": (wdm.PsSetLoadImageNotifyRoutine, wdm.PsRemoveLoadImageNotifyRoutine),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_routine_is_removed_once_for_each_time_that_it_was_set(machine: Machine, kind: str) -> None:
    assert machine
    add, remove = KINDS[kind]

    def routine(*_: object) -> None:
        raise AssertionError

    for each in (None, routine):
        assert remove(each) == wdm.STATUS_PROCEDURE_NOT_FOUND
        assert add(each) == wdm.STATUS_SUCCESS
        assert remove(each) == wdm.STATUS_SUCCESS
        assert remove(each) == wdm.STATUS_PROCEDURE_NOT_FOUND


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_place_for_64_routines_of_a_kind(machine: Machine, kind: str) -> None:
    assert machine
    add, remove = KINDS[kind]
    routines = [lambda *_: None for _ in range(65)]
    statuses = [add(each) for each in routines]
    last = wdm.STATUS_INVALID_PARAMETER if "process" in kind else wdm.STATUS_INSUFFICIENT_RESOURCES
    assert statuses == [wdm.STATUS_SUCCESS] * 64 + [last]
    assert [remove(each) for each in routines[:64]] == [wdm.STATUS_SUCCESS] * 64


def test_a_routine_for_processes_is_not_registered_twice(machine: Machine) -> None:
    assert machine
    add, _ = KINDS["process"]
    assert add(print) == wdm.STATUS_SUCCESS
    assert add(print) == wdm.STATUS_INVALID_PARAMETER


def test_a_thread_is_told_of_by_its_creator_before_it_runs_and_by_itself_at_its_end(machine: Machine) -> None:
    assert machine
    told: list[object] = []

    def routine(process: int, thread: int, create: bool) -> None:
        told.append((process, create, thread == wdm.PsGetCurrentThreadId(), wdm.KeGetCurrentIrql()))

    assert wdm.PsSetCreateThreadNotifyRoutine(routine) == wdm.STATUS_SUCCESS
    status, handle, client = wdm.PsCreateSystemThread(
        wdm.SYNCHRONIZE, None, None, lambda _: told.append("runs"), None
    )
    assert status == wdm.STATUS_SUCCESS
    assert handle is not None
    assert client is not None
    wdm.ZwWaitForSingleObject(handle, False, None)
    assert told == [(4, True, False, 0), "runs", (4, False, True, 0)]
    assert wdm.PsRemoveCreateThreadNotifyRoutine(routine) == wdm.STATUS_SUCCESS
    wdm.PsCreateSystemThread(wdm.SYNCHRONIZE, None, None, lambda _: None, None)
    wdm.ZwClose(handle)
    assert len(told) == 3


def test_a_routine_that_is_left_at_unload_stops_the_system(machine: Machine) -> None:
    driver = make_driver({})

    def unload(_: wdm.DRIVER_OBJECT) -> None:
        assert wdm.PsSetCreateThreadNotifyRoutine(lambda *_: None) == wdm.STATUS_SUCCESS

    driver.driver_unload = unload
    with pytest.raises(BugCheck, match="call PsRemoveCreateThreadNotifyRoutine") as caught:
        machine.unload_driver(driver)
    assert caught.value.code == wdm.DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS
