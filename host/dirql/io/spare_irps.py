# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Freed packets whose memory a new packet may take."""

from __future__ import annotations

from sys import getrefcount

from dirql.io.objects import Irp

__all__ = ["SpareIrps"]

_DEPTH = 8


class SpareIrps:
    """A few freed packets of each size.

    A packet is taken only if no other object or variable refers to the packet or to one of its parts. A driver that
    keeps a freed packet, a stack location or a parameter record therefore keeps it for itself: its mistake is found as
    if each packet were a new object, and it cannot change the packet of another request.

    With it a request through 1, 2 or 3 drivers takes 18, 8 and 17 % less time, and a read 1 % more
    (bench/io_paths.py).
    """

    __slots__ = ("_by_size",)

    def __init__(self) -> None:
        self._by_size: dict[int, list[Irp]] = {}

    def put(self, irp: Irp) -> None:
        """Keep a freed packet, if there are not enough of that size."""
        spare = self._by_size.setdefault(irp.stack_count, [])
        if len(spare) < _DEPTH:
            spare.append(irp)

    def take(self, stack_size: int) -> Irp | None:
        """The packet that was freed first, if nobody refers to it and it is not the only one; else None.

        To the packet that was freed last, the DPC that completed it often still refers, by an argument.
        """
        spare = self._by_size.get(stack_size)
        if spare is None or len(spare) < 2:
            return None
        irp = spare.pop(0)
        locations = irp.locations
        # A variable, the argument of `getrefcount`, and the owner of a part hold one reference each.
        if getrefcount(irp) > 2 or getrefcount(irp.io_status) > 2 or getrefcount(locations) > 3:
            return None
        for location in locations:
            parameters = location.parameters
            if getrefcount(location) > 3 or getrefcount(parameters) > 3 or getrefcount(parameters.read) > 2:
                return None
        return irp
