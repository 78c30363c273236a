# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The timer of a device, which IoInitializeTimer makes."""

from __future__ import annotations

from collections.abc import Callable

from dirql.io.objects import DeviceObject

__all__ = ["IoTimer", "IoTimerRoutine"]

IoTimerRoutine = Callable[[DeviceObject, object], object]


class IoTimer:
    """The timer of a device, which calls the device's IoTimer routine once a second (IO_TIMER)."""

    __slots__ = ("context", "device_object", "is_started", "timer_routine")

    def __init__(self, device: DeviceObject, routine: IoTimerRoutine, context: object) -> None:
        self.device_object = device
        self.timer_routine = routine
        self.context = context
        self.is_started = False
        """Whether the routine is called, from IoStartTimer to IoStopTimer."""

    def __repr__(self) -> str:
        return f"<IoTimer of {self.device_object!r}>"
