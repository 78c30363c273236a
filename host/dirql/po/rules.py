# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The rules for drivers that handle power IRPs, each checked where it is broken (rows PWR-08 … PWR-12)."""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.io.dispatch import invalid_device_request
from dirql.io.objects import DeviceObject, Irp
from dirql.io.packet import story, violate
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.origin import Origin, origin_of_routine
from dirql.ke.watch.report import report
from dirql.nt.bugcodes import (
    DRIVER_POWER_STATE_FAILURE,
    INTERNAL_POWER_ERROR,
    POWER_ERROR_IRP,
    POWER_FAILURE_BLOCKED_IRP,
    POWER_FAILURE_FREED_DEVICE,
    VF_IO_VERIFY_ANSWERED_FOR_ANOTHER,
    VF_IO_VERIFY_FAILED_POWER_PASSED_DOWN,
    VF_IO_VERIFY_MISSING_DISPATCH,
    VF_IO_VERIFY_POWER_START_STATUS,
    VF_IO_VERIFY_POWER_STATUS_TURNED,
    VF_IO_VERIFY_REQUIRED_NOT_HANDLED,
    VF_IO_VERIFY_SKIPPED_DEVICE,
)
from dirql.nt.constants import (
    DO_BUS_ENUMERATED_DEVICE,
    DO_POWER_INRUSH,
    DO_POWER_PAGABLE,
    IRP_MJ_POWER,
    IRP_MN_POWER_SEQUENCE,
    IRP_MN_SET_POWER,
    SL_PENDING_RETURNED,
    PowerDeviceD0,
)
from dirql.nt.functions import minor_name
from dirql.nt.ntstatus import nt_error, nt_success, status_name
from dirql.nt.status import (
    STATUS_DELETE_PENDING,
    STATUS_DEVICE_DOES_NOT_EXIST,
    STATUS_DEVICE_NOT_CONNECTED,
    STATUS_DEVICE_REMOVED,
    STATUS_NO_SUCH_DEVICE,
    STATUS_NOT_SUPPORTED,
)
from dirql.po.request import Kind, PowerRequest, lowest_of

__all__ = ["check_finished", "check_freed", "check_sent", "refuse_blocked"]

_PASSIVE_DEVICE: Final = 5
_LEGAL_FAILURES: Final = (
    STATUS_NOT_SUPPORTED,
    STATUS_DELETE_PENDING,
    STATUS_DEVICE_DOES_NOT_EXIST,
    STATUS_DEVICE_NOT_CONNECTED,
    STATUS_DEVICE_REMOVED,
    STATUS_NO_SUCH_DEVICE,
)
"""The failures of IRP_MN_SET_POWER that nobody is told for: the device is gone, or a check of its own follows."""


def check_sent(device: DeviceObject, irp: Irp, request: PowerRequest | None) -> None:
    """Check a power IRP that goes to `device`; without a request it is one that a driver has made itself."""
    _check_flags(device)
    if request is None:
        _check_own(device, irp)
        return
    sender = request.last_device
    if sender is not None and _is_verified(sender):
        _check_passed_on(sender, device, irp, request)
    dispatch = device.driver_object.major_function[IRP_MJ_POWER]
    if dispatch is invalid_device_request and _is_of_bus(request.lowest) and _is_verified(device):
        reason = (
            f"a driver in the stack of a Plug and Play device must have a dispatch routine for IRP_MJ_POWER;"
            f" {device.driver_object!r} has none for {irp!r}: set one that passes the request down in"
            " MajorFunction[IRP_MJ_POWER]"
        )
        violate(VF_IO_VERIFY_MISSING_DISPATCH, irp, reason)


def _check_flags(device: DeviceObject) -> None:
    """Stop for a device that must be turned on at DISPATCH_LEVEL and at PASSIVE_LEVEL."""
    both = DO_POWER_INRUSH | DO_POWER_PAGABLE
    if device.flags & both == both:
        reason = (
            f"a device must not have both DO_POWER_INRUSH and DO_POWER_PAGABLE; {device!r} had: clear DO_POWER_PAGABLE,"
            " because a device with an inrush of current is turned on at DISPATCH_LEVEL"
        )
        bug_check(INTERNAL_POWER_ERROR, POWER_ERROR_IRP, _PASSIVE_DEVICE, 0, 0, reason=reason)


def _check_own(device: DeviceObject, irp: Irp) -> None:
    """Check a power IRP of a driver that did not call PoRequestPowerIrp."""
    if irp.maker is not current.processor.driver or not _is_verified_driver(irp.maker):
        return
    if irp.current_location != irp.stack_count + 1:
        return
    status = irp.io_status.nt_status
    if status != STATUS_NOT_SUPPORTED:
        reason = (
            f"a power IRP must begin with STATUS_NOT_SUPPORTED; {irp!r} for {device!r} began with"
            f" {status_name(status)}: call PoRequestPowerIrp, which makes the IRP"
        )
        violate(VF_IO_VERIFY_POWER_START_STATUS, irp, reason)
    if irp.locations[irp.stack_count - 1].minor_function == IRP_MN_POWER_SEQUENCE:
        return  # this one drivers make
    sentence = (
        f"a driver must not make a power IRP itself; it made {irp!r} for {device!r}: call PoRequestPowerIrp, so that"
        " the power manager knows of the IRP, and sends it when its turn has come"
    )
    report_defect("PWR-12", sentence)


def _check_passed_on(sender: DeviceObject, device: DeviceObject, irp: Irp, request: PowerRequest) -> None:
    """Check what the driver of `sender` has done to a power IRP that it passes on to `device`."""
    status, before = irp.io_status.nt_status, request.received_status
    who = f"{sender.driver_object!r} passed {irp!r} on with"
    if nt_error(status) and status not in (STATUS_NOT_SUPPORTED, before):
        reason = (
            f"a driver that fails a power IRP must complete it; {who} {status_name(status)}: call IoCompleteRequest"
            " instead"
        )
        violate(VF_IO_VERIFY_FAILED_POWER_PASSED_DOWN, irp, reason)
    if status == STATUS_NOT_SUPPORTED and before != STATUS_NOT_SUPPORTED:
        reason = (
            f"a driver must not take back the status of a driver above it; {who} STATUS_NOT_SUPPORTED, and had got it"
            f" with {status_name(before)}: leave the status alone, or set STATUS_SUCCESS"
        )
        violate(VF_IO_VERIFY_POWER_STATUS_TURNED, irp, reason)
    minor = irp.locations[irp.current_location - 2].minor_function
    if minor != request.minor:
        sentence = (
            "a driver must not change the function codes of a power IRP;"
            f" {sender.driver_object!r} passed {request!r} on as {minor_name(IRP_MJ_POWER, minor)}: copy the stack"
            " location with IoCopyCurrentIrpStackLocationToNext"
        )
        report_defect("PWR-12", sentence)
    below = sender.device_object_extension.attached_to
    if below is not None and below is not device and device is not sender:
        reason = (
            f"a power IRP must go to the next lower device; {sender.driver_object!r} passed {irp!r} on to {device!r},"
            f" and {below!r} is below {sender!r}: pass the device that IoAttachDeviceToDeviceStack returned"
        )
        violate(VF_IO_VERIFY_SKIPPED_DEVICE, irp, reason)


def check_finished(request: PowerRequest) -> None:
    """Check a power IRP that is complete: who has completed it, and how."""
    last = request.last_device
    if last is None or not _is_verified(last):
        return
    status = request.irp.io_status.nt_status
    if last is not request.lowest:
        _check_completed_above(request, last, status)
    elif request.kind is not Kind.WAKE and status == STATUS_NOT_SUPPORTED and _is_of_bus(last):
        reason = (
            f"a bus driver must handle IRP_MN_SET_POWER and IRP_MN_QUERY_POWER; {request!r} was"
            f" {story(request.irp)} of {last.driver_object!r} with STATUS_NOT_SUPPORTED: set STATUS_SUCCESS"
        )
        violate(VF_IO_VERIFY_REQUIRED_NOT_HANDLED, request.irp, reason)
    if request.minor != IRP_MN_SET_POWER:
        return
    if nt_error(status) and status not in _LEGAL_FAILURES:
        sentence = (
            f"a driver must not fail IRP_MN_SET_POWER; {request!r} was {story(request.irp)} of"
            f" {last.driver_object!r} with {status_name(status)}: refuse IRP_MN_QUERY_POWER, which comes before"
        )
        report_defect("PWR-09", sentence, _place(last))
    elif request.kind is Kind.DEVICE and nt_success(status):
        _check_told(request)


def _check_completed_above(request: PowerRequest, last: DeviceObject, status: int) -> None:
    """Stop a driver that has completed a power IRP without failing it, so that the drivers below did not see it."""
    if nt_success(status) or status == STATUS_NOT_SUPPORTED:
        reason = (
            f"a driver above the bus driver must pass a power IRP down unless it fails it; {request!r} was"
            f" {story(request.irp)} of {last.driver_object!r} with {status_name(status)}, and the drivers below did not"
            " get it: call IoSkipCurrentIrpStackLocation and IoCallDriver"
        )
        violate(VF_IO_VERIFY_ANSWERED_FOR_ANOTHER, request.irp, reason)


def _check_told(request: PowerRequest) -> None:
    """Report a stack whose drivers have not told the device's new state (row PWR-13)."""
    told = set()
    device: DeviceObject | None = request.top
    while device is not None:
        told.add(device.device_object_extension.device_power_state)
        device = device.device_object_extension.attached_to
    if request.state in told or (request.state == PowerDeviceD0 and told == {0}):
        return
    sentence = (
        f"a driver must tell the power manager its device's new state; {request.what} of the stack of"
        f" {request.lowest!r} is complete, and nobody has told that state: call PoSetPowerState"
    )
    report_defect("PWR-13", sentence, _place(request.top))


def check_freed(device: DeviceObject, request: PowerRequest) -> None:
    """Stop because a device object is freed that has a power IRP, or that such a request waits for (row PWR-11)."""
    if request.waits_for or (request.holder is device and _is_kept(request)):
        reason = (
            f"a device object must not be freed while it has a power IRP; {device!r} has {request!r}: complete it,"
            " or cancel your IRP_MN_WAIT_WAKE, before IoDeleteDevice"
        )
        bug_check(DRIVER_POWER_STATE_FAILURE, POWER_FAILURE_FREED_DEVICE, device, 0, 0, reason=reason)


def _is_kept(request: PowerRequest) -> bool:
    """Whether the driver that has the request keeps it outside of its routines, as far as that can be told.

    A dispatch routine that has not marked it pending can get no remove lock any more, and completes it. A completion
    routine gives its remove lock back before it returns, and the removal then goes on at once.
    """
    irp = request.irp
    location = irp.current_location - 1
    if not irp.locations[location].control & SL_PENDING_RETURNED:
        return False
    came_back = location > 0 and irp.locations[location - 1].left > 0
    return not (came_back and _completions_run())


def _completions_run() -> bool:
    """Whether a completion routine may run now, in a thread or in a DPC."""
    kernel = current.kernel
    threads = (*kernel.threads, *kernel.service_threads, *(each.idle_thread for each in kernel.processors))
    stacks = [*(each.nesting for each in threads), *(each.dpcs.nesting for each in kernel.processors)]
    return any(each.completions for each in stacks)


def refuse_blocked(request: PowerRequest) -> NoReturn:
    """Stop because a power IRP has not ended in time (row PWR-11)."""
    kernel = current.kernel
    took = kernel.clock.now() - request.since
    holder = request.holder
    who = "the power manager has it" if holder is None else f"{holder.driver_object!r} has it, on {holder!r}"
    reason = (
        f"a driver must complete a power IRP or pass it on in time; {request!r}, sent to the stack of"
        f" {request.lowest!r}, has not ended for {took} clocks, and the limit is {kernel.limits.power}: {who}; each way"
        " through the driver must end in IoCompleteRequest or IoCallDriver (Limits.power)"
    )
    bug_check(
        DRIVER_POWER_STATE_FAILURE,
        POWER_FAILURE_BLOCKED_IRP,
        request.lowest,
        request,
        request.irp,
        reason=reason,
        place=None if holder is None else _place(holder),
        details=report(kernel.witnesses),
    )


def _place(device: DeviceObject) -> Origin | None:
    """The place of the driver's dispatch routine for power IRPs."""
    return origin_of_routine(device.driver_object.major_function[IRP_MJ_POWER])


def _is_of_bus(lowest: DeviceObject) -> bool:
    """Whether the device at the bottom of a stack is one that a bus driver reports."""
    return bool(lowest_of(lowest).flags & DO_BUS_ENUMERATED_DEVICE)


def _is_verified(device: DeviceObject) -> bool:
    return _is_verified_driver(device.driver_object)


def _is_verified_driver(driver: object) -> bool:
    return current.kernel.verifier.is_verified(driver)
