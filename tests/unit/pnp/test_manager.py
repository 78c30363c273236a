# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A device's life: found, given to a driver, started with resources, taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import pytest

from dirql.drivers.pci.identity import pool_strings
from dirql.io.interrupt_resource import InterruptResource
from dirql.io.parameters import QueryInterfaceParameters
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.pnp.identity import take_strings
from dirql.pnp.interrupt_arbiter import InterruptKind
from dirql.pnp.node import DeviceError
from dirql.pnp.relations import DeviceRelations
from dirql.pnp.request import send_pnp
from dirql.pnp.states import NodeState
from dirql.wdm import (
    BUS_INTERFACE_STANDARD,
    CM_PARTIAL_RESOURCE_DESCRIPTOR,
    CM_RESOURCE_INTERRUPT_LATCHED,
    CM_RESOURCE_INTERRUPT_MESSAGE,
    CM_RESOURCE_LIST,
    CONNECT_FULLY_SPECIFIED,
    CONNECT_LINE_BASED,
    CONNECT_MESSAGE_BASED,
    DEVICE_CAPABILITIES,
    DEVICE_DESCRIPTION,
    DEVICE_DESCRIPTION_VERSION,
    DEVICE_OBJECT,
    DMA_ADAPTER,
    GUID_BUS_INTERFACE_STANDARD,
    IO_CONNECT_INTERRUPT_FULLY_SPECIFIED_PARAMETERS,
    IO_CONNECT_INTERRUPT_LINE_BASED_PARAMETERS,
    IO_CONNECT_INTERRUPT_MESSAGE_BASED_PARAMETERS,
    IO_CONNECT_INTERRUPT_PARAMETERS,
    IO_DISCONNECT_INTERRUPT_PARAMETERS,
    IO_INTERRUPT_MESSAGE_INFO,
    IO_STACK_LOCATION,
    IRP,
    IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_EJECT,
    IRP_MN_FILTER_RESOURCE_REQUIREMENTS,
    IRP_MN_QUERY_BUS_INFORMATION,
    IRP_MN_QUERY_CAPABILITIES,
    IRP_MN_QUERY_DEVICE_RELATIONS,
    IRP_MN_QUERY_INTERFACE,
    IRP_MN_QUERY_PNP_DEVICE_STATE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_RESOURCES,
    IRP_MN_READ_CONFIG,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    IRP_MN_WRITE_CONFIG,
    KINTERRUPT,
    STATUS_DEVICE_CONFIGURATION_ERROR,
    STATUS_INVALID_PARAMETER,
    STATUS_NOT_FOUND,
    STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    BusQueryHardwareIDs,
    CmResourceShareDeviceExclusive,
    CmResourceShareShared,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    CmResourceTypePort,
    DeviceUsageTypePaging,
    DeviceUsageTypeUndefined,
    IoConnectInterruptEx,
    IoDisconnectInterruptEx,
    IoGetCurrentIrpStackLocation,
    Latched,
    LevelSensitive,
    PCIBus,
    PowerDeviceD0,
    TargetDeviceRelation,
)
from fakes.pci_function import FakeFunction
from unit.pnp.conftest import Opener
from unit.pnp.recorder import NAME, Recorder

BARS = ((0x0, 4096), (0x8, 65536), (0x1, 16))


def store() -> FakeFunction:
    return FakeFunction(bars=BARS, message=True)


def descriptors(resources: CM_RESOURCE_LIST | None) -> tuple[CM_PARTIAL_RESOURCE_DESCRIPTOR, ...]:
    assert resources is not None
    (full,) = resources.list
    assert (full.interface_type, full.bus_number) == (5, 0)
    return full.partial_resource_list.partial_descriptors


@pytest.mark.row("PNP-01")
def test_PNP_01_the_order_of_starting(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()
    driver = machine.load_driver(recorder)
    assert recorder.minors == [
        IRP_MN_FILTER_RESOURCE_REQUIREMENTS,
        IRP_MN_START_DEVICE,
        IRP_MN_QUERY_CAPABILITIES,
        IRP_MN_QUERY_PNP_DEVICE_STATE,
        IRP_MN_QUERY_DEVICE_RELATIONS,
    ]
    (node,) = machine.devices
    assert (node.state, node.driver) == (NodeState.STARTED, driver)
    assert recorder.physical is node.physical_device_object


def test_PNP_02_requests_start_as_not_supported(open_bus: Opener) -> None:
    recorder = Recorder()
    machine = open_bus(store())
    machine.load_driver(recorder)
    assert set(recorder.start_statuses) == {STATUS_NOT_SUPPORTED}
    (node,) = machine.devices
    assert node.send(IRP_MN_EJECT).status == STATUS_NOT_SUPPORTED  # nobody handles it


def test_PNP_03_start_acts_after_the_bus_driver(open_bus: Opener) -> None:
    fake = store()
    recorder = Recorder()
    open_bus(fake).load_driver(recorder)
    assert recorder.raw is not None  # taken only when the bus driver had succeeded
    assert fake.command & 0x407 == 0x7


def test_PNP_17_capabilities(open_bus: Opener) -> None:
    fresh = DEVICE_CAPABILITIES()
    assert (fresh.version, fresh.address, fresh.ui_number) == (1, 0xFFFF_FFFF, 0xFFFF_FFFF)
    recorder = Recorder()
    open_bus(store()).load_driver(recorder)
    filled = recorder.capabilities
    assert isinstance(filled, DEVICE_CAPABILITIES)
    assert (filled.size, filled.version, filled.address) == (fresh.size, 1, 1 << 16)
    assert filled.device_state[1] == PowerDeviceD0


def test_PNP_17_size_and_version_are_left_alone(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()

    def spoil(device: DEVICE_OBJECT, irp: IRP) -> int:
        asked = IoGetCurrentIrpStackLocation(irp).parameters.device_capabilities.capabilities
        assert asked is not None
        asked.size = 32
        return recorder.pass_down(device, irp)

    recorder.answer[IRP_MN_QUERY_CAPABILITIES] = spoil
    machine.load_driver(recorder)
    row, sentence = machine.defects.pop()
    assert row == "PNP-17"
    assert "were 64 and 1" in sentence
    assert "made them 32 and 1" in sentence


def test_PNP_19_resources(open_bus: Opener) -> None:
    fake = store()
    recorder = Recorder()
    open_bus(fake).load_driver(recorder)
    raw, translated = descriptors(recorder.raw), descriptors(recorder.translated)
    kinds = [CmResourceTypeMemory, CmResourceTypeMemory, CmResourceTypePort, CmResourceTypeInterrupt]
    assert [each.type for each in raw] == [each.type for each in translated] == kinds
    assert raw[:3] == translated[:3]
    memory, large, port = raw[0].u.memory, raw[1].u.memory, raw[2].u.port
    assert [(each.length, each.start % each.length) for each in (memory, large, port)] == [
        (4096, 0),
        (65536, 0),
        (16, 0),
    ]
    assert [fake.bar(n) & ~0xF for n in range(3)] == [memory.start, large.start, port.start]
    assert fake.dwords[0x3C // 4] & 0xFF == 4  # the input that INTA is routed to


@pytest.mark.parametrize(
    ("kind", "flags", "share", "number", "enables"),
    [
        ("level", 0, CmResourceShareShared, 4, 0),
        ("latched", CM_RESOURCE_INTERRUPT_LATCHED, CmResourceShareShared, 4, 0),
        (
            "message",
            CM_RESOURCE_INTERRUPT_LATCHED | CM_RESOURCE_INTERRUPT_MESSAGE,
            CmResourceShareDeviceExclusive,
            15,
            1,
        ),
    ],
)
def test_INT_13_interrupt_resources(
    open_bus: Opener, kind: str, flags: int, share: int, number: int, enables: int
) -> None:
    fake = store()
    recorder = Recorder()
    machine = open_bus(fake)
    machine.load_driver(recorder, interrupt=kind)
    raw, translated = descriptors(recorder.raw)[-1], descriptors(recorder.translated)[-1]
    assert (raw.flags, translated.flags, raw.share_disposition) == (flags, flags, share)
    vector = 0x30 + 8 * number
    assert (raw.u.interrupt.level, raw.u.interrupt.vector) == (number, number)
    assert (translated.u.interrupt.vector, translated.u.interrupt.level) == (vector, vector >> 4)
    assert translated.u.interrupt.affinity == 1
    assert fake.dwords[0x60 // 4] >> 16 & 1 == enables
    if kind == "message":
        assert fake.dwords[0x64 // 4 : 0x70 // 4] == [0xFEE0_0000, 0, number]


def test_INT_13_a_device_without_messages_uses_its_line(open_bus: Opener) -> None:
    recorder = Recorder()
    open_bus(FakeFunction(bars=BARS)).load_driver(recorder, interrupt=InterruptKind.MESSAGE)
    assert descriptors(recorder.raw)[-1].flags == 0


def test_a_device_without_interrupt(open_bus: Opener) -> None:
    recorder = Recorder()
    open_bus(FakeFunction(bars=BARS, pin=0)).load_driver(recorder)
    assert [each.type for each in descriptors(recorder.raw)][-1] == CmResourceTypePort


def test_an_unknown_kind_of_interrupt(open_bus: Opener) -> None:
    with pytest.raises(ValueError, match="edge"):
        open_bus(store()).load_driver(Recorder(), interrupt="edge")


def test_devices_that_are_not_the_drivers(open_bus: Opener) -> None:
    machine = open_bus(FakeFunction(device=1, id=1), store_at(5))
    machine.load_driver(Recorder())
    assert [node.state for node in machine.devices] == [NodeState.INITIALIZED, NodeState.STARTED]


def store_at(device: int) -> FakeFunction:
    return FakeFunction(device=device, bars=BARS, message=True)


# Failures.


def test_an_add_device_that_fails(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()
    recorder.fail["add"] = STATUS_UNSUCCESSFUL
    wanted = r"PCI\\VEN_1234&DEV_D101\\01: AddDevice of .* ended with STATUS_UNSUCCESSFUL"
    with pytest.raises(DeviceError, match=wanted) as failed:
        machine.load_driver(recorder)
    assert failed.value.status == STATUS_UNSUCCESSFUL
    (node,) = machine.devices
    assert (node.state, node.problem) == (NodeState.FAILED, failed.value)
    assert list(machine.io.drivers) == ["pci"]
    assert recorder.unloaded == 1


def test_a_start_that_fails_is_followed_by_remove(open_bus: Opener) -> None:
    fake = store()
    machine = open_bus(fake)
    recorder = Recorder()
    recorder.fail["start"] = STATUS_DEVICE_CONFIGURATION_ERROR
    with pytest.raises(DeviceError, match="IRP_MN_START_DEVICE ended with STATUS_DEVICE_CONFIGURATION_ERROR"):
        machine.load_driver(recorder)
    assert recorder.minors == [
        IRP_MN_FILTER_RESOURCE_REQUIREMENTS,
        IRP_MN_START_DEVICE,
        IRP_MN_REMOVE_DEVICE,
    ]
    assert fake.command & 0x7 == 0
    assert machine.devices[0].physical_device_object.attached_device is None


def test_unloading_and_loading_again(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()
    driver = machine.load_driver(recorder)
    machine.unload_driver(driver)
    assert recorder.unloaded == 1
    assert machine.devices[0].state is not NodeState.STARTED
    for _ in range(20):  # more often than there are inputs for messages
        driver = machine.load_driver(recorder, interrupt="message")
        assert machine.devices[0].state is NodeState.STARTED
        machine.unload_driver(driver)


# Removing.


def test_removing(open_bus: Opener) -> None:
    fake = store()
    machine = open_bus(fake)
    recorder = Recorder()
    machine.load_driver(recorder, interrupt="message")
    recorder.minors.clear()
    assert machine.pnp.remove_devices() == []
    assert recorder.minors == [IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_REMOVE_DEVICE]
    assert fake.command & 0x7 == 0
    assert fake.dwords[0x60 // 4] >> 16 & 1 == 0
    assert machine.devices[0].state is NodeState.REMOVED


def test_a_driver_that_refuses_to_let_go(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()
    machine.load_driver(recorder)
    recorder.minors.clear()
    recorder.fail[IRP_MN_QUERY_REMOVE_DEVICE] = STATUS_UNSUCCESSFUL
    (problem,) = machine.pnp.remove_devices()
    assert "IRP_MN_QUERY_REMOVE_DEVICE was refused with STATUS_UNSUCCESSFUL" in problem
    assert recorder.minors == [IRP_MN_QUERY_REMOVE_DEVICE, IRP_MN_SURPRISE_REMOVAL, IRP_MN_REMOVE_DEVICE]


@pytest.mark.row("PNP-11")
def test_PNP_11_a_driver_that_stays_attached(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()
    machine.load_driver(recorder)
    recorder.fail["detach"] = 0
    with pytest.raises(BugCheck, match="is still attached") as stopped:
        machine.pnp.remove_devices()
    assert (stopped.value.code, stopped.value.parameters[:2]) == (0xC9, (0x21D, ANY))
    assert stopped.value.parameters[3] is recorder.device


@pytest.mark.row("PNP-11")
def test_PNP_11_a_driver_that_keeps_its_device(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()
    machine.load_driver(recorder)
    recorder.fail["delete"] = 0
    with pytest.raises(BugCheck, match="was not deleted at IRP_MN_REMOVE_DEVICE") as stopped:
        machine.pnp.remove(machine.devices[0])
    assert (stopped.value.code, stopped.value.parameters[:2]) == (0xC9, (0x21E, ANY))
    assert stopped.value.parameters[2:] == (0, recorder.device)


@pytest.mark.row("PNP-11")
def test_PNP_11_drivers_that_are_not_verified_are_told_of(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()
    machine.load_driver(recorder, verifier=None)
    recorder.fail["detach"] = 0
    (problem,) = machine.pnp.remove_devices()
    assert NAME in problem
    assert "is still attached" in problem


# What a bus driver answers.


def answer(machine: Machine, minor: int, **parameters: object) -> tuple[int, IO_STACK_LOCATION]:
    """Send a request straight to the physical device object, with parameters of its record."""
    seen: list[IO_STACK_LOCATION] = []

    def fill(stack: IO_STACK_LOCATION) -> None:
        records = {
            IRP_MN_QUERY_INTERFACE: stack.parameters.query_interface,
            IRP_MN_READ_CONFIG: stack.parameters.read_write_config,
            IRP_MN_WRITE_CONFIG: stack.parameters.read_write_config,
        }
        for name, value in parameters.items():
            setattr(records[minor], name, value)
        seen.append(stack)

    return machine.devices[0].send(minor, fill).status, seen[0]


def test_configuration_space_by_request(open_bus: Opener) -> None:
    fake = store()
    machine = open_bus(fake)
    buffer = bytearray(8)
    assert answer(machine, IRP_MN_READ_CONFIG, offset=0, length=8, buffer=buffer)[0] == STATUS_SUCCESS
    assert buffer[:4] == (0xD101_1234).to_bytes(4, "little")
    assert (
        answer(machine, IRP_MN_WRITE_CONFIG, offset=0x3C, length=1, buffer=bytearray(b"\x55"))[0]
        == STATUS_SUCCESS
    )
    assert fake.dwords[0x3C // 4] & 0xFF == 0x55
    for wrong in ({"offset": 255, "length": 2}, {"offset": 0, "length": 2, "which_space": 9}):
        assert (
            answer(machine, IRP_MN_READ_CONFIG, buffer=bytearray(2), **wrong)[0] == STATUS_INVALID_PARAMETER
        )


def test_the_bus_interface(open_bus: Opener) -> None:
    machine = open_bus(store())
    found: list[QueryInterfaceParameters] = []

    def fill(stack: IO_STACK_LOCATION) -> None:
        stack.parameters.query_interface.interface_type = GUID_BUS_INTERFACE_STANDARD
        found.append(stack.parameters.query_interface)

    query = machine.devices[0].send(IRP_MN_QUERY_INTERFACE, fill)
    assert query.status == STATUS_SUCCESS
    interface = found[0].interface
    assert isinstance(interface, BUS_INTERFACE_STANDARD)
    assert interface.get_bus_data(interface.context, 0, 0, 2) == b"\x34\x12"
    assert interface.set_bus_data(interface.context, 0, b"\x07", 0x3C, 1) == 1
    assert interface.get_bus_data(interface.context, 0, 0x3C, 1) == b"\x07"
    assert interface.translate_bus_address is not None
    assert interface.translate_bus_address(interface.context, 0x8000_0000, 16, 0) == (True, 0, 0x8000_0000)
    assert interface.get_dma_adapter is not None
    wanted = DEVICE_DESCRIPTION(
        version=DEVICE_DESCRIPTION_VERSION, master=True, interface_type=PCIBus, maximum_length=4096
    )
    adapter, _ = interface.get_dma_adapter(interface.context, wanted)
    assert isinstance(adapter, DMA_ADAPTER)
    adapter.dma_operations.put_dma_adapter(adapter)
    interface.interface_dereference(interface.context)


def test_resources_in_use(open_bus: Opener) -> None:
    machine = open_bus(store())
    node = machine.devices[0]
    assert node.send(IRP_MN_QUERY_RESOURCES).information_object is None
    recorder = Recorder()
    machine.load_driver(recorder)
    assert node.send(IRP_MN_QUERY_RESOURCES).information_object is recorder.raw
    assert send_pnp(node.physical_device_object, IRP_MN_STOP_DEVICE).status == STATUS_SUCCESS
    assert node.send(IRP_MN_QUERY_RESOURCES).information_object is None


@pytest.mark.row("PNP-13")
def test_PNP_13_relations(open_bus: Opener) -> None:
    machine = open_bus(store())
    node = machine.devices[0]

    def fill(stack: IO_STACK_LOCATION) -> None:
        stack.parameters.query_device_relations.type = TargetDeviceRelation

    before = node.physical_device_object.pointer_count
    relations = node.send(IRP_MN_QUERY_DEVICE_RELATIONS, fill).information_object
    assert isinstance(relations, DeviceRelations)
    assert relations.objects == (node.physical_device_object,)
    assert relations.count == 1
    assert node.physical_device_object.pointer_count == before + 1
    assert node.send(IRP_MN_QUERY_BUS_INFORMATION).status == STATUS_SUCCESS
    assert node.send(IRP_MN_CANCEL_REMOVE_DEVICE).status == STATUS_SUCCESS


def taken(strings: list[str], *, multiple: bool) -> list[str]:
    """Put strings into pool as a bus driver does, and read them as the manager does."""
    address = pool_strings(strings, multiple=multiple)
    assert address is not None
    return take_strings(address, BusQueryHardwareIDs, multiple=multiple, device="x")


@pytest.mark.row("PNP-15")
def test_PNP_15_strings_in_pool(open_bus: Opener) -> None:
    machine = open_bus()
    assert taken(["one", "two"], multiple=True) == ["one", "two"]
    assert taken(["single"], multiple=False) == ["single"]
    assert machine.memory_manager.statistics().paged_pool.blocks == 0


@pytest.mark.row("PNP-15")
@pytest.mark.parametrize("text", ["a,b", "a\x1f", "a\x80", "x" * 200])
def test_PNP_15_strings_that_must_not_be(open_bus: Opener, text: str) -> None:
    open_bus()
    with pytest.raises(BugCheck, match="must be printable ASCII") as stopped:
        taken([text], multiple=False)
    assert (stopped.value.code, stopped.value.parameters) == (0xCA, (3, "x", ANY, 3))


# IoConnectInterruptEx.


def serve(interrupt: KINTERRUPT, context: object) -> bool:
    return True


def serve_message(interrupt: KINTERRUPT, context: object, number: int) -> bool:
    assert isinstance(context, list)
    context.append(number)
    return True


def test_connecting_the_line(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()
    machine.load_driver(recorder)
    assert recorder.physical is not None
    parameters = IO_CONNECT_INTERRUPT_PARAMETERS(
        CONNECT_LINE_BASED,
        line_based=IO_CONNECT_INTERRUPT_LINE_BASED_PARAMETERS(recorder.physical, serve, None),
    )
    status, interrupt = IoConnectInterruptEx(parameters)
    assert status == STATUS_SUCCESS
    assert isinstance(interrupt, KINTERRUPT)
    assert (interrupt.vector, interrupt.mode, interrupt.share_vector) == (0x50, LevelSensitive, True)
    assert machine.kernel.interrupts.vectors[0x50] is not None
    IoDisconnectInterruptEx(IO_DISCONNECT_INTERRUPT_PARAMETERS(CONNECT_LINE_BASED, interrupt))
    assert machine.kernel.interrupts.vectors[0x50] is None


@pytest.mark.row("INT-03")
def test_connecting_messages(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()
    machine.load_driver(recorder, interrupt="message")
    assert recorder.physical is not None
    extension = recorder.physical.device_object_extension
    extension.interrupts += (InterruptResource(0x88, 8, 1, True, True, 0xFEE0_0000, 11),)
    served: list[int] = []
    wanted = IO_CONNECT_INTERRUPT_MESSAGE_BASED_PARAMETERS(recorder.physical, serve_message, served)
    parameters = IO_CONNECT_INTERRUPT_PARAMETERS(CONNECT_MESSAGE_BASED, message_based=wanted)
    status, table = IoConnectInterruptEx(parameters)
    assert status == STATUS_SUCCESS
    assert isinstance(table, IO_INTERRUPT_MESSAGE_INFO)
    assert (table.message_count, table.unified_irql) == (2, 10)
    first, second = (each.interrupt_object for each in table.message_info)
    assert first.spin_lock is second.spin_lock
    assert first.synchronize_irql == second.synchronize_irql == 10
    assert first.mode == Latched
    for interrupt in (first, second):
        interrupt.service_routine(interrupt, interrupt.service_context)
    assert served == [0, 1]
    IoDisconnectInterruptEx(IO_DISCONNECT_INTERRUPT_PARAMETERS(CONNECT_MESSAGE_BASED, table))
    assert not any(machine.kernel.interrupts.vectors)


def test_messages_fall_back_to_the_line(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()
    machine.load_driver(recorder)
    assert recorder.physical is not None
    wanted = IO_CONNECT_INTERRUPT_MESSAGE_BASED_PARAMETERS(recorder.physical, serve_message, None)
    parameters = IO_CONNECT_INTERRUPT_PARAMETERS(CONNECT_MESSAGE_BASED, message_based=wanted)
    assert IoConnectInterruptEx(parameters) == (STATUS_NOT_FOUND, None)
    wanted.fall_back_service_routine = serve
    status, interrupt = IoConnectInterruptEx(parameters)
    assert (status, parameters.version) == (STATUS_SUCCESS, CONNECT_LINE_BASED)
    assert isinstance(interrupt, KINTERRUPT)


def test_connecting_by_all_parameters(open_bus: Opener) -> None:
    machine = open_bus(store())
    physical = machine.devices[0].physical_device_object
    wanted = IO_CONNECT_INTERRUPT_FULLY_SPECIFIED_PARAMETERS(physical, serve, None, 0x50, 5, 6, Latched, 1)
    status, interrupt = IoConnectInterruptEx(IO_CONNECT_INTERRUPT_PARAMETERS(CONNECT_FULLY_SPECIFIED, wanted))
    assert status == STATUS_SUCCESS
    assert isinstance(interrupt, KINTERRUPT)
    assert interrupt.synchronize_irql == 6
    assert IoConnectInterruptEx(IO_CONNECT_INTERRUPT_PARAMETERS(99)) == (STATUS_INVALID_PARAMETER, None)


def test_a_device_that_has_disappeared_gets_a_surprise_removal_once_and_no_query(open_bus: Opener) -> None:
    machine = open_bus(store())
    recorder = Recorder()
    driver = machine.load_driver(recorder)
    recorder.minors.clear()
    with machine.open(NAME):
        machine.pnp.surprise_remove_devices()
        machine.pnp.surprise_remove_devices()
        assert recorder.minors == [IRP_MN_SURPRISE_REMOVAL]
    machine.pnp.wait_until_idle()
    assert recorder.minors == [IRP_MN_SURPRISE_REMOVAL, IRP_MN_REMOVE_DEVICE]
    machine.unload_driver(driver)
    assert recorder.minors == [IRP_MN_SURPRISE_REMOVAL, IRP_MN_REMOVE_DEVICE]
    assert recorder.unloaded == 1


CALLS: dict[str, Callable[[Machine, Any], object]] = {
    "remove": lambda machine, node: machine.pnp.remove(node),
    "disable": lambda machine, node: machine.pnp.disable(node),
    "enable": lambda machine, node: machine.pnp.enable(node),
    "eject": lambda machine, node: machine.pnp.eject(node),
    "rebalance": lambda machine, node: machine.pnp.rebalance(node),
    "lock_device": lambda machine, node: machine.pnp.lock_device(node, lock=True),
    "notify_usage": lambda machine, node: machine.pnp.notify_usage(node, DeviceUsageTypePaging, in_path=True),
    "surprise_remove": lambda machine, node: machine.pnp.surprise_remove(node),
    "rescan": lambda machine, node: machine.pnp.rescan(node),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_device_of_this_machine_is_refused_by_name(open_bus: Opener, name: str) -> None:
    machine = open_bus(FakeFunction())
    with pytest.raises(
        TypeError, match=rf"machine\.pnp\.{name}: the device must be a DeviceNode, .* it was 'store'"
    ):
        CALLS[name](machine, "store")
    before = machine.devices[0]
    machine.close()
    with pytest.raises(ValueError, match=rf"machine\.pnp\.{name}: the device must be one of this machine"):
        CALLS[name](open_bus(FakeFunction()), before)


@pytest.mark.parametrize("kind", [DeviceUsageTypeUndefined, 7, "paging"])
def test_an_unknown_kind_of_usage_is_refused(open_bus: Opener, kind: Any) -> None:
    machine = open_bus(FakeFunction())
    with pytest.raises(ValueError, match=f"such as DeviceUsageTypePaging; it was {kind!r}"):
        machine.pnp.notify_usage(machine.devices[0], kind, in_path=True)
