# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Filters stand in the stacks of devices in the order that Windows has."""

from __future__ import annotations

import pytest

from dirql.machine import Machine
from dirql.pnp.node import DeviceError
from dirql.pnp.states import NodeState
from dirql.wdm import (
    DEVICE_OBJECT,
    DO_DEVICE_INITIALIZING,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    IRP_MN_FILTER_RESOURCE_REQUIREMENTS,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    IoAttachDeviceToDeviceStack,
    IoCreateDevice,
    IoGetDeviceAttachmentBaseRef,
    IoGetLowerDeviceObject,
    ObDereferenceObject,
)
from fakes.pci_function import FakeFunction
from unit.pnp.conftest import Opener
from unit.pnp.recorder import Layer, Recorder

CLASS = "{4d36e97d-e325-11ce-bfc1-08002be10318}"


class Filter(Recorder):
    """A driver in the stack of a device; `order` gets the names of drivers whose AddDevice is called."""

    CLASS_GUID = CLASS.upper()

    def __init__(self, name: str, order: list[str]) -> None:
        super().__init__()
        self.name = name
        self.order = order

    def add_device(self, driver: DRIVER_OBJECT, physical: DEVICE_OBJECT) -> int:
        self.order.append(self.name)
        self.physical = physical
        if "add" in self.fail:
            return self.fail["add"]
        _, device = IoCreateDevice(driver, Layer, None, FILE_DEVICE_UNKNOWN, 0, False)
        assert device is not None
        lower = IoAttachDeviceToDeviceStack(device, physical)
        assert lower is not None
        device.device_extension.lower = lower
        device.flags &= ~DO_DEVICE_INITIALIZING
        self.device = device
        return STATUS_SUCCESS


PLACES = ("upper class", "upper", "lower class", "lower")
IN_ORDER = ["lower", "lower class", "function", "upper", "upper class"]


def stack(open_bus: Opener, order: list[str]) -> tuple[Machine, dict[str, Filter]]:
    machine = open_bus(FakeFunction(bars=((0x0, 4096),)))
    filters = {place: Filter(place, order) for place in PLACES}
    for place, driver in filters.items():
        machine.load_driver(driver, place, as_filter=place)
    filters["function"] = Filter("function", order)
    return machine, filters


@pytest.mark.row("PNP-01")
def test_PNP_01_add_device_is_called_from_the_bottom_of_the_stack_to_the_top(open_bus: Opener) -> None:
    order: list[str] = []
    machine, drivers = stack(open_bus, order)
    assert order == []
    machine.load_driver(drivers["function"], "function")
    assert order == IN_ORDER
    (node,) = machine.devices
    assert list(node.stack())[1:] == [drivers[name].device for name in IN_ORDER]
    assert all(drivers[name].minors[0] == IRP_MN_FILTER_RESOURCE_REQUIREMENTS for name in IN_ORDER)
    top = drivers["upper class"].device
    assert top is not None
    lower = IoGetLowerDeviceObject(top)
    assert lower is drivers["upper"].device
    assert lower is not None
    base = IoGetDeviceAttachmentBaseRef(top)
    assert base is node.physical_device_object
    assert IoGetLowerDeviceObject(base) is None
    ObDereferenceObject(lower)
    ObDereferenceObject(base)


def test_a_filter_whose_add_device_fails_ends_the_start(open_bus: Opener) -> None:
    order: list[str] = []
    machine, drivers = stack(open_bus, order)
    drivers["upper"].fail["add"] = STATUS_UNSUCCESSFUL
    with pytest.raises(DeviceError, match="AddDevice of <driver upper> ended with STATUS_UNSUCCESSFUL"):
        machine.load_driver(drivers["function"], "function")
    assert order == IN_ORDER[:4]
    assert machine.devices[0].state is NodeState.FAILED
    assert machine.devices[0].physical_device_object.attached_device is None
    assert drivers["lower"].minors == drivers["function"].minors == [IRP_MN_REMOVE_DEVICE]
    assert drivers["upper class"].minors == []


def test_a_filter_that_is_unloaded_leaves_with_the_device(open_bus: Opener) -> None:
    machine, drivers = stack(open_bus, [])
    machine.load_driver(drivers["function"], "function")
    machine.unload_driver(machine.io.drivers["upper"])
    assert drivers["function"].minors[-2:] == [IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_REMOVE_DEVICE]
    machine.pnp.enable(machine.devices[0])
    layers = list(machine.devices[0].stack())[1:]
    assert layers == [drivers[name].device for name in IN_ORDER if name != "upper"]


def test_a_filter_of_another_place(open_bus: Opener) -> None:
    machine = open_bus()
    with pytest.raises(ValueError, match=r"a filter must be one of 'lower', 'lower class', .*'middle'"):
        machine.load_driver(Filter("x", []), as_filter="middle")
