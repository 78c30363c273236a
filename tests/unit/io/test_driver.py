# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Loading and unloading drivers, and names."""

from __future__ import annotations

import pytest

from dirql.io.loader import load_driver
from dirql.io.objects import DriverEntry
from dirql.ke.bugcheck import BugCheck
from dirql.machine import LoadError, Machine, Service
from dirql.wdm import (
    DEVICE_OBJECT,
    DO_DEVICE_INITIALIZING,
    DRIVER_OBJECT,
    DRVO_LEGACY_DRIVER,
    FILE_DEVICE_UNKNOWN,
    OBJ_PERMANENT,
    STATUS_IMAGE_ALREADY_LOADED,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_HANDLE,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_PATH_SYNTAX_BAD,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    IoCreateDevice,
    IoCreateSymbolicLink,
    IoDeleteSymbolicLink,
    ZwClose,
    ZwCreateDirectoryObject,
    ZwLoadDriver,
    ZwMakeTemporaryObject,
    ZwOpenSymbolicLinkObject,
    ZwQuerySymbolicLinkObject,
    ZwUnloadDriver,
)
from unit.io.making import (
    NAME,
    OPEN_AND_CLOSE,
    attributes,
    create_file,
    empty_string,
    make_device,
    make_driver,
)

KEY = r"\REGISTRY\MACHINE\SYSTEM\ControlSet001\Services\X"


class Module:
    """A driver module that a test loads."""

    def __init__(self, status: int = STATUS_SUCCESS) -> None:
        self.status = status
        self.unloaded = 0
        self.seen: list[object] = []
        self.DriverEntry: DriverEntry = self.enter

    def enter(self, driver: DRIVER_OBJECT, registry_path: str) -> int:
        self.seen = [
            driver.type,
            driver.device_object,
            driver.flags,
            len(set(driver.major_function)),
            driver.driver_extension.add_device,
            driver.driver_name,
            driver.driver_extension.service_key_name,
            registry_path,
        ]
        driver.driver_unload = self.unload
        return self.status

    def unload(self, driver: DRIVER_OBJECT) -> None:
        self.unloaded += 1


def test_DRV_01_what_driver_entry_sees(machine: Machine) -> None:
    module = Module()
    machine.load_driver(module, "X")
    assert module.seen == [4, None, DRVO_LEGACY_DRIVER, 1, None, r"\Driver\X", "X", KEY]


def test_DEV_02_devices_made_in_driver_entry_become_ready(machine: Machine) -> None:
    made: list[DEVICE_OBJECT] = []

    def entry(driver: DRIVER_OBJECT, registry_path: str) -> int:
        _, device = IoCreateDevice(driver, None, None, FILE_DEVICE_UNKNOWN, 0, False)
        assert device is not None
        assert device.flags & DO_DEVICE_INITIALIZING
        made.append(device)
        return STATUS_SUCCESS

    _, driver = load_driver(entry, "X")
    assert driver is not None
    assert not made[0].flags & DO_DEVICE_INITIALIZING
    _, later = IoCreateDevice(driver, None, None, FILE_DEVICE_UNKNOWN, 0, False)
    assert later is not None
    assert later.flags & DO_DEVICE_INITIALIZING


def test_DRV_03_loading_by_key(machine: Machine) -> None:
    assert ZwLoadDriver(KEY) == STATUS_OBJECT_NAME_NOT_FOUND
    module = Module()
    machine.create_service(Service(driver=module, name="X"))
    assert ZwLoadDriver(KEY) == STATUS_SUCCESS
    assert ZwLoadDriver(KEY) == STATUS_IMAGE_ALREADY_LOADED


def test_DRV_04_a_driver_entry_that_fails(machine: Machine) -> None:
    module = Module(STATUS_UNSUCCESSFUL)
    with pytest.raises(LoadError, match="the driver X: DriverEntry ended with STATUS_UNSUCCESSFUL"):
        machine.load_driver(module, "X")
    assert module.unloaded == 0
    assert "X" not in machine.io.drivers
    module.status = STATUS_SUCCESS
    machine.load_driver(module, "X")


def test_DRV_05_unloading_by_key(machine: Machine) -> None:
    module = Module()
    machine.load_driver(module, "X")
    assert ZwUnloadDriver(KEY) == STATUS_SUCCESS
    assert module.unloaded == 1
    assert ZwUnloadDriver(KEY) == STATUS_OBJECT_NAME_NOT_FOUND
    make_driver(name="X")
    assert ZwUnloadDriver(KEY) == STATUS_INVALID_DEVICE_REQUEST


def test_a_driver_entry_that_raises(machine: Machine) -> None:
    def broken_entry(driver: DRIVER_OBJECT, registry_path: str) -> int:
        raise ZeroDivisionError

    with pytest.raises(BugCheck, match="broken_entry"):
        load_driver(broken_entry, "X")


# Names.


def test_NAM_01_temporary_and_permanent_names(machine: Machine) -> None:
    status, handle = ZwCreateDirectoryObject(0, attributes(r"\Temporary"))
    assert status == STATUS_SUCCESS
    assert handle is not None
    assert ZwCreateDirectoryObject(0, attributes(r"\Temporary")) == (STATUS_OBJECT_NAME_COLLISION, None)
    ZwClose(handle)
    _, handle = ZwCreateDirectoryObject(0, attributes(r"\Temporary", OBJ_PERMANENT))
    assert handle is not None
    ZwClose(handle)
    assert ZwCreateDirectoryObject(0, attributes(r"\Temporary")) == (STATUS_OBJECT_NAME_COLLISION, None)
    IoCreateSymbolicLink(r"\Temporary\Link", NAME)
    _, link = ZwOpenSymbolicLinkObject(0, attributes(r"\Temporary\Link"))
    assert link is not None
    ZwMakeTemporaryObject(link)
    ZwClose(link)
    assert ZwOpenSymbolicLinkObject(0, attributes(r"\Temporary\Link")) == (STATUS_OBJECT_NAME_NOT_FOUND, None)


def test_NAM_02_symbolic_links(machine: Machine) -> None:
    link = r"\DosDevices\Made0"
    assert ZwOpenSymbolicLinkObject(0, attributes(link)) == (STATUS_OBJECT_NAME_NOT_FOUND, None)
    assert IoDeleteSymbolicLink(link) == STATUS_OBJECT_NAME_NOT_FOUND
    assert IoCreateSymbolicLink(link, NAME) == STATUS_SUCCESS  # before its target
    assert IoCreateSymbolicLink(link.upper(), NAME) == STATUS_OBJECT_NAME_COLLISION
    assert create_file(r"\\.\Made0", 0, 0) == (STATUS_OBJECT_NAME_NOT_FOUND, None)
    make_device(make_driver(OPEN_AND_CLOSE), NAME)
    for name in (r"\\.\Made0", r"\??\made0", link, NAME):
        status, handle = create_file(name, 0, 0)
        assert status == STATUS_SUCCESS, name
        assert handle is not None
        ZwClose(handle)
    _, opened = ZwOpenSymbolicLinkObject(0, attributes(link))
    assert opened is not None
    target = empty_string(64)
    assert ZwQuerySymbolicLinkObject(opened, target) == (STATUS_SUCCESS, 2 * len(NAME) + 2)
    assert str(target) == NAME
    assert ZwQuerySymbolicLinkObject(12345, target) == (STATUS_INVALID_HANDLE, 0)
    assert IoDeleteSymbolicLink(link) == STATUS_SUCCESS


def test_names_that_lead_nowhere(machine: Machine) -> None:
    assert create_file("Made0", 0, 0) == (STATUS_OBJECT_PATH_SYNTAX_BAD, None)
    assert create_file(r"\Device", 0, 0) == (STATUS_OBJECT_TYPE_MISMATCH, None)
    IoCreateSymbolicLink(r"\??\A", r"\??\B")
    IoCreateSymbolicLink(r"\??\B", r"\??\A")
    status, _ = create_file(r"\??\A", 0, 0)
    assert status >= 0xC000_0000
