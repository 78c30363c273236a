# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory of the caller, as the run-time library reads and writes it.

A fault here is one of the kernel: at DISPATCH_LEVEL it is bug check 0xA (row IRQL-12). NULL is the address 0, where
nothing is mapped.
"""

from __future__ import annotations

from typing import Final

from dirql.mm.manager import running
from dirql.nt.constants import PAGE_SIZE

__all__ = ["read", "read_terminated", "write"]

_WIDE_END: Final = b"\0\0"


def read(address: int | None, length: int) -> bytes:
    """The `length` bytes at an address."""
    manager = running.value
    return b"".join(
        [manager.ram[start:end] for start, end in manager.runs(address or 0, length, write=False)]
    )


def write(address: int | None, data: bytes) -> None:
    """Put `data` at an address."""
    manager = running.value
    position = 0
    for start, end in manager.runs(address or 0, len(data), write=True):
        manager.ram[start:end] = data[position : position + end - start]
        position += end - start


def read_terminated(address: int | None, width: int, limit: int | None = None) -> bytes:
    """The characters at an address up to the terminating NUL, without it; each has `width` bytes, 1 or 2.

    No page behind the NUL is touched. At most `limit` bytes are read; the result is shorter if a NUL is among them.
    """
    place = address or 0
    parts: list[bytes] = []
    size = 0
    while limit is None or size < limit:
        length = PAGE_SIZE - place % PAGE_SIZE
        length = length - length % width or width  # a character that lies across the boundary comes alone
        if limit is not None:
            length = min(length, limit - size)
        part = read(place, length)
        end = _end(part, width)
        if end >= 0:
            parts.append(part[:end])
            break
        parts.append(part)
        size += length
        place += length
    return b"".join(parts)


def _end(part: bytes, width: int) -> int:
    """The place of the first NUL, a multiple of `width`; -1 without one."""
    if width == 1:
        return part.find(0)
    found = part.find(_WIDE_END)
    while found >= 0 and found % width:
        found = part.find(_WIDE_END, found + 1)
    return found
