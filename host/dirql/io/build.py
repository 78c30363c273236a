# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Requests that drivers make: IoBuildAsynchronousFsdRequest and its kin (row IRP-14), and what goes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dirql.io import current
from dirql.io.irp import IoStatusBlock, Irp
from dirql.io.transfer import (
    attach_control_buffers,
    attach_read_buffer,
    attach_write_buffer,
    return_buffers,
)
from dirql.ke.bugcheck import bug_check
from dirql.ke.objects.event import Event
from dirql.ke.processors.irql import contract
from dirql.ke.threads.thread import get_current_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.mm.manager import running as memory_manager
from dirql.nt.bugcodes import DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IOMANAGER_BUILD_BAD_BUFFER
from dirql.nt.constants import (
    APC_LEVEL,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_FLUSH_BUFFERS,
    IRP_MJ_INTERNAL_DEVICE_CONTROL,
    IRP_MJ_PNP,
    IRP_MJ_READ,
    IRP_MJ_SHUTDOWN,
    IRP_MJ_WRITE,
    METHOD_NEITHER,
    PASSIVE_LEVEL,
    Executive,
    KernelMode,
    NotificationEvent,
    method_from_ctl_code,
)
from dirql.nt.status import (
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_NOT_SUPPORTED,
    STATUS_PENDING,
    StatusException,
)

if TYPE_CHECKING:
    from dirql.io.device import DeviceObject

__all__ = [
    "build_asynchronous_fsd_request",
    "build_device_io_control_request",
    "build_synchronous_fsd_request",
    "forward_irp_synchronously",
]

_FSD_FUNCTIONS = (IRP_MJ_READ, IRP_MJ_WRITE, IRP_MJ_FLUSH_BUFFERS, IRP_MJ_SHUTDOWN, IRP_MJ_PNP)


class _ThreadRequest:
    """The owner of a synchronous request: the I/O manager frees it and signals the driver's event."""

    __slots__ = ("output_length",)

    def __init__(self, output_length: int) -> None:
        self.output_length = output_length

    def finish(self, irp: Irp) -> None:
        """Copy output back, write the caller's status block, set its event, free the packet."""
        return_buffers(irp, memory_manager.value.process, self.output_length)
        status, information = irp.io_status.status, irp.io_status.information
        iosb, event = irp.user_iosb, irp.user_event
        irp.owner = None
        current.manager.release_irp(irp)
        if iosb is not None:
            iosb.status, iosb.information = status, information
        if event is not None:
            event.set(0, False)


@contract(max_irql=APC_LEVEL)
def build_asynchronous_fsd_request(
    major_function: int,
    device: DeviceObject,
    buffer: int | None,
    length: int,
    starting_offset: int | None,
    iosb: IoStatusBlock | None,
) -> Irp | None:
    """A request of the driver's own for `device`; follows IoBuildAsynchronousFsdRequest. None when memory is short.

    `major_function` is READ, WRITE, FLUSH_BUFFERS, SHUTDOWN or PNP. The driver sets a completion routine, in which it
    frees the packet and what was attached to it.
    """
    irp = _build(major_function, device, iosb, None)
    if irp is None:
        return None
    try:
        _attach(irp, major_function, device, buffer, length, starting_offset)
    except StatusException as error:
        _give_up(irp, error.status)
        return None
    return irp


@contract(max_irql=PASSIVE_LEVEL)
def build_synchronous_fsd_request(
    major_function: int,
    device: DeviceObject,
    buffer: int | None,
    length: int,
    starting_offset: int | None,
    event: Event,
    iosb: IoStatusBlock,
) -> Irp | None:
    """The same, ended by the I/O manager: it sets `event`, for which the driver waits, and frees the packet.

    Follows IoBuildSynchronousFsdRequest.
    """
    irp = _build(major_function, device, iosb, event)
    if irp is None:
        return None
    try:
        _attach(irp, major_function, device, buffer, length, starting_offset)
    except StatusException as error:
        _give_up(irp, error.status)
        return None
    irp.owner = _ThreadRequest(length)
    return irp


@contract(max_irql=PASSIVE_LEVEL)
def build_device_io_control_request(
    io_control_code: int,
    device: DeviceObject,
    input_buffer: int | None,
    input_length: int,
    output_buffer: int | None,
    output_length: int,
    internal: bool,
    event: Event,
    iosb: IoStatusBlock,
) -> Irp | None:
    """A control request of the driver's own, ended by the I/O manager; follows IoBuildDeviceIoControlRequest."""
    irp = _build(IRP_MJ_INTERNAL_DEVICE_CONTROL if internal else IRP_MJ_DEVICE_CONTROL, device, iosb, event)
    if irp is None:
        return None
    control = irp.get_next_stack_location().parameters.device_io_control
    control.io_control_code = io_control_code
    control.input_buffer_length = input_length
    control.output_buffer_length = output_length
    method = method_from_ctl_code(io_control_code)
    if method == METHOD_NEITHER:
        control.type3_input_buffer = input_buffer
    try:
        attach_control_buffers(irp, method, input_buffer, input_length, output_buffer, output_length)
    except StatusException as error:
        _give_up(irp, error.status)
        return None
    irp.owner = _ThreadRequest(output_length)
    return irp


def _build(
    major_function: int, device: DeviceObject, iosb: IoStatusBlock | None, event: Event | None
) -> Irp | None:
    irp = current.manager.take_irp(device.stack_size)
    if irp is None:
        return None
    irp.user_iosb = iosb
    irp.user_event = event
    irp.requestor_mode = KernelMode
    irp.tail_overlay.thread = get_current_thread()
    irp.get_next_stack_location().major_function = major_function
    if major_function == IRP_MJ_PNP:
        irp.io_status.status = STATUS_NOT_SUPPORTED
    return irp


def _give_up(irp: Irp, status: int) -> None:
    """The buffers could not be had: give back what there is."""
    irp.io_status.status = status
    return_buffers(irp, memory_manager.value.process, 0)
    irp.free()


def _attach(
    irp: Irp, major_function: int, device: DeviceObject, buffer: int | None, length: int, offset: int | None
) -> None:
    """Buffer and parameters of a read or a write; nothing for the others."""
    if major_function not in _FSD_FUNCTIONS:
        reason = (
            f"the major function of a built request must be one of {_FSD_FUNCTIONS}, was {major_function:#x}"
        )
        bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IOMANAGER_BUILD_BAD_BUFFER, irp, reason=reason)
    if major_function not in (IRP_MJ_READ, IRP_MJ_WRITE):
        return
    parameters = irp.get_next_stack_location().parameters.read
    parameters.length = length
    parameters.byte_offset = offset or 0
    attach = attach_read_buffer if major_function == IRP_MJ_READ else attach_write_buffer
    attach(irp, device.flags, buffer or 0, length)


def _signal(device: DeviceObject | None, irp: Irp, context: object) -> int:
    """The completion routine of `forward_irp_synchronously`."""
    del device, irp
    assert isinstance(context, Event)
    context.set(0, False)
    return STATUS_MORE_PROCESSING_REQUIRED


@contract(max_irql=PASSIVE_LEVEL)
def forward_irp_synchronously(device: DeviceObject, irp: Irp) -> bool:
    """Pass a request down and wait until the drivers below are done; follows IoForwardIrpSynchronously.

    The request is the caller's again, with its status set, and must still be completed. False when it has no stack
    location left.
    """
    if irp.current_location <= 1:
        return False
    event = Event()
    event.initialize(NotificationEvent, False)
    irp.copy_current_stack_location_to_next()
    irp.set_completion_routine(_signal, event, True, True, True)
    if device.call_driver(irp) == STATUS_PENDING:
        wait_for_single_object(event, Executive, KernelMode, False, None)
    return True
