# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The common part of all objects with a name or a handle: the name, a count of references and a count of handles.

Follows the object header of Windows NT as far as drivers can see it. An object lives while it is referenced; each
handle holds one reference. A subclass says what it does when its last handle is closed and its last reference goes.
"""

from __future__ import annotations

from dirql.ke.bugcheck import bug_check
from dirql.nt.bugcodes import REFERENCE_BY_POINTER

__all__ = ["Object"]


class Object:
    """An object with counts; it begins with one reference, which belongs to its creator."""

    __slots__ = ("handle_count", "name", "permanent", "pointer_count")

    def __init__(self) -> None:
        self.name = ""
        self.pointer_count = 1
        self.handle_count = 0
        self.permanent = False

    @property
    def type_name(self) -> str:
        """The name of the object's type, as in `ob.object_type`."""
        return "Directory"

    @property
    def begins_with_name(self) -> bool:
        """Whether the reference with which an object begins is that of its name, and not its creator's."""
        return False

    @property
    def body(self) -> object:
        """The object that drivers see, to which these counts belong."""
        return self

    @property
    def kind(self) -> str:
        """The name of the type of the object to which these counts belong."""
        return self.type_name

    @property
    def references(self) -> int:
        """The number of references, of which the name of an object is one."""
        return self.pointer_count + (self.name != "" and not self.begins_with_name)

    @property
    def full_name(self) -> str:
        """The name under which the object can be opened, "" without one."""
        return self.name

    def reference(self) -> int:
        """Keep the object alive; returns the number of references. Any IRQL up to DISPATCH_LEVEL."""
        self.pointer_count += 1
        return self.pointer_count

    def dereference(self) -> int:
        """Give one reference back; returns the number of those left. Any IRQL up to DISPATCH_LEVEL.

        The last one deletes the object. Bug check 0x18 REFERENCE_BY_POINTER when there is none to give back.
        """
        if self.pointer_count <= 0:
            bug_check(
                REFERENCE_BY_POINTER,
                type(self.body),
                self.body,
                reason=f"{self.body!r} must have a reference to give back; it had none",
            )
        self.pointer_count -= 1
        if self.pointer_count == 0:
            self.last_reference_dropped()
        return self.pointer_count

    def last_handle_closed(self) -> None:
        """Do what this kind of object does when its last handle is closed."""

    def last_reference_dropped(self) -> None:
        """Do what this kind of object does when it is deleted."""
