# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Filters stand in the stacks of devices in the order that Windows has."""

from __future__ import annotations

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine, Service
from dirql.pnp.node import DeviceError
from dirql.pnp.states import NodeState
from dirql.wdm import (
    DEVICE_OBJECT,
    DO_BUFFERED_IO,
    DO_DEVICE_INITIALIZING,
    DO_DIRECT_IO,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    IRP_MN_FILTER_RESOURCE_REQUIREMENTS,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    REG_MULTI_SZ,
    SERVICE_DISABLED,
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


@pytest.mark.parametrize(
    ("flags", "rows"),
    [
        (0, []),
        (DO_BUFFERED_IO, []),
        (DO_DIRECT_IO, []),
        (DO_BUFFERED_IO | DO_DIRECT_IO, ["DEV-12"]),
        (DO_DEVICE_INITIALIZING, ["DEV-02"]),
    ],
)
@pytest.mark.row("DEV-02", "DEV-12")
def test_the_flags_of_a_new_device_object(open_bus: Opener, flags: int, rows: list[str]) -> None:
    class Flagged(Filter):
        def add_device(self, driver: DRIVER_OBJECT, physical: DEVICE_OBJECT) -> int:
            status = super().add_device(driver, physical)
            assert self.device is not None
            self.device.flags |= flags
            return status

    machine = open_bus(FakeFunction(bars=((0x0, 4096),)))
    machine.load_driver(Flagged("function", []), "function")
    found = [row for row, _ in machine.defects]
    machine.defects.clear()
    assert found == rows


@pytest.mark.interpreted("types")
@pytest.mark.parametrize(("member", "value"), [("stack_size", 0), ("flags", None), ("device_type", "disk")])
def test_a_member_that_cannot_be_is_told_with_add_device(
    open_bus: Opener, member: str, value: object
) -> None:
    class Careless(Filter):
        def add_device(self, driver: DRIVER_OBJECT, physical: DEVICE_OBJECT) -> int:
            status = super().add_device(driver, physical)
            setattr(self.device, member, value)
            return status

    machine = open_bus(FakeFunction(bars=((0x0, 4096),)))
    with pytest.raises(
        BugCheck, match=rf"{member} of <device .*> must be .*; it was {value!r}[^\n]*\n.*add_device"
    ):
        machine.load_driver(Careless("function", []), "function")


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


def name_filters(machine: Machine, path: str, value: str, *names: str) -> None:
    key = machine.registry.ensure(rf"\Registry\Machine\SYSTEM\CurrentControlSet\{path}")
    machine.registry.set_value(key, value, REG_MULTI_SZ, "\0".join((*names, "", "")).encode("utf-16-le"))


def test_PNP_23_filters_that_the_registry_names_are_loaded_and_stand_in_its_order(open_bus: Opener) -> None:
    order: list[str] = []
    machine = open_bus(FakeFunction(bars=((0x0, 4096),)))
    device = rf"Enum\{machine.devices[0].instance_path}"
    for name in ("a", "b", "c", "d", "e", "f"):
        machine.create_service(Service(driver=Filter(name, order), name=name))
    machine.load_driver(Filter("loaded", order), "loaded", as_filter="upper")
    name_filters(machine, device, "LowerFilters", "b", "A")
    name_filters(machine, device, "UpperFilters", "d", "c")
    name_filters(machine, rf"Control\Class\{CLASS}", "LowerFilters", "e")
    name_filters(machine, rf"Control\Class\{CLASS}", "UpperFilters", "f", "d")
    machine.load_driver(Filter("function", order), "function")
    assert order == ["b", "a", "e", "function", "d", "c", "loaded", "f"]
    assert machine.devices[0].state is NodeState.STARTED
    machine.unload_driver(machine.io.drivers["c"])
    machine.pnp.enable(machine.devices[0])
    assert order[8:] == order[:8], "the driver that was unloaded is loaded again"


@pytest.mark.parametrize(
    ("start", "status"),
    [(None, "STATUS_OBJECT_NAME_NOT_FOUND"), (SERVICE_DISABLED, "STATUS_PLUGPLAY_NO_DEVICE")],
)
def test_PNP_23_a_device_with_a_filter_that_cannot_be_loaded_is_not_started(
    open_bus: Opener, start: int | None, status: str
) -> None:
    order: list[str] = []
    machine = open_bus(FakeFunction(bars=((0x0, 4096),)))
    if start is not None:
        machine.create_service(Service(driver=Filter("gone", order), name="gone", start=start))
    name_filters(machine, rf"Enum\{machine.devices[0].instance_path}", "UpperFilters", "gone")
    with pytest.raises(DeviceError, match=f"the filter gone, which UpperFilters names, ended with {status}"):
        machine.load_driver(Filter("function", order), "function")
    assert (order, machine.devices[0].state) == ([], NodeState.FAILED)
