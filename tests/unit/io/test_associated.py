# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Master and associated IRPs: a driver that splits a request for two devices below."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.io.handle import Overlapped
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from unit.io.making import NAME, OPEN_AND_CLOSE, complete, make_device, make_driver

Completion = Callable[[wdm.DEVICE_OBJECT | None, wdm.IRP, object], int]


class Mirror:
    """A driver that sends each write to two devices below, which keep their parts until they are ended."""

    def __init__(self, count: int | None = None, completion: Completion | None = None) -> None:
        self.count, self.completion = count, completion
        self.below: list[wdm.IRP] = []
        self.parts: list[wdm.IRP] = []
        lower = make_driver({wdm.IRP_MJ_WRITE: self.keep}, "lower")
        self.devices = [make_device(lower) for _ in range(2)]
        driver = make_driver({**OPEN_AND_CLOSE, wdm.IRP_MJ_WRITE: self.split})
        self.device = make_device(driver, NAME, wdm.DO_DIRECT_IO)
        self.device.stack_size = 2

    def keep(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        wdm.IoMarkIrpPending(irp)
        self.below.append(irp)
        return wdm.STATUS_PENDING

    def split(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        wdm.IoMarkIrpPending(irp)
        wdm.IoSetCancelRoutine(irp, self.cancel)
        irp.io_status.status, irp.io_status.information = wdm.STATUS_SUCCESS, 4
        irp.associated_irp.irp_count = len(self.devices) if self.count is None else self.count
        self.parts = [self.part(irp) for _ in self.devices]
        for target, part in zip(self.devices, self.parts, strict=True):
            wdm.IoCallDriver(target, part)
        return wdm.STATUS_PENDING

    def part(self, irp: wdm.IRP) -> wdm.IRP:
        part = wdm.IoMakeAssociatedIrp(irp, 2)
        assert part is not None
        assert (part.flags, part.associated_irp.master_irp) == (wdm.IRP_ASSOCIATED_IRP, irp)
        assert part.tail.overlay.thread is irp.tail.overlay.thread
        assert (part.stack_count, part.current_location) == (2, 3)
        source = irp.mdl_address
        assert source is not None
        mdl = wdm.IoAllocateMdl(wdm.MmGetMdlVirtualAddress(source), 4, False, False, part)
        assert mdl is not None
        wdm.IoBuildPartialMdl(source, mdl, wdm.MmGetMdlVirtualAddress(source), 4)
        wdm.IoGetNextIrpStackLocation(part).major_function = wdm.IRP_MJ_WRITE
        if self.completion is not None:
            wdm.IoSetNextIrpStackLocation(part)
            wdm.IoGetNextIrpStackLocation(part).major_function = wdm.IRP_MJ_WRITE
            wdm.IoSetCompletionRoutine(part, self.completion, irp, True, True, True)
        return part

    def cancel(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> None:
        wdm.IoReleaseCancelSpinLock(irp.cancel_irql)
        irp.io_status.status, irp.io_status.information = wdm.STATUS_CANCELLED, 0
        for part in self.parts:
            wdm.IoCancelIrp(part)

    def end(self, number: int, status: int = wdm.STATUS_SUCCESS) -> None:
        complete(self.below[number], status, 4)


def write(machine: Machine) -> Overlapped:
    return machine.open(NAME).write_overlapped(b"1234")


def clear_cancel(machine: Machine) -> wdm.IRP:
    """Take the cancel routine off the master, as its driver would before the last part ends."""
    master = next(irp for irp in machine.io.live_irps if irp.cancel_routine is not None)
    master.cancel_routine = None
    return master


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_AIR_01_AIR_02_the_master_is_complete_with_the_last_part(
    machine: Machine, order: tuple[int, int]
) -> None:
    mirror, request = Mirror(), write(machine)
    master = clear_cancel(machine)
    mirror.end(order[0])
    assert (request.has_completed, master.type) == (False, wdm.IO_TYPE_IRP)
    mirror.end(order[1], wdm.STATUS_UNSUCCESSFUL)
    assert (request.status, request.information) == (wdm.STATUS_SUCCESS, 4), "the status is the master's own"
    assert [part.type for part in mirror.parts] == [0, 0]
    assert (list(machine.io.live_irps), machine.defects) == ([], [])
    assert list(machine.memory_manager.mdls) == []


def test_AIR_02_a_completion_routine_collects_the_worst_status(machine: Machine) -> None:
    def collect(device: wdm.DEVICE_OBJECT | None, part: wdm.IRP, context: object) -> int:
        assert isinstance(context, wdm.IRP)
        if part.pending_returned:
            wdm.IoMarkIrpPending(part)
        if not wdm.NT_SUCCESS(part.io_status.status):
            context.io_status.status, context.io_status.information = part.io_status.status, 0
        return wdm.STATUS_CONTINUE_COMPLETION

    mirror, request = Mirror(completion=collect), write(machine)
    clear_cancel(machine)
    mirror.end(0, wdm.STATUS_IO_TIMEOUT)
    mirror.end(1)
    assert request.status == wdm.STATUS_IO_TIMEOUT


def test_AIR_02_a_count_that_is_too_small_is_told(machine: Machine) -> None:
    mirror, request = Mirror(count=0), write(machine)
    clear_cancel(machine)
    mirror.end(0)
    assert request.status == wdm.STATUS_PENDING
    row, text = machine.defects.pop()
    assert row == "AIR-02"
    assert "must be the number of its associated IRPs" in text


def test_AIR_02_a_part_that_ends_after_its_master_stops(machine: Machine) -> None:
    mirror, _ = Mirror(count=1), write(machine)
    clear_cancel(machine)
    mirror.end(0)
    with pytest.raises(BugCheck) as caught:
        mirror.end(1)
    assert caught.value.code == wdm.MULTIPLE_IRP_COMPLETE_REQUESTS


def test_AIR_03_a_driver_may_keep_a_part(machine: Machine) -> None:
    kept: list[wdm.IRP] = []

    def keep(device: wdm.DEVICE_OBJECT | None, part: wdm.IRP, context: object) -> int:
        assert part.mdl_address is not None
        wdm.IoFreeMdl(part.mdl_address)
        part.mdl_address = None
        kept.append(part)
        wdm.IoFreeIrp(part)
        if len(kept) == 2:
            assert isinstance(context, wdm.IRP)
            assert context.associated_irp.irp_count == 2
            wdm.IoCompleteRequest(context, wdm.IO_NO_INCREMENT)
        return wdm.STATUS_MORE_PROCESSING_REQUIRED

    mirror, request = Mirror(completion=keep), write(machine)
    clear_cancel(machine)
    mirror.end(0)
    assert not request.has_completed
    mirror.end(1)
    assert request.result() == b""
    assert list(machine.io.live_irps) == []


def test_AIR_03_the_cancel_routine_of_the_master_cancels_the_parts(machine: Machine) -> None:
    mirror = Mirror()

    def cancel(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> None:
        wdm.IoReleaseCancelSpinLock(irp.cancel_irql)
        complete(irp, wdm.STATUS_CANCELLED)

    request = write(machine)
    for part in mirror.below:
        part.cancel_routine = cancel
    assert request.cancel()
    assert request.status == wdm.STATUS_CANCELLED


def test_AIR_03_a_master_with_a_system_buffer_is_told(machine: Machine) -> None:
    made: list[object] = []

    def split(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        made.append(wdm.IoMakeAssociatedIrp(irp, 0))
        return complete(irp)

    driver = make_driver({**OPEN_AND_CLOSE, wdm.IRP_MJ_WRITE: split})
    make_device(driver, NAME, wdm.DO_BUFFERED_IO)
    write(machine)
    assert made == [None], "no IRP has 0 stack locations"
    assert machine.defects.pop()[0] == "AIR-03"
