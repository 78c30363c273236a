# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The end of a kernel queue, whose entries come back as a list of LIST_ENTRYs."""

from __future__ import annotations

from typing import Final, cast

from dirql.ke.objects.blank import refuse_blank
from dirql.ke.objects.kernel_queue import KernelQueue
from dirql.ke.processors.contract import contract
from dirql.rtl.links import Link, set_backward, set_forward

__all__ = ["rundown_queue"]

_RUNDOWN_QUEUE: Final = contract("KeRundownQueue")


def rundown_queue(queue: KernelQueue) -> Link | None:
    """Take out all entries, and end the waits for the queue with STATUS_ABANDONED; follows KeRundownQueue.

    Returns the first entry, or None for an empty queue. The entries form a ring without a head, in their order.
    """
    _RUNDOWN_QUEUE.check(queue)
    if queue.header.type < 0:
        refuse_blank(queue, "KeRundownQueue", queue.INITIALIZER)
    entries = cast("list[Link]", queue.take_all())
    for entry, following in zip(entries, [*entries[1:], *entries[:1]], strict=True):
        set_forward(entry, following)
        set_backward(following, entry)
    return entries[0] if entries else None
