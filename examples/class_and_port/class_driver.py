# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The class driver of a pair: it has the names, the rules and the policy of a block device, and knows no register.

For each port device it makes a class device, `\\.\Block0` and on. A read or a write of any length is split into
requests that the port can do, and a request is repeated when data was damaged or the device did not answer.
"""

from __future__ import annotations

from port_interface import PORT_DEVICE_NAME, PORT_FUNCTION, PORT_REQUEST, PORT_STATUS

from dirql import wdm

CLASS_DEVICE_NAME = "\\Device\\Block"
CLASS_LINK_NAME = "\\DosDevices\\Block"
RETRIES = 3
WORTH_A_RETRY = (PORT_STATUS.DATA_ERROR, PORT_STATUS.TIMEOUT)
# The end of a request, as the program sees it.
NT_STATUS = {
    PORT_STATUS.SUCCESS: wdm.STATUS_SUCCESS,
    PORT_STATUS.BUSY: wdm.STATUS_DEVICE_BUSY,
    PORT_STATUS.DATA_ERROR: wdm.STATUS_DEVICE_DATA_ERROR,
    PORT_STATUS.TIMEOUT: wdm.STATUS_IO_TIMEOUT,
    PORT_STATUS.HARDWARE_ERROR: wdm.STATUS_IO_DEVICE_ERROR,
    PORT_STATUS.GONE: wdm.STATUS_DEVICE_REMOVED,
}


class Extension:
    """One class device, and the port device below it."""

    def __init__(self) -> None:
        self.port: wdm.DEVICE_OBJECT
        self.number = 0
        self.remove_lock = wdm.IO_REMOVE_LOCK()
        self.device_bytes = 0
        self.maximum_length = 0
        self.retries = 0  # of all requests


class Transfer:
    """A read or a write of a program, and the piece of it that the port has."""

    def __init__(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP, port_irp: wdm.IRP, mdl: wdm.MDL) -> None:
        stack = wdm.IoGetCurrentIrpStackLocation(irp)
        is_write = stack.major_function == wdm.IRP_MJ_WRITE
        self.device = device
        self.irp = irp
        self.port_irp = port_irp
        self.mdl = mdl
        self.request = PORT_REQUEST(PORT_FUNCTION.WRITE if is_write else PORT_FUNCTION.READ)
        self.offset = stack.parameters.read.byte_offset
        self.length = stack.parameters.read.length
        self.done = 0
        self.retries = 0  # of the piece


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    for major in (wdm.IRP_MJ_CREATE, wdm.IRP_MJ_CLEANUP, wdm.IRP_MJ_CLOSE, wdm.IRP_MJ_FLUSH_BUFFERS):
        driver.major_function[major] = Succeed
    driver.major_function[wdm.IRP_MJ_READ] = ReadWrite
    driver.major_function[wdm.IRP_MJ_WRITE] = ReadWrite
    driver.major_function[wdm.IRP_MJ_PNP] = Pnp
    driver.major_function[wdm.IRP_MJ_POWER] = PassDown
    driver.major_function[wdm.IRP_MJ_SYSTEM_CONTROL] = PassDown
    driver.driver_unload = Unload
    number = 0
    while wdm.NT_SUCCESS(CreateClassDevice(driver, number)):
        number += 1
    return wdm.STATUS_SUCCESS if number else wdm.STATUS_NO_SUCH_DEVICE


def CreateClassDevice(driver: wdm.DRIVER_OBJECT, number: int) -> int:
    """Make the class device of the port device with this number, and claim the port."""
    status, file, port = wdm.IoGetDeviceObjectPointer(f"{PORT_DEVICE_NAME}{number}", wdm.FILE_READ_DATA)
    if file is None or port is None:
        return status
    claim = PORT_REQUEST(PORT_FUNCTION.CLAIM)
    status = CallPort(port, claim)
    if wdm.NT_SUCCESS(status):
        status = AttachClassDevice(driver, port, claim, number)
        if not wdm.NT_SUCCESS(status):
            CallPort(port, PORT_REQUEST(PORT_FUNCTION.RELEASE))
    wdm.ObDereferenceObject(file)
    return status


def AttachClassDevice(
    driver: wdm.DRIVER_OBJECT, port: wdm.DEVICE_OBJECT, claim: PORT_REQUEST, number: int
) -> int:
    name, link = f"{CLASS_DEVICE_NAME}{number}", f"{CLASS_LINK_NAME}{number}"
    status, device = wdm.IoCreateDevice(driver, Extension, name, wdm.FILE_DEVICE_DISK, 0, False)
    if device is None:
        return status
    extension = device.device_extension
    extension.number = number
    extension.device_bytes, extension.maximum_length = claim.device_bytes, claim.maximum_length
    wdm.IoInitializeRemoveLock(extension.remove_lock, "Clas", 0, 0)
    status = wdm.IoCreateSymbolicLink(link, name)
    if wdm.NT_SUCCESS(status):
        lower = wdm.IoAttachDeviceToDeviceStack(device, port)
        if lower is not None:
            extension.port = lower
            device.flags |= wdm.DO_DIRECT_IO
            device.flags &= ~wdm.DO_DEVICE_INITIALIZING
            return status
        wdm.IoDeleteSymbolicLink(link)
        status = wdm.STATUS_NO_SUCH_DEVICE
    wdm.IoDeleteDevice(device)
    return status


def CallPort(port: wdm.DEVICE_OBJECT, request: PORT_REQUEST) -> int:
    """Send a request without data to the port and wait for its end. PASSIVE_LEVEL."""
    event, block = wdm.KEVENT(), wdm.IO_STATUS_BLOCK()
    wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
    irp = wdm.IoBuildDeviceIoControlRequest(0, port, None, 0, None, 0, True, event, block)
    if irp is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES
    wdm.IoGetNextIrpStackLocation(irp).parameters.others.argument1 = request
    status = wdm.IoCallDriver(port, irp)
    if status == wdm.STATUS_PENDING:
        wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        status = block.status
    return NT_STATUS[request.status] if wdm.NT_SUCCESS(status) else status


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    while (device := driver.device_object) is not None:
        extension = device.device_extension
        wdm.IoAcquireRemoveLock(extension.remove_lock, driver)
        CallPort(extension.port, PORT_REQUEST(PORT_FUNCTION.RELEASE))
        wdm.IoReleaseRemoveLockAndWait(extension.remove_lock, driver)
        DeleteClassDevice(device)


def DeleteClassDevice(device: wdm.DEVICE_OBJECT) -> None:
    wdm.IoDetachDevice(device.device_extension.port)
    wdm.IoDeleteSymbolicLink(f"{CLASS_LINK_NAME}{device.device_extension.number}")
    wdm.IoDeleteDevice(device)


def Complete(irp: wdm.IRP, status: int, information: int = 0) -> int:
    irp.io_status.status, irp.io_status.information = status, information
    wdm.IoCompleteRequest(irp, wdm.IO_DISK_INCREMENT if information else wdm.IO_NO_INCREMENT)
    return status


def Succeed(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Complete(irp, wdm.STATUS_SUCCESS)


def PassDown(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    wdm.IoSkipCurrentIrpStackLocation(irp)
    return wdm.IoCallDriver(device.device_extension.port, irp)


def Pnp(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    if wdm.IoGetCurrentIrpStackLocation(irp).minor_function != wdm.IRP_MN_REMOVE_DEVICE:
        return PassDown(device, irp)
    extension = device.device_extension
    wdm.IoAcquireRemoveLock(extension.remove_lock, irp)
    wdm.IoReleaseRemoveLockAndWait(extension.remove_lock, irp)  # the port must have no request when it goes
    status = PassDown(device, irp)
    DeleteClassDevice(device)
    return status


# Reads and writes.


def ReadWrite(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    extension = device.device_extension
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.read  # that of a write has the same layout
    if not 0 <= request.byte_offset <= extension.device_bytes - request.length:
        return Complete(irp, wdm.STATUS_INVALID_PARAMETER)
    if irp.mdl_address is None:
        return Complete(irp, wdm.STATUS_SUCCESS)
    status = wdm.IoAcquireRemoveLock(extension.remove_lock, irp)
    if not wdm.NT_SUCCESS(status):
        return Complete(irp, status)
    # One IRP and one MDL serve for all pieces. The MDL has room for the pages of the largest.
    address = wdm.MmGetMdlVirtualAddress(irp.mdl_address)
    port_irp = wdm.IoAllocateIrp(extension.port.stack_size, False)
    mdl = wdm.IoAllocateMdl(address, request.length, False, False, None)
    if port_irp is None or mdl is None:
        if port_irp is not None:
            wdm.IoFreeIrp(port_irp)
        if mdl is not None:
            wdm.IoFreeMdl(mdl)
        wdm.IoReleaseRemoveLock(extension.remove_lock, irp)
        return Complete(irp, wdm.STATUS_INSUFFICIENT_RESOURCES)
    wdm.IoMarkIrpPending(irp)
    SendPiece(Transfer(device, irp, port_irp, mdl))
    return wdm.STATUS_PENDING


def SendPiece(transfer: Transfer) -> None:
    """Let the port do the next piece, or the same one again. IRQL <= DISPATCH_LEVEL."""
    extension, request, port_irp = transfer.device.device_extension, transfer.request, transfer.port_irp
    source = transfer.irp.mdl_address
    assert source is not None
    request.offset = transfer.offset + transfer.done
    request.length = min(transfer.length - transfer.done, extension.maximum_length)
    request.status = PORT_STATUS.PENDING
    address = wdm.MmGetMdlVirtualAddress(source) + transfer.done
    wdm.IoBuildPartialMdl(source, transfer.mdl, address, request.length)
    port_irp.mdl_address = transfer.mdl
    stack = wdm.IoGetNextIrpStackLocation(port_irp)
    stack.major_function = wdm.IRP_MJ_INTERNAL_DEVICE_CONTROL
    stack.parameters.others.argument1 = request
    wdm.IoSetCompletionRoutine(port_irp, PieceDone, transfer, True, True, True)
    wdm.IoCallDriver(extension.port, port_irp)


def PieceDone(device: wdm.DEVICE_OBJECT | None, port_irp: wdm.IRP, context: object) -> int:
    """Decide how to go on. The IRP is this driver's own, so it never goes on to the I/O manager."""
    assert isinstance(context, Transfer)
    request = context.request
    status = port_irp.io_status.status
    if wdm.NT_SUCCESS(status):
        status = NT_STATUS[request.status]
    if wdm.NT_SUCCESS(status):
        context.done += request.length
        context.retries = 0
    elif request.status in WORTH_A_RETRY and context.retries < RETRIES:
        context.retries += 1
        context.device.device_extension.retries += 1
        status = wdm.STATUS_SUCCESS
    if wdm.NT_SUCCESS(status) and context.irp.cancel:
        status = wdm.STATUS_CANCELLED  # a piece that the port has is never broken off, but no other follows
    if not wdm.NT_SUCCESS(status) or context.done == context.length:
        Finish(context, status)
    else:
        wdm.MmPrepareMdlForReuse(context.mdl)
        wdm.IoReuseIrp(port_irp, wdm.STATUS_SUCCESS)
        SendPiece(context)
    return wdm.STATUS_MORE_PROCESSING_REQUIRED


def Finish(transfer: Transfer, status: int) -> None:
    wdm.IoFreeMdl(transfer.mdl)
    wdm.IoFreeIrp(transfer.port_irp)
    wdm.IoReleaseRemoveLock(transfer.device.device_extension.remove_lock, transfer.irp)
    Complete(transfer.irp, status, transfer.done if wdm.NT_SUCCESS(status) else 0)
