# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""A driver for a slow device without an interrupt: a timer looks after the device, again and again.

The device is the store function, of which the driver connects no interrupt. `Poll`, the DPC of the timer, is the only
routine that moves data and that completes a request which has the device. So a cancel, a time-out and a removal need
no lock of their own: they leave a note that the next poll finds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dirql import wdm
from dirql.registers import store as regs
from dirql.registers.functions import Store

if TYPE_CHECKING:
    from dirql.machine import Machine

HARDWARE_IDS = (Store.HARDWARE_ID,)
DEVICE_NAME = r"\Device\Slow"
LINK_NAME = r"\DosDevices\Slow"
# Input: the bus clocks that the device takes before it begins, and the microseconds after which a request has taken too
# long, as two numbers of 32 bits.
IOCTL_SLOW_SET_TIMING = wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x800, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS)
TIMING = struct.Struct("<II")
SHORTEST_PERIOD = 50  # 100 ns units: 5 microseconds
LONGEST_PERIOD = 10_000  # 1 millisecond
ALL_ONES = 0xFFFFFFFF  # a register of a device that is not there


class Extension:
    """The driver's own data about its device."""

    def __init__(self) -> None:
        self.lower_device: wdm.DEVICE_OBJECT
        self.remove_lock = wdm.IO_REMOVE_LOCK()
        self.registers = 0
        self.registers_length = 0
        self.device_bytes = 0
        self.fifo_dwords = 0
        self.access_clocks = 0
        self.timeout = 10_000_000  # 100 ns units
        self.is_gone = False
        # Guarded by the cancel spin lock.
        self.current_file: wdm.FILE_OBJECT | None = None
        self.is_closed = False  # the current request must end, because its file was closed
        # Of StartIo and `Poll`, which never run at the same time.
        self.timer = wdm.KTIMER()
        self.dpc = wdm.KDPC()
        self.buffer = 0  # the system address of the caller's pages
        self.length = 0
        self.moved = 0
        self.deadline = 0
        self.period = SHORTEST_PERIOD
        self.outcome = wdm.STATUS_PENDING  # the status of a request for which the device must first stop
        self.polls = 0


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    driver.driver_extension.add_device = AddDevice
    driver.driver_unload = Unload
    driver.driver_start_io = StartIo
    driver.major_function[wdm.IRP_MJ_CREATE] = CreateClose
    driver.major_function[wdm.IRP_MJ_CLOSE] = CreateClose
    driver.major_function[wdm.IRP_MJ_CLEANUP] = Cleanup
    driver.major_function[wdm.IRP_MJ_READ] = ReadWrite
    driver.major_function[wdm.IRP_MJ_WRITE] = ReadWrite
    driver.major_function[wdm.IRP_MJ_DEVICE_CONTROL] = Control
    driver.major_function[wdm.IRP_MJ_POWER] = PassDown  # the device is never turned off
    driver.major_function[wdm.IRP_MJ_SYSTEM_CONTROL] = PassDown
    driver.major_function[wdm.IRP_MJ_PNP] = Pnp
    return wdm.STATUS_SUCCESS


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    pass  # the device object was deleted when the device was removed


def AddDevice(driver: wdm.DRIVER_OBJECT, physical_device: wdm.DEVICE_OBJECT) -> int:
    status, device = wdm.IoCreateDevice(driver, Extension, DEVICE_NAME, wdm.FILE_DEVICE_UNKNOWN, 0, False)
    if device is None:
        return status
    extension = device.device_extension
    wdm.IoInitializeRemoveLock(extension.remove_lock, "Slow", 0, 0)
    wdm.KeInitializeTimer(extension.timer)
    wdm.KeInitializeDpc(extension.dpc, Poll, device)
    status = wdm.IoCreateSymbolicLink(LINK_NAME, DEVICE_NAME)
    if not wdm.NT_SUCCESS(status):
        wdm.IoDeleteDevice(device)
        return status
    lower = wdm.IoAttachDeviceToDeviceStack(device, physical_device)
    if lower is None:
        wdm.IoDeleteSymbolicLink(LINK_NAME)
        wdm.IoDeleteDevice(device)
        return wdm.STATUS_NO_SUCH_DEVICE
    extension.lower_device = lower
    device.flags |= wdm.DO_DIRECT_IO
    device.flags &= ~wdm.DO_DEVICE_INITIALIZING
    return wdm.STATUS_SUCCESS


def Complete(irp: wdm.IRP, status: int, information: int = 0) -> int:
    irp.io_status.status, irp.io_status.information = status, information
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return status


def Finish(device: wdm.DEVICE_OBJECT, irp: wdm.IRP, status: int, information: int = 0) -> None:
    """Complete a request that holds the remove lock."""
    wdm.IoReleaseRemoveLock(device.device_extension.remove_lock, irp)
    Complete(irp, status, information)


# Requests: from the program to the queue.


def CreateClose(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Complete(irp, wdm.STATUS_SUCCESS)


def Control(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
    if request.io_control_code != IOCTL_SLOW_SET_TIMING:
        return Complete(irp, wdm.STATUS_INVALID_DEVICE_REQUEST)
    buffer = irp.associated_irp.system_buffer
    if buffer is None or request.input_buffer_length != TIMING.size:
        return Complete(irp, wdm.STATUS_INVALID_PARAMETER)
    clocks, microseconds = TIMING.unpack(wdm.RtlReadMemory(buffer, TIMING.size))
    extension = device.device_extension
    extension.access_clocks, extension.timeout = clocks, 10 * microseconds
    return Complete(irp, wdm.STATUS_SUCCESS)


def ReadWrite(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """Check a request and queue it: StartIo gets it when the device is free."""
    extension = device.device_extension
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.read  # that of a write has the same layout
    if request.length % 4 or not 0 <= request.byte_offset <= extension.device_bytes - request.length:
        return Complete(irp, wdm.STATUS_INVALID_PARAMETER)
    if irp.mdl_address is None:
        return Complete(irp, wdm.STATUS_SUCCESS)
    if wdm.MmGetSystemAddressForMdlSafe(irp.mdl_address, wdm.NormalPagePriority) is None:
        return Complete(irp, wdm.STATUS_INSUFFICIENT_RESOURCES)
    status = wdm.IoAcquireRemoveLock(extension.remove_lock, irp)
    if not wdm.NT_SUCCESS(status):
        return Complete(irp, status)
    wdm.IoMarkIrpPending(irp)
    wdm.IoStartPacket(device, irp, None, CancelQueued)
    return wdm.STATUS_PENDING


def CancelQueued(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> None:
    """Cancel routine of a request in the queue. One that has just become current is left to `Poll`."""
    if irp is device.current_irp:
        wdm.IoReleaseCancelSpinLock(irp.cancel_irql)
        return
    wdm.KeRemoveEntryDeviceQueue(device.device_queue, irp.tail.overlay.device_queue_entry)
    wdm.IoReleaseCancelSpinLock(irp.cancel_irql)
    Finish(device, irp, wdm.STATUS_CANCELLED)


def Cleanup(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """The last handle of a file was closed: cancel the requests of the file."""
    extension = device.device_extension
    file = wdm.IoGetCurrentIrpStackLocation(irp).file_object
    irql = wdm.IoAcquireCancelSpinLock()
    extension.is_closed |= extension.current_file is file
    doomed = []
    for entry in device.device_queue.queued():
        queued = wdm.CONTAINING_RECORD(entry, wdm.IRP, "tail.overlay")
        if wdm.IoGetCurrentIrpStackLocation(queued).file_object is file:
            doomed.append(queued)
    for queued in doomed:
        wdm.IoSetCancelRoutine(queued, None)
        wdm.KeRemoveEntryDeviceQueue(device.device_queue, queued.tail.overlay.device_queue_entry)
    wdm.IoReleaseCancelSpinLock(irql)
    for queued in doomed:
        Finish(device, queued, wdm.STATUS_CANCELLED)
    return Complete(irp, wdm.STATUS_SUCCESS)


# The device: from the queue to completion.


def Read(extension: Extension, offset: int) -> int:
    return wdm.READ_REGISTER_ULONG(extension.registers + offset)


def Write(extension: Extension, offset: int, value: int) -> None:
    wdm.WRITE_REGISTER_ULONG(extension.registers + offset, value)


def IsWrite(irp: wdm.IRP) -> bool:
    return wdm.IoGetCurrentIrpStackLocation(irp).major_function == wdm.IRP_MJ_WRITE


def StartIo(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> None:
    """Give the device its command, and look after it for the first time soon."""
    extension = device.device_extension
    irql = wdm.IoAcquireCancelSpinLock()
    wdm.IoSetCancelRoutine(irp, None)  # from now on `Poll` looks at `irp.cancel`
    extension.current_file = wdm.IoGetCurrentIrpStackLocation(irp).file_object
    extension.is_closed = False
    wdm.IoReleaseCancelSpinLock(irql)
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.read
    assert irp.mdl_address is not None
    buffer = wdm.MmGetSystemAddressForMdlSafe(irp.mdl_address, wdm.NormalPagePriority)
    assert buffer is not None  # ReadWrite has mapped it
    extension.buffer, extension.length, extension.moved = buffer, request.length, 0
    extension.outcome, extension.period = wdm.STATUS_PENDING, SHORTEST_PERIOD
    extension.deadline = wdm.KeQueryInterruptTime() + extension.timeout
    if not extension.is_gone:
        Write(extension, regs.DELAY.offset, extension.access_clocks)
        Write(extension, regs.BUFFER_ADDRESS.offset, request.byte_offset)
        Write(extension, regs.LENGTH.offset, request.length)
        operation = regs.Operation.FIFO_WRITE if IsWrite(irp) else regs.Operation.FIFO_READ
        Write(extension, regs.COMMAND.offset, operation)
    wdm.KeSetTimer(extension.timer, -extension.period, extension.dpc)


def Poll(dpc: wdm.KDPC, device: wdm.DEVICE_OBJECT, argument1: object, argument2: object) -> None:
    """The timer's DPC: carry the current request on, then set the timer anew or complete the request."""
    extension = device.device_extension
    irp = device.current_irp
    assert irp is not None  # the timer is set while the device has a request
    extension.polls += 1
    before = extension.moved
    status = Step(extension, irp)
    if status == wdm.STATUS_PENDING:
        # While nothing happens the driver asks less and less often, and often again once something does.
        is_busy = extension.moved != before
        extension.period = SHORTEST_PERIOD if is_busy else min(2 * extension.period, LONGEST_PERIOD)
        wdm.KeSetTimer(extension.timer, -extension.period, extension.dpc)
        return
    Finish(device, irp, status, extension.moved if wdm.NT_SUCCESS(status) else 0)
    wdm.IoStartNextPacket(device, True)


def Step(extension: Extension, irp: wdm.IRP) -> int:
    """Do what can be done for a request now; STATUS_PENDING if it must be looked after again."""
    if extension.is_gone:
        return wdm.STATUS_DEVICE_REMOVED
    status = Read(extension, regs.STATUS.offset)
    if status == ALL_ONES:
        return wdm.STATUS_DEVICE_NOT_CONNECTED
    if extension.outcome != wdm.STATUS_PENDING:  # the device was told to stop
        return wdm.STATUS_PENDING if status & regs.STATUS.BUSY else extension.outcome
    if status & regs.STATUS.ERROR:
        return Stop(extension, wdm.STATUS_IO_DEVICE_ERROR)
    if irp.cancel or extension.is_closed:
        return Stop(extension, wdm.STATUS_CANCELLED)
    MoveData(extension, irp, (status & regs.STATUS.FIFO_LEVEL) >> regs.STATUS.FIFO_LEVEL_SHIFT)
    if not status & regs.STATUS.BUSY and extension.moved == extension.length:
        return wdm.STATUS_SUCCESS
    if wdm.KeQueryInterruptTime() >= extension.deadline:
        return Stop(extension, wdm.STATUS_IO_TIMEOUT)
    return wdm.STATUS_PENDING


def Stop(extension: Extension, outcome: int) -> int:
    """Tell the device to stop. The next poll, or one after it, finds it idle and completes the request."""
    Write(extension, regs.CONTROL.offset, regs.CONTROL.SOFT_RESET)
    extension.outcome, extension.period = outcome, SHORTEST_PERIOD
    return wdm.STATUS_PENDING


def MoveData(extension: Extension, irp: wdm.IRP, level: int) -> None:
    """Move as many dwords as the FIFO takes or has; `level` is the number that it has."""
    buffer = extension.buffer + extension.moved
    window = extension.registers + regs.FIFO_WINDOW.offset
    rest = (extension.length - extension.moved) // 4
    count = min(rest, extension.fifo_dwords - level if IsWrite(irp) else level)
    if count and IsWrite(irp):
        wdm.WRITE_REGISTER_BUFFER_ULONG(window, buffer, count)
    elif count:
        wdm.READ_REGISTER_BUFFER_ULONG(window, buffer, count)
    extension.moved += 4 * count


# Plug and Play.


def PassDown(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    wdm.IoSkipCurrentIrpStackLocation(irp)
    return wdm.IoCallDriver(device.device_extension.lower_device, irp)


def Pnp(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    extension = device.device_extension
    minor = wdm.IoGetCurrentIrpStackLocation(irp).minor_function
    if minor == wdm.IRP_MN_START_DEVICE:
        wdm.IoForwardIrpSynchronously(extension.lower_device, irp)
        status = irp.io_status.status
        return Complete(irp, Start(extension, irp) if wdm.NT_SUCCESS(status) else status)
    if minor == wdm.IRP_MN_QUERY_STOP_DEVICE:
        return Complete(irp, wdm.STATUS_UNSUCCESSFUL)  # the driver cannot hold requests back
    if minor == wdm.IRP_MN_SURPRISE_REMOVAL:
        extension.is_gone = True
    if minor == wdm.IRP_MN_REMOVE_DEVICE:
        return Remove(device, irp)
    if minor in (
        wdm.IRP_MN_SURPRISE_REMOVAL,
        wdm.IRP_MN_QUERY_REMOVE_DEVICE,
        wdm.IRP_MN_CANCEL_REMOVE_DEVICE,
    ):
        irp.io_status.status = wdm.STATUS_SUCCESS
    return PassDown(device, irp)


def Start(extension: Extension, irp: wdm.IRP) -> int:
    resources = wdm.IoGetCurrentIrpStackLocation(irp).parameters.start_device.allocated_resources_translated
    assert resources is not None  # the device has registers
    descriptors = resources.list[0].partial_resource_list.partial_descriptors
    memory = next(entry.u.memory for entry in descriptors if entry.type == wdm.CmResourceTypeMemory)
    registers = wdm.MmMapIoSpace(memory.start, memory.length, wdm.MmNonCached)
    if registers is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES
    extension.registers, extension.registers_length = registers, memory.length
    features = regs.FEATURES.unpack(Read(extension, regs.FEATURES.offset))
    extension.device_bytes, extension.fifo_dwords = 1 << features.buffer_log2, 1 << features.fifo_log2
    return wdm.STATUS_SUCCESS


def Remove(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """End all requests, then give everything back."""
    extension = device.device_extension
    wdm.IoAcquireRemoveLock(extension.remove_lock, irp)
    wdm.IoReleaseRemoveLockAndWait(extension.remove_lock, irp)
    wdm.KeFlushQueuedDpcs()  # the last poll may still run
    if extension.registers:
        wdm.MmUnmapIoSpace(extension.registers, extension.registers_length)
    irp.io_status.status = wdm.STATUS_SUCCESS
    wdm.IoSkipCurrentIrpStackLocation(irp)
    status = wdm.IoCallDriver(extension.lower_device, irp)
    wdm.IoDetachDevice(extension.lower_device)
    wdm.IoDeleteSymbolicLink(LINK_NAME)
    wdm.IoDeleteDevice(device)
    return status


def scenario(machine: Machine) -> Iterator[Callable[[int], int]]:
    """The transfers of `dirql run --driver`: each writes 64 bytes and reads them back."""
    with machine.open(r"\\.\Slow") as device:

        def transfer(number: int) -> int:
            data = number.to_bytes(4, "little") * 16
            device.write(data)
            assert device.read(64) == data
            return 128

        yield transfer
