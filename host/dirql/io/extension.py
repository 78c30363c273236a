# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The device extension after the end of its device: a driver that uses it is stopped (row DEV-11).

The extension is an object of a class of the driver. When the device is gone, the object becomes one of a class made
here, which looks at each use of a member. Some classes do not allow that, as that of a bytearray; their objects are not
watched.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.origin import Mark, describe_mark, origin
from dirql.nt.bugcodes import DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL

__all__ = ["end_extension"]


def end_extension(extension: object, device: str, place: Mark | None) -> None:
    """Stop drivers that use `extension` from now on.

    `device` names the device that is gone, and `place` is where it was deleted.
    """
    made = type(extension)
    end = _End(f"the extension of {device}, which was deleted in {describe_mark(place)}")

    def read(self: object, name: str) -> object:
        end.check(extension, name, write=False)
        return made.__getattribute__(self, name)

    def write(self: object, name: str, value: object) -> None:
        end.check(extension, name, write=True)
        made.__setattr__(self, name, value)

    members = {"__slots__": (), "__getattribute__": read, "__setattr__": write, "__module__": made.__module__}
    with suppress(TypeError):
        extension.__class__ = type(made.__name__, (made,), members)


class _End:
    """The end of one extension."""

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what: Final = what

    def check(self, extension: object, name: str, *, write: bool) -> None:
        """Stop the system if a driver runs. A program, such as a test, may still look."""
        if name.startswith("__") or not current.is_running() or current.processor.driver is None:
            return
        done = "written" if write else "read"
        reason = (
            f"a device extension must not be used after its device is gone; its member {name} was {done} in"
            f" {self._what}: call IoDeleteDevice after the last use; stop its timers, DPCs and threads before"
        )
        bug_check(
            DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL,
            extension.__class__,
            int(write),
            origin(),
            0,
            reason=reason,
        )
