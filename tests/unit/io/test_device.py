# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device objects: what a new one is, stacks, deletion, and finding one by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    DEVICE_OBJECT,
    DISPATCH_LEVEL,
    DO_DEVICE_HAS_NAME,
    DO_DEVICE_INITIALIZING,
    DO_EXCLUSIVE,
    FILE_DEVICE_UNKNOWN,
    FILE_READ_DATA,
    STATUS_NO_SUCH_DEVICE,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_PATH_NOT_FOUND,
    STATUS_SUCCESS,
    IoAttachDeviceToDeviceStack,
    IoCreateDevice,
    IoDeleteDevice,
    IoDetachDevice,
    IoGetAttachedDevice,
    IoGetAttachedDeviceReference,
    IoGetDeviceObjectPointer,
    KeRaiseIrql,
    ObDereferenceObject,
    ObReferenceObject,
)
from unit.io.making import NAME, OPEN_AND_CLOSE, create_file, make_device, make_driver


class Extension:
    def __init__(self) -> None:
        self.value = 0


def test_DEV_01_a_new_device(machine: Machine) -> None:
    driver = make_driver()
    older = make_device(driver)
    status, device = IoCreateDevice(driver, Extension, NAME, FILE_DEVICE_UNKNOWN, 0x100, True)
    assert status == STATUS_SUCCESS
    assert device is not None
    assert (device.type, device.reference_count, device.stack_size) == (3, 0, 1)
    assert device.attached_device is None
    assert device.flags == DO_DEVICE_INITIALIZING | DO_DEVICE_HAS_NAME | DO_EXCLUSIVE
    assert device.characteristics == 0x100
    assert isinstance(device.device_extension, Extension)
    assert device.device_extension.value == 0
    assert device.device_object_extension.type == 13
    assert driver.device_object is device
    assert device.next_device is older
    assert device.driver_object is driver
    assert older.flags == 0


def test_DEV_01_deleting_unlinks_and_frees_the_name(machine: Machine) -> None:
    driver = make_driver()
    oldest, middle = make_device(driver), make_device(driver, NAME)
    newest = make_device(driver)
    IoDeleteDevice(middle)
    assert driver.devices() == [newest, oldest]
    IoDeleteDevice(newest)
    assert driver.device_object is oldest
    again = make_device(driver, NAME)
    assert again.name == NAME


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (r"\Nowhere\Made", STATUS_OBJECT_PATH_NOT_FOUND),
        (NAME, STATUS_OBJECT_NAME_COLLISION),
        (NAME.upper(), STATUS_OBJECT_NAME_COLLISION),
    ],
)
def test_DEV_04_names_that_cannot_be(machine: Machine, name: str, status: int) -> None:
    driver = make_driver()
    make_device(driver, NAME)
    assert IoCreateDevice(driver, None, name, FILE_DEVICE_UNKNOWN, 0, False) == (status, None)
    assert len(driver.devices()) == 1


def test_DEV_05_deletion_waits_for_open_files(machine: Machine) -> None:
    driver = make_driver(OPEN_AND_CLOSE)
    device = make_device(driver, NAME)
    handle = machine.open(NAME)
    assert device.reference_count == 1
    IoDeleteDevice(device)
    assert driver.devices() == [device]
    assert create_file(NAME, 0, 0) == (STATUS_OBJECT_NAME_NOT_FOUND, None)
    handle.close()
    assert driver.devices() == []


def test_a_device_that_is_not_ready_cannot_be_opened(machine: Machine) -> None:
    device = make_device(make_driver(OPEN_AND_CLOSE), NAME)
    device.flags |= DO_DEVICE_INITIALIZING
    assert create_file(NAME, 0, 0) == (STATUS_NO_SUCH_DEVICE, None)


def three(machine: Machine) -> list[DEVICE_OBJECT]:
    driver = make_driver()
    return [make_device(driver) for _ in range(3)]


def test_DEV_06_attaching_goes_to_the_top(machine: Machine) -> None:
    first, second, third = three(machine)
    assert IoAttachDeviceToDeviceStack(second, first) is first
    assert IoAttachDeviceToDeviceStack(third, first) is second
    assert IoGetAttachedDevice(first) is third
    assert IoGetAttachedDeviceReference(first) is third
    assert third.pointer_count == 2


def test_DEV_07_what_attaching_sets(machine: Machine) -> None:
    first, second, third = three(machine)
    first.alignment_requirement = 7
    IoAttachDeviceToDeviceStack(second, first)
    IoAttachDeviceToDeviceStack(third, second)
    assert [device.stack_size for device in (first, second, third)] == [1, 2, 3]
    assert third.alignment_requirement == 7
    assert first.attached_device is second
    assert second.attached_device is third


def test_DEV_09_attaching_to_what_is_going_away(machine: Machine) -> None:
    first, second, third = three(machine)
    IoAttachDeviceToDeviceStack(second, first)
    IoDeleteDevice(first)
    assert first.attached_device is second  # still there, since something is attached
    first.attached_device = None
    assert IoAttachDeviceToDeviceStack(third, first) is None


def test_detach(machine: Machine) -> None:
    first, second, _ = three(machine)
    IoAttachDeviceToDeviceStack(second, first)
    IoDetachDevice(first)
    assert first.attached_device is None
    IoDeleteDevice(second)
    with pytest.raises(BugCheck) as stopped:
        IoDetachDevice(first)
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 0x202)


def test_delete_while_attached(machine: Machine) -> None:
    first, second, _ = three(machine)
    IoAttachDeviceToDeviceStack(second, first)
    with pytest.raises(BugCheck, match="must be detached first") as stopped:
        IoDeleteDevice(second)
    assert (stopped.value.code, stopped.value.parameters[0], stopped.value.parameters[3]) == (
        0xC9,
        0x201,
        second,
    )


def test_DEV_10_a_device_by_name(machine: Machine) -> None:
    driver = make_driver(OPEN_AND_CLOSE)
    bottom, top = make_device(driver, NAME), make_device(driver)
    IoAttachDeviceToDeviceStack(top, bottom)
    status, file, device = IoGetDeviceObjectPointer(NAME, FILE_READ_DATA)
    assert status == STATUS_SUCCESS
    assert device is top
    assert file is not None
    assert bottom.reference_count == 1
    ObDereferenceObject(file)
    assert bottom.reference_count == 0
    assert IoGetDeviceObjectPointer(r"\Device\None", 0) == (STATUS_OBJECT_NAME_NOT_FOUND, None, None)


def test_references_balance(machine: Machine) -> None:
    device = make_device(make_driver())
    ObReferenceObject(device)
    ObDereferenceObject(device)
    ObDereferenceObject(device)
    with pytest.raises(BugCheck, match="must have a reference to give back") as stopped:
        ObDereferenceObject(device)
    assert stopped.value.code == 0x18


@pytest.mark.row("IRQL-10")
@pytest.mark.parametrize(
    ("what", "subcode"), [("create", 0x2000A), ("attach", 0x2000A), ("detach", 0x2000C), ("delete", 0x20009)]
)
def test_IRQL_10_needs_passive_level(machine: Machine, what: str, subcode: int) -> None:
    driver = make_driver()
    first, second = make_device(driver), make_device(driver)
    calls: dict[str, Callable[[], object]] = {
        "create": lambda: IoCreateDevice(driver, None, None, FILE_DEVICE_UNKNOWN, 0, False),
        "attach": lambda: IoAttachDeviceToDeviceStack(first, second),
        "detach": lambda: IoDetachDevice(first),
        "delete": lambda: IoDeleteDevice(first),
    }
    KeRaiseIrql(DISPATCH_LEVEL)
    with pytest.raises(BugCheck) as stopped:
        calls[what]()
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC4, subcode)


def test_DEV_01_an_extension_of_bytes(machine: Machine) -> None:
    """If IoCreateDevice gets a size as in C, the extension is that number of zero bytes.

    Without one there is no extension.
    """
    driver = make_driver()
    _, sized = IoCreateDevice(driver, 24, None, FILE_DEVICE_UNKNOWN, 0, False)
    assert sized is not None
    assert sized.device_extension == bytearray(24)
    for nothing in (0, None):
        _, bare = IoCreateDevice(driver, nothing, None, FILE_DEVICE_UNKNOWN, 0, False)
        assert bare is not None
        assert bare.device_extension is None
