# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the routines that a driver has put into its driver object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from dirql.io.objects import DriverObject
from dirql.ke.bugcheck import bug_check
from dirql.ke.origin import origin_of_routine
from dirql.ke.processors.contract import never_runs
from dirql.nt.bugcodes import KMODE_EXCEPTION_NOT_HANDLED
from dirql.nt.status import STATUS_UNHANDLED_EXCEPTION

__all__ = ["check_members"]


def check_members(driver: DriverObject, routine: object) -> None:
    """Stop for routines that dirql would call in vain, with what the driver must do; `routine` has run last.

    Drivers in C have these members in memory, where each has its type and its size.
    """
    if type(driver) is DriverObject:
        for complaint in _complaints(driver):
            _refuse(complaint, routine)


def _complaints(driver: DriverObject) -> Iterator[str]:
    routines: dict[str, object] = {
        f"major_function[{number:#x}]": each for number, each in enumerate(driver.major_function)
    }
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


def _refuse(reason: str, routine: object) -> NoReturn:
    place = origin_of_routine(routine)
    bug_check(KMODE_EXCEPTION_NOT_HANDLED, STATUS_UNHANDLED_EXCEPTION, place or 0, reason=reason, place=place)
