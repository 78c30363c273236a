# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Devices are removed: when all agree, by surprise, with what depends on them, and when they are ejected."""

from __future__ import annotations

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.pnp.node import DeviceNode
from dirql.pnp.states import NodeState
from dirql.wdm import (
    DEVICE_OBJECT,
    IRP,
    IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_EJECT,
    IRP_MN_QUERY_DEVICE_RELATIONS,
    IRP_MN_QUERY_PNP_DEVICE_STATE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_SET_LOCK,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    PNP_DEVICE_DISABLED,
    PNP_DEVICE_FAILED,
    PNP_DEVICE_NOT_DISABLEABLE,
    PNP_DEVICE_REMOVED,
    STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    EjectionRelations,
    IoDeleteDevice,
    IoDetachDevice,
    IoInvalidateDeviceState,
    IoReportDetectedDevice,
    IoRequestDeviceEject,
    PCIBus,
    RemovalRelations,
)
from fakes.pci_function import FakeFunction
from unit.pnp.children import ParentDriver
from unit.pnp.conftest import Opener
from unit.pnp.recorder import NAME, Recorder
from unit.pnp.test_stopping import plug

BARS = ((0x0, 4096),)


def started(open_bus: Opener, recorder: Recorder | None = None) -> tuple[Machine, Recorder, DeviceNode]:
    machine = open_bus(FakeFunction(bars=BARS))
    recorder = recorder or Recorder()
    machine.load_driver(recorder)
    recorder.minors.clear()
    return machine, recorder, machine.devices[0]


def with_children(open_bus: Opener, *names: str) -> tuple[Machine, ParentDriver, DeviceNode]:
    """A bus with children that are used as they are."""
    parent = ParentDriver()
    machine, _, node = started(open_bus, parent)
    for name in names:
        parent.plug(name, raw=True)
    parent.tell()
    machine.pnp.wait_until_idle()
    parent.minors.clear()
    for child in parent.present:
        child.device_extension.minors.clear()
    return machine, parent, node


def child(node: DeviceNode, name: str) -> DeviceNode:
    return next(each for each in node.descendants() if each.device_id == rf"TEST\{name}")


def minors(node: DeviceNode) -> list[int]:
    found: list[int] = node.physical_device_object.device_extension.minors
    return found


# By request.


def test_a_removal_that_is_granted(open_bus: Opener) -> None:
    machine, recorder, node = started(open_bus)
    assert machine.pnp.remove(node) is None
    assert recorder.minors[-2:] == [IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_REMOVE_DEVICE]
    assert (node.state, node.driver) == (NodeState.REMOVED, None)
    machine.pnp.enable(node)
    assert node.state is NodeState.STARTED


def test_a_removal_that_a_driver_refuses(open_bus: Opener) -> None:
    machine, recorder, node = started(open_bus)
    recorder.fail[IRP_MN_QUERY_REMOVE_DEVICE] = STATUS_UNSUCCESSFUL
    veto = machine.pnp.remove(node)
    assert veto is not None
    assert veto.reason == "IRP_MN_QUERY_REMOVE_DEVICE was refused with STATUS_UNSUCCESSFUL"
    assert recorder.minors[-2:] == [IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_CANCEL_REMOVE_DEVICE]
    assert node.state is NodeState.STARTED


def test_a_device_with_an_open_file_stays(open_bus: Opener) -> None:
    machine, recorder, node = started(open_bus)
    with machine.open(NAME):
        veto = machine.pnp.remove(node)
        assert veto is not None
        assert veto.reason == "1 files are open on the device"
        assert recorder.minors[-2:] == [IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_CANCEL_REMOVE_DEVICE]
    assert machine.pnp.remove(node) is None


def test_children_go_before_their_parent(open_bus: Opener) -> None:
    machine, parent, node = with_children(open_bus, "A", "B")
    order: list[str] = []
    first, second = child(node, "A"), child(node, "B")
    assert (first.state, second.state) == (NodeState.STARTED, NodeState.STARTED)

    def note(device: DEVICE_OBJECT, irp: IRP) -> int:
        order.append(f"parent after {len(minors(first))}, {len(minors(second))}")
        return parent.pass_down(device, irp, STATUS_SUCCESS)

    parent.answer[IRP_MN_QUERY_REMOVE_DEVICE] = note
    assert machine.pnp.remove(node) is None
    assert len(order) == 1
    for each in (first, second):
        assert minors(each)[-2:] == [IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_REMOVE_DEVICE]
        assert each.state is NodeState.REMOVED
    assert IRP_MN_REMOVE_DEVICE not in minors(first)[: int(order[0].split()[2].rstrip(","))]


def test_a_parent_that_refuses_keeps_its_children(open_bus: Opener) -> None:
    machine, parent, node = with_children(open_bus, "A")
    parent.fail[IRP_MN_QUERY_REMOVE_DEVICE] = STATUS_UNSUCCESSFUL
    veto = machine.pnp.remove(node)
    assert veto is not None
    assert veto.node is node
    assert minors(child(node, "A"))[-2:] == [IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_CANCEL_REMOVE_DEVICE]
    assert child(node, "A").state is NodeState.STARTED


def test_removal_relations_go_too(open_bus: Opener) -> None:
    machine, _, node = with_children(open_bus, "A", "B")
    first, second = child(node, "A"), child(node, "B")
    first.physical_device_object.device_extension.relations[RemovalRelations] = (
        second.physical_device_object,
    )
    references = second.physical_device_object.pointer_count
    assert machine.pnp.remove(first) is None
    assert (first.state, second.state) == (NodeState.REMOVED, NodeState.REMOVED)
    assert second.physical_device_object.pointer_count == references


def test_a_disabled_device_gets_no_driver(open_bus: Opener) -> None:
    machine, recorder, node = started(open_bus)
    assert machine.pnp.disable(node) is None
    driver = machine.io.drivers["Recorder"]
    machine.unload_driver(driver)
    machine.load_driver(recorder)
    assert node.state is NodeState.REMOVED
    machine.pnp.enable(node)
    assert node.state is NodeState.STARTED


def test_a_device_that_must_not_be_disabled(open_bus: Opener) -> None:
    machine, _, node = started(open_bus, reports_state(PNP_DEVICE_NOT_DISABLEABLE))
    assert node.state is NodeState.STARTED
    for each in (node, node.parent):
        assert each is not None
        veto = machine.pnp.disable(each)
        assert veto is not None
        assert veto.node is node
        assert "PNP_DEVICE_NOT_DISABLEABLE" in veto.reason


# By surprise.


@pytest.mark.row("PNP-08")
def test_PNP_08_the_removal_waits_for_the_last_handle(open_bus: Opener) -> None:
    machine, recorder, node = started(open_bus)
    first, second = machine.open(NAME), machine.open(NAME)
    machine.pnp.surprise_remove(node)
    first.close()
    machine.pnp.wait_until_idle()
    assert recorder.minors[-1] == IRP_MN_SURPRISE_REMOVAL
    assert recorder.minors.count(IRP_MN_SURPRISE_REMOVAL) == 1
    assert IRP_MN_QUERY_REMOVE_DEVICE not in recorder.minors
    assert node.state is NodeState.AWAITING_QUEUED_REMOVAL
    assert recorder.device is not None
    assert node.physical_device_object.attached_device is recorder.device
    second.close()
    machine.pnp.wait_until_idle()
    assert recorder.minors[-1] == IRP_MN_REMOVE_DEVICE
    assert node.state is NodeState.REMOVED


@pytest.mark.row("PNP-08")
def test_PNP_08_a_device_that_was_taken_out_of_the_bus(open_bus: Opener) -> None:
    function = FakeFunction(device=3, id=7)
    machine, recorder, node = started(open_bus)
    plug(machine, function)
    assert [each.instance_id for each in machine.devices] == ["01", "03"]
    plug(machine, function, out=True)
    assert [each.instance_id for each in machine.devices] == ["01"]
    with machine.open(NAME):
        plug(machine, FakeFunction(device=1), out=True)
        assert (node.is_missing, node.state) == (True, NodeState.AWAITING_QUEUED_REMOVAL)
        assert recorder.minors[-1] == IRP_MN_SURPRISE_REMOVAL
        assert node.physical_device_object.type
    machine.pnp.wait_until_idle()
    assert recorder.minors[-1] == IRP_MN_REMOVE_DEVICE
    assert machine.devices == []
    assert node.physical_device_object.type == 0  # the bus driver has deleted it
    plug(machine, FakeFunction(device=1, bars=BARS))
    assert machine.devices[0].state is NodeState.STARTED  # the loaded driver gets the new one


@pytest.mark.row("PNP-13")
def test_PNP_13_a_child_that_is_reported_again_is_unchanged(open_bus: Opener) -> None:
    machine, parent, node = with_children(open_bus, "A", "B")
    first = child(node, "A")
    del parent.present[1]
    parent.tell()
    machine.pnp.wait_until_idle()
    assert node.children == [first]
    assert minors(first) == []
    parent.plug("C", raw=True)
    parent.tell()
    machine.pnp.wait_until_idle()
    assert [each.device_id for each in node.children] == [r"TEST\A", r"TEST\C"]
    assert IRP_MN_START_DEVICE in minors(node.children[1])
    assert (node.children[1].description, node.children[1].location) == ("Child C", "Place 0")


@pytest.mark.row("PNP-13")
def test_PNP_13_a_missing_child_goes_with_all_below_it_and_only_once(open_bus: Opener) -> None:
    machine, parent, node = with_children(open_bus, "A")
    lost = child(node, "A")
    seen = minors(lost)
    parent.present.clear()
    for _ in range(2):
        parent.tell()
        machine.pnp.wait_until_idle()
    assert seen[-2:] == [IRP_MN_SURPRISE_REMOVAL, IRP_MN_REMOVE_DEVICE]
    assert seen.count(IRP_MN_SURPRISE_REMOVAL) == 1
    assert node.children == []


@pytest.mark.row("PNP-13")
def test_PNP_13_two_children_with_the_same_identity(open_bus: Opener) -> None:
    machine, parent, _ = with_children(open_bus, "A")
    parent.plug("A")
    with pytest.raises(BugCheck, match="must differ in device ID and instance ID") as stopped:
        machine.pnp.rescan(machine.devices[0])
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xCA, 1)


@pytest.mark.row("PNP-13")
def test_PNP_13_a_child_that_was_deleted(open_bus: Opener) -> None:
    machine, parent, _ = with_children(open_bus, "A")
    IoDeleteDevice(parent.present[0])
    with pytest.raises(BugCheck, match="must report device objects that exist") as stopped:
        machine.pnp.rescan(machine.devices[0])
    assert (stopped.value.code, stopped.value.parameters[:2]) == (0xCA, (4, parent.present[0]))


def test_a_child_that_is_deleted_while_it_is_present(open_bus: Opener) -> None:
    machine, parent, node = with_children(open_bus, "A")
    lost = child(node, "A")

    def drop(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoDeleteDevice(device)
        return parent.end(irp, STATUS_SUCCESS)

    parent.children_answer[IRP_MN_REMOVE_DEVICE] = drop
    with pytest.raises(BugCheck, match="must keep the device object of a device that is present") as stopped:
        machine.pnp.remove(lost)
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 0x221)
    assert stopped.value.parameters[2:] == (0, lost.physical_device_object)


@pytest.mark.row("PNP-09")
def test_PNP_09_a_driver_stays_attached_until_the_removal(open_bus: Opener) -> None:
    machine, recorder, node = started(open_bus)

    def detach(device: DEVICE_OBJECT, irp: IRP) -> int:
        status = recorder.pass_down(device, irp, STATUS_SUCCESS)
        IoDetachDevice(device.device_extension.lower)
        return status

    recorder.answer[IRP_MN_SURPRISE_REMOVAL] = detach
    with machine.open(NAME):
        machine.pnp.surprise_remove(node)
        row, sentence = machine.defects.pop()
        assert row == "PNP-09"
        assert "must stay attached until IRP_MN_REMOVE_DEVICE" in sentence


# The state of a device.


def reports_state(state: int) -> Recorder:
    recorder = Recorder()

    def tell(device: DEVICE_OBJECT, irp: IRP) -> int:
        irp.io_status.information |= state
        return recorder.pass_down(device, irp, STATUS_SUCCESS)

    recorder.answer[IRP_MN_QUERY_PNP_DEVICE_STATE] = tell
    return recorder


@pytest.mark.parametrize("state", [PNP_DEVICE_FAILED, PNP_DEVICE_REMOVED, PNP_DEVICE_DISABLED])
def test_a_device_that_reports_that_it_cannot_be_used(open_bus: Opener, state: int) -> None:
    machine, recorder, node = started(open_bus)
    recorder.answer |= reports_state(state).answer
    assert recorder.physical is not None
    IoInvalidateDeviceState(recorder.physical)
    machine.pnp.wait_until_idle()
    assert recorder.minors == [
        IRP_MN_QUERY_PNP_DEVICE_STATE,
        IRP_MN_QUERY_DEVICE_RELATIONS,  # RemovalRelations
        IRP_MN_SURPRISE_REMOVAL,
        IRP_MN_REMOVE_DEVICE,
    ]
    assert node.state is NodeState.REMOVED
    assert "IRP_MN_QUERY_PNP_DEVICE_STATE reported PNP_DEVICE_" in str(node.problem)


# Eject, and locks.


def test_a_device_is_ejected_with_its_ejection_relations(open_bus: Opener) -> None:
    machine, parent, node = with_children(open_bus, "A", "B")
    first, second = child(node, "A"), child(node, "B")
    first.physical_device_object.device_extension.relations[EjectionRelations] = (
        second.physical_device_object,
    )
    seen = minors(first)
    parent.children_answer[IRP_MN_EJECT] = lambda device, irp: (
        parent.present.remove(device),
        parent.end(irp, STATUS_SUCCESS),
    )[1]
    IoRequestDeviceEject(first.physical_device_object)
    assert seen == []
    machine.pnp.wait_until_idle()
    assert seen[-4:] == [IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_REMOVE_DEVICE, IRP_MN_EJECT, IRP_MN_REMOVE_DEVICE]
    assert second.state is NodeState.REMOVED
    assert node.children == [second]


def test_a_device_whose_bus_cannot_eject(open_bus: Opener) -> None:
    machine, _, node = started(open_bus)
    veto = machine.pnp.eject(node)
    assert veto is not None
    assert veto.reason == "IRP_MN_EJECT ended with STATUS_NOT_SUPPORTED"
    assert node.state is NodeState.REMOVED


def test_a_lock_is_asked_for(open_bus: Opener) -> None:
    machine, recorder, node = started(open_bus)
    assert machine.pnp.lock_device(node, lock=True) == STATUS_NOT_SUPPORTED
    assert recorder.minors == [IRP_MN_SET_LOCK]
    assert IRP_MN_STOP_DEVICE not in recorder.minors


def test_a_device_that_a_driver_has_found_itself(open_bus: Opener) -> None:
    machine, _, _ = started(open_bus)
    driver = machine.io.drivers["Recorder"]
    status, device = IoReportDetectedDevice(driver, PCIBus, 0, 0, None, None, False)
    assert status == STATUS_SUCCESS
    assert device is not None
    (node,) = [each for each in machine.pnp.root.children if each.physical_device_object is device]
    assert (node.state, node.driver) == (NodeState.STARTED, driver)
    assert node.compatible_ids == (r"DETECTEDInternal\Recorder", r"DETECTED\Recorder")
    assert node.instance_path == r"ROOT\Recorder\0000"
