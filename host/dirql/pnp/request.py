# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Sends Plug and Play requests to the top of a device stack, and waits for them."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Final, NoReturn

from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, IoStackLocation, Irp
from dirql.io.packet import story
from dirql.io.request import send_and_wait
from dirql.io.status_block import IoStatusBlock
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.origin import origin_of_routine
from dirql.ke.threads.kernel_call import KernelCall
from dirql.nt.bugcodes import (
    DDI_PNP_REMOVE,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    VF_IO_VERIFY_ANSWERED_FOR_ANOTHER,
    VF_IO_VERIFY_FAILED_PNP_PASSED_DOWN,
    VF_IO_VERIFY_PNP_STATUS_TURNED,
)
from dirql.nt.constants import (
    IRP_MJ_PNP,
    IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
)
from dirql.nt.functions import minor_name
from dirql.nt.ntstatus import nt_success, status_name
from dirql.nt.status import STATUS_NOT_SUPPORTED

__all__ = ["FillParameters", "send_pnp", "send_pnp_with"]

FillParameters = Callable[[IoStackLocation], None]
"""A routine that writes the parameters of a request into the stack location of the top driver."""


_MUST_SUCCEED: Final = (
    IRP_MN_SURPRISE_REMOVAL,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_CANCEL_REMOVE_DEVICE,
)


def send_pnp(device: DeviceObject, minor: int, fill: FillParameters | None = None) -> IoStatusBlock:
    """Send IRP_MJ_PNP to the top device of a stack and wait for it; it starts as STATUS_NOT_SUPPORTED (row PNP-02).

    A verified driver must pass down a request that it does not fail, since the bus driver answers it (row PNP-03), must
    not pass down one that it fails, and must not fail some of them (row PNP-10).
    """
    return send_pnp_with(device, minor, fill, None)


def send_pnp_with(
    device: DeviceObject, minor: int, fill: FillParameters | None, information_object: object
) -> IoStatusBlock:
    """Do as `send_pnp`; the request begins with this structure in IoStatus.Information."""
    irp = io_manager.value.take_irp(device.stack_size)
    assert irp is not None, f"{device!r} must have a stack size of 1 … 127; it was {device.stack_size}"
    irp.io_status.status = STATUS_NOT_SUPPORTED
    irp.io_status.information_object = information_object
    stack = irp.get_next_stack_location()
    stack.major_function = IRP_MJ_PNP
    stack.minor_function = minor
    if fill is not None:
        fill(stack)
    lowest = device
    while lowest.device_object_extension.attached_to is not None:
        lowest = lowest.device_object_extension.attached_to
    with _Descent(irp, minor), KernelCall():
        result = send_and_wait(device, irp)
    _check_answer(irp, minor, lowest, result)
    return result


class _Descent:
    """Watches a request on its way down, and stops for a driver that passes on a request which it has failed."""

    def __init__(self, irp: Irp, minor: int) -> None:
        self._irp: Irp | None = irp
        self._minor = minor
        self._above: DeviceObject | None = None
        self._was_handled = False
        self._before = io_manager.value.hooks.dispatch_entered

    def __enter__(self) -> None:
        io_manager.value.hooks.dispatch_entered = self._entered

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._irp = None
        hooks = io_manager.value.hooks
        if hooks.dispatch_entered == self._entered:
            hooks.dispatch_entered = self._before

    def _entered(self, device: DeviceObject, irp: Irp) -> None:
        if self._before is not None:
            self._before(device, irp)
        if irp is not self._irp:
            return
        above, self._above = self._above, device
        status = irp.io_status.nt_status
        if above is not None and current.kernel.verifier.is_verified(above.driver_object):
            if not nt_success(status) and status != STATUS_NOT_SUPPORTED:
                self._refuse(VF_IO_VERIFY_FAILED_PNP_PASSED_DOWN, above, irp, status)
            if status == STATUS_NOT_SUPPORTED and self._was_handled:
                self._refuse(VF_IO_VERIFY_PNP_STATUS_TURNED, above, irp, status)
        self._was_handled = status != STATUS_NOT_SUPPORTED

    def _refuse(self, violation: int, above: DeviceObject, irp: Irp, status: int) -> NoReturn:
        if violation == VF_IO_VERIFY_FAILED_PNP_PASSED_DOWN:
            rule = "a driver that fails a Plug and Play request must complete it, and not pass it down"
            step = "call IoCompleteRequest, or leave the status as it was"
        else:
            rule = "a driver must not turn the status of a Plug and Play request into STATUS_NOT_SUPPORTED"
            step = "leave the status of a request that the driver does not handle"
        reason = (
            f"{rule}; {above!r} passed {irp!r} with the minor function {self._minor:#x} down with"
            f" {status_name(status)}: {step}"
        )
        place = origin_of_routine(above.driver_object.major_function[IRP_MJ_PNP]) or 0
        bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, violation, place, irp, above, reason=reason)


def _check_answer(irp: Irp, minor: int, lowest: DeviceObject, result: IoStatusBlock) -> None:
    """Stop for a driver that has completed a request which it must pass down, or must not fail."""
    reached = [location.device_object for location in irp.locations if location.device_object is not None]
    if not reached or reached[0] is lowest:
        return
    driver = reached[0].driver_object
    if not current.kernel.verifier.is_verified(driver):
        return
    if not nt_success(result.status) and minor in _MUST_SUCCEED:
        reason = (
            f"{minor_name(IRP_MJ_PNP, minor)} must not fail; {irp!r} was {story(irp)} of {driver!r} with"
            f" {status_name(result.status)}: set STATUS_SUCCESS, and pass it down"
        )
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, DDI_PNP_REMOVE, reason, irp, 0, reason=reason)
    if nt_success(result.status) or result.status == STATUS_NOT_SUPPORTED:
        reason = (
            "a function driver must pass a Plug and Play request down unless it fails it;"
            f" {minor_name(IRP_MJ_PNP, minor)} for {reached[0]!r} was {story(irp)} of {driver!r} with"
            f" {status_name(result.status)}, and the bus driver did not get it: call"
            " IoSkipCurrentIrpStackLocation and IoCallDriver"
        )
        bug_check(
            DRIVER_VERIFIER_IOMANAGER_VIOLATION,
            VF_IO_VERIFY_ANSWERED_FOR_ANOTHER,
            origin_of_routine(driver.major_function[IRP_MJ_PNP]) or 0,
            irp,
            reached[0],
            reason=reason,
        )
