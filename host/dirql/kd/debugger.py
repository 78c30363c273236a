# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The kernel debugger as drivers see it: it keeps their messages, and is asked at breakpoints.

A message is shown if the mask of its component, or the mask of the whole system, has the bit of its level.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dirql.ke.running import Running
from dirql.nt.constants import DPFLTR_DEFAULT_ID, DPFLTR_ERROR_LEVEL, DPFLTR_INFO_LEVEL

__all__ = ["DebugMessage", "Debugger", "level_mask", "running"]

_LEVELS: Final = 32
_MOST_MESSAGES: Final = 100_000
"""So many messages are kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class DebugMessage:
    """One message of a driver, of at most 512 bytes."""

    text: str
    component: int
    level: int
    driver: object
    """The driver whose code ran; None for a program's."""
    clock: int
    """The bus clock of the message."""


class Debugger:
    """The debugger of one machine; `install` makes it the one to which drivers talk.

    `messages` are those that were shown. `checked_build` says whether the drivers are of a checked build, in which
    KdPrint and ASSERT do something. `printed` is told of each message, and `stopped` is called at a breakpoint, if they
    are not None.
    """

    __slots__ = ("checked_build", "masks", "messages", "printed", "stopped", "system_mask")

    def __init__(self) -> None:
        self.messages: deque[DebugMessage] = deque(maxlen=_MOST_MESSAGES)
        self.checked_build = False
        self.printed: Callable[[DebugMessage], object] | None = None
        self.stopped: Callable[[], object] | None = None
        self.system_mask = level_mask(DPFLTR_ERROR_LEVEL)
        """The levels that are shown of every component, Kd_WIN2000_Mask."""
        self.masks: dict[int, int] = {DPFLTR_DEFAULT_ID: (1 << DPFLTR_INFO_LEVEL + 1) - 1}
        """The levels that are shown of a component besides; of the default component, the one of DbgPrint, all four."""

    def install(self) -> None:
        """Become the debugger of the open machine; raises `RuntimeError` while another machine is open."""
        running.install(self)

    @property
    def output(self) -> str:
        """All messages in one text."""
        return "".join(message.text for message in self.messages)

    def shows(self, component: int, level: int) -> bool:
        """Whether a message of this component and level is shown."""
        return bool(level_mask(level) & (self.system_mask | self.masks.get(component, 0)))

    def show(self, message: DebugMessage) -> None:
        """Keep a message, and tell of it."""
        self.messages.append(message)
        if self.printed is not None:
            self.printed(message)


def level_mask(level: int) -> int:
    """The bit of a level below 32; any other level is a mask itself."""
    return 1 << level if level < _LEVELS else level


running: Final = Running[Debugger]("debugger routines")
"""The debugger of the open machine."""
