# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The APCs that tell a thread of the end of its requests, and alerts that end a synchronous request."""

from __future__ import annotations

import pytest

from dirql import wdm
from dirql.io.handle import Overlapped
from dirql.io.loader import load_driver
from dirql.machine import Machine
from unit.io.making import NAME, OPEN_AND_CLOSE, complete, create_file, make_device, make_driver

FAILED = wdm.STATUS_UNSUCCESSFUL


class Device:
    """A device that keeps its reads until they are ended, or ends each at once with a status."""

    def __init__(
        self, status: int | None = None, pending: bool = False, flags: int = wdm.DO_BUFFERED_IO
    ) -> None:
        self.status, self.pending = status, pending
        self.kept: list[wdm.IRP] = []
        routines = {**OPEN_AND_CLOSE, wdm.IRP_MJ_READ: self.read, wdm.IRP_MJ_WRITE: self.read}
        self.driver = make_driver(routines)
        self.object = make_device(self.driver, NAME, flags)

    def read(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        if self.status is None or self.pending:
            wdm.IoMarkIrpPending(irp)
        if self.status is not None:
            complete(irp, self.status)
            return wdm.STATUS_PENDING if self.pending else self.status
        wdm.IoSetCancelRoutine(irp, self.cancel)
        self.kept.append(irp)
        return wdm.STATUS_PENDING

    def cancel(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> None:
        wdm.IoReleaseCancelSpinLock(irp.cancel_irql)
        self.kept.remove(irp)
        complete(irp, wdm.STATUS_CANCELLED)

    def end(self, status: int = wdm.STATUS_SUCCESS, information: int = 0) -> None:
        irp = self.kept.pop(0)
        wdm.IoSetCancelRoutine(irp, None)
        complete(irp, status, information)


Calls = list[tuple[int, int, bool]]


def test_HIO_09_a_completion_routine_runs_once_in_an_alertable_wait(machine: Machine) -> None:
    device, calls = Device(), Calls()
    with machine.open(NAME) as handle:

        def completion(code: int, moved: int, told: Overlapped) -> None:
            calls.append((code, moved, told is request))

        request = handle.write_overlapped(b"1234", 0, completion)
        device.end(information=4)
        assert machine.sleep(1e-5) is False
        assert request.wait(1e-5)
        assert calls == []
        assert machine.sleep(1.0, alertable=True) is True
        assert calls == [(wdm.ERROR_SUCCESS, 4, True)]
        assert machine.sleep(1e-5, alertable=True) is False
        assert len(calls) == 1


def test_HIO_09_an_alertable_wait_that_has_begun_ends(machine: Machine) -> None:
    device, calls = Device(), list[int]()

    def end_it(*_: object) -> None:
        device.end()

    dpc, timer = wdm.KDPC(), wdm.KTIMER()
    with machine.open(NAME) as handle:
        request = handle.read_overlapped(0, 0, lambda *_: calls.append(wdm.KeGetCurrentIrql()))
        wdm.KeInitializeDpc(dpc, end_it, None)
        wdm.KeInitializeTimer(timer)
        wdm.KeSetTimer(timer, -100, dpc)
        before = wdm.KeQueryInterruptTime()
        assert machine.sleep(1.0, alertable=True) is True
        assert wdm.KeQueryInterruptTime() - before < 10_000, "the sleep ended early"
        assert calls == [wdm.PASSIVE_LEVEL]
        assert request.result() == b""


def test_HIO_09_only_the_thread_that_made_the_request_runs_it(machine: Machine) -> None:
    device, calls = Device(), list[object]()
    with machine.open(NAME) as handle:
        made: list[Overlapped] = []

        def program() -> object:
            me = wdm.KeGetCurrentThread()
            made.append(handle.read_overlapped(0, 0, lambda *_: calls.append(wdm.KeGetCurrentThread() is me)))
            return machine.sleep(1.0, alertable=True)

        other = machine.create_thread(program)
        while not made:
            machine.sleep(1e-6)
        device.end()
        assert machine.sleep(1e-5, alertable=True) is False
        assert other.join() is True
        assert calls == [True]


@pytest.mark.parametrize(
    ("status", "pending", "runs"),
    [
        (wdm.STATUS_SUCCESS, False, True),
        (wdm.STATUS_SUCCESS, True, True),
        (wdm.STATUS_BUFFER_OVERFLOW, False, True),
        (FAILED, False, False),
        (FAILED, True, True),
    ],
)
def test_HIO_02_HIO_03_when_the_apc_is_queued(
    machine: Machine, status: int, pending: bool, runs: bool
) -> None:
    Device(status, pending)
    calls: list[int] = []
    with machine.open(NAME) as handle:
        handle.read_overlapped(0, 0, lambda code, *_: calls.append(code))
        assert machine.sleep(1e-5, alertable=True) is runs
    assert calls == ([wdm.ERROR_GEN_FAILURE if status == FAILED else calls[0]] if runs else [])


def test_HIO_09_a_drivers_apc_is_a_kernel_apc_that_needs_no_alertable_wait(machine: Machine) -> None:
    device = Device()
    calls: list[object] = []
    iosb = wdm.IO_STATUS_BLOCK()
    done = wdm.KEVENT()
    wdm.KeInitializeEvent(done, wdm.NotificationEvent, False)

    def apc(*arguments: object) -> None:
        calls.append((*arguments, wdm.KeGetCurrentIrql()))

    def thread(context: object) -> None:
        _, handle = create_file(NAME, wdm.FILE_READ_DATA)
        assert handle is not None
        assert wdm.ZwReadFile(handle, None, apc, "context", iosb, None, 0, 0) == wdm.STATUS_PENDING
        device.end(information=0)
        wdm.KeWaitForSingleObject(done, wdm.Executive, wdm.KernelMode, False, None)
        wdm.ZwClose(handle)

    def start(*_: object) -> int:
        handle = wdm.PsCreateSystemThread(0, None, None, thread, None)[1]
        assert handle is not None
        wdm.ZwClose(handle)
        return wdm.STATUS_SUCCESS

    assert load_driver(start, "starter")[0] == wdm.STATUS_SUCCESS
    machine.sleep(1e-5)
    assert calls == [("context", iosb, 0, wdm.PASSIVE_LEVEL)]
    wdm.KeSetEvent(done, 0, False)
    machine.sleep(1e-5)


@pytest.mark.parametrize("options", [wdm.FILE_SYNCHRONOUS_IO_ALERT, wdm.FILE_SYNCHRONOUS_IO_NONALERT])
def test_an_alert_cancels_a_synchronous_request_of_an_alertable_file(machine: Machine, options: int) -> None:
    device = Device()
    status, handle = create_file(NAME, wdm.FILE_READ_DATA, options)
    assert handle is not None, hex(status)
    me = wdm.KeGetCurrentThread()
    dpc, timer = wdm.KDPC(), wdm.KTIMER()
    wdm.KeInitializeTimer(timer)
    wdm.KeInitializeDpc(dpc, lambda *_: wdm.KeAlertThread(me, wdm.UserMode), None)
    later, end = wdm.KTIMER(), wdm.KDPC()
    wdm.KeInitializeTimer(later)
    wdm.KeInitializeDpc(end, lambda *_: device.end() if device.kept else None, None)
    wdm.KeSetTimer(timer, -100, dpc)
    wdm.KeSetTimer(later, -10_000, end)
    ended = wdm.ZwReadFile(handle, None, None, None, wdm.IO_STATUS_BLOCK(), None, 0, 0)
    alertable = options == wdm.FILE_SYNCHRONOUS_IO_ALERT
    assert ended == (wdm.STATUS_CANCELLED if alertable else wdm.STATUS_SUCCESS)
    wdm.KeCancelTimer(later)
    wdm.ZwClose(handle)


def test_HIO_09_HIO_13_a_completion_routine_may_use_the_file_whose_wait_it_has_ended(
    machine: Machine,
) -> None:
    device = Device()
    _, file = create_file(NAME, wdm.FILE_READ_DATA, wdm.FILE_SYNCHRONOUS_IO_ALERT)
    assert file is not None
    ended: list[int] = []
    modes: list[int] = []

    def read() -> int:
        return wdm.ZwReadFile(file, None, None, None, wdm.IO_STATUS_BLOCK(), None, 0, 0)

    def completion(*_: object) -> None:
        modes.append(wdm.ExGetPreviousMode())
        device.status = wdm.STATUS_SUCCESS
        ended.append(read())

    dpc, timer = wdm.KDPC(), wdm.KTIMER()
    wdm.KeInitializeTimer(timer)
    wdm.KeInitializeDpc(dpc, lambda *_: device.end(), None)
    with machine.open(NAME) as handle:
        request = handle.read_overlapped(0, 0, completion)
        wdm.KeSetTimer(timer, -100, dpc)
        ended.append(read())
        assert request.result() == b""
    assert ended == [wdm.STATUS_SUCCESS, wdm.STATUS_CANCELLED]
    assert modes == [wdm.UserMode]
    assert wdm.ExGetPreviousMode() == wdm.UserMode
    wdm.ZwClose(file)
