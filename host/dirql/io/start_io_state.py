# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The attributes of a device's StartIo routine, and a call of it that has to wait."""

from __future__ import annotations

__all__ = ["StartIoState"]


class StartIoState:
    """The attributes that IoSetStartIoAttributes sets, and what happens meanwhile."""

    __slots__ = ("deferred", "is_inside", "later", "non_cancelable")

    def __init__(self) -> None:
        self.deferred = False
        """Whether a call of StartIo waits until the one that runs has returned."""
        self.non_cancelable = False
        """Whether a request loses its cancel routine when it leaves the queue."""
        self.is_inside = False
        """Whether a StartIo routine of the device runs, if calls are deferred."""
        self.later: tuple[bool, int | None] | None = None
        """IoStartNextPacket was called meanwhile: whether requests can be cancelled, and the key."""
