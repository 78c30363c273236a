# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The depth of the nested calls of the I/O manager on one kernel stack."""

from __future__ import annotations

__all__ = ["Nesting"]


class Nesting:
    """The calls of the I/O manager that run one inside the other on one kernel stack.

    Each thread has a stack, and each processor has one for its DPCs, as on NT. A stack gets no deeper by what other
    threads and processors do. While DPCs run on top of a thread, `drain` swaps the two, so that the `nesting` of the
    current thread is always that of the code that runs.
    """

    __slots__ = ("cancels", "completions", "starts")

    def __init__(self) -> None:
        self.completions = 0
        """The number of completions that run."""
        self.starts = 0
        """The number of StartIo routines that run."""
        self.cancels = 0
        """The number of cancel routines that run."""
