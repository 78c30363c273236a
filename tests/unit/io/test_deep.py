# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Chains of requests that are as long as a queue may be: no kernel stack has room for calls nested that deeply."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    DEVICE_OBJECT,
    DISPATCH_LEVEL,
    IRP,
    IRP_MJ_READ,
    KDPC,
    STATUS_CANCELLED,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    IoCallDriver,
    IoCancelIrp,
    IoFreeIrp,
    IoGetNextIrpStackLocation,
    IoMarkIrpPending,
    IoReleaseCancelSpinLock,
    IoSetCancelRoutine,
    IoSetCompletionRoutine,
    IoStartNextPacket,
    IoStartPacket,
    KeInitializeDpc,
    KeInsertQueueDpc,
    KeLowerIrql,
    KeRaiseIrql,
)
from unit.io.making import complete, make_device, make_driver, make_irp, succeed

Completion = Callable[[DEVICE_OBJECT | None, IRP, object], int]

LENGTHS = (3_000, pytest.param(100_000, marks=pytest.mark.slow))


def packet(device: DEVICE_OBJECT, routine: Completion | None = None) -> IRP:
    irp = make_irp(1)
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    IoSetCompletionRoutine(irp, routine or free, None, True, True, True)
    return irp


def free(device: object, irp: IRP, context: object) -> int:
    IoFreeIrp(irp)
    return STATUS_MORE_PROCESSING_REQUIRED


def pend(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoMarkIrpPending(irp)
    return STATUS_PENDING


def started(events: list[str] | None = None) -> DEVICE_OBJECT:
    """A device whose StartIo completes each request at once and starts the next one."""

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        IoStartPacket(device, irp, None, None)
        return STATUS_PENDING

    def start_io(device: DEVICE_OBJECT, irp: IRP) -> None:
        number = irp.number
        if events is not None:
            events.append(f"begin {number}")
        complete(irp)
        IoStartNextPacket(device, False)
        if events is not None:
            events.append(f"end {number}")

    return make_device(make_driver({IRP_MJ_READ: read}, driver_start_io=start_io))


def queue_behind_a_busy_device(device: DEVICE_OBJECT, length: int) -> list[IRP]:
    old = KeRaiseIrql(DISPATCH_LEVEL)
    assert not device.device_queue.insert(make_irp(1).tail.overlay.device_queue_entry)
    KeLowerIrql(old)
    packets = [packet(device) for _ in range(length)]
    for irp in packets:
        IoCallDriver(device, irp)
    return packets


@pytest.mark.row("SIO-03")
@pytest.mark.parametrize("length", LENGTHS)
def test_SIO_03_a_long_queue_is_served_from_a_dpc(machine: Machine, length: int) -> None:
    device = started()
    queue_behind_a_busy_device(device, length)
    dpc = KDPC()
    KeInitializeDpc(dpc, lambda *_: IoStartNextPacket(device, False), None)
    KeInsertQueueDpc(dpc, None, None)
    assert len(machine.io.live_irps) == 1
    assert not device.device_queue.busy


@pytest.mark.row("SIO-03")
def test_SIO_03_the_first_calls_are_nested_as_on_NT(machine: Machine) -> None:
    events: list[str] = []
    device = started(events)
    first, second, third = (irp.number for irp in queue_behind_a_busy_device(device, 3))
    old = KeRaiseIrql(DISPATCH_LEVEL)
    IoStartNextPacket(device, False)
    KeLowerIrql(old)
    assert events == [f"begin {n}" for n in (first, second, third)] + [
        f"end {n}" for n in (third, second, first)
    ]


@pytest.mark.parametrize("length", LENGTHS)
def test_completions_inside_completions(machine: Machine, length: int) -> None:
    """The completion routine of each request completes the next one."""
    device = make_device(make_driver({IRP_MJ_READ: pend}))
    packets: list[IRP] = []

    def next_one(device: object, irp: IRP, context: object) -> int:
        IoFreeIrp(irp)
        if packets:
            complete(packets.pop())
        return STATUS_MORE_PROCESSING_REQUIRED

    for _ in range(length):
        irp = packet(device, next_one)
        IoCallDriver(device, irp)
        packets.append(irp)
    complete(packets.pop())
    assert machine.io.live_irps == {}


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("irql", [0, DISPATCH_LEVEL])
def test_requests_sent_by_completion_routines(machine: Machine, irql: int, length: int) -> None:
    """The completion routine of each request sends the next one, which the driver below completes at once."""
    device = make_device(make_driver({IRP_MJ_READ: succeed}))
    seen: list[tuple[int, bool]] = []

    def next_one(lower: object, irp: IRP, context: object) -> int:
        seen.append((irp.io_status.status, irp.pending_returned))
        IoFreeIrp(irp)
        if len(seen) < length:
            IoCallDriver(device, packet(device, next_one))
        return STATUS_MORE_PROCESSING_REQUIRED

    old = KeRaiseIrql(irql)
    assert IoCallDriver(device, packet(device, next_one)) == STATUS_SUCCESS
    KeLowerIrql(old)
    machine.io.worker.flush()
    assert len(seen) == length
    assert {status for status, _ in seen} == {STATUS_SUCCESS}
    assert not seen[0][1]
    assert seen[8][1]  # the sender was told STATUS_PENDING
    assert machine.io.live_irps == {}


@pytest.mark.parametrize("length", LENGTHS)
def test_cancels_inside_cancel_routines(machine: Machine, length: int) -> None:
    device = make_device(make_driver({IRP_MJ_READ: pend}))
    packets: list[IRP] = []

    def cancel(device: DEVICE_OBJECT, irp: IRP) -> None:
        IoReleaseCancelSpinLock(irp.cancel_irql)
        if packets:
            assert IoCancelIrp(packets.pop())
        complete(irp, STATUS_CANCELLED)

    for _ in range(length):
        irp = packet(device)
        IoCallDriver(device, irp)
        IoSetCancelRoutine(irp, cancel)
        packets.append(irp)
    assert IoCancelIrp(packets.pop())
    assert machine.io.live_irps == {}


def test_a_routine_that_nests_calls_without_end_uses_up_the_stack(machine: Machine) -> None:
    def again(device: DEVICE_OBJECT, irp: IRP) -> int:
        return IoCallDriver(device, packet(device))

    device = make_device(make_driver({IRP_MJ_READ: again}))
    with pytest.raises(BugCheck, match="nested too deeply") as stopped:
        IoCallDriver(device, packet(device))
    assert (stopped.value.code, stopped.value.parameters[0]) == (0x7F, 8)
