# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The shipped drivers against the RTL, while their devices are stopped, moved, removed and taken away."""

from __future__ import annotations

import contextlib
import struct
import sys
from collections.abc import Iterator, Sequence
from types import FrameType

import pytest

from dirql import wdm
from dirql.drivers import gpio, pulser, store
from dirql.drivers.gpio.interface import (
    GUID_DEVINTERFACE_GPIO,
    IOCTL_GPIO_CONFIGURE,
    IOCTL_GPIO_READ,
    IOCTL_GPIO_WAIT,
    IOCTL_GPIO_WRITE,
    Configuration,
    Levels,
    pack_pins,
    program_name,
    unpack_pins,
)
from dirql.drivers.store.interface import (
    GUID_DEVINTERFACE_STORE,
    IOCTL_STORE_GET_STATISTICS,
    IOCTL_STORE_SET_MODE,
    IOCTL_STORE_SET_TIMING,
    PROGRAM_NAME,
    Statistics,
    Timing,
    TransferMode,
)
from dirql.io.errors import IoError
from dirql.io.handle import Handle, Overlapped
from dirql.ke.threads.schedule import Choice, Schedule
from dirql.machine import Machine, open_machine
from dirql.nt import status as nt
from dirql.nt.constants import (
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    DeviceUsageTypePaging,
)
from dirql.pnp.node import DeviceNode
from dirql.pnp.states import NodeState
from dirql.pnp.stopping import send_start
from dirql.program_thread import ProgramThread
from machine.store_twins import chosen, each_driver, store_in

DATA = bytes(range(256)) * 2
WAYS = [(TransferMode.POLLED, "level"), (TransferMode.INTERRUPT, "latched"), (TransferMode.DMA, "message")]
each_way = pytest.mark.parametrize(("mode", "kind"), WAYS, ids=[kind for _, kind in WAYS])


@pytest.fixture
def crowd() -> Iterator[Machine]:
    """A machine with a gpio function."""
    with open_machine("verilated", machine="crowd") as opened:
        yield opened


def node_of(machine: Machine, service: str) -> DeviceNode:
    return next(node for node in machine.devices if node.driver is machine.io.drivers[service])


def start_store(machine: Machine, mode: TransferMode, kind: str) -> tuple[DeviceNode, Handle]:
    for function in machine.target.description.functions_named("store"):
        if kind not in function.interrupts:
            pytest.skip(f"{function} of this machine has no {kind} interrupts")
    chosen.load(machine, kind)
    handle = machine.open(PROGRAM_NAME)
    handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", mode))
    return node_of(machine, "store"), handle


def succeeded(request: Overlapped) -> bool:
    assert request.wait(1), f"{request} does not end"
    return request.status == nt.STATUS_SUCCESS


def send(node: DeviceNode, *minors: int) -> None:
    for minor in minors:
        status = send_start(node) if minor == IRP_MN_START_DEVICE else node.send(minor).status
        assert status == nt.STATUS_SUCCESS, hex(status)


# The store driver.


@each_driver
@each_way
@pytest.mark.row("PNP-06")
def test_PNP_06_a_store_moves_with_its_requests(machine: Machine, mode: TransferMode, kind: str) -> None:
    node, handle = start_store(machine, mode, kind)
    handle.write(DATA)
    handle.ioctl(IOCTL_STORE_SET_TIMING, Timing(1000, 1_000_000).pack())
    requests = [handle.write_overlapped(bytes([number]) * 16, offset=16 * number) for number in range(4)]
    before = node.ranges
    assert machine.pnp.rebalance(node) is None
    assert all(succeeded(request) for request in requests)
    assert {each.u.memory.start for each in node.ranges} != {each.u.memory.start for each in before}
    assert handle.read(len(DATA)) == b"".join(bytes([n]) * 16 for n in range(4)) + DATA[64:]
    handle.close()


@each_driver
@each_way
@pytest.mark.row("PNP-06")
def test_PNP_06_requests_wait_from_the_query_on(machine: Machine, mode: TransferMode, kind: str) -> None:
    node, handle = start_store(machine, mode, kind)
    for then in ((IRP_MN_CANCEL_STOP_DEVICE,), (IRP_MN_STOP_DEVICE, IRP_MN_START_DEVICE)):
        send(node, IRP_MN_QUERY_STOP_DEVICE)
        first, cancelled, last = (handle.write_overlapped(DATA, offset=512 * n) for n in range(3))
        machine.sleep(0.001)
        assert not any(each.has_completed for each in (first, cancelled, last))
        assert cancelled.cancel()
        assert cancelled.wait(1)
        assert cancelled.status == nt.STATUS_CANCELLED
        send(node, *then[:-1])
        late = handle.read_overlapped(len(DATA))
        machine.sleep(0.001)
        assert not late.has_completed
        send(node, then[-1])
        assert all(succeeded(each) for each in (first, last, late))
        assert late.result() == DATA
    handle.close()


@each_driver
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_store_moves_while_programs_use_it_on_several_processors(seed: int) -> None:
    mode, kind = WAYS[seed % len(WAYS)]
    with open_machine("verilated", processors=2 + seed % 3, seed=seed) as machine:
        node, handle = start_store(machine, mode, kind)

        def use() -> None:
            for number in range(12):
                data = bytes([number]) * 64
                requests = [handle.write_overlapped(data, offset=64 * place) for place in range(4)]
                requests[3].cancel()
                assert all(each.wait(1) for each in requests)
                assert handle.read(64) == data
                handle.ioctl(IOCTL_STORE_GET_STATISTICS, b"", 64)

        user = machine.create_thread(use)
        for _ in range(4):
            assert machine.pnp.rebalance(node) is None
            machine.sleep(0.000_05)
        user.join()
        handle.close()
        assert machine.defects == []


@each_driver
def test_a_held_request_ends_with_its_file_and_with_the_device(machine: Machine) -> None:
    node, handle = start_store(machine, TransferMode.INTERRUPT, "level")
    other = machine.open(PROGRAM_NAME)
    send(node, IRP_MN_QUERY_STOP_DEVICE, IRP_MN_STOP_DEVICE)
    of_the_file, of_the_other = handle.write_overlapped(DATA), other.write_overlapped(DATA)
    statistics = Statistics.unpack(handle.ioctl(IOCTL_STORE_GET_STATISTICS, b"", 64))
    assert statistics.requests == 0
    handle.close()
    assert of_the_file.status == nt.STATUS_CANCELLED
    assert not of_the_other.has_completed
    machine.pnp.surprise_remove(node)
    assert of_the_other.status == nt.STATUS_DEVICE_REMOVED
    other.close()


@each_driver
@each_way
def test_a_store_is_removed_when_no_program_has_it_open(
    machine: Machine, mode: TransferMode, kind: str
) -> None:
    node, handle = start_store(machine, mode, kind)
    veto = machine.pnp.remove(node)
    assert veto is not None
    assert veto.reason == "1 files are open on the device"
    assert handle.write(DATA) == len(DATA)
    handle.close()
    assert machine.pnp.remove(node) is None
    with pytest.raises(IoError):
        machine.open(PROGRAM_NAME)
    machine.pnp.enable(node)
    with machine.open(PROGRAM_NAME) as again:
        assert again.read(len(DATA)) == DATA


@each_driver
@each_way
@pytest.mark.row("PNP-08")
@pytest.mark.row("PNP-09")
def test_PNP_08_a_store_that_is_gone_waits_for_its_handles(
    machine: Machine, mode: TransferMode, kind: str
) -> None:
    node, handle = start_store(machine, mode, kind)
    (interface,) = machine.pnp.tree.interfaces.enabled(GUID_DEVINTERFACE_STORE)
    second = machine.open(interface.name)
    assert second.write(DATA) == len(DATA)
    machine.pnp.surprise_remove(node)
    assert not interface.is_enabled
    for each in (handle, second):
        with pytest.raises(IoError) as refused:
            each.write(DATA)
        assert refused.value.status == nt.STATUS_DEVICE_DOES_NOT_EXIST
        assert node.state is NodeState.AWAITING_QUEUED_REMOVAL
        each.close()
        machine.pnp.wait_until_idle()
    assert node.state is NodeState.REMOVED


@each_driver
@pytest.mark.row("PNP-21")
def test_PNP_21_a_store_with_a_paging_file_stays(machine: Machine) -> None:
    node, handle = start_store(machine, TransferMode.INTERRUPT, "level")
    handle.close()
    usage = machine.pnp.notify_usage
    assert usage(node, DeviceUsageTypePaging, in_path=True) == nt.STATUS_SUCCESS
    machine.pnp.wait_until_idle()
    for ask in (machine.pnp.remove, machine.pnp.rebalance, machine.pnp.disable):
        assert ask(node) is not None
    assert machine.defects == []
    assert usage(node, DeviceUsageTypePaging, in_path=False) == nt.STATUS_SUCCESS
    machine.pnp.wait_until_idle()
    assert machine.pnp.disable(node) is None


# The gpio driver.


def read(handle: Handle) -> int:
    return unpack_pins(handle.ioctl(IOCTL_GPIO_READ, b"", 2))


@pytest.mark.parametrize("kind", ["level", "latched"])
@pytest.mark.row("PNP-06")
def test_PNP_06_pins_keep_their_use_and_their_waits(crowd: Machine, kind: str) -> None:
    crowd.load_driver(gpio, interrupt=kind)
    node = node_of(crowd, "gpio")
    with crowd.open(program_name(0)) as pins:
        pins.ioctl(IOCTL_GPIO_CONFIGURE, Configuration(outputs=0x0F, loopback=0xF, rising=0x3).pack())
        pins.ioctl(IOCTL_GPIO_WRITE, Levels(0xF, 0xC).pack())
        first = pins.ioctl_overlapped(IOCTL_GPIO_WAIT, pack_pins(0x1), 2)
        before = node.ranges
        assert crowd.pnp.rebalance(node) is None
        assert node.ranges != before
        assert read(pins) & 0xF == 0xC
        assert not first.has_completed
        send(node, IRP_MN_QUERY_STOP_DEVICE)
        held = pins.ioctl_overlapped(IOCTL_GPIO_WRITE, Levels(0x3, 0x3).pack())
        second = pins.ioctl_overlapped(IOCTL_GPIO_WAIT, pack_pins(0x2), 2)
        send(node, IRP_MN_STOP_DEVICE)
        late = pins.ioctl_overlapped(IOCTL_GPIO_READ, b"", 2)
        crowd.sleep(0.001)
        assert not any(each.has_completed for each in (first, held, second, late))
        send(node, IRP_MN_START_DEVICE)
        assert all(succeeded(each) for each in (held, late, first, second))
        assert unpack_pins(late.result()) & 0xF == 0xF
        assert (unpack_pins(first.result()), unpack_pins(second.result())) == (1, 2)


def test_pins_that_are_gone_end_their_waits(crowd: Machine) -> None:
    crowd.load_driver(gpio)
    node = node_of(crowd, "gpio")
    refused = crowd.pnp.notify_usage(node, DeviceUsageTypePaging, in_path=True)
    assert refused == nt.STATUS_INVALID_DEVICE_REQUEST
    interfaces = crowd.pnp.tree.interfaces.enabled(GUID_DEVINTERFACE_GPIO)
    interface = next(each for each in interfaces if each.node is node)
    with crowd.open(interface.name) as pins:
        pins.ioctl(IOCTL_GPIO_CONFIGURE, Configuration(rising=0x1).pack())
        wait = pins.ioctl_overlapped(IOCTL_GPIO_WAIT, pack_pins(0x1), 2)
        send(node, IRP_MN_QUERY_STOP_DEVICE, IRP_MN_CANCEL_STOP_DEVICE)
        assert not wait.has_completed
        crowd.pnp.surprise_remove(node)
        assert wait.status == nt.STATUS_DEVICE_REMOVED
        assert node.state is NodeState.AWAITING_QUEUED_REMOVAL
    crowd.pnp.wait_until_idle()
    assert node.state is NodeState.REMOVED


@pytest.mark.row("PNP-09")
@pytest.mark.parametrize("kind", ["level", "latched"])
def test_a_device_that_was_taken_away_is_left_alone_by_the_others_of_its_line(kind: str) -> None:
    """Each interrupt of a shared line has the ISRs of all its devices called."""
    with open_machine("verilated", machine="shared") as machine:
        machine.load_driver(store, interrupt=kind)
        stores = [node for node in machine.devices if node.driver is machine.io.drivers["store"]]
        handles = [machine.open(rf"\\.\Store{number}") for number in range(len(stores))]
        for handle in handles:
            handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", TransferMode.DMA))
        machine.pnp.surprise_remove(stores[0])
        machine.pnp.surprise_remove(stores[-1])
        assert {stores[0].state, stores[-1].state} == {NodeState.AWAITING_QUEUED_REMOVAL}, "handles are open"
        for handle in handles[1:-1]:
            handle.write(DATA)
            assert handle.read(len(DATA)) == DATA
        for handle in handles:
            handle.close()
        machine.sleep(0.001)
        assert {stores[0].state, stores[-1].state} == {NodeState.REMOVED}
    assert machine.defects == []


@pytest.mark.row("PNP-09")
def test_the_statistics_of_a_store_that_was_taken_away_are_those_that_were_kept() -> None:
    with open_machine("verilated", drivers=[store]) as machine, machine.open(PROGRAM_NAME) as handle:
        handle.write(DATA)
        machine.pnp.surprise_remove(node_of(machine, "store"))
        assert Statistics.unpack(handle.ioctl(IOCTL_STORE_GET_STATISTICS, b"", 64)).requests == 1
    assert machine.defects == []


@pytest.mark.row("PNP-09")
@pytest.mark.parametrize("seed", [17, 38, 40])
def test_a_request_that_begins_while_the_store_is_taken_away_uses_it_no_more(seed: int) -> None:
    with open_machine("verilated", processors=2 + seed % 3, seed=seed) as machine:
        machine.load_driver(store, interrupt="level")
        with machine.open(PROGRAM_NAME) as handle:
            handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", list(TransferMode)[seed % 3]))

            def write_until_refused() -> None:
                with contextlib.suppress(IoError):
                    for _ in range(300):
                        handle.write(bytes(64))

            user = machine.create_thread(write_until_refused)
            machine.sleep(0.000005 + seed * 0.0000013)
            machine.pnp.surprise_remove(node_of(machine, "store"))
            user.join()
    assert machine.defects == []


class TakesAway(Schedule):
    """Lets the other processor go on as long as it can, once this one is behind the first call of a routine."""

    def __init__(self, routine: str) -> None:
        super().__init__()
        self.routine = routine
        self.points = 0

    @property
    def reached(self) -> bool:
        return self.points > 1

    def decide(self, choice: Choice, candidates: Sequence[object]) -> int:
        if choice != Choice.PROCESSOR:
            return 0
        frame: FrameType | None = sys._getframe()
        while frame is not None and frame.f_code.co_name != self.routine:
            frame = frame.f_back
        if frame is None:
            return 0 if self.reached else 1 % len(candidates)
        self.points += 1
        return 1 if self.reached else 0


@pytest.mark.row("PNP-09")
def test_a_store_that_is_taken_away_while_it_goes_to_sleep_is_left_alone() -> None:
    schedule = TakesAway("_pass_down_low")
    with open_machine("verilated", processors=2, schedule=schedule) as machine:
        machine.load_driver(store)
        node = node_of(machine, "store")

        def go_to_sleep() -> None:
            done = wdm.KEVENT()
            wdm.KeInitializeEvent(done, wdm.NotificationEvent, False)
            low = wdm.POWER_STATE(device_state=wdm.PowerDeviceD3)
            wdm.PoRequestPowerIrp(
                node.physical_device_object,
                wdm.IRP_MN_SET_POWER,
                low,
                lambda *_: wdm.KeSetEvent(done, 0, False),
                None,
            )
            wdm.KeWaitForSingleObject(done, wdm.Executive, wdm.KernelMode, False, None)

        sleeper = machine.create_thread(go_to_sleep)
        while not schedule.reached:
            machine.sleep(1e-7)
        machine.pnp.surprise_remove(node)
        sleeper.join()
    assert machine.defects == []


@pytest.mark.row("PNP-09", "PWR-11")
@pytest.mark.parametrize("seed", [3, 38, 44, 148])
def test_a_store_is_taken_away_while_power_irps_are_on_their_way(seed: int) -> None:
    with open_machine("verilated", processors=2 + seed % 3, seed=seed) as machine:
        machine.load_driver(store)
        node = node_of(machine, "store")
        physical = node.physical_device_object

        def change_state() -> None:
            for state in (wdm.PowerDeviceD3, wdm.PowerDeviceD0) * 3:
                done = wdm.KEVENT()
                wdm.KeInitializeEvent(done, wdm.NotificationEvent, False)
                wanted = wdm.POWER_STATE(device_state=state)
                status, _ = wdm.PoRequestPowerIrp(
                    physical,
                    wdm.IRP_MN_SET_POWER,
                    wanted,
                    lambda *_, done=done: wdm.KeSetEvent(done, 0, False),
                    None,
                )
                if status == wdm.STATUS_PENDING:
                    wdm.KeWaitForSingleObject(done, wdm.Executive, wdm.KernelMode, False, None)

        user = machine.create_thread(change_state)
        machine.sleep(0.000001 * (1 + seed % 37))
        machine.pnp.surprise_remove(node)
        user.join()
    assert machine.defects == []


def send_system_control(node: DeviceNode) -> int:
    """Send a WMI request to the top of a device's stack, and return its status."""
    top = node.physical_device_object.top_of_stack()
    irp = wdm.IoAllocateIrp(top.stack_size, False)
    assert irp is not None
    irp.io_status.status = wdm.STATUS_NOT_SUPPORTED
    wdm.IoGetNextIrpStackLocation(irp).major_function = wdm.IRP_MJ_SYSTEM_CONTROL
    done = wdm.KEVENT()
    wdm.KeInitializeEvent(done, wdm.NotificationEvent, False)

    def completed(device: wdm.DEVICE_OBJECT | None, irp: wdm.IRP, context: object) -> int:
        wdm.KeSetEvent(done, wdm.IO_NO_INCREMENT, False)
        return wdm.STATUS_MORE_PROCESSING_REQUIRED

    wdm.IoSetCompletionRoutine(irp, completed, None, True, True, True)
    wdm.IoCallDriver(top, irp)
    wdm.KeWaitForSingleObject(done, wdm.Executive, wdm.KernelMode, False, None)
    status = irp.io_status.status
    wdm.IoFreeIrp(irp)
    return status


@pytest.mark.parametrize(
    ("service", "name"), [("store", "default"), ("c", "default"), ("gpio", "crowd"), ("pulser", "at")]
)
def test_a_device_is_not_removed_while_a_request_is_below_its_driver(service: str, name: str) -> None:
    """Each shipped driver holds its remove lock while it hands a request down that it does not know."""
    with open_machine("verilated", machine=name) as machine:
        drivers = {"store": store, "c": store_in("c"), "gpio": gpio, "pulser": pulser}
        driver = machine.load_driver(drivers[service])
        node = next(node for node in machine.devices if node.driver is driver)
        table = machine.io.drivers["pci"].major_function
        handle = table[wdm.IRP_MJ_SYSTEM_CONTROL]
        seen: list[tuple[NodeState, bool]] = []

        def slowly(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
            remover = machine.create_thread(lambda: machine.pnp.remove(node))
            removers.append(remover)
            machine.sleep(0.001)
            attached = node.physical_device_object.top_of_stack() is not node.physical_device_object
            seen.append((node.state, attached))
            return handle(device, irp)

        removers: list[ProgramThread] = []
        table[wdm.IRP_MJ_SYSTEM_CONTROL] = slowly
        assert send_system_control(node) == wdm.STATUS_INVALID_DEVICE_REQUEST  # nobody knows it
        table[wdm.IRP_MJ_SYSTEM_CONTROL] = handle
        removers[0].join()
        assert seen == [(NodeState.QUERY_REMOVED, True)]
        assert node.physical_device_object.top_of_stack() is node.physical_device_object
        assert machine.defects == []
