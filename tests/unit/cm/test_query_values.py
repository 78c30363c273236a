# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""RtlQueryRegistryValues: tables with each flag; and the short routines for one key or value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from compiled import no_integer
from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from unit.cm.registry import (
    SOFTWARE,
    allocate,
    as_driver,
    create_key,
    open_key,
    put,
    set_value,
    value_names,
    value_of,
    wide,
)

Entry = wdm.RTL_QUERY_REGISTRY_TABLE
Call = tuple[str | None, int, bytes | None]
DIRECT, NOEXPAND = wdm.RTL_QUERY_REGISTRY_DIRECT, wdm.RTL_QUERY_REGISTRY_NOEXPAND
SHIFT = wdm.RTL_QUERY_REGISTRY_TYPECHECK_SHIFT
MISSING = wdm.STATUS_OBJECT_NAME_NOT_FOUND


def terminated(*texts: str) -> bytes:
    return b"".join(wide(text) for text in texts)


class Calls:
    """Keeps the calls of its `routine`, which returns `status`."""

    def __init__(self, status: int = wdm.STATUS_SUCCESS) -> None:
        self.calls: list[Call] = []
        self.contexts: list[tuple[object, object]] = []
        self.status = status

    def routine(
        self,
        name: str | None,
        type: int,
        data: int | None,
        length: int,
        context: object,
        entry_context: object,
    ) -> int:
        contents = None if data is None else wdm.RtlReadMemory(data, length)
        self.calls.append((name, type, contents))
        self.contexts.append((context, entry_context))
        return self.status


@pytest.fixture
def key(machine: Machine) -> int:
    return create_key(SOFTWARE + r"\Query")


@pytest.fixture
def seen() -> Calls:
    return Calls()


def query(key: int, *entries: Entry, context: object = None, environment: int | None = None) -> int:
    """Read with a handle; the path of that form is the handle."""
    table = [*entries, Entry()]
    return wdm.RtlQueryRegistryValues(wdm.RTL_REGISTRY_HANDLE, key, table, context, environment)


def test_REG_08_the_routine_gets_the_value_and_both_contexts(key: int, seen: Calls) -> None:
    set_value(key, "Number", wdm.REG_DWORD, b"\1\2\3\4")
    assert query(key, Entry(seen.routine, 0, "NUMBER", "entry"), context="call") == wdm.STATUS_SUCCESS
    assert seen.calls == [("Number", wdm.REG_DWORD, b"\1\2\3\4")]
    assert seen.contexts == [("call", "entry")]


SPLIT: list[tuple[bytes, list[str], list[str]]] = [
    (b"", [], []),
    (terminated(""), [], []),
    (terminated("", ""), [""], []),
    (terminated("String"), ["String"], ["String"]),
    (terminated("String", ""), ["String"], ["String"]),
    (terminated("One", "Two"), ["One", "Two"], ["One", "Two"]),
    (terminated("One", "Two", ""), ["One", "Two"], ["One", "Two"]),
    (terminated("One", "", "Two"), ["One", "", "Two"], ["One", "", "Two"]),
    (terminated("One", "", "Two", ""), ["One", "", "Two"], ["One", "", "Two"]),
    ("cut".encode("utf-16-le"), ["cut"], ["cut"]),
]


@pytest.mark.parametrize(("data", "texts", "defaults"), SPLIT)
def test_REG_08_each_text_of_several_is_a_call(
    key: int, seen: Calls, data: bytes, texts: list[str], defaults: list[str]
) -> None:
    set_value(key, "Texts", wdm.REG_MULTI_SZ, data)
    assert query(key, Entry(seen.routine, 0, "Texts")) == wdm.STATUS_SUCCESS
    assert seen.calls == [("Texts", wdm.REG_SZ, wide(text)) for text in texts]
    seen.calls.clear()
    assert query(key, Entry(seen.routine, NOEXPAND, "Texts")) == wdm.STATUS_SUCCESS
    assert seen.calls == [("Texts", wdm.REG_MULTI_SZ, data)]
    seen.calls.clear()
    default = Entry(seen.routine, 0, "Other", None, wdm.REG_MULTI_SZ, put(data), len(data))
    if data:
        assert query(key, default) == wdm.STATUS_SUCCESS
        assert seen.calls == [("Other", wdm.REG_SZ, wide(text)) for text in defaults]


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (terminated("String", ""), ["String"]),
        (terminated("One", "Two", ""), ["One", "Two"]),
        (terminated("One", "", "Two", ""), ["One"]),
        (terminated("", ""), []),
    ],
)
@pytest.mark.parametrize("is_literal", [False, True])
def test_REG_08_the_length_of_default_texts_is_found(
    key: int, seen: Calls, data: bytes, texts: list[str], is_literal: bool
) -> None:
    entry = Entry(seen.routine, 0, "Texts", None, wdm.REG_MULTI_SZ, data if is_literal else put(data))
    assert query(key, entry) == wdm.STATUS_SUCCESS
    assert seen.calls == [("Texts", wdm.REG_SZ, wide(text)) for text in texts]


@pytest.mark.parametrize(
    ("type", "default", "length", "expected"),
    [
        (wdm.REG_SZ, "text", 0, wide("text")),
        (wdm.REG_SZ, "text", 4, "te".encode("utf-16-le")),
        (wdm.REG_MULTI_SZ, "text", 0, terminated("text", "")),
        (wdm.REG_SZ, wide("text") + b"rest", 0, wide("text")),
        (wdm.REG_DWORD, b"\1\0\0\0", 4, b"\1\0\0\0"),
        (wdm.REG_BINARY, b"all", 0, b"all"),
        (wdm.REG_BINARY, None, 4, b""),
    ],
)
def test_REG_08_a_default_stands_in_for_a_missing_value(
    key: int, seen: Calls, type: int, default: str | bytes | None, length: int, expected: bytes
) -> None:
    entry = Entry(seen.routine, NOEXPAND, "Gone", None, type, default, length)
    assert query(key, entry) == wdm.STATUS_SUCCESS
    assert seen.calls == [("Gone", type, expected)]
    at_address = put(wide("text"))
    seen.calls.clear()
    query(key, Entry(seen.routine, 0, "Gone", None, wdm.REG_SZ, at_address))
    query(key, Entry(seen.routine, 0, "Gone", None, wdm.REG_DWORD, at_address, 4))
    assert seen.calls == [("Gone", wdm.REG_SZ, wide("text")), ("Gone", wdm.REG_DWORD, wide("text")[:4])]


@pytest.mark.parametrize(
    ("type", "default", "expected"),
    [
        (wdm.REG_NONE, wdm.REG_SZ, (wdm.REG_SZ, wide("text"))),
        (wdm.REG_SZ, wdm.REG_SZ, (wdm.REG_SZ, wide("text"))),
        (wdm.REG_NONE, wdm.REG_NONE, None),
        (wdm.REG_SZ, wdm.REG_NONE, (wdm.REG_SZ, b"")),
        (wdm.REG_BINARY, wdm.REG_SZ, (wdm.REG_BINARY, b"")),
    ],
)
def test_REG_08_a_default_stands_in_for_a_value_without_data(
    key: int, seen: Calls, type: int, default: int, expected: tuple[int, bytes] | None
) -> None:
    set_value(key, "Empty", type, b"")
    for name in ("Empty", None):
        seen.calls.clear()
        assert query(key, Entry(seen.routine, 0, name, None, default, "text")) == wdm.STATUS_SUCCESS
        assert seen.calls == ([] if expected is None else [("Empty", *expected)])
    required = wdm.RTL_QUERY_REGISTRY_REQUIRED
    missing = query(key, Entry(seen.routine, required, "Empty", None, default, "text")) == MISSING
    assert missing == (expected is None)


def test_REG_08_a_required_value_must_be_there(key: int, seen: Calls) -> None:
    required = wdm.RTL_QUERY_REGISTRY_REQUIRED
    assert query(key, Entry(seen.routine, required, "Gone")) == MISSING
    assert query(key, Entry(seen.routine, required)) == MISSING
    assert query(key, Entry(seen.routine, 0, "Gone"), Entry(seen.routine)) == wdm.STATUS_SUCCESS
    assert query(key, Entry(None, DIRECT, "Gone", put(bytes(4)))) == wdm.STATUS_SUCCESS
    assert seen.calls == []
    assert query(key, Entry(seen.routine, required, "Gone", None, wdm.REG_SZ, "x")) == wdm.STATUS_SUCCESS
    assert len(seen.calls) == 1


def test_REG_08_all_values_of_keys_below(key: int, seen: Calls) -> None:
    set_value(key, "top", wdm.REG_DWORD, b"1234")
    below = create_key("Below", key)
    create_key("Deep", below)
    for name in ("a", "b"):
        set_value(below, name, wdm.REG_BINARY, name.encode())
    set_value(open_key("Deep", root=below), "deep", wdm.REG_BINARY, b"deep")
    routine = seen.routine
    subkey, topkey = wdm.RTL_QUERY_REGISTRY_SUBKEY, wdm.RTL_QUERY_REGISTRY_TOPKEY
    assert (
        query(
            key,
            Entry(None, subkey, "below"),
            Entry(routine, 0, "a"),
            Entry(routine),
            Entry(routine, subkey, r"Below\Deep"),
            Entry(routine, topkey, "top"),
        )
        == wdm.STATUS_SUCCESS
    )
    assert [name for name, _, _ in seen.calls] == ["a", "a", "b", "deep", "top"]
    assert query(key, Entry(None, subkey, "Gone"), Entry(routine)) == MISSING
    assert query(key, Entry(routine, subkey)) == wdm.STATUS_INVALID_PARAMETER


def test_REG_08_a_call_without_a_value(key: int, seen: Calls) -> None:
    set_value(key, "there", wdm.REG_DWORD, b"1234")
    assert query(key, Entry(seen.routine, wdm.RTL_QUERY_REGISTRY_NOVALUE)) == wdm.STATUS_SUCCESS
    assert seen.calls == [(None, wdm.REG_NONE, None)]


def test_REG_08_what_was_read_is_deleted(key: int, seen: Calls) -> None:
    for name in ("a", "b", "c"):
        set_value(key, name, wdm.REG_DWORD, b"1234")
    delete = wdm.RTL_QUERY_REGISTRY_DELETE
    assert query(key, Entry(seen.routine, delete, "B")) == wdm.STATUS_SUCCESS
    assert value_names(key) == ["a", "c"]
    buffer = put(bytes(4))
    assert query(key, Entry(None, delete | DIRECT, "a", buffer)) == wdm.STATUS_SUCCESS
    assert (wdm.RtlReadMemory(buffer, 4), value_names(key)) == (b"1234", ["c"])
    set_value(key, "d", wdm.REG_DWORD, b"1234")
    assert query(key, Entry(seen.routine, delete)) == wdm.STATUS_SUCCESS
    assert (len(seen.calls), value_names(key)) == (3, [])
    set_value(key, "e", wdm.REG_DWORD, b"1234")
    refuse = Calls(wdm.STATUS_UNSUCCESSFUL)
    assert query(key, Entry(refuse.routine, delete)) == wdm.STATUS_UNSUCCESSFUL
    assert value_names(key) == ["e"]


@pytest.mark.parametrize(
    ("status", "calls"),
    [(wdm.STATUS_UNSUCCESSFUL, 1), (wdm.STATUS_BUFFER_TOO_SMALL, 4), (wdm.STATUS_PENDING, 4)],
)
def test_REG_08_a_status_of_failure_ends_the_call(key: int, status: int, calls: int) -> None:
    set_value(key, "a", wdm.REG_MULTI_SZ, terminated("1", "2", ""))
    set_value(key, "b", wdm.REG_DWORD, b"1234")
    stop = Calls(status)
    result = query(key, Entry(stop.routine), Entry(stop.routine, 0, "b"))
    assert (result, len(stop.calls)) == (status if calls == 1 else wdm.STATUS_SUCCESS, calls)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        (r"%SystemRoot%\x", r"C:\Windows\x"),
        ("%systemdrive%%Gone%", "C:%Gone%"),
        ("50 %", "50 %"),
        ("plain", "plain"),
    ],
)
def test_REG_08_variables_in_a_text_are_replaced(key: int, seen: Calls, text: str, expanded: str) -> None:
    set_value(key, "Text", wdm.REG_EXPAND_SZ, wide(text))
    assert query(key, Entry(seen.routine, 0, "Text"), Entry(seen.routine, NOEXPAND, "Text")) == 0
    assert seen.calls == [("Text", wdm.REG_SZ, wide(expanded)), ("Text", wdm.REG_EXPAND_SZ, wide(text))]
    seen.calls.clear()
    block = put(terminated("Gone=here", "SystemRoot=", ""))
    assert query(key, Entry(seen.routine, 0, "Text"), environment=block) == wdm.STATUS_SUCCESS
    own = text.replace("%Gone%", "here").replace("%SystemRoot%", "")
    assert seen.calls == [("Text", wdm.REG_SZ, wide(own))]


def string(size: int) -> wdm.UNICODE_STRING:
    made = wdm.UNICODE_STRING()
    if size:
        wdm.RtlInitEmptyUnicodeString(made, allocate(size), size)
    return made


@pytest.mark.parametrize("type", [wdm.REG_SZ, wdm.REG_EXPAND_SZ, wdm.REG_MULTI_SZ])
@pytest.mark.parametrize(("size", "fits"), [(0, True), (8, True), (10, True), (6, False), (7, False)])
def test_REG_09_a_text_goes_to_a_unicode_string(key: int, type: int, size: int, fits: bool) -> None:
    set_value(key, "Text", type, wide("abc"))
    made = string(size)
    buffer = made.buffer
    status = query(key, Entry(None, DIRECT | NOEXPAND, "Text", made))
    assert status == (wdm.STATUS_SUCCESS if fits else wdm.STATUS_BUFFER_TOO_SMALL)
    if not fits:
        assert (made.length, made.maximum_length) == (0, size)
        return
    assert made.buffer is not None
    assert (str(made), made.length, made.maximum_length) == ("abc", 6, size or 8)
    assert wdm.RtlReadMemory(made.buffer, 8) == wide("abc")
    if size:
        assert made.buffer == buffer
    else:
        wdm.RtlFreeUnicodeString(made)


def test_REG_09_a_unicode_string_can_stand_in_memory(key: int) -> None:
    set_value(key, "Text", wdm.REG_SZ, wide("abc"))
    set_value(key, "Cut", wdm.REG_SZ, "ab".encode("utf-16-le"))
    buffer = allocate(32)
    place = put((0).to_bytes(2, "little") + (32).to_bytes(6, "little") + buffer.to_bytes(8, "little"))
    assert query(key, Entry(None, DIRECT, "Text", place)) == wdm.STATUS_SUCCESS
    assert wdm.RtlReadMemory(place, 4) == b"\6\0\40\0"
    assert wdm.RtlReadMemory(buffer, 8) == wide("abc")
    assert query(key, Entry(None, DIRECT, "Cut", place)) == wdm.STATUS_SUCCESS
    assert (wdm.RtlReadMemory(place, 2), wdm.RtlReadMemory(buffer, 6)) == (b"\4\0", wide("ab"))


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\2\3", b"\1\2\3\4"])
def test_REG_09_up_to_four_bytes_are_stored_as_they_are(key: int, data: bytes) -> None:
    set_value(key, "Number", wdm.REG_DWORD, data)
    place = put(b"\xff" * 6)
    assert query(key, Entry(None, DIRECT, "Number", place)) == wdm.STATUS_SUCCESS
    assert wdm.RtlReadMemory(place, 6) == data.ljust(6, b"\xff")


@pytest.mark.parametrize(
    ("room", "stored"),
    [
        (-8, b"12345678"),
        (-9, b"12345678"),
        (-7, None),
        (16, b"\x08\0\0\0\x0b\0\0\0" + b"12345678"),
        (15, None),
        (0, None),
    ],
)
def test_REG_09_longer_data_needs_the_size_of_the_place(key: int, room: int, stored: bytes | None) -> None:
    set_value(key, "Long", wdm.REG_QWORD, b"12345678")
    before = room.to_bytes(4, "little", signed=True) + b"\xee" * 28
    place = put(before)
    status = query(key, Entry(None, DIRECT, "Long", place))
    assert status == (wdm.STATUS_BUFFER_TOO_SMALL if stored is None else wdm.STATUS_SUCCESS)
    expected = before if stored is None else stored + before[len(stored) :]
    assert wdm.RtlReadMemory(place, 32) == expected


def test_REG_09_the_type_is_compared_on_request(key: int) -> None:
    set_value(key, "Value", wdm.REG_DWORD, b"\1\2\3\4")
    place, flags = put(bytes(4)), DIRECT | wdm.RTL_QUERY_REGISTRY_TYPECHECK
    wrong = Entry(None, flags, "Value", place, wdm.REG_SZ << SHIFT)
    assert query(key, wrong) == wdm.STATUS_OBJECT_TYPE_MISMATCH
    assert wdm.RtlReadMemory(place, 4) == bytes(4)
    right = Entry(None, flags, "Value", place, (wdm.REG_DWORD << SHIFT) | wdm.REG_NONE)
    assert query(key, right) == wdm.STATUS_SUCCESS
    assert wdm.RtlReadMemory(place, 4) == b"\1\2\3\4"
    default = Entry(None, flags, "Gone", place, (wdm.REG_DWORD << SHIFT) | wdm.REG_DWORD, b"\5\0\0\0", 4)
    assert query(key, default) == wdm.STATUS_SUCCESS
    assert wdm.RtlReadMemory(place, 4) == b"\5\0\0\0"


def test_REG_09_a_number_spoils_a_unicode_string_as_in_c(key: int) -> None:
    """The overflow for which TYPECHECK was made."""
    set_value(key, "Value", wdm.REG_DWORD, b"\2\0\4\0")
    made = string(0)
    assert query(key, Entry(None, DIRECT, "Value", made)) == wdm.STATUS_SUCCESS
    assert (made.length, made.maximum_length, made.buffer) == (2, 4, None)


def test_REG_09_a_driver_must_check_types_where_programs_write(machine: Machine) -> None:
    user = r"\Registry\User\.DEFAULT"
    handle = open_key(user)
    set_value(handle, "Value", wdm.REG_DWORD, b"\1\2\3\4")
    place = wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, 4, wdm.POOL_TAG("Test"))
    assert place is not None
    checked = DIRECT | wdm.RTL_QUERY_REGISTRY_TYPECHECK
    results: list[int] = []

    def read(flags: int) -> None:
        table = [Entry(None, flags, "Value", place, wdm.REG_DWORD << SHIFT)]
        results.append(wdm.RtlQueryRegistryValues(wdm.RTL_REGISTRY_USER, "", table, None, None))

    read(DIRECT)
    as_driver(lambda: read(checked))
    assert results == [wdm.STATUS_SUCCESS] * 2
    with pytest.raises(BugCheck, match="must have RTL_QUERY_REGISTRY_TYPECHECK too") as stopped:
        as_driver(lambda: read(DIRECT), "careless")
    assert (stopped.value.code, stopped.value.parameters[0]) == (0x139, 9)


def test_REG_09_a_driver_may_leave_the_check_out_for_system_hives(key: int) -> None:
    set_value(key, "Value", wdm.REG_DWORD, b"\1\2\3\4")
    place = put(bytes(4))

    def read() -> None:
        table = [Entry(None, DIRECT, "Value", place)]
        path = SOFTWARE + r"\Query"
        assert wdm.RtlQueryRegistryValues(wdm.RTL_REGISTRY_ABSOLUTE, path, table, None, None) == 0

    as_driver(read)
    assert wdm.RtlReadMemory(place, 4) == b"\1\2\3\4"


def nothing(*_: object) -> int:
    return wdm.STATUS_SUCCESS


@pytest.mark.parametrize(
    "entry",
    [
        Entry(None, DIRECT, None, 0),
        Entry(nothing, DIRECT, "Value", 0),
        Entry(None, DIRECT | wdm.RTL_QUERY_REGISTRY_SUBKEY, "Value", 0),
        Entry(nothing, wdm.RTL_QUERY_REGISTRY_TYPECHECK, "Value"),
        Entry(None, 0, "Value"),
        Entry(None, DIRECT, "Texts", 0),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(key: int, entry: Entry) -> None:
    set_value(key, "Texts", wdm.REG_MULTI_SZ, terminated("a", "b", ""))
    assert query(key, entry) == wdm.STATUS_INVALID_PARAMETER


def test_a_table_and_a_place_of_another_kind_are_told(key: int) -> None:
    handle = wdm.RTL_REGISTRY_HANDLE
    wrong: Any = "x"
    with pytest.raises(TypeError, match="QueryTable must be a list of RTL_QUERY_REGISTRY_TABLE"):
        wdm.RtlQueryRegistryValues(handle, key, [Entry(), wrong], None, None)
    with pytest.raises(TypeError, match=no_integer(r"Environment must be an address.*; it was 'x'")):
        wdm.RtlQueryRegistryValues(handle, key, [], None, wrong)
    set_value(key, "Value", wdm.REG_DWORD, b"\1\2\3\4")
    with pytest.raises(TypeError, match="EntryContext is a UNICODE_STRING or an address"):
        query(key, Entry(None, DIRECT, "Value", "place"))
    assert query(key, Entry(None, DIRECT, "Value", 0x1000_0000_0000)) == wdm.STATUS_ACCESS_VIOLATION


def test_the_data_of_a_call_is_gone_behind_it(machine: Machine, key: int) -> None:
    set_value(key, "Value", wdm.REG_BINARY, b"12345678")
    before = len(machine.memory_manager.paged_pool.blocks)
    addresses: list[int | None] = []

    def keep(name: str | None, type: int, data: int | None, *_: object) -> int:
        addresses.append(data)
        return wdm.STATUS_SUCCESS

    def fail(*_: object) -> int:
        raise ValueError("of the routine")

    def fail_with_status(*_: object) -> int:
        wdm.ExRaiseStatus(wdm.STATUS_IO_DEVICE_ERROR)

    assert query(key, Entry(keep)) == wdm.STATUS_SUCCESS
    with pytest.raises(ValueError, match="of the routine"):
        query(key, Entry(fail))
    with pytest.raises(wdm.ExceptionStatus):
        query(key, Entry(fail_with_status))
    assert len(machine.memory_manager.paged_pool.blocks) == before
    assert addresses != [None]


# The short routines.

ROOTS = [
    (wdm.RTL_REGISTRY_SERVICES, r"\Registry\Machine\SYSTEM\CurrentControlSet\Services"),
    (wdm.RTL_REGISTRY_CONTROL, r"\Registry\Machine\SYSTEM\CurrentControlSet\Control"),
    (wdm.RTL_REGISTRY_DEVICEMAP, r"\Registry\Machine\HARDWARE\DEVICEMAP"),
    (wdm.RTL_REGISTRY_WINDOWS_NT, SOFTWARE + r"\Microsoft\Windows NT\CurrentVersion"),
    (wdm.RTL_REGISTRY_USER, r"\Registry\User\.DEFAULT"),
]


@pytest.mark.parametrize(("relative_to", "root"), ROOTS)
def test_REG_10_a_path_is_relative_to_a_known_key(machine: Machine, relative_to: int, root: str) -> None:
    assert wdm.RtlCheckRegistryKey(relative_to, "Made") == MISSING
    data = put(b"\7\0\0\0")
    assert wdm.RtlWriteRegistryValue(relative_to, "Made", "Value", wdm.REG_DWORD, data, 4) == 0
    made = open_key(root + r"\Made")
    assert value_of(made, "Value") == (wdm.REG_DWORD, b"\7\0\0\0")
    assert wdm.RtlCheckRegistryKey(relative_to | wdm.RTL_REGISTRY_OPTIONAL, "made") == wdm.STATUS_SUCCESS
    assert wdm.RtlDeleteRegistryValue(relative_to, "Made", "value") == wdm.STATUS_SUCCESS
    assert wdm.RtlDeleteRegistryValue(relative_to, "Made", "value") == MISSING
    assert wdm.RtlCreateRegistryKey(relative_to, r"Made\Below") == wdm.STATUS_SUCCESS
    assert wdm.RtlCreateRegistryKey(relative_to, r"Made\Below") == wdm.STATUS_SUCCESS
    assert wdm.RtlCreateRegistryKey(relative_to, r"Gone\Below") == MISSING
    create_key(root + r"\Made\Below\Kept")  # which a volatile key would not have


def test_REG_10_a_path_is_a_handle_or_whole(key: int) -> None:
    path = put(wide(SOFTWARE + r"\Query"))
    for relative_to, where in ((wdm.RTL_REGISTRY_HANDLE, key), (wdm.RTL_REGISTRY_ABSOLUTE, path)):
        assert wdm.RtlCheckRegistryKey(relative_to, where) == wdm.STATUS_SUCCESS
        assert wdm.RtlWriteRegistryValue(relative_to, where, "v", wdm.REG_NONE, None, 0) == 0
        assert wdm.RtlDeleteRegistryValue(relative_to, where, put(wide("v"))) == wdm.STATUS_SUCCESS
        assert wdm.RtlCreateRegistryKey(relative_to, where) == wdm.STATUS_SUCCESS
    assert wdm.RtlCheckRegistryKey(wdm.RTL_REGISTRY_ABSOLUTE, "Query") == wdm.STATUS_OBJECT_PATH_SYNTAX_BAD
    assert wdm.RtlCheckRegistryKey(wdm.RTL_REGISTRY_ABSOLUTE, r"\Device") == MISSING
    assert wdm.RtlCheckRegistryKey(wdm.RTL_REGISTRY_MAXIMUM, "Query") == wdm.STATUS_INVALID_PARAMETER
    assert wdm.RtlCheckRegistryKey(wdm.RTL_REGISTRY_HANDLE, "Query") == wdm.STATUS_INVALID_HANDLE
    assert wdm.RtlCheckRegistryKey(wdm.RTL_REGISTRY_HANDLE, key + 4) == wdm.STATUS_INVALID_HANDLE
    long = SOFTWARE + "\\" + "n" * 256
    assert wdm.RtlCreateRegistryKey(wdm.RTL_REGISTRY_ABSOLUTE, long) == wdm.STATUS_INVALID_PARAMETER
    assert wdm.RtlCreateRegistryKey(wdm.RTL_REGISTRY_ABSOLUTE, r"\Registry\New") == MISSING


SHORT: list[Callable[[], object]] = [
    lambda: wdm.RtlCheckRegistryKey(0, SOFTWARE),
    lambda: wdm.RtlCreateRegistryKey(0, SOFTWARE),
    lambda: wdm.RtlDeleteRegistryValue(0, SOFTWARE, "x"),
    lambda: wdm.RtlWriteRegistryValue(0, SOFTWARE, "x", 0, None, 0),
    lambda: wdm.RtlQueryRegistryValues(0, SOFTWARE, [], None, None),
]


@pytest.mark.parametrize("call", SHORT)
def test_the_level_is_checked(machine: Machine, call: Callable[[], object]) -> None:
    def raised() -> None:
        wdm.KeRaiseIrql(wdm.APC_LEVEL)
        call()

    with pytest.raises(BugCheck, match="must be called at PASSIVE_LEVEL") as stopped:
        as_driver(raised)
    assert stopped.value.code == 0xC4
