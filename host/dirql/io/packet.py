# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Rules that hold for each use of a packet: it is not used after its end, nor by a driver that has passed it on.

The packet itself is in a file above this one, which asks for these checks where a look at its own fields tells that
something is unusual.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import CodeType
from typing import Final, NoReturn, Protocol

from dirql.ke import guard
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.origin import origin
from dirql.ke.processors.contract import contract
from dirql.nt.bugcodes import (
    DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    VF_IO_VERIFY_CANCEL_ROUTINE_BELOW,
    VF_IO_VERIFY_OUT_OF_LOCATIONS,
)
from dirql.nt.functions import function_name

__all__ = [
    "Holder",
    "Packet",
    "check_cancel_routine",
    "check_mark",
    "check_reader",
    "describe",
    "holder_elsewhere",
    "is_held",
    "refuse_location",
    "refuse_pointer",
    "refuse_routine",
    "refuse_use",
    "report_lost_routine",
    "report_overwritten_routine",
    "report_queued",
    "story",
    "use_after_end",
    "violate",
]


_POINTERS: Final = {
    routine: contract(routine)
    for routine in (
        "IoGetAttachedDevice",
        "IoGetCurrentIrpStackLocation",
        "IoGetNextIrpStackLocation",
        "IoSetCancelRoutine",
        "IoSetNextIrpStackLocation",
        "IoSkipCurrentIrpStackLocation",
    )
}


class Holder(Protocol):
    """The device of a stack location."""

    @property
    def driver_object(self) -> object:
        """The driver of the device."""


class _Location(Protocol):
    major_function: int
    minor_function: int
    left: int
    sent: int

    @property
    def device_object(self) -> Holder | None:
        """The device whose driver the location belongs to."""


class Packet(Protocol):
    """The fields of an IRP that tell where it is, and how it came to its end."""

    number: int
    current_location: int
    stack_count: int
    type: int
    maker: object
    ended_by: str
    """The routine that ended the packet, which `ended_code` called at the instruction `ended_at`."""
    ended_code: CodeType
    ended_at: int

    @property
    def locations(self) -> Sequence[_Location]:
        """The stack locations, the lowest driver's first."""


def refuse_pointer(routine: str, given: object) -> NoReturn:
    """Raise `TypeError` because a routine of the WDK was given another object than a packet, or than a device."""
    _POINTERS[routine].check_arguments(given, None, None, False, False, False)
    raise TypeError(f"{routine}: the object must be whole; {given!r} lacks a field")


def refuse_routine(routine: str, parameter: str, given: object) -> NoReturn:
    """Raise `TypeError` because an object that cannot be called was given to a routine of the WDK."""
    raise TypeError(f"{routine}: {parameter} must be a routine, or None; it was {given!r}")


def describe(irp: Packet) -> str:
    """A packet as messages name it: its number, what it asks for, where it is, and the device that it was sent to."""
    location, count = irp.current_location, irp.stack_count
    top = irp.locations[-1]
    if location > count:
        where = "not sent" if location == count + 1 else "completed"
    else:
        where = f"location {location} of {count}"
    device = "" if top.device_object is None else f", {top.device_object!r}"
    return f"<IRP {irp.number}, {function_name(top.major_function, top.minor_function)}, {where}{device}>"


def story(irp: Packet) -> str:
    """The routine of the WDK that ended a packet, and the place of the call."""
    freed = getattr(irp, "ended_by", "") == "IoFreeIrp"
    done = "freed by IoFreeIrp" if freed else "completed by IoCompleteRequest"
    if not hasattr(irp, "ended_code"):
        return done
    code = irp.ended_code
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if number is not None and start <= irp.ended_at < end:
            line = number
    return f"{done} in {code.co_qualname} ({code.co_filename}:{line})"


def violate(violation: int, irp: Packet, reason: str) -> NoReturn:
    """Stop for a broken rule of Driver Verifier's I/O verification, bug check 0xC9 with the parameters of its page."""
    here = irp.current_location
    device = irp.locations[here - 1].device_object if 0 < here <= irp.stack_count else None
    bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, violation, origin(), irp, device or 0, reason=reason)


def use_after_end(irp: Packet, what: str) -> str:
    """The message for a use of a packet after its end, such as "irp.io_status was read"."""
    return (
        f"an IRP must not be used after its end; {what}, yet {irp!r} was already {story(irp)}: keep what you need in a"
        " local variable before that call, and take the packet out of your lists"
    )


def refuse_use(irp: Packet, what: str) -> NoReturn:
    """Stop a driver that uses a packet after its end.

    Driver Verifier has packets in special pool, so that on NT such a use is bug check 0xD5.
    """
    reason = use_after_end(irp, what)
    bug_check(DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL, irp, 0, origin(), 0, reason=reason)


def refuse_location(irp: Packet, number: int) -> NoReturn:
    """Stop a driver that asks for a stack location which the packet lacks."""
    if not irp.type:
        refuse_use(irp, "a stack location of it was asked for")
    reason = f"{irp!r} has the stack locations 1 … {irp.stack_count}, location {number} was asked for"
    violate(VF_IO_VERIFY_OUT_OF_LOCATIONS, irp, reason)


def holder_elsewhere(irp: Packet, driver: object) -> tuple[bool, str] | None:
    """The place of a request that `driver` has passed on or completed: whether it is below, and in words who has it.

    None for one that the driver has done neither with, or that it has again.
    """
    location, count = irp.current_location, irp.stack_count
    if driver is None or not 1 <= location <= count + 1:
        return None
    holder = irp.locations[location - 1].device_object if location <= count else None
    if (irp.maker if holder is None else holder.driver_object) is driver:
        return None
    where = f"with {holder!r}" if holder is not None else f"back with {irp.maker or 'the I/O manager'!r}"
    for index, stack in enumerate(irp.locations):
        device = stack.device_object
        if device is None or device.driver_object is not driver:
            continue
        if index >= location:
            return True, f"{where}, to which it had been passed"
        if index < location - 1 and stack.left >= stack.sent:
            return False, f"{where}, because it had been completed by {driver!r}"
    return None


def is_held(irp: Packet) -> bool:
    """Whether a driver has the request, and has not ended its part of it."""
    return any(location.sent > location.left for location in irp.locations)


def report_lost_routine(routine: object) -> None:
    """Report a completion routine that a copy of the stack location takes away before it was called."""
    if current.kernel.verifier.is_verified(current.processor.driver):
        what = (
            "IoSetCompletionRoutine must be called after IoCopyCurrentIrpStackLocationToNext; it was called before, so"
            f" that {guard.describe(routine)} is lost: change the order"
        )
        report_defect("IRP-06", what)


def report_overwritten_routine(irp: Packet, location: _Location) -> None:
    """Report a completion routine that is set in the location of a driver which has the request already."""
    driver = current.processor.driver
    if not current.kernel.verifier.is_verified(driver):
        return
    holder = location.device_object
    own = holder is not None and holder.driver_object is driver
    then = "IoSkipCurrentIrpStackLocation" if own else "IoCallDriver"
    what = (
        f"IoSetCompletionRoutine must be called for the location of a driver that has still to get the IRP; {irp!r} had"
        f" its own location there after {then}, in which the routine of the driver above is lost: use"
        " IoCopyCurrentIrpStackLocationToNext, and IoSetCompletionRoutine before IoCallDriver"
    )
    report_defect("IRP-06", what)


def report_queued(irp: Packet) -> None:
    """Report a packet that comes to its end while it is in a device queue, which then starts it."""
    what = (
        f"an IRP must be out of its device queue before IoCompleteRequest or IoFreeIrp; {irp!r} was still in one: call"
        " KeRemoveEntryDeviceQueue first, as a cancel routine does"
    )
    report_defect("SIO-07", what)


def check_reader(irp: Packet) -> None:
    """Report a driver that asks for the location of another driver, which has the packet now (row IRP-20)."""
    elsewhere = holder_elsewhere(irp, current.processor.driver)
    if elsewhere is not None:
        what = (
            f"IoGetCurrentIrpStackLocation must be called by the driver that has the IRP; {irp!r} was {elsewhere[1]}:"
            " keep what you need of your location before you let go of the IRP"
        )
        report_defect("IRP-20", what)


def check_mark(irp: Packet) -> None:
    """Report a mark that goes into the location of another driver."""
    elsewhere = holder_elsewhere(irp, current.processor.driver)
    if elsewhere is not None:
        what = (
            f"IoMarkIrpPending must be called by the driver that has the IRP; {irp!r} was {elsewhere[1]}: mark it"
            " before IoCallDriver"
        )
        report_defect("IRP-13", what)


def check_cancel_routine(irp: Packet) -> None:
    """Stop a verified driver that sets a cancel routine while another driver has the packet (row CXL-07)."""
    if not irp.type:
        refuse_use(irp, "IoSetCancelRoutine was called for it")
    driver = current.processor.driver
    elsewhere = holder_elsewhere(irp, driver)
    if elsewhere is not None and current.kernel.verifier.is_verified(driver):
        reason = (
            f"a cancel routine must be set by the driver that has the IRP; {irp!r} was {elsewhere[1]}: set it before"
            " you queue the IRP, and clear it before IoCallDriver"
        )
        violate(VF_IO_VERIFY_CANCEL_ROUTINE_BELOW, irp, reason)
