# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The affinity of threads: the processors on which a thread may run.

A thread may run on all processors until a driver binds it to some. The new affinity takes effect before the routine
returns, at DISPATCH_LEVEL when the IRQL falls below it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.threads.dispatcher import keep_affinity

__all__ = [
    "GroupAffinity",
    "revert_to_user_affinity_thread",
    "revert_to_user_affinity_thread_ex",
    "revert_to_user_group_affinity_thread",
    "set_system_affinity_thread",
    "set_system_affinity_thread_ex",
    "set_system_group_affinity_thread",
]

_SET: Final = contract("KeSetSystemAffinityThread")
_SET_EX: Final = contract("KeSetSystemAffinityThreadEx")
_SET_GROUP: Final = contract("KeSetSystemGroupAffinityThread")
_REVERT: Final = contract("KeRevertToUserAffinityThread")
_REVERT_EX: Final = contract("KeRevertToUserAffinityThreadEx")
_REVERT_GROUP: Final = contract("KeRevertToUserGroupAffinityThread")


@dataclass(slots=True)
class GroupAffinity:
    """A set of processors within one group (GROUP_AFFINITY)."""

    mask: int = 0
    group: int = 0
    reserved: list[int] = field(default_factory=lambda: [0, 0, 0])


def set_system_affinity_thread(affinity: int) -> None:
    """Bind the current thread to the processors of a mask; follows KeSetSystemAffinityThread.

    A mask that is 0 or has a bit of a processor that there is not changes nothing.
    """
    _SET.check_level(affinity)
    _SET.check_arguments(affinity)
    if _is_valid(affinity):
        _bind(affinity)


def set_system_affinity_thread_ex(affinity: int) -> int:
    """Do as `set_system_affinity_thread`; follows KeSetSystemAffinityThreadEx.

    Returns the mask of the processors to which a driver had bound the thread before, 0 if none had or if nothing
    changes.
    """
    _SET_EX.check_level(affinity)
    _SET_EX.check_arguments(affinity)
    return _bind(affinity) if _is_valid(affinity) else 0


def set_system_group_affinity_thread(affinity: GroupAffinity) -> GroupAffinity:
    """Do as `set_system_affinity_thread_ex` for a group of processors; follows KeSetSystemGroupAffinityThread.

    Returns PreviousAffinity, whose mask is 0 if no driver had bound the thread or if nothing changes.
    """
    _SET_GROUP.check(affinity)
    return GroupAffinity(_bind(affinity.mask) if not affinity.group and _is_valid(affinity.mask) else 0)


def revert_to_user_affinity_thread() -> None:
    """Let the current thread run on all processors again; follows KeRevertToUserAffinityThread."""
    _REVERT.check_level(0)
    _revert(0)


def revert_to_user_affinity_thread_ex(affinity: int) -> None:
    """Bind the thread as before; follows KeRevertToUserAffinityThreadEx.

    `affinity` is the value that KeSetSystemAffinityThreadEx has returned; with 0 the thread may run on all processors
    again. Without a call of that routine before, nothing changes.
    """
    _REVERT_EX.check_level(affinity)
    _REVERT_EX.check_arguments(affinity)
    _revert(affinity)


def revert_to_user_group_affinity_thread(previous_affinity: GroupAffinity) -> None:
    """Do as `revert_to_user_affinity_thread_ex` for a group; follows KeRevertToUserGroupAffinityThread."""
    _REVERT_GROUP.check(previous_affinity)
    if not previous_affinity.group:
        _revert(previous_affinity.mask)


def _is_valid(affinity: int) -> bool:
    """Whether a mask has at least one processor, and none that there is not."""
    return 0 < affinity <= current.kernel.ready.affinity


def _bind(affinity: int) -> int:
    """Bind the current thread to a valid mask; return the one before, or 0."""
    thread = current.processor.current_thread
    before = thread.system_affinity
    thread.system_affinity = affinity
    _move(affinity)
    return before


def _revert(affinity: int) -> None:
    thread = current.processor.current_thread
    if not thread.system_affinity or (affinity and not _is_valid(affinity)):
        return
    thread.system_affinity = affinity
    _move(affinity or current.kernel.ready.affinity)


def _move(affinity: int) -> None:
    """Give the current thread the queue of its new affinity, and let it go on where it may run."""
    kernel = current.kernel
    current.processor.current_thread.ready_queue = kernel.ready_queue(affinity)
    keep_affinity(current.processor)
