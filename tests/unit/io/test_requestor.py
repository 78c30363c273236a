# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The process, the thread and the user behind a request, and the mode of the caller of a service."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.ke.threads.system_thread import create_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.machine import Machine
from unit.io.making import NAME, OPEN_AND_CLOSE, complete, create_file, make_device, make_driver, make_irp


class Asker:
    """A driver whose dispatch routine for writes asks a question."""

    def __init__(self, ask: Callable[[wdm.IRP], object], name: str = NAME) -> None:
        self.ask, self.answers = ask, list[object]()
        driver = make_driver(
            {**OPEN_AND_CLOSE, wdm.IRP_MJ_WRITE: self.write}, name.rsplit("\\", maxsplit=1)[-1]
        )
        self.device = make_device(driver, name)

    def write(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        self.answers.append(self.ask(irp))
        return complete(irp)


def system_thread(routine: Callable[[], object]) -> None:
    thread = create_thread(lambda _: routine(), None, is_system=True)
    wait_for_single_object(thread)


def write(machine: Machine, handle: int, name: str = NAME) -> None:
    buffer = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, 4, wdm.POOL_TAG("Test"))
    wdm.ZwWriteFile(handle, None, None, None, wdm.IO_STATUS_BLOCK(), buffer, 4, 0, None)


def test_HIO_14_the_previous_mode_is_that_of_the_caller(machine: Machine) -> None:
    lower = Asker(lambda _: wdm.ExGetPreviousMode(), r"\Device\Lower")
    modes: list[int] = []

    def call_lower(irp: wdm.IRP) -> int:
        status, handle = create_file(r"\Device\Lower", wdm.FILE_WRITE_DATA)
        assert handle is not None, hex(status)
        write(machine, handle)
        modes.append(wdm.ExGetPreviousMode())
        wdm.ZwClose(handle)
        return wdm.ExGetPreviousMode()

    upper = Asker(call_lower)
    with machine.open(NAME) as handle:
        handle.write(b"1234")
        assert (upper.answers, modes, lower.answers) == (
            [wdm.UserMode],
            [wdm.UserMode],
            [wdm.KernelMode],
        )
    system_thread(lambda: modes.append(wdm.ExGetPreviousMode()))
    assert modes[-1] == wdm.KernelMode


def test_the_process_of_a_thread(machine: Machine) -> None:
    program = wdm.PsGetCurrentProcess()
    found: list[object] = []

    def ask() -> None:
        me = wdm.PsGetCurrentThread()
        found.extend([wdm.PsGetCurrentProcess(), wdm.PsGetCurrentProcessId(), wdm.PsIsSystemThread(me)])
        found.append(wdm.IoThreadToProcess(me))
        assert (wdm.PsGetThreadProcessId(me), wdm.IoIsSystemThread(me)) == (4, True)

    system_thread(ask)
    system = found[0]
    assert found == [system, 4, True, system]
    assert system is not program
    assert wdm.IoGetCurrentProcess() is program
    me = wdm.KeGetCurrentThread()
    assert (wdm.PsGetCurrentThread(), wdm.PsGetThreadId(me)) == (me, wdm.PsGetCurrentThreadId())
    assert not wdm.PsIsSystemThread(me)
    assert wdm.PsGetCurrentProcessId() == wdm.PsGetProcessId(program) == wdm.PsGetThreadProcessId(me) != 4
    assert "process 4, System" in repr(system)


def test_threads_and_processes_are_found_by_their_numbers(machine: Machine) -> None:
    me = wdm.KeGetCurrentThread()
    assert wdm.PsLookupThreadByThreadId(wdm.PsGetCurrentThreadId()) == (wdm.STATUS_SUCCESS, me)
    assert wdm.ObDereferenceObject(me) == 0
    assert wdm.PsLookupThreadByThreadId(0x7777) == (wdm.STATUS_INVALID_PARAMETER, None)
    status, process = wdm.PsLookupProcessByProcessId(4)
    assert status == wdm.STATUS_SUCCESS
    assert process is not None
    assert wdm.PsGetProcessId(process) == 4
    assert wdm.ObDereferenceObject(process) == 0
    assert wdm.PsLookupProcessByProcessId(5) == (wdm.STATUS_INVALID_PARAMETER, None)
    assert wdm.KeWaitForSingleObject(process, 0, 0, False, 0) == wdm.STATUS_TIMEOUT


def test_a_thread_that_has_ended_has_a_status(machine: Machine) -> None:
    thread = create_thread(lambda _: wdm.PsTerminateSystemThread(wdm.STATUS_IO_TIMEOUT), None)
    assert (wdm.PsGetThreadExitStatus(thread), wdm.PsIsThreadTerminating(thread)) == (
        wdm.STATUS_PENDING,
        False,
    )
    wait_for_single_object(thread)
    assert (wdm.PsGetThreadExitStatus(thread), wdm.PsIsThreadTerminating(thread)) == (
        wdm.STATUS_IO_TIMEOUT,
        True,
    )


def test_the_process_behind_a_request(machine: Machine) -> None:
    asker = Asker(lambda irp: (wdm.IoGetRequestorProcess(irp), wdm.IoGetRequestorProcessId(irp)))
    with machine.open(NAME) as handle:
        handle.write(b"1")
    program = wdm.PsGetCurrentProcess()
    assert asker.answers == [(program, wdm.PsGetProcessId(program))]
    irp = make_irp(1)
    assert (wdm.IoGetRequestorProcess(irp), wdm.IoGetRequestorProcessId(irp)) == (None, 0)


@pytest.mark.parametrize("synchronous", [False, True])
def test_a_request_of_a_synchronous_file_is_synchronous(machine: Machine, synchronous: bool) -> None:
    asker = Asker(wdm.IoIsOperationSynchronous)
    with machine.open(NAME, synchronous=synchronous) as handle:
        handle.write(b"1")
    assert asker.answers == [synchronous]


@pytest.mark.parametrize(
    ("flags", "is_synchronous"),
    [
        (0, False),
        (wdm.IRP_SYNCHRONOUS_API, True),
        (wdm.IRP_PAGING_IO, False),
        (wdm.IRP_PAGING_IO | wdm.IRP_SYNCHRONOUS_API, False),
        (wdm.IRP_PAGING_IO | wdm.IRP_SYNCHRONOUS_PAGING_IO, True),
    ],
)
def test_the_flags_of_a_request_say_who_waits(machine: Machine, flags: int, is_synchronous: bool) -> None:
    irp = make_irp(1)
    irp.flags = flags
    assert wdm.IoIsOperationSynchronous(irp) is is_synchronous


def test_the_top_level_request_belongs_to_the_thread(machine: Machine) -> None:
    irp, seen = make_irp(1), list[object]()
    assert wdm.IoGetTopLevelIrp() is None
    wdm.IoSetTopLevelIrp(irp)
    system_thread(lambda: seen.append(wdm.IoGetTopLevelIrp()))
    assert (wdm.IoGetTopLevelIrp(), seen) == (irp, [None])
    wdm.IoSetTopLevelIrp(None)
    assert wdm.IoGetTopLevelIrp() is None


def test_HIO_15_an_error_is_shown_and_the_request_is_cancelled(machine: Machine) -> None:
    def write_fails(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        irp.io_status.status, irp.io_status.information = wdm.STATUS_NO_MEDIA_IN_DEVICE, 9
        assert wdm.IoIsErrorUserInduced(irp.io_status.status)
        wdm.IoSetHardErrorOrVerifyDevice(irp, device)
        wdm.IoMarkIrpPending(irp)
        wdm.IoRaiseHardError(irp, None, device)
        return wdm.STATUS_PENDING

    device = make_device(make_driver({**OPEN_AND_CLOSE, wdm.IRP_MJ_WRITE: write_fails}), NAME)
    with machine.open(NAME) as handle:
        request = handle.write_overlapped(b"1")
        assert (request.status, request.information) == (wdm.STATUS_NO_MEDIA_IN_DEVICE, 0)
        (error,) = machine.hard_errors
        assert (error.status, error.device) == (wdm.STATUS_NO_MEDIA_IN_DEVICE, device)
        assert error.driver is device.driver_object
        me = wdm.KeGetCurrentThread()
        assert wdm.IoGetDeviceToVerify(me) is device
        wdm.IoSetDeviceToVerify(me, None)
        assert wdm.IoGetDeviceToVerify(me) is None
        assert wdm.IoSetThreadHardErrorMode(False) is True
        assert handle.write_overlapped(b"1").status == wdm.STATUS_NO_MEDIA_IN_DEVICE
        assert len(machine.hard_errors) == 1
        assert wdm.IoSetThreadHardErrorMode(True) is False


def test_HIO_15_a_message_has_a_text(machine: Machine) -> None:
    assert wdm.IoRaiseInformationalHardError(wdm.STATUS_DEVICE_NOT_READY, "fill paper", None) is True
    (error,) = machine.hard_errors
    assert (error.text, error.device) == ("fill paper", None)
    assert "STATUS_DEVICE_NOT_READY shown to the user" in repr(error)
    wdm.IoSetThreadHardErrorMode(False)
    thread = wdm.KeGetCurrentThread()
    assert wdm.IoRaiseInformationalHardError(wdm.STATUS_DEVICE_NOT_READY, None, thread) is False
    assert not wdm.IoIsErrorUserInduced(wdm.STATUS_UNSUCCESSFUL)


def test_drivers_count_their_devices(machine: Machine) -> None:
    counts = wdm.IoGetConfigurationInformation()
    assert (counts.disk_count, counts.serial_count, counts.at_disk_primary_address_claimed) == (0, 0, False)
    counts.disk_count += 1
    assert wdm.IoGetConfigurationInformation().disk_count == 1
