# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Requests that the I/O manager makes: how they are sent, and what their end does.

A request of a program ends in `Request.conclude`, in the order of NT: output goes back to the caller's buffer, the
system's buffers are freed, the status block is written, the event is set. When the dispatch routine itself completed
the request, that happens after it has returned; when it had marked the request pending, at once (rows HIO-01 … HIO-04).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from dirql.io import current
from dirql.io.irp import IoStatusBlock, Irp
from dirql.io.transfer import return_buffers
from dirql.ke.bugcheck import bug_check
from dirql.ke.objects.event import Event
from dirql.ke.threads.thread import get_current_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.mm.manager import running as memory_manager
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    VF_IO_VERIFY_INCONSISTENT_RETURN,
    VF_IO_VERIFY_PENDING_NOT_PROPAGATED,
    VF_IO_VERIFY_RETURNED_WITHOUT_ACTION,
)
from dirql.nt.constants import IRP_MJ_CREATE, Executive, KernelMode, NotificationEvent, UserMode
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, STATUS_PENDING, status_name

if TYPE_CHECKING:
    from dirql.io.device import DeviceObject
    from dirql.io.file import FileObject

_ERROR = 0xC000_0000  # the lowest status of the severity that NT_ERROR means

__all__ = ["KernelRequest", "Request", "send_and_wait", "send_file_request"]


class Request:
    """A program's request: where its result goes."""

    __slots__ = (
        "completed",
        "concluded",
        "dispatching",
        "event",
        "file",
        "iosb",
        "irp",
        "output_length",
        "process",
    )

    def __init__(self, file: FileObject, irp: Irp, event: Event | None, iosb: IoStatusBlock) -> None:
        self.file = file
        self.irp: Irp | None = irp
        self.event = event
        self.iosb = iosb
        self.process = memory_manager.value.process
        self.output_length = 0
        self.completed = self.concluded = self.dispatching = False
        irp.owner = self
        irp.user_iosb = iosb
        irp.user_event = event
        irp.requestor_mode = UserMode
        irp.tail_overlay.original_file_object = file
        irp.tail_overlay.thread = get_current_thread()
        file.reference()
        file.irps[irp] = None

    def send(self, device: DeviceObject) -> int:
        """Send it down the stack whose top is `device`; returns what the dispatch routine returned."""
        irp = self.irp
        assert irp is not None
        if self.event is not None:
            self.event.clear()
        if self.event is None or self.file.synchronous:
            self.file.event.clear()
        self.dispatching = True
        status = device.call_driver(irp)
        self.dispatching = False
        if not self.completed:
            if status != STATUS_PENDING:
                what = f"{irp!r} is neither completed nor pending"
                _refuse(VF_IO_VERIFY_RETURNED_WITHOUT_ACTION, device, status, what)
        elif not self.concluded:
            if status == STATUS_PENDING:
                what = f"{irp!r} was completed without having been marked pending"
                _refuse(VF_IO_VERIFY_INCONSISTENT_RETURN, device, status, what)
            self.conclude(irp)
        return status

    def abandon(self, irp: Irp, status: int) -> int:
        """End it before any driver saw it; returns `status`. Nothing is signalled."""
        irp.io_status.status = status
        self.event = None
        self.conclude(irp)
        return status

    def finish(self, irp: Irp) -> None:
        """The walk of completion has reached its end."""
        self.completed = True
        if irp.pending_returned:
            self.conclude(irp)
        elif not self.dispatching:
            code, violation = DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IO_VERIFY_PENDING_NOT_PROPAGATED
            reason = f"STATUS_PENDING was returned for {irp!r} of {self.file!r}, which nobody marked pending"
            bug_check(code, violation, irp, reason=reason)

    def conclude(self, irp: Irp) -> None:
        """Give the result to the program and the packet back."""
        self.concluded = True
        file = self.file
        io_status = irp.io_status
        status, information = io_status.status, io_status.information
        if irp.mdl_address is not None or irp.associated_irp.system_buffer is not None:
            return_buffers(irp, self.process, self.output_length)
        quiet = status >= _ERROR and not irp.pending_returned
        irp.owner = self.irp = None
        del file.irps[irp]
        current.manager.release_irp(irp)
        if not quiet:
            self.iosb.information = information
            self.iosb.status = status
            event = self.event
            if event is not None:
                event.set(0, False)
            if event is None or file.synchronous:
                file.final_status = status
                file.event.set(0, False)
        file.dereference()


def _refuse(violation: int, device: DeviceObject, status: int, what: str) -> NoReturn:
    reason = f"the dispatch routine of {device!r} returned {status_name(status)}, yet {what}"
    bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, violation, reason=reason)


class KernelRequest:
    """A request that the system itself makes and waits for, such as IRP_MJ_CREATE or those of Plug and Play."""

    __slots__ = ("event", "information", "pointer", "status")

    def __init__(self, irp: Irp) -> None:
        self.event = Event()
        self.event.initialize(NotificationEvent, False)
        self.status = STATUS_PENDING
        self.information = 0
        self.pointer: object = None
        irp.owner = self
        irp.tail_overlay.thread = get_current_thread()

    def finish(self, irp: Irp) -> None:
        """Keep the result, free the packet and wake who waits."""
        self.status = irp.io_status.status
        self.information = irp.io_status.information
        self.pointer = irp.io_status.pointer
        irp.owner = None
        current.manager.release_irp(irp)
        self.event.set(0, False)


def send_and_wait(device: DeviceObject, irp: Irp) -> KernelRequest:
    """Send a packet to the top of a stack and wait for its end; the request has its result. PASSIVE_LEVEL."""
    request = KernelRequest(irp)
    if device.call_driver(irp) == STATUS_PENDING:
        wait_for_single_object(request.event, Executive, KernelMode, False, None)
    return request


def send_file_request(
    file: FileObject, major_function: int, desired_access: int = 0, options: int = 0
) -> int:
    """Send IRP_MJ_CREATE, IRP_MJ_CLEANUP or IRP_MJ_CLOSE for a file and wait for its end; returns its status.

    Access and options are CREATE's.
    """
    device = file.device_object.top_of_stack()
    irp = current.manager.take_irp(device.stack_size)
    if irp is None:
        return STATUS_INSUFFICIENT_RESOURCES
    stack = irp.get_next_stack_location()
    stack.major_function = major_function
    stack.file_object = file
    if major_function == IRP_MJ_CREATE:
        stack.parameters.create.desired_access = desired_access
        stack.parameters.create.options = options
    irp.requestor_mode = KernelMode
    irp.tail_overlay.original_file_object = file
    return send_and_wait(device, irp).status
