# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Sends Plug and Play requests to the top of a device stack, and waits for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, IoStackLocation, Irp
from dirql.io.packet import story
from dirql.io.request import send_and_wait
from dirql.io.status_block import IoStatusBlock
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.origin import origin_of_routine
from dirql.nt.bugcodes import (
    DDI_PNP_REMOVE,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    VF_IO_VERIFY_ANSWERED_FOR_ANOTHER,
)
from dirql.nt.constants import (
    IRP_MJ_PNP,
    IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
)
from dirql.nt.ntstatus import nt_success, status_name
from dirql.nt.status import STATUS_NOT_SUPPORTED

__all__ = ["FillParameters", "send_pnp"]

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

    A verified driver must pass down a request that it does not fail, since the bus driver answers it (row PNP-03), and
    must not fail some of them (row PNP-10).
    """
    irp = io_manager.value.take_irp(device.stack_size)
    assert irp is not None, f"{device!r} must have a stack size of 1 … 127; it was {device.stack_size}"
    irp.io_status.status = STATUS_NOT_SUPPORTED
    stack = irp.get_next_stack_location()
    stack.major_function = IRP_MJ_PNP
    stack.minor_function = minor
    if fill is not None:
        fill(stack)
    lowest = device
    while lowest.device_object_extension.attached_to is not None:
        lowest = lowest.device_object_extension.attached_to
    result = send_and_wait(device, irp)
    _check_answer(irp, minor, lowest, result)
    return result


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
            f"this request must not fail; {irp!r} was {story(irp)} of {driver!r} with {status_name(result.status)}: set"
            " STATUS_SUCCESS, and pass it down"
        )
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, DDI_PNP_REMOVE, reason, irp, 0, reason=reason)
    if nt_success(result.status) or result.status == STATUS_NOT_SUPPORTED:
        reason = (
            f"a function driver must pass a Plug and Play request down unless it fails it; {irp!r} was {story(irp)} of"
            f" {driver!r} with {status_name(result.status)}, and the bus driver did not get it: call"
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
