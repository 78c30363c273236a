# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines that drivers register to be told of processes, threads and images.

Threads begin and end in a machine. No process does, and no image of a program is mapped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.ke.current import current
from dirql.ke.guard import RoutineKind, call_driver, current_driver, describe
from dirql.ke.processors.contract import contract
from dirql.ke.threads.thread import Thread
from dirql.nt.bugcodes import IRQL_UNEXPECTED_VALUE
from dirql.nt.status import (
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_PARAMETER,
    STATUS_PROCEDURE_NOT_FOUND,
    STATUS_SUCCESS,
)
from dirql.ob.manager import running as object_manager

__all__ = [
    "NotifyRegistration",
    "remove_create_thread_notify_routine",
    "remove_load_image_notify_routine",
    "set_create_process_notify_routine",
    "set_create_process_notify_routine_ex",
    "set_create_thread_notify_routine",
    "set_load_image_notify_routine",
]

_SET_PROCESS: Final = contract("PsSetCreateProcessNotifyRoutine")
_SET_PROCESS_EX: Final = contract("PsSetCreateProcessNotifyRoutineEx")
_SET_THREAD: Final = contract("PsSetCreateThreadNotifyRoutine")
_REMOVE_THREAD: Final = contract("PsRemoveCreateThreadNotifyRoutine")
_SET_IMAGE: Final = contract("PsSetLoadImageNotifyRoutine")
_REMOVE_IMAGE: Final = contract("PsRemoveLoadImageNotifyRoutine")

_NOTIFY: Final = RoutineKind(
    "the notify routine", level=IRQL_UNEXPECTED_VALUE, parameters=("ProcessId", "ThreadId", "Create")
)
_MOST: Final = 64
"""The number of routines of one kind that NT has place for."""

NotifyRoutine = Callable[[int, int, bool], object]
"""A routine for threads is called as `routine(process_id, thread_id, create)`."""


class NotifyRegistration:
    """One routine that is registered; `undo` is the call that ends that."""

    __slots__ = ("driver", "function", "undo")

    def __init__(self, function: NotifyRoutine | None, undo: str) -> None:
        self.function = function
        self.undo = undo
        self.driver = current_driver()

    def __repr__(self) -> str:
        return f"<registration of {describe(self.function)}, which {self.undo} ends>"


def set_create_process_notify_routine(notify_routine: NotifyRoutine | None, remove: int) -> int:
    """Register a routine for processes, or end that; follows PsSetCreateProcessNotifyRoutine.

    STATUS_INVALID_PARAMETER for a routine that is registered already and for one too many; STATUS_PROCEDURE_NOT_FOUND
    for one to remove that is not registered.
    """
    _SET_PROCESS.check_level(notify_routine)
    _SET_PROCESS.check_arguments(notify_routine, remove)
    return _set_process(notify_routine, remove, "PsSetCreateProcessNotifyRoutine(…, TRUE)")


def set_create_process_notify_routine_ex(notify_routine: NotifyRoutine | None, remove: int) -> int:
    """Do as `set_create_process_notify_routine`; follows PsSetCreateProcessNotifyRoutineEx."""
    _SET_PROCESS_EX.check_level(notify_routine)
    _SET_PROCESS_EX.check_arguments(notify_routine, remove)
    return _set_process(notify_routine, remove, "PsSetCreateProcessNotifyRoutineEx(…, TRUE)")


def set_create_thread_notify_routine(notify_routine: NotifyRoutine | None) -> int:
    """Register a routine for threads; follows PsSetCreateThreadNotifyRoutine.

    It is called in the thread that creates another one, before that runs, and in the thread that ends.
    STATUS_INSUFFICIENT_RESOURCES for one too many.
    """
    _SET_THREAD.check_level(notify_routine)
    _SET_THREAD.check_arguments(notify_routine)
    current.kernel.executive.thread_notice = _tell_of_thread
    return _register(notify_routine, _REMOVE_THREAD.stated.routine)


def remove_create_thread_notify_routine(notify_routine: NotifyRoutine | None) -> int:
    """Call a routine for threads no more; follows PsRemoveCreateThreadNotifyRoutine.

    STATUS_PROCEDURE_NOT_FOUND for a routine that is not registered.
    """
    _REMOVE_THREAD.check_level(notify_routine)
    _REMOVE_THREAD.check_arguments(notify_routine)
    return _remove(notify_routine, _REMOVE_THREAD.stated.routine)


def set_load_image_notify_routine(notify_routine: NotifyRoutine | None) -> int:
    """Register a routine for images; follows PsSetLoadImageNotifyRoutine."""
    _SET_IMAGE.check_level(notify_routine)
    _SET_IMAGE.check_arguments(notify_routine)
    return _register(notify_routine, _REMOVE_IMAGE.stated.routine)


def remove_load_image_notify_routine(notify_routine: NotifyRoutine | None) -> int:
    """End the registration of a routine for images; follows PsRemoveLoadImageNotifyRoutine.

    STATUS_PROCEDURE_NOT_FOUND for a routine that is not registered.
    """
    _REMOVE_IMAGE.check_level(notify_routine)
    _REMOVE_IMAGE.check_arguments(notify_routine)
    return _remove(notify_routine, _REMOVE_IMAGE.stated.routine)


def _set_process(routine: NotifyRoutine | None, remove: int, undo: str) -> int:
    if remove:
        return _remove(routine, undo)
    if any(each.function == routine for each in _registered(undo)):
        return STATUS_INVALID_PARAMETER
    return STATUS_INVALID_PARAMETER if _register(routine, undo) else STATUS_SUCCESS


def _registered(undo: str) -> list[NotifyRegistration]:
    """The registrations of one kind, oldest first."""
    found = object_manager.value.callbacks
    return [each for each in found if isinstance(each, NotifyRegistration) and each.undo == undo]


def _register(routine: NotifyRoutine | None, undo: str) -> int:
    if len(_registered(undo)) == _MOST:
        return STATUS_INSUFFICIENT_RESOURCES
    object_manager.value.callbacks[NotifyRegistration(routine, undo)] = None
    return STATUS_SUCCESS


def _remove(routine: NotifyRoutine | None, undo: str) -> int:
    for each in _registered(undo):
        if each.function == routine:
            del object_manager.value.callbacks[each]
            return STATUS_SUCCESS
    return STATUS_PROCEDURE_NOT_FOUND


def _tell_of_thread(thread: Thread, create: bool) -> None:
    """Call the routines for threads."""
    process = object_manager.value.process_of(thread).number
    for each in _registered(_REMOVE_THREAD.stated.routine):
        if each.function is not None and each in object_manager.value.callbacks:
            call_driver(_NOTIFY, each.driver, each.function, process, thread.number, create)
