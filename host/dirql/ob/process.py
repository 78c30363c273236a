# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The two processes of a machine: the system process, and that of the programs."""

from __future__ import annotations

from typing import Final

from dirql.ke.objects.dispatcher_object import DispatcherObject
from dirql.ke.threads.thread import Thread
from dirql.nt.constants import ProcessObject

__all__ = ["PROGRAM_ID", "SYSTEM_ID", "KernelProcess"]

SYSTEM_ID: Final = 4
"""The number of NT's System process."""
PROGRAM_ID: Final = 8


class KernelProcess(DispatcherObject):
    """A process (EPROCESS). It never ends, so that it is never signalled."""

    __slots__ = ("image_name", "number")

    def __init__(self, number: int, image_name: str) -> None:
        super().__init__(ProcessObject, 0)
        self.number = number
        self.image_name = image_name

    def __repr__(self) -> str:
        return f"<process {self.number}, {self.image_name}>"

    @property
    def is_system(self) -> bool:
        """Whether it is the system process, which has no user addresses."""
        return self.number == SYSTEM_ID

    def has(self, thread: Thread) -> bool:
        """Whether a thread belongs to this process."""
        return thread.is_system is self.is_system
