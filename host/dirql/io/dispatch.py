# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""IoCallDriver: a request is handed to the dispatch routine of the next driver."""

from __future__ import annotations

from functools import partial
from sys import _getframe as getframe
from typing import Final, NoReturn

from dirql.io.field_values import check_major_function
from dirql.io.irp import CALLER, PLACES_KEPT, POSTPONED, PROMISED, complete_request
from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, IoStackLocation, Irp
from dirql.io.packet import holder_elsewhere, story, violate
from dirql.io.sending import check_sent
from dirql.ke import guard
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current as ke
from dirql.ke.defects import report_defect
from dirql.ke.origin import foreign, origin_of_routine, place_of
from dirql.ke.processors.contract import contract
from dirql.ke.threads.thread import GUARDED_REGION
from dirql.nt.bugcodes import (
    DDI_CRITICAL_REGIONS,
    DDI_GUARDED_REGIONS,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    NO_MORE_IRP_STACK_LOCATIONS,
    VF_IO_VERIFY_CALL_WITH_CANCEL_ROUTINE,
    VF_IO_VERIFY_CONTROL_NOT_ZEROED,
    VF_IO_VERIFY_FORWARD_WHILE_PENDING,
    VF_IO_VERIFY_INCONSISTENT_RETURN,
    VF_IO_VERIFY_RETURNED_MINUS_ONE,
    VF_IO_VERIFY_RETURNED_WITHOUT_ACTION,
    VF_IO_VERIFY_TRASHED_STACK,
    VF_IOMANAGER_BAD_DEVICE,
    VF_IOMANAGER_BAD_IRP_TYPE,
)
from dirql.nt.constants import (
    IO_NO_INCREMENT,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_INTERNAL_DEVICE_CONTROL,
    IRP_MJ_POWER,
    IRP_MJ_READ,
    IRP_MJ_WRITE,
    SL_PENDING_RETURNED,
)
from dirql.nt.ntstatus import status_name
from dirql.nt.status import STATUS_INVALID_DEVICE_REQUEST, STATUS_PENDING

__all__ = ["DEEPEST_CALL", "call_driver", "call_taken", "invalid_device_request", "take_for_later"]

_CALL_DRIVER: Final = contract("IoCallDriver")
_MINUS_ONE: Final = 0xFFFF_FFFF

_USUAL: Final = frozenset((IRP_MJ_READ, IRP_MJ_WRITE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL))
"""The major functions of requests that need no closer look each time they are sent."""
DEEPEST_CALL: Final = 8
"""The number of completions, one inside the other on a stack, from which on a request sent reaches its driver later."""


def call_driver(device: DeviceObject, irp: Irp) -> int:
    """Hand a request to the driver of `device`; follows IoCallDriver (rows IRP-03, IRP-04).

    Returns the status that the dispatch routine returned. The caller has set up the next stack location and no longer
    owns the packet. Bug check 0x35 when there is no stack location left, 0xC9/3 for a packet that was completed or
    freed, 0xC9/4 for a device that was deleted. For verified drivers the value of the dispatch routine must suit the
    packet (row IRP-20).
    """
    _CALL_DRIVER.check_two(device, irp)
    location = irp.current_location - 1
    count = irp.stack_count
    if not 0 < location <= count or not device.type:
        _refuse_call(device, irp, location)
    stack = irp.locations[location - 1]
    major = stack.major_function
    processor = ke.processor
    # The driver that has the packet is usually the one that the location above names, and is looked up faster.
    if irp.holder is not processor.driver:
        _check_sender(irp, stack)
    if (
        irp.cancel_routine is not None or stack.control & SL_PENDING_RETURNED or major not in _USUAL
    ) and _is_kept(device, irp, stack):
        return STATUS_PENDING
    irp.current_location = location
    stack.device_object = device
    stack.sent = times = stack.left + 1
    stack.sender = _note_sender(stack) if irp.number <= PLACES_KEPT else None
    manager = io_manager.value
    thread = processor.current_thread
    if thread.nesting.completions >= DEEPEST_CALL:
        return _call_later(device, irp, stack)
    hooks = manager.hooks
    if hooks.irp_started is not None and location == count:
        hooks.irp_started(irp)
    if hooks.dispatch_entered is not None:
        hooks.dispatch_entered(device, irp)
    irp.holder = driver = device.driver_object
    dispatch = driver.dispatch_table[major]
    regions = thread.regions
    status = guard.call_with_two(guard.DISPATCH, driver, dispatch, device, irp)
    if thread.regions != regions:
        _check_regions(driver, dispatch, thread.regions - regions)
    # The value of a complete packet, or STATUS_PENDING with the mark. A call of `_check_value` for the latter takes 2 %
    # of Python's part of an interrupt ("interrupts, driver and kernel" in bench/target_paths.py).
    is_usual = (
        (status is stack.outcome or status == stack.outcome)
        if stack.left == times
        else stack.control & SL_PENDING_RETURNED and (status is STATUS_PENDING or status == STATUS_PENDING)
    )
    if not is_usual:
        _check_value(status, device, irp, location, stack, times)
    if hooks.dispatch_left is not None:
        hooks.dispatch_left(device, irp, status)
    return status


def _check_regions(driver: object, dispatch: object, entered: int) -> None:
    """Stop a verified driver whose dispatch routine returns inside a region that it entered, or has left too often."""
    if not ke.kernel.verifier.is_verified(driver):
        return
    is_guarded = entered % GUARDED_REGION == 0
    kind = "Guarded" if is_guarded else "Critical"
    reason = (
        f"a dispatch routine must leave each region that it enters; {guard.describe(dispatch)} of {driver!r} returned"
        f" with KeEnter{kind}Region and KeLeave{kind}Region called unequally often: call both on each way out"
    )
    rule = DDI_GUARDED_REGIONS if is_guarded else DDI_CRITICAL_REGIONS
    place = origin_of_routine(dispatch)
    bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, rule, reason, 0, 0, reason=reason, place=place)


def _note_sender(stack: IoStackLocation) -> object:
    """Note the place of the call of IoCallDriver; the driver that called it, None without a place.

    Compiled code alone on its stack has no frame, and is no driver's.
    """
    try:
        frame = getframe(2 * CALLER)
    except ValueError:
        return None
    stack.sent_code, stack.sent_at = place_of(frame) if foreign else (frame.f_code, frame.f_lasti)
    return ke.processor.driver


def _call_later(device: DeviceObject, irp: Irp, stack: IoStackLocation) -> int:
    """Call the dispatch routine in a system thread, because completion routines that send requests are nested deeply.

    The sender gets STATUS_PENDING, and `pending_returned` when the request is complete, as Driver Verifier's option
    Force Pending I/O Requests does it. A kernel stack has no room for a request that is sent from the completion
    routine of another, and that one from the next.
    """
    stack.control |= POSTPONED
    irp.holder = device.driver_object
    io_manager.value.worker.queue(partial(_call_now, device, irp, stack))
    return STATUS_PENDING


def take_for_later(device: DeviceObject, irp: Irp, stack: IoStackLocation) -> None:
    """Move a request to the location `stack`: `call_taken` will call the driver, and IoCallDriver returns meanwhile."""
    irp.current_location -= 1
    stack.device_object = device
    stack.sent = stack.left + 1
    stack.sender = _note_sender(stack) if irp.number <= PLACES_KEPT else None
    stack.control |= POSTPONED


def call_taken(device: DeviceObject, irp: Irp, stack: IoStackLocation) -> None:
    """Call the dispatch routine for a request that `take_for_later` has moved."""
    irp.holder = device.driver_object
    _call_now(device, irp, stack)


def _call_now(device: DeviceObject, irp: Irp, stack: IoStackLocation) -> None:
    hooks = io_manager.value.hooks
    location = irp.current_location
    if hooks.irp_started is not None and location == irp.stack_count:
        hooks.irp_started(irp)
    if hooks.dispatch_entered is not None:
        hooks.dispatch_entered(device, irp)
    driver = device.driver_object
    dispatch = driver.major_function[stack.major_function]
    times = stack.left + 1
    status = guard.call_with_two(guard.DISPATCH, driver, dispatch, device, irp)
    if status != stack.outcome or stack.left != times:
        _check_value(status, device, irp, location, stack, times)
    if hooks.dispatch_left is not None:
        hooks.dispatch_left(device, irp, status)


def _check_sender(irp: Irp, stack: IoStackLocation) -> None:
    """Stop a verified driver that passes on a request which it has passed on before, or has completed."""
    driver = ke.processor.driver
    device = stack.device_object
    if device is not None and device.driver_object is driver and stack.left < stack.sent:
        return  # IoSkipCurrentIrpStackLocation: the driver passes its own location on
    elsewhere = holder_elsewhere(irp, driver)
    if elsewhere is not None and ke.kernel.verifier.is_verified(driver):
        is_below, where = elsewhere
        reason = (
            f"a driver must pass on an IRP that it has, and once; {irp!r} was {where}, and IoCallDriver was called for"
            " it: wait for the completion routine, and forget an IRP that you complete"
        )
        violate(VF_IO_VERIFY_FORWARD_WHILE_PENDING if is_below else VF_IO_VERIFY_TRASHED_STACK, irp, reason)


def _is_kept(device: DeviceObject, irp: Irp, stack: IoStackLocation) -> bool:
    """Look closer at a packet; True if the power manager has taken it, and calls the driver later."""
    check_major_function(device, stack.major_function)
    _check_packet(irp, stack)
    if stack.major_function != IRP_MJ_POWER:
        return False
    power = io_manager.value.power
    return power is not None and power.is_kept(device, irp, stack)


def _check_packet(irp: Irp, stack: IoStackLocation) -> None:
    """Stop a verified driver that passes on its cancel routine, or a mark of its own; report an empty location."""
    if not ke.kernel.verifier.is_verified(ke.processor.driver):
        return
    routine = irp.cancel_routine
    if routine is not None:
        reason = (
            f"the cancel routine must be cleared before IoCallDriver; {guard.describe(routine)} of {irp!r} was still"
            " set: call IoSetCancelRoutine(Irp, NULL), and leave the IRP to the cancel routine if that gives NULL"
        )
        violate(VF_IO_VERIFY_CALL_WITH_CANCEL_ROUTINE, irp, reason)
    if stack.major_function not in _USUAL:
        check_sent(irp, stack.major_function)
    if not stack.control & SL_PENDING_RETURNED:
        if not stack.major_function and stack.stored_file is None:
            _report_empty(irp)
        return
    reason = (
        f"the location that a driver below gets must not be marked pending; that of {irp!r} was: use"
        " IoCopyCurrentIrpStackLocationToNext, and not IoSkipCurrentIrpStackLocation, after IoMarkIrpPending"
    )
    violate(VF_IO_VERIFY_CONTROL_NOT_ZEROED, irp, reason)


def _report_empty(irp: Irp) -> None:
    """Report a driver that passes on a location which it has not set up, whose zeros stand for IRP_MJ_CREATE."""
    what = (
        "the next stack location must be set up before IoCallDriver; the driver below would get IRP_MJ_CREATE without a"
        f" file object for {irp!r}: call IoCopyCurrentIrpStackLocationToNext, or fill in the location of"
        " IoGetNextIrpStackLocation"
    )
    report_defect("IRP-05", what)


def _check_value(
    status: int, device: DeviceObject, irp: Irp, location: int, stack: IoStackLocation, times: int
) -> None:
    """Compare the value of a dispatch routine with what became of the request (row IRP-20).

    `times` is how often completions have left the location if the request is complete. A request that was sent to the
    same location once more meanwhile has another result by now, with which nothing is compared.
    """
    left = stack.left
    if left > times or not ke.kernel.verifier.is_verified(device.driver_object):
        return
    if left == times:
        _check_complete(status, device, irp, stack, stack.outcome)
    elif any(irp in queue for queue in io_manager.value.later.values()):
        is_marked = stack.control & SL_PENDING_RETURNED
        _check_complete(status, device, irp, stack, STATUS_PENDING if is_marked else irp.io_status.nt_status)
    elif status == STATUS_PENDING:
        if irp.current_location <= location:
            stack.control |= PROMISED
    elif stack.control & SL_PENDING_RETURNED:
        _refuse_value(status, device, irp, stack, "was marked pending")
    elif irp.current_location < location:
        below = irp.locations[max(irp.current_location, 1) - 1].device_object
        _refuse_value(status, device, irp, stack, f"is still with {below!r} below")
    else:
        _refuse_value(status, device, irp, stack, "is neither completed nor pending nor passed on")


def _check_complete(
    status: int, device: DeviceObject, irp: Irp, stack: IoStackLocation, expected: int
) -> None:
    """Compare the value for a request that is complete with the one that suits it."""
    if status == expected:
        return
    if expected == STATUS_PENDING:
        _refuse_value(status, device, irp, stack, "was marked pending")
    was = f"was completed with {status_name(expected)}"
    if status == STATUS_PENDING:
        was += " without having been marked pending"
    _refuse_value(status, device, irp, stack, was)


def _refuse_value(status: int, device: DeviceObject, irp: Irp, stack: IoStackLocation, was: str) -> NoReturn:
    violation = VF_IO_VERIFY_INCONSISTENT_RETURN
    if status == _MINUS_ONE:
        violation = VF_IO_VERIFY_RETURNED_MINUS_ONE
    elif was.startswith("is neither"):
        violation = VF_IO_VERIFY_RETURNED_WITHOUT_ACTION
    dispatch = device.driver_object.major_function[stack.major_function]
    routine = guard.describe(dispatch)
    reason = (
        "a dispatch routine must return the status of the IRP, or STATUS_PENDING for one that it marked pending;"
        f" the dispatch routine of {device!r}, {routine}, returned {status_name(status)}, yet {irp!r} {was}"
    )
    code, place = DRIVER_VERIFIER_IOMANAGER_VIOLATION, origin_of_routine(dispatch)
    bug_check(code, violation, place or 0, irp, device, reason=reason)


def invalid_device_request(device: DeviceObject, irp: Irp) -> int:
    """The dispatch routine in every slot of a new driver object: fails the request (row IRP-16)."""
    del device
    irp.io_status.status = STATUS_INVALID_DEVICE_REQUEST
    irp.io_status.information = 0
    complete_request(irp, IO_NO_INCREMENT)
    return STATUS_INVALID_DEVICE_REQUEST


def _refuse_call(device: DeviceObject, irp: Irp, location: int) -> NoReturn:
    """Stop, because the packet has no location left, or it has ended, or the device is gone."""
    if location <= 0:
        reason = f"{irp!r} has no stack location left for one more driver"
        bug_check(NO_MORE_IRP_STACK_LOCATIONS, irp, reason=reason)
    if location <= irp.stack_count:
        reason = (
            f"IoCallDriver must be called with a device that exists; {device!r}, to which {irp!r} was sent, is gone:"
            " keep a reference of the device while requests for it can come"
        )
        bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IOMANAGER_BAD_DEVICE, device, reason=reason)
    reason = f"IoCallDriver must be called with an IRP in use; {irp!r} was already {story(irp)}"
    bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IOMANAGER_BAD_IRP_TYPE, irp, reason=reason)
