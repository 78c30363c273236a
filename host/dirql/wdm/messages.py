# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The WDK's names in the messages that Python itself writes, such as that of a wrong number of arguments."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType

from dirql.nt.contracts import CONTRACTS

__all__ = ["name_routines"]


def name_routines(values: Iterable[object]) -> None:
    """Give each routine of the WDK among the values its WDK name.

    `KeSetEvent()` without an argument then is an error of KeSetEvent and not of `Event.set`.
    """
    for value in values:
        if isinstance(value, FunctionType):
            place = f"{value.__module__.removeprefix('dirql.')}:{value.__qualname__}"
            if place in CONTRACTS:
                value.__qualname__ = CONTRACTS[place].routine
