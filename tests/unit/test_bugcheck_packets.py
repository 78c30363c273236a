# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Mistakes with packets and in routines: the bug checks have all four parameters of their pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dirql import wdm
from dirql.ke import guard
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.pnp.request import send_pnp
from unit.bugcheck_pages import (
    PLACE,
    RULE,
    Mistake,
    Page,
    check_mistake,
    mistakes_of,
    open_for_mistakes,
    within,
)
from unit.edge_calls import World
from unit.io.making import complete, keep, make_device, make_driver, succeed


@pytest.fixture
def machine() -> Iterator[Machine]:
    yield from open_for_mistakes()


# Routines of drivers that return as they must not.


def return_from_a_dpc_at_another_level(w: World) -> Iterator[Page]:
    dpc = wdm.KDPC()
    wdm.KeInitializeDpc(dpc, lambda *_: wdm.KeRaiseIrql(5), None)
    yield 0xC8, 5 << 16 | wdm.DISPATCH_LEVEL << 8 | 2, 0, 0, 0
    wdm.KeInsertQueueDpc(dpc, None, None)


@pytest.mark.parametrize("has_normal", [False, True])
def test_an_apc_that_returns_at_another_level(machine: Machine, has_normal: bool) -> None:
    def kernel(*_: object) -> None:
        wdm.KeRaiseIrqlToDpcLevel()

    def normal(*_: object) -> None:
        pass

    apc = wdm.KAPC()
    thread, given = wdm.KeGetCurrentThread(), normal if has_normal else None
    wdm.KeInitializeApc(apc, thread, wdm.OriginalApcEnvironment, kernel, None, given, wdm.KernelMode, None)
    with pytest.raises(BugCheck) as caught:
        wdm.KeInsertQueueApc(apc, None, None, 0)
    found = wdm.DISPATCH_LEVEL << 16 | wdm.APC_LEVEL << 8
    assert (caught.value.code, *caught.value.parameters) == (0xC8, found, kernel, apc, given or 0)


def sent(
    w: World, dispatch: Callable[[Any, Any], int]
) -> tuple[wdm.DEVICE_OBJECT, wdm.IRP, Callable[[], int]]:
    """A device with this dispatch routine, a packet for it, and the call that sends it."""
    device = make_device(make_driver({wdm.IRP_MJ_READ: dispatch}, "sent"))
    irp = guard.call_driver(guard.CALLBACK, w.driver, wdm.IoAllocateIrp, 2, False)
    assert irp is not None
    wdm.IoGetNextIrpStackLocation(irp).major_function = wdm.IRP_MJ_READ
    return device, irp, lambda: wdm.IoCallDriver(device, irp)


def dispatch_at_another_level(w: World) -> Iterator[Page]:
    def raise_it(_device: object, irp: wdm.IRP) -> int:
        wdm.KeRaiseIrql(wdm.APC_LEVEL)
        return complete(irp)

    device, irp, send = sent(w, raise_it)
    take_back(irp)
    yield 0xC9, 5, device, wdm.PASSIVE_LEVEL, wdm.APC_LEVEL
    send()


def take_back(irp: wdm.IRP, act: Callable[[], object] = lambda: None) -> Callable[..., int]:
    """Let the completion routine do something, and keep the packet."""

    def completed(*_: object) -> int:
        act()
        return wdm.STATUS_MORE_PROCESSING_REQUIRED

    wdm.IoSetCompletionRoutine(irp, completed, None, True, True, True)
    return completed


def complete_at_another_level(w: World) -> Iterator[Page]:
    _, irp, send = sent(w, succeed)
    routine = take_back(irp, lambda: wdm.KeRaiseIrql(wdm.APC_LEVEL))
    yield 0xC4, 0xFA, routine, wdm.PASSIVE_LEVEL, wdm.APC_LEVEL
    send()


def interrupt_at_another_level(w: World) -> Iterator[Page]:
    def isr(*_: object) -> bool:
        wdm.KeRaiseIrql(wdm.HIGH_LEVEL)
        return False

    connection = (isr, *w.connection[1:])
    w.machine.kernel.verifier.spurious_interrupts = True
    level = connection[4]
    yield 0xC4, 0x111, isr, level, wdm.HIGH_LEVEL
    wdm.IoConnectInterrupt(*connection)


def dispatch_leaves_a_region(w: World) -> Iterator[Page]:
    def leave(_device: object, irp: wdm.IRP) -> int:
        wdm.KeEnterCriticalRegion()
        return complete(irp)

    _, irp, send = sent(w, leave)
    take_back(irp)
    yield 0xC4, 0x40003, RULE, 0, 0
    send()


def dispatch_keeps_a_lock(w: World) -> Iterator[Page]:
    def keep_it(_device: object, irp: wdm.IRP) -> int:
        wdm.KeRaiseIrqlToDpcLevel()
        wdm.KeAcquireSpinLockAtDpcLevel(w.lock)
        wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)
        return wdm.STATUS_SUCCESS

    _, _, send = sent(w, keep_it)
    yield 0xC4, 0x40009, RULE, w.lock, 0
    send()


def dispatch_releases_a_lock(w: World) -> Iterator[Page]:
    lock = w.lock

    def release(_device: object, irp: wdm.IRP) -> int:
        wdm.KeReleaseSpinLockFromDpcLevel(lock)
        return wdm.STATUS_SUCCESS

    _, _, send = sent(w, release)
    wdm.KeAcquireSpinLock(lock)
    yield 0xC4, 0x4000B, RULE, lock, 0
    send()


def fail_a_removal(w: World) -> Iterator[Page]:
    lower = make_device(make_driver({wdm.IRP_MJ_PNP: succeed}, "bus"))
    top = make_device(
        make_driver({wdm.IRP_MJ_PNP: lambda _, irp: complete(irp, wdm.STATUS_UNSUCCESSFUL)}, "failing")
    )
    wdm.IoAttachDeviceToDeviceStack(top, lower)
    yield 0xC4, 0x43006, RULE, _PACKET, 0
    send_pnp(top, wdm.IRP_MN_REMOVE_DEVICE)


def answer_for_the_bus(w: World) -> Iterator[Page]:
    lower = make_device(make_driver({wdm.IRP_MJ_PNP: succeed}, "bus"))
    top = make_device(make_driver({wdm.IRP_MJ_PNP: lambda _, irp: complete(irp)}, "answering"))
    wdm.IoAttachDeviceToDeviceStack(top, lower)
    yield 0xC9, 0x218, PLACE, _PACKET, top
    send_pnp(top, wdm.IRP_MN_QUERY_CAPABILITIES)


class _AnyPacket:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, wdm.IRP)

    def __hash__(self) -> int:
        return 0


_PACKET = _AnyPacket()


# Packets.


def free_twice(w: World) -> Iterator[Page]:
    irp = w.irp
    irp.current_location = irp.stack_count + 1
    wdm.IoFreeIrp(irp)
    yield 0xC9, 1, irp, 0, 0
    wdm.IoFreeIrp(irp)


def free_one_of_the_io_manager(w: World) -> Iterator[Page]:
    event, block = wdm.KEVENT(), wdm.IO_STATUS_BLOCK()
    wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
    irp = wdm.IoBuildSynchronousFsdRequest(wdm.IRP_MJ_FLUSH_BUFFERS, w.device, None, 0, None, event, block)
    assert irp is not None
    yield 0xC9, 2, irp, 0, 0
    wdm.IoFreeIrp(irp)


def initialize_one_of_the_io_manager(w: World) -> Iterator[Page]:
    event, block = wdm.KEVENT(), wdm.IO_STATUS_BLOCK()
    wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
    irp = wdm.IoBuildSynchronousFsdRequest(wdm.IRP_MJ_FLUSH_BUFFERS, w.device, None, 0, None, event, block)
    assert irp is not None
    yield 0xC9, 0x20B, PLACE, irp, 0
    wdm.IoReuseIrp(irp, wdm.STATUS_SUCCESS)


def send_one_that_is_freed(w: World) -> Iterator[Page]:
    _, irp, send = sent(w, succeed)
    wdm.IoFreeIrp(irp)
    yield 0xC9, 3, irp, 0, 0
    send()


def complete_as_pending(w: World) -> Iterator[Page]:
    w.irp.io_status.status = wdm.STATUS_PENDING
    yield 0xC9, 6, wdm.STATUS_PENDING, w.irp, 0
    wdm.IoCompleteRequest(w.irp, wdm.IO_NO_INCREMENT)


def complete_with_a_cancel_routine(w: World) -> Iterator[Page]:
    def cancel(*_: object) -> None:
        pass

    wdm.IoSetCancelRoutine(w.irp, cancel)
    w.irp.io_status.status = wdm.STATUS_SUCCESS
    yield 0xC9, 7, cancel, w.irp, 0
    wdm.IoCompleteRequest(w.irp, wdm.IO_NO_INCREMENT)


def make_a_second_timer(w: World) -> Iterator[Page]:
    wdm.IoInitializeTimer(w.device, lambda *_: None, None)
    yield 0xC9, 0xA, w.device, 0, 0
    wdm.IoInitializeTimer(w.device, lambda *_: None, None)


def send_with_a_cancel_routine(w: World) -> Iterator[Page]:
    _, irp, send = sent(w, succeed)
    wdm.IoSetCancelRoutine(irp, lambda *_: None)
    yield 0xC9, 0x203, PLACE, irp, 0
    send()


def send_while_it_is_below(w: World) -> Iterator[Page]:
    device, irp, send = sent(w, pend)
    within(w, send)
    yield 0xC9, 0x205, PLACE, irp, device
    within(w, send)


def pend(_device: object, irp: wdm.IRP) -> int:
    wdm.IoMarkIrpPending(irp)
    return wdm.STATUS_PENDING


def complete_while_it_is_below(w: World) -> Iterator[Page]:
    device, irp, send = sent(w, pend)
    within(w, send)
    irp.io_status.status = wdm.STATUS_SUCCESS
    yield 0xC9, 0x209, PLACE, irp, device
    within(w, lambda: wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT))


def ask_for_no_location(w: World) -> Iterator[Page]:
    _, irp, _ = sent(w, succeed)
    yield 0xC9, 0x208, PLACE, irp, 0
    wdm.IoGetCurrentIrpStackLocation(irp)


def free_while_it_is_below(w: World) -> Iterator[Page]:
    device, irp, send = sent(w, pend)
    within(w, send)
    yield 0xC9, 0x20A, PLACE, irp, device
    wdm.IoFreeIrp(irp)


def set_a_cancel_routine_too_late(w: World) -> Iterator[Page]:
    device, irp, send = sent(w, pend)
    within(w, send)
    yield 0xC9, 0x229, PLACE, irp, device
    within(w, lambda: wdm.IoSetCancelRoutine(irp, lambda *_: None))


@pytest.mark.parametrize(
    ("returned", "rule"), [(wdm.STATUS_UNSUCCESSFUL, 0x224), (-1, 0x225), (wdm.STATUS_PENDING, 0x224)]
)
def test_a_wrong_value_of_a_dispatch_routine(machine: Machine, returned: int, rule: int) -> None:
    def dispatch(_device: object, irp: wdm.IRP) -> int:
        complete(irp)
        return returned

    device, irp, send = sent(World(machine), dispatch)
    take_back(irp)
    with pytest.raises(BugCheck) as caught:
        send()
    assert (caught.value.code, *caught.value.parameters) == (0xC9, rule, PLACE, irp, device)


def do_nothing_with_it(w: World) -> Iterator[Page]:
    device, irp, send = sent(w, lambda *_: wdm.STATUS_SUCCESS)
    yield 0xC9, 0x226, PLACE, irp, device
    send()


def returns_nothing(*_: object) -> Any:
    """None, as a routine in Python gives that has no return statement."""


def return_what_is_no_status(w: World) -> Iterator[Page]:
    device, irp, send = sent(w, returns_nothing)
    yield 0xC9, 0x224, PLACE, irp, device
    send()


def complete_unmarked(w: World) -> Iterator[Page]:
    device, irp, send = sent(w, keep)
    send()
    irp.io_status.status = wdm.STATUS_SUCCESS
    yield 0xC9, 0x228, PLACE, irp, 0
    guard.call_driver(guard.CALLBACK, device.driver_object, wdm.IoCompleteRequest, irp, wdm.IO_NO_INCREMENT)


MISTAKES = mistakes_of(globals())


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: str(mistake.__name__))
def test_the_bug_check_has_the_parameters_of_its_page(machine: Machine, mistake: Mistake) -> None:
    check_mistake(machine, mistake)
