# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The part of a packet with its system buffer, or with the bookkeeping of master and associated packets."""

from __future__ import annotations

from dirql.io.packet import Packet

__all__ = ["AssociatedIrp"]


class AssociatedIrp:
    """The system buffer of a buffered request (a virtual address), or the bookkeeping of master and associated IRPs."""

    __slots__ = ("irp_count", "master_irp", "system_buffer")

    def __init__(self) -> None:
        self.system_buffer: int | None = None
        self.master_irp: Packet | None = None
        self.irp_count = 0

    def clear(self) -> None:
        """Make every field zero."""
        self.system_buffer = self.master_irp = None
        self.irp_count = 0
