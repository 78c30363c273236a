# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""State of the kernel that few drivers touch, such as saved floating-point states and the timer resolution."""

from __future__ import annotations

from collections.abc import Callable

from dirql.ke.origin import Mark
from dirql.ke.threads.thread import Thread

__all__ = ["ExecutiveState", "SavedState"]


class SavedState:
    """A floating-point state that is saved and not restored yet: its driver, and the place."""

    __slots__ = ("driver", "place")

    def __init__(self, driver: object, place: Mark | None) -> None:
        self.driver = driver
        self.place = place


class ExecutiveState:
    """The state of one machine."""

    __slots__ = ("last_uuid_time", "run_once_events", "saved_states", "thread_notice", "timer_resolutions")

    def __init__(self) -> None:
        self.saved_states: dict[object, SavedState] = {}
        """The saved floating-point states, by the KFLOATING_SAVE that names each."""
        self.timer_resolutions: list[int] = []
        """The resolutions that ExSetTimerResolution has asked for and that were not given back, in 100 ns units."""
        self.run_once_events: dict[int, object] = {}
        """The events for which callers wait until an RTL_RUN_ONCE is initialized, by its address."""
        self.thread_notice: Callable[[Thread, bool], None] | None = None
        """Tells drivers of a thread that begins (True) or ends, once one has asked for that."""
        self.last_uuid_time = 0
