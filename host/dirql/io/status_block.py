# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The result of a request."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from dirql.nt.ntstatus import status_name

__all__ = ["IoStatusBlock"]


@mypyc_attr(allow_interpreted_subclasses=True)
class IoStatusBlock:
    """The result of a request: an NTSTATUS, and a number whose meaning depends on the kind of request (bytes moved).

    Plug and Play queries return a structure, whose address C drivers put into Information. A Python driver puts the
    structure itself into `information_object`. (IO_STATUS_BLOCK's member Pointer, which shares storage with Status, is
    left out: no driver of a device uses it.)
    """

    __slots__ = ("information", "information_object", "status")

    def __init__(self, status: int = 0, information: int = 0) -> None:
        self.status = status
        self.information = information
        self.information_object: object = None

    def clear(self) -> None:
        """Make every field zero."""
        self.status = self.information = 0
        self.information_object = None

    def take(self, other: IoStatusBlock) -> None:
        """Become equal to `other`."""
        self.status = other.status
        self.information = other.information
        self.information_object = other.information_object

    def __repr__(self) -> str:
        return f"<{status_name(self.status)}, information {self.information!r}>"
