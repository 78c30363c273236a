# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The part of a packet with its system buffer, or with the bookkeeping of master and associated packets."""

from __future__ import annotations

from dirql.io.field_values import check_integer
from dirql.io.packet import Packet

__all__ = ["AssociatedIrp"]


class AssociatedIrp:
    """The system buffer of a buffered request (a virtual address), or the bookkeeping of master and associated IRPs."""

    __slots__ = ("irp_count", "master_irp", "stored_buffer")

    def __init__(self) -> None:
        self.stored_buffer: int | None = None
        self.master_irp: Packet | None = None
        self.irp_count = 0

    def clear(self) -> None:
        """Make every field zero."""
        self.stored_buffer = self.master_irp = None
        self.irp_count = 0

    @property
    def system_buffer(self) -> int | None:
        """The address of the buffer for buffered I/O."""
        return self.stored_buffer

    @system_buffer.setter
    def system_buffer(self, value: int | None) -> None:
        if value is not None:
            check_integer(self, "system_buffer", value, "PVOID", 64)
        self.stored_buffer = value

    def __repr__(self) -> str:
        return "the AssociatedIrp of an IRP"
