# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The part of a thread that the I/O manager uses: the request on top of it, and the errors shown to the user."""

from __future__ import annotations

__all__ = ["ThreadIoState"]


class ThreadIoState:
    """The part of a thread that belongs to the I/O manager."""

    __slots__ = ("device_to_verify", "hard_errors_disabled", "top_level_irp")

    def __init__(self) -> None:
        self.top_level_irp: object = None
        """The request, or the flag, that the highest driver has set with IoSetTopLevelIrp."""
        self.device_to_verify: object = None
        """The device whose medium has to be verified before the request of this thread is tried again."""
        self.hard_errors_disabled = False
        """Whether errors of devices are not shown to the user."""
