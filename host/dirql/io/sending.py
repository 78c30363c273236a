# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Rules for requests that drivers send: at which level, with which status, and how they come back."""

from __future__ import annotations

from typing import Final

from dirql.io.objects import Irp
from dirql.io.packet import violate
from dirql.ke import guard
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.nt.bugcodes import VF_IO_VERIFY_PNP_START_STATUS, VF_IO_VERIFY_WMI_START_STATUS
from dirql.nt.constants import DISPATCH_LEVEL, IRP_MJ_PNP, IRP_MJ_POWER, IRP_MJ_SYSTEM_CONTROL
from dirql.nt.functions import major_name
from dirql.nt.ntstatus import status_name
from dirql.nt.status import STATUS_NOT_SUPPORTED

__all__ = ["check_sent", "report_end", "report_uncalled"]

_START_RULES: Final = {
    IRP_MJ_PNP: VF_IO_VERIFY_PNP_START_STATUS,
    IRP_MJ_SYSTEM_CONTROL: VF_IO_VERIFY_WMI_START_STATUS,
}


def check_sent(irp: Irp, major: int) -> None:
    """Check a request, neither a read, a write nor a control request, of a verified driver (row IRP-22)."""
    processor = current.processor
    if processor.irql >= DISPATCH_LEVEL and major != IRP_MJ_POWER and processor.driver is not None:
        report_defect(
            "IRP-22",
            f"IoCallDriver must be called below DISPATCH_LEVEL for a request other than a read, a write, a control"
            f" request or a power IRP; it was called at DISPATCH_LEVEL with {major_name(major)} for {irp!r}: send it in"
            " a thread or a work item, because the drivers below may wait and touch pageable memory",
        )
    if major == IRP_MJ_PNP:
        _check_once(irp)
    rule = _START_RULES.get(major)
    if rule is None or irp.maker is not processor.driver or irp.maker is None:
        return
    status = irp.io_status.nt_status
    if irp.current_location == irp.stack_count + 1 and status != STATUS_NOT_SUPPORTED:
        reason = (
            f"{major_name(major)} must begin with STATUS_NOT_SUPPORTED, which says that no driver has handled it;"
            f" {irp!r} began with {status_name(status)}: set io_status.status before IoCallDriver"
        )
        violate(rule, irp, reason)


def _check_once(irp: Irp) -> None:
    """Report a Plug and Play request that goes down again after the drivers below have completed it."""
    maker = irp.maker
    location = irp.locations[irp.current_location - 2]
    if location.left and (maker is None or maker is not current.processor.driver):
        report_defect(
            "PNP-26",
            f"a driver must pass a Plug and Play request down once; {irp!r} had come back from the drivers below, and"
            " IoCallDriver was called for it again: go on with the status that it has, and complete it",
        )


def report_end(irp: Irp) -> None:
    """Report a packet of IoBuildAsynchronousFsdRequest that was completed to its end (row IRP-24)."""
    if current.kernel.verifier.is_verified(irp.maker):
        what = (
            "a driver that builds an IRP with IoBuildAsynchronousFsdRequest must take it back in a completion routine"
            " that frees it and its buffers, and returns STATUS_MORE_PROCESSING_REQUIRED;"
            f" {irp!r} of {irp.maker!r} was completed to its end"
        )
        report_defect("IRP-24", f"{what}: call IoSetCompletionRoutine before IoCallDriver")


def report_uncalled(irp: Irp) -> None:
    """Report a routine of IoSetCompletionRoutineEx for a driver below that never gets the request (row IRP-23).

    That of IoSetCompletionRoutine keeps nothing, and NT forgets it.
    """
    location = irp.current_location
    if not 1 < location <= irp.stack_count:
        return
    below = irp.locations[location - 2]
    routine = below.completion_routine
    if below.left < below.sent or not hasattr(routine, "__wrapped__"):
        return
    report_defect(
        "IRP-23",
        "a driver that calls IoSetCompletionRoutineEx must pass the request on with IoCallDriver, or the device is kept"
        f" for ever; {irp!r} was completed without that, and {guard.describe(routine)} is not called: complete the"
        " request before the routine is set",
    )
