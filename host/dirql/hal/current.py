# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The hardware abstraction layer of the running machine, for routines that have no object to hang on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never, cast

if TYPE_CHECKING:
    from dirql.hal.hal import Hal

__all__ = ["clear", "hal", "install"]


class _NoHal:
    """Stands where the layer would be, so that no routine needs to ask whether there is one."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Never:
        raise RuntimeError(
            f"registers, ports and DMA need a machine and none is open (asked for its {name}); open a machine first"
        )


_NONE = _NoHal()

hal: Hal = cast("Hal", _NONE)


def install(new_hal: Hal) -> None:
    """Make a layer the running machine's; one machine runs at a time in a process."""
    global hal
    if cast("object", hal) is not _NONE:
        raise RuntimeError("one machine runs at a time in a process, and one is open; close it first")
    hal = new_hal


def clear() -> None:
    """No machine runs any more."""
    global hal
    hal = cast("Hal", _NONE)
