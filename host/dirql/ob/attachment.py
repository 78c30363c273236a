# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Attaching a thread to the address space of another process, and coming back (KeStackAttachProcess)."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.threads.thread import AttachedProcess, Thread
from dirql.nt.bugcodes import INVALID_PROCESS_ATTACH_ATTEMPT, INVALID_PROCESS_DETACH_ATTEMPT
from dirql.ob.manager import running as object_manager
from dirql.ob.process import KernelProcess

__all__ = [
    "SavedApcState",
    "attach_process",
    "detach_process",
    "stack_attach_process",
    "unstack_detach_process",
]

_ATTACH: Final = contract("KeAttachProcess")
_DETACH: Final = contract("KeDetachProcess")
_STACK_ATTACH: Final = contract("KeStackAttachProcess")
_UNSTACK_DETACH: Final = contract("KeUnstackDetachProcess")


@mypyc_attr(allow_interpreted_subclasses=True)
class SavedApcState:
    """The process that a thread had before it was attached to another one (KAPC_STATE)."""

    __slots__ = ("before", "process", "thread")

    def __init__(self) -> None:
        """Make a place for a state that is not saved yet."""
        self.thread: Thread | None = None
        """The attached thread; None while nothing is saved."""
        self.before: AttachedProcess | None = None
        self.process: KernelProcess | None = None

    def __repr__(self) -> str:
        state = "not saved" if self.thread is None else f"saved by {self.thread!r} for {self.process!r}"
        return f"<APC state {id(self):#x}, {state}>"


def attach_process(process: KernelProcess) -> None:
    """Let the current thread use the user addresses of a process; follows KeAttachProcess, which is obsolete.

    Bug check 5 INVALID_PROCESS_ATTACH_ATTEMPT for a thread that is attached to another process.
    """
    _ATTACH.check(process)
    thread = current.processor.current_thread
    attached = thread.attached
    if attached is process:
        return
    if attached is not None:
        reason = (
            f"KeAttachProcess must be called by a thread that is not attached; it was, to {attached!r}: use"
            " KeStackAttachProcess, which can be nested"
        )
        bug_check(INVALID_PROCESS_ATTACH_ATTEMPT, process, attached, 1, 0, reason=reason)
    if not process.has(thread):
        thread.attached = process


def detach_process() -> None:
    """Let the current thread use the user addresses of its own process again; follows KeDetachProcess.

    It does nothing for a thread that is not attached.
    """
    _DETACH.check_level(0)
    current.processor.current_thread.attached = None


def stack_attach_process(process: KernelProcess, apc_state: SavedApcState) -> None:
    """Let the current thread use the user addresses of a process, and keep what it used before.

    Follows KeStackAttachProcess. Calls can be nested.
    """
    _STACK_ATTACH.check_two(process, apc_state)
    thread = current.processor.current_thread
    apc_state.thread, apc_state.before, apc_state.process = thread, thread.attached, process
    thread.attached = None if process.has(thread) else process


def unstack_detach_process(apc_state: SavedApcState) -> None:
    """Undo the last `stack_attach_process` of the current thread; follows KeUnstackDetachProcess.

    Bug check 6 INVALID_PROCESS_DETACH_ATTEMPT for a state that this thread has not saved by its last attachment.
    """
    _UNSTACK_DETACH.check(apc_state)
    thread = current.processor.current_thread
    process = apc_state.process
    attached = object_manager.value.current_process()
    if apc_state.thread is not thread or process is not attached:
        reason = (
            "KeUnstackDetachProcess must be called once for the state of the last KeStackAttachProcess, in the same"
            f" thread, which was attached to {attached!r}; it was {apc_state!r} in {thread!r}"
        )
        bug_check(INVALID_PROCESS_DETACH_ATTEMPT, attached, apc_state, 0, 0, reason=reason)
    thread.attached = apc_state.before
    apc_state.thread = apc_state.before = apc_state.process = None
