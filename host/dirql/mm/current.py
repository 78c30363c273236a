# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory of the running machine, for routines that have no object to hang on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Never, cast

if TYPE_CHECKING:
    from dirql.mm.manager import MemoryManager

__all__ = ["clear", "install", "manager"]


class _NoMemory:
    """Stands where the memory of a machine would be, so that no routine needs to ask whether there is one."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Never:
        raise RuntimeError(
            f"memory routines need the memory of a machine and none is open (asked for its {name}); open a machine "
            f"first"
        )


_NONE = _NoMemory()

manager: MemoryManager = cast("MemoryManager", _NONE)


def install(new_manager: MemoryManager) -> None:
    """Make a memory the running machine's; one machine runs at a time in a process."""
    global manager
    if cast("object", manager) is not _NONE:
        raise RuntimeError("one machine's memory is used at a time in a process, and one is; close it first")
    manager = new_manager


def clear() -> None:
    """No machine runs any more."""
    global manager
    manager = cast("MemoryManager", _NONE)
