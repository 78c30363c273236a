# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The I/O manager of the machine that is open, for routines without an object to hang on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never, cast

if TYPE_CHECKING:
    from dirql.io.manager import IoManager

__all__ = ["clear", "install", "manager"]


class _NoManager:
    """Stands where the I/O manager would be, so that no routine needs to ask whether there is one."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Never:
        raise RuntimeError(
            f"I/O routines need an open machine and none is open (asked for its {name}); open a machine first"
        )


_NONE = _NoManager()

manager: IoManager = cast("IoManager", _NONE)


def install(new_manager: IoManager) -> None:
    """Make an I/O manager the one that routines find."""
    global manager
    manager = new_manager


def clear() -> None:
    """No machine is open any more."""
    global manager
    manager = cast("IoManager", _NONE)
