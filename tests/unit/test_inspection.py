# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The lists of a machine's objects: each object is listed once, with its state, and looking changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from dirql import wdm
from dirql.inspection import object_types
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine, open_machine
from fakes.scripted_target import ScriptedTarget

NAME = r"\Device\Looked"


class Extension:
    """The extension of the driver's device, with structures of its own."""

    def __init__(self) -> None:
        self.event = wdm.KEVENT()
        self.timer = wdm.KTIMER()
        self.dpc = wdm.KDPC()
        self.locks = [wdm.KSPIN_LOCK(), wdm.KSPIN_LOCK()]
        self.by_name = {"lock": wdm.IO_REMOVE_LOCK()}
        self.pending: list[wdm.IRP] = []


class Looked:
    """A driver that keeps its reads, and has one object of many types."""

    def DriverEntry(self, driver: wdm.DRIVER_OBJECT, path: str) -> int:
        del path
        for function in (wdm.IRP_MJ_CREATE, wdm.IRP_MJ_CLOSE, wdm.IRP_MJ_CLEANUP):
            driver.major_function[function] = self.succeed
        driver.major_function[wdm.IRP_MJ_READ] = self.read
        driver.driver_unload = self.unload
        _, device = wdm.IoCreateDevice(driver, Extension, NAME, wdm.FILE_DEVICE_UNKNOWN, 0, False)
        assert device is not None
        extension = self.extension = device.device_extension
        wdm.KeInitializeEvent(extension.event, wdm.NotificationEvent, True)
        wdm.KeInitializeTimer(extension.timer)
        wdm.KeInitializeDpc(extension.dpc, lambda *_: None, None)
        for lock in extension.locks:
            wdm.KeInitializeSpinLock(lock)
        wdm.IoInitializeRemoveLock(extension.by_name["lock"], "Look", 0, 0)
        self.block = wdm.ExAllocatePoolWithTag(wdm.NonPagedPool, 48, wdm.POOL_TAG("Look"))
        wdm.KeSetTimer(extension.timer, -10_000_000, extension.dpc)
        return wdm.STATUS_SUCCESS

    def succeed(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        for pending in self.extension.pending:
            pending.io_status.status = wdm.STATUS_CANCELLED
            wdm.IoCompleteRequest(pending, wdm.IO_NO_INCREMENT)
        self.extension.pending.clear()
        irp.io_status.status = wdm.STATUS_SUCCESS
        wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
        return wdm.STATUS_SUCCESS

    def read(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        wdm.IoMarkIrpPending(irp)
        self.extension.pending.append(irp)
        return wdm.STATUS_PENDING

    def unload(self, driver: wdm.DRIVER_OBJECT) -> None:
        wdm.KeCancelTimer(self.extension.timer)
        assert self.block is not None
        assert driver.device_object is not None
        wdm.ExFreePool(self.block)
        wdm.IoDeleteDevice(driver.device_object)


@pytest.fixture
def driver() -> Looked:
    return Looked()


@pytest.fixture
def machine(driver: Looked) -> Iterator[Machine]:
    with open_machine(ScriptedTarget()) as opened:
        opened.load_driver(driver, "looked")
        yield opened


def bodies(machine: Machine, name: str) -> list[object]:
    return [listed.body for listed in machine.list_objects(name)]


def test_each_object_of_a_driver_is_listed_once(machine: Machine, driver: Looked) -> None:
    extension = driver.extension
    with machine.open(NAME) as handle:
        handle.read_overlapped(8)
        assert bodies(machine, "KEVENT") == [extension.event]
        assert bodies(machine, "KTIMER") == [extension.timer]
        assert bodies(machine, "KDPC") == [extension.dpc]
        assert bodies(machine, "KSPIN_LOCK") == extension.locks
        assert bodies(machine, "IO_REMOVE_LOCK") == [extension.by_name["lock"]]
        assert bodies(machine, "IRP") == extension.pending
        assert len(extension.pending) == 1
        assert [repr(body) for body in bodies(machine, "DRIVER_OBJECT")] == [
            "<driver pci>",
            "<driver looked>",
        ]
        (file,) = bodies(machine, "FILE_OBJECT")
        assert extension.pending[0].locations[0].file_object is file
        everything = Counter(id(listed.body) for listed in machine.list_objects())
        assert set(everything.values()) == {1}
    assert bodies(machine, "FILE_OBJECT") == []
    assert bodies(machine, "IRP") == []


def test_the_state_is_that_of_the_moment(machine: Machine, driver: Looked) -> None:
    (event,) = machine.list_objects("KEVENT")
    assert "signalled" in event.name
    (timer,) = machine.list_objects("KTIMER")
    assert timer.state["dpc"] is driver.extension.dpc
    (dpc,) = machine.list_objects("KDPC")
    assert callable(dpc.state["deferred_routine"])
    (block,) = (
        block for block in machine.list_objects("pool block") if block.state["address"] == driver.block
    )
    assert block.state["size"] == 48
    assert "48 bytes, of <driver looked>" in block.name
    wdm.KeClearEvent(driver.extension.event)
    (event,) = machine.list_objects("KEVENT")
    assert "not signalled" in event.name


def test_names_are_listed_with_their_directories(machine: Machine) -> None:
    wdm.IoCreateSymbolicLink(r"\??\Looked", NAME)
    links = {listed.state["name"]: listed.state["target"] for listed in machine.list_objects("symbolic link")}
    assert links[r"\??\Looked"] == NAME
    wdm.IoDeleteSymbolicLink(r"\??\Looked")
    assert r"\Device" in {listed.state["name"] for listed in machine.list_objects("directory")}


def test_looking_passes_no_clock_and_calls_no_routine(machine: Machine) -> None:
    with machine.open(NAME) as handle:
        handle.read_overlapped(8)
        before = machine.target.now(), machine.kernel.looks, len(machine.defects)
        assert len(list(machine.list_objects())) > 20
        assert (machine.target.now(), machine.kernel.looks, len(machine.defects)) == before


def test_a_stopped_machine_can_be_looked_into(driver: Looked) -> None:
    machine = open_machine(ScriptedTarget())
    machine.load_driver(driver, "looked")
    handle = machine.open(NAME)
    handle.read_overlapped(8)
    with pytest.raises(BugCheck):
        wdm.KeBugCheckEx(0xE2, 0, 0, 0, 0)
    assert bodies(machine, "IRP") == driver.extension.pending
    assert [listed.type for listed in machine.list_objects("processor", "KEVENT")] == ["processor", "KEVENT"]
    machine.close()


def test_a_type_that_there_is_not_is_refused(machine: Machine) -> None:
    assert {"IRP", "KTHREAD", "KEVENT", "ERESOURCE", "handle"} <= set(object_types())
    with pytest.raises(
        ValueError, match=r"the type of an object must be one of processor, KTHREAD, .*'EVENT'"
    ):
        list(machine.list_objects("EVENT"))


def test_the_registry_is_listed_with_its_values() -> None:
    with open_machine(ScriptedTarget()) as machine:
        keys = {listed.name: listed.state for listed in machine.list_objects("registry key")}
    pci = keys[r"<registry key \REGISTRY\MACHINE\SYSTEM\ControlSet001\Services\pci>"]
    values = pci["values"]
    assert isinstance(values, dict)
    assert values["Start"] == (wdm.REG_DWORD, bytes(4))
    assert pci["is_volatile"] is True
    assert r"<registry key \REGISTRY>" in keys
