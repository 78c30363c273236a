# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""RegistryCallback routines: what they are told, and what they change.

The facts are those of the WDK's pages "Filtering Registry Calls" and REG_NOTIFY_CLASS, and of the sample regfltr of the
Windows driver samples, whose scenarios are done here: block, bypass, override, three altitudes, contexts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from dirql import wdm
from dirql.machine import Machine
from unit.cm.registry import SOFTWARE, allocate, as_driver, attributes, create_key, open_key, set_value

Routine = Callable[[Any, int, Any], int]
DENIED, BYPASS = wdm.STATUS_ACCESS_DENIED, wdm.STATUS_CALLBACK_BYPASS


@pytest.fixture
def root(machine: Machine) -> int:
    return create_key(SOFTWARE + r"\Filtered")


class Filter:
    """A routine that is registered, and notes what it is told."""

    def __init__(self, routine: Routine | None = None, altitude: str = "380010") -> None:
        self.told: list[int] = []
        self.routine = routine
        status, self.cookie = wdm.CmRegisterCallbackEx(self.call, altitude, None, self, None)
        assert status == wdm.STATUS_SUCCESS

    def call(self, context: object, notification: int, information: object) -> int:
        assert context is self
        self.told.append(notification)
        return wdm.STATUS_SUCCESS if self.routine is None else self.routine(self, notification, information)

    def end(self) -> list[int]:
        assert wdm.CmUnRegisterCallback(self.cookie) == wdm.STATUS_SUCCESS
        return self.told


def test_REG_18_a_routine_is_told_before_and_after_each_operation(root: int) -> None:
    buffer = allocate(256)
    watch = Filter()
    _, key, _ = wdm.ZwCreateKey(wdm.KEY_ALL_ACCESS, attributes("Key", root), 0, None, 0)
    assert key is not None
    _, second = wdm.ZwOpenKey(wdm.KEY_ALL_ACCESS, attributes("Key", root))
    assert second is not None
    wdm.ZwClose(second)
    wdm.ZwSetValueKey(key, "Value", 0, wdm.REG_DWORD, buffer, 4)
    wdm.ZwQueryValueKey(key, "Value", wdm.KeyValuePartialInformation, buffer, 64)
    wdm.ZwEnumerateValueKey(key, 0, wdm.KeyValuePartialInformation, buffer, 64)
    wdm.ZwDeleteValueKey(key, "Value")
    wdm.ZwQueryKey(key, wdm.KeyBasicInformation, buffer, 64)
    wdm.ZwEnumerateKey(root, 0, wdm.KeyBasicInformation, buffer, 64)
    wdm.ZwSetInformationKey(key, wdm.KeyWriteTimeInformation, buffer, 8)
    wdm.ZwFlushKey(key)
    wdm.ZwRenameKey(key, "Renamed")
    wdm.ZwDeleteKey(key)
    assert watch.end() == [
        wdm.RegNtPreCreateKeyEx,
        wdm.RegNtPostCreateKeyEx,
        wdm.RegNtPreOpenKeyEx,
        wdm.RegNtPostOpenKeyEx,
        wdm.RegNtPreKeyHandleClose,
        wdm.RegNtPostKeyHandleClose,
        wdm.RegNtPreSetValueKey,
        wdm.RegNtPostSetValueKey,
        wdm.RegNtPreQueryValueKey,
        wdm.RegNtPostQueryValueKey,
        wdm.RegNtPreEnumerateValueKey,
        wdm.RegNtPostEnumerateValueKey,
        wdm.RegNtPreDeleteValueKey,
        wdm.RegNtPostDeleteValueKey,
        wdm.RegNtPreQueryKey,
        wdm.RegNtPostQueryKey,
        wdm.RegNtPreEnumerateKey,
        wdm.RegNtPostEnumerateKey,
        wdm.RegNtPreSetInformationKey,
        wdm.RegNtPostSetInformationKey,
        wdm.RegNtPreFlushKey,
        wdm.RegNtPostFlushKey,
        wdm.RegNtPreRenameKey,
        wdm.RegNtPostRenameKey,
        wdm.RegNtPreDeleteKey,
        wdm.RegNtPostDeleteKey,
    ]
    wdm.ZwClose(key)
    assert len(watch.told) == 26  # nobody is told any more


def test_the_numbers_of_the_notifications_are_those_of_the_wdk() -> None:
    assert (wdm.RegNtPreDeleteKey, wdm.RegNtPreQueryMultipleValueKey, wdm.RegNtPreKeyHandleClose) == (
        0,
        9,
        14,
    )
    assert (wdm.RegNtPostDeleteKey, wdm.RegNtPostKeyHandleClose, wdm.RegNtPreCreateKeyEx) == (15, 25, 26)
    assert (wdm.RegNtPostOpenKeyEx, wdm.RegNtPreFlushKey, wdm.RegNtCallbackObjectContextCleanup) == (
        29,
        30,
        40,
    )
    assert (wdm.RegNtPreRestoreKey, wdm.RegNtPostQueryKeyName) == (41, 48)


def block(_: object, notification: int, information: Any) -> int:
    if notification == wdm.RegNtPreCreateKeyEx and str(information.complete_name) == "Blocked":
        return DENIED
    if notification == wdm.RegNtPreSetValueKey and str(information.value_name) == "Blocked":
        return DENIED
    return wdm.STATUS_SUCCESS


def test_REG_18_a_routine_refuses_an_operation(root: int) -> None:
    data = allocate(4)
    blocking = Filter(block)
    assert wdm.ZwCreateKey(3, attributes("Blocked", root), 0, None, 0) == (DENIED, None, 0)
    assert wdm.ZwSetValueKey(root, "Blocked", 0, wdm.REG_DWORD, data, 4) == DENIED
    assert wdm.ZwSetValueKey(root, "Other", 0, wdm.REG_DWORD, data, 4) == wdm.STATUS_SUCCESS
    told = blocking.end()
    assert told.count(wdm.RegNtPreSetValueKey) == 2
    assert told.count(wdm.RegNtPostSetValueKey) == 1  # not of the refused one
    status, _ = wdm.ZwOpenKey(3, attributes("Blocked", root))
    assert status == wdm.STATUS_OBJECT_NAME_NOT_FOUND
    assert wdm.ZwDeleteValueKey(root, "Blocked") == wdm.STATUS_OBJECT_NAME_NOT_FOUND


def redirect(_: object, notification: int, information: Any) -> int:
    """Make another key and another value than the caller says."""
    if notification == wdm.RegNtPreCreateKeyEx:
        status, root = wdm.ObOpenObjectByPointer(
            information.root_object, wdm.OBJ_KERNEL_HANDLE, None, wdm.KEY_ALL_ACCESS, None, wdm.KernelMode
        )
        assert status == wdm.STATUS_SUCCESS
        status, key, disposition = wdm.ZwCreateKey(
            wdm.KEY_ALL_ACCESS, attributes("Other", root, wdm.OBJ_KERNEL_HANDLE), 0, None, 0
        )
        assert key is not None
        assert root is not None
        _, found, _ = wdm.ObReferenceObjectByHandle(key, 0, None, wdm.KernelMode)
        information.result_object = found
        information.disposition = disposition
        information.granted_access = information.desired_access
        wdm.ZwClose(key)
        wdm.ZwClose(root)
        return BYPASS
    return wdm.STATUS_SUCCESS


def test_REG_18_a_routine_does_an_operation_itself(root: int) -> None:
    def register_and_create() -> None:
        bypass = Filter(redirect)
        own = open_key(SOFTWARE + r"\Filtered")
        status, key, disposition = wdm.ZwCreateKey(wdm.KEY_ALL_ACCESS, attributes("Key", own), 0, None, 0)
        assert (status, disposition) == (wdm.STATUS_SUCCESS, wdm.REG_CREATED_NEW_KEY)
        assert key is not None
        assert wdm.RegNtPostCreateKeyEx not in bypass.end()
        wdm.ZwClose(key)
        wdm.ZwClose(own)

    as_driver(register_and_create)
    status, _ = wdm.ZwOpenKey(3, attributes("Key", root))
    assert status == wdm.STATUS_OBJECT_NAME_NOT_FOUND
    open_key("Other", root=root)


def fail_after(_: object, notification: int, information: Any) -> int:
    if notification == wdm.RegNtPostSetValueKey:
        assert information.status == wdm.STATUS_SUCCESS
        assert str(information.pre_information.value_name) == "Value"
        information.return_status = DENIED
        return BYPASS
    return wdm.STATUS_SUCCESS


def test_REG_18_a_routine_replaces_the_status_of_an_operation(root: int) -> None:
    override = Filter(fail_after)
    assert wdm.ZwSetValueKey(root, "Value", 0, wdm.REG_DWORD, allocate(4), 4) == DENIED
    override.end()


def open_another(_: object, notification: int, information: Any) -> int:
    """Open a key that exists in the place of one that does not."""
    if notification == wdm.RegNtPostOpenKeyEx and information.status == wdm.STATUS_OBJECT_NAME_NOT_FOUND:
        pre = information.pre_information
        key = open_key(SOFTWARE + r"\Filtered\There")
        _, pre.result_object, _ = wdm.ObReferenceObjectByHandle(key, 0, None, wdm.KernelMode)
        pre.granted_access = pre.desired_access
        wdm.ZwClose(key)
        information.return_status = wdm.STATUS_SUCCESS
        return BYPASS
    return wdm.STATUS_SUCCESS


def test_REG_18_a_routine_makes_a_success_of_a_failure(root: int) -> None:
    there = create_key("There", root)
    override = Filter(open_another)
    missing = open_key("Missing", root=root)
    override.end()
    set_value(missing, "Value", wdm.REG_SZ, b"new")
    assert wdm.ZwDeleteValueKey(there, "Value") == wdm.STATUS_SUCCESS


@pytest.fixture
def three(root: int) -> tuple[Filter, Filter, Filter]:
    low = Filter(altitude="380000")
    high = Filter(altitude="380020")
    return high, Filter(block, "380010.5"), low


def test_REG_18_those_above_a_refusal_are_told_of_its_end_and_those_below_of_nothing(
    three: tuple[Filter, Filter, Filter], root: int
) -> None:
    assert wdm.ZwCreateKey(3, attributes("Blocked", root), 0, None, 0)[0] == DENIED
    pre, post = wdm.RegNtPreCreateKeyEx, wdm.RegNtPostCreateKeyEx
    assert [each.end() for each in three] == [[pre, post], [pre], []]


def test_REG_18_what_a_routine_does_is_told_to_those_below_it(root: int) -> None:
    def open_and_close(_: object, notification: int, information: object) -> int:
        wdm.ZwClose(open_key(SOFTWARE))
        return wdm.STATUS_SUCCESS

    low = Filter(altitude="1")
    middle = Filter(open_and_close, "2")
    high = Filter(altitude="3")
    _, key, _ = wdm.ZwCreateKey(3, attributes("Key", root), 0, None, 0)
    told = [each.end() for each in (high, middle, low)]
    assert key is not None
    wdm.ZwClose(key)
    assert [len(each) for each in told] == [2, 2, 10]
    opened = [wdm.RegNtPreOpenKeyEx, wdm.RegNtPostOpenKeyEx]
    closed = [wdm.RegNtPreKeyHandleClose, wdm.RegNtPostKeyHandleClose]
    created = [wdm.RegNtPreCreateKeyEx, wdm.RegNtPostCreateKeyEx]
    assert told[2] == opened + closed + created + opened + closed


def test_an_altitude_belongs_to_one_routine(root: int) -> None:
    first = Filter(altitude="7")
    arguments = (lambda *_: 0, "7", None, None, None)
    assert wdm.CmRegisterCallbackEx(*arguments)[0] == wdm.STATUS_FLT_INSTANCE_ALTITUDE_COLLISION
    first.end()
    assert wdm.CmUnRegisterCallback(first.cookie) == wdm.STATUS_INVALID_PARAMETER
    Filter(altitude="7").end()
    assert wdm.CmGetCallbackVersion() == (1, 1)


def test_a_routine_without_an_altitude_comes_first(root: int) -> None:
    order: list[str] = []
    other = Filter(lambda *_: order.append("Ex") or 0)
    status, cookie = wdm.CmRegisterCallback(lambda *_: order.append("old") or 0, None)
    assert status == wdm.STATUS_SUCCESS
    wdm.ZwFlushKey(root)
    assert order == ["old", "Ex", "Ex", "old"]
    other.end()
    assert wdm.CmUnRegisterCallback(cookie) == wdm.STATUS_SUCCESS


def test_REG_18_a_context_belongs_to_one_key_object_and_one_routine(root: int) -> None:
    seen: list[object] = []
    cleaned: list[object] = []

    def keep(own: Filter, notification: int, information: Any) -> int:
        if notification == wdm.RegNtPostOpenKeyEx:
            old = wdm.CmSetCallbackObjectContext(information.object, own.cookie, "context")
            assert old == (wdm.STATUS_SUCCESS, None)
            found = wdm.CmCallbackGetKeyObjectID(own.cookie, information.object)
            assert found[::2] == (wdm.STATUS_SUCCESS, r"\REGISTRY\MACHINE\SOFTWARE\Filtered")
        elif notification in (wdm.RegNtPreSetValueKey, wdm.RegNtPostSetValueKey):
            seen.append(information.object_context)
        elif notification == wdm.RegNtCallbackObjectContextCleanup:
            cleaned.append(information.object_context)
        return wdm.STATUS_SUCCESS

    keeping = Filter(keep)
    other = Filter(altitude="9")
    handles = [open_key(SOFTWARE + r"\Filtered") for _ in range(2)]
    for handle in (root, handles[0]):
        set_value(handle, "Value", wdm.REG_SZ, b"new")
    assert seen == [None, None, "context", "context"]
    wdm.ZwClose(handles[0])
    assert cleaned == ["context"]
    assert keeping.told[-3:] == [
        wdm.RegNtPreKeyHandleClose,
        wdm.RegNtCallbackObjectContextCleanup,
        wdm.RegNtPostKeyHandleClose,
    ]
    keeping.end()
    assert cleaned == ["context"] * 2
    assert wdm.RegNtCallbackObjectContextCleanup not in other.end()


def test_REG_18_the_context_of_a_call_is_the_routines_own(root: int) -> None:
    seen: list[object] = []

    def mark(own: Filter, notification: int, information: Any) -> int:
        if notification == wdm.RegNtPreSetValueKey:
            assert information.call_context is None
            information.call_context = own
        elif notification == wdm.RegNtPostSetValueKey:
            seen.append(information.call_context)
        return wdm.STATUS_SUCCESS

    filters = [Filter(mark, altitude) for altitude in ("1", "2")]
    set_value(root, "Value", wdm.REG_SZ, b"new")
    assert seen == filters
    for each in filters:
        each.end()


def test_a_key_object_is_what_a_context_belongs_to(root: int) -> None:
    watch = Filter()
    with pytest.raises(TypeError, match="CmSetCallbackObjectContext: Object must be a key object"):
        wdm.CmSetCallbackObjectContext(cast("Any", 3), watch.cookie, None)
    watch.end()


def test_REG_18_the_run_time_library_tells_of_the_value_that_it_changes(root: int) -> None:
    """RtlWriteRegistryValue and RtlDeleteRegistryValue are ZwSetValueKey and ZwDeleteValueKey of a key they open."""
    names: list[tuple[int, str]] = []

    def block(watch: Filter, notification: int, information: Any) -> int:
        before = notification in {wdm.RegNtPreSetValueKey, wdm.RegNtPreDeleteValueKey}
        if before:
            names.append((notification, information.value_name))
        return DENIED if before and information.value_name == "Blocked" else wdm.STATUS_SUCCESS

    buffer, path = allocate(16), SOFTWARE + r"\Filtered"
    absolute = wdm.RTL_REGISTRY_ABSOLUTE
    write = (wdm.REG_DWORD, buffer, 4)
    assert wdm.RtlWriteRegistryValue(absolute, path, "Kept", *write) == wdm.STATUS_SUCCESS
    watch = Filter(block)
    assert wdm.RtlWriteRegistryValue(absolute, path, "Blocked", *write) == DENIED
    assert wdm.RtlWriteRegistryValue(absolute, path, "Other", *write) == wdm.STATUS_SUCCESS
    assert wdm.RtlDeleteRegistryValue(absolute, path, "Blocked") == DENIED
    assert wdm.RtlDeleteRegistryValue(absolute, path, "Kept") == wdm.STATUS_SUCCESS
    watch.end()
    assert names == [
        (wdm.RegNtPreSetValueKey, "Blocked"),
        (wdm.RegNtPreSetValueKey, "Other"),
        (wdm.RegNtPreDeleteValueKey, "Blocked"),
        (wdm.RegNtPreDeleteValueKey, "Kept"),
    ]
    status = wdm.ZwQueryValueKey(root, "Other", wdm.KeyValuePartialInformation, buffer, 16)[0]
    assert status == wdm.STATUS_SUCCESS
