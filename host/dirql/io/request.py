# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Requests that the I/O manager takes back: their states, and the delivery of their result to the owner.

A request of a program is *submitted* to the top device of a stack, *completed* by its drivers, and *delivered*. If the
dispatch routine itself completed it, delivery waits until that routine has returned; if the request was marked pending,
delivery is part of its completion (rows HIO-01 … HIO-04). Delivery follows NT's order: output is copied to the caller's
buffer, the system's buffers and the packet are freed, the status block is written, the event is set.

A request that a driver built (IoBuildSynchronousFsdRequest and the routines like it, row IRP-14), or that the system
itself makes, has no states of its own: it is delivered when it completes.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from sys import getrefcount
from typing import Final, NoReturn

from dirql.io.cancel import cancel_request
from dirql.io.dispatch import call_driver
from dirql.io.irp import attach_control_buffers, attach_read_buffer, attach_write_buffer, return_buffers
from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, FileObject, Irp
from dirql.io.port_notice import PortNotice
from dirql.io.status_block import IoStatusBlock
from dirql.io.unwritten import check_counted, check_written
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current as ke, get_current_thread
from dirql.ke.defects import report_defect
from dirql.ke.objects.event import Event
from dirql.ke.origin import origin, origin_of_routine
from dirql.ke.processors.contract import contract
from dirql.ke.threads.alert import return_to_user_mode
from dirql.ke.threads.apc import Apc, NormalRoutine, completion_apc
from dirql.ke.threads.kernel_call import KernelCall, is_program
from dirql.ke.threads.thread import WAITING, Thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.mm.manager import running as memory_manager
from dirql.nt.bugcodes import (
    APC_INDEX_MISMATCH,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    VF_IO_VERIFY_INCONSISTENT_RETURN,
    VF_IO_VERIFY_PENDING_NOT_PROPAGATED,
    VF_IO_VERIFY_RETURNED_WITHOUT_ACTION,
    VF_IOMANAGER_BUILD_BAD_BUFFER,
)
from dirql.nt.constants import (
    APC_LEVEL,
    FO_ALERTABLE_IO,
    FO_SKIP_SET_EVENT,
    FO_SYNCHRONOUS_IO,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_FLUSH_BUFFERS,
    IRP_MJ_INTERNAL_DEVICE_CONTROL,
    IRP_MJ_PNP,
    IRP_MJ_READ,
    IRP_MJ_SHUTDOWN,
    IRP_MJ_WRITE,
    METHOD_NEITHER,
    Executive,
    KernelMode,
    NotificationEvent,
    UserMode,
)
from dirql.nt.control_code import method_from_ctl_code
from dirql.nt.ntstatus import StatusException, nt_error, status_name
from dirql.nt.status import (
    STATUS_INVALID_PARAMETER,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_NOT_SUPPORTED,
    STATUS_PENDING,
    STATUS_SUCCESS,
)

__all__ = [
    "FileRequest",
    "Request",
    "State",
    "build_asynchronous_fsd_request",
    "build_device_io_control_request",
    "build_synchronous_fsd_request",
    "forward_irp_synchronously",
    "send_and_wait",
]

_FORWARD_IRP_SYNCHRONOUSLY: Final = contract("IoForwardIrpSynchronously")
_BUILD_ASYNCHRONOUS_FSD_REQUEST: Final = contract("IoBuildAsynchronousFsdRequest")
_BUILD_SYNCHRONOUS_FSD_REQUEST: Final = contract("IoBuildSynchronousFsdRequest")
_BUILD_DEVICE_IO_CONTROL_REQUEST: Final = contract("IoBuildDeviceIoControlRequest")


class Request:
    """A packet that comes back to the I/O manager, with the places for its result."""

    __slots__ = ("event", "iosb", "irp", "limit", "output_length", "process", "result", "thread")

    def __init__(
        self,
        irp: Irp,
        event: Event | None,
        io_status_block: IoStatusBlock,
        requestor_mode: int,
        output_length: int = 0,
        limit: int | None = None,
        file: FileObject | None = None,
    ) -> None:
        """`output_length` is the size in bytes of the buffer to which a buffered request's output is copied.

        `limit` is the largest Information that the request's buffer allows; None if it has none. `file` is the open
        device of a program that makes the request.
        """
        self.irp = irp
        self.iosb = io_status_block
        self.result = irp.io_status
        self.event = event
        self.output_length = output_length
        self.limit = limit
        self.process = memory_manager.value.process
        irp.owner = self
        irp.stored_iosb = io_status_block
        irp.stored_event = event
        irp.requestor_mode = requestor_mode
        overlay = irp.tail.overlay
        overlay.thread = self.thread = ke.processor.current_thread
        overlay.original_file_object = file

    def complete(self, irp: Irp) -> None:
        """Take the packet back at the end of IoCompleteRequest."""
        del irp
        self.deliver()

    def deliver(self) -> None:
        """Give the result to the owner of the request, and free the packet."""
        self.take_back()
        self.report()

    def take_back(self) -> None:
        """Return the buffers and free the packet; its result stays in `result`."""
        irp = self.irp
        result = self.result = irp.io_status
        information, limit = result.stored_information, self.limit
        if limit is None or nt_error(result.nt_status):
            pass
        elif information <= limit:
            if information:
                check_written(irp, self.process, information)
            if information < limit:
                check_counted(irp, self.process, information, limit)
        else:
            what = f"Information must be at most the {limit} bytes of the buffer; {irp!r} was completed with"
            report_defect(
                "BUF-08",
                f"{what} {information} bytes, of which the program sees no more than the buffer: set it to the"
                " number of bytes that were moved",
            )
        return_buffers(irp, self.process, self.output_length)
        hook = io_manager.value.hooks.irp_delivered
        if hook is not None:
            hook(irp)
        irp.owner = None
        io_manager.value.release_irp(irp)

    def report(self) -> None:
        """Tell whoever asked that the result is there."""
        if self.irp.stored_pending and self.irp.maker is not None:
            self._check_kept()
        self.write_result()

    def _check_kept(self) -> None:
        """Report a driver's request whose places for the result only the packet knows (row IRP-25).

        The routine that had them as local variables has returned without a wait, and in C its stack is in other use.
        """
        packet_and_argument, old_wait = 3, 1
        iosb_is_lost = type(self.iosb) is IoStatusBlock and getrefcount(self.iosb) <= packet_and_argument
        event_is_lost = (
            type(self.event) is Event and getrefcount(self.event) <= packet_and_argument + old_wait
        )
        if not iosb_is_lost or not (event_is_lost or self.event is None):
            return
        report_defect(
            "IRP-25",
            f"the status block and the event of a request must stay until it has been completed; nobody had those of"
            f" {self.irp!r} of {self.irp.maker!r} any more: wait for the event without a time-out after IoCallDriver"
            " has returned STATUS_PENDING, and after IoCancelIrp too, before the routine that has them returns",
        )

    def write_result(self) -> None:
        """Write the status block and set the event."""
        event = self.event
        if event is not None and self._is_held_back(event):
            return
        self.iosb.take(self.result)
        if event is not None:
            event.set_for_system()

    def _is_held_back(self, event: Event) -> bool:
        """Whether NT would never deliver the result, because the thread waits for it at APC_LEVEL (row IRP-15)."""
        thread = self.thread
        processor = ke.processor
        if thread is processor.current_thread and thread.state is not WAITING:
            if processor.irql == APC_LEVEL:
                report_defect(
                    "IRP-15", f"{_APC_RULE} the request was completed while its thread was at APC_LEVEL"
                )
            return False
        if thread.state is not WAITING or thread.wait_irql < APC_LEVEL or thread.time_out.due is not None:
            return False
        if all(block.object is not event for block in thread.wait_block_list):
            return False
        report_defect(
            "IRP-15", f"{_APC_RULE} {thread!r} waits at APC_LEVEL, and so for ever: lower the IRQL first"
        )
        return True


_APC_RULE: Final = (
    "a request of IoBuildSynchronousFsdRequest or IoBuildDeviceIoControlRequest must be sent and waited for at"
    " PASSIVE_LEVEL, because an APC of its thread delivers the result;"
)


class State(enum.Enum):
    """The stage that a program's request has reached."""

    PREPARED = "not sent yet"
    DISPATCHING = "sent; the dispatch routine of the top driver has not returned"
    PENDING = "the dispatch routine returned STATUS_PENDING; the request is not completed"
    COMPLETED = "completed without a pending mark; the dispatch routine has not returned"
    DELIVERED = "the program has the result"


class FileRequest(Request):
    """A program's request on a file."""

    __slots__ = ("apc", "file", "state")

    def __init__(
        self,
        file: FileObject,
        irp: Irp,
        event: Event | None,
        io_status_block: IoStatusBlock,
        output_length: int = 0,
        limit: int | None = None,
    ) -> None:
        """`limit` is the largest Information that the buffer allows, by default `output_length`."""
        most = output_length if limit is None else limit
        mode = UserMode if is_program() else KernelMode
        # `super()` makes an object first, which takes 1 % of "a read" in bench/io_paths.py.
        Request.__init__(self, irp, event, io_status_block, mode, output_length, most, file)
        self.file = file
        self.apc: Apc | PortNotice | None = None
        """The APC that the thread which made the request runs when the result is there, or the packet for a port."""
        self.state = State.PREPARED
        file.reference()
        file.irps[irp] = None

    def set_apc(self, routine: NormalRoutine, context: object) -> None:
        """Have the thread that makes the request run `routine(context, status block, 0)` when the result is there."""
        driver = ke.processor.driver
        self.apc = completion_apc(self.thread, driver, routine, context, is_program())

    def set_port_context(self, context: object) -> None:
        """Send a packet with `context` to the completion port of the file, if it has one when the result is there."""
        self.apc = PortNotice(self.file, self.irp, context)

    def fail(self, status: int) -> int:
        """Deliver an error because the request could not be prepared; no driver has seen it. Returns `status`."""
        self.irp.io_status.status = status
        self.deliver()
        return status

    def send(self, device: DeviceObject) -> int:
        """Do as `submit` for the caller of a service; if that is a driver, the previous mode is KernelMode inside."""
        if is_program():
            return self.submit(device)
        with KernelCall():
            return self.submit(device)

    def submit(self, device: DeviceObject) -> int:
        """Send the request to `device`, the top of a stack; returns the status for the program.

        On a synchronous file this waits until the request is delivered (row HIO-01). Bug check 0xC9/0x226 when the
        dispatch routine neither completed the request nor returned STATUS_PENDING, 0xC9/0x224 when it returned
        STATUS_PENDING for a request that it completed without a pending mark.
        """
        file, event = self.file, self.event
        is_synchronous = file.flags & FO_SYNCHRONOUS_IO
        if is_synchronous:
            file.lock.acquire()
        # The events that delivery sets.
        if event is not None:
            event.clear_for_system()
        if event is None or is_synchronous:
            file.event.clear_for_system()
        self.state = State.DISPATCHING
        thread = self.thread
        owned = len(thread.mutexes)
        status = call_driver(device, self.irp)
        if ke.processor.driver is None and (len(thread.mutexes) > owned or thread.attached is not None):
            _refuse_thread(device, thread, self.irp.locations[self.irp.stack_count - 1].major_function)
        if self.state is State.DISPATCHING:
            if status != STATUS_PENDING:
                what = f"{self.irp!r} is neither completed nor pending"
                _refuse(VF_IO_VERIFY_RETURNED_WITHOUT_ACTION, device, self.irp, status, what)
            self.state = State.PENDING
        elif self.state is State.COMPLETED:
            if status == STATUS_PENDING:
                what = f"{self.irp!r} was completed without having been marked pending"
                _refuse(VF_IO_VERIFY_INCONSISTENT_RETURN, device, self.irp, status, what)
            self.report()
        return self._wait(status) if is_synchronous else status

    def _wait(self, status: int) -> int:
        """Wait until the request on a synchronous file is delivered, and let the next thread have the file.

        User APCs that end the wait run after that, as they may use the file.
        """
        file = self.file
        if status == STATUS_PENDING:
            alertable = bool(file.flags & FO_ALERTABLE_IO)
            with KernelCall():
                ended = wait_for_single_object(file.event, Executive, UserMode, alertable, None)
                if ended != STATUS_SUCCESS:
                    self._cancel_alerted()
            status = file.final_status
            file.lock.release()
            if ended != STATUS_SUCCESS:
                return_to_user_mode()
            return status
        file.lock.release()
        return status

    def _cancel_alerted(self) -> None:
        """Cancel the request, because an alert or a user APC has ended its wait, and wait until it is done."""
        if self.state is not State.DELIVERED and self.irp.type:
            cancel_request(self.irp)
        wait_for_single_object(self.file.event, Executive, KernelMode, False, None)

    def complete(self, irp: Irp) -> None:
        """Deliver the request if it was marked pending, else leave that to `submit`.

        Bug check 0xC9/0x228 when `submit` is over, because STATUS_PENDING was returned and no driver marked the request
        pending.
        """
        if irp.stored_pending:
            self.take_back()
            self.report()
        elif self.state is State.DISPATCHING:
            self.take_back()
            self.state = State.COMPLETED
        else:
            code, violation = DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IO_VERIFY_PENDING_NOT_PROPAGATED
            reason = f"STATUS_PENDING was returned for {irp!r} of {self.file!r}, which nobody marked pending"
            bug_check(
                code,
                violation,
                origin(),
                irp,
                irp.locations[irp.stack_count - 1].device_object,
                reason=reason,
            )

    def report(self) -> None:
        """Report the result, to the file as well, unless it is an error and the program has it as the returned status.

        The file gives up the reference that the request held, which may be the last one.
        """
        self.state = State.DELIVERED
        irp, file = self.irp, self.file
        del file.irps[irp]
        status = self.result.nt_status
        if irp.stored_pending or not nt_error(status):
            self.write_result()
            if (self.event is None and not file.flags & FO_SKIP_SET_EVENT) or file.flags & FO_SYNCHRONOUS_IO:
                file.final_status = status
                file.event.set_for_system()
            if self.apc is not None:
                self.apc.queue(self.iosb, 0)
        file.dereference()


def _refuse(violation: int, device: DeviceObject, irp: Irp, status: int, what: str) -> NoReturn:
    reason = f"the dispatch routine of {device!r} returned {status_name(status)}, yet {what}"
    dispatch = device.driver_object.major_function[irp.locations[irp.stack_count - 1].major_function]
    code, place = DRIVER_VERIFIER_IOMANAGER_VIOLATION, origin_of_routine(dispatch)
    bug_check(code, violation, place or 0, irp, device, reason=reason)


def _refuse_thread(device: DeviceObject, thread: Thread, major: int) -> NoReturn:
    """Stop with the bug check for a thread that leaves the kernel attached, or with APCs disabled by a mutex."""
    index = int(thread.attached is not None)
    if thread.attached is not None:
        rule, was = "leave a process to which it is attached", f"was attached to {thread.attached!r}"
        remedy = "KeUnstackDetachProcess"
    else:
        rule, was, remedy = "release its mutexes", f"owned {thread.mutexes[-1]!r}", "KeReleaseMutex"
    reason = (
        f"a thread must {rule} before it returns to the program; {thread!r} returned from"
        f" {device.driver_object!r} and {was}: call {remedy} on each way out"
    )
    disabled = -len(thread.mutexes) & 0xFFFF
    place = origin_of_routine(device.driver_object.major_function[major])
    bug_check(APC_INDEX_MISMATCH, device, index, disabled, 0, reason=reason, place=place)


def send_and_wait(device: DeviceObject, irp: Irp, requestor_mode: int = KernelMode) -> IoStatusBlock:
    """Send a request of the system's own to `device`, the top of a stack, and wait; returns the result. PASSIVE_LEVEL.

    IRP_MJ_CREATE and the requests of Plug and Play are such requests.
    """
    event = Event()
    event.initialize(NotificationEvent, False)
    result = IoStatusBlock(STATUS_PENDING)
    Request(irp, event, result, requestor_mode)
    if call_driver(device, irp) == STATUS_PENDING:
        wait_for_single_object(event, Executive, KernelMode, False, None)
    return result


def _signal(device: DeviceObject | None, irp: Irp, context: object) -> int:
    """The completion routine of `forward_irp_synchronously`."""
    del device, irp
    assert isinstance(context, Event)
    context.set(0, False)
    return STATUS_MORE_PROCESSING_REQUIRED


def forward_irp_synchronously(device: DeviceObject, irp: Irp) -> bool:
    """Pass a request down and wait until the drivers below have completed it; follows IoForwardIrpSynchronously.

    The caller then has the request again, with its status set, and must complete it. False when the request has no
    stack location left.
    """
    _FORWARD_IRP_SYNCHRONOUSLY.check_two(device, irp)
    if irp.current_location <= 1:
        return False
    event = Event()
    event.initialize(NotificationEvent, False)
    irp.copy_current_stack_location_to_next()
    irp.set_completion_routine(_signal, event, True, True, True)
    if call_driver(device, irp) == STATUS_PENDING:
        wait_for_single_object(event, Executive, KernelMode, False, None)
    return True


_FSD_FUNCTIONS: Final = (IRP_MJ_READ, IRP_MJ_WRITE, IRP_MJ_FLUSH_BUFFERS, IRP_MJ_SHUTDOWN, IRP_MJ_PNP)


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
    _BUILD_ASYNCHRONOUS_FSD_REQUEST.check_with(major_function, device, io_status_block)
    _BUILD_ASYNCHRONOUS_FSD_REQUEST.check_arguments(
        major_function, device, buffer, length, starting_offset, io_status_block
    )
    irp = _build_fsd(major_function, device, buffer, length, starting_offset)
    if irp is not None:
        irp.stored_iosb = io_status_block
    return irp


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
    _BUILD_SYNCHRONOUS_FSD_REQUEST.check_with(major_function, device, event, io_status_block)
    _BUILD_SYNCHRONOUS_FSD_REQUEST.check_arguments(
        major_function, device, buffer, length, starting_offset, event, io_status_block
    )
    irp = _build_fsd(major_function, device, buffer, length, starting_offset)
    if irp is not None:
        limit = length if major_function in (IRP_MJ_READ, IRP_MJ_WRITE) else None
        Request(irp, event, io_status_block, KernelMode, length, limit)
    return irp


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
    _BUILD_DEVICE_IO_CONTROL_REQUEST.check_with(io_control_code, device, event, io_status_block)
    _BUILD_DEVICE_IO_CONTROL_REQUEST.check_arguments(
        io_control_code,
        device,
        input_buffer,
        input_buffer_length,
        output_buffer,
        output_buffer_length,
        internal_device_io_control,
        event,
        io_status_block,
    )
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
    Request(irp, event, io_status_block, KernelMode, output_buffer_length, output_buffer_length)
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
        code, status = DRIVER_VERIFIER_IOMANAGER_VIOLATION, STATUS_INVALID_PARAMETER
        bug_check(code, VF_IOMANAGER_BUILD_BAD_BUFFER, device, major_function, status, reason=reason)
    if major_function not in (IRP_MJ_READ, IRP_MJ_WRITE):
        return irp
    read = irp.get_next_stack_location().parameters.read
    read.length, read.byte_offset = length or 0, starting_offset or 0
    attach = attach_read_buffer if major_function == IRP_MJ_READ else attach_write_buffer
    return irp if _attached(irp, lambda: attach(irp, device.stored_flags, buffer or 0, length or 0)) else None


def _take(major_function: int, device: DeviceObject) -> Irp | None:
    irp = io_manager.value.take_irp(device.stored_stack_size)
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
