# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Calls are nested on one stack: what other threads and processors do at the same time puts none of them off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from dirql.io.cancel import DEEPEST_CANCEL
from dirql.io.irp import DEEPEST_COMPLETION
from dirql.io.start_io import DEEPEST_START
from dirql.ke.costs import Costs
from dirql.machine import Machine, open_machine
from dirql.wdm import (
    DEVICE_OBJECT,
    DISPATCH_LEVEL,
    IRP,
    IRP_MJ_READ,
    KDPC,
    KEVENT,
    STATUS_CANCELLED,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    Executive,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCancelIrp,
    IoCopyCurrentIrpStackLocationToNext,
    IoFreeIrp,
    IoGetNextIrpStackLocation,
    IoMarkIrpPending,
    IoReleaseCancelSpinLock,
    IoSetCancelRoutine,
    IoSetCompletionRoutine,
    IoStartNextPacket,
    IoStartPacket,
    KeInitializeDpc,
    KeInitializeEvent,
    KeInsertQueueDpc,
    KeLowerIrql,
    KeRaiseIrql,
    KernelMode,
    KeSetEvent,
    KeStallExecutionProcessor,
    KeWaitForSingleObject,
    NotificationEvent,
)
from fakes.scripted_target import ScriptedTarget
from unit.io.making import (
    NAME,
    OPEN_AND_CLOSE,
    Dispatch,
    complete,
    make_device,
    make_driver,
    make_irp,
    succeed,
)

THREADS = 40


@contextmanager
def machine_of(processors: int, seed: int = 0) -> Iterator[Machine]:
    """A machine that is released without a report of leaks."""
    opened = open_machine(ScriptedTarget(), processors=processors, seed=seed, costs=Costs.free())
    try:
        yield opened
    finally:
        opened.kernel.stop(RuntimeError("the test is over"))
        opened.close()


def an_event() -> KEVENT:
    event = KEVENT()
    KeInitializeEvent(event, NotificationEvent, False)
    return event


def wait(event: KEVENT) -> None:
    KeWaitForSingleObject(event, Executive, KernelMode, False, None)


def pend(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoMarkIrpPending(irp)
    return STATUS_PENDING


def packet(routine: Callable[[], object] = lambda: None) -> IRP:
    """A read of the driver that calls `routine` when it is complete."""

    def completed(device: object, irp: IRP, context: object) -> int:
        IoFreeIrp(irp)
        routine()
        return STATUS_MORE_PROCESSING_REQUIRED

    irp = make_irp(1)
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    IoSetCompletionRoutine(irp, completed, None, True, True, True)
    return irp


def pending(device: DEVICE_OBJECT, routine: Callable[[], object]) -> IRP:
    irp = packet(routine)
    assert IoCallDriver(device, irp) == STATUS_PENDING
    return irp


def open_filter(completed: Callable[[], None], sent: Callable[[], None] = lambda: None) -> None:
    """A device that can be opened, whose driver calls `sent` before it completes a read.

    The filter above it calls `completed` in its completion routine.
    """

    def serve(device: DEVICE_OBJECT, irp: IRP) -> int:
        sent()
        return complete(irp)

    def routine(device: object, irp: IRP, context: object) -> int:
        if irp.pending_returned:
            IoMarkIrpPending(irp)
        completed()
        return STATUS_SUCCESS

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoCopyCurrentIrpStackLocationToNext(irp)
        IoSetCompletionRoutine(irp, routine, None, True, True, True)
        return IoCallDriver(lower, irp)

    def pass_on(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoCopyCurrentIrpStackLocationToNext(irp)
        return IoCallDriver(lower, irp)

    lower = make_device(make_driver(OPEN_AND_CLOSE | {IRP_MJ_READ: serve}, "lower"), NAME)
    routines: dict[int, Dispatch] = {**dict.fromkeys(OPEN_AND_CLOSE, pass_on), IRP_MJ_READ: read}
    assert IoAttachDeviceToDeviceStack(make_device(make_driver(routines, "upper")), lower) is lower


class Meeting:
    """Threads wait here for one another."""

    def __init__(self) -> None:
        self.inside = 0
        self.event = an_event()

    def join(self) -> None:
        self.inside += 1
        if self.inside == THREADS:
            KeSetEvent(self.event, 0, False)
        wait(self.event)


def read_in_threads(machine: Machine) -> None:
    def read() -> None:
        with machine.open(NAME) as handle:
            handle.read(1)

    threads = [machine.create_thread(read) for _ in range(THREADS)]
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(("processors", "seed"), [(1, 0), (4, 0), (4, 7)])
def test_completion_routines_that_wait_in_many_threads(processors: int, seed: int) -> None:
    """The driver below has all requests when it completes the first one, and its value suits what it did."""
    with machine_of(processors, seed) as machine:
        open_filter(Meeting().join, Meeting().join)
        read_in_threads(machine)


@pytest.mark.parametrize("processors", [1, 4])
def test_completion_routines_that_are_switched_away(processors: int) -> None:
    inside = most = 0

    def completed() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        for _ in range(50):
            KeStallExecutionProcessor(1)
        inside -= 1

    with machine_of(processors, seed=5) as machine:
        open_filter(completed)
        read_in_threads(machine)
    assert most > DEEPEST_COMPLETION


def test_a_request_is_sent_at_once_while_completions_wait_in_other_threads(machine: Machine) -> None:
    device = make_device(make_driver({IRP_MJ_READ: pend}))
    fast = make_device(make_driver({IRP_MJ_READ: succeed}, "fast"))
    inside: list[None] = []
    go_on = an_event()

    def completed() -> None:
        inside.append(None)
        wait(go_on)

    irps = [pending(device, completed) for _ in range(THREADS)]
    threads = [machine.create_thread(partial(complete, irp)) for irp in irps]
    machine.sleep(0.001)
    assert len(inside) == THREADS
    assert IoCallDriver(fast, packet()) == STATUS_SUCCESS
    KeSetEvent(go_on, 0, False)
    for thread in threads:
        thread.join()
    assert machine.io.live_irps == {}


def test_a_dpc_begins_a_stack_of_its_own(machine: Machine) -> None:
    """The thread below the DPC is as deep afterwards as it was."""
    device = make_device(make_driver({IRP_MJ_READ: pend}))
    fast = make_device(make_driver({IRP_MJ_READ: succeed}, "fast"))
    events: list[object] = []
    dpc = KDPC()
    first, second = (pending(device, partial(events.append, name)) for name in ("first", "second"))

    def deferred(*_: object) -> None:
        complete(first)
        events.append(IoCallDriver(fast, packet()))

    def innermost() -> None:
        KeInsertQueueDpc(dpc, None, None)
        events.append("DPC")
        complete(second)
        events.append("innermost")

    KeInitializeDpc(dpc, deferred, None)
    routine: Callable[[], object] = innermost
    for _ in range(DEEPEST_COMPLETION):
        routine = partial(complete, pending(device, routine))
    routine()
    assert events == ["first", STATUS_SUCCESS, "DPC", "innermost", "second"]
    assert machine.io.live_irps == {}


def test_StartIo_runs_at_once_while_another_processor_is_deep_in_its_own() -> None:
    started: list[str] = []
    deep = an_event()

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        IoStartPacket(device, irp, None, None)
        return STATUS_PENDING

    def start_chain(device: DEVICE_OBJECT, irp: IRP) -> None:
        started.append("chain")
        complete(irp)
        if len(started) < DEEPEST_START:
            IoStartNextPacket(device, False)
            return
        KeSetEvent(deep, 0, False)
        for _ in range(1000):
            KeStallExecutionProcessor(1)
        assert started[DEEPEST_START:] == ["other"]
        IoStartNextPacket(device, False)

    def start_other(device: DEVICE_OBJECT, irp: IRP) -> None:
        started.append("other")
        complete(irp)
        IoStartNextPacket(device, False)

    def send() -> None:
        wait(deep)
        IoCallDriver(other, packet())

    with machine_of(2) as machine:
        chain = make_device(make_driver({IRP_MJ_READ: read}, "chain", driver_start_io=start_chain))
        other = make_device(make_driver({IRP_MJ_READ: read}, "other", driver_start_io=start_other))
        thread = machine.create_thread(send)
        old = KeRaiseIrql(DISPATCH_LEVEL)
        chain.device_queue.insert(make_irp(1).tail.overlay.device_queue_entry)
        for _ in range(DEEPEST_START):
            IoCallDriver(chain, packet())
        IoStartNextPacket(chain, False)
        KeLowerIrql(old)
        thread.join()
        assert started == ["chain"] * DEEPEST_START + ["other"]


def test_a_cancel_routine_runs_at_once_while_others_wait_in_other_threads(machine: Machine) -> None:
    inside: list[IRP] = []
    go_on = an_event()

    def cancel(device: DEVICE_OBJECT, irp: IRP) -> None:
        IoReleaseCancelSpinLock(irp.cancel_irql)
        inside.append(irp)
        if irp is not last:
            wait(go_on)
        complete(irp, STATUS_CANCELLED)

    device = make_device(make_driver({IRP_MJ_READ: pend}))
    irps = [pending(device, lambda: None) for _ in range(DEEPEST_CANCEL + 1)]
    for irp in irps:
        IoSetCancelRoutine(irp, cancel)
    last = irps.pop()
    threads = [machine.create_thread(partial(IoCancelIrp, irp)) for irp in irps]
    machine.sleep(0.001)
    assert inside == irps
    assert IoCancelIrp(last)
    assert inside[-1] is last
    KeSetEvent(go_on, 0, False)
    for thread in threads:
        thread.join()
    assert machine.io.live_irps == {}
