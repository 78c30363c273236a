# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Data that routines of a driver share: with a seed others run just where one changes them (rows INT-17, LCK-06).

`marked_stores.py` lets the code of drivers call `SharedData.store` in front of each store to an attribute. Code that
makes a new value of the old one has a point of preemption there, and a long one if an ISR stores the attribute too, so
that what is due in the device comes then. If the value is another one afterwards, the store that follows loses it.

`SharedData.change` is called in front of each method that changes a container in an attribute in place. Python does so
in one step; in C the links of a list take several, so that an ISR which changes the same container spoils it.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Final

from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.origin import Mark, describe_mark, is_kernel_file, mark
from dirql.ke.threads.schedule import DELAYS, Choice
from dirql.nt.constants import DISPATCH_LEVEL

__all__ = ["SharedData"]

_NOTHING: Final = object()
"""The value of an attribute that an object has not got."""
_CONTAINERS: Final = (list, dict, set, bytearray, deque)
_EXTENSION: Final = "device_extension"
"""The one attribute of an object of dirql that leads to data of a driver."""


class SharedData:
    """The attributes that drivers of a machine have stored, and the changes that were lost so far."""

    __slots__ = ("_of_isrs", "_places", "_told")

    def __init__(self) -> None:
        """Begin with a machine in which no driver has run."""
        self._of_isrs: set[tuple[type, str]] = set()
        """The types of objects, with the names of attributes, in which ISRs have stored."""
        self._places: dict[tuple[type, str], Mark | None] = {}
        """The place of the latest store."""
        self._told: set[Mark | None] = set()

    def store(self, value: object, is_change: bool, owner: object, *path: str) -> object:
        """Return `value`, which is stored next in the attribute that `path` leads to from `owner`.

        `is_change` says that the value was made of the attribute's old one.
        """
        self._note(is_change, False, owner, path)
        return value

    def change(self, container: object, owner: object, *path: str) -> object:
        """Return `container`, the value of an attribute of which a method is called next that changes a container."""
        if isinstance(container, _CONTAINERS):
            self._note(True, True, owner, path)
        return container

    def _note(self, is_change: bool, in_place: bool, owner: object, path: tuple[str, ...]) -> None:
        """Note a store or a change in place, and let others run before it; in place, only if an ISR does so too."""
        processor = current.processor
        if processor.driver is None:
            return
        for name in path[:-1]:
            if name != _EXTENSION and not _is_of_driver(type(owner)):
                return
            owner = getattr(owner, name, None)
        if not _is_of_driver(type(owner)):
            return
        key = type(owner), path[-1]
        if processor.isrs:
            self._of_isrs.add(key)
        elif is_change and processor.irql <= DISPATCH_LEVEL and (not in_place or key in self._of_isrs):
            self._wait(owner, path[-1], key, in_place)
        self._places[key] = mark()

    def _wait(self, owner: object, name: str, key: tuple[type, str], in_place: bool) -> None:
        """Be a point of preemption, a long one if an ISR stores the attribute too; report a value that comes in it."""
        kernel = current.kernel
        before = _contents(owner, name)
        if key in self._of_isrs:
            kernel.clock.spent += DELAYS[kernel.schedule.choose(Choice.DELAY, DELAYS)]
        current.dispatcher.pass_spent()
        after = _contents(owner, name)
        if after is before or after == before:
            return
        place = mark()
        if place not in self._told:
            self._told.add(place)
            self._report(f"{name} of {type(owner).__name__}", key, before, after, in_place)

    def _report(
        self, what: str, key: tuple[type, str], before: object, after: object, in_place: bool
    ) -> None:
        lost = f"{what} was {before!r}, then {describe_mark(self._places.get(key))} made it {after!r}, "
        if in_place:
            lost += "while this routine was about to change it too, which spoils a list of C"
        else:
            lost += f"and what is stored now was made of {before!r}, so that the change is lost"
        if key in self._of_isrs:
            report_defect(
                "INT-17",
                "data that an ISR changes must be changed elsewhere in a routine of KeSynchronizeExecution, or between"
                f" KeAcquireInterruptSpinLock and KeReleaseInterruptSpinLock; {lost}",
            )
        else:
            report_defect(
                "LCK-06",
                "data that several routines of a driver change must be guarded by one lock, such as a spin lock, or be"
                f" changed with Interlocked routines; {lost}",
            )


def _contents(owner: object, name: str) -> object:
    """The value of an attribute; a copy of a container, which can be compared after it was changed in place."""
    value = getattr(owner, name, _NOTHING)
    return value.copy() if isinstance(value, _CONTAINERS) else value


def _is_of_driver(kind: type) -> bool:
    """Whether objects of a type belong to a driver, so that a look at an attribute is no use of the kernel's."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return file is None or not is_kernel_file(file)
