# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Plug and Play requests for one PCI function, at the bottom of the device stack.

Each routine returns the status with which the request is to be completed.
"""

from __future__ import annotations

from collections.abc import Callable

from dirql.drivers.pci.extension import FunctionExtension
from dirql.drivers.pci.function import Bar, PciFunction
from dirql.drivers.pci.identity import device_text, identification
from dirql.drivers.pci.rom import read_images
from dirql.wdm import (
    BUS_INTERFACE_STANDARD,
    CM_RESOURCE_INTERRUPT_LATCHED,
    CM_RESOURCE_INTERRUPT_MESSAGE,
    CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN,
    CM_RESOURCE_LIST,
    CM_RESOURCE_MEMORY_PREFETCHABLE,
    CM_RESOURCE_PORT_IO,
    DEVICE_DESCRIPTION,
    DEVICE_OBJECT,
    DEVICE_RELATIONS,
    GUID_BUS_INTERFACE_STANDARD,
    GUID_BUS_TYPE_PCI,
    IO_RESOURCE_ALTERNATIVE,
    IO_RESOURCE_DESCRIPTOR,
    IO_RESOURCE_LIST,
    IO_RESOURCE_REQUIREMENTS_LIST,
    IRP,
    IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_DEVICE_USAGE_NOTIFICATION,
    IRP_MN_QUERY_BUS_INFORMATION,
    IRP_MN_QUERY_CAPABILITIES,
    IRP_MN_QUERY_DEVICE_RELATIONS,
    IRP_MN_QUERY_DEVICE_TEXT,
    IRP_MN_QUERY_ID,
    IRP_MN_QUERY_INTERFACE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_RESOURCE_REQUIREMENTS,
    IRP_MN_QUERY_RESOURCES,
    IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_READ_CONFIG,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    IRP_MN_WRITE_CONFIG,
    PCI_WHICHSPACE_CONFIG,
    PCI_WHICHSPACE_ROM,
    PHYSICAL_ADDRESS,
    PNP_BUS_INFORMATION,
    POWER_STATE,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_PARAMETER,
    STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
    CmResourceShareDeviceExclusive,
    CmResourceShareShared,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    CmResourceTypePort,
    DevicePowerState,
    HalGetMessageAddress,
    IoDeleteDevice,
    IoGetCurrentIrpStackLocation,
    IoGetDmaAdapter,
    ObDereferenceObject,
    ObReferenceObject,
    PCIBus,
    PoSetPowerState,
    PowerDeviceD0,
    PowerDeviceD3,
    TargetDeviceRelation,
)

__all__ = ["FUNCTION_REQUESTS", "switch_on"]

_DEVICE_SHIFT = 16
"""DEVICE_CAPABILITIES has a PCI device number in the upper half of Address, a function number in the lower."""
_PORT_LAST = 0xFFFF
_MEMORY_LAST = (1 << 32) - 1
_WIDE_MEMORY_LAST = (1 << 64) - 1
_CONFIGURATION_BYTES = 256


def _succeed(device: DEVICE_OBJECT, irp: IRP) -> int:
    del device, irp
    return STATUS_SUCCESS


# Start and stop.


def _start(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Program the raw resources, which must match the base address registers, and switch the function on.

    Before that, at the first start, the expansion ROM is read in a range of these resources.
    """
    extension: FunctionExtension = device.device_extension
    function = extension.function
    resources = IoGetCurrentIrpStackLocation(irp).parameters.start_device.allocated_resources
    if resources is None:
        return STATUS_INVALID_PARAMETER
    ranges = _ranges(function, resources)
    if ranges is not None and extension.rom is None:
        extension.rom = read_images(function, ranges)
    if not switch_on(function, resources):
        return STATUS_INVALID_PARAMETER
    extension.resources = resources
    extension.power_state = PowerDeviceD0
    PoSetPowerState(device, DevicePowerState, POWER_STATE(device_state=PowerDeviceD0))
    return STATUS_SUCCESS


def switch_on(function: PciFunction, resources: CM_RESOURCE_LIST) -> bool:
    """Program the resources and put the function on the bus; False if they do not suit its base address registers."""
    ranges = _ranges(function, resources)
    if ranges is None:
        return False
    for bar, start in ranges:
        function.place(bar, start)
    for descriptor in resources.list[0].partial_resource_list.partial_descriptors:
        if descriptor.type != CmResourceTypeInterrupt:
            continue
        interrupt = descriptor.u.interrupt
        if descriptor.flags & CM_RESOURCE_INTERRUPT_MESSAGE:
            function.program_message(HalGetMessageAddress(), interrupt.vector)
        else:
            function.set_interrupt_line(interrupt.level)
    function.enable()
    return True


def _ranges(function: PciFunction, resources: CM_RESOURCE_LIST) -> list[tuple[Bar, int]] | None:
    """The base address registers, each with the start of its range; None if the resources do not suit them."""
    descriptors = resources.list[0].partial_resource_list.partial_descriptors
    ranges = [each.u for each in descriptors if each.type != CmResourceTypeInterrupt]
    if len(ranges) != len(function.bars):
        return None
    return [
        (bar, (where.memory if bar.memory else where.port).start)
        for bar, where in zip(function.bars, ranges, strict=True)
    ]


def _remove(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Switch the function off. While it is plugged in its device object stays, and goes with the bus at the latest."""
    status = _switch_off(device, irp)
    if device.device_extension.is_missing:
        IoDeleteDevice(device)
    return status


def _switch_off(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Take the function off the bus."""
    del irp
    extension: FunctionExtension = device.device_extension
    if extension.resources is not None:
        extension.function.disable()
        extension.resources = None
    return STATUS_SUCCESS


# Questions.


def _relations(device: DEVICE_OBJECT, irp: IRP) -> int:
    if IoGetCurrentIrpStackLocation(irp).parameters.query_device_relations.type != TargetDeviceRelation:
        return irp.io_status.status
    ObReferenceObject(device)
    irp.io_status.information_object = DEVICE_RELATIONS((device,))
    return STATUS_SUCCESS


def _capabilities(device: DEVICE_OBJECT, irp: IRP) -> int:
    capabilities = IoGetCurrentIrpStackLocation(irp).parameters.device_capabilities.capabilities
    if capabilities is None or capabilities.version != 1:
        return STATUS_NOT_SUPPORTED
    function: PciFunction = device.device_extension.function
    capabilities.address = function.device_number << _DEVICE_SHIFT | function.function_number
    capabilities.unique_id = False
    states = len(capabilities.device_state)
    capabilities.device_state[:] = [0, PowerDeviceD0, *[PowerDeviceD3] * (states - 2)]
    return STATUS_SUCCESS


def _identity(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Strings in paged pool, which the manager frees (row PNP-15)."""
    id_type = IoGetCurrentIrpStackLocation(irp).parameters.query_id.id_type
    strings = identification(device.device_extension.function, id_type)
    if strings is None:
        return STATUS_INSUFFICIENT_RESOURCES
    if not strings:
        return irp.io_status.status
    irp.io_status.information = strings
    return STATUS_SUCCESS


def _text(device: DEVICE_OBJECT, irp: IRP) -> int:
    """A description of the function, or its place on the bus."""
    text_type = IoGetCurrentIrpStackLocation(irp).parameters.query_device_text.device_text_type
    text = device_text(device.device_extension.function, text_type)
    if text is None:
        return STATUS_INSUFFICIENT_RESOURCES
    if not text:
        return irp.io_status.status
    irp.io_status.information = text
    return STATUS_SUCCESS


def _resources(device: DEVICE_OBJECT, irp: IRP) -> int:
    """The resources that the function uses now: none before it is started."""
    irp.io_status.information_object = device.device_extension.resources
    return STATUS_SUCCESS


def _requirements(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Ask for a range for each base address register, for the line, and for one message as an alternative to it."""
    function: PciFunction = device.device_extension.function
    descriptors = [_range(bar) for bar in function.bars]
    if function.interrupt_pin:
        line = IO_RESOURCE_DESCRIPTOR(CmResourceTypeInterrupt, CmResourceShareShared)
        line.u.interrupt.minimum_vector = line.u.interrupt.maximum_vector = function.interrupt_pin
        descriptors.append(line)
    if function.message_capability:
        flags = CM_RESOURCE_INTERRUPT_LATCHED | CM_RESOURCE_INTERRUPT_MESSAGE
        message = IO_RESOURCE_DESCRIPTOR(
            CmResourceTypeInterrupt, CmResourceShareDeviceExclusive, flags, IO_RESOURCE_ALTERNATIVE
        )
        message.u.interrupt.minimum_vector = CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN
        message.u.interrupt.maximum_vector = CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN
        descriptors.append(message)
    irp.io_status.information_object = IO_RESOURCE_REQUIREMENTS_LIST(
        PCIBus, function.bus_number, function.slot_number, [IO_RESOURCE_LIST(descriptors)]
    )
    return STATUS_SUCCESS


def _range(bar: Bar) -> IO_RESOURCE_DESCRIPTOR:
    """A range of addresses that the function asks for."""
    if bar.memory:
        flags = CM_RESOURCE_MEMORY_PREFETCHABLE if bar.prefetchable else 0
        descriptor = IO_RESOURCE_DESCRIPTOR(CmResourceTypeMemory, CmResourceShareDeviceExclusive, flags)
        where, last = descriptor.u.memory, _WIDE_MEMORY_LAST if bar.is_64_bit else _MEMORY_LAST
    else:
        descriptor = IO_RESOURCE_DESCRIPTOR(
            CmResourceTypePort, CmResourceShareDeviceExclusive, CM_RESOURCE_PORT_IO
        )
        where, last = descriptor.u.port, _PORT_LAST
    where.length, where.alignment = bar.size, bar.alignment
    where.maximum_address = PHYSICAL_ADDRESS(last)
    return descriptor


def _bus_information(device: DEVICE_OBJECT, irp: IRP) -> int:
    function: PciFunction = device.device_extension.function
    irp.io_status.information_object = PNP_BUS_INFORMATION(GUID_BUS_TYPE_PCI, PCIBus, function.bus_number)
    return STATUS_SUCCESS


# Configuration space and the expansion ROM.


def _read_config(device: DEVICE_OBJECT, irp: IRP) -> int:
    wanted = IoGetCurrentIrpStackLocation(irp).parameters.read_write_config
    data = _get_bus_data(device, wanted.which_space, wanted.offset, wanted.length)
    if len(data) != wanted.length:
        return STATUS_INVALID_PARAMETER
    wanted.buffer[: wanted.length] = data
    irp.io_status.information = wanted.length
    return STATUS_SUCCESS


def _write_config(device: DEVICE_OBJECT, irp: IRP) -> int:
    wanted = IoGetCurrentIrpStackLocation(irp).parameters.read_write_config
    data = bytes(wanted.buffer[: wanted.length])
    written = _set_bus_data(device, wanted.which_space, data, wanted.offset, len(data))
    if written != wanted.length:
        return STATUS_INVALID_PARAMETER
    irp.io_status.information = written
    return STATUS_SUCCESS


def _interface(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Give BUS_INTERFACE_STANDARD out, with a reference to the device object, which the receiver gives back."""
    wanted = IoGetCurrentIrpStackLocation(irp).parameters.query_interface
    if wanted.interface_type != GUID_BUS_INTERFACE_STANDARD:
        return irp.io_status.status
    _reference(device)
    wanted.interface = BUS_INTERFACE_STANDARD(
        device, _reference, _dereference, _get_bus_data, _set_bus_data, _translate, _get_dma_adapter
    )
    return STATUS_SUCCESS


def _reference(context: object) -> None:
    assert isinstance(context, DEVICE_OBJECT)
    ObReferenceObject(context)


def _dereference(context: object) -> None:
    assert isinstance(context, DEVICE_OBJECT)
    ObDereferenceObject(context)


def _get_bus_data(context: object, data_type: int, offset: int, length: int) -> bytes:
    assert isinstance(context, DEVICE_OBJECT)
    if data_type == PCI_WHICHSPACE_ROM:
        images: bytes = context.device_extension.rom or b""
        return images[offset : offset + length] if offset >= 0 <= length else b""
    if not _is_inside(data_type, offset, length):
        return b""
    function: PciFunction = context.device_extension.function
    return function.read_bytes(offset, length)


def _set_bus_data(context: object, data_type: int, buffer: bytes, offset: int, length: int) -> int:
    assert isinstance(context, DEVICE_OBJECT)
    if not _is_inside(data_type, offset, length):
        return 0
    function: PciFunction = context.device_extension.function
    return function.write_bytes(offset, buffer[:length])


def _translate(context: object, bus_address: int, length: int, address_space: int) -> tuple[bool, int, int]:
    """A physical address for an address on the bus: the host bridge passes both on unchanged."""
    del context, length
    return True, address_space, bus_address


def _get_dma_adapter(context: object, device_descriptor: object) -> tuple[object, int]:
    """The DMA adapter for the function, as IoGetDmaAdapter makes it."""
    assert isinstance(context, DEVICE_OBJECT)
    assert isinstance(device_descriptor, DEVICE_DESCRIPTION)
    return IoGetDmaAdapter(context, device_descriptor)


def _is_inside(data_type: int, offset: int, length: int) -> bool:
    return data_type == PCI_WHICHSPACE_CONFIG and 0 <= offset <= offset + length <= _CONFIGURATION_BYTES


FUNCTION_REQUESTS: dict[int, Callable[[DEVICE_OBJECT, IRP], int]] = {
    IRP_MN_START_DEVICE: _start,
    IRP_MN_QUERY_STOP_DEVICE: _succeed,
    IRP_MN_CANCEL_STOP_DEVICE: _succeed,
    IRP_MN_STOP_DEVICE: _switch_off,
    IRP_MN_QUERY_REMOVE_DEVICE: _succeed,
    IRP_MN_CANCEL_REMOVE_DEVICE: _succeed,
    IRP_MN_SURPRISE_REMOVAL: _switch_off,
    IRP_MN_REMOVE_DEVICE: _remove,
    IRP_MN_DEVICE_USAGE_NOTIFICATION: _succeed,
    IRP_MN_QUERY_DEVICE_RELATIONS: _relations,
    IRP_MN_QUERY_CAPABILITIES: _capabilities,
    IRP_MN_QUERY_ID: _identity,
    IRP_MN_QUERY_DEVICE_TEXT: _text,
    IRP_MN_QUERY_RESOURCES: _resources,
    IRP_MN_QUERY_RESOURCE_REQUIREMENTS: _requirements,
    IRP_MN_READ_CONFIG: _read_config,
    IRP_MN_WRITE_CONFIG: _write_config,
    IRP_MN_QUERY_INTERFACE: _interface,
    IRP_MN_QUERY_BUS_INFORMATION: _bus_information,
}
"""The requests that a function answers, by minor function; all others keep the status that they came with."""
