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
from dirql.ke.origin import describe_mark, origin
from dirql.ke.processors.contract import contract
from dirql.nt.bugcodes import (
    DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    VF_IO_VERIFY_CANCEL_ROUTINE_BELOW,
    VF_IO_VERIFY_OUT_OF_LOCATIONS,
)
from dirql.nt.functions import function_name

__all__ = [
    "History",
    "Holder",
    "Packet",
    "check_cancel_routine",
    "check_mark",
    "check_reader",
    "check_use",
    "describe",
    "holder_elsewhere",
    "is_held",
    "note_skip",
    "refuse_location",
    "refuse_pointer",
    "refuse_routine",
    "refuse_use",
    "report_lost_routine",
    "report_overwritten_routine",
    "report_queued",
    "story",
    "top_location",
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
    prepared: int
    stored_minor: int
    left: int
    sent: int
    sender: object
    sent_code: CodeType
    sent_at: int

    @property
    def device_object(self) -> Holder | None:
        """The device whose driver the location belongs to."""


class History:
    """Rare events in the life of a packet, of which most packets have none."""

    __slots__ = ("accused", "skipped")

    def __init__(self) -> None:
        self.skipped: list[tuple[object, int]] = []
        """The drivers that let the driver below use their location, and the numbers of these locations."""
        self.accused: object = None
        """The driver that was told last that it does not have the packet any more."""


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
    history: History | None

    @property
    def owner(self) -> object:
        """The I/O manager's record of a request that it takes back; None for a packet that its driver takes back."""

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
    top = top_location(irp)
    if location > count:
        where = "not sent" if location == count + 1 else "completed"
    else:
        where = f"location {location} of {count}"
    device = "" if top.device_object is None else f", {top.device_object!r}"
    return f"<IRP {irp.number}, {function_name(top.major_function, top.stored_minor)}, {where}{device}>"


def top_location(irp: Packet) -> _Location:
    """The location of the first driver; those above it, which a maker can use for itself, were never sent."""
    return next(
        (each for each in reversed(irp.locations) if each.major_function or each.sent), irp.locations[-1]
    )


def story(irp: Packet) -> str:
    """The routine of the WDK that ended a packet, and the place of the call."""
    freed = getattr(irp, "ended_by", "") == "IoFreeIrp"
    done = "freed by IoFreeIrp" if freed else "completed by IoCompleteRequest"
    if not hasattr(irp, "ended_code"):
        return done
    return f"{done} in {describe_mark((irp.ended_code, irp.ended_at))}"


def violate(violation: int, irp: Packet, reason: str) -> NoReturn:
    """Stop for a broken rule of Driver Verifier's I/O verification, bug check 0xC9 with the parameters of its page."""
    here = irp.current_location
    device = irp.locations[here - 1].device_object if 0 < here <= irp.stack_count else None
    bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, violation, origin() or 0, irp, device or 0, reason=reason)


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
            return True, f"{where}, to which it had been passed{_sending(irp, index, driver)}"
        if index < location - 1 and stack.left >= stack.sent:
            return False, f"{where}, because it had been completed by {driver!r}{_ending(irp)}"
    return _handed_on(irp, driver, where)


def _handed_on(irp: Packet, driver: object, where: str) -> tuple[bool, str] | None:
    """The same for a driver that has no location of its own any more, or never had one."""
    here, count = irp.current_location, irp.stack_count
    for skipper, number in () if irp.history is None else irp.history.skipped:
        if skipper is driver:
            # The location is that of the driver below by now, which has the packet, or has completed it.
            sending = _sending(irp, number, driver)
            if here <= number:
                return True, f"{where}, to which it had been passed{sending}"
            done = "because it had been completed by the driver to which it was passed"
            return False, f"{where}, {done}{sending}"
    if irp.maker is driver and irp.owner is None:
        return True, f"{where}, to which it had been passed{_sending(irp, count, driver)}"
    return None


def _sending(irp: Packet, index: int, driver: object) -> str:
    """The place where a driver passed a packet on to the location with this number, as far as it is known."""
    stack = irp.locations[index - 1]
    return (
        f" by IoCallDriver in {describe_mark((stack.sent_code, stack.sent_at))}"
        if getattr(stack, "sender", None) is driver
        else ""
    )


def _ending(irp: Packet) -> str:
    """The place where a packet was completed, as far as it is known."""
    return f" in {describe_mark((irp.ended_code, irp.ended_at))}" if hasattr(irp, "ended_code") else ""


def note_skip(irp: Packet, location: int) -> None:
    """Note that the running driver, which has this location, lets the driver below use it."""
    if irp.history is None:
        irp.history = History()
    irp.history.skipped.append((current.processor.driver, location))


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
    driver = current.processor.driver
    is_told = irp.history is not None and irp.history.accused is driver
    if is_told or not current.kernel.verifier.is_verified(driver):
        return
    elsewhere = holder_elsewhere(irp, driver)
    if elsewhere is not None:
        what = (
            f"IoGetCurrentIrpStackLocation must be called by the driver that has the IRP; {irp!r} was {elsewhere[1]}:"
            " keep what you need of your location before you let go of the IRP"
        )
        report_defect("IRP-20", what)


def check_use(irp: Packet, name: str) -> None:
    """Report a driver that uses a field of a packet which another driver has (row IRP-21); stop it after the end."""
    driver = current.processor.driver
    if driver is None:
        return
    if not irp.type:
        refuse_use(irp, f"irp.{name} was read or changed")
    if irp.history is None:
        irp.history = History()
    if irp.history.accused is driver or not current.kernel.verifier.is_verified(driver):
        return
    elsewhere = holder_elsewhere(irp, driver)
    if elsewhere is not None:
        irp.history.accused = driver
        what = (
            f"irp.{name} must be used by the driver that has the IRP; it was read or changed while {irp!r} was"
            f" {elsewhere[1]}: keep what you need in a local variable before IoCallDriver or IoCompleteRequest, or get"
            " the IRP back with a completion routine that returns STATUS_MORE_PROCESSING_REQUIRED"
        )
        report_defect("IRP-21", what)


def check_location(location: _Location, name: str) -> None:
    """Report a driver that uses its stack location when it has let go of the request (row IRP-21), once for each."""
    driver = current.processor.driver
    device = location.device_object
    if driver is None or device is None or not current.kernel.verifier.is_verified(driver):
        return
    location.prepared = location.left
    request = function_name(location.major_function, location.stored_minor)
    what = (
        f"a stack location must be used by the driver that has the IRP; its {name} was read or changed in the location"
        f" of {device!r} for {request} after the completion, which makes it zero: keep what you need"
        " in a local variable before, or get the IRP back with a completion routine that returns"
        " STATUS_MORE_PROCESSING_REQUIRED"
    )
    report_defect("IRP-21", what)


def check_mark(irp: Packet) -> None:
    """Report a mark that goes into the location of another driver."""
    driver = current.processor.driver
    elsewhere = holder_elsewhere(irp, driver)
    if elsewhere is not None and current.kernel.verifier.is_verified(driver):
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
