# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The variables of a wave dump, and their values, in which each bit has one of four states."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["GAP", "UNKNOWN", "Change", "DumpError", "Value", "Variable"]


class DumpError(ValueError):
    """A wave dump that cannot be checked; the text says what is wrong with it and what to do."""


class Value(NamedTuple):
    """The bits of a variable: those that are 1, those of which nobody knows what they are, and those that float."""

    ones: int
    unknown: int
    floating: int


UNKNOWN = Value(0, -1, 0)
"""The value of a variable of which nothing is known."""
GAP = ""
"""The code of a change that is none: from here on nothing is known of any variable, until it changes."""


class Variable(NamedTuple):
    """A variable of a dump. The same signal may have several, in several scopes, with one code."""

    scope: tuple[str, ...]
    name: str
    """The name without a bit range."""
    bits: tuple[int, ...]
    """The numbers of its bits, the most significant first; `(0,)` for a scalar."""
    code: str
    is_bit: bool
    """Whether it is one bit, with a number, of a vector."""

    @property
    def path(self) -> str:
        """The whole name, as `top.bus.frame_n`."""
        return ".".join((*self.scope, self.name))


class Change(NamedTuple):
    """A variable gets a value. The time is in the units of the dump."""

    time: int
    code: str
    value: Value
