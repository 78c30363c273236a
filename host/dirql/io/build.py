# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Requests that drivers make: IoBuildSynchronousFsdRequest and the routines like it (row IRP-14)."""

from __future__ import annotations

from collections.abc import Callable

from dirql.io.buffers import attach_control_buffers, attach_read_buffer, attach_write_buffer, return_buffers
from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, Irp
from dirql.io.request import Request
from dirql.io.status_block import IoStatusBlock
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import get_current_thread
from dirql.ke.objects.event import Event
from dirql.ke.processors.contract import contract
from dirql.mm.manager import running as memory_manager
from dirql.nt.bugcodes import DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IOMANAGER_BUILD_BAD_BUFFER
from dirql.nt.constants import (
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_FLUSH_BUFFERS,
    IRP_MJ_INTERNAL_DEVICE_CONTROL,
    IRP_MJ_PNP,
    IRP_MJ_READ,
    IRP_MJ_SHUTDOWN,
    IRP_MJ_WRITE,
    METHOD_NEITHER,
    KernelMode,
)
from dirql.nt.control_code import method_from_ctl_code
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_NOT_SUPPORTED

__all__ = [
    "build_asynchronous_fsd_request",
    "build_device_io_control_request",
    "build_synchronous_fsd_request",
]

_FSD_FUNCTIONS = (IRP_MJ_READ, IRP_MJ_WRITE, IRP_MJ_FLUSH_BUFFERS, IRP_MJ_SHUTDOWN, IRP_MJ_PNP)


@contract
def build_asynchronous_fsd_request(
    major_function: int,
    device: DeviceObject,
    buffer: int | None,
    length: int,
    starting_offset: int | None,
    io_status_block: IoStatusBlock | None,
) -> Irp | None:
    """A request of the driver's own for `device`; follows IoBuildAsynchronousFsdRequest. None when memory is short.

    `major_function` is IRP_MJ_READ, WRITE, FLUSH_BUFFERS, SHUTDOWN or PNP; any other is bug check 0xC9. The driver sets
    a completion routine, in which it frees the packet and the buffer that was attached to it.
    """
    irp = _build_fsd(major_function, device, buffer, length, starting_offset)
    if irp is not None:
        irp.user_iosb = io_status_block
    return irp


@contract
def build_synchronous_fsd_request(
    major_function: int,
    device: DeviceObject,
    buffer: int | None,
    length: int,
    starting_offset: int | None,
    event: Event,
    io_status_block: IoStatusBlock,
) -> Irp | None:
    """A request of the driver's own that the I/O manager delivers; follows IoBuildSynchronousFsdRequest.

    The driver waits for `event` when IoCallDriver returns STATUS_PENDING. The I/O manager writes `io_status_block`,
    sets `event` and frees the packet.
    """
    irp = _build_fsd(major_function, device, buffer, length, starting_offset)
    if irp is not None:
        Request(irp, event, io_status_block, KernelMode, length)
    return irp


@contract
def build_device_io_control_request(
    io_control_code: int,
    device: DeviceObject,
    input_buffer: int | None,
    input_buffer_length: int,
    output_buffer: int | None,
    output_buffer_length: int,
    internal_device_io_control: bool,
    event: Event,
    io_status_block: IoStatusBlock,
) -> Irp | None:
    """A control request of the driver's own that the I/O manager delivers; follows IoBuildDeviceIoControlRequest.

    None when memory is short.
    """
    major_function = IRP_MJ_INTERNAL_DEVICE_CONTROL if internal_device_io_control else IRP_MJ_DEVICE_CONTROL
    irp = _take(major_function, device)
    if irp is None:
        return None
    control = irp.get_next_stack_location().parameters.device_io_control
    control.io_control_code = io_control_code
    control.input_buffer_length = input_buffer_length
    control.output_buffer_length = output_buffer_length
    method = method_from_ctl_code(io_control_code)
    if method == METHOD_NEITHER:
        control.type3_input_buffer = input_buffer
    buffers = (input_buffer, input_buffer_length, output_buffer, output_buffer_length)
    if not _attached(irp, lambda: attach_control_buffers(irp, method, *buffers)):
        return None
    Request(irp, event, io_status_block, KernelMode, output_buffer_length)
    return irp


def _build_fsd(
    major_function: int, device: DeviceObject, buffer: int | None, length: int, starting_offset: int | None
) -> Irp | None:
    """Make a packet; for a read or a write it gets the buffer and the parameters, which the other functions lack."""
    irp = _take(major_function, device)
    if irp is None:
        return None
    if major_function not in _FSD_FUNCTIONS:
        reason = f"the major function of a built request must be one of {_FSD_FUNCTIONS}; it was {major_function:#x}"
        bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IOMANAGER_BUILD_BAD_BUFFER, irp, reason=reason)
    if major_function not in (IRP_MJ_READ, IRP_MJ_WRITE):
        return irp
    read = irp.get_next_stack_location().parameters.read
    read.length, read.byte_offset = length, starting_offset or 0
    attach = attach_read_buffer if major_function == IRP_MJ_READ else attach_write_buffer
    return irp if _attached(irp, lambda: attach(irp, device.flags, buffer or 0, length)) else None


def _take(major_function: int, device: DeviceObject) -> Irp | None:
    irp = io_manager.value.take_irp(device.stack_size)
    if irp is None:
        return None
    irp.requestor_mode = KernelMode
    irp.tail.overlay.thread = get_current_thread()
    irp.get_next_stack_location().major_function = major_function
    if major_function == IRP_MJ_PNP:
        irp.io_status.status = STATUS_NOT_SUPPORTED
    return irp


def _attached(irp: Irp, attach: Callable[[], None]) -> bool:
    """Attach buffers to a packet. When that fails, free the buffers and the packet and return False."""
    try:
        attach()
    except StatusException as error:
        irp.io_status.status = error.status
        return_buffers(irp, memory_manager.value.process, 0)
        io_manager.value.release_irp(irp)
        return False
    return True
