# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The bytes of lists of access ([MS-DTYP], sections 2.4.4 and 2.4.5), and of descriptors that hold their own parts."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from dirql.se.descriptor import AccessEntry

__all__ = ["ALLOWED", "DENIED", "HEAD", "SMALLEST_ENTRY", "acl_bytes", "acl_entries", "entry_sizes"]

HEAD: Final = struct.Struct("<BBHHH")
"""ACL: revision, a zero, size, number of entries, a zero."""
ALLOWED: Final = 0
DENIED: Final = 1
"""The types of entries that grant and deny."""
SMALLEST_ENTRY: Final = 4
_ENTRY: Final = struct.Struct("<BBHI")
_ONLY_INHERITED: Final = 0x8
_REVISION: Final = 2


def entry_sizes(contents: bytes) -> list[int] | None:
    """The sizes of entries that stand one behind the other; None if the last one is longer than there is."""
    place, sizes = 0, []
    while place + SMALLEST_ENTRY <= len(contents):
        size = int.from_bytes(contents[place + 2 : place + 4], "little")
        if size < SMALLEST_ENTRY or size % 4 or place + size > len(contents):
            return None
        sizes.append(size)
        place += size
    return sizes


def acl_entries(contents: bytes) -> Iterator[AccessEntry]:
    """The entries of a list that grant or deny, in their order; those of other types are left out."""
    place = HEAD.size
    for _ in range(HEAD.unpack_from(contents)[3]):
        if place + _ENTRY.size > len(contents):
            return
        kind, flags, size, mask = _ENTRY.unpack_from(contents, place)
        if kind in (ALLOWED, DENIED):
            sid = contents[place + _ENTRY.size : place + size]
            yield AccessEntry(sid, mask, kind == DENIED, bool(flags & _ONLY_INHERITED))
        place += max(size, SMALLEST_ENTRY)


def acl_bytes(entries: tuple[AccessEntry, ...]) -> bytes:
    """A list with these entries."""
    parts = [
        _ENTRY.pack(
            DENIED if each.denies else ALLOWED,
            _ONLY_INHERITED if each.only_inherited else 0,
            _ENTRY.size + len(each.sid),
            each.mask,
        )
        + each.sid
        for each in entries
    ]
    contents = b"".join(parts)
    return HEAD.pack(_REVISION, 0, HEAD.size + len(contents), len(parts), 0) + contents
