# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Faults in the code of drivers in C: pages are brought in, a status is raised, or the system stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn, Protocol

from dirql.c.core.images import BuiltDriver
from dirql.c.core.native_module import Native
from dirql.c.core.page_tables import ProcessPages
from dirql.ke.bugcheck import bug_check
from dirql.ke.origin import Origin, origin
from dirql.ke.processors.irql import current_irql
from dirql.nt.bugcodes import (
    DPC_WATCHDOG_VIOLATION,
    DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS,
    UNEXPECTED_KERNEL_MODE_TRAP,
)
from dirql.nt.constants import DISPATCH_LEVEL
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import (
    STATUS_ACCESS_VIOLATION,
    STATUS_ILLEGAL_INSTRUCTION,
    STATUS_INTEGER_DIVIDE_BY_ZERO,
)

__all__ = ["Faults"]

_READ, _WRITE, _PROTECTION, _OVERFLOW, _WATCHDOG, _INSTRUCTION, _ARITHMETIC, _TICK = range(8)
_DOUBLE_FAULT: Final = 8
_CANONICAL: Final = 1 << 47


class LoadedFrom(Protocol):
    """The image of a driver, as far as faults ask for it."""

    @property
    def is_unloaded(self) -> bool:
        """Whether its code and data are gone."""

    @property
    def built(self) -> BuiltDriver:
        """The driver that was built."""

    def origin(self, address: int) -> Origin:
        """The place in the source of the instruction at an address."""


class Faults:
    """Answers faults of drivers, and those of the kernel in memory that drivers name."""

    def __init__(self, native: Native, pages: ProcessPages) -> None:
        self._native = native
        self._pages = pages
        self.image_of: Callable[[int], LoadedFrom | None] = lambda _: None
        """The image that holds an address."""

    def on_fault(self, kind: int, address: int, instruction: int, frame: int) -> None:
        """A driver's code was interrupted; when this returns the instruction is repeated."""
        del frame
        if kind in (_READ, _WRITE):
            self._page_fault(address, write=kind == _WRITE, called=address == instruction)
        elif kind == _OVERFLOW:
            reason = (
                "a kernel stack of 24 KiB must hold the frames of all routines that run; it was used up: allocate large"
                " variables from pool, and end recursion"
            )
            bug_check(UNEXPECTED_KERNEL_MODE_TRAP, _DOUBLE_FAULT, 0, 0, origin() or 0, reason=reason)
        elif kind == _WATCHDOG:
            self._endless()
        elif kind == _TICK:
            return  # Python has handled the signals that have come meanwhile
        elif kind == _INSTRUCTION:
            raise StatusException(STATUS_ILLEGAL_INSTRUCTION)
        elif kind == _ARITHMETIC:
            raise StatusException(STATUS_INTEGER_DIVIDE_BY_ZERO)
        else:
            raise StatusException(STATUS_ACCESS_VIOLATION) from ValueError(
                f"an address must be canonical; the one that the instruction at {instruction:#x} used was not"
            )

    def make_usable(self, address: int, size: int, *, write: bool) -> None:
        """Bring in the memory that the kernel is to touch for a driver; raises as the page fault does."""
        if address >= _CANONICAL:
            raise StatusException(STATUS_ACCESS_VIOLATION)
        while True:
            kind, place = self._native.probe(address, size, write)
            if not kind:
                return
            self._page_fault(place, write=kind - 1 == _WRITE)

    def _page_fault(self, address: int, *, write: bool, called: bool = False) -> None:
        if address >= _CANONICAL:
            raise StatusException(STATUS_ACCESS_VIOLATION)
        image = self.image_of(address)
        if image is not None and image.is_unloaded:
            self._used_after_unload(image, address, write=write, called=called)
        self._pages.touch(address, write=write)

    def _used_after_unload(self, image: LoadedFrom, address: int, *, write: bool, called: bool) -> NoReturn:
        what = (
            f"{image.origin(address)} was called"
            if called
            else f"a variable was {'written' if write else 'read'}"
        )
        by = origin()
        reason = (
            f"code and data of a driver must not be used after its unload; {what}, {address:#x} of the driver"
            f" {image.built.name}, by {by or 'the system'}: take back in DriverUnload what others call or use"
        )
        code = DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS
        bug_check(code, address, int(write), by or 0, 0, reason=reason)

    def _endless(self) -> None:
        where = origin()
        reason = (
            f"a routine of a driver must return, wait, or call the kernel; {where} has run for seconds without: end the"
            " loop"
        )
        bug_check(
            DPC_WATCHDOG_VIOLATION, int(current_irql() < DISPATCH_LEVEL), 0, 0, where or 0, reason=reason
        )
