# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""IoCallDriver: a request is handed to the dispatch routine of the next driver."""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.io.irp import complete_request
from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, Irp
from dirql.ke import guard
from dirql.ke.bugcheck import bug_check
from dirql.ke.processors.contract import contract
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    NO_MORE_IRP_STACK_LOCATIONS,
    VF_IOMANAGER_BAD_IRP_TYPE,
)
from dirql.nt.constants import IO_NO_INCREMENT
from dirql.nt.status import STATUS_INVALID_DEVICE_REQUEST

__all__ = ["call_driver", "invalid_device_request"]

_CALL_DRIVER: Final = contract("IoCallDriver")


def call_driver(device: DeviceObject, irp: Irp) -> int:
    """Hand a request to the driver of `device`; follows IoCallDriver (rows IRP-03, IRP-04).

    Returns the status that the dispatch routine returned. The caller has set up the next stack location and no longer
    owns the packet. Bug check 0x35 when there is no stack location left, 0xC9/3 for a packet that was completed or
    freed.
    """
    _CALL_DRIVER.check_two(device, irp)
    location = irp.current_location - 1
    if not 0 < location <= irp.stack_count:
        _refuse_call(irp, location)
    irp.current_location = location
    stack = irp.locations[location - 1]
    stack.device_object = device
    hooks = io_manager.value.hooks
    if hooks.irp_started is not None and location == irp.stack_count:
        hooks.irp_started(irp)
    if hooks.dispatch_entered is not None:
        hooks.dispatch_entered(device, irp)
    driver = device.driver_object
    dispatch = driver.major_function[stack.major_function]
    status = guard.call_with_two(guard.DISPATCH, driver, dispatch, device, irp)
    if hooks.dispatch_left is not None:
        hooks.dispatch_left(device, irp, status)
    return status


def invalid_device_request(device: DeviceObject, irp: Irp) -> int:
    """The dispatch routine in every slot of a new driver object: fails the request (row IRP-16)."""
    del device
    irp.io_status.status = STATUS_INVALID_DEVICE_REQUEST
    irp.io_status.information = 0
    complete_request(irp, IO_NO_INCREMENT)
    return STATUS_INVALID_DEVICE_REQUEST


def _refuse_call(irp: Irp, location: int) -> NoReturn:
    """Stop, because the packet has no location left for one more driver, or no driver may use it."""
    if location <= 0:
        reason = f"{irp!r} has no stack location left for one more driver"
        bug_check(NO_MORE_IRP_STACK_LOCATIONS, irp, reason=reason)
    reason = f"IoCallDriver with {irp!r}, which was completed or freed"
    bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, VF_IOMANAGER_BAD_IRP_TYPE, reason=reason)
