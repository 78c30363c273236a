# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the members that a driver sets itself in its driver object and its device objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NoReturn

from dirql.io.manager import LARGEST_STACK
from dirql.io.objects import DeviceObject, DriverObject
from dirql.ke.bugcheck import bug_check
from dirql.ke.origin import origin_of_routine
from dirql.ke.processors.contract import never_runs
from dirql.nt.bugcodes import KMODE_EXCEPTION_NOT_HANDLED
from dirql.nt.constants import IRP_MJ_MAXIMUM_FUNCTION
from dirql.nt.status import STATUS_UNHANDLED_EXCEPTION

__all__ = ["check_members"]

_ULONG: Final = 0xFFFF_FFFF
_NUMBERS: Final = ("flags", "characteristics", "device_type", "alignment_requirement")


def check_members(driver: DriverObject, routine: object) -> None:
    """Stop for members that dirql would use in vain, with what the driver must do; `routine` has run last.

    Drivers in C have these members in memory, where each has its type and its size.
    """
    if type(driver) is DriverObject:
        for complaint in _complaints(driver):
            _refuse(complaint, routine)


def _complaints(driver: DriverObject) -> Iterator[str]:
    table: object = driver.major_function
    count = IRP_MJ_MAXIMUM_FUNCTION + 1
    if not isinstance(table, list) or len(table) != count:
        yield (
            f"major_function of {driver!r} must stay the list of {count} dispatch routines that it was; it was"
            f" {table!r}: write driver_object.major_function[IRP_MJ_READ] = Read"
        )
        return
    routines: dict[str, object] = {f"major_function[{number:#x}]": each for number, each in enumerate(table)}
    routines["driver_unload"] = driver.driver_unload
    routines["driver_start_io"] = driver.driver_start_io
    routines["add_device"] = driver.driver_extension.add_device
    for name, routine in routines.items():
        if routine is not None and not callable(routine):
            yield f"{name} of {driver!r} must be a routine, or None; it was {routine!r}: set it in DriverEntry"
        elif never_runs(routine):
            yield (
                f"{name} of {driver!r} must be a routine; it was {routine!r}: take `async` or `yield` out of it, with"
                " which a call runs nothing of it"
            )
    for device in driver.devices():
        yield from _complaints_of_device(device)


def _complaints_of_device(device: DeviceObject) -> Iterator[str]:
    size: object = device.stack_size
    if not isinstance(size, int) or not 1 <= size <= LARGEST_STACK:
        yield (
            f"stack_size of {device!r} must be the number of stack locations for an IRP, 1 to {LARGEST_STACK}; it was"
            f" {size!r}: IoAttachDeviceToDeviceStack sets it, to one more than that of the device below"
        )
    for name in _NUMBERS:
        value: object = getattr(device, name)
        if not isinstance(value, int) or not 0 <= value <= _ULONG:
            yield (
                f"{name} of {device!r} must be a number of 32 bits (ULONG); it was {value!r}: set and clear bits with"
                f" device.{name} |= …, and device.{name} &= ~…"
            )


def _refuse(reason: str, routine: object) -> NoReturn:
    place = origin_of_routine(routine)
    bug_check(KMODE_EXCEPTION_NOT_HANDLED, STATUS_UNHANDLED_EXCEPTION, place or 0, reason=reason, place=place)
