# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The life of a packet: IoAllocateIrp, IoFreeIrp, and IoCompleteRequest with its walk through completion routines."""

from __future__ import annotations

from typing import NoReturn, TypeVar

from dirql.io.manager import running as io_manager
from dirql.io.objects import Irp, IrpDeviceQueueEntry
from dirql.ke import guard
from dirql.ke.bugcheck import bug_check
from dirql.ke.objects.device_queue import DeviceQueueEntry
from dirql.ke.processors.contract import contract
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    MULTIPLE_IRP_COMPLETE_REQUESTS,
    VF_IOMANAGER_COMPLETE_WITH_CANCEL_ROUTINE,
    VF_IOMANAGER_COMPLETE_WITH_PENDING,
    VF_IOMANAGER_FREE_NOT_IRP,
    VF_IOMANAGER_FREE_THREAD_QUEUED,
)
from dirql.nt.constants import (
    SL_INVOKE_ON_CANCEL,
    SL_INVOKE_ON_ERROR,
    SL_INVOKE_ON_SUCCESS,
    SL_PENDING_RETURNED,
)
from dirql.nt.ntstatus import NTSTATUS, nt_success
from dirql.nt.status import STATUS_MORE_PROCESSING_REQUIRED, STATUS_PENDING

__all__ = ["allocate_irp", "complete_request", "containing_record", "free_irp"]

_T = TypeVar("_T")

_ALWAYS = SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR


def containing_record(address: DeviceQueueEntry, record: type[_T], field: str) -> _T:
    """The object of class `record` whose attribute `field` the queue entry is; follows CONTAINING_RECORD.

    Only requests have queue entries: `CONTAINING_RECORD(entry, IRP, "tail.overlay.device_queue_entry")`. Raises
    `TypeError` for any other entry.
    """
    if not isinstance(address, IrpDeviceQueueEntry) or not isinstance(address.irp, record):
        raise TypeError(
            f"the entry given to CONTAINING_RECORD must be the {field} of a {record.__name__}; it was {address!r}"
        )
    return address.irp


@contract
def allocate_irp(stack_size: int, charge_quota: bool = False) -> Irp | None:
    """A new IRP with `stack_size` locations, 1 … 127, else None; follows IoAllocateIrp (row IRP-01).

    `charge_quota` is accepted and not used: there are no quotas.
    """
    del charge_quota
    return io_manager.value.take_irp(stack_size)


@contract
def free_irp(irp: Irp) -> None:
    """Free a packet; follows IoFreeIrp.

    Bug check 0xC9/1 when the packet is not allocated, 0xC9/2 when the I/O manager frees it itself.
    """
    manager = io_manager.value
    if irp not in manager.live_irps:
        _stop(irp, VF_IOMANAGER_FREE_NOT_IRP, "was given to IoFreeIrp and is not allocated")
    if irp.owner is not None:
        what = "was given to IoFreeIrp; the I/O manager frees it itself"
        _stop(irp, VF_IOMANAGER_FREE_THREAD_QUEUED, what)
    manager.release_irp(irp)


@contract
def complete_request(irp: Irp, priority_boost: int) -> None:
    """Complete a request; follows IoCompleteRequest (rows IRP-04, IRP-07 … IRP-10).

    The caller has set `io_status` and no longer owns the packet. `priority_boost` is accepted and not used: threads
    have no priority boosts here. Bug check 0x44 when the request is complete already, 0xC9/6 when its status is
    STATUS_PENDING, 0xC9/7 when its cancel routine is still set. Raises `ValueError` for a status that needs more than
    32 bits and `TypeError` for one that is no number.
    """
    del priority_boost
    location = irp.current_location
    io_status = irp.io_status
    if type(io_status.status) is not NTSTATUS:
        io_status.status = NTSTATUS(io_status.status)
    if location > irp.stack_count + 1 or io_status.status == STATUS_PENDING or irp.cancel_routine is not None:
        _refuse_completion(irp)
    hook = io_manager.value.hooks.irp_completed
    if hook is not None:
        hook(irp)
    if _walk(irp, location) and irp.owner is not None:
        irp.owner.complete(irp)


def _walk(irp: Irp, location: int) -> bool:
    """Call the completion routines upwards from `location`; False when one of them keeps the packet.

    A routine is called with the device of the driver that set it; a routine of the packet's maker gets no device.
    """
    locations = irp.locations
    count = irp.stack_count
    while location <= count:
        left = locations[location - 1]
        location += 1
        irp.current_location = location
        control, routine, context = left.control, left.completion_routine, left.context
        irp.pending_returned = control & SL_PENDING_RETURNED != 0
        left.clear()
        if routine is not None and (control & _ALWAYS == _ALWAYS or _is_invited(irp, control)):
            device = locations[location - 1].device_object if location <= count else None
            driver = irp.maker if device is None else device.driver_object
            status = guard.call_completion(driver, routine, device, irp, context)
            if type(status) is not NTSTATUS:
                status = NTSTATUS(status)
            if status == STATUS_MORE_PROCESSING_REQUIRED:
                return False
        elif irp.pending_returned and location <= count:
            locations[location - 1].control |= SL_PENDING_RETURNED
    irp.current_location = count + 2
    return True


def _is_invited(irp: Irp, control: int) -> bool:
    """Whether a completion routine with these SL_INVOKE_ON_ bits is called for the request's result (row IRP-09)."""
    wanted = SL_INVOKE_ON_SUCCESS if nt_success(irp.io_status.status) else SL_INVOKE_ON_ERROR
    return bool(control & wanted or (irp.cancel and control & SL_INVOKE_ON_CANCEL))


def _refuse_completion(irp: Irp) -> NoReturn:
    """Stop, because the packet cannot be completed now (rows IRP-04, IRP-17)."""
    if irp.current_location > irp.stack_count + 1:
        bug_check(MULTIPLE_IRP_COMPLETE_REQUESTS, irp, reason=f"{irp!r} was completed once more")
    if irp.io_status.status == STATUS_PENDING:
        _stop(irp, VF_IOMANAGER_COMPLETE_WITH_PENDING, "was completed with STATUS_PENDING")
    what = f"was completed with its cancel routine {guard.describe(irp.cancel_routine)} still set"
    _stop(irp, VF_IOMANAGER_COMPLETE_WITH_CANCEL_ROUTINE, what)


def _stop(irp: Irp, violation: int, what: str) -> NoReturn:
    bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, violation, irp, reason=f"{irp!r} {what}")
