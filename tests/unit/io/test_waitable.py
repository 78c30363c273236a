# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Events and timers by handle and by name, and waits by handle."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.ke.objects.event import Event
from dirql.machine import Machine

NAME = r"\BaseNamedObjects\Made"
Creator = Callable[[str | None], tuple[Event | None, int | None]]
CREATORS: list[tuple[Creator, int]] = [
    (wdm.IoCreateNotificationEvent, wdm.NotificationEvent),
    (wdm.IoCreateSynchronizationEvent, wdm.SynchronizationEvent),
]


def attributes(name: str | None, flags: int = 0) -> wdm.OBJECT_ATTRIBUTES:
    made = wdm.OBJECT_ATTRIBUTES()
    wdm.InitializeObjectAttributes(made, name, flags, None, None)
    return made


def counts(machine: Machine, handle: int) -> tuple[int, int]:
    entry = machine.objects.handles.entry(handle)
    assert entry is not None
    return entry.object.pointer_count, entry.object.handle_count


@pytest.mark.parametrize(("create", "event_type"), CREATORS, ids=["notification", "synchronization"])
@pytest.mark.parametrize("name", [None, NAME])
def test_an_event_of_the_io_manager_is_signalled_at_first(
    machine: Machine, create: Creator, event_type: int, name: str | None
) -> None:
    event, handle = create(name)
    assert event is not None
    assert handle is not None
    assert (event.header.type, wdm.KeReadStateEvent(event), counts(machine, handle)[1]) == (event_type, 1, 1)
    if name is not None:
        again, other = create(name)
        assert other is not None
        assert (again is event, counts(machine, handle)[1]) == (True, 2)
        wdm.ZwClose(other)
    wdm.ZwClose(handle)
    assert wdm.ZwOpenEvent(wdm.EVENT_ALL_ACCESS, attributes(NAME)) == (wdm.STATUS_OBJECT_NAME_NOT_FOUND, None)


def test_a_name_of_an_event_of_the_other_type_gives_that_event(machine: Machine) -> None:
    event, handle = wdm.IoCreateNotificationEvent(NAME)
    again, other = wdm.IoCreateSynchronizationEvent(NAME)
    assert again is event
    assert handle is not None
    assert other is not None
    wdm.ZwClose(other)
    wdm.ZwClose(handle)


@pytest.mark.parametrize("initial", [True, False])
def test_the_services_of_events(machine: Machine, initial: bool) -> None:
    status, handle = wdm.ZwCreateEvent(wdm.EVENT_ALL_ACCESS, None, wdm.NotificationEvent, initial)
    assert handle is not None, hex(status)
    assert wdm.ZwWaitForSingleObject(handle, False, 0) == (
        wdm.STATUS_SUCCESS if initial else wdm.STATUS_TIMEOUT
    )
    assert wdm.ZwSetEvent(handle) == (wdm.STATUS_SUCCESS, int(initial))
    assert wdm.ZwSetEvent(handle) == (wdm.STATUS_SUCCESS, 1)
    assert wdm.ZwResetEvent(handle) == (wdm.STATUS_SUCCESS, 1)
    assert wdm.ZwWaitForSingleObject(handle, False, -10) == wdm.STATUS_TIMEOUT
    wdm.ZwSetEvent(handle)
    assert wdm.ZwClearEvent(handle) == wdm.STATUS_SUCCESS
    assert wdm.ZwWaitForSingleObject(handle, False, 0) == wdm.STATUS_TIMEOUT
    wdm.ZwClose(handle)
    assert wdm.ZwSetEvent(handle) == (wdm.STATUS_INVALID_HANDLE, 0)


def test_a_name_is_taken_once_or_opened_on_request(machine: Machine) -> None:
    arguments = (wdm.NotificationEvent, False)
    _, first = wdm.ZwCreateEvent(wdm.EVENT_ALL_ACCESS, attributes(NAME), *arguments)
    assert wdm.ZwCreateEvent(wdm.EVENT_ALL_ACCESS, attributes(NAME), *arguments) == (
        wdm.STATUS_OBJECT_NAME_COLLISION,
        None,
    )
    status, second = wdm.ZwCreateEvent(wdm.EVENT_ALL_ACCESS, attributes(NAME, wdm.OBJ_OPENIF), *arguments)
    assert status == wdm.STATUS_OBJECT_NAME_EXISTS
    assert first is not None
    assert second is not None
    wdm.ZwSetEvent(second)
    assert wdm.ZwWaitForSingleObject(first, False, 0) == wdm.STATUS_SUCCESS
    status, third = wdm.ZwOpenEvent(wdm.EVENT_ALL_ACCESS, attributes(NAME))
    assert third is not None, hex(status)
    for handle in (first, second, third):
        wdm.ZwClose(handle)


def test_a_name_of_another_kind_does_not_open(machine: Machine) -> None:
    _, handle = wdm.ZwCreateTimer(wdm.TIMER_ALL_ACCESS, attributes(NAME), wdm.NotificationTimer)
    assert handle is not None
    assert wdm.ZwOpenEvent(0, attributes(NAME)) == (wdm.STATUS_OBJECT_TYPE_MISMATCH, None)
    assert wdm.ZwSetEvent(handle) == (wdm.STATUS_OBJECT_TYPE_MISMATCH, 0)
    wdm.ZwClose(handle)


def test_HIO_12_a_program_needs_the_access(machine: Machine) -> None:
    _, handle = wdm.ZwCreateEvent(wdm.EVENT_QUERY_STATE, None, wdm.NotificationEvent, False)
    assert handle is not None
    assert wdm.ZwSetEvent(handle) == (wdm.STATUS_ACCESS_DENIED, 0)
    assert wdm.ZwWaitForSingleObject(handle, False, 0) == wdm.STATUS_ACCESS_DENIED
    wdm.ZwClose(handle)


def test_an_event_of_a_handle_can_be_referenced(machine: Machine) -> None:
    event, handle = wdm.IoCreateNotificationEvent(None)
    assert handle is not None
    status, body, _ = wdm.ObReferenceObjectByHandle(handle, wdm.SYNCHRONIZE, wdm.KEVENT, wdm.KernelMode)
    assert (status, body is event) == (wdm.STATUS_SUCCESS, True)
    assert event is not None
    wdm.ZwClose(handle)
    assert wdm.ObDereferenceObject(event) == 0
    with pytest.raises(TypeError, match="an object with a reference count"):
        wdm.ObReferenceObject(wdm.KEVENT())


def test_a_thread_is_waited_for_by_its_handle(machine: Machine) -> None:
    _, handle, _ = wdm.PsCreateSystemThread(wdm.SYNCHRONIZE, None, None, lambda _: None, None)
    assert handle is not None
    assert wdm.ZwWaitForSingleObject(handle, False, None) == wdm.STATUS_SUCCESS
    wdm.ZwClose(handle)


def test_nobody_waits_for_a_directory(machine: Machine) -> None:
    _, handle = wdm.ZwCreateDirectoryObject(wdm.SYNCHRONIZE, attributes(r"\Made"))
    assert handle is not None
    assert wdm.ZwWaitForSingleObject(handle, False, 0) == wdm.STATUS_OBJECT_TYPE_MISMATCH
    wdm.ZwClose(handle)


# Timers.


def a_timer(timer_type: int = wdm.NotificationTimer) -> int:
    status, handle = wdm.ZwCreateTimer(wdm.TIMER_ALL_ACCESS, None, timer_type)
    assert handle is not None, hex(status)
    return handle


def test_the_states_that_the_services_of_timers_return(machine: Machine) -> None:
    handle = a_timer()
    assert wdm.ZwSetTimer(handle, -1_000_000, None, None, False, 0) == (wdm.STATUS_SUCCESS, False)
    assert wdm.ZwCancelTimer(handle) == (wdm.STATUS_SUCCESS, False)
    assert wdm.ZwSetTimer(handle, -100, None, None, False, 0) == (wdm.STATUS_SUCCESS, False)
    assert wdm.ZwWaitForSingleObject(handle, False, None) == wdm.STATUS_SUCCESS
    assert wdm.ZwCancelTimer(handle) == (wdm.STATUS_SUCCESS, True)
    assert wdm.ZwSetTimer(handle, -1_000_000, None, None, False, 0) == (wdm.STATUS_SUCCESS, True)
    assert wdm.ZwCancelTimer(handle) == (wdm.STATUS_SUCCESS, False)
    assert wdm.ZwSetTimer(handle, -100, None, None, False, -1)[0] == wdm.STATUS_INVALID_PARAMETER
    wdm.ZwClose(handle)


def test_APC_08_the_apc_of_a_programs_timer_runs_in_an_alertable_wait(machine: Machine) -> None:
    calls: list[tuple[object, ...]] = []
    handle = a_timer()
    wdm.ZwSetTimer(handle, -100, lambda *told: calls.append(told), "context", False, 0)
    machine.sleep(1e-4)
    assert calls == []
    before = wdm.KeQuerySystemTime()
    assert machine.sleep(1.0, alertable=True) is True
    ((context, low, high),) = calls
    assert context == "context"
    assert isinstance(low, int)
    assert isinstance(high, int)
    assert before - 1000 <= high << 32 | low <= before
    wdm.ZwClose(handle)


def test_a_system_thread_without_a_driver_calls_from_kernel_mode(machine: Machine) -> None:
    """The thread needs no alertable wait for its APCs, and it has kernel handles."""
    seen: list[object] = []

    def thread(_: object) -> None:
        seen.append(wdm.ExGetPreviousMode())
        named = wdm.OBJECT_ATTRIBUTES()
        wdm.InitializeObjectAttributes(named, None, wdm.OBJ_KERNEL_HANDLE, None, None)
        _, handle = wdm.ZwCreateTimer(wdm.TIMER_ALL_ACCESS, named, wdm.NotificationTimer)
        assert handle is not None
        seen.append(handle >> 63)
        wdm.ZwSetTimer(handle, -100, lambda *_: seen.append("called"), None, False, 0)
        seen.append(wdm.ZwWaitForSingleObject(handle, False, None))
        seen.append(wdm.ZwClose(handle))

    wdm.PsCreateSystemThread(wdm.SYNCHRONIZE, None, None, thread, None)
    machine.sleep(1e-3)
    assert seen == [wdm.KernelMode, 1, "called", wdm.STATUS_SUCCESS, wdm.STATUS_SUCCESS]


def test_a_timer_that_is_set_again_or_cancelled_takes_its_apc_back(machine: Machine) -> None:
    calls: list[str] = []
    handle = a_timer()
    wdm.ZwSetTimer(handle, -100, lambda *_: calls.append("first"), None, False, 0)
    machine.sleep(1e-4)  # the APC is queued
    wdm.ZwSetTimer(handle, -100, lambda *_: calls.append("second"), None, False, 0)
    machine.sleep(1e-3, alertable=True)
    assert calls == ["second"]
    wdm.ZwSetTimer(handle, -100, lambda *_: calls.append("third"), None, False, 0)
    machine.sleep(1e-4)
    wdm.ZwCancelTimer(handle)
    assert machine.sleep(1e-4, alertable=True) is False
    assert calls == ["second"]
    wdm.ZwClose(handle)


def test_a_period_is_in_milliseconds(machine: Machine) -> None:
    calls: list[int] = []
    handle = a_timer(wdm.SynchronizationTimer)
    begin = wdm.KeQueryInterruptTime()
    wdm.ZwSetTimer(
        handle, -10_000, lambda *_: calls.append(wdm.KeQueryInterruptTime() - begin), None, False, 2
    )
    while len(calls) < 3:
        machine.sleep(1.0, alertable=True)
    assert [round(time / 10_000) for time in calls] == [1, 3, 5]
    wdm.ZwCancelTimer(handle)
    wdm.ZwClose(handle)
