# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Completion routines that keep the device of their driver, and so the driver, until they have returned."""

from __future__ import annotations

from typing import Final

from dirql.io.objects import CompletionRoutine, DeviceObject, Irp
from dirql.ke import guard
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.processors.contract import contract
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import STATUS_SUCCESS

__all__ = ["set_completion_routine_ex"]

_SET_EX: Final = contract("IoSetCompletionRoutineEx")


def set_completion_routine_ex(
    device_object: DeviceObject,
    irp: Irp,
    completion_routine: CompletionRoutine,
    context: object,
    invoke_on_success: int,
    invoke_on_error: int,
    invoke_on_cancel: int,
) -> int:
    """Set the routine of the next location, for a driver that may be unloaded meanwhile; returns a status.

    Follows IoSetCompletionRoutineEx. The device, which must be the driver's own, has one reference more until the
    request has come back (row IRP-23).
    """
    _SET_EX.check_two(device_object, irp)
    invited = (invoke_on_success, invoke_on_error, invoke_on_cancel)
    _SET_EX.check_arguments(device_object, irp, completion_routine, context, *invited)
    _check_device(device_object, completion_routine)
    device_object.reference()
    routine = _KeptRoutine(device_object, completion_routine, invited)
    irp.set_completion_routine(routine, context, True, True, True)
    return STATUS_SUCCESS


class _KeptRoutine:
    """A completion routine, with the device that has a reference more until it is called."""

    def __init__(
        self, device_object: DeviceObject, routine: CompletionRoutine, invited: tuple[int, int, int]
    ) -> None:
        self._kept = device_object
        self._invited = invited
        self.__wrapped__ = routine
        """The driver's routine, which messages name."""

    def __call__(self, device: DeviceObject | None, irp: Irp, context: object) -> int:
        on_success, on_error, on_cancel = self._invited
        wanted = on_success if nt_success(irp.io_status.nt_status) else on_error
        status: int = STATUS_SUCCESS
        if wanted or (irp.cancel and on_cancel):
            status = self.__wrapped__(device, irp, context)
        elif irp.pending_returned and device is not None:
            irp.mark_pending()
        self._kept.dereference()
        return status


def _check_device(device: DeviceObject, routine: CompletionRoutine) -> None:
    """Report a device of another driver, which keeps that driver and not the one whose routine will be called."""
    driver = current.processor.driver
    if driver is None or device.driver_object is driver or not current.kernel.verifier.is_verified(driver):
        return
    report_defect(
        "IRP-23",
        "IoSetCompletionRoutineEx: DeviceObject must be a device of the driver that sets the routine; it was"
        f" {device!r} for {guard.describe(routine)} of {driver!r}: pass the driver's own device, since only that keeps"
        " the driver loaded until the routine has returned",
    )
