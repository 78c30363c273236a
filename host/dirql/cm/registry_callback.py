# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A RegistryCallback routine that is registered, and what it knows of key objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from dirql.ke.current import get_current_thread
from dirql.ke.guard import CALLBACK_FUNCTION, call_driver, current_driver, describe
from dirql.ke.threads.thread import Thread

__all__ = ["RegistryCallback", "RegistryRoutine", "WatchedKey"]

_HIGHEST: Final = float("inf")


class WatchedKey(Protocol):
    """A key object, of which a routine can keep a context."""

    contexts: dict[RegistryCallback, object] | None

    @property
    def full_name(self) -> str:
        """The path of the key."""

    @property
    def identifier(self) -> int:
        """A number that all objects of the key have in common."""


RegistryRoutine = Callable[[object, int, object], int]
"""A RegistryCallback routine is called as `routine(context, notification class, information)`."""


class RegistryCallback:
    """A routine that is registered. It begins at an altitude, and at the same one only once."""

    __slots__ = ("altitude", "busy", "context", "cookie", "driver", "function", "keys", "level")

    def __init__(self, function: RegistryRoutine, altitude: str, context: object, cookie: int) -> None:
        self.function = function
        self.altitude = altitude
        self.level = _HIGHEST if not altitude else _level(altitude)
        self.context = context
        self.cookie = cookie
        self.driver = current_driver()
        self.busy = 0
        """The number of calls of the routine that are under way."""
        self.keys: dict[WatchedKey, None] = {}
        """The key objects of which it keeps a context."""

    @property
    def undo(self) -> str:
        """The routine that ends the registration."""
        return "CmUnRegisterCallback"

    def __repr__(self) -> str:
        place = f"at altitude {self.altitude}" if self.altitude else "without an altitude"
        return f"<registry callback {describe(self.function)} {place}>"

    def call(self, levels: dict[Thread, list[float]], notification: int, information: object) -> int:
        """Call the routine, on top of the code that runs; `levels` has those of the routines that each thread is in."""
        thread = get_current_thread()
        levels.setdefault(thread, []).append(self.level)
        self.busy += 1
        arguments = (self.context, notification, information)
        status = call_driver(CALLBACK_FUNCTION, self.driver, self.function, *arguments)
        self.busy -= 1
        levels[thread].pop()
        if not levels[thread]:
            del levels[thread]
        return status

    def context_of(self, key: object) -> object:
        """The context that the routine keeps of a key object; None if it keeps nothing, or there is no object."""
        contexts = getattr(key, "contexts", None)
        return contexts.get(self) if contexts else None


def _level(altitude: str) -> float:
    """An altitude as a number; one that is none is below all others."""
    try:
        return float(altitude)
    except ValueError:
        return 0.0
