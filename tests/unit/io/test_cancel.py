# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""IoCancelIrp and the cancel spin lock, and cancel-safe queues."""

from __future__ import annotations

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    APC_LEVEL,
    DEVICE_OBJECT,
    DISPATCH_LEVEL,
    IO_CSQ,
    IO_CSQ_IRP_CONTEXT,
    IRP,
    IRP_MJ_READ,
    KSPIN_LOCK,
    SL_PENDING_RETURNED,
    STATUS_CANCELLED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    IoAcquireCancelSpinLock,
    IoCallDriver,
    IoCancelIrp,
    IoCsqInitialize,
    IoCsqInitializeEx,
    IoCsqInsertIrp,
    IoCsqInsertIrpEx,
    IoCsqRemoveIrp,
    IoCsqRemoveNextIrp,
    IoGetCurrentIrpStackLocation,
    IoGetNextIrpStackLocation,
    IoMarkIrpPending,
    IoReleaseCancelSpinLock,
    IoSetCancelRoutine,
    KeAcquireSpinLock,
    KeGetCurrentIrql,
    KeLowerIrql,
    KeRaiseIrql,
    KeReleaseSpinLock,
)
from unit.io.making import NAME, OPEN_AND_CLOSE, complete, keep, make_device, make_driver, make_irp


def pending_irp() -> IRP:
    """A packet with one stack location, as if a driver had it."""
    device = make_device(make_driver({IRP_MJ_READ: keep}))
    irp = make_irp(1)
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    IoCallDriver(device, irp)
    return irp


def test_CXL_01_without_a_cancel_routine(machine: Machine) -> None:
    irp = make_irp(1)
    for _ in range(2):
        assert IoCancelIrp(irp) is False
        assert irp.cancel
    assert irp.current_location == 2


@pytest.mark.row("IRQL-11")
@pytest.mark.parametrize("level", [0, APC_LEVEL, DISPATCH_LEVEL])
def test_CXL_02_inside_the_cancel_routine(machine: Machine, level: int) -> None:
    seen: list[object] = []
    irp = pending_irp()

    def cancel(device: DEVICE_OBJECT, cancelled: IRP) -> None:
        assert cancelled is irp
        lock = machine.io.cancel_lock
        seen.append(
            (irp.cancel_routine, irp.cancel, KeGetCurrentIrql(), lock.owner is not None, irp.cancel_irql)
        )
        assert device is IoGetCurrentIrpStackLocation(irp).device_object
        IoReleaseCancelSpinLock(irp.cancel_irql)
        seen.append(KeGetCurrentIrql())

    IoSetCancelRoutine(irp, cancel)
    old_irql = KeRaiseIrql(level)
    assert IoCancelIrp(irp) is True
    assert KeGetCurrentIrql() == level
    assert IoCancelIrp(irp) is False
    KeLowerIrql(old_irql)
    assert seen == [(None, True, DISPATCH_LEVEL, True, level), level]


def test_CXL_03_set_cancel_routine_swaps(machine: Machine) -> None:
    def first(device: DEVICE_OBJECT, irp: IRP) -> None:
        IoReleaseCancelSpinLock(irp.cancel_irql)

    irp = pending_irp()
    assert IoSetCancelRoutine(irp, first) is None
    assert IoSetCancelRoutine(irp, first) is first
    IoCancelIrp(irp)
    assert IoSetCancelRoutine(irp, None) is None


def test_the_cancel_spin_lock(machine: Machine) -> None:
    irql = IoAcquireCancelSpinLock()
    assert (irql, KeGetCurrentIrql()) == (0, DISPATCH_LEVEL)
    IoReleaseCancelSpinLock(irql)
    assert KeGetCurrentIrql() == 0


class Queue:
    """A driver's cancel-safe queue."""

    def __init__(self) -> None:
        self.irps: list[IRP] = []
        self.cancelled: list[IRP] = []
        self.lock = KSPIN_LOCK()
        self.csq = IO_CSQ()
        self.refuse = False
        status = IoCsqInitialize(
            self.csq,
            self.insert,
            self.remove,
            self.peek,
            self.acquire,
            self.release,
            self.complete,
        )
        assert status == STATUS_SUCCESS
        assert self.csq.type == 2

    def insert(self, csq: IO_CSQ, irp: IRP) -> None:
        self.irps.append(irp)

    def remove(self, csq: IO_CSQ, irp: IRP) -> None:
        self.irps.remove(irp)

    def acquire(self, csq: IO_CSQ) -> int:
        return KeAcquireSpinLock(self.lock)

    def release(self, csq: IO_CSQ, irql: int) -> None:
        KeReleaseSpinLock(self.lock, irql)

    def complete(self, csq: IO_CSQ, irp: IRP) -> None:
        self.cancelled.append(irp)

    def peek(self, csq: IO_CSQ, irp: IRP | None, context: object) -> IRP | None:
        after = self.irps.index(irp) + 1 if irp is not None else 0
        matches = [each for each in self.irps[after:] if context is None or each is context]
        return matches[0] if matches else None

    def insert_ex(self, csq: IO_CSQ, irp: IRP, context: object) -> int:
        if context == "full":
            return STATUS_UNSUCCESSFUL
        self.irps.append(irp)
        return STATUS_SUCCESS


def queued(count: int) -> list[IRP]:
    """Packets in a cancel-safe queue."""
    device = make_device(make_driver({IRP_MJ_READ: keep}))
    irps = []
    for _ in range(count):
        irp = make_irp(1)
        IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
        IoCallDriver(device, irp)
        irps.append(irp)
    return irps


def test_CSQ_01_inserting_a_cancelled_request(machine: Machine) -> None:
    queue = Queue()
    (irp,) = queued(1)
    IoCancelIrp(irp)
    IoCsqInsertIrp(queue.csq, irp, None)
    assert queue.irps == []
    assert queue.cancelled == [irp]
    assert irp.tail.overlay.driver_context[3] is None


def test_CSQ_01_inserting_marks_pending_and_cancel_takes_out(machine: Machine) -> None:
    queue = Queue()
    first, second = queued(2)
    IoCsqInsertIrp(queue.csq, first, None)
    IoCsqInsertIrp(queue.csq, second, None)
    assert IoGetCurrentIrpStackLocation(first).control & SL_PENDING_RETURNED
    assert IoCancelIrp(first)
    assert queue.irps == [second]
    assert queue.cancelled == [first]
    assert KeGetCurrentIrql() == 0


def test_CSQ_03_the_next_that_is_not_being_cancelled(machine: Machine) -> None:
    queue = Queue()
    first, second, third = queued(3)
    for irp in (first, second, third):
        IoCsqInsertIrp(queue.csq, irp, None)
    IoSetCancelRoutine(
        first, None
    )  # as if IoCancelIrp had taken the cancel routine, which now waits for the lock
    assert IoCsqRemoveNextIrp(queue.csq, None) is second
    assert second.cancel_routine is None
    assert second.tail.overlay.driver_context[3] is None
    assert IoCsqRemoveNextIrp(queue.csq, second) is None
    assert IoCsqRemoveNextIrp(queue.csq, third) is third
    assert IoCsqRemoveNextIrp(queue.csq, None) is None
    assert complete(second, STATUS_CANCELLED) == STATUS_CANCELLED


def test_CSQ_04_by_ticket(machine: Machine) -> None:
    queue = Queue()
    first, second = queued(2)
    tickets = [IO_CSQ_IRP_CONTEXT(), IO_CSQ_IRP_CONTEXT()]
    for irp, ticket in zip((first, second), tickets, strict=True):
        IoCsqInsertIrp(queue.csq, irp, ticket)
        assert ticket.irp is irp
        assert irp.tail.overlay.driver_context[3] is ticket
    assert IoCsqRemoveIrp(queue.csq, tickets[0]) is first
    assert tickets[0].irp is None
    assert first.tail.overlay.driver_context[3] is None
    assert IoCsqRemoveIrp(queue.csq, tickets[0]) is None
    IoCancelIrp(second)
    assert tickets[1].irp is None
    assert IoCsqRemoveIrp(queue.csq, tickets[1]) is None


def test_an_insert_routine_may_refuse(machine: Machine) -> None:
    queue = Queue()
    csq = IO_CSQ()
    IoCsqInitializeEx(
        csq,
        queue.insert_ex,
        queue.remove,
        queue.peek,
        queue.acquire,
        queue.release,
        queue.complete,
    )
    assert csq.type == 3
    first, second = queued(2)
    assert IoCsqInsertIrpEx(csq, first, None, "full") == STATUS_UNSUCCESSFUL
    assert first.cancel_routine is None
    assert not IoGetCurrentIrpStackLocation(first).control & SL_PENDING_RETURNED
    assert IoCsqInsertIrpEx(csq, second, None, None) == STATUS_SUCCESS
    assert queue.irps == [second]


def test_a_cancel_routine_that_raises_stops_with_its_driver_and_line(machine: Machine) -> None:
    irp = pending_irp()

    def cancel(device: DEVICE_OBJECT, irp: IRP) -> None:
        device.device_extension.queue.remove(irp)

    IoSetCancelRoutine(irp, cancel)
    with pytest.raises(BugCheck, match=r"the cancel routine .* let AttributeError escape") as caught:
        IoCancelIrp(irp)
    assert caught.value.code == 0x1E
    assert caught.value.origin is not None
    assert caught.value.origin.routine.endswith("<locals>.cancel")
    assert repr(caught.value.driver) == "<driver made>"


def test_a_cancel_routine_that_uses_a_completed_request_is_told_so(machine: Machine) -> None:
    def cancel(device: DEVICE_OBJECT, irp: IRP) -> None:
        IoReleaseCancelSpinLock(irp.cancel_irql)
        complete(irp, STATUS_CANCELLED)
        irp.io_status.information = 1

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        IoSetCancelRoutine(irp, cancel)
        return STATUS_PENDING

    make_device(make_driver({**OPEN_AND_CLOSE, IRP_MJ_READ: read}), NAME)
    handle = machine.open(NAME)
    handle.read_overlapped(4)
    with pytest.raises(BugCheck, match="was already completed by") as caught:
        handle.cancel()
    assert caught.value.code == 0xD5
