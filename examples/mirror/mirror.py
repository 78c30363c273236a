# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""A mirror, `\\.\Mirror`: what is written goes to two store devices, what is read comes from one of them in turn.

One write is a master IRP with two associated IRPs, one for each half. When one half fails the mirror goes on with the
other, degraded, until IOCTL_MIRROR_RESYNC has copied everything back.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from dirql import wdm

DEVICE_NAME = r"\Device\Mirror"
LINK_NAME = r"\DosDevices\Mirror"
HALF_NAMES = (r"\Device\Store0", r"\Device\Store1")
# Output: the state of each half, two numbers of 32 bits.
IOCTL_MIRROR_GET_STATE = wdm.CTL_CODE(
    wdm.FILE_DEVICE_UNKNOWN, 0x800, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS
)
# No data; pending until the failed half has the same data as the other one.
IOCTL_MIRROR_RESYNC = wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x801, wdm.METHOD_BUFFERED, wdm.FILE_WRITE_ACCESS)
# Of the store driver: the first 8 bytes of the answer are the size of the device.
IOCTL_STORE_GET_STATISTICS = wdm.CTL_CODE(
    wdm.FILE_DEVICE_UNKNOWN, 0x802, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS
)
STATISTICS_BYTES = 32
GOOD, FAILED, RESYNC = range(3)  # in the state RESYNC a half is written and not read
MIRROR_TAG = wdm.POOL_TAG("Mirr")
CHUNK_BYTES = 4096
# These tell nothing about the half that a read went to.
NO_FAULTS = (wdm.STATUS_INVALID_PARAMETER, wdm.STATUS_CANCELLED, wdm.STATUS_INSUFFICIENT_RESOURCES)


@dataclass(eq=False, slots=True)
class Half:
    """One of the devices below."""

    device: wdm.DEVICE_OBJECT
    file: wdm.FILE_OBJECT  # keeps the device
    state: int = GOOD


@dataclass(eq=False, slots=True)
class Write:
    """A write under way; `results` has the halves that have ended, with their statuses."""

    device: wdm.DEVICE_OBJECT
    master: wdm.IRP
    offset: int
    length: int
    count: int
    generation: int  # that of the mirror when the write began
    results: list[tuple[Half, int]]


class Extension:
    """The mirror; what follows the lock is guarded by it."""

    def __init__(self) -> None:
        self.halves: list[Half] = []
        self.device_bytes = 0
        self.lock = wdm.KSPIN_LOCK()
        self.turn = 0
        self.under_way: list[Write] = []
        self.generation = 0  # grows with each piece that is copied, and after it
        self.resync_irp: wdm.IRP | None = None
        self.copied_to = 0
        self.todo: list[tuple[int, int]] = []  # offset and length of what must be copied once more
        self.changed = wdm.KEVENT()  # a write has ended


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    for major in (wdm.IRP_MJ_CREATE, wdm.IRP_MJ_CLEANUP, wdm.IRP_MJ_CLOSE):
        driver.major_function[major] = Succeed
    driver.major_function[wdm.IRP_MJ_READ] = Read
    driver.major_function[wdm.IRP_MJ_WRITE] = WriteBoth
    driver.major_function[wdm.IRP_MJ_DEVICE_CONTROL] = Control
    driver.driver_unload = Unload
    status, device = wdm.IoCreateDevice(driver, Extension, DEVICE_NAME, wdm.FILE_DEVICE_DISK, 0, False)
    if device is None:
        return status
    wdm.KeInitializeSpinLock(device.device_extension.lock)
    wdm.KeInitializeEvent(device.device_extension.changed, wdm.SynchronizationEvent, False)
    for name in HALF_NAMES:
        if wdm.NT_SUCCESS(status):
            status = OpenHalf(device.device_extension, name)
    if wdm.NT_SUCCESS(status):
        status = wdm.IoCreateSymbolicLink(LINK_NAME, DEVICE_NAME)
    if not wdm.NT_SUCCESS(status):
        DeleteMirror(device)
        return status
    # A read is passed down as it is, so it needs a location for the mirror and those of the half.
    device.stack_size = 1 + max(half.device.stack_size for half in device.device_extension.halves)
    device.flags |= wdm.DO_DIRECT_IO
    return status


def OpenHalf(extension: Extension, name: str) -> int:
    status, file, target = wdm.IoGetDeviceObjectPointer(name, wdm.FILE_READ_DATA | wdm.FILE_WRITE_DATA)
    if file is None or target is None:
        return status
    extension.halves.append(Half(target, file))
    event, block = wdm.KEVENT(), wdm.IO_STATUS_BLOCK()
    wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
    buffer = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, STATISTICS_BYTES, MIRROR_TAG)
    if buffer is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES
    irp = wdm.IoBuildDeviceIoControlRequest(
        IOCTL_STORE_GET_STATISTICS, target, None, 0, buffer, STATISTICS_BYTES, False, event, block
    )
    status = wdm.STATUS_INSUFFICIENT_RESOURCES
    if irp is not None:
        status = Wait(wdm.IoCallDriver(target, irp), event, block)
    if wdm.NT_SUCCESS(status):
        (size,) = struct.unpack("<Q", wdm.RtlReadMemory(buffer, 8))
        extension.device_bytes = min(size, extension.device_bytes or size)
    wdm.ExFreePoolWithTag(buffer, MIRROR_TAG)
    return status


def Wait(status: int, event: wdm.KEVENT, block: wdm.IO_STATUS_BLOCK) -> int:
    if status == wdm.STATUS_PENDING:
        wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        status = block.status
    return status


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    wdm.IoDeleteSymbolicLink(LINK_NAME)
    if driver.device_object is not None:
        DeleteMirror(driver.device_object)


def DeleteMirror(device: wdm.DEVICE_OBJECT) -> None:
    for half in device.device_extension.halves:
        wdm.ObDereferenceObject(half.file)
    wdm.IoDeleteDevice(device)


def Complete(irp: wdm.IRP, status: int, information: int = 0) -> int:
    irp.io_status.status, irp.io_status.information = status, information
    wdm.IoCompleteRequest(irp, wdm.IO_DISK_INCREMENT if information else wdm.IO_NO_INCREMENT)
    return status


def Succeed(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Complete(irp, wdm.STATUS_SUCCESS)


def CheckRange(extension: Extension, irp: wdm.IRP) -> bool:
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.read  # that of a write has the same layout
    return 0 <= request.byte_offset <= extension.device_bytes - request.length


# Reads: one half after the other.


def ChooseHalf(extension: Extension, failed: Half | None = None) -> Half | None:
    """The next good half; `failed` is one that has just failed. None if there is no other."""
    irql = wdm.KeAcquireSpinLock(extension.lock)
    good = [half for half in extension.halves if half.state == GOOD]
    if failed in good and len(good) > 1:  # the last good half stays: nothing is gained by giving it up
        failed.state = FAILED
        good.remove(failed)
    extension.turn += 1
    chosen = good[extension.turn % len(good)]
    wdm.KeReleaseSpinLock(extension.lock, irql)
    return None if chosen is failed else chosen


def Read(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    extension = device.device_extension
    if not CheckRange(extension, irp):
        return Complete(irp, wdm.STATUS_INVALID_PARAMETER)
    if irp.mdl_address is None:
        return Complete(irp, wdm.STATUS_SUCCESS)
    half = ChooseHalf(extension)
    assert half is not None
    wdm.IoMarkIrpPending(irp)
    SendRead(irp, half)
    return wdm.STATUS_PENDING


def SendRead(irp: wdm.IRP, half: Half) -> None:
    wdm.IoCopyCurrentIrpStackLocationToNext(irp)
    wdm.IoSetCompletionRoutine(irp, ReadDone, half, True, True, True)
    wdm.IoCallDriver(half.device, irp)


def ReadDone(device: wdm.DEVICE_OBJECT | None, irp: wdm.IRP, context: object) -> int:
    """After a fault the same IRP goes to the other half."""
    assert device is not None
    assert isinstance(context, Half)
    if wdm.NT_SUCCESS(irp.io_status.status) or irp.io_status.status in NO_FAULTS:
        return wdm.STATUS_CONTINUE_COMPLETION
    other = ChooseHalf(device.device_extension, context)
    if other is None:
        return wdm.STATUS_CONTINUE_COMPLETION
    SendRead(irp, other)
    return wdm.STATUS_MORE_PROCESSING_REQUIRED


# Writes: both halves at once. A write is not cancelled, because a half might have it already.


def WriteBoth(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    extension = device.device_extension
    if not CheckRange(extension, irp):
        return Complete(irp, wdm.STATUS_INVALID_PARAMETER)
    if irp.mdl_address is None:
        return Complete(irp, wdm.STATUS_SUCCESS)
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.write
    irql = wdm.KeAcquireSpinLock(extension.lock)
    halves = [half for half in extension.halves if half.state != FAILED]
    generation = extension.generation
    write = Write(device, irp, request.byte_offset, request.length, len(halves), generation, [])
    extension.under_way.append(write)
    wdm.KeReleaseSpinLock(extension.lock, irql)
    parts = [MakePart(write, half) for half in halves]
    made = [part for part in parts if part is not None]
    wdm.IoMarkIrpPending(irp)
    if len(made) < len(parts):
        for part in made:
            if part.mdl_address is not None:
                wdm.IoFreeMdl(part.mdl_address)
            wdm.IoFreeIrp(part)
        WriteEnded(write)
        Complete(irp, wdm.STATUS_INSUFFICIENT_RESOURCES)
        return wdm.STATUS_PENDING
    # The I/O manager completes the master with the last part, so all are counted before the first is sent.
    irp.associated_irp.irp_count = len(made)
    for half, part in zip(halves, made, strict=True):
        wdm.IoCallDriver(half.device, part)
    return wdm.STATUS_PENDING


def MakePart(write: Write, half: Half) -> wdm.IRP | None:
    """An associated IRP for one half, with an MDL of its own for the caller's pages."""
    source = write.master.mdl_address
    assert source is not None
    # One location more than the half needs is the mirror's own: it holds the completion routine's context.
    part = wdm.IoMakeAssociatedIrp(write.master, half.device.stack_size + 1)
    if part is None:
        return None
    address = wdm.MmGetMdlVirtualAddress(source)
    mdl = wdm.IoAllocateMdl(address, write.length, False, False, part)
    if mdl is None:
        wdm.IoFreeIrp(part)
        return None
    wdm.IoBuildPartialMdl(source, mdl, address, write.length)
    wdm.IoSetNextIrpStackLocation(part)
    own = wdm.IoGetCurrentIrpStackLocation(part)
    own.device_object = write.device
    own.parameters.others.argument1 = half
    stack = wdm.IoGetNextIrpStackLocation(part)
    stack.major_function = wdm.IRP_MJ_WRITE
    stack.parameters.write.byte_offset, stack.parameters.write.length = write.offset, write.length
    wdm.IoSetCompletionRoutine(part, HalfWritten, write, True, True, True)
    return part


def HalfWritten(device: wdm.DEVICE_OBJECT | None, part: wdm.IRP, context: object) -> int:
    """Note the result of a half; with the last one the master gets its status. The I/O manager frees the part."""
    assert isinstance(context, Write)
    half = wdm.IoGetCurrentIrpStackLocation(part).parameters.others.argument1
    assert isinstance(half, Half)
    extension = context.device.device_extension
    irql = wdm.KeAcquireSpinLock(extension.lock)
    context.results.append((half, part.io_status.status))
    is_last = len(context.results) == context.count
    good = [each for each, status in context.results if wdm.NT_SUCCESS(status) and each.state != RESYNC]
    if is_last and good:
        for each, status in context.results:
            if not wdm.NT_SUCCESS(status):
                each.state = FAILED
    wdm.KeReleaseSpinLock(extension.lock, irql)
    if is_last:
        failures = [status for _, status in context.results if not wdm.NT_SUCCESS(status)]
        context.master.io_status.status = wdm.STATUS_SUCCESS if good else failures[0]
        context.master.io_status.information = context.length if good else 0
        WriteEnded(context)
    if part.pending_returned:
        wdm.IoMarkIrpPending(part)
    return wdm.STATUS_CONTINUE_COMPLETION


def WriteEnded(write: Write) -> None:
    """Tell a resynchronization what it may have copied too early."""
    extension = write.device.device_extension
    irql = wdm.KeAcquireSpinLock(extension.lock)
    extension.under_way.remove(write)
    if extension.resync_irp is not None and write.offset < extension.copied_to:
        extension.todo.append((write.offset, write.length))
    wdm.KeReleaseSpinLock(extension.lock, irql)
    wdm.KeSetEvent(extension.changed, wdm.IO_NO_INCREMENT, False)


# The state, and how a half becomes good again.


def Control(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    extension = device.device_extension
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
    if request.io_control_code == IOCTL_MIRROR_RESYNC:
        return StartResync(device, irp)
    if request.io_control_code != IOCTL_MIRROR_GET_STATE:
        return Complete(irp, wdm.STATUS_INVALID_DEVICE_REQUEST)
    buffer = irp.associated_irp.system_buffer
    if buffer is None or request.output_buffer_length < 8:
        return Complete(irp, wdm.STATUS_BUFFER_TOO_SMALL)
    wdm.RtlWriteMemory(buffer, struct.pack("<II", *(half.state for half in extension.halves)))
    return Complete(irp, wdm.STATUS_SUCCESS, 8)


def StartResync(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """Let a work item copy, which may wait for the devices."""
    extension = device.device_extension
    item = wdm.IoAllocateWorkItem(device)
    irql = wdm.KeAcquireSpinLock(extension.lock)
    failed = [half for half in extension.halves if half.state == FAILED]
    if failed:
        extension.resync_irp, extension.copied_to = irp, 0
        extension.todo = [
            (offset, min(CHUNK_BYTES, extension.device_bytes - offset))
            for offset in range(0, extension.device_bytes, CHUNK_BYTES)
        ]
        failed[0].state = RESYNC  # from here on writes go to both halves
    wdm.KeReleaseSpinLock(extension.lock, irql)
    if not failed:
        wdm.IoFreeWorkItem(item)
        return Complete(irp, wdm.STATUS_INVALID_DEVICE_STATE)
    wdm.IoMarkIrpPending(irp)
    wdm.IoQueueWorkItem(item, Resync, wdm.DelayedWorkQueue, item)
    return wdm.STATUS_PENDING


def Resync(device: wdm.DEVICE_OBJECT, context: object) -> None:
    """Copy until nothing is left to copy. PASSIVE_LEVEL."""
    extension = device.device_extension
    assert isinstance(context, wdm.IO_WORKITEM)
    wdm.IoFreeWorkItem(context)
    irp = extension.resync_irp
    assert irp is not None
    target = next(half for half in extension.halves if half.state != GOOD)
    source = next(half for half in extension.halves if half is not target)
    buffer = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, extension.device_bytes, MIRROR_TAG)
    status = wdm.STATUS_PENDING if buffer is not None else wdm.STATUS_INSUFFICIENT_RESOURCES
    while buffer is not None and status == wdm.STATUS_PENDING:
        piece = NextPiece(extension, target)
        if piece is None:
            status = wdm.STATUS_SUCCESS if target.state == GOOD else wdm.STATUS_IO_DEVICE_ERROR
            break
        offset, length = piece
        result = Transfer(wdm.IRP_MJ_READ, source, buffer, offset, length)
        if wdm.NT_SUCCESS(result):
            result = Transfer(wdm.IRP_MJ_WRITE, target, buffer, offset, length)
        if not wdm.NT_SUCCESS(result) or irp.cancel:
            status = wdm.STATUS_CANCELLED if irp.cancel else result
    irql = wdm.KeAcquireSpinLock(extension.lock)
    if target.state == RESYNC:
        target.state = FAILED
    extension.resync_irp, extension.todo = None, []
    wdm.KeReleaseSpinLock(extension.lock, irql)
    if buffer is not None:
        wdm.ExFreePoolWithTag(buffer, MIRROR_TAG)
    Complete(irp, status)


def NextPiece(extension: Extension, target: Half) -> tuple[int, int] | None:
    """The next range to copy. None at the end: the target is good then, unless a write to it has failed.

    The end waits for all writes that began before now: they may have met a copy of older data on its way.
    """
    now = None
    while True:
        irql = wdm.KeAcquireSpinLock(extension.lock)
        if now is None:
            now = extension.generation = extension.generation + 1
        piece = extension.todo.pop(0) if extension.todo and target.state == RESYNC else None
        if piece is not None:
            extension.copied_to = max(extension.copied_to, sum(piece))
        is_settled = all(write.generation == now for write in extension.under_way)
        is_over = piece is None and (target.state != RESYNC or is_settled)
        if is_over and target.state == RESYNC:
            target.state = GOOD
        wdm.KeReleaseSpinLock(extension.lock, irql)
        if piece is not None or is_over:
            return piece
        wdm.KeWaitForSingleObject(extension.changed, wdm.Executive, wdm.KernelMode, False, None)


def Transfer(major: int, half: Half, buffer: int, offset: int, length: int) -> int:
    """Read or write a half and wait for it. PASSIVE_LEVEL."""
    event, block = wdm.KEVENT(), wdm.IO_STATUS_BLOCK()
    wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
    irp = wdm.IoBuildSynchronousFsdRequest(major, half.device, buffer, length, offset, event, block)
    if irp is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES
    return Wait(wdm.IoCallDriver(half.device, irp), event, block)
