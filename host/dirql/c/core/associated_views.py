# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""AssociatedIrp of a packet in memory, where a system buffer, a master packet and a count share one place."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, cast

from dirql.c.core.native_module import Native, Slot
from dirql.io.objects import Irp

__all__ = ["master_properties"]

_PLACE: Final = struct.Struct("<Q")
_COUNT: Final = struct.Struct("<i")
_HIGHER_HALF: Final = 32


def master_properties(native: Native, slot: Slot, find: Callable[[object], int]) -> dict[str, object]:
    """The attributes `master_irp` and `irp_count` for views that keep their addresses in a slot.

    `find` tells the address of a packet. To set None or 0 changes nothing where another member is in use, since an
    object that comes to memory has all three.
    """

    def address_of(part: object) -> int:
        return cast(int, slot.__get__(part))

    def place(part: object) -> int:
        return cast(int, _PLACE.unpack(native.read_bytes(address_of(part), _PLACE.size))[0])

    def get_master(part: object) -> object:
        found = native.objects.get(place(part))
        return found if isinstance(found, Irp) else None

    def put_master(part: object, master: object) -> None:
        if master is not None:
            native.write_bytes(address_of(part), _PLACE.pack(find(master)))

    def get_count(part: object) -> int:
        return cast(int, _COUNT.unpack(native.read_bytes(address_of(part), _COUNT.size))[0])

    def put_count(part: object, count: int) -> None:
        if count or not place(part) >> _HIGHER_HALF:
            native.write_bytes(address_of(part), _COUNT.pack(count))

    return {"master_irp": property(get_master, put_master), "irp_count": property(get_count, put_count)}
