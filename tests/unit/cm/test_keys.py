# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Keys: made, opened, listed, deleted, renamed; and the rights of their handles."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import LoadError, Machine
from unit.cm.registry import (
    SOFTWARE,
    allocate,
    as_driver,
    attributes,
    create_key,
    open_key,
    put,
    set_value,
    value_names,
    value_of,
)

MACHINE = r"\Registry\Machine"
ALL = wdm.KEY_ALL_ACCESS


def subkeys(key: int) -> list[str]:
    names: list[str] = []
    buffer = allocate(1024)
    while wdm.ZwEnumerateKey(key, len(names), wdm.KeyBasicInformation, buffer, 1024)[0] == wdm.STATUS_SUCCESS:
        names.append(wdm.KEY_BASIC_INFORMATION(buffer).name)
    return names


def path_of(key: int) -> str:
    buffer = allocate(1024)
    status, _ = wdm.ZwQueryKey(key, wdm.KeyNameInformation, buffer, 1024)
    assert status == wdm.STATUS_SUCCESS
    return wdm.KEY_NAME_INFORMATION(buffer).name


def last_write_time(key: int) -> int:
    buffer = allocate(1024)
    wdm.ZwQueryKey(key, wdm.KeyBasicInformation, buffer, 1024)
    return wdm.KEY_BASIC_INFORMATION(buffer).last_write_time


def test_REG_01_names_compare_without_case_and_keep_it(machine: Machine) -> None:
    first = create_key(SOFTWARE + r"\VenDor")
    second = open_key(r"\REGISTRY\machine\software\vEndOR")
    assert path_of(second) == r"\REGISTRY\MACHINE\SOFTWARE\VenDor"
    set_value(first, "Größe", wdm.REG_DWORD, b"\1\0\0\0")
    assert value_of(second, "GRÖßE") == (wdm.REG_DWORD, b"\1\0\0\0")
    set_value(second, "GRÖßE", wdm.REG_BINARY, b"two")
    assert value_names(first) == ["Größe"]
    assert value_of(first, "größe") == (wdm.REG_BINARY, b"two")


def test_REG_01_subkeys_are_in_the_order_of_names_and_values_in_that_of_age(machine: Machine) -> None:
    key = create_key(SOFTWARE + r"\Order")
    for name in ("b", "C", "a"):
        create_key(name, key)
        set_value(key, name, wdm.REG_NONE, b"")
    set_value(key, "C", wdm.REG_NONE, b"again")
    assert subkeys(key) == ["a", "b", "C"]
    assert value_names(key) == ["b", "C", "a"]
    assert wdm.ZwDeleteValueKey(key, "c") == wdm.STATUS_SUCCESS
    assert wdm.ZwDeleteValueKey(key, "c") == wdm.STATUS_OBJECT_NAME_NOT_FOUND
    assert value_names(key) == ["b", "a"]


def change_value(key: int) -> None:
    set_value(key, "x", wdm.REG_NONE, b"")


def delete_value(key: int) -> None:
    wdm.ZwDeleteValueKey(key, "there")


def add_subkey(key: int) -> None:
    create_key("new", key)


def delete_subkey(key: int) -> None:
    wdm.ZwDeleteKey(open_key("old", root=key))


@pytest.mark.parametrize("change", [change_value, delete_value, add_subkey, delete_subkey])
def test_REG_01_a_change_sets_the_time(machine: Machine, change: Callable[[int], None]) -> None:
    key = create_key(SOFTWARE + r"\Time")
    set_value(key, "there", wdm.REG_NONE, b"")
    create_key("old", key)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -50_000)
    before = last_write_time(key)
    value_names(key)
    assert last_write_time(key) == before
    change(key)
    assert before + 50_000 <= last_write_time(key) <= wdm.KeQuerySystemTime()


def test_REG_02_a_key_is_made_or_opened(machine: Machine) -> None:
    name = attributes(SOFTWARE + r"\New")
    assert wdm.ZwOpenKey(ALL, name) == (wdm.STATUS_OBJECT_NAME_NOT_FOUND, None)
    status, first, disposition = wdm.ZwCreateKey(ALL, name, 0, "Kind", wdm.REG_OPTION_NON_VOLATILE)
    assert (status, disposition) == (wdm.STATUS_SUCCESS, wdm.REG_CREATED_NEW_KEY)
    status, second, disposition = wdm.ZwCreateKey(ALL, name, 0, "Other", wdm.REG_OPTION_NON_VOLATILE)
    assert (status, disposition) == (wdm.STATUS_SUCCESS, wdm.REG_OPENED_EXISTING_KEY)
    assert first != second
    below = attributes(SOFTWARE + r"\Missing\Below")
    assert wdm.ZwCreateKey(ALL, below, 0, None, 0) == (wdm.STATUS_OBJECT_NAME_NOT_FOUND, None, 0)
    assert wdm.ZwOpenKey(ALL, below) == (wdm.STATUS_OBJECT_NAME_NOT_FOUND, None)


@pytest.mark.parametrize(
    ("name", "options", "status"),
    [
        (SOFTWARE + "\\" + "n" * 255, 0, wdm.STATUS_SUCCESS),
        (SOFTWARE + "\\" + "n" * 256, 0, wdm.STATUS_INVALID_PARAMETER),
        (SOFTWARE + r"\Option", 0x10, wdm.STATUS_INVALID_PARAMETER),
        (SOFTWARE + r"\Slash" + "\\", 0, wdm.STATUS_SUCCESS),
        (r"\Registry\Elsewhere", 1, wdm.STATUS_ACCESS_DENIED),
        (r"\Registry\Machine\Elsewhere", 0, wdm.STATUS_CHILD_MUST_BE_VOLATILE),
        (r"\Device\Null", 0, wdm.STATUS_OBJECT_NAME_NOT_FOUND),
        (r"\Driver", 0, wdm.STATUS_OBJECT_TYPE_MISMATCH),
        ("Relative", 0, wdm.STATUS_OBJECT_PATH_SYNTAX_BAD),
        (None, 0, wdm.STATUS_OBJECT_PATH_SYNTAX_BAD),
    ],
)
def test_REG_02_a_name_or_an_option_is_refused(
    machine: Machine, name: str | None, options: int, status: int
) -> None:
    result, handle, disposition = wdm.ZwCreateKey(ALL, attributes(name), 0, None, options)
    assert (result, handle is None) == (status, status != wdm.STATUS_SUCCESS)
    assert disposition == (0 if handle is None else wdm.REG_CREATED_NEW_KEY)


def test_REG_02_below_a_volatile_key_all_are_volatile(machine: Machine) -> None:
    key = create_key(SOFTWARE + r"\Volatile", options=wdm.REG_OPTION_VOLATILE)
    assert wdm.ZwCreateKey(ALL, attributes("x", key), 0, None, 0) == (
        wdm.STATUS_CHILD_MUST_BE_VOLATILE,
        None,
        0,
    )
    create_key("x", key, wdm.REG_OPTION_VOLATILE)


def test_a_path_is_relative_to_an_open_key(machine: Machine) -> None:
    root = create_key(SOFTWARE + r"\Root")
    create_key("Below", root)
    assert path_of(open_key("below", root=root)) == r"\REGISTRY\MACHINE\SOFTWARE\Root\Below"
    status, same = wdm.ZwOpenKey(ALL, attributes(None, root))
    assert same is not None, hex(status)
    assert path_of(same) == r"\REGISTRY\MACHINE\SOFTWARE\Root"
    refused = wdm.STATUS_OBJECT_PATH_SYNTAX_BAD
    assert wdm.ZwOpenKey(ALL, attributes(r"\Below", root)) == (refused, None)


def test_REG_03_a_key_with_subkeys_stays(machine: Machine) -> None:
    key = create_key(SOFTWARE + r"\Parent")
    below = create_key("Child", key)
    assert wdm.ZwDeleteKey(key) == wdm.STATUS_CANNOT_DELETE
    assert wdm.ZwDeleteKey(below) == wdm.STATUS_SUCCESS
    assert wdm.ZwDeleteKey(key) == wdm.STATUS_SUCCESS
    assert wdm.ZwOpenKey(ALL, attributes(SOFTWARE + r"\Parent"))[0] == wdm.STATUS_OBJECT_NAME_NOT_FOUND


def test_REG_03_a_deleted_key_can_only_be_closed(machine: Machine) -> None:
    key = create_key(SOFTWARE + r"\Gone")
    other = open_key(SOFTWARE + r"\Gone")
    set_value(key, "x", wdm.REG_NONE, b"")
    assert wdm.ZwDeleteKey(key) == wdm.STATUS_SUCCESS
    buffer, deleted = allocate(64), wdm.STATUS_KEY_DELETED
    assert [
        wdm.ZwQueryKey(other, wdm.KeyBasicInformation, buffer, 64)[0],
        wdm.ZwQueryValueKey(other, "x", wdm.KeyValueBasicInformation, buffer, 64)[0],
        wdm.ZwEnumerateKey(other, 0, wdm.KeyBasicInformation, buffer, 64)[0],
        wdm.ZwEnumerateValueKey(other, 0, wdm.KeyValueBasicInformation, buffer, 64)[0],
        wdm.ZwSetValueKey(other, "x", 0, wdm.REG_NONE, None, 0),
        wdm.ZwDeleteValueKey(other, "x"),
        wdm.ZwDeleteKey(other),
        wdm.ZwRenameKey(other, "New"),
        wdm.ZwFlushKey(other),
        wdm.ZwOpenKey(ALL, attributes("Below", other))[0],
        wdm.ZwCreateKey(ALL, attributes("Below", other), 0, None, 0)[0],
    ] == [deleted] * 11
    again = create_key(SOFTWARE + r"\Gone")
    assert value_names(again) == []
    assert wdm.ZwDeleteKey(other) == deleted
    assert [wdm.ZwClose(handle) for handle in (key, other, again)] == [wdm.STATUS_SUCCESS] * 3
    assert machine.objects.handles.open_handles() == []


def test_a_key_gets_another_name(machine: Machine) -> None:
    key = create_key(SOFTWARE + r"\Old")
    create_key(SOFTWARE + r"\Taken")
    assert wdm.ZwRenameKey(key, "taken") == wdm.STATUS_CANNOT_DELETE
    assert wdm.ZwRenameKey(key, r"a\b") == wdm.STATUS_INVALID_PARAMETER
    assert wdm.ZwRenameKey(key, "") == wdm.STATUS_INVALID_PARAMETER
    assert wdm.ZwRenameKey(key, "OLD") == wdm.STATUS_SUCCESS
    assert wdm.ZwRenameKey(key, "Newer") == wdm.STATUS_SUCCESS
    assert path_of(open_key(SOFTWARE + r"\newer")) == r"\REGISTRY\MACHINE\SOFTWARE\Newer"
    assert wdm.ZwOpenKey(ALL, attributes(SOFTWARE + r"\Old"))[0] == wdm.STATUS_OBJECT_NAME_NOT_FOUND


RIGHTS: list[tuple[int, Callable[[int], object]]] = [
    (
        wdm.KEY_QUERY_VALUE,
        lambda key: wdm.ZwQueryKey(key, wdm.KeyBasicInformation, allocate(64), 64)[0],
    ),
    (
        wdm.KEY_QUERY_VALUE,
        lambda key: wdm.ZwQueryValueKey(key, "v", wdm.KeyValueBasicInformation, allocate(64), 64)[0],
    ),
    (
        wdm.KEY_QUERY_VALUE,
        lambda key: wdm.ZwEnumerateValueKey(key, 0, wdm.KeyValueBasicInformation, allocate(64), 64)[0],
    ),
    (
        wdm.KEY_ENUMERATE_SUB_KEYS,
        lambda key: wdm.ZwEnumerateKey(key, 0, wdm.KeyBasicInformation, allocate(64), 64)[0],
    ),
    (wdm.KEY_SET_VALUE, lambda key: set_value(key, "v", wdm.REG_NONE, b"")),
    (wdm.KEY_SET_VALUE, lambda key: wdm.ZwDeleteValueKey(key, "v")),
    (wdm.KEY_CREATE_SUB_KEY, lambda key: wdm.ZwCreateKey(ALL, attributes("new", key), 0, None, 0)[0]),
    (wdm.DELETE, wdm.ZwDeleteKey),
    (wdm.KEY_WRITE, lambda key: wdm.ZwRenameKey(key, "Renamed")),
]


@pytest.mark.parametrize("number", range(len(RIGHTS)))
@pytest.mark.parametrize("is_driver", [False, True])
def test_REG_04_a_call_needs_its_right(machine: Machine, number: int, is_driver: bool) -> None:
    right, call = RIGHTS[number]
    key = create_key(SOFTWARE + r"\Rights")
    set_value(key, "v", wdm.REG_NONE, b"")
    if number == 3:
        create_key("below", key)
    wrong: list[object] = []

    def try_both() -> None:
        poor = open_key(SOFTWARE + r"\Rights", ALL & ~right | wdm.READ_CONTROL)
        wrong.append(call(poor))
        wdm.ZwClose(poor)

    if is_driver:
        as_driver(try_both)
        assert wrong == [wdm.STATUS_SUCCESS]
        [(row, sentence)] = machine.defects
        assert row == "REG-04"
        assert "must be called with a handle that grants" in sentence
    else:
        try_both()
        assert wrong == [wdm.STATUS_ACCESS_DENIED]
        exact = open_key(SOFTWARE + r"\Rights", right)
        assert call(exact) == wdm.STATUS_SUCCESS


@pytest.mark.parametrize(
    ("access", "granted"),
    [
        (wdm.GENERIC_READ, wdm.KEY_READ),
        (wdm.GENERIC_WRITE | wdm.GENERIC_READ, wdm.KEY_READ | wdm.KEY_WRITE),
        (wdm.GENERIC_EXECUTE, wdm.KEY_EXECUTE),
        (wdm.GENERIC_ALL, wdm.KEY_ALL_ACCESS),
        (wdm.MAXIMUM_ALLOWED, wdm.KEY_ALL_ACCESS),
        (wdm.KEY_NOTIFY, wdm.KEY_NOTIFY),
        (wdm.KEY_READ | wdm.KEY_WOW64_64KEY, wdm.KEY_READ),
    ],
)
def test_REG_04_generic_rights_stand_for_those_of_keys(machine: Machine, access: int, granted: int) -> None:
    handle = open_key(SOFTWARE, access)
    status, _, information = wdm.ObReferenceObjectByHandle(handle, 0, None, wdm.KernelMode)
    assert information is not None, hex(status)
    assert information.granted_access == granted
    assert wdm.ZwOpenKey(0, attributes(SOFTWARE)) == (wdm.STATUS_ACCESS_DENIED, None)


def test_REG_04_a_program_cannot_use_a_kernel_handle(machine: Machine) -> None:
    handles: list[int] = []

    def open_both() -> None:
        for flags in (wdm.OBJ_KERNEL_HANDLE, 0):
            status, handle = wdm.ZwOpenKey(wdm.KEY_READ, attributes(SOFTWARE, flags=flags))
            assert handle is not None, hex(status)
            assert subkeys(handle) == ["Microsoft"]
            handles.append(handle)

    as_driver(open_both)
    buffer = allocate(64)
    assert [wdm.ZwQueryKey(each, wdm.KeyBasicInformation, buffer, 64)[0] for each in handles] == [
        wdm.STATUS_INVALID_HANDLE,
        wdm.STATUS_SUCCESS,
    ]
    status, handle = wdm.ZwOpenKey(wdm.KEY_READ, attributes(SOFTWARE, flags=wdm.OBJ_KERNEL_HANDLE))
    assert handle is not None, hex(status)
    assert subkeys(handle) == ["Microsoft"]


def test_a_wrong_handle_is_refused(machine: Machine) -> None:
    key = open_key(SOFTWARE)
    wdm.ZwClose(key)
    _, event = wdm.ZwCreateEvent(wdm.EVENT_ALL_ACCESS, None, wdm.NotificationEvent, False)
    assert event is not None
    buffer = allocate(64)
    for handle, status in (
        (key, wdm.STATUS_INVALID_HANDLE),
        (0, wdm.STATUS_INVALID_HANDLE),
        (event, wdm.STATUS_OBJECT_TYPE_MISMATCH),
    ):
        assert wdm.ZwQueryKey(handle, wdm.KeyBasicInformation, buffer, 64) == (status, 0)
        assert wdm.ZwSetValueKey(handle, "x", 0, wdm.REG_NONE, None, 0) == status
        assert wdm.ZwOpenKey(ALL, attributes("x", handle)) == (status, None)


def test_a_driver_that_leaves_a_key_open_is_told(machine: Machine) -> None:
    def entry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
        driver.driver_unload = lambda _: None
        open_key(SOFTWARE)
        return wdm.STATUS_SUCCESS

    class Forgetful:
        DriverEntry = staticmethod(entry)

    loaded = machine.load_driver(Forgetful())
    machine.unload_driver(loaded)
    [(row, sentence)] = machine.defects
    assert row == "DRV-11"
    assert r"of <key \REGISTRY\MACHINE\SOFTWARE>, opened in open_key (" in sentence


def test_a_key_must_be_used_at_passive_level(machine: Machine) -> None:
    def entry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
        wdm.KeRaiseIrql(wdm.APC_LEVEL)
        open_key(SOFTWARE)
        return wdm.STATUS_SUCCESS

    class Raised:
        DriverEntry = staticmethod(entry)

    with pytest.raises(BugCheck, match=r"ZwOpenKey must be called at PASSIVE_LEVEL") as stopped:
        machine.load_driver(Raised())
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC4, 0x2001F)


def test_REG_05_the_current_control_set_is_a_link(machine: Machine) -> None:
    system = MACHINE + r"\SYSTEM"
    key = open_key(system + r"\CurrentControlSet\Services")
    assert path_of(key) == r"\REGISTRY\MACHINE\SYSTEM\ControlSet001\Services"
    link = attributes(system + r"\CurrentControlSet", flags=wdm.OBJ_OPENLINK)
    status, handle = wdm.ZwOpenKey(ALL, link)
    assert handle is not None, hex(status)
    target = r"\REGISTRY\MACHINE\SYSTEM\ControlSet001".encode("utf-16-le")
    assert value_of(handle, "SymbolicLinkValue") == (wdm.REG_LINK, target)
    assert set_value(handle, "Other", wdm.REG_SZ, b"") == wdm.STATUS_ACCESS_DENIED
    plain = attributes(system + r"\CurrentControlSet")
    status, handle = wdm.ZwOpenKeyEx(ALL, plain, wdm.REG_OPTION_OPEN_LINK)
    assert handle is not None, hex(status)
    assert path_of(handle) == r"\REGISTRY\MACHINE\SYSTEM\CurrentControlSet"
    assert wdm.ZwOpenKeyEx(ALL, plain, wdm.REG_OPTION_VOLATILE) == (wdm.STATUS_INVALID_PARAMETER, None)


def test_REG_05_a_link_leads_to_its_target_or_nowhere(machine: Machine) -> None:
    target = create_key(SOFTWARE + r"\Target")
    create_key("Below", target)
    link = create_key(SOFTWARE + r"\Link", options=wdm.REG_OPTION_CREATE_LINK)
    name = attributes(SOFTWARE + r"\Link\Below")
    assert wdm.ZwOpenKey(ALL, name)[0] == wdm.STATUS_OBJECT_NAME_NOT_FOUND
    where = (SOFTWARE + r"\Target").encode("utf-16-le")
    assert set_value(link, "SymbolicLinkValue", wdm.REG_LINK, where) == wdm.STATUS_SUCCESS
    assert path_of(open_key(SOFTWARE + r"\Link\Below")) == r"\REGISTRY\MACHINE\SOFTWARE\Target\Below"
    assert path_of(create_key(SOFTWARE + r"\Link\Made")) == r"\REGISTRY\MACHINE\SOFTWARE\Target\Made"
    again = wdm.ZwCreateKey(ALL, attributes(SOFTWARE + r"\Link"), 0, None, wdm.REG_OPTION_CREATE_LINK)
    assert again[0] == wdm.STATUS_OBJECT_NAME_COLLISION
    set_value(link, "SymbolicLinkValue", wdm.REG_LINK, (SOFTWARE + r"\Link").encode("utf-16-le"))
    assert wdm.ZwOpenKey(ALL, name)[0] == wdm.STATUS_NAME_TOO_LONG


@pytest.mark.parametrize(
    ("access", "status"),
    [
        (wdm.GENERIC_ALL, wdm.STATUS_SUCCESS),
        (wdm.KEY_CREATE_LINK, wdm.STATUS_SUCCESS),
        (wdm.KEY_READ | wdm.KEY_WRITE, wdm.STATUS_ACCESS_DENIED),
    ],
)
def test_REG_04_a_link_is_made_with_its_right(machine: Machine, access: int, status: int) -> None:
    name = attributes(SOFTWARE + r"\Link")
    assert wdm.ZwCreateKey(access, name, 0, None, wdm.REG_OPTION_CREATE_LINK)[0] == status


def test_a_fault_in_the_callers_buffer_is_a_status(machine: Machine) -> None:
    key = create_key(SOFTWARE + r"\Fault")
    assert wdm.ZwSetValueKey(key, "x", 0, wdm.REG_NONE, None, 4) == wdm.STATUS_ACCESS_VIOLATION
    set_value(key, "x", wdm.REG_NONE, b"data")
    nowhere = 0x1000_0000_0000
    assert wdm.ZwQueryValueKey(key, "x", wdm.KeyValueFullInformation, nowhere, 64) == (
        wdm.STATUS_ACCESS_VIOLATION,
        0,
    )
    assert wdm.ZwQueryKey(key, wdm.KeyBasicInformation, None, 0)[0] == wdm.STATUS_BUFFER_TOO_SMALL


def test_a_value_keeps_its_bytes_as_they_are(machine: Machine) -> None:
    key = create_key(SOFTWARE + r"\Bytes")
    assert wdm.ZwSetValueKey(key, "name\0\0", 0, 0x1234, put(b"\0odd"), 4) == wdm.STATUS_SUCCESS
    assert value_of(key, "name") == (0x1234, b"\0odd")
    assert set_value(key, "", wdm.REG_SZ, b"unnamed") == wdm.STATUS_SUCCESS
    assert value_of(key, "") == (wdm.REG_SZ, b"unnamed")
    assert set_value(key, "n" * 16_384, wdm.REG_SZ, b"") == wdm.STATUS_INVALID_PARAMETER


def test_10_000_keys_are_found_as_fast_as_a_few(machine: Machine) -> None:
    """A key is found by its name: the names that are compared do not grow with the number of keys."""
    parent = machine.registry.ensure(SOFTWARE + r"\Many")
    for number in range(10_000):
        machine.registry.create(parent, f"Key{number:05}", is_volatile=False)
    assert path_of(open_key(SOFTWARE + r"\Many\KEY07777")).endswith("Key07777")
    key = open_key(SOFTWARE + r"\Many")
    buffer = allocate(64)
    assert wdm.ZwEnumerateKey(key, 9_999, wdm.KeyBasicInformation, buffer, 64)[0] == wdm.STATUS_SUCCESS
    assert wdm.KEY_BASIC_INFORMATION(buffer).name == "Key09999"
    assert (
        wdm.ZwEnumerateKey(key, 10_000, wdm.KeyBasicInformation, buffer, 64)[0] == wdm.STATUS_NO_MORE_ENTRIES
    )


def test_REG_01_the_time_of_the_last_change_can_be_set(machine: Machine) -> None:
    key = create_key(SOFTWARE + r"\Time")
    time = put((0x0123_4567_89AB_CDEF).to_bytes(8, "little"))
    set_it = wdm.KeyWriteTimeInformation
    assert wdm.ZwSetInformationKey(key, set_it, time, 8) == wdm.STATUS_SUCCESS
    assert last_write_time(key) == 0x0123_4567_89AB_CDEF
    assert wdm.ZwSetInformationKey(key, set_it, time, 4) == wdm.STATUS_INFO_LENGTH_MISMATCH
    wrong = wdm.KeySetHandleTagsInformation
    assert wdm.ZwSetInformationKey(key, wrong, time, 8) == wdm.STATUS_INVALID_PARAMETER
    assert wdm.ZwSetInformationKey(key, set_it, 0x1000_0000_0000, 8) == wdm.STATUS_ACCESS_VIOLATION
    poor = open_key(SOFTWARE + r"\Time", wdm.KEY_READ)
    assert wdm.ZwSetInformationKey(poor, set_it, time, 8) == wdm.STATUS_ACCESS_DENIED


def find_key(driver: wdm.DRIVER_OBJECT, path: str) -> int:
    return wdm.ZwOpenKey(wdm.KEY_READ, attributes(path + r"\Parameters"))[0]


def find_value(driver: wdm.DRIVER_OBJECT, path: str) -> int:
    key = open_key(path)
    status, _ = wdm.ZwQueryValueKey(key, "Depth", wdm.KeyValueBasicInformation, None, 0)
    wdm.ZwClose(key)
    return status


def make_key(driver: wdm.DRIVER_OBJECT, path: str) -> int:
    name = attributes(path + r"\Parameters\Deep")
    return wdm.ZwCreateKey(wdm.KEY_READ, name, 0, None, 0)[0]


SERVICE = r"\REGISTRY\MACHINE\SYSTEM\ControlSet001\Services\Own"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (
            find_key,
            rf"ZwOpenKey must be called with the name of a key that exists; {SERVICE + '/Parameters'!r}",
        ),
        (find_value, rf"the name of a value that <registry key {SERVICE}> has; it was 'Depth'"),
        (make_key, "ZwCreateKey must be called with the name of a key below one that exists"),
    ],
)
def test_a_driver_that_fails_for_a_missing_key_is_told_which(
    machine: Machine, entry: Callable[[wdm.DRIVER_OBJECT, str], int], reason: str
) -> None:
    class Failing:
        DriverEntry = staticmethod(entry)

    with pytest.raises(LoadError) as failed:
        machine.load_driver(Failing(), "Own")
    assert reason.replace("/", "\\\\") in str(failed.value)
    assert "test_keys.py" in str(failed.value)
