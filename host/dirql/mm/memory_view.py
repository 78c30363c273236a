# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A part of memory that is used like a buffer of Python: what a driver in C does with a pointer and an index.

The memory is reached anew with each use, by its address and with all checks. A view of pool belongs to its block, so a
use after the block was freed is found even when the memory has gone to another block (row POL-09).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, overload

from dirql.mm.blocks import Block
from dirql.mm.described import block_at
from dirql.mm.manager import running
from dirql.mm.quarantine import refuse_access

__all__ = ["MemoryView"]

if TYPE_CHECKING:
    _Slice = slice[int | None, int | None, int | None]


class MemoryView:
    """Bytes at an address, as RtlViewMemory gives them.

    An index gives or sets a byte, a slice without a step gives a view of that part or sets it, and `bytes(view)` is a
    copy. Bytes that are set must be as many as the slice has.
    """

    __slots__ = ("_block", "address", "length")

    def __init__(self, address: int, length: int, block: Block | None) -> None:
        """`block` is the block of pool that has the bytes, if one has."""
        self.address: Final = address
        self.length: Final = length
        self._block: Final = block

    @staticmethod
    def at(address: int, length: int) -> MemoryView:
        """A view of `length` bytes, which must be there now."""
        manager = running.value
        manager.runs(address, length, write=False, by_driver=True)
        block = manager.nonpaged_pool.blocks.get(address) or manager.paged_pool.blocks.get(address)
        return MemoryView(address, length, block or block_at(manager.system, address))

    def __repr__(self) -> str:
        return f"<view of {self.length} bytes at {self.address:#x}>"

    def __len__(self) -> int:
        return self.length

    def __bytes__(self) -> bytes:
        return self.tobytes()

    def __iter__(self) -> Iterator[int]:
        return iter(self.tobytes())

    def __eq__(self, other: object) -> bool:
        """Whether the bytes are those of another view or buffer."""
        if isinstance(other, MemoryView):
            return self.tobytes() == other.tobytes()
        if isinstance(other, bytes | bytearray | memoryview):
            return self.tobytes() == other
        return NotImplemented

    def __hash__(self) -> int:
        """Refused, since the bytes may change."""
        raise TypeError(f"a view has no hash, because its bytes may change; it was {self!r}: use bytes(view)")

    @overload
    def __getitem__(self, key: int) -> int: ...

    @overload
    def __getitem__(self, key: _Slice) -> MemoryView: ...

    def __getitem__(self, key: int | _Slice) -> int | MemoryView:
        """A byte, or a view of a part."""
        if isinstance(key, slice):
            start, end = self._part(key)
            return MemoryView(self.address + start, end - start, self._block)
        return self._read(self._place(key), 1)[0]

    def __setitem__(
        self, key: int | _Slice, value: int | bytes | bytearray | memoryview | MemoryView
    ) -> None:
        """Set a byte to a number, or a part to as many bytes."""
        if not isinstance(key, slice):
            if not isinstance(value, int):
                raise TypeError(f"a byte of {self!r} must be set to a number; it was {value!r}")
            self._write(self._place(key), bytes([value]))
            return
        if isinstance(value, int):
            raise TypeError(f"a slice of {self!r} must be set to bytes; it was {value!r}")
        start, end = self._part(key)
        data = bytes(value)
        if len(data) != end - start:
            raise ValueError(
                f"a slice of {self!r} must be set to as many bytes as it has, {end - start}; they were {len(data)}"
            )
        self._write(start, data)

    def tobytes(self) -> bytes:
        """A copy of the bytes."""
        return self._read(0, self.length)

    def _place(self, index: int) -> int:
        place = index + self.length if index < 0 else index
        if not 0 <= place < self.length:
            raise IndexError(f"an index into {self!r} must be below {self.length}; it was {index}")
        return place

    def _part(self, key: _Slice) -> tuple[int, int]:
        start, end, step = key.indices(self.length)
        if step != 1:
            raise ValueError(
                f"a slice of {self!r} must have no step; it was {step}: take each byte by its index"
            )
        return start, max(start, end)

    def _read(self, start: int, length: int) -> bytes:
        address = self.address + start
        self._check_block(address, write=False)
        manager = running.value
        runs = manager.runs(address, length, write=False, by_driver=True)
        return b"".join([manager.ram[first:end] for first, end in runs])

    def _write(self, start: int, data: bytes) -> None:
        address = self.address + start
        self._check_block(address, write=True)
        manager, position = running.value, 0
        for first, end in manager.runs(address, len(data), write=True, by_driver=True):
            manager.ram[first:end] = data[position : position + end - first]
            position += end - first

    def _check_block(self, address: int, *, write: bool) -> None:
        block = self._block
        if block is not None and block.is_freed:
            refuse_access(block, address, write=write, by_driver=True)
