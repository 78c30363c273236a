# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Initialization that happens once (RTL_RUN_ONCE), at an address: a pointer whose lowest two bits tell the state.

A driver may also fill the pointer with zeros, as RTL_RUN_ONCE_INIT does in C.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.ke.current import current
from dirql.ke.guard import RoutineKind, call_driver, current_driver
from dirql.ke.objects.event import Event
from dirql.ke.origin import mark
from dirql.ke.processors.contract import contract
from dirql.ke.threads.wait import wait_for_single_object
from dirql.mm.allocation import free_pool
from dirql.mm.manager import running
from dirql.nt.bugcodes import IRQL_UNEXPECTED_VALUE
from dirql.nt.constants import (
    RTL_RUN_ONCE_ASYNC,
    RTL_RUN_ONCE_CHECK_ONLY,
    RTL_RUN_ONCE_INIT_FAILED,
    Executive,
    KernelMode,
    NotificationEvent,
)
from dirql.nt.status import (
    STATUS_INVALID_PARAMETER,
    STATUS_NO_MEMORY,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
)
from dirql.rtl.memory import read, write

__all__ = ["begin_initialize", "complete", "execute_once", "initialize"]

_INITIALIZE: Final = contract("RtlRunOnceInitialize")
_BEGIN: Final = contract("RtlRunOnceBeginInitialize")
_COMPLETE: Final = contract("RtlRunOnceComplete")
_EXECUTE: Final = contract("RtlRunOnceExecuteOnce")

_INIT_FN: Final = RoutineKind(
    "the routine that initializes once",
    level=IRQL_UNEXPECTED_VALUE,
    parameters=("RunOnce", "Parameter", "Context"),
)
_STATE: Final = 3
_FRESH: Final = 0
_PENDING: Final = 1
_DONE: Final = 2
_PENDING_ASYNC: Final = 3
"""The states: not begun, under way in one thread, completed, under way in any number of threads."""
_POINTER: Final = 8
_HIGHEST: Final = (1 << 64) - 1
_TAG: Final = int.from_bytes(b"Once", "little")

InitFunction = Callable[[int, object, int], int]
"""It is called as `function(run_once, parameter, context)`; `context` is where it may write a pointer."""


def initialize(run_once: int) -> None:
    """Begin anew; follows RtlRunOnceInitialize."""
    _INITIALIZE.check_level(run_once)
    _INITIALIZE.check_arguments(run_once)
    _store(run_once, _FRESH)


def begin_initialize(run_once: int, flags: int) -> tuple[int, int | None]:
    """Begin the initialization: (status, context); follows RtlRunOnceBeginInitialize.

    STATUS_PENDING: the caller has to initialize, and to call RtlRunOnceComplete; STATUS_SUCCESS: it is done, and the
    context is what it made. A caller waits for the one that is under way, unless all come with RTL_RUN_ONCE_ASYNC.
    With RTL_RUN_ONCE_CHECK_ONLY it is STATUS_UNSUCCESSFUL before the end. STATUS_INVALID_PARAMETER for both flags, for
    others, and for callers with and without RTL_RUN_ONCE_ASYNC.
    """
    _BEGIN.check_level(run_once)
    _BEGIN.check_arguments(run_once, flags)
    return _begin(run_once, flags)


def complete(run_once: int, flags: int, context: object) -> int:
    """End the initialization; follows RtlRunOnceComplete.

    With RTL_RUN_ONCE_INIT_FAILED the next caller begins anew. STATUS_INVALID_PARAMETER for a context with one of its
    two lowest bits, for a context of one that failed, and for RTL_RUN_ONCE_ASYNC where there was none before;
    STATUS_UNSUCCESSFUL if none is under way, which is what the slower one of two callers gets.
    """
    _COMPLETE.check_level(run_once)
    _COMPLETE.check_arguments(run_once, flags, context)
    pointer = 0 if context is None else context
    if not isinstance(pointer, int) or not 0 <= pointer <= _HIGHEST:
        _COMPLETE.refuse_argument("Context", "an address, which is an integer, or None", context)
    return _complete(run_once, flags, pointer)


def execute_once(run_once: int, init_fn: InitFunction, parameter: object) -> tuple[int, int | None]:
    """Call a routine if none has been called with success: (status, context); follows RtlRunOnceExecuteOnce.

    STATUS_UNSUCCESSFUL if the routine returns FALSE.
    """
    _EXECUTE.check_level(run_once)
    _EXECUTE.check_arguments(run_once, init_fn, parameter)
    status, context = _begin(run_once, 0)
    if status != STATUS_PENDING:
        return status, context
    place = running.value.paged_pool.allocate(_POINTER, _TAG, place=mark())
    if place is None:
        _complete(run_once, RTL_RUN_ONCE_INIT_FAILED, 0)
        return STATUS_NO_MEMORY, None
    write(place, bytes(_POINTER))
    made = call_driver(_INIT_FN, current_driver(), init_fn, run_once, parameter, place)
    pointer = int.from_bytes(read(place, _POINTER), "little")
    free_pool(place)
    if not made:
        _complete(run_once, RTL_RUN_ONCE_INIT_FAILED, 0)
        return STATUS_UNSUCCESSFUL, None
    return _complete(run_once, 0, pointer), pointer or None


def _begin(run_once: int, flags: int) -> tuple[int, int | None]:
    if flags not in (0, RTL_RUN_ONCE_CHECK_ONLY, RTL_RUN_ONCE_ASYNC):
        return STATUS_INVALID_PARAMETER, None
    while True:
        value = _load(run_once)
        state = value & _STATE
        if state == _DONE:
            return STATUS_SUCCESS, value & ~_STATE or None
        if flags & RTL_RUN_ONCE_CHECK_ONLY:
            return STATUS_UNSUCCESSFUL, None
        wanted = _PENDING_ASYNC if flags & RTL_RUN_ONCE_ASYNC else _PENDING
        if state == _FRESH:
            _store(run_once, wanted)
            return STATUS_PENDING, None
        if state != wanted:
            return STATUS_INVALID_PARAMETER, None
        if state == _PENDING_ASYNC:
            return STATUS_PENDING, None
        _wait(run_once)


def _complete(run_once: int, flags: int, context: int) -> int:
    failed = bool(flags & RTL_RUN_ONCE_INIT_FAILED)
    is_async = bool(flags & RTL_RUN_ONCE_ASYNC)
    if (
        flags & ~(RTL_RUN_ONCE_ASYNC | RTL_RUN_ONCE_INIT_FAILED)
        or context & _STATE
        or (failed and (context or is_async))
    ):
        return STATUS_INVALID_PARAMETER
    state = _load(run_once) & _STATE
    if state not in (_PENDING, _PENDING_ASYNC):
        return STATUS_UNSUCCESSFUL
    if (state == _PENDING_ASYNC) is not is_async:
        return STATUS_INVALID_PARAMETER
    _store(run_once, _FRESH if failed else context | _DONE)
    event = current.kernel.executive.run_once_events.pop(run_once, None)
    if isinstance(event, Event):
        event.set(0, False)
    return STATUS_SUCCESS


def _wait(run_once: int) -> None:
    """Wait until the initialization that is under way has ended."""
    events = current.kernel.executive.run_once_events
    event = events.get(run_once)
    if not isinstance(event, Event):
        event = events[run_once] = Event()
        event.initialize(NotificationEvent, False)
    wait_for_single_object(event, Executive, KernelMode, False, None)


def _load(run_once: int) -> int:
    return int.from_bytes(read(run_once, _POINTER), "little")


def _store(run_once: int, value: int) -> None:
    write(run_once, value.to_bytes(_POINTER, "little"))
