# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""State of the kernel that few drivers touch: saved floating-point states, the timer resolution, the last UUID."""

from __future__ import annotations

from dirql.ke.origin import Mark

__all__ = ["ExecutiveState", "SavedState"]


class SavedState:
    """A floating-point state that is saved and not restored yet: its driver, and the place."""

    __slots__ = ("driver", "place")

    def __init__(self, driver: object, place: Mark | None) -> None:
        self.driver = driver
        self.place = place


class ExecutiveState:
    """The state of one machine."""

    __slots__ = ("last_uuid_time", "saved_states", "timer_resolutions")

    def __init__(self) -> None:
        self.saved_states: dict[object, SavedState] = {}
        """The saved floating-point states, by the KFLOATING_SAVE that names each."""
        self.timer_resolutions: list[int] = []
        """The resolutions that ExSetTimerResolution has asked for and that were not given back, in 100 ns units."""
        self.last_uuid_time = 0
