# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Resources that drivers claim themselves, and devices that they have found, as drivers of NT 4 do."""

from __future__ import annotations

from typing import cast

import pytest

from dirql import wdm
from dirql.machine import Machine
from dirql.pnp.claims import extent
from dirql.pnp.states import NodeState
from fakes.pci_function import FakeFunction
from unit.pnp.conftest import Opener
from unit.pnp.recorder import Recorder
from unit.pnp.test_stopping import BARS, HUGE, memory

pytestmark = pytest.mark.row("PNP-24")

EXCLUSIVE = wdm.CmResourceShareDeviceExclusive
OF_DRIVER = wdm.CmResourceShareDriverExclusive
SHARED = wdm.CmResourceShareShared
Descriptor = wdm.CM_PARTIAL_RESOURCE_DESCRIPTOR


class Legacy:
    """A driver that finds its devices itself."""

    def DriverEntry(self, driver: wdm.DRIVER_OBJECT, path: str) -> int:
        self.driver, self.path = driver, path
        driver.driver_unload = lambda _: None
        return wdm.STATUS_SUCCESS


def legacy(machine: Machine, name: str = "Legacy") -> Legacy:
    made = Legacy()
    machine.load_driver(made, name=name)
    return made


def device(made: Legacy, name: str) -> wdm.DEVICE_OBJECT:
    status, found = wdm.IoCreateDevice(made.driver, 0, rf"\Device\{name}", wdm.FILE_DEVICE_UNKNOWN, 0, False)
    assert found is not None, status
    return found


def resource(kind: int, start: int, length: int = 1, share: int = EXCLUSIVE) -> Descriptor:
    made = Descriptor(type=kind, share_disposition=share)
    if kind == wdm.CmResourceTypePort:
        made.flags, made.u.port.start, made.u.port.length = (
            wdm.CM_RESOURCE_PORT_IO,
            wdm.PHYSICAL_ADDRESS(start),
            length,
        )
    elif kind == wdm.CmResourceTypeMemory:
        made.u.memory.start, made.u.memory.length = wdm.PHYSICAL_ADDRESS(start), length
    elif kind == wdm.CmResourceTypeInterrupt:
        made.u.interrupt.level = made.u.interrupt.vector = start
    else:
        made.u.dma.channel = start
    return made


def ports(start: int, length: int, share: int = EXCLUSIVE) -> Descriptor:
    return resource(wdm.CmResourceTypePort, start, length, share)


def listed(*descriptors: Descriptor) -> wdm.CM_RESOURCE_LIST:
    full = wdm.CM_FULL_RESOURCE_DESCRIPTOR(wdm.Isa, 0, wdm.CM_PARTIAL_RESOURCE_LIST(descriptors))
    return wdm.CM_RESOURCE_LIST((full,))


def claim(
    made: Legacy, *descriptors: Descriptor, of: wdm.DEVICE_OBJECT | None = None, override: bool = False
) -> tuple[int, bool]:
    """Call IoReportResourceUsage for the driver, or for a device of it."""
    resources = listed(*descriptors) if descriptors else wdm.CM_RESOURCE_LIST()
    for_driver, for_device = (resources, None) if of is None else (None, resources)
    return wdm.IoReportResourceUsage(None, made.driver, for_driver, 64, of, for_device, 64, override)


FREE = (wdm.STATUS_SUCCESS, False)
TAKEN = (wdm.STATUS_CONFLICTING_ADDRESSES, True)


@pytest.mark.parametrize(
    ("kind", "first", "second", "conflict"),
    [
        (wdm.CmResourceTypePort, (0x300, 16), (0x30F, 1), True),
        (wdm.CmResourceTypePort, (0x300, 16), (0x310, 8), False),
        (wdm.CmResourceTypePort, (0x300, 16), (0x2F8, 8), False),
        (wdm.CmResourceTypePort, (0x300, 16), (0x2F8, 9), True),
        (wdm.CmResourceTypeMemory, (0xC8000, 0x4000), (0xCA000, 0x100), True),
        (wdm.CmResourceTypeMemory, (0xC8000, 0x4000), (0xCC000, 0x100), False),
        (wdm.CmResourceTypeInterrupt, (5, 1), (5, 1), True),
        (wdm.CmResourceTypeInterrupt, (5, 1), (7, 1), False),
        (wdm.CmResourceTypeDma, (2, 1), (2, 1), True),
        (wdm.CmResourceTypeDma, (2, 1), (3, 1), False),
    ],
)
def test_PNP_24_what_one_driver_has_claimed_another_cannot_have(
    open_bus: Opener, kind: int, first: tuple[int, int], second: tuple[int, int], conflict: bool
) -> None:
    machine = open_bus()
    one, other = legacy(machine), legacy(machine, "Other")
    assert claim(one, resource(kind, *first)) == FREE
    assert claim(other, resource(kind, *second)) == (TAKEN if conflict else FREE)
    assert claim(one, resource(kind, *first)) == FREE, "its own claim is in nobody's way"
    assert claim(one) == FREE
    assert claim(other, resource(kind, *second)) == FREE


@pytest.mark.parametrize(
    ("first", "second", "same_driver", "conflict"),
    [
        (SHARED, SHARED, False, False),
        (SHARED, EXCLUSIVE, False, True),
        (EXCLUSIVE, SHARED, False, True),
        (OF_DRIVER, OF_DRIVER, False, True),
        (OF_DRIVER, OF_DRIVER, True, False),
        (OF_DRIVER, SHARED, True, False),
        (OF_DRIVER, SHARED, False, True),
        (EXCLUSIVE, EXCLUSIVE, True, True),
        (0, SHARED, False, True),
    ],
)
def test_PNP_24_resources_that_can_be_shared(
    open_bus: Opener, first: int, second: int, same_driver: bool, conflict: bool
) -> None:
    machine = open_bus()
    one = legacy(machine)
    other = one if same_driver else legacy(machine, "Other")
    assert claim(one, ports(0x300, 8, first), of=device(one, "One")) == FREE
    status = claim(other, ports(0x304, 8, second), of=device(other, "Two"))
    assert status == (TAKEN if conflict else FREE)


def test_PNP_24_an_override_claims_all_the_same_and_tells(open_bus: Opener) -> None:
    machine = open_bus()
    one, other = legacy(machine), legacy(machine, "Other")
    claim(one, ports(0x300, 8))
    assert claim(other, ports(0x300, 8), override=True) == (wdm.STATUS_SUCCESS, True)
    assert claim(one) == FREE
    assert claim(one, ports(0x300, 8)) == TAKEN


def test_PNP_24_nothing_is_claimed_after_a_conflict(open_bus: Opener) -> None:
    machine = open_bus()
    one, other, third = legacy(machine), legacy(machine, "Other"), legacy(machine, "Third")
    claim(one, ports(0x300, 8))
    assert claim(other, ports(0x320, 8)) == FREE
    assert claim(other, ports(0x340, 8), ports(0x300, 1)) == TAKEN
    assert claim(third, ports(0x340, 8)) == FREE
    assert claim(third, ports(0x320, 8)) == TAKEN, "the claim before stands"


def test_PNP_24_a_driver_that_is_unloaded_has_no_claims(open_bus: Opener) -> None:
    machine = open_bus()
    one, other = legacy(machine), legacy(machine, "Other")
    claim(one, ports(0x300, 8))
    machine.unload_driver(one.driver)
    assert claim(other, ports(0x300, 8)) == FREE


def test_PNP_24_a_claim_stands_in_the_registry(open_bus: Opener) -> None:
    machine = open_bus()
    one = legacy(machine)
    claim(one, ports(0x300, 8))
    claim(one, resource(wdm.CmResourceTypeDma, 2), of=device(one, "One"))
    key = machine.registry.find(r"\Registry\Machine\Hardware\ResourceMap\OtherDrivers\Legacy")
    assert key is not None
    values = {value.name: value.data for value in key.values()}
    assert set(values) == {".Raw", ".Translated", r"\Device\One.Raw", r"\Device\One.Translated"}
    assert values[".Raw"][20:40] == bytes.fromhex("0101010000030000000000000800000000000000")
    assert values[r"\Device\One.Raw"][20:28] == bytes.fromhex("0401000002000000")
    claim(one)
    assert ".Raw" not in {value.name for value in key.values()}


def test_PNP_24_resources_of_Plug_and_Play_devices_are_in_use(open_bus: Opener) -> None:
    machine = open_bus(FakeFunction(bars=BARS))
    one = legacy(machine)
    recorder = Recorder()
    machine.load_driver(recorder)
    assert recorder.raw is not None
    for each in recorder.raw.list[0].partial_resource_list.partial_descriptors:
        exclusive = Descriptor(each.type, EXCLUSIVE, each.flags, each.u)
        assert claim(one, exclusive) == TAKEN
    line = recorder.raw.list[0].partial_resource_list.partial_descriptors[-1]
    assert claim(one, Descriptor(line.type, SHARED, line.flags, line.u)) == FREE


def test_PNP_24_a_bus_gives_no_device_what_a_driver_has_claimed(open_bus: Opener) -> None:
    machine = open_bus(FakeFunction(bars=((0x0, HUGE),)))
    recorder = Recorder()
    machine.load_driver(recorder)
    node = machine.devices[0]
    first = memory(recorder)
    assert machine.pnp.remove(node) is None
    other = 0x8000_0000 + 0xA000_0000 - first
    one = legacy(machine)
    assert claim(one, resource(wdm.CmResourceTypeMemory, other + 0x1000, 0x100)) == FREE
    machine.pnp.enable(node)
    assert memory(recorder) == first
    assert machine.pnp.rebalance(node) is not None or memory(recorder) == first
    claim(one)
    assert machine.pnp.rebalance(node) is None
    assert memory(recorder) == other


def test_PNP_24_a_bus_that_is_started_again_knows_the_claims(open_bus: Opener) -> None:
    machine = open_bus(FakeFunction(bars=((0x0, HUGE),)))
    recorder = Recorder()
    machine.load_driver(recorder)
    first = memory(recorder)
    (bus,) = machine.pnp.root.children
    assert machine.pnp.remove(bus) is None
    wanted = resource(wdm.CmResourceTypeMemory, first + 0x1000, 0x100)
    assert claim(legacy(machine), wanted, override=True)[0] == wdm.STATUS_SUCCESS
    machine.pnp.enable(bus)
    assert memory(recorder) == 0x8000_0000 + 0xA000_0000 - first


# Detection.


def test_PNP_24_a_detected_device_claims_its_resources(open_bus: Opener) -> None:
    machine = open_bus()
    one, other = legacy(machine), legacy(machine, "Other")
    status, found = wdm.IoReportDetectedDevice(
        one.driver, wdm.Isa, 0, 0, listed(ports(0x300, 8)), None, False
    )
    assert status == wdm.STATUS_SUCCESS
    assert found is not None
    assert found.flags & wdm.DO_BUS_ENUMERATED_DEVICE
    (node,) = [each for each in machine.pnp.root.children if each.physical_device_object is found]
    assert node.compatible_ids == (r"DETECTEDIsa\Legacy", r"DETECTED\Legacy")
    assert claim(other, ports(0x300, 8)) == TAKEN
    children = len(machine.pnp.root.children)
    again = wdm.IoReportDetectedDevice(other.driver, wdm.Isa, 0, 0, listed(ports(0x300, 8)), None, False)
    assert again == (wdm.STATUS_CONFLICTING_ADDRESSES, None)
    assert len(machine.pnp.root.children) == children


def test_PNP_24_detection_in_the_order_of_the_documentation(open_bus: Opener) -> None:
    """Claim, look for the device, report it with ResourceAssigned."""
    machine = open_bus()
    one, other = legacy(machine), legacy(machine, "Other")
    wanted = listed(ports(0x300, 8))
    assert wdm.IoReportResourceForDetection(one.driver, wanted, 64, None, None, 0) == FREE
    assert wdm.IoReportResourceForDetection(other.driver, wanted, 64, None, None, 0) == TAKEN
    for assigned in (True, False):
        status, _ = wdm.IoReportDetectedDevice(
            one.driver, wdm.Isa, -1 & 0xFFFF_FFFF, 0, wanted, None, assigned
        )
        assert status == wdm.STATUS_SUCCESS
    assert wdm.IoReportResourceForDetection(one.driver, wdm.CM_RESOURCE_LIST(), 4, None, None, 0) == FREE
    assert wdm.IoReportResourceForDetection(other.driver, wanted, 64, None, None, 0) == TAKEN
    nothing = wdm.IoReportResourceForDetection(one.driver, None, 0, None, None, 0)
    assert nothing == (wdm.STATUS_INVALID_PARAMETER, False)


def test_PNP_24_a_driver_may_bring_its_physical_device_object_along(open_bus: Opener) -> None:
    machine = open_bus()
    one, other = legacy(machine), legacy(machine, "Other")
    mine = device(one, "Mine")
    status, found = wdm.IoReportDetectedDevice(one.driver, wdm.Internal, 0, 0, None, None, False, mine)
    assert (status, found) == (wdm.STATUS_SUCCESS, mine)
    (node,) = [each for each in machine.pnp.root.children if each.physical_device_object is mine]
    assert (node.state, node.driver) == (NodeState.STARTED, one.driver)
    again = wdm.IoReportDetectedDevice(one.driver, wdm.Internal, 0, 0, None, None, False, mine)
    assert again == (wdm.STATUS_INVALID_PARAMETER, None)
    claim(other, ports(0x300, 8))
    second = device(one, "Second")
    refused = wdm.IoReportDetectedDevice(
        one.driver, wdm.Internal, 0, 0, listed(ports(0x300, 8)), None, False, second
    )
    assert refused == (wdm.STATUS_CONFLICTING_ADDRESSES, None)
    assert not second.flags & wdm.DO_BUS_ENUMERATED_DEVICE
    with pytest.raises(TypeError, match="DeviceObject must be a DEVICE_OBJECT or NULL; it was 3"):
        wdm.IoReportDetectedDevice(
            one.driver, wdm.Internal, 0, 0, None, None, False, cast("wdm.DEVICE_OBJECT", 3)
        )


# Assignment.


def wanted_ports(first: int, last: int, length: int, option: int = 0) -> wdm.IO_RESOURCE_DESCRIPTOR:
    made = wdm.IO_RESOURCE_DESCRIPTOR(wdm.CmResourceTypePort, EXCLUSIVE, wdm.CM_RESOURCE_PORT_IO, option)
    made.u.port.length = made.u.port.alignment = length
    made.u.port.minimum_address, made.u.port.maximum_address = map(wdm.PHYSICAL_ADDRESS, (first, last))
    return made


def wanted_number(kind: int, first: int, last: int) -> wdm.IO_RESOURCE_DESCRIPTOR:
    made = wdm.IO_RESOURCE_DESCRIPTOR(kind, EXCLUSIVE)
    made.u.interrupt.minimum_vector, made.u.interrupt.maximum_vector = first, last
    made.u.dma.minimum_channel, made.u.dma.maximum_channel = first, last
    return made


def assign(
    made: Legacy, *lists: list[wdm.IO_RESOURCE_DESCRIPTOR], of: wdm.DEVICE_OBJECT | None = None
) -> tuple[int, list[int]]:
    """Call IoAssignResources; the status, and the beginning of each resource."""
    wanted = wdm.IO_RESOURCE_REQUIREMENTS_LIST(wdm.Isa, 0, 0, [wdm.IO_RESOURCE_LIST(each) for each in lists])
    status, found = wdm.IoAssignResources(made.path, None, made.driver, of, wanted if lists else None)
    if found is None:
        return status, []
    (full,) = found.list
    return status, [extent(each)[0] for each in full.partial_resource_list.partial_descriptors]


def test_PNP_25_the_first_free_resources_are_assigned(open_bus: Opener) -> None:
    machine = open_bus()
    one, other = legacy(machine), legacy(machine, "Other")
    wanted = [
        wanted_ports(0x300, 0x31F, 16),
        wanted_ports(0x300, 0x31F, 8),
        wanted_number(wdm.CmResourceTypeInterrupt, 9, 11),
        wanted_number(wdm.CmResourceTypeDma, 1, 3),
    ]
    assert assign(one, wanted) == (wdm.STATUS_SUCCESS, [0x300, 0x310, 9, 1])
    assert assign(other, [wanted_ports(0x300, 0x31F, 8), *wanted[2:]]) == (0, [0x318, 10, 2])
    assert assign(other, wanted) == (wdm.STATUS_CONFLICTING_ADDRESSES, [])
    assert assign(one) == (wdm.STATUS_SUCCESS, [])
    assert assign(other, wanted) == (wdm.STATUS_SUCCESS, [0x300, 0x310, 9, 1])


def test_PNP_25_alternatives_are_tried_in_their_order(open_bus: Opener) -> None:
    machine = open_bus()
    one, other = legacy(machine), legacy(machine, "Other")
    claim(one, ports(0x300, 16))
    option = wdm.IO_RESOURCE_ALTERNATIVE
    first = [wanted_ports(0x300, 0x307, 8, wdm.IO_RESOURCE_PREFERRED), wanted_ports(0x308, 0x32F, 8, option)]
    assert assign(other, first) == (0, [0x310])
    lists = [wanted_ports(0x300, 0x30F, 16)], [wanted_ports(0x340, 0x34F, 16)]
    assert assign(other, *lists, of=device(other, "Other")) == (0, [0x340])


def test_PNP_25_a_slot_gives_its_device_to_the_driver(open_bus: Opener) -> None:
    fake = FakeFunction(device=3, bars=BARS)
    machine = open_bus(fake)
    one, other = legacy(machine), legacy(machine, "Other")
    requirements = machine.devices[0].requirements
    assert requirements is not None
    slot = requirements.slot_number
    get = wdm.HalAssignSlotResources
    status, found = get(one.path, None, one.driver, None, wdm.PCIBus, 0, slot)
    assert status == wdm.STATUS_SUCCESS
    assert found is not None
    descriptors = found.list[0].partial_resource_list.partial_descriptors
    assert [each.type for each in descriptors] == [
        wdm.CmResourceTypeMemory,
        wdm.CmResourceTypePort,
        wdm.CmResourceTypeInterrupt,
    ]
    assert fake.bar(0) == descriptors[0].u.memory.start
    assert fake.command & 0x3 == 0x3
    assert get(one.path, None, one.driver, None, wdm.PCIBus, 0, slot) == (0, found)
    refused = get(other.path, None, other.driver, None, wdm.PCIBus, 0, slot)
    assert refused == (wdm.STATUS_CONFLICTING_ADDRESSES, None)
    recorder = Recorder()
    machine.load_driver(recorder)
    assert recorder.raw is None, "the device has a driver"
    machine.unload_driver(one.driver)
    assert fake.command & 0x3 == 0
    assert get(other.path, None, other.driver, None, wdm.PCIBus, 0, slot + 1)[0] == wdm.STATUS_NO_SUCH_DEVICE
    assert get(other.path, None, other.driver, None, wdm.Isa, 0, slot)[0] == wdm.STATUS_NO_SUCH_DEVICE
