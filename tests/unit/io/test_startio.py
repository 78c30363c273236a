# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The StartIo queue of a device, and the cancel of requests in the queue."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    DEVICE_OBJECT,
    DISPATCH_LEVEL,
    IRP,
    IRP_MJ_READ,
    PASSIVE_LEVEL,
    STATUS_CANCELLED,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_PENDING,
    IoCallDriver,
    IoCancelIrp,
    IoGetNextIrpStackLocation,
    IoInitializeDpcRequest,
    IoMarkIrpPending,
    IoReleaseCancelSpinLock,
    IoRequestDpc,
    IoSetCancelRoutine,
    IoSetCompletionRoutine,
    IoSetStartIoAttributes,
    IoStartNextPacket,
    IoStartNextPacketByKey,
    IoStartPacket,
    KeGetCurrentIrql,
    KeLowerIrql,
    KeRaiseIrql,
    KeRemoveEntryDeviceQueue,
)
from unit.io.making import complete, make_device, make_driver, make_irp


class Queue:
    """A device with a StartIo that only notes the requests that it gets, and requests for the device."""

    def __init__(self, *, cancel: bool = True) -> None:
        self.started: list[IRP] = []
        self.levels: list[int] = []
        self.ended: list[tuple[IRP, int]] = []
        self.key: int | None = None
        self.cancel = self.cancel_queued if cancel else None
        driver = make_driver({IRP_MJ_READ: self.read}, driver_start_io=self.start_io)
        self.device = make_device(driver)

    def read(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        IoStartPacket(device, irp, self.key, self.cancel)
        return STATUS_PENDING

    def start_io(self, device: DEVICE_OBJECT, irp: IRP) -> None:
        assert device.current_irp is irp
        self.started.append(irp)
        self.levels.append(KeGetCurrentIrql())

    def cancel_queued(self, device: DEVICE_OBJECT, irp: IRP) -> None:
        if irp is device.current_irp:
            IoReleaseCancelSpinLock(irp.cancel_irql)
            return
        assert KeRemoveEntryDeviceQueue(device.device_queue, irp.tail.overlay.device_queue_entry)
        IoReleaseCancelSpinLock(irp.cancel_irql)
        complete(irp, STATUS_CANCELLED)

    def note_end(self, device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        self.ended.append((irp, irp.io_status.status))
        return STATUS_MORE_PROCESSING_REQUIRED

    def make(self) -> IRP:
        irp = make_irp(1)
        IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
        IoSetCompletionRoutine(irp, self.note_end, None, True, True, True)
        return irp

    def send(self, key: int | None = None) -> IRP:
        self.key = key
        irp = self.make()
        assert IoCallDriver(self.device, irp) == STATUS_PENDING
        return irp

    def next(self, key: int | None = None) -> None:
        old_irql = KeRaiseIrql(DISPATCH_LEVEL)
        if key is None:
            IoStartNextPacket(self.device, True)
        else:
            IoStartNextPacketByKey(self.device, True, key)
        KeLowerIrql(old_irql)


def test_SIO_09_the_next_request_is_asked_for_once(machine: Machine) -> None:
    queue = Queue()
    queue.send()
    queue.next()
    assert machine.defects == []
    queue.next()
    [(row, sentence)] = machine.defects
    machine.defects.clear()
    assert row == "SIO-09"
    assert f"the queue of {queue.device!r} was idle: call it where the request ends" in sentence


def test_SIO_09_a_deferred_start_io_asks_once_too(machine: Machine) -> None:
    def start_io(device: DEVICE_OBJECT, irp: IRP) -> None:
        queue.started.append(irp)
        for _ in range(calls):
            IoStartNextPacket(device, False)

    queue = Queue(cancel=False)
    queue.device.driver_object.driver_start_io = start_io
    IoSetStartIoAttributes(queue.device, True, False)
    calls = 1
    queue.send()
    queue.send()
    assert machine.defects == []
    calls = 2
    queue.send()
    [(row, sentence)] = machine.defects
    machine.defects.clear()
    assert row == "SIO-09"
    assert f"it was called again for the same one inside StartIo of {queue.device!r}" in sentence
    assert len(queue.started) == 3


def test_SIO_10_a_request_is_marked_pending_before_it_is_queued(machine: Machine) -> None:
    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoStartPacket(device, irp, None, None)
        IoMarkIrpPending(irp)
        return STATUS_PENDING

    queue = Queue()
    queue.device.driver_object.major_function[IRP_MJ_READ] = read
    irp = queue.send()
    [(row, sentence)] = machine.defects
    machine.defects.clear()
    assert row == "SIO-10"
    assert f"{irp.number}" in sentence
    assert "call IoMarkIrpPending first" in sentence


def test_SIO_01_an_idle_device_starts_at_once(machine: Machine) -> None:
    queue = Queue()
    irp = queue.send()
    assert queue.started == [irp]
    assert queue.levels == [DISPATCH_LEVEL]
    assert KeGetCurrentIrql() == PASSIVE_LEVEL
    assert queue.device.current_irp is irp


@pytest.mark.row("IRQL-11")
def test_SIO_02_a_busy_device_queues(machine: Machine) -> None:
    queue = Queue()
    first, second, third = queue.send(), queue.send(), queue.send()
    assert queue.started == [first]
    queue.next()
    queue.next()
    assert queue.started == [first, second, third]


@given(keys=st.lists(st.integers(0, 5), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
def test_SIO_02_keys_sort_the_queue(machine: Machine, keys: list[int]) -> None:
    machine.io.drivers.clear()
    name = r"\Driver\made"
    found = machine.objects.namespace.lookup(name)[1]
    if found is not None:
        machine.objects.namespace.remove(found)
    queue = Queue()
    first = queue.send(0)
    irps = [(key, queue.send(key)) for key in keys]
    for _ in keys:
        queue.next()
    expected = [irp for _, irp in sorted(irps, key=lambda pair: pair[0])]
    assert queue.started == [first, *expected]


def test_SIO_03_next_packet(machine: Machine) -> None:
    queue = Queue()
    first, second = queue.send(), queue.send()
    queue.next()
    assert queue.device.current_irp is second
    queue.next()
    assert queue.device.current_irp is None
    assert not queue.device.device_queue.busy
    third = queue.send()
    assert queue.started == [first, second, third]


def test_SIO_03_next_packet_by_key(machine: Machine) -> None:
    queue = Queue()
    queue.send(0)
    low, high = queue.send(1), queue.send(9)
    queue.next(5)
    assert queue.device.current_irp is high
    queue.next(10)
    assert queue.device.current_irp is low


def test_SIO_03_needs_dispatch_level(machine: Machine) -> None:
    queue = Queue()
    queue.send()
    with pytest.raises(BugCheck, match="must be called at DISPATCH_LEVEL"):
        IoStartNextPacket(queue.device, True)


def test_SIO_03_start_io_recurses(machine: Machine) -> None:
    depth = 0
    deepest = 0

    def start_io(device: DEVICE_OBJECT, irp: IRP) -> None:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        IoSetCancelRoutine(irp, None)
        IoStartNextPacket(device, True)
        complete(irp)
        depth -= 1

    queue = Queue()
    queue.send()
    for _ in range(3):
        queue.send()
    queue.device.driver_object.driver_start_io = start_io
    queue.next()
    assert deepest == 3
    assert len(queue.ended) == 3


def test_SIO_06_one_request_has_the_device(machine: Machine) -> None:
    queue = Queue()
    for _ in range(5):
        queue.send()
    assert len(queue.started) == 1
    for count in range(2, 6):
        queue.next()
        assert len(queue.started) == count


def test_SIO_07_cancel_of_a_queued_request(machine: Machine) -> None:
    queue = Queue()
    first, second, third = queue.send(), queue.send(), queue.send()
    assert IoCancelIrp(second)
    assert queue.ended == [(second, STATUS_CANCELLED)]
    assert KeGetCurrentIrql() == PASSIVE_LEVEL
    queue.next()
    assert queue.started == [first, third]


def test_SIO_07_cancel_of_the_current_request_is_left_to_start_io(machine: Machine) -> None:
    queue = Queue()
    irp = queue.send()
    assert IoCancelIrp(irp)
    assert irp.cancel
    assert queue.ended == []


@pytest.mark.row("SIO-07")
def test_SIO_07_cancelled_before_it_was_queued(machine: Machine) -> None:
    queue = Queue()
    queue.send()
    irp = queue.make()
    irp.cancel = True
    IoCallDriver(queue.device, irp)
    assert queue.ended == [(irp, STATUS_CANCELLED)]
    assert KeGetCurrentIrql() == PASSIVE_LEVEL
    assert machine.io.cancel_lock.owner is None


def test_without_a_start_io_routine(machine: Machine) -> None:
    queue = Queue()
    queue.device.driver_object.driver_start_io = None
    with pytest.raises(BugCheck, match=r"driver_start_io of .* must be set"):
        queue.send()


@pytest.mark.row("IRQL-11")
def test_the_dpc_for_isr(machine: Machine) -> None:
    calls: list[object] = []

    def dpc_for_isr(dpc: object, device: DEVICE_OBJECT, irp: IRP | None, context: object) -> None:
        calls.append((dpc, device, irp, context, KeGetCurrentIrql()))

    queue = Queue()
    irp = queue.send()
    IoInitializeDpcRequest(queue.device, dpc_for_isr)
    old_irql = KeRaiseIrql(DISPATCH_LEVEL)
    assert IoRequestDpc(queue.device, irp, "context")
    assert not IoRequestDpc(queue.device, irp, "again")
    KeLowerIrql(old_irql)
    assert calls == [(queue.device.dpc, queue.device, irp, "context", DISPATCH_LEVEL)]


class Chain:
    """A device whose StartIo goes on to the next request itself, and notes how deep its calls are."""

    def __init__(self, deferred: bool) -> None:
        self.depth, self.depths = 0, list[int]()
        self.device = make_device(make_driver({IRP_MJ_READ: self.read}, driver_start_io=self.start_io))
        IoSetStartIoAttributes(self.device, deferred, False)

    def read(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        IoStartPacket(device, irp, None, None)
        return STATUS_PENDING

    def start_io(self, device: DEVICE_OBJECT, irp: IRP) -> None:
        self.depth += 1
        self.depths.append(self.depth)
        if len(self.depths) > 1:
            IoStartNextPacket(device, False)
        self.depth -= 1


@pytest.mark.parametrize(("deferred", "depths"), [(False, [1, 1, 2, 3]), (True, [1, 1, 1, 1])])
def test_SIO_08_a_deferred_start_io_is_not_called_inside_itself(
    machine: Machine, deferred: bool, depths: list[int]
) -> None:
    chain = Chain(deferred)
    for _ in range(4):
        irp = make_irp(1)
        IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
        IoCallDriver(chain.device, irp)
    old = KeRaiseIrql(DISPATCH_LEVEL)
    IoStartNextPacket(chain.device, False)
    KeLowerIrql(old)
    assert chain.depths == depths
    assert chain.device.current_irp is None
    assert not chain.device.device_queue.busy


def test_SIO_08_a_long_queue_is_served_without_recursion(machine: Machine) -> None:
    chain = Chain(True)
    for _ in range(2000):
        irp = make_irp(1)
        IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
        IoCallDriver(chain.device, irp)
    old = KeRaiseIrql(DISPATCH_LEVEL)
    IoStartNextPacket(chain.device, False)
    KeLowerIrql(old)
    assert chain.depths == [1] * 2000


@pytest.mark.parametrize("non_cancelable", [False, True])
def test_SIO_08_a_request_that_is_started_may_lose_its_cancel_routine(
    machine: Machine, non_cancelable: bool
) -> None:
    queue = Queue()
    IoSetStartIoAttributes(queue.device, False, non_cancelable)
    first, second = queue.send(), queue.send()
    assert (first.cancel_routine is None) is non_cancelable
    assert second.cancel_routine is not None
    old = KeRaiseIrql(DISPATCH_LEVEL)
    IoStartNextPacket(queue.device, True)
    KeLowerIrql(old)
    assert (second.cancel_routine is None) is non_cancelable
    assert IoCancelIrp(second) is not non_cancelable
