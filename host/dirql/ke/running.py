# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The parts of the open machine, for routines that take no object of the machine.

One machine is open at a time in a process. Each room keeps one `Running` beside the class of its part; routines such as
`READ_REGISTER_ULONG(address)` find the machine's memory and its bus there.
"""

from __future__ import annotations

from typing import Generic, Never, TypeVar, cast

__all__ = ["Running"]

T = TypeVar("T")


class NoOpenMachine:
    """Takes the place of the part while no machine is open, so that no routine has to ask whether one is.

    Compiled routines check the type of the part first: their message has the name of this class.
    """

    __slots__ = ("_purpose",)

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose

    def __getattr__(self, name: str) -> Never:
        raise RuntimeError(
            f"{self._purpose} need an open machine, and none is open ({name!r} was asked for); call open_machine first"
        )


class Running(Generic[T]):
    """Holds one part of the open machine in `value`."""

    __slots__ = ("_missing", "value")

    def __init__(self, purpose: str) -> None:
        """`purpose` begins the error message of a use without a machine, such as "memory routines"."""
        self._missing = cast(T, NoOpenMachine(purpose))
        self.value: T = self._missing

    @property
    def is_installed(self) -> bool:
        """Whether a machine is open."""
        return self.value is not self._missing

    def install(self, value: T) -> None:
        """Make `value` the open machine's part; raises `RuntimeError` while another machine is open."""
        if self.is_installed:
            raise RuntimeError(
                "one machine can be open at a time in a process, and one is open; close it first"
            )
        self.value = value

    def clear(self) -> None:
        """Forget the part, because its machine closes."""
        self.value = self._missing
