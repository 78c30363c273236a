# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The one place that calls a driver's routine.

The guard knows the kind of the routine and the driver that the routine belongs to. It

- remembers whose code runs now (`current_driver`), and restores that when the routine returns or raises;
- turns an exception that escapes from the routine into the bug check of the kind;
- checks that the routine returns at the IRQL at which it was called, if the kind has that rule.

A routine belongs to the driver that handed it to the kernel: a DPC to the driver that initialized it, an interrupt to
the driver that connected it, a thread to the driver that created it. Those objects keep `current_driver()` of that
moment and pass it to `call_driver`. A routine that is called back at once for its caller, as by KeSynchronizeExecution,
is part of the code that runs already: it is called without the guard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, TypeVarTuple

from dirql.ke import current
from dirql.ke.bugcheck import BugCheck, bug_check, stop
from dirql.ke.processors.irql import irql_name
from dirql.ke.threads.thread import ThreadExit
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    IRQL_UNEXPECTED_VALUE,
    KMODE_EXCEPTION_NOT_HANDLED,
    SYSTEM_THREAD_EXCEPTION_NOT_HANDLED,
    VF_IO_COMPLETION_IRQL,
    VF_IO_ISR_IRQL,
    VF_IOMANAGER_DISPATCH_IRQL,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_UNHANDLED_EXCEPTION

__all__ = [
    "ADD_DEVICE",
    "CALLBACK",
    "CANCEL",
    "COMPLETION",
    "DISPATCH",
    "DPC",
    "DRIVER_ENTRY",
    "ISR",
    "START_IO",
    "THREAD",
    "UNLOAD",
    "RoutineKind",
    "call_completion",
    "call_driver",
    "call_with_two",
    "current_driver",
    "describe",
    "is_verified",
    "verifies",
]

Arguments = TypeVarTuple("Arguments")
A = TypeVar("A")
B = TypeVar("B")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RoutineKind:
    """A kind of routine that drivers give to the kernel, and the rules that hold for it."""

    noun: str
    """Begins the message of a broken rule."""
    exception: int | None = KMODE_EXCEPTION_NOT_HANDLED
    """The bug check for an exception that escapes; None lets the exception go up to the caller."""
    level: int | None = None
    """The bug check for a return at another IRQL; None if the routine may do that."""
    subcode: int = 0
    """The first parameter of the bug check `level`, where Driver Verifier makes it."""


ISR = RoutineKind("the ISR", level=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=VF_IO_ISR_IRQL)
DPC = RoutineKind("the DPC routine", level=IRQL_UNEXPECTED_VALUE)
THREAD = RoutineKind("the thread routine", SYSTEM_THREAD_EXCEPTION_NOT_HANDLED)
DISPATCH = RoutineKind(
    "the dispatch routine", level=DRIVER_VERIFIER_IOMANAGER_VIOLATION, subcode=VF_IOMANAGER_DISPATCH_IRQL
)
COMPLETION = RoutineKind(
    "the completion routine", level=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=VF_IO_COMPLETION_IRQL
)
START_IO = RoutineKind("the StartIo routine")
DRIVER_ENTRY = RoutineKind("DriverEntry")
ADD_DEVICE = RoutineKind("the AddDevice routine")
UNLOAD = RoutineKind("the Unload routine")
CANCEL = RoutineKind("the cancel routine", None)
"""An exception of a cancel routine goes up to the caller of IoCancelIrp."""
CALLBACK = RoutineKind("the callback", None)
"""Any other routine that the kernel calls back, such as AdapterControl; an exception goes up to the caller."""


def current_driver() -> object:
    """The driver whose code runs now on this processor; None for the code of a program or of the kernel."""
    return current.processor.driver


def is_verified() -> bool:
    """Whether Driver Verifier's automatic checks hold for the code that runs now."""
    return current.kernel.verifier.is_verified(current.processor.driver)


def verifies(flag: int) -> bool:
    """Whether the code that runs now is verified with the option `flag`, one of the VERIFIER_… flags."""
    return current.kernel.verifier.is_on(flag, current.processor.driver)


def describe(routine: object) -> str:
    """A routine as messages name it: its module and its qualified name."""
    module = getattr(routine, "__module__", None)
    name = getattr(routine, "__qualname__", None)
    return f"{module}.{name}" if module and name else repr(routine)


def call_driver(
    kind: RoutineKind, driver: object, routine: Callable[[*Arguments], R], *arguments: *Arguments
) -> R:
    """Call `routine(*arguments)` for `driver`, with the checks of its kind, and return its result."""
    processor = current.processor
    irql, caller = processor.irql, processor.driver
    processor.driver = driver
    try:
        result = routine(*arguments)
    except BaseException as error:
        _raised(kind, routine, error, caller)
        raise
    # The routine may have waited, and may have gone on running on another processor.
    processor = current.processor
    if processor.irql != irql:
        _check_level(kind, driver, routine, irql, arguments[0] if arguments else None)
    processor.driver = caller
    return result


# `call_driver` written out for the numbers of arguments that run most often. Collecting and spreading the arguments
# takes 0.05 µs more: 4 % of "interrupts dispatched" in bench/ke_paths.py, and 4 % of "a request through 3 drivers" in
# bench/io_paths.py.


def call_with_two(kind: RoutineKind, driver: object, routine: Callable[[A, B], R], first: A, second: B) -> R:
    """Do as `call_driver` for a routine with two arguments, such as an ISR or a dispatch routine."""
    processor = current.processor
    irql, caller = processor.irql, processor.driver
    processor.driver = driver
    try:
        result = routine(first, second)
    except BaseException as error:
        _raised(kind, routine, error, caller)
        raise
    processor = current.processor
    if processor.irql != irql:
        _check_level(kind, driver, routine, irql, first)
    processor.driver = caller
    return result


def call_completion(
    driver: object, routine: Callable[[A, B, object], R], device: A, irp: B, context: object
) -> R:
    """Do as `call_driver` with the kind COMPLETION."""
    processor = current.processor
    irql, caller = processor.irql, processor.driver
    processor.driver = driver
    try:
        status = routine(device, irp, context)
    except BaseException as error:
        _raised(COMPLETION, routine, error, caller)
        raise
    processor = current.processor
    if processor.irql != irql:
        _check_level(COMPLETION, driver, routine, irql, device)
    processor.driver = caller
    return status


def _raised(kind: RoutineKind, routine: object, error: BaseException, caller: object) -> None:
    """Stop the kernel for an error that must not leave a routine of this kind, else note whose code runs again."""
    if kind.exception is not None and not isinstance(error, ThreadExit):
        _stop_unhandled(kind, kind.exception, routine, error)
    current.processor.driver = caller


def _stop_unhandled(kind: RoutineKind, code: int, routine: object, error: BaseException) -> None:
    """Stop the kernel, because `error` escaped from the routine; raises the bug check `code`.

    Returns for an error that goes up as it is: an interrupt from the keyboard, a bug check on its way up, or an error
    of the layers below the kernel (`Kernel.transparent`).
    """
    kernel = current.kernel
    if not isinstance(error, Exception) or isinstance(error, kernel.transparent):
        kernel.stop(error)
        return
    status = error.status if isinstance(error, StatusException) else STATUS_UNHANDLED_EXCEPTION
    name = type(error).__name__
    reason = f"{kind.noun} {describe(routine)} must handle its exceptions, and let {name} escape: {error}"
    failure = BugCheck(code, (status, error, 0, 0), reason)
    failure.__cause__ = error
    stop(failure)
    raise failure from error


def _check_level(kind: RoutineKind, driver: object, routine: object, before: int, argument: object) -> None:
    """Bug check for a return at another IRQL, if the kind forbids it and the driver is held to that rule."""
    after = current.processor.irql
    reason = (
        f"{kind.noun} {describe(routine)} must return at {irql_name(before)}, the IRQL at which it was called;"
        f" it returned at {irql_name(after)}"
    )
    if kind.level == IRQL_UNEXPECTED_VALUE:
        bug_check(IRQL_UNEXPECTED_VALUE, after << 16 | before << 8, argument, 0, 0, reason=reason)
    if kind.level is not None and current.kernel.verifier.is_verified(driver):
        bug_check(kind.level, kind.subcode, routine, before, after, reason=reason)
