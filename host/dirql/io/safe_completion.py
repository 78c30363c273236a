# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Completion routines that keep the device of their driver, and so the driver, until they have returned."""

from __future__ import annotations

from typing import Final

from dirql.io.objects import CompletionRoutine, DeviceObject, Irp
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

    Follows IoSetCompletionRoutineEx. The device has one reference more until the request has come back.
    """
    _SET_EX.check_two(device_object, irp)
    invited = (invoke_on_success, invoke_on_error, invoke_on_cancel)
    _SET_EX.check_arguments(device_object, irp, completion_routine, context, *invited)
    device_object.reference()

    def run(device: DeviceObject | None, packet: Irp, kept: object) -> int:
        succeeded = nt_success(packet.io_status.nt_status)
        wanted = invoke_on_success if succeeded else invoke_on_error
        status: int = STATUS_SUCCESS
        if wanted or (packet.cancel and invoke_on_cancel):
            status = completion_routine(device, packet, kept)
        elif packet.pending_returned and device is not None:
            packet.mark_pending()
        device_object.dereference()
        return status

    irp.set_completion_routine(run, context, True, True, True)
    return STATUS_SUCCESS
