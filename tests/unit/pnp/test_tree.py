# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The device tree: the machine's own devices, buses and the devices on them."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import cast

import pytest

from dirql.drivers import pci
from dirql.drivers.pci.function import walk_bus
from dirql.ke.costs import Costs
from dirql.machine import DriverModule, open_machine
from dirql.pnp.node import DeviceError
from dirql.pnp.range_arbiter import ResourceConflict
from dirql.pnp.states import NodeState
from dirql.wdm import CM_PARTIAL_RESOURCE_LIST, CM_RESOURCE_LIST
from fakes.pci_function import FakeFunction
from fakes.scripted_target import ScriptedTarget, Space
from unit.pnp.conftest import Opener
from unit.pnp.recorder import Recorder

BUS = 1 << 16
"""The distance of one bus to the next in configuration addresses."""


def test_functions_are_children_of_their_bus(open_bus: Opener) -> None:
    machine = open_bus(FakeFunction(device=2), FakeFunction(device=5))
    root = machine.pnp.root
    (bus,) = root.children
    assert (root.parent, bus.parent, bus.state) == (None, root, NodeState.STARTED)
    assert bus.driver is machine.io.drivers["pci"]
    assert [child.instance_id for child in bus.children] == ["02", "05"]
    assert all(child.parent is bus for child in bus.children)
    assert machine.devices == bus.children


def test_a_bus_has_its_own_functions() -> None:
    target = ScriptedTarget()
    target.map(Space.CONFIGURATION, FakeFunction(device=1).address, 256, FakeFunction(device=1))
    other = FakeFunction(device=4, id=0x0777)
    target.map(Space.CONFIGURATION, 2 * BUS + other.address, 256, other)
    with open_machine(target, costs=Costs.free()) as machine:
        (found,) = walk_bus(2)
        assert (found.bus_number, found.device_number, found.device_id) == (2, 4, 0x0777)
        assert list(walk_bus(1)) == []
        assert [node.instance_id for node in machine.devices] == ["01"]


def test_devices_go_with_their_bus_and_come_back(open_bus: Opener) -> None:
    fake = FakeFunction()
    machine = open_bus(fake)
    recorder = Recorder()
    driver = machine.load_driver(recorder)
    machine.unload_driver(machine.io.drivers["pci"])
    assert [node.state for node in machine.devices] == [NodeState.REMOVED]
    assert fake.command & 0x7 == 0
    machine.unload_driver(driver)
    machine.load_driver(recorder)  # there is no device for it now
    assert machine.devices[0].state is NodeState.REMOVED
    machine.unload_driver(machine.io.drivers["Recorder"])

    machine.load_driver(pci)
    machine.load_driver(recorder)
    assert [node.state for node in machine.devices] == [NodeState.STARTED]


def test_a_bus_without_a_number_does_not_start(open_bus: Opener) -> None:
    machine = open_bus()
    machine.unload_driver(machine.io.drivers["pci"])
    (bus,) = machine.pnp.root.children
    bus.boot_resources = None
    with pytest.raises(DeviceError, match="IRP_MN_START_DEVICE ended with STATUS_DEVICE_CONFIGURATION_ERROR"):
        machine.load_driver(pci)
    assert bus.state is NodeState.FAILED


def test_a_driver_may_name_one_device_by_a_string(open_bus: Opener) -> None:
    recorder = Recorder()
    driver = ModuleType("recorded")
    vars(driver).update(DriverEntry=recorder.DriverEntry, HARDWARE_IDS=Recorder.HARDWARE_IDS[0])
    machine = open_bus(FakeFunction())
    machine.load_driver(cast("DriverModule", driver))
    assert machine.devices[0].state is NodeState.STARTED


def test_a_bus_without_room_for_the_devices_is_removed_again(open_bus: Opener) -> None:
    machine = open_bus(FakeFunction(bars=((0x0, 4096),)))
    machine.unload_driver(machine.io.drivers["pci"])
    (bus,) = machine.pnp.root.children
    assert bus.boot_resources is not None
    (full,) = bus.boot_resources.list
    numbers = full.partial_resource_list.partial_descriptors[-1:]
    without_ranges = replace(full, partial_resource_list=CM_PARTIAL_RESOURCE_LIST(numbers))
    bus.boot_resources = CM_RESOURCE_LIST((without_ranges,))
    with pytest.raises(ResourceConflict, match="a device needs 0x1000 bytes of memory"):
        machine.load_driver(pci)
    assert bus.state is NodeState.REMOVED
    assert list(machine.io.drivers) == []
    assert bus.physical_device_object.attached_device is None
