# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The result of a request."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from dirql.nt.ntstatus import NTSTATUS, status_name
from dirql.nt.status import STATUS_SUCCESS

__all__ = ["IoStatusBlock"]


@mypyc_attr(allow_interpreted_subclasses=True)
class IoStatusBlock:
    """The result of a request: an NTSTATUS, and a number whose meaning depends on the kind of request (bytes moved).

    Plug and Play queries return a structure, whose address C drivers put into Information. A Python driver puts the
    structure itself into `information_object`. (IO_STATUS_BLOCK's member Pointer, which shares storage with Status, is
    left out: no driver of a device uses it.)

    The status is an `NTSTATUS` whatever form it was written in. (That takes 5 % more for a request through one driver
    and 2 % for a read, bench/io_paths.py.)
    """

    __slots__ = ("information", "information_object", "nt_status")

    def __init__(self, status: int = STATUS_SUCCESS, information: int = 0) -> None:
        self.nt_status: int = status if type(status) is NTSTATUS else NTSTATUS(status)
        """The status for the I/O manager. The property takes 0.07 µs more, and "a request through 1 drivers" in
        bench/io_paths.py asks twice."""
        self.information = information
        self.information_object: object = None

    @property
    def status(self) -> int:
        """The status. A negative number, as C has it for an error, becomes the constant."""
        return self.nt_status

    @status.setter
    def status(self, value: int) -> None:
        self.nt_status = value if type(value) is NTSTATUS else NTSTATUS(value)

    def clear(self) -> None:
        """Make every field zero."""
        self.nt_status = STATUS_SUCCESS
        self.information = 0
        self.information_object = None

    def take(self, other: IoStatusBlock) -> None:
        """Become equal to `other`."""
        self.nt_status = other.nt_status
        self.information = other.information
        self.information_object = other.information_object

    def __repr__(self) -> str:
        return f"<{status_name(self.status)}, information {self.information!r}>"
