# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""ZwNotifyChangeKey: waits for changes of keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.machine import Machine
from unit.cm.registry import SOFTWARE, as_driver, create_key, open_key, set_value

NAME, LAST_SET = wdm.REG_NOTIFY_CHANGE_NAME, wdm.REG_NOTIFY_CHANGE_LAST_SET
CHANGED, PENDING = wdm.STATUS_NOTIFY_ENUM_DIR, wdm.STATUS_PENDING
UNTOUCHED = 0x5A5A


@pytest.fixture
def key(machine: Machine) -> int:
    handle = create_key(SOFTWARE + r"\Watched")
    set_value(handle, "Value", wdm.REG_SZ, b"old")
    create_key("Below", handle)
    return handle


class Wait:
    """An asynchronous call, with an event."""

    def __init__(self, key: int, flags: int, *, deep: bool = False) -> None:
        self.block = wdm.IO_STATUS_BLOCK(UNTOUCHED)
        self.event = wdm.KEVENT()
        wdm.KeInitializeEvent(self.event, wdm.NotificationEvent, True)
        arguments = (self.block, flags, deep, None, 0, True)
        self.result = wdm.ZwNotifyChangeKey(key, self.event, None, None, *arguments)

    @property
    def status(self) -> int | None:
        """The status with which the wait has ended; None while it goes on."""
        is_set = bool(wdm.KeReadStateEvent(self.event))
        assert is_set == (self.block.status != UNTOUCHED)
        return self.block.status if is_set else None


def make_subkey(key: int) -> None:
    wdm.ZwClose(create_key("New", key))


def rename_subkey(key: int) -> None:
    wdm.ZwRenameKey(open_key("Below", root=key), "Renamed")


def delete_subkey(key: int) -> None:
    wdm.ZwDeleteKey(open_key("Below", root=key))


def set_it(key: int) -> None:
    set_value(key, "Value", wdm.REG_SZ, b"new")


def change_type(key: int) -> None:
    set_value(key, "Value", wdm.REG_BINARY, b"old")


def set_same(key: int) -> None:
    set_value(key, "VALUE", wdm.REG_SZ, b"old")


def delete_value(key: int) -> None:
    wdm.ZwDeleteValueKey(key, "Value")


def change_below(key: int) -> None:
    set_value(open_key("Below", root=key), "x", wdm.REG_NONE, b"")


def make_below(key: int) -> None:
    create_key(r"Below\Deep", key)


def change_elsewhere(key: int) -> None:
    set_value(create_key(SOFTWARE + r"\Other"), "x", wdm.REG_NONE, b"")


CHANGES: list[tuple[Callable[[int], None], int, bool]] = [
    (make_subkey, NAME, False),
    (rename_subkey, NAME, False),
    (delete_subkey, NAME, False),
    (set_it, LAST_SET, False),
    (change_type, LAST_SET, False),
    (delete_value, LAST_SET, False),
    (change_below, LAST_SET, True),
    (make_below, NAME, True),
    (set_same, 0, True),
    (change_elsewhere, 0, True),
]


@pytest.mark.parametrize(("change", "flags", "below"), CHANGES)
def test_REG_17_a_wait_ends_with_its_kind_of_change(
    key: int, change: Callable[[int], None], flags: int, below: bool
) -> None:
    waits = {
        (kind, deep): Wait(open_key(SOFTWARE + r"\Watched"), kind, deep=deep)
        for kind in (NAME, LAST_SET)
        for deep in (False, True)
    }
    assert {wait.result for wait in waits.values()} == {PENDING}
    change(key)
    for (kind, deep), wait in waits.items():
        is_told = kind == flags and (deep or not below)
        assert wait.status == (CHANGED if is_told else None)


def test_REG_17_a_wait_is_for_one_change(key: int) -> None:
    first, second = Wait(key, LAST_SET), Wait(key, LAST_SET)
    set_it(key)
    assert (first.status, second.status) == (CHANGED, CHANGED)
    first.block.status = UNTOUCHED
    wdm.KeClearEvent(first.event)
    delete_value(key)
    assert first.status is None


def test_REG_17_a_wait_ends_when_the_key_is_deleted_or_the_handle_closed(key: int) -> None:
    below, other = open_key("Below", root=key), open_key("Below", root=key)
    deleted, closed = Wait(below, LAST_SET), Wait(other, LAST_SET)
    wdm.ZwClose(other)
    assert (deleted.status, closed.status) == (None, wdm.STATUS_NOTIFY_CLEANUP)
    delete_subkey(key)
    assert deleted.status == CHANGED
    assert Wait(below, LAST_SET).result == wdm.STATUS_KEY_DELETED


def test_REG_17_a_call_that_is_not_asynchronous_waits(machine: Machine, key: int) -> None:
    results: list[int] = []
    block = wdm.IO_STATUS_BLOCK()

    def wait() -> None:
        results.append(wdm.ZwNotifyChangeKey(key, None, None, None, block, NAME, False, None, 0, False))

    thread = machine.create_thread(wait)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -1000)
    assert results == []
    make_subkey(key)
    thread.join()
    assert (results, block.status) == ([CHANGED], CHANGED)


def test_REG_17_a_program_is_called_in_an_alertable_wait(key: int) -> None:
    calls: list[object] = []

    def routine(context: object, block: object, reserved: object) -> None:
        calls.append((context, block, reserved))

    block = wdm.IO_STATUS_BLOCK()
    arguments = (block, NAME, False, None, 0, True)
    assert wdm.ZwNotifyChangeKey(key, None, routine, "context", *arguments) == PENDING
    make_subkey(key)
    assert calls == []
    assert wdm.KeDelayExecutionThread(wdm.UserMode, True, -1000) == wdm.STATUS_USER_APC
    assert calls == [("context", block, 0)]


def test_REG_17_a_driver_waits_by_event_alone(key: int) -> None:
    results: list[int] = []

    def call() -> None:
        handle = open_key(SOFTWARE + r"\Watched")
        for routine in (lambda *_: None, None):
            block = wdm.IO_STATUS_BLOCK()
            arguments = (block, NAME, False, None, 0, True)
            results.append(wdm.ZwNotifyChangeKey(handle, None, routine, None, *arguments))
        wdm.ZwClose(handle)

    as_driver(call)
    assert results == [wdm.STATUS_INVALID_PARAMETER, PENDING]


@pytest.mark.parametrize("flags", [0, 0x10, NAME | 0x10])
def test_REG_17_a_filter_has_flags_that_there_are(key: int, flags: int) -> None:
    assert Wait(key, flags).result == wdm.STATUS_INVALID_PARAMETER


def test_REG_17_the_handle_must_allow_it(key: int) -> None:
    poor = open_key(SOFTWARE + r"\Watched", wdm.KEY_QUERY_VALUE)
    assert Wait(poor, NAME).result == wdm.STATUS_ACCESS_DENIED
    assert Wait(poor + 1024, NAME).result == wdm.STATUS_INVALID_HANDLE


def test_REG_17_the_event_may_be_a_handle(key: int) -> None:
    status, handle = wdm.ZwCreateEvent(wdm.EVENT_ALL_ACCESS, None, wdm.NotificationEvent, True)
    assert status == wdm.STATUS_SUCCESS
    assert handle is not None
    block = wdm.IO_STATUS_BLOCK(UNTOUCHED)
    arguments = (block, LAST_SET, False, None, 0, True)
    assert wdm.ZwNotifyChangeKey(key, handle, None, None, *arguments) == PENDING
    assert wdm.ZwWaitForSingleObject(handle, False, 0) == wdm.STATUS_TIMEOUT
    set_it(key)
    assert wdm.ZwWaitForSingleObject(handle, False, 0) == wdm.STATUS_SUCCESS
    assert block.status == CHANGED
    assert wdm.ZwNotifyChangeKey(key, key, None, None, *arguments) == wdm.STATUS_OBJECT_TYPE_MISMATCH
    assert wdm.ZwNotifyChangeKey(key, 12345, None, None, *arguments) == wdm.STATUS_INVALID_HANDLE


def test_REG_17_a_driver_is_told_by_a_work_item(key: int) -> None:
    """WDK, ZwNotifyChangeKey: in kernel mode ApcRoutine is a work item, and ApcContext the queue for it."""
    told = wdm.KEVENT()
    wdm.KeInitializeEvent(told, wdm.NotificationEvent, False)

    def call() -> None:
        handle = open_key(SOFTWARE + r"\Watched")
        item = wdm.WORK_QUEUE_ITEM()
        wdm.ExInitializeWorkItem(item, lambda _: wdm.KeSetEvent(told, 0, False), None)
        arguments = (wdm.IO_STATUS_BLOCK(), LAST_SET, False, None, 0, True)
        status = wdm.ZwNotifyChangeKey(handle, None, item, wdm.DelayedWorkQueue, *arguments)
        assert status == PENDING
        with pytest.raises(TypeError, match="the queue for the work item"):
            wdm.ZwNotifyChangeKey(handle, None, item, None, *arguments)
        assert not wdm.KeReadStateEvent(told)
        set_it(handle)
        assert wdm.KeWaitForSingleObject(told, 0, 0, False, None) == wdm.STATUS_SUCCESS
        wdm.ZwClose(handle)

    as_driver(call)
