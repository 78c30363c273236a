# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The wait for an entry of a kernel queue."""

from __future__ import annotations

from typing import Final

from dirql.ke.current import current
from dirql.ke.objects.blank import refuse_blank
from dirql.ke.objects.kernel_queue import NO_ENTRY, KernelQueue
from dirql.ke.processors.contract import contract
from dirql.ke.threads.alert import check_alertability, return_to_user_mode
from dirql.ke.threads.dispatcher import block, poll
from dirql.ke.threads.wait import check_wait_level
from dirql.nt.constants import APC_LEVEL, KernelMode, WaitAny, WrQueue
from dirql.nt.status import STATUS_ABANDONED, STATUS_SUCCESS, STATUS_TIMEOUT, STATUS_USER_APC

__all__ = ["remove_queue", "take_from_queue"]

_REMOVE_QUEUE: Final = contract("KeRemoveQueue")


def remove_queue(queue: KernelQueue, wait_mode: int = KernelMode, timeout: int | None = None) -> object:
    """Take an entry, or wait for one; follows KeRemoveQueue.

    Returns the entry, or STATUS_TIMEOUT, STATUS_USER_APC or STATUS_ABANDONED, which C has as a pointer. A wait that may
    block needs APC_LEVEL or less. The calling thread belongs to the queue from then on.
    """
    _REMOVE_QUEUE.check(queue)
    _REMOVE_QUEUE.check_arguments(queue, wait_mode, timeout)
    if queue.header.type < 0:
        refuse_blank(queue, "KeRemoveQueue", queue.INITIALIZER)
    if current.processor.irql > APC_LEVEL:
        check_wait_level(queue, timeout)
    status, entry = take_from_queue(queue, wait_mode, False, timeout)
    return entry if status == STATUS_SUCCESS else status


def take_from_queue(
    queue: KernelQueue, wait_mode: int, alertable: bool, timeout: int | None
) -> tuple[int, object]:
    """Take an entry, or wait for one: (status, entry). APC_LEVEL, or DISPATCH_LEVEL with a time-out of 0."""
    if queue.abandoned:
        return STATUS_ABANDONED, None
    thread = current.processor.current_thread
    queue.join(thread)
    status = STATUS_SUCCESS
    if queue.is_signalled_for(thread):
        queue.satisfy(thread)
    elif not (status := check_alertability(thread, alertable, wait_mode)):
        if timeout is not None and current.kernel.timers.has_come(timeout):
            poll()
            if queue.is_signalled_for(thread):
                queue.satisfy(thread)
            else:
                status = STATUS_TIMEOUT
        else:
            status = _wait(queue, wait_mode, alertable, timeout)
    entry = queue.take_for(thread)
    if status == STATUS_USER_APC:
        return_to_user_mode()
    if entry is NO_ENTRY:
        return status or STATUS_ABANDONED, None
    return status, entry


def _wait(queue: KernelQueue, wait_mode: int, alertable: bool, timeout: int | None) -> int:
    thread = current.processor.current_thread
    blocks = thread.single_wait
    blocks[0].object = queue
    queue.header.wait_list[blocks[0]] = None
    thread.wait_block_list, thread.wait_type = blocks, WaitAny
    thread.wait_reason, thread.wait_mode, thread.alertable = WrQueue, wait_mode, alertable
    return block(thread, timeout)
