# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""DMA adapters with their table of routines, and scatter/gather lists, in memory."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from dirql.c.core.arena import Arena
from dirql.c.core.interface import MEMBERS, STRUCTURES
from dirql.c.core.native_module import Native
from dirql.c.core.stubs import STUBS
from dirql.hal.dma.adapter import DmaAdapter
from dirql.hal.dma.scatter_gather import ScatterGatherList

__all__ = ["DmaStructures"]

_ADAPTER: Final = struct.Struct("<HH4xQ")
_LIST_HEAD: Final = struct.Struct("<I4xQ")
_ELEMENT: Final = struct.Struct("<QI4xQ")
_POINTER: Final = struct.Struct("<Q")


class DmaStructures:
    """Puts adapters and lists into memory; `promote` has a routine for each class."""

    def __init__(self, native: Native, arena: Arena) -> None:
        self._native = native
        self._arena = arena
        self._operations = 0
        self.promote: dict[type, Callable[..., int]] = {
            DmaAdapter: self._adapter,
            ScatterGatherList: self._list,
        }

    def _adapter(self, adapter: DmaAdapter) -> int:
        if not self._operations:
            self._operations = self._table()
        address = self._arena.allocate(_ADAPTER.size)
        self._native.write_bytes(address, _ADAPTER.pack(adapter.version, adapter.size, self._operations))
        return address

    def _table(self) -> int:
        """The address of a DMA_OPERATIONS, whose members are stubs."""
        size, _, members = STRUCTURES["DMA_OPERATIONS"]
        address = self._arena.allocate(size)
        self._native.write_bytes(address, _POINTER.pack(size))
        for name in MEMBERS:
            stub = self._native.stub_address(STUBS[f"dirql_member_{name}"])
            self._native.write_bytes(address + members[name][0], _POINTER.pack(stub))
        return address

    def _list(self, scatter_gather: ScatterGatherList) -> int:
        elements = scatter_gather.elements
        contents = [_LIST_HEAD.pack(len(elements), 0)]
        contents += [_ELEMENT.pack(address, length, 0) for address, length in elements]
        data = b"".join(contents)
        address = self._arena.allocate(len(data))
        self._native.write_bytes(address, data)
        return address

    def free(self, scatter_gather: ScatterGatherList, address: int) -> None:
        """Give the memory of a list back that its driver has put back."""
        self._arena.free(address, _LIST_HEAD.size + _ELEMENT.size * len(scatter_gather.elements))
