# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Requests that drivers build, MDLs hung on requests, and forwarding."""

from __future__ import annotations

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.ke.watch.deadlock import Deadlock
from dirql.machine import Machine
from dirql.wdm import (
    APC_LEVEL,
    CTL_CODE,
    DEVICE_OBJECT,
    DO_BUFFERED_IO,
    DO_DIRECT_IO,
    FILE_ANY_ACCESS,
    FILE_DEVICE_UNKNOWN,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_FLUSH_BUFFERS,
    IRP_MJ_INTERNAL_DEVICE_CONTROL,
    IRP_MJ_PNP,
    IRP_MJ_POWER,
    IRP_MJ_READ,
    KDPC,
    KEVENT,
    KTIMER,
    METHOD_BUFFERED,
    PAGE_SIZE,
    POOL_FLAG_NON_PAGED,
    POOL_TAG,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_NOT_SUPPORTED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    ExAllocatePool2,
    IoAllocateMdl,
    IoAttachDeviceToDeviceStack,
    IoBuildAsynchronousFsdRequest,
    IoBuildDeviceIoControlRequest,
    IoBuildSynchronousFsdRequest,
    IoCallDriver,
    IoForwardIrpSynchronously,
    IoFreeIrp,
    IoFreeMdl,
    IoGetCurrentIrpStackLocation,
    IoGetNextIrpStackLocation,
    IoMarkIrpPending,
    IoSetCompletionRoutine,
    KeGetCurrentThread,
    KeInitializeDpc,
    KeInitializeEvent,
    KeInitializeTimer,
    KeRaiseIrql,
    KeReadStateEvent,
    KeSetTimer,
    KeWaitForSingleObject,
    MmGetMdlByteCount,
    MmGetMdlByteOffset,
    MmGetMdlVirtualAddress,
    NotificationEvent,
    RtlReadMemory,
    RtlWriteMemory,
)
from unit.io.making import complete, make_device, make_driver, make_irp, succeed


def pool(length: int) -> int:
    address = ExAllocatePool2(POOL_FLAG_NON_PAGED, length, POOL_TAG("Test"))
    assert address is not None
    return address


def make_event() -> KEVENT:
    event = KEVENT()
    KeInitializeEvent(event, NotificationEvent, False)
    return event


def answer(device: DEVICE_OBJECT, irp: IRP) -> int:
    buffer = irp.associated_irp.system_buffer
    assert buffer is not None
    RtlWriteMemory(buffer, b"answer")
    return complete(irp, STATUS_SUCCESS, 6)


def test_IRP_14_an_asynchronous_request(machine: Machine) -> None:
    device = make_device(make_driver({IRP_MJ_READ: succeed}), flags=DO_DIRECT_IO)
    iosb = IO_STATUS_BLOCK(7, 7)
    irp = IoBuildAsynchronousFsdRequest(IRP_MJ_READ, device, pool(64), 64, 0x100, iosb)
    assert irp is not None
    assert irp.user_iosb is iosb
    assert irp.user_event is None
    assert not irp.cancel
    assert irp.cancel_routine is None
    assert irp.tail.overlay.thread is KeGetCurrentThread()
    assert irp.io_status.status == 0
    assert irp.current_location == device.stack_size + 1
    location = IoGetNextIrpStackLocation(irp)
    assert location.major_function == IRP_MJ_READ
    assert (location.parameters.read.length, location.parameters.read.byte_offset) == (64, 0x100)
    assert (location.device_object, location.file_object, location.completion_routine) == (None, None, None)
    assert irp.mdl_address is not None
    ended: list[IRP] = []

    def done(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        ended.append(irp)
        return STATUS_MORE_PROCESSING_REQUIRED

    IoSetCompletionRoutine(irp, done, None, True, True, True)
    assert IoCallDriver(device, irp) == STATUS_SUCCESS
    assert ended == [irp]
    assert (iosb.status, iosb.information) == (7, 7)
    irp.mdl_address.unlock_pages()
    IoFreeMdl(irp.mdl_address)
    IoFreeIrp(irp)
    assert machine.io.live_irps == {}


@pytest.mark.row("PNP-02")
def test_a_built_pnp_request_starts_as_not_supported(machine: Machine) -> None:
    device = make_device(make_driver())
    irp = IoBuildAsynchronousFsdRequest(IRP_MJ_PNP, device, None, 0, None, None)
    assert irp is not None
    assert irp.io_status.status == STATUS_NOT_SUPPORTED
    flush = IoBuildAsynchronousFsdRequest(IRP_MJ_FLUSH_BUFFERS, device, None, 0, None, None)
    assert flush is not None
    with pytest.raises(BugCheck) as stopped:
        IoBuildAsynchronousFsdRequest(IRP_MJ_POWER, device, None, 0, None, None)
    assert stopped.value.code == 0xC9


@pytest.mark.parametrize("pending", [True, False])
def test_a_synchronous_request_ends_by_itself(machine: Machine, pending: bool) -> None:
    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        if pending:
            IoMarkIrpPending(irp)
        answer(device, irp)
        return STATUS_PENDING if pending else STATUS_SUCCESS

    device = make_device(make_driver({IRP_MJ_READ: read}), flags=DO_BUFFERED_IO)
    iosb, event, target = IO_STATUS_BLOCK(), make_event(), pool(16)
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_READ, device, target, 16, 0, event, iosb)
    assert irp is not None
    IoCallDriver(device, irp)
    assert KeReadStateEvent(event) == 1
    assert (iosb.status, iosb.information) == (STATUS_SUCCESS, 6)
    assert RtlReadMemory(target, 6) == b"answer"
    assert machine.io.live_irps == {}


@pytest.mark.parametrize("pending", [True, False])
def test_IRP_15_at_APC_LEVEL_no_result_comes(machine: Machine, pending: bool) -> None:
    timer, dpc = KTIMER(), KDPC()
    KeInitializeTimer(timer)

    def end(dpc: object, irp: IRP, argument1: object, argument2: object) -> None:
        answer(device, irp)

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        if not pending:
            return answer(device, irp)
        IoMarkIrpPending(irp)
        KeInitializeDpc(dpc, end, irp)
        KeSetTimer(timer, -1_000, dpc)
        return STATUS_PENDING

    device = make_device(make_driver({IRP_MJ_READ: read}), flags=DO_BUFFERED_IO)
    iosb, event, target = IO_STATUS_BLOCK(), make_event(), pool(16)
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_READ, device, target, 16, 0, event, iosb)
    assert irp is not None
    KeRaiseIrql(APC_LEVEL)
    IoCallDriver(device, irp)
    if pending:
        with pytest.raises(Deadlock):
            KeWaitForSingleObject(event)
    [(row, what)] = machine.defects
    assert row == "IRP-15"
    assert "at PASSIVE_LEVEL" in what


@pytest.mark.parametrize("internal", [True, False])
def test_a_control_request(machine: Machine, internal: bool) -> None:
    major = IRP_MJ_INTERNAL_DEVICE_CONTROL if internal else IRP_MJ_DEVICE_CONTROL
    device = make_device(make_driver({major: answer}))
    code = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
    iosb, event, target = IO_STATUS_BLOCK(), make_event(), pool(16)
    irp = IoBuildDeviceIoControlRequest(code, device, None, 0, target, 16, internal, event, iosb)
    assert irp is not None
    IoCallDriver(device, irp)
    assert (iosb.status, iosb.information, KeReadStateEvent(event)) == (STATUS_SUCCESS, 6, 1)
    assert RtlReadMemory(target, 6) == b"answer"


def test_MDL_02_hung_on_a_request(machine: Machine) -> None:
    address = pool(3 * PAGE_SIZE)
    irp = make_irp(1)
    first = IoAllocateMdl(address + 5, 100, False, False, irp)
    assert first is not None
    assert irp.mdl_address is first
    second = IoAllocateMdl(address, 10, True, False, irp)
    third = IoAllocateMdl(address, 20, True, False, irp)
    assert first.next is second
    assert second is not None
    assert second.next is third
    replacing = IoAllocateMdl(address, 30, False, False, irp)
    assert irp.mdl_address is replacing
    loose = IoAllocateMdl(address + 5, 100, False, False, None)
    assert loose is not None
    assert (MmGetMdlVirtualAddress(loose), MmGetMdlByteCount(loose), MmGetMdlByteOffset(loose)) == (
        address + 5,
        100,
        5,
    )


class Layer:
    lower: DEVICE_OBJECT


@pytest.mark.parametrize("pending", [True, False])
def test_forwarding_and_waiting(machine: Machine, pending: bool) -> None:
    held: list[IRP] = []
    order: list[str] = []

    def lower(device: DEVICE_OBJECT, irp: IRP) -> int:
        order.append("lower")
        if pending:
            IoMarkIrpPending(irp)
            held.append(irp)
            return STATUS_PENDING
        return complete(irp, STATUS_SUCCESS, 9)

    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        assert IoForwardIrpSynchronously(device.device_extension.lower, irp)
        order.append("upper")
        assert IoGetCurrentIrpStackLocation(irp).device_object is device
        return complete(irp, irp.io_status.status, irp.io_status.information + 1)

    bottom = make_device(make_driver({IRP_MJ_READ: lower}, "lower"))
    top = make_device(make_driver({IRP_MJ_READ: upper}, "upper"), extension=Layer)
    lowest = IoAttachDeviceToDeviceStack(top, bottom)
    assert lowest is not None
    top.device_extension.lower = lowest
    irp = make_irp(top.stack_size)
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    thread = machine.create_thread(lambda: complete(held.pop(), STATUS_SUCCESS, 9)) if pending else None
    assert IoCallDriver(top, irp) == STATUS_SUCCESS
    assert order == ["lower", "upper"]
    assert irp.io_status.information == 10
    if thread is not None:
        thread.join()


def test_forwarding_without_a_location(machine: Machine) -> None:
    device = make_device(make_driver())
    irp = make_irp(1)
    irp.current_location = 1
    assert not IoForwardIrpSynchronously(device, irp)
