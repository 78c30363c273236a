# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The result of a request."""

from __future__ import annotations

from typing import Protocol

from mypy_extensions import mypyc_attr

from dirql.ke.current import current
from dirql.nt.ntstatus import NTSTATUS, status_name
from dirql.nt.status import STATUS_SUCCESS

__all__ = ["IoStatusBlock"]


class _Packet(Protocol):
    """The request that a block is the result of."""

    holder: object

    def check_use(self, name: str) -> None:
        """Tell a driver that uses a field of the request while it does not have it."""


@mypyc_attr(allow_interpreted_subclasses=True)
class IoStatusBlock:
    """The result of a request: an NTSTATUS, and a number whose meaning depends on the kind of request (bytes moved).

    Plug and Play queries return a structure, whose address C drivers put into Information. A Python driver puts the
    structure itself into `information_object`. (IO_STATUS_BLOCK's member Pointer, which shares storage with Status, is
    left out: no driver of a device uses it.)

    The status is an `NTSTATUS` whatever form it was written in. (That takes 5 % more for a request through one driver
    and 2 % for a read, bench/io_paths.py.)

    Drivers use `status` and `information`, which tell a driver that uses the result of a request while another driver
    has it. The I/O manager itself uses `nt_status` and `stored_information`.
    """

    __slots__ = ("_packet", "information_object", "nt_status", "stored_information")

    def __init__(
        self, status: int = STATUS_SUCCESS, information: int = 0, packet: _Packet | None = None
    ) -> None:
        """`packet` is the request to which the block belongs; None for a block of a driver or a program."""
        self.nt_status: int = status if type(status) is NTSTATUS else NTSTATUS(status)
        """The status for the I/O manager. The property takes 0.07 µs more, and "a request through 1 drivers" in
        bench/io_paths.py asks twice."""
        self.stored_information = information
        self.information_object: object = None
        self._packet: _Packet | None = packet

    @property
    def status(self) -> int:
        """The status. A negative number, as C has it for an error, becomes the constant."""
        packet = self._packet
        if packet is not None and packet.holder is not current.processor.driver:
            packet.check_use("io_status.status")
        return self.nt_status

    @status.setter
    def status(self, value: int) -> None:
        packet = self._packet
        if packet is not None and packet.holder is not current.processor.driver:
            packet.check_use("io_status.status")
        self.nt_status = value if type(value) is NTSTATUS else NTSTATUS(value)

    @property
    def information(self) -> int:
        """The number, whose meaning depends on the request."""
        packet = self._packet
        if packet is not None and packet.holder is not current.processor.driver:
            packet.check_use("io_status.information")
        return self.stored_information

    @information.setter
    def information(self, value: int) -> None:
        packet = self._packet
        if packet is not None and packet.holder is not current.processor.driver:
            packet.check_use("io_status.information")
        self.stored_information = value

    def clear(self) -> None:
        """Make every field zero."""
        self.nt_status = STATUS_SUCCESS
        self.stored_information = 0
        self.information_object = None

    def take(self, other: IoStatusBlock) -> None:
        """Become equal to `other`."""
        self.nt_status = other.nt_status
        self.stored_information = other.stored_information
        self.information_object = other.information_object

    def __repr__(self) -> str:
        return f"<{status_name(self.nt_status)}, information {self.stored_information!r}>"
