# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Devices are stopped so that resources can move, and started again."""

from __future__ import annotations

from copy import deepcopy

import pytest

from dirql.machine import Machine
from dirql.pnp.states import NodeState
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_RESOURCE_LIST,
    IO_RESOURCE_REQUIREMENTS_LIST,
    IRP,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_DEVICE_USAGE_NOTIFICATION,
    IRP_MN_FILTER_RESOURCE_REQUIREMENTS,
    IRP_MN_QUERY_PNP_DEVICE_STATE,
    IRP_MN_QUERY_RESOURCE_REQUIREMENTS,
    IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    PNP_DEVICE_RESOURCE_REQUIREMENTS_CHANGED,
    STATUS_DEVICE_CONFIGURATION_ERROR,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    BusRelations,
    CmResourceTypeMemory,
    DeviceUsageTypePaging,
    IoForwardIrpSynchronously,
    IoInvalidateDeviceRelations,
    IoInvalidateDeviceState,
)
from fakes.pci_function import FakeFunction
from fakes.scripted_target import ScriptedTarget, Space
from unit.pnp.conftest import Opener
from unit.pnp.recorder import Recorder

BARS = ((0x0, 4096), (0x1, 16))
HUGE = 1 << 29
"""Half of the memory that the bus has for devices."""


def started(open_bus: Opener, *functions: FakeFunction) -> tuple[Machine, Recorder]:
    machine = open_bus(*(functions or (FakeFunction(bars=BARS),)))
    recorder = Recorder()
    machine.load_driver(recorder)
    recorder.minors.clear()
    return machine, recorder


def memory(recorder: Recorder) -> int:
    assert recorder.raw is not None
    found = recorder.raw.list[0].partial_resource_list.partial_descriptors
    return next(each.u.memory.start for each in found if each.type == CmResourceTypeMemory)


@pytest.mark.row("PNP-06")
def test_PNP_06_a_device_is_stopped_after_the_query_and_started_with_other_resources(
    open_bus: Opener,
) -> None:
    fake = FakeFunction(bars=BARS)
    machine, recorder = started(open_bus, fake)
    before = memory(recorder)
    assert machine.pnp.rebalance(machine.devices[0]) is None
    assert recorder.minors == [IRP_MN_QUERY_STOP_DEVICE, IRP_MN_STOP_DEVICE, IRP_MN_START_DEVICE]
    assert machine.devices[0].state is NodeState.STARTED
    assert memory(recorder) != before
    assert fake.bar(0) == memory(recorder)
    assert fake.command & 0x7 == 0x7


@pytest.mark.row("PNP-06")
def test_PNP_06_all_are_told_when_one_refuses_the_query(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    recorder.fail[IRP_MN_QUERY_STOP_DEVICE] = STATUS_UNSUCCESSFUL
    before = machine.devices[0].ranges
    veto = machine.pnp.rebalance(machine.devices[0])
    assert veto is not None
    assert (veto.node, veto.status) == (machine.devices[0], STATUS_UNSUCCESSFUL)
    assert recorder.minors == [IRP_MN_QUERY_STOP_DEVICE, IRP_MN_CANCEL_STOP_DEVICE]
    assert machine.devices[0].state is NodeState.STARTED
    assert machine.devices[0].ranges == before


@pytest.mark.row("PNP-06")
def test_PNP_06_a_stop_is_no_step_towards_removal(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    assert machine.pnp.remove(machine.devices[0]) is None
    assert not {IRP_MN_QUERY_STOP_DEVICE, IRP_MN_STOP_DEVICE} & set(recorder.minors)


class Absent:
    """A place on the bus where nothing answers."""

    def read(self, offset: int, byte_enables: int) -> int:
        return 0xFFFF_FFFF

    def write(self, offset: int, value: int, byte_enables: int) -> None:
        """Nobody takes the value."""


def plug(machine: Machine, function: FakeFunction, *, out: bool = False) -> None:
    """Put a function on the bus while the machine runs, or take it out."""
    target = machine.target
    assert isinstance(target, ScriptedTarget)
    target.map(Space.CONFIGURATION, function.address, 256, Absent() if out else function)
    IoInvalidateDeviceRelations(machine.pnp.root.children[0].physical_device_object, BusRelations)
    machine.pnp.wait_until_idle()


def place_of(machine: Machine, function: FakeFunction) -> tuple[int, int]:
    node = next(each for each in machine.devices if each.instance_id == f"{function.device:02X}")
    where = node.ranges[0].u.memory
    return where.start, where.length


@pytest.mark.row("PNP-06")
def test_PNP_06_devices_move_for_a_new_one_and_others_stay(open_bus: Opener) -> None:
    small = FakeFunction(device=1, bars=((0x0, 4096),))
    quarter, staying = (FakeFunction(device=n, id=7, bars=((0x0, HUGE // 2),)) for n in (2, 3))
    half = FakeFunction(device=4, id=7, bars=((0x0, HUGE),))
    machine, recorder = started(open_bus, small)
    for function in (quarter, staying):
        plug(machine, function)
    plug(machine, quarter, out=True)
    bottom = place_of(machine, small)[0]
    before = place_of(machine, staying)
    assert recorder.minors == []
    plug(machine, half)
    assert recorder.minors == [IRP_MN_QUERY_STOP_DEVICE, IRP_MN_STOP_DEVICE, IRP_MN_START_DEVICE]
    assert place_of(machine, half) == (bottom, HUGE)
    assert place_of(machine, staying) == before
    assert place_of(machine, small)[0] == memory(recorder) >= before[0] + before[1]
    assert small.bar(0) == memory(recorder)


def test_a_new_device_without_room_has_the_conflict_as_its_problem(open_bus: Opener) -> None:
    machine, recorder = started(open_bus, FakeFunction(bars=((0x0, HUGE),)))
    recorder.fail[IRP_MN_QUERY_STOP_DEVICE] = STATUS_UNSUCCESSFUL
    plug(machine, FakeFunction(device=4, id=7, bars=((0x0, HUGE), (0x0, HUGE))))
    assert machine.devices[0].state is NodeState.STARTED
    assert recorder.minors == [IRP_MN_QUERY_STOP_DEVICE, IRP_MN_CANCEL_STOP_DEVICE]
    assert machine.devices[1].state is NodeState.FAILED
    assert "a device needs 0x20000000 bytes of memory" in str(machine.devices[1].problem)


def test_a_device_that_does_not_start_again_is_as_one_that_is_gone(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    recorder.fail["start"] = STATUS_DEVICE_CONFIGURATION_ERROR
    veto = machine.pnp.rebalance(machine.devices[0])
    assert veto is not None
    assert "STATUS_DEVICE_CONFIGURATION_ERROR" in veto.reason
    assert recorder.minors[2:] == [IRP_MN_START_DEVICE, IRP_MN_SURPRISE_REMOVAL, IRP_MN_REMOVE_DEVICE]
    assert machine.devices[0].state is NodeState.REMOVED
    assert machine.devices[0].problem is not None


def test_requirements_that_have_changed(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)

    def tell(device: DEVICE_OBJECT, irp: IRP) -> int:
        irp.io_status.information |= PNP_DEVICE_RESOURCE_REQUIREMENTS_CHANGED
        return recorder.pass_down(device, irp, STATUS_SUCCESS)

    recorder.answer[IRP_MN_QUERY_PNP_DEVICE_STATE] = tell
    assert recorder.physical is not None
    IoInvalidateDeviceState(recorder.physical)
    assert recorder.minors == []  # later, in a thread of the manager
    machine.pnp.wait_until_idle()
    assert recorder.minors == [
        IRP_MN_QUERY_PNP_DEVICE_STATE,
        IRP_MN_QUERY_STOP_DEVICE,
        IRP_MN_QUERY_RESOURCE_REQUIREMENTS,
        IRP_MN_FILTER_RESOURCE_REQUIREMENTS,
        IRP_MN_STOP_DEVICE,
        IRP_MN_START_DEVICE,
    ]


def test_a_driver_filters_its_requirements(open_bus: Opener) -> None:
    recorder = Recorder()
    seen: list[IO_RESOURCE_REQUIREMENTS_LIST] = []

    def filter_ports(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoForwardIrpSynchronously(device.device_extension.lower, irp)
        wanted = irp.io_status.information_object
        assert isinstance(wanted, IO_RESOURCE_REQUIREMENTS_LIST)
        seen.append(wanted)
        kept = [each for each in wanted.list[0].descriptors if each.type == CmResourceTypeMemory]
        memory = deepcopy(kept[0])
        memory.u.memory.length = memory.u.memory.alignment = 8192
        kept = [memory]
        irp.io_status.information_object = IO_RESOURCE_REQUIREMENTS_LIST(
            wanted.interface_type, wanted.bus_number, wanted.slot_number, [IO_RESOURCE_LIST(kept)]
        )
        return recorder.end(irp, STATUS_SUCCESS)

    recorder.answer[IRP_MN_FILTER_RESOURCE_REQUIREMENTS] = filter_ports
    machine = open_bus(FakeFunction(bars=((0x0, 4096),)))
    machine.load_driver(recorder)
    assert seen == [machine.devices[0].requirements]
    assert recorder.raw is not None
    given = recorder.raw.list[0].partial_resource_list.partial_descriptors
    assert [(each.type, each.u.memory.length) for each in given] == [(CmResourceTypeMemory, 8192)]
    assert given == machine.devices[0].ranges


def forward(recorder: Recorder) -> None:
    """Let the bus below, which knows nothing of special files, keep out of it."""

    def take(device: DEVICE_OBJECT, irp: IRP) -> int:
        return recorder.pass_down(device, irp, STATUS_SUCCESS)

    recorder.answer[IRP_MN_DEVICE_USAGE_NOTIFICATION] = take


@pytest.mark.row("PNP-21")
def test_PNP_21_a_device_with_a_paging_file_stays(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    forward(recorder)
    node = machine.devices[0]
    assert machine.pnp.notify_usage(node, DeviceUsageTypePaging, in_path=True) == STATUS_SUCCESS
    assert node.parent is not None
    assert node.parent.is_used_by_system
    for ask in (machine.pnp.rebalance, machine.pnp.remove):
        veto = ask(node)
        assert veto is not None
        assert "paging" in veto.reason
        row, sentence = machine.defects.pop()
        assert (row, machine.defects) == ("PNP-21", [])
        assert "a driver must fail IRP_MN_QUERY_" in sentence
        assert node.state is NodeState.STARTED
    assert machine.pnp.notify_usage(node, DeviceUsageTypePaging, in_path=False) == STATUS_SUCCESS
    assert machine.pnp.remove(node) is None
