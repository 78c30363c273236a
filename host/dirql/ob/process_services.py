# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The current process and thread, their numbers, and the way from a number back to the object."""

from __future__ import annotations

from typing import Final

from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.threads.thread import Thread, ThreadState
from dirql.nt.constants import KernelMode, UserMode
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_SUCCESS
from dirql.ob.manager import running as object_manager
from dirql.ob.process import KernelProcess

__all__ = [
    "current_process_id",
    "current_thread",
    "current_thread_id",
    "get_current_process",
    "get_previous_mode",
    "get_process_of_current_thread",
    "is_current_system_thread",
    "is_system_thread",
    "is_thread_terminating",
    "lookup_process_by_process_id",
    "lookup_thread_by_thread_id",
    "process_id",
    "thread_exit_status",
    "thread_id",
    "thread_process_id",
    "thread_to_process",
]

_PREVIOUS_MODE: Final = contract("ExGetPreviousMode")
_IO_CURRENT_PROCESS: Final = contract("IoGetCurrentProcess")
_CURRENT_PROCESS: Final = contract("PsGetCurrentProcess")
_CURRENT_PROCESS_ID: Final = contract("PsGetCurrentProcessId")
_CURRENT_THREAD: Final = contract("PsGetCurrentThread")
_CURRENT_THREAD_ID: Final = contract("PsGetCurrentThreadId")
_PROCESS_ID: Final = contract("PsGetProcessId")
_THREAD_ID: Final = contract("PsGetThreadId")
_THREAD_PROCESS_ID: Final = contract("PsGetThreadProcessId")
_EXIT_STATUS: Final = contract("PsGetThreadExitStatus")
_IS_SYSTEM_THREAD: Final = contract("PsIsSystemThread")
_IS_TERMINATING: Final = contract("PsIsThreadTerminating")
_LOOKUP_THREAD: Final = contract("PsLookupThreadByThreadId")
_LOOKUP_PROCESS: Final = contract("PsLookupProcessByProcessId")
_THREAD_TO_PROCESS: Final = contract("IoThreadToProcess")
_IO_IS_SYSTEM_THREAD: Final = contract("IoIsSystemThread")


def get_previous_mode() -> int:
    """The mode of the caller of the system service that runs; follows ExGetPreviousMode.

    UserMode in a thread of a program, unless a driver has called the service; KernelMode in a system thread.
    """
    _PREVIOUS_MODE.check_level(0)
    thread = current.processor.current_thread
    return KernelMode if thread.is_system or thread.kernel_calls else UserMode


def get_current_process() -> KernelProcess:
    """The process of the current thread, or the one to which it is attached; follows PsGetCurrentProcess."""
    _CURRENT_PROCESS.check_level(0)
    return object_manager.value.current_process()


def get_process_of_current_thread() -> KernelProcess:
    """The process of the current thread, or the one to which it is attached; follows IoGetCurrentProcess."""
    _IO_CURRENT_PROCESS.check_level(0)
    return object_manager.value.current_process()


def current_process_id() -> int:
    """The number of the process of the current thread; follows PsGetCurrentProcessId."""
    _CURRENT_PROCESS_ID.check_level(0)
    return object_manager.value.process_of(current.processor.current_thread).number


def current_thread() -> Thread:
    """The current thread; follows PsGetCurrentThread."""
    _CURRENT_THREAD.check_level(0)
    return current.processor.current_thread


def current_thread_id() -> int:
    """The number of the current thread, which CLIENT_ID has too; follows PsGetCurrentThreadId."""
    _CURRENT_THREAD_ID.check_level(0)
    return current.processor.current_thread.number


def process_id(process: KernelProcess) -> int:
    """The number of a process; follows PsGetProcessId."""
    _PROCESS_ID.check(process)
    return process.number


def thread_id(thread: Thread) -> int:
    """The number of a thread; follows PsGetThreadId."""
    _THREAD_ID.check(thread)
    return thread.number


def thread_process_id(thread: Thread) -> int:
    """The number of the process of a thread; follows PsGetThreadProcessId."""
    _THREAD_PROCESS_ID.check(thread)
    return object_manager.value.process_of(thread).number


def thread_exit_status(thread: Thread) -> int:
    """The status with which a thread has ended, STATUS_PENDING before; follows PsGetThreadExitStatus."""
    _EXIT_STATUS.check(thread)
    return thread.exit_status


def thread_to_process(thread: Thread) -> KernelProcess:
    """The process of a thread; follows IoThreadToProcess."""
    _THREAD_TO_PROCESS.check(thread)
    return object_manager.value.process_of(thread)


def is_system_thread(thread: Thread) -> bool:
    """Whether a thread belongs to the system process; follows PsIsSystemThread."""
    _IS_SYSTEM_THREAD.check(thread)
    return thread.is_system


def is_current_system_thread(thread: Thread) -> bool:
    """Whether a thread belongs to the system process; follows IoIsSystemThread."""
    _IO_IS_SYSTEM_THREAD.check(thread)
    return thread.is_system


def is_thread_terminating(thread: Thread) -> bool:
    """Whether a thread has ended; follows PsIsThreadTerminating."""
    _IS_TERMINATING.check(thread)
    return thread.state is ThreadState.TERMINATED


def lookup_thread_by_thread_id(thread_id: int) -> tuple[int, Thread | None]:
    """Find a thread by its number: (status, referenced thread); follows PsLookupThreadByThreadId."""
    _LOOKUP_THREAD.check_level(thread_id)
    _LOOKUP_THREAD.check_arguments(thread_id)
    for thread in current.kernel.threads:
        if thread.number == thread_id:
            manager = object_manager.value
            manager.take_reference(manager.header_of(thread))
            return STATUS_SUCCESS, thread
    return STATUS_INVALID_PARAMETER, None


def lookup_process_by_process_id(process_id: int) -> tuple[int, KernelProcess | None]:
    """Find a process by its number: (status, referenced process); follows PsLookupProcessByProcessId."""
    _LOOKUP_PROCESS.check_level(process_id)
    _LOOKUP_PROCESS.check_arguments(process_id)
    manager = object_manager.value
    for process in (manager.system_process, manager.program_process):
        if process.number == process_id:
            manager.take_reference(manager.header_of(process))
            return STATUS_SUCCESS, process
    return STATUS_INVALID_PARAMETER, None
