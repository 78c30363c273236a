# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The packet of a request: its allocation, its buffers, and IoCompleteRequest with the walk of completion routines.

The buffers of a caller come to a driver in one of three ways: buffered, direct or neither (rows BUF-01 … BUF-08,
HIO-04). The flags of the device on top of the stack decide for reads and writes, the two low bits of the control code
for control requests. `attach_…` allocates a system buffer or an MDL on the way down, `return_buffers` frees it on the
way up.
"""

from __future__ import annotations

from collections import deque
from sys import _getframe as getframe
from types import FunctionType
from typing import Final, NoReturn

from dirql.io.manager import running as io_manager
from dirql.io.objects import IoStackLocation, Irp
from dirql.io.packet import holder_elsewhere, story, violate
from dirql.io.reuse import check_unused
from dirql.io.sending import report_end, report_uncalled
from dirql.ke import guard
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current as ke
from dirql.ke.defects import report_defect
from dirql.ke.origin import foreign, place_of
from dirql.ke.processors.contract import contract
from dirql.ke.threads.nesting import Nesting
from dirql.ke.threads.thread import WAITING, Thread
from dirql.mm import memory
from dirql.mm.allocation import allocate_pool2, free_pool_with_tag, pool_tag
from dirql.mm.layout import SYSTEM_RANGE_START
from dirql.mm.manager import running as memory_manager
from dirql.mm.mdl import Mdl
from dirql.mm.process import Process
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    IRQL_NOT_LESS_OR_EQUAL,
    MULTIPLE_IRP_COMPLETE_REQUESTS,
    VF_IO_VERIFY_COMPLETE_WHILE_PENDING,
    VF_IO_VERIFY_FREE_IN_USE,
    VF_IO_VERIFY_PENDING_NOT_PROPAGATED,
    VF_IOMANAGER_COMPLETE_WITH_CANCEL_ROUTINE,
    VF_IOMANAGER_COMPLETE_WITH_PENDING,
    VF_IOMANAGER_FREE_NOT_IRP,
    VF_IOMANAGER_FREE_THREAD_QUEUED,
)
from dirql.nt.constants import (
    DO_BUFFERED_IO,
    DO_DIRECT_IO,
    IO_NO_INCREMENT,
    IRP_ASSOCIATED_IRP,
    IRP_BUFFERED_IO,
    IRP_DEALLOCATE_BUFFER,
    IRP_INPUT_OPERATION,
    MDL_PAGES_LOCKED,
    METHOD_BUFFERED,
    METHOD_NEITHER,
    METHOD_OUT_DIRECT,
    POOL_FLAG_NON_PAGED,
    POOL_FLAG_UNINITIALIZED,
    SL_INVOKE_ON_CANCEL,
    SL_INVOKE_ON_ERROR,
    SL_INVOKE_ON_SUCCESS,
    SL_PENDING_RETURNED,
    IoReadAccess,
    IoWriteAccess,
)
from dirql.nt.ntstatus import StatusException, nt_error, nt_success, status_name
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, STATUS_MORE_PROCESSING_REQUIRED, STATUS_PENDING

__all__ = [
    "CALLER",
    "DEEPEST_COMPLETION",
    "PLACES_KEPT",
    "POSTPONED",
    "PROMISED",
    "allocate_irp",
    "allocate_mdl",
    "attach_control_buffers",
    "attach_read_buffer",
    "attach_write_buffer",
    "complete_request",
    "free_irp",
    "return_buffers",
]

_ALLOCATE_IRP: Final = contract("IoAllocateIrp")
_FREE_IRP: Final = contract("IoFreeIrp")
_COMPLETE_REQUEST: Final = contract("IoCompleteRequest")
_ALLOCATE_MDL: Final = contract("IoAllocateMdl")
_PROBE_AND_LOCK_PAGES: Final = contract("MmProbeAndLockPages")
_UNLOCK_PAGES: Final = contract("MmUnlockPages")

_ALWAYS: Final = SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR
_CODE: Final = DRIVER_VERIFIER_IOMANAGER_VIOLATION
_MINUS_ONE: Final = 0xFFFF_FFFF
_NEVER_FINAL: Final = frozenset((STATUS_PENDING, STATUS_MORE_PROCESSING_REQUIRED, _MINUS_ONE))

PROMISED: Final = 0x100
"""In `control`, beyond the bits of NT: the dispatch routine returned STATUS_PENDING, so that a mark must be there."""
PLACES_KEPT: Final = 10_000
"""The first packets of a machine remember where drivers passed on, completed and freed them.

Packets of programs always remember where they were completed.

To make the frame object takes Python 0.35 µs, a tenth of "a request through 1 drivers" in bench/io_paths.py. A packet
of a driver beyond that number names the routine that ended it, without the place."""
POSTPONED: Final = 0x200
"""In `control`: IoCallDriver returned STATUS_PENDING for the I/O manager, which called the dispatch routine later."""
_PENDING: Final = SL_PENDING_RETURNED | POSTPONED
_MARKS: Final = _PENDING | PROMISED
DEEPEST_COMPLETION: Final = 16
"""So many completions run one inside the other on a stack; one that begins inside the last runs after it instead."""


def allocate_irp(stack_size: int, charge_quota: int = 0) -> Irp | None:
    """A new IRP with `stack_size` locations, 1 … 127, else None; follows IoAllocateIrp (row IRP-01).

    `charge_quota` is accepted and not used: there are no quotas.
    """
    _ALLOCATE_IRP.check_level(stack_size)
    if type(stack_size) is not int:
        _ALLOCATE_IRP.check_arguments(stack_size, False)
    del charge_quota
    return io_manager.value.take_irp(stack_size)


def free_irp(irp: Irp) -> None:
    """Free a packet; follows IoFreeIrp.

    Bug check 0xC9/1 when the packet is not allocated, 0xC9/2 when the I/O manager frees it itself, 0xC9/0x20A while a
    driver still has it.
    """
    _FREE_IRP.check(irp)
    if not irp.type or irp.owner is not None or irp.current_location <= irp.stack_count:
        _check_free(irp)
    irp.ended_by = "IoFreeIrp"
    if irp.number <= PLACES_KEPT:
        try:
            frame = getframe(CALLER)
            irp.ended_code, irp.ended_at = place_of(frame) if foreign else (frame.f_code, frame.f_lasti)
        except ValueError:
            irp.ended_at = 0  # compiled code alone on its stack has no frame, and no driver called it
    try:
        del io_manager.value.live_irps[irp]
    except KeyError:
        _stop(
            irp, VF_IOMANAGER_FREE_NOT_IRP, "was given to IoFreeIrp, yet it did not come from IoAllocateIrp"
        )
    irp.retire()


def _check_free(irp: Irp) -> None:
    """Stop if the packet cannot be freed now."""
    if not irp.type:
        _stop(irp, VF_IOMANAGER_FREE_NOT_IRP, f"was given to IoFreeIrp, yet it was already {story(irp)}")
    if irp.owner is not None:
        what = "was given to IoFreeIrp, yet the I/O manager frees it itself: complete it, and let go of it"
        _stop(irp, VF_IOMANAGER_FREE_THREAD_QUEUED, what)
    check_unused("IoFreeIrp", irp)


def complete_request(irp: Irp, priority_boost: int) -> None:
    """Complete a request; follows IoCompleteRequest (rows IRP-04, IRP-07 … IRP-10).

    The caller has set `io_status` and no longer owns the packet. The thread that made the request is boosted by
    `priority_boost` if it waits. Bug check 0x44 when the request is complete already, 0xC9/6 when its status is
    STATUS_PENDING or -1, 0xC9/7 when its cancel routine is still set, 0xC9/0x209 when a driver below still has it.
    """
    _COMPLETE_REQUEST.check(irp)
    location, count = irp.current_location, irp.stack_count
    if location > count + 1 or type(priority_boost) is not int:
        _check_call(irp, priority_boost)
    if irp.number <= PLACES_KEPT or irp.owner is not None:
        try:
            frame = getframe(CALLER)
            irp.ended_code, irp.ended_at = place_of(frame) if foreign else (frame.f_code, frame.f_lasti)
        except ValueError:
            irp.ended_at = 0  # compiled code alone on its stack has no frame, and no driver called it
    io_status = irp.io_status
    status, information = io_status.nt_status, io_status.stored_information
    if type(information) is not int or information < 0:
        io_status.stored_information = _unsigned(information)
    processor = ke.processor
    if (
        irp.holder is not processor.driver
        or (status and status in _NEVER_FINAL)
        or irp.cancel_routine is not None
        or processor.lock is not None
        or (location > 1 and irp.locations[location - 2].completion_routine is not None)
    ):
        _check_completion(irp)
    manager = io_manager.value
    nesting = processor.current_thread.nesting
    depth = nesting.completions
    if depth >= DEEPEST_COMPLETION:
        manager.later.setdefault(nesting, deque()).append(irp)
        return
    nesting.completions = depth + 1
    if manager.hooks.irp_completed is not None:
        manager.hooks.irp_completed(irp)
    if _walk(irp, location):
        _end(irp, priority_boost)
    if manager.later and depth + 1 == DEEPEST_COMPLETION:
        _finish_later(nesting)
    nesting.completions = depth


def _finish_later(nesting: Nesting) -> None:
    """Complete the requests that were completed inside too many others on a stack, of which the last is at its end."""
    manager = io_manager.value
    queue = manager.later.get(nesting)
    while queue:
        irp = queue.popleft()
        if manager.hooks.irp_completed is not None:
            manager.hooks.irp_completed(irp)
        if _walk(irp, irp.current_location):
            _end(irp)
    manager.later.pop(nesting, None)


def _check_call(irp: Irp, priority_boost: int) -> None:
    """Check the arguments of a completion, one of which is wrong or unusual."""
    _COMPLETE_REQUEST.check_arguments(irp, priority_boost)
    if irp.current_location > irp.stack_count + 1:
        _refuse_second_completion(irp)


def _end(irp: Irp, increment: int = 0) -> None:
    """Give a packet back to its maker, because its completion is over.

    A thread that waits is boosted by `increment`, as by the APC that ends its wait.
    """
    if irp.owner is not None:
        if increment > 0:
            thread = irp.tail.overlay.thread
            if isinstance(thread, Thread) and thread.state is WAITING:
                thread.boost(increment)
        irp.owner.complete(irp)
    elif irp.maker is not None:
        _end_unowned(irp)


def _walk(irp: Irp, location: int) -> bool:
    """Call the completion routines upwards from `location`; False when one of them keeps the packet.

    A routine is called with the device of the driver that set it; a routine of the packet's maker gets no device.
    """
    locations, io_status = irp.locations, irp.io_status
    count = irp.stack_count
    while location <= count:
        left = locations[location - 1]
        location += 1
        irp.current_location = location
        control, routine, context = left.control, left.completion_routine, left.context
        left.left += 1
        if control & _MARKS:
            irp.stored_pending = pending = control & _PENDING != 0
            left.outcome = STATUS_PENDING if control & SL_PENDING_RETURNED else io_status.nt_status
            if not pending:
                _refuse_unmarked(irp, left)
        else:
            irp.stored_pending = pending = False
            left.outcome = io_status.nt_status
        # NT clears all but the major function and the device, which later tell what the request was. A method for this
        # takes 0.05 µs more for each driver (bench/io_paths.py, "a request through 3 drivers").
        left.stored_minor = left.stored_flags = left.control = 0
        left.stored_file = left.completion_routine = left.context = None
        parameters = left.stored_parameters
        read = parameters.read
        read.length = read.key = read.byte_offset = 0
        if parameters.named:
            parameters.forget()
        if routine is not None and (control & _ALWAYS == _ALWAYS or _is_invited(irp, control)):
            device = locations[location - 1].device_object if location <= count else None
            irp.holder = driver = irp.maker if device is None else device.driver_object
            status = guard.call_completion(driver, routine, device, irp, context)
            if status and _is_stopped(status, irp, driver, routine):
                return False
            if irp.current_location != location or pending:
                _check_return(irp, location, driver, routine)
        elif pending and location <= count:
            locations[location - 1].control |= SL_PENDING_RETURNED
    irp.current_location = count + 2
    return True


def _is_invited(irp: Irp, control: int) -> bool:
    """Whether a completion routine with these SL_INVOKE_ON_ bits is called for the request's result (row IRP-09)."""
    wanted = SL_INVOKE_ON_SUCCESS if nt_success(irp.io_status.nt_status) else SL_INVOKE_ON_ERROR
    return bool(control & wanted or (irp.stored_cancel and control & SL_INVOKE_ON_CANCEL))


def _refuse_second_completion(irp: Irp) -> NoReturn:
    reason = (
        f"IoCompleteRequest must be called once for an IRP; {irp!r} was already {story(irp)}: take the packet out of"
        " your lists when you complete it"
    )
    bug_check(MULTIPLE_IRP_COMPLETE_REQUESTS, irp, reason=reason)


def _check_completion(irp: Irp) -> None:
    """Stop if the packet cannot be completed now (rows IRP-17, IRP-20), or report a lock that is held."""
    status, routine = irp.io_status.nt_status, irp.cancel_routine
    if status in (STATUS_PENDING, _MINUS_ONE):
        reason = (
            f"the status of {irp!r} must be final when it is completed; it was {status_name(status)}:"
            " set io_status.status"
        )
        bug_check(_CODE, VF_IOMANAGER_COMPLETE_WITH_PENDING, status, irp, reason=reason)
    if routine is not None:
        reason = (
            f"the cancel routine must be cleared before IoCompleteRequest; {guard.describe(routine)} of {irp!r} was"
            " still set: call IoSetCancelRoutine(Irp, NULL), and leave the IRP to the cancel routine if that gives NULL"
        )
        bug_check(_CODE, VF_IOMANAGER_COMPLETE_WITH_CANCEL_ROUTINE, routine, irp, reason=reason)
    driver = ke.processor.driver
    if not ke.kernel.verifier.is_verified(driver):
        return
    elsewhere = holder_elsewhere(irp, driver)
    if elsewhere is not None:
        is_below, where = elsewhere
        reason = (
            f"IoCompleteRequest must be called once, by the driver that has the IRP; {irp!r} was {where}: wait for the"
            " completion routine of an IRP that you pass on, and forget one that you complete"
        )
        if not is_below:
            bug_check(MULTIPLE_IRP_COMPLETE_REQUESTS, irp, reason=reason)
        violate(VF_IO_VERIFY_COMPLETE_WHILE_PENDING, irp, reason)
    if status == STATUS_MORE_PROCESSING_REQUIRED:
        what = f"STATUS_MORE_PROCESSING_REQUIRED must not be the result of a request; it was that of {irp!r}"
        report_defect("IRP-17", f"{what}: a completion routine returns it, and io_status has another status")
    report_uncalled(irp)
    lock = ke.processor.lock
    if lock is not None and driver is not None:
        what = f"IoCompleteRequest must be called without a spin lock; {lock!r} was held for {irp!r}"
        report_defect("IRP-17", f"{what}: release it first, because completion routines may need it")


def _refuse_unmarked(irp: Irp, left: IoStackLocation) -> None:
    """Stop a verified driver that returned STATUS_PENDING for a request which nobody had marked."""
    device = left.device_object
    if device is not None and ke.kernel.verifier.is_verified(device.driver_object):
        reason = (
            f"a dispatch routine that returns STATUS_PENDING must call IoMarkIrpPending first; that of {device!r}"
            f" returned it for {irp!r}, which nobody marked pending: mark it before it is queued"
        )
        violate(VF_IO_VERIFY_PENDING_NOT_PROPAGATED, irp, reason)


def _unsigned(information: object) -> int:
    """The value of Information in C, where it is a ULONG_PTR, so that a negative number is a large one."""
    if not isinstance(information, int):
        raise TypeError(
            "io_status.information must be a number of bytes, an integer (ULONG_PTR), when IoCompleteRequest is called;"
            f" it was {information!r}: put other answers into io_status.information_object"
        )
    return information & 0xFFFF_FFFF_FFFF_FFFF


def _is_stopped(status: int, irp: Irp, driver: object, routine: object) -> bool:
    """Whether a completion routine with this value keeps the packet.

    With STATUS_PENDING, which is reported, the completion goes on as with any other value.
    """
    if status == STATUS_PENDING and ke.kernel.verifier.is_verified(driver):
        what = (
            "a completion routine must return STATUS_CONTINUE_COMPLETION or STATUS_MORE_PROCESSING_REQUIRED;"
            f" {guard.describe(routine)} returned STATUS_PENDING for {irp!r}, which does not stop the completion"
        )
        report_defect("IRP-07", what)
    return status == STATUS_MORE_PROCESSING_REQUIRED


def _check_return(irp: Irp, location: int, driver: object, routine: object) -> None:
    """Check a packet that came back from a completion routine which lets the completion go on."""
    if not ke.kernel.verifier.is_verified(driver):
        return
    if irp.current_location != location:
        done = story(irp) if not irp.type or irp.current_location > irp.stack_count else "sent on"
        reason = (
            "a completion routine that frees, completes or sends on its IRP must return"
            f" STATUS_MORE_PROCESSING_REQUIRED; {guard.describe(routine)} returned another status,"
            f" yet {irp!r} was {done}"
        )
        violate(VF_IO_VERIFY_FREE_IN_USE, irp, reason)
    if location <= irp.stack_count and not irp.locations[location - 1].control & SL_PENDING_RETURNED:
        reason = (
            "a completion routine must call IoMarkIrpPending if irp.pending_returned is TRUE;"
            f" {guard.describe(routine)} returned without that for {irp!r}"
        )
        violate(VF_IO_VERIFY_PENDING_NOT_PROPAGATED, irp, reason)


def _end_unowned(irp: Irp) -> None:
    """End a packet that a driver made and whose completion no routine of that driver has stopped.

    The I/O manager delivers its result to the thread of the packet. IoAllocateIrp names none, so that NT stops there.
    """
    if irp.stored_flags & IRP_ASSOCIATED_IRP:
        _end_associated(irp)
        return
    if irp.tail.overlay.thread is not None:
        report_end(irp)
        return_buffers(irp, memory_manager.value.process, 0)
        if irp.stored_iosb is not None:
            irp.stored_iosb.take(irp.io_status)
        io_manager.value.release_irp(irp)
        return
    reason = (
        f"a driver that allocates an IRP must take it back in a completion routine that calls IoFreeIrp and returns"
        f" STATUS_MORE_PROCESSING_REQUIRED; {irp!r} of {irp.maker!r} was completed to its end"
    )
    bug_check(IRQL_NOT_LESS_OR_EQUAL, 0, ke.processor.irql, 0, "IoCompleteRequest", reason=reason)


def _end_associated(irp: Irp) -> None:
    """Free an associated packet with its MDLs, whose pages stay as they are, and count it off for its master."""
    master = irp.associated_irp.master_irp
    mdl, irp.stored_mdl = irp.stored_mdl, None
    while mdl is not None:
        following = mdl.next
        mdl.release()
        mdl = following
    io_manager.value.release_irp(irp)
    assert isinstance(master, Irp)
    if not master.type:
        _refuse_second_completion(master)
    here = master.current_location
    device = master.locations[here - 1].device_object if here <= master.stack_count else None
    driver = master.maker if device is None else device.driver_object
    guard.call_driver(guard.CALLBACK, driver, _count_off, master)


def _count_off(master: Irp) -> None:
    """Complete a master packet with its last associated one (row AIR-02)."""
    part = master.associated_irp
    part.irp_count -= 1
    if part.irp_count == 0:
        complete_request(master, IO_NO_INCREMENT)
    elif part.irp_count < 0:
        report_defect(
            "AIR-02",
            "associated_irp.irp_count of a master IRP must be the number of its associated IRPs before the first of"
            f" them is sent; that of {master!r} was {part.irp_count + 1} when one was completed, so that nobody"
            " completes it",
        )


def _stop(irp: Irp, violation: int, what: str) -> NoReturn:
    bug_check(_CODE, violation, irp, reason=f"{irp!r} {what}")


# The depth at which a driver's line stands on the stack above a routine here: compiled routines have no frame.
CALLER: Final = 1 if isinstance(complete_request, FunctionType) else 0

_TAG: Final = pool_tag("IoSB")
_SYSTEM_BUFFER: Final = IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER


def allocate_mdl(
    virtual_address: int | None, length: int, secondary_buffer: int, charge_quota: int, irp: Irp | None
) -> Mdl | None:
    """Make an MDL for a buffer of `length` bytes and hang it on `irp`, if there is one; follows IoAllocateMdl.

    With `secondary_buffer` it goes to the end of the chain, else it becomes `irp.mdl_address` (rows MDL-01, MDL-02).
    `charge_quota` is accepted and not used.
    """
    del charge_quota
    if type(irp) is not Irp or type(virtual_address) is not int:
        _ALLOCATE_MDL.check_arguments(virtual_address, length, secondary_buffer, False, irp)
    mdl = Mdl.allocate(virtual_address or 0, length)
    if mdl is None or irp is None:
        return mdl
    last = irp.stored_mdl
    if not secondary_buffer or last is None:
        irp.stored_mdl = mdl
        return mdl
    while last.next is not None:
        last = last.next
    last.next = mdl
    return mdl


def attach_read_buffer(irp: Irp, device_flags: int, address: int, length: int) -> None:
    """Give a read its buffer; raises `StatusException` when the caller's address is bad or memory is short."""
    irp.stored_user_buffer = address
    if length == 0:
        return
    if device_flags & DO_BUFFERED_IO:
        irp.associated_irp.stored_buffer = _system_buffer(length)
        irp.stored_flags |= _SYSTEM_BUFFER | IRP_INPUT_OPERATION
    elif device_flags & DO_DIRECT_IO:
        _lock(irp, address, length, IoWriteAccess, "IRP_MJ_READ")


def attach_write_buffer(irp: Irp, device_flags: int, address: int, length: int) -> None:
    """Give a write its data; raises as `attach_read_buffer` does."""
    irp.stored_user_buffer = address
    if length == 0:
        return
    if device_flags & DO_BUFFERED_IO:
        _copy_in(irp, _system_buffer(length), address, length)
    elif device_flags & DO_DIRECT_IO:
        _lock(irp, address, length, IoReadAccess, "IRP_MJ_WRITE")


def attach_control_buffers(
    irp: Irp, method: int, source: int | None, source_length: int, target: int | None, target_length: int
) -> None:
    """Give a control request its input and output by its method; raises as `attach_read_buffer` does."""
    irp.stored_user_buffer = target
    if method == METHOD_NEITHER:
        return
    length = max(source_length, target_length) if method == METHOD_BUFFERED else source_length
    if length:
        _copy_in(irp, _system_buffer(length), source or 0, source_length)
    if method == METHOD_BUFFERED:
        irp.stored_flags |= IRP_INPUT_OPERATION if target_length else 0
    elif target_length:
        operation = IoWriteAccess if method == METHOD_OUT_DIRECT else IoReadAccess
        _lock(irp, target or 0, target_length, operation, "IRP_MJ_DEVICE_CONTROL")


def return_buffers(irp: Irp, process: Process, output_length: int) -> None:
    """Copy output to the caller if the request succeeded, and free the system buffer and the MDLs of the request."""
    if irp.stored_flags & IRP_BUFFERED_IO:
        _return_system_buffer(irp, process, output_length)
    if irp.stored_mdl is not None:
        _free_mdls(irp)


def _return_system_buffer(irp: Irp, process: Process, output_length: int) -> None:
    buffer = irp.associated_irp.stored_buffer
    if buffer is None:
        return
    if irp.stored_flags & IRP_INPUT_OPERATION and not nt_error(irp.io_status.nt_status):
        _copy_out(irp, process, buffer, output_length)
    free_pool_with_tag(buffer, _TAG)


def _free_mdls(irp: Irp) -> None:
    """Unlock and free the MDL chain of a request that its drivers have completed."""
    mdl = irp.stored_mdl
    irp.stored_mdl = None
    place = (irp.ended_code, irp.ended_at) if hasattr(irp, "ended_code") else None
    while mdl is not None:
        following = mdl.next
        if mdl.mdl_flags & MDL_PAGES_LOCKED:
            _UNLOCK_PAGES.check_level(mdl)
            mdl.unlock()
        mdl.release(place)
        mdl = following


def _system_buffer(length: int) -> int:
    address = allocate_pool2(POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED, length, _TAG)
    if address is None:
        raise StatusException(STATUS_INSUFFICIENT_RESOURCES)
    return address


def _copy_in(irp: Irp, buffer: int, address: int, length: int) -> None:
    """Fill a system buffer from the caller's buffer. After a bad address `return_buffers` frees the system buffer."""
    irp.associated_irp.stored_buffer = buffer
    irp.stored_flags |= _SYSTEM_BUFFER
    memory.copy(buffer, address, length)


def _lock(irp: Irp, address: int, length: int, operation: int, purpose: str) -> None:
    mdl = Mdl.make(address, length)
    if mdl is None:
        raise StatusException(STATUS_INSUFFICIENT_RESOURCES)
    _PROBE_AND_LOCK_PAGES.check_level(mdl)
    try:
        mdl.lock(irp.requestor_mode, operation)
    except StatusException:
        mdl.release()
        raise
    mdl.purpose = purpose
    irp.stored_mdl = mdl


def _copy_out(irp: Irp, process: Process, buffer: int, output_length: int) -> None:
    """Copy exactly Information bytes, but never more than the caller's buffer holds (row BUF-08)."""
    length = min(irp.io_status.stored_information, output_length)
    target = irp.stored_user_buffer
    if length <= 0 or target is None:
        return
    if target >= SYSTEM_RANGE_START:
        memory.copy(target, buffer, length)
    else:
        # NT copies in an APC of the calling thread, which may page memory in even if the request was completed at
        # DISPATCH_LEVEL. `Process.write` does the same.
        process.write(target, memory.read(buffer, length))
