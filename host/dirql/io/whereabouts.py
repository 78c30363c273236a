# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The whereabouts of a request: the driver that has it, and the queues and locks that know it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dirql.io.csq import Csq, CsqIrpContext
from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, IoStackLocation, Irp
from dirql.io.packet import top_location
from dirql.io.remove_lock import RemoveLock
from dirql.ke.guard import describe
from dirql.ke.origin import origin_of_routine
from dirql.nt.constants import IRP_MJ_MAXIMUM_FUNCTION, SL_PENDING_RETURNED
from dirql.nt.functions import function_name

__all__ = [
    "attributes_of",
    "describe_request",
    "dispatched",
    "is_in_flight",
    "is_parked",
    "name_request",
    "parts_of_extensions",
]

_CSQ_CONTEXT: Final = 3


def is_in_flight(irp: Irp) -> bool:
    """Whether a driver has the request: it was sent, and its completion is not over."""
    return irp.current_location <= irp.stack_count


def is_parked(irp: Irp) -> bool:
    """Whether the request may wait for long: it can be cancelled, or waits in the queue of its device."""
    return irp.cancel_routine is not None or irp.tail.overlay.device_queue_entry.inserted


def name_request(irp: Irp) -> str:
    """The request with its function, its device and the driver that has it."""
    top = top_location(irp)
    here = _location(irp, irp.current_location)
    function = function_name(top.major_function, top.stored_minor)
    device = here.device_object
    if device is None:
        return f"IRP {irp.number} ({function})"
    return f"IRP {irp.number} ({function}) on {_device(device)}, which {device.driver_object!r} has"


def dispatched(irp: Irp) -> str:
    """The routine of the driver that got the request, as a clause; "" if no driver has it."""
    here = _location(irp, irp.current_location)
    device = here.device_object
    if device is None or not 0 <= here.major_function <= IRP_MJ_MAXIMUM_FUNCTION:
        return ""
    place = origin_of_routine(device.driver_object.major_function[here.major_function])
    return "" if place is None else f", dispatched to {place}"


def describe_request(irp: Irp) -> str:
    """All that is known of a request, in one line."""
    if not is_in_flight(irp):
        owner = "the I/O manager" if irp.maker is None else repr(irp.maker)
        state = "not sent" if irp.current_location == irp.stack_count + 1 else "completed and not freed"
        return f"IRP {irp.number}, which {owner} allocated: {state}"
    return f"{name_request(irp)}: {'; '.join(_facts(irp))}"


def parts_of_extensions() -> Iterator[tuple[str, object]]:
    """The objects in the device extensions of all drivers, each with its name."""
    for driver in io_manager.value.drivers.values():
        for device in driver.devices():
            for name, part in attributes_of(device.device_extension):
                yield f"{name} in the extension of {_device(device)}", part


def _facts(irp: Irp) -> Iterator[str]:
    here = _location(irp, irp.current_location)
    device = here.device_object
    marked = "marked pending" if here.control & SL_PENDING_RETURNED else "not marked pending"
    yield marked
    if device is not None and device.current_irp is irp:
        yield f"the current request of {_device(device)}, in StartIo or after it"
    if irp.tail.overlay.device_queue_entry.inserted:
        yield "in the queue of its device"
    if device is not None and irp.current_location < irp.stack_count:
        above = _location(irp, irp.current_location + 1).device_object
        if above is not None:
            yield f"pending below {above.driver_object!r}"
    yield from _queues(irp)
    yield from _locks(irp)
    routine = irp.cancel_routine
    yield "without a cancel routine" if routine is None else f"with the cancel routine {describe(routine)}"
    if irp.stored_cancel:
        yield "cancelled"


def _queues(irp: Irp) -> Iterator[str]:
    context = irp.tail.overlay.driver_context[_CSQ_CONTEXT]
    queue = context.csq if isinstance(context, CsqIrpContext) else context
    if isinstance(queue, Csq):
        name = next((name for name, part in parts_of_extensions() if part is queue), "")
        yield f"in the cancel-safe queue {name}" if name else "in a cancel-safe queue"
    for name, part in parts_of_extensions():
        if isinstance(part, list | tuple) and any(entry is irp for entry in part):
            yield f"in {name}"


def _locks(irp: Irp) -> Iterator[str]:
    for name, part in parts_of_extensions():
        if isinstance(part, RemoveLock) and any(tag is irp for tag in part.dbg.lock_list):
            yield f"holds the remove lock {name} with itself as tag"


def _location(irp: Irp, number: int) -> IoStackLocation:
    return irp.locations[number - 1]


def _device(device: DeviceObject) -> str:
    return device.name or "a device without a name"


def attributes_of(thing: object) -> Iterator[tuple[str, object]]:
    """The attributes of an object that have a value, with their names."""
    names = list(getattr(thing, "__dict__", ()))
    for base in type(thing).__mro__:
        slots = vars(base).get("__slots__", ())
        names += (slots,) if isinstance(slots, str) else slots
        names += vars(base).get("__mypyc_attrs__", ())  # of a compiled class
    for name in names:
        if hasattr(thing, name):
            yield name, getattr(thing, name)
