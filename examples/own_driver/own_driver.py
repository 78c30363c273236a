# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A driver for the store function: its identity, an interrupt on demand, reads and writes by DMA."""

from __future__ import annotations

import struct

from dirql import wdm
from dirql.registers import store
from dirql.registers.store_descriptor import DESCRIPTOR

HARDWARE_IDS = (r"PCI\VEN_1234&DEV_D101",)
DEVICE_NAME = r"\Device\Own"
LINK_NAME = r"\DosDevices\Own"
Resources = tuple[wdm.CM_PARTIAL_RESOURCE_DESCRIPTOR, ...]
IOCTL_IDENTIFY = wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x800, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS)
IOCTL_RAISE = wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x801, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS)
CAUSES = store.INTERRUPT_CAUSE.DONE | store.INTERRUPT_CAUSE.ERROR | store.INTERRUPT_CAUSE.RAISED


class Extension:
    """The driver's own data about its device; IoCreateDevice makes one for each device object."""

    def __init__(self) -> None:
        self.physical_device: wdm.DEVICE_OBJECT
        self.lower_device: wdm.DEVICE_OBJECT
        self.registers = 0  # virtual address
        self.registers_length = 0
        self.interrupt: wdm.KINTERRUPT | None = None
        self.cause = 0  # of the last interrupt
        self.adapter: wdm.DMA_ADAPTER | None = None
        self.descriptors = 0  # virtual address of the list of descriptors
        self.descriptors_logical = 0  # the address at which the device sees it
        self.pieces: wdm.SCATTER_GATHER_LIST | None = None  # of the transfer under way


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    driver.driver_extension.add_device = AddDevice
    driver.driver_unload = Unload
    driver.driver_start_io = StartIo
    for major in (wdm.IRP_MJ_CREATE, wdm.IRP_MJ_CLEANUP, wdm.IRP_MJ_CLOSE):
        driver.major_function[major] = Succeed
    driver.major_function[wdm.IRP_MJ_READ] = ReadWrite
    driver.major_function[wdm.IRP_MJ_WRITE] = ReadWrite
    driver.major_function[wdm.IRP_MJ_DEVICE_CONTROL] = Control
    driver.major_function[wdm.IRP_MJ_PNP] = Pnp
    return wdm.STATUS_SUCCESS


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    pass  # the device object was deleted when the device was removed


def AddDevice(driver: wdm.DRIVER_OBJECT, physical_device: wdm.DEVICE_OBJECT) -> int:
    status, device = wdm.IoCreateDevice(driver, Extension, DEVICE_NAME, wdm.FILE_DEVICE_UNKNOWN, 0, False)
    if device is None:
        return status
    lower = wdm.IoAttachDeviceToDeviceStack(device, physical_device)
    if lower is None:
        wdm.IoDeleteDevice(device)
        return wdm.STATUS_NO_SUCH_DEVICE
    device.device_extension.physical_device = physical_device
    device.device_extension.lower_device = lower
    device.flags |= wdm.DO_DIRECT_IO
    device.flags &= ~wdm.DO_DEVICE_INITIALIZING
    return wdm.IoCreateSymbolicLink(LINK_NAME, DEVICE_NAME)


def Pnp(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    minor = wdm.IoGetCurrentIrpStackLocation(irp).minor_function
    if minor == wdm.IRP_MN_START_DEVICE:
        return Start(device, irp)
    if minor == wdm.IRP_MN_REMOVE_DEVICE:
        return Remove(device, irp)
    wdm.IoSkipCurrentIrpStackLocation(irp)
    return wdm.IoCallDriver(device.device_extension.lower_device, irp)


def Start(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    wdm.IoForwardIrpSynchronously(device.device_extension.lower_device, irp)
    status = irp.io_status.status
    if wdm.NT_SUCCESS(status):
        start = wdm.IoGetCurrentIrpStackLocation(irp).parameters.start_device
        resources = start.allocated_resources_translated
        assert resources is not None  # the device has registers
        status = Acquire(device, resources.list[0].partial_resource_list.partial_descriptors)
        if not wdm.NT_SUCCESS(status):
            Release(device.device_extension)
    return Complete(irp, status)


def Acquire(device: wdm.DEVICE_OBJECT, resources: Resources) -> int:
    status = MapRegisters(device.device_extension, resources)
    if wdm.NT_SUCCESS(status):
        status = GetAdapter(device.device_extension)
    if wdm.NT_SUCCESS(status):
        status = ConnectInterrupt(device, resources)
    return status


def MapRegisters(extension: Extension, resources: Resources) -> int:
    memory = next(entry.u.memory for entry in resources if entry.type == wdm.CmResourceTypeMemory)
    address = wdm.MmMapIoSpace(memory.start, memory.length, wdm.MmNonCached)
    if address is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES
    extension.registers, extension.registers_length = address, memory.length
    return wdm.STATUS_SUCCESS


def Release(extension: Extension) -> None:
    if extension.interrupt is not None:
        Write(extension, store.INTERRUPT_MASK_CLEAR.offset, CAUSES)
        wdm.IoDisconnectInterrupt(extension.interrupt)
        extension.interrupt = None
    PutAdapter(extension)
    if extension.registers:
        wdm.MmUnmapIoSpace(extension.registers, extension.registers_length)
        extension.registers = 0


def Remove(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    extension = device.device_extension
    Release(extension)
    irp.io_status.status = wdm.STATUS_SUCCESS
    wdm.IoSkipCurrentIrpStackLocation(irp)
    status = wdm.IoCallDriver(extension.lower_device, irp)
    wdm.IoDetachDevice(extension.lower_device)
    wdm.IoDeleteSymbolicLink(LINK_NAME)
    wdm.IoDeleteDevice(device)
    return status


def Read(extension: Extension, offset: int) -> int:
    return wdm.READ_REGISTER_ULONG(extension.registers + offset)


def Write(extension: Extension, offset: int, value: int) -> None:
    wdm.WRITE_REGISTER_ULONG(extension.registers + offset, value)


def Complete(irp: wdm.IRP, status: int, information: int = 0) -> int:
    irp.io_status.status, irp.io_status.information = status, information
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return status


def Succeed(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Complete(irp, wdm.STATUS_SUCCESS)


def Control(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
    if request.io_control_code == IOCTL_RAISE:
        return Queue(device, irp)
    if request.io_control_code != IOCTL_IDENTIFY:
        return Complete(irp, wdm.STATUS_INVALID_DEVICE_REQUEST)
    buffer = irp.associated_irp.system_buffer
    if buffer is None or request.output_buffer_length < 4:
        return Complete(irp, wdm.STATUS_BUFFER_TOO_SMALL)
    identity = Read(device.device_extension, store.ID.offset)
    wdm.RtlWriteMemory(buffer, struct.pack("<I", identity))
    return Complete(irp, wdm.STATUS_SUCCESS, 4)


def Queue(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    wdm.IoMarkIrpPending(irp)
    wdm.IoStartPacket(device, irp, None, None)
    return wdm.STATUS_PENDING


def StartIo(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> None:
    if irp.mdl_address is None:
        Write(device.device_extension, store.COMMAND.offset, store.Operation.RAISE)
    else:
        StartTransfer(device, irp, irp.mdl_address)


def Isr(interrupt: wdm.KINTERRUPT, device: wdm.DEVICE_OBJECT) -> bool:
    extension = device.device_extension
    cause = Read(extension, store.INTERRUPT_CAUSE.offset) & CAUSES
    if not cause:
        return False
    Write(extension, store.INTERRUPT_CAUSE.offset, cause)
    extension.cause = cause
    wdm.IoRequestDpc(device, device.current_irp, None)
    return True


def DpcForIsr(dpc: wdm.KDPC, device: wdm.DEVICE_OBJECT, irp: wdm.IRP | None, context: object) -> None:
    assert irp is not None  # the ISR passes the current request
    extension = device.device_extension
    status, information = wdm.STATUS_SUCCESS, 0
    if extension.cause & store.INTERRUPT_CAUSE.ERROR:
        Write(extension, store.ERROR.offset, Read(extension, store.ERROR.offset))
        status = wdm.STATUS_IO_DEVICE_ERROR
    if extension.pieces is not None:
        adapter = extension.adapter
        adapter.dma_operations.put_scatter_gather_list(adapter, extension.pieces, IsWrite(irp))
        extension.pieces = None
        information = Read(extension, store.TRANSFERRED.offset)
    Complete(irp, status, information)
    wdm.IoStartNextPacket(device, False)


def ConnectInterrupt(device: wdm.DEVICE_OBJECT, resources: Resources) -> int:
    extension = device.device_extension
    wdm.IoInitializeDpcRequest(device, DpcForIsr)
    entry = next(entry for entry in resources if entry.type == wdm.CmResourceTypeInterrupt)
    line, latched = entry.u.interrupt, entry.flags & wdm.CM_RESOURCE_INTERRUPT_LATCHED
    mode, shared = wdm.Latched if latched else wdm.LevelSensitive, True
    status, extension.interrupt = wdm.IoConnectInterrupt(
        Isr, device, None, line.vector, line.level, line.level, mode, shared, line.affinity, False
    )
    if wdm.NT_SUCCESS(status):
        Write(extension, store.INTERRUPT_MASK_SET.offset, CAUSES)
    return status


def GetAdapter(extension: Extension) -> int:
    description = wdm.DEVICE_DESCRIPTION(
        version=wdm.DEVICE_DESCRIPTION_VERSION,
        master=True,
        scatter_gather=True,
        dma32_bit_addresses=True,
        interface_type=wdm.PCIBus,
        maximum_length=0x10000,
    )
    extension.adapter, _ = wdm.IoGetDmaAdapter(extension.physical_device, description)
    if extension.adapter is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES
    operations = extension.adapter.dma_operations
    address, logical = operations.allocate_common_buffer(extension.adapter, wdm.PAGE_SIZE, True)
    if address is None or logical is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES
    extension.descriptors, extension.descriptors_logical = address, logical
    return wdm.STATUS_SUCCESS


def PutAdapter(extension: Extension) -> None:
    adapter = extension.adapter
    if adapter is None:
        return
    if extension.descriptors:
        adapter.dma_operations.free_common_buffer(
            adapter, wdm.PAGE_SIZE, extension.descriptors_logical, extension.descriptors, True
        )
    adapter.dma_operations.put_dma_adapter(adapter)
    extension.adapter, extension.descriptors = None, 0


def ReadWrite(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    if irp.mdl_address is None:
        return Complete(irp, wdm.STATUS_SUCCESS)
    return Queue(device, irp)


def IsWrite(irp: wdm.IRP) -> bool:
    return wdm.IoGetCurrentIrpStackLocation(irp).major_function == wdm.IRP_MJ_WRITE


def StartTransfer(device: wdm.DEVICE_OBJECT, irp: wdm.IRP, mdl: wdm.MDL) -> None:
    adapter = device.device_extension.adapter
    address, length = wdm.MmGetMdlVirtualAddress(mdl), wdm.MmGetMdlByteCount(mdl)
    adapter.dma_operations.get_scatter_gather_list(
        adapter, device, mdl, address, length, ListControl, irp, IsWrite(irp)
    )


def ListControl(
    device: wdm.DEVICE_OBJECT, current_irp: wdm.IRP, pieces: wdm.SCATTER_GATHER_LIST, irp: wdm.IRP
) -> None:
    extension = device.device_extension
    extension.pieces = pieces
    for number, piece in enumerate(pieces.elements):
        is_last = number == len(pieces.elements) - 1
        descriptor = DESCRIPTOR.pack(address=piece.address, length=piece.length, last=is_last)
        place = extension.descriptors + number * DESCRIPTOR.bytes
        wdm.RtlWriteMemory(place, descriptor.to_bytes(DESCRIPTOR.bytes, "little"))
    parameters = wdm.IoGetCurrentIrpStackLocation(irp).parameters
    request = parameters.write if IsWrite(irp) else parameters.read
    operation = store.Operation.DMA_WRITE if IsWrite(irp) else store.Operation.DMA_READ
    Write(extension, store.DESCRIPTOR_BASE.offset, extension.descriptors_logical)
    Write(extension, store.BUFFER_ADDRESS.offset, request.byte_offset)
    Write(extension, store.LENGTH.offset, request.length)
    Write(extension, store.COMMAND.offset, operation)
