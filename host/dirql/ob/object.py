# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What every named or counted object has: a name, a count of references and a count of handles.

Follows the object header of Windows NT as far as drivers can see it. An object lives while it is referenced; each
handle holds one reference. A subclass says what closing the last handle and dropping the last reference mean.
"""

from __future__ import annotations

from dirql.ke.bugcheck import bug_check
from dirql.nt.bugcodes import REFERENCE_BY_POINTER

__all__ = ["Object"]


class Object:
    """An object with counts; it starts with one reference, its creator's."""

    __slots__ = ("handle_count", "name", "permanent", "pointer_count")

    def __init__(self) -> None:
        self.name = ""
        self.pointer_count = 1
        self.handle_count = 0
        self.permanent = False

    def reference(self) -> None:
        """Keep the object alive; follows ObReferenceObject. Any IRQL up to DISPATCH_LEVEL."""
        self.pointer_count += 1

    def dereference(self) -> None:
        """Give one reference back; follows ObDereferenceObject.

        The last one deletes the object. One more than were taken is bug check 0x18 REFERENCE_BY_POINTER.
        """
        if self.pointer_count <= 0:
            bug_check(REFERENCE_BY_POINTER, reason=f"{self!r} must have a reference to give back, has none")
        self.pointer_count -= 1
        if self.pointer_count == 0:
            self.last_reference_dropped()

    def last_handle_closed(self) -> None:
        """What closing the last handle means for this kind of object."""

    def last_reference_dropped(self) -> None:
        """What becoming unreachable means for this kind of object."""
