# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Handles, names and counts as Windows has them.

The numbers are facts of Windows Server 2003, which the kernel-mode tests of ReactOS (kmtests, ObHandle, ObReference,
ObQuery, ObTypes, IoEvent and ObSymbolicLink) observe from a driver.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.io.loader import load_driver
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.ob.object import Object
from unit.io.making import attributes, empty_string

ALL = wdm.DIRECTORY_ALL_ACCESS
QUERY = wdm.DIRECTORY_QUERY


Fields = tuple[int, int, int, int]
"""The attributes and the access of a handle, and the handles and the references of its object."""


def as_driver(routine: Callable[[], object]) -> None:
    """Run a routine as the code of a driver, for which the previous mode is KernelMode."""

    def entry(driver: wdm.DRIVER_OBJECT, path: str) -> int:
        routine()
        return wdm.STATUS_SUCCESS

    assert load_driver(entry, "facts")[0] == wdm.STATUS_SUCCESS


def query(handle: int, kind: int, size: int) -> bytes:
    address = wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, size, wdm.POOL_TAG("Test"))
    assert address is not None
    status, _ = wdm.ZwQueryObject(handle, kind, address, size)
    assert status == wdm.STATUS_SUCCESS
    return wdm.RtlReadMemory(address, size)


def basic(handle: int) -> Fields:
    attributes, access, handles, pointers = struct.unpack(
        "<4I", query(handle, wdm.ObjectBasicInformation, 56)[:16]
    )
    return attributes, access, handles, pointers


def directory(name: str | None, flags: int = 0) -> int:
    made = wdm.OBJECT_ATTRIBUTES(name, flags)
    status, handle = wdm.ZwCreateDirectoryObject(ALL, made)
    assert status == wdm.STATUS_SUCCESS
    assert handle is not None
    return handle


def test_an_object_without_a_name_has_the_references_of_its_handle_and_of_the_question(
    machine: Machine,
) -> None:
    handle = directory(None)
    assert basic(handle) == (0, ALL, 1, 2)
    assert wdm.ZwClose(handle) == wdm.STATUS_SUCCESS


@pytest.mark.parametrize("flags", [0, wdm.OBJ_CASE_INSENSITIVE, wdm.OBJ_PERMANENT])
def test_the_name_of_an_object_is_a_reference(machine: Machine, flags: int) -> None:
    def look() -> None:
        handle = directory("\\Facts", flags)
        assert basic(handle)[2:] == (1, 3)
        _, found, _ = wdm.ObReferenceObjectByHandle(handle, ALL, None, wdm.KernelMode)
        assert isinstance(found, Object)
        assert basic(handle)[2:] == (1, 4)
        assert wdm.ObGetObjectPointerCount(found) == 3
        assert wdm.ObReferenceObject(found) == 4
        assert wdm.ObDereferenceObject(found) == 3
        assert wdm.ObDereferenceObject(found) == 2
        for _ in range(2):
            assert wdm.ZwMakeTemporaryObject(handle) == wdm.STATUS_SUCCESS
            assert basic(handle)[2:] == (1, 3)
        assert wdm.ZwClose(handle) == wdm.STATUS_SUCCESS
        status, _ = wdm.ZwOpenDirectoryObject(QUERY, attributes("\\Facts"))
        assert status == wdm.STATUS_OBJECT_NAME_NOT_FOUND

    as_driver(look)


@pytest.mark.parametrize(
    ("access", "flags", "options", "granted", "kept"),
    [
        (ALL, 0, 0, ALL, 0),
        (QUERY, 0, 0, QUERY, 0),
        (QUERY, wdm.OBJ_INHERIT, 0, QUERY, wdm.OBJ_INHERIT),
        (QUERY, wdm.OBJ_INHERIT, wdm.DUPLICATE_SAME_ACCESS, ALL, wdm.OBJ_INHERIT),
        (QUERY, wdm.OBJ_INHERIT, wdm.DUPLICATE_SAME_ATTRIBUTES, QUERY, 0),
        (QUERY, wdm.OBJ_INHERIT, wdm.DUPLICATE_SAME_ACCESS | wdm.DUPLICATE_SAME_ATTRIBUTES, ALL, 0),
    ],
)
@pytest.mark.parametrize("kernel", [0, wdm.OBJ_KERNEL_HANDLE])
def test_a_second_handle_has_the_access_and_the_attributes_that_its_options_say(
    machine: Machine, access: int, flags: int, options: int, granted: int, kept: int, kernel: int
) -> None:
    def look() -> None:
        handle = directory(None, kernel)
        status, second = wdm.ZwDuplicateObject(None, handle, None, access, flags, options)
        assert status == wdm.STATUS_SUCCESS
        assert second is not None
        assert not wdm.ObIsKernelHandle(second)
        assert basic(second) == (kept, granted, 2, 3)
        assert basic(handle) == (0, ALL, 2, 3)
        assert wdm.ObCloseHandle(second, wdm.UserMode) == wdm.STATUS_SUCCESS
        assert basic(handle) == (0, ALL, 1, 2)
        wdm.ZwClose(handle)

    as_driver(look)


def test_only_the_kernel_uses_a_kernel_handle(machine: Machine) -> None:
    made: list[int] = []

    def look() -> None:
        handle = directory(None, wdm.OBJ_KERNEL_HANDLE)
        made.append(handle)
        assert wdm.ObIsKernelHandle(handle)
        assert handle & 0xFFFF_FFFF_8000_0000 == 0xFFFF_FFFF_8000_0000
        assert wdm.ObCloseHandle(handle, wdm.UserMode) == wdm.STATUS_INVALID_HANDLE
        assert basic(handle) == (0, ALL, 1, 2)

    as_driver(look)
    status, _ = wdm.ZwOpenDirectoryObject(QUERY, wdm.OBJECT_ATTRIBUTES("Below", 0, made[0]))
    assert status == wdm.STATUS_INVALID_HANDLE  # a program
    assert wdm.ZwClose(made[0]) == wdm.STATUS_INVALID_HANDLE


def test_a_program_cannot_ask_for_a_kernel_handle(machine: Machine) -> None:
    handle = directory(None, wdm.OBJ_KERNEL_HANDLE)
    assert not wdm.ObIsKernelHandle(handle)
    wdm.ZwClose(handle)


def test_generic_rights_become_the_rights_of_the_type(machine: Machine) -> None:
    handle = directory(None)
    for generic, meant in (
        (wdm.GENERIC_READ, 0x2_0003),
        (wdm.GENERIC_WRITE, 0x2_000C),
        (wdm.GENERIC_EXECUTE, 0x2_0003),
        (wdm.GENERIC_ALL, 0xF_000F),
        (wdm.MAXIMUM_ALLOWED, 0xF_000F),
        (wdm.GENERIC_READ | wdm.DELETE, 0x3_0003),
    ):
        _, second = wdm.ZwDuplicateObject(None, handle, None, generic, 0, 0)
        assert second is not None
        assert basic(second)[1] == meant
        wdm.ZwClose(second)
    wdm.ZwClose(handle)


@pytest.mark.parametrize("handle", [0, 0xFFFF_FFFF_8000_0000, 0xFFFF_FFFF_FFFF_FFFF, -1])
def test_a_driver_may_close_null_and_the_invalid_handle(machine: Machine, handle: int) -> None:
    def look() -> None:
        assert wdm.ZwClose(handle) == wdm.STATUS_INVALID_HANDLE
        for mode in (wdm.KernelMode, wdm.UserMode):
            assert wdm.ObCloseHandle(handle, mode) == wdm.STATUS_INVALID_HANDLE

    as_driver(look)


def test_a_driver_that_closes_another_number_as_the_kernel_gets_a_bug_check(machine: Machine) -> None:
    def look() -> None:
        assert wdm.ObCloseHandle(123, wdm.UserMode) == wdm.STATUS_INVALID_HANDLE
        assert wdm.ObCloseHandle(None, wdm.KernelMode) == wdm.STATUS_INVALID_HANDLE
        wdm.ObCloseHandle(123, wdm.KernelMode)

    with pytest.raises(BugCheck) as caught:
        as_driver(look)
    assert (caught.value.code, caught.value.parameters[:2]) == (0x93, (123, 1))


def test_zw_query_object_tells_the_sizes_of_the_name_and_of_the_type(machine: Machine) -> None:
    handle = directory("\\Windows")
    name_size, type_size = struct.unpack_from("<II", query(handle, wdm.ObjectBasicInformation, 56), 36)
    assert name_size == 16 + 2 * len("\\Windows") + 2
    assert type_size == 0x68 + 2 * len("Directory") + 2
    assert wdm.ZwQueryObject(handle, wdm.ObjectTypeInformation, None, 0) == (
        wdm.STATUS_INFO_LENGTH_MISMATCH,
        type_size,
    )
    assert wdm.ZwQueryObject(handle, wdm.ObjectNameInformation, None, 0)[1] == name_size


def test_zw_query_object_tells_the_type_of_an_object(machine: Machine) -> None:
    handle = directory(None)
    other = directory(None)
    facts = query(handle, wdm.ObjectTypeInformation, 0x7C)
    length, maximum, address, objects, handles = struct.unpack_from("<HH4xQ2I", facts)
    assert (length, maximum, objects, handles) == (18, 20, 2, 2)
    assert wdm.RtlReadMemory(address, 20).decode("utf-16-le") == "Directory\0"
    assert struct.unpack_from("<6I", facts, 0x40) == (0x100, 0x2_0003, 0x2_000C, 0x2_0003, 0xF_000F, 0xF_000F)
    wdm.ZwClose(other)
    _, event = wdm.ZwCreateEvent(wdm.EVENT_ALL_ACCESS, None, wdm.NotificationEvent, False)
    assert event is not None
    facts = query(event, wdm.ObjectTypeInformation, 0x68 + 12)
    assert facts[0x68:].decode("utf-16-le") == "Event\0"
    assert wdm.ZwQueryObject(handle, 7, None, 0)[0] == wdm.STATUS_INVALID_INFO_CLASS


@pytest.mark.parametrize(
    "name", ["Type", "Directory", "SymbolicLink", "Event", "Key", "File", "Device", "Driver"]
)
def test_each_type_has_an_object_of_its_own(machine: Machine, name: str) -> None:
    status, _ = wdm.ZwOpenDirectoryObject(QUERY, attributes(f"\\ObjectTypes\\{name}"))
    assert status == wdm.STATUS_OBJECT_TYPE_MISMATCH


@pytest.mark.parametrize("name", ["SetSystemTime", "PowerState", "ProcessorAdd"])
def test_the_callback_objects_of_the_system_exist(machine: Machine, name: str) -> None:
    status, found = wdm.ExCreateCallback(attributes(f"\\Callback\\{name}"), False, True)
    assert status == wdm.STATUS_SUCCESS
    assert found is not None
    assert wdm.ExRegisterCallback(found, lambda *_: None, None) is not None
    assert wdm.ExRegisterCallback(found, lambda *_: None, None) is not None


@pytest.mark.parametrize(
    ("make", "kind"), [(wdm.IoCreateNotificationEvent, 0), (wdm.IoCreateSynchronizationEvent, 1)]
)
def test_io_create_event_makes_a_kernel_handle_or_opens_what_is_there(
    machine: Machine, make: Callable[[str | None], tuple[wdm.KEVENT | None, int | None]], kind: int
) -> None:
    def look() -> None:
        event, handle = make("\\BaseNamedObjects\\Facts")
        assert event is not None
        assert handle is not None
        assert (event.header.type, wdm.KeReadStateEvent(event)) == (kind, 1)
        assert wdm.ObIsKernelHandle(handle)
        assert basic(handle) == (0, wdm.EVENT_ALL_ACCESS, 1, 3)
        again, second = wdm.IoCreateNotificationEvent("\\BaseNamedObjects\\Facts")
        assert again is event
        assert second is not None
        assert basic(handle) == basic(second) == (0, wdm.EVENT_ALL_ACCESS, 2, 4)
        wdm.ZwClose(second)
        wdm.ZwClose(handle)
        unnamed, handle = make(None)
        assert unnamed is not event
        assert handle is not None
        assert basic(handle) == (0, wdm.EVENT_ALL_ACCESS, 1, 2)
        wdm.ZwClose(handle)

    as_driver(look)


def test_zw_query_symbolic_link_object_wants_room_for_the_nul(machine: Machine) -> None:
    target = "\\Device\\NamedPipe"
    text = 2 * len(target)
    status, link = wdm.ZwCreateSymbolicLinkObject(wdm.SYMBOLIC_LINK_QUERY, attributes("\\Facts"), target)
    assert status == wdm.STATUS_SUCCESS
    assert link is not None
    for size in (0, text - 1, text, text + 1):
        string = empty_string(64)
        string.maximum_length = size
        assert wdm.ZwQuerySymbolicLinkObject(link, string) == (wdm.STATUS_BUFFER_TOO_SMALL, text + 2)
        assert (string.length, string.maximum_length) == (0, size)
        assert string.buffer is not None
        assert wdm.RtlReadMemory(string.buffer, 2) == b"\x55\x55"
    string = empty_string(64)
    assert wdm.ZwQuerySymbolicLinkObject(link, string) == (wdm.STATUS_SUCCESS, text + 2)
    assert (str(string), string.maximum_length) == (target, 64)
    assert string.buffer is not None
    assert wdm.RtlReadMemory(string.buffer + text, 4) == b"\0\0\x55\x55"


def test_a_link_to_a_string_without_a_nul_has_none(machine: Machine) -> None:
    named = empty_string(64)
    wdm.RtlCopyUnicodeString(named, "\\Device\\NamedPipe")
    named.maximum_length = named.length
    _, link = wdm.ZwCreateSymbolicLinkObject(wdm.SYMBOLIC_LINK_QUERY, attributes("\\Facts"), named)
    assert link is not None
    string = empty_string(64)
    string.maximum_length = named.length
    assert wdm.ZwQuerySymbolicLinkObject(link, string) == (wdm.STATUS_SUCCESS, named.length)
    assert string.buffer is not None
    assert wdm.RtlReadMemory(string.buffer + named.length, 2) == b"\x55\x55"
