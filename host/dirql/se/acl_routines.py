# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lists of access (ACL) in a driver's memory, at addresses, in the form of [MS-DTYP], section 2.4.5.

A list has a head of 8 bytes with its size and the number of entries; entries (ACE) follow one behind the other.
"""

from __future__ import annotations

import struct
from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.status import (
    STATUS_ALLOTTED_SPACE_EXCEEDED,
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_ACL,
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_SID,
    STATUS_REVISION_MISMATCH,
    STATUS_SUCCESS,
)
from dirql.rtl.memory import read, write
from dirql.se.acl import ALLOWED, DENIED, HEAD, SMALLEST_ENTRY, entry_sizes
from dirql.se.sid_routines import is_valid, read_sid

__all__ = [
    "add_access_allowed_ace",
    "add_access_allowed_ace_ex",
    "add_access_denied_ace",
    "add_access_denied_ace_ex",
    "add_ace",
    "create_acl",
    "delete_ace",
    "get_ace",
    "is_valid_acl",
    "read_acl",
    "valid_acl",
]

_CREATE: Final = contract("RtlCreateAcl")
_VALID: Final = contract("RtlValidAcl")
_ADD: Final = contract("RtlAddAce")
_DELETE: Final = contract("RtlDeleteAce")
_GET: Final = contract("RtlGetAce")
_ALLOW: Final = contract("RtlAddAccessAllowedAce")
_ALLOW_EX: Final = contract("RtlAddAccessAllowedAceEx")
_DENY: Final = contract("RtlAddAccessDeniedAce")
_DENY_EX: Final = contract("RtlAddAccessDeniedAceEx")

_FIRST_REVISION: Final = 2
_LAST_REVISION: Final = 4
_LARGEST: Final = 0xFFFF
_INHERITING: Final = 0x1F
"""The flags that an entry may have: OBJECT_INHERIT_ACE to INHERITED_ACE."""
_ENTRY: Final = struct.Struct("<BBHI")
"""ACE_HEADER with the mask behind it."""


def create_acl(acl: int, acl_length: int, acl_revision: int) -> int:
    """Make an empty list in a buffer; follows RtlCreateAcl.

    STATUS_BUFFER_TOO_SMALL for a buffer without room for the head, STATUS_INVALID_PARAMETER for one above 65,535 bytes
    and for a revision that is not 2 to 4. The size becomes a multiple of 4.
    """
    _CREATE.check_level(acl)
    _CREATE.check_arguments(acl, acl_length, acl_revision)
    if acl_length < HEAD.size:
        return STATUS_BUFFER_TOO_SMALL
    if acl_length > _LARGEST or not _FIRST_REVISION <= acl_revision <= _LAST_REVISION:
        return STATUS_INVALID_PARAMETER
    write(acl, HEAD.pack(acl_revision, 0, acl_length & ~3, 0, 0))
    return STATUS_SUCCESS


def valid_acl(acl: int) -> bool:
    """Whether the revision is 2 to 4 and all entries lie inside the list; follows RtlValidAcl."""
    _VALID.check_level(acl)
    _VALID.check_arguments(acl)
    return is_valid_acl(acl)


def add_ace(acl: int, ace_revision: int, starting_ace_index: int, ace_list: int, ace_list_length: int) -> int:
    """Insert entries in front of the entry with an index, or behind the last one; follows RtlAddAce.

    STATUS_INVALID_PARAMETER for a list or entries that are not valid, STATUS_BUFFER_TOO_SMALL without room.
    """
    _ADD.check_level(acl)
    _ADD.check_arguments(acl, ace_revision, starting_ace_index, ace_list, ace_list_length)
    places = _places(acl) if is_valid_acl(acl) else None
    if places is None or not _FIRST_REVISION <= ace_revision <= _LAST_REVISION:
        return STATUS_INVALID_PARAMETER
    contents = read(ace_list, ace_list_length)
    sizes = entry_sizes(contents)
    if sizes is None or sum(sizes) != len(contents):
        return STATUS_INVALID_PARAMETER
    revision, _, size, count, _ = HEAD.unpack(read(acl, HEAD.size))
    if places[-1] + len(contents) > size:
        return STATUS_BUFFER_TOO_SMALL
    place = places[min(starting_ace_index, count)]
    behind = read(acl + place, places[-1] - place)
    write(acl + place, contents + behind)
    write(acl, HEAD.pack(max(revision, ace_revision), 0, size, count + len(sizes), 0))
    return STATUS_SUCCESS


def delete_ace(acl: int, ace_index: int) -> int:
    """Take the entry with an index out of a list, and clear the place behind the last one; follows RtlDeleteAce.

    STATUS_INVALID_PARAMETER for a list that is not valid, and for an index that no entry has.
    """
    _DELETE.check_level(acl)
    _DELETE.check_arguments(acl, ace_index)
    places = _places(acl) if is_valid_acl(acl) else None
    if places is None or ace_index >= len(places) - 1:
        return STATUS_INVALID_PARAMETER
    place, next_place, end = places[ace_index], places[ace_index + 1], places[-1]
    write(acl + place, read(acl + next_place, end - next_place) + bytes(next_place - place))
    revision, _, size, count, _ = HEAD.unpack(read(acl, HEAD.size))
    write(acl, HEAD.pack(revision, 0, size, count - 1, 0))
    return STATUS_SUCCESS


def get_ace(acl: int, ace_index: int) -> tuple[int, int | None]:
    """The entry with an index: (status, its address); follows RtlGetAce.

    STATUS_INVALID_PARAMETER for a list that is not valid, and for an index that no entry has.
    """
    _GET.check_level(acl)
    _GET.check_arguments(acl, ace_index)
    places = _places(acl)
    if places is None or ace_index >= len(places) - 1:
        return STATUS_INVALID_PARAMETER, None
    return STATUS_SUCCESS, acl + places[ace_index]


def add_access_allowed_ace(acl: int, ace_revision: int, access_mask: int, sid: int) -> int:
    """Put an entry that grants rights behind the others; follows RtlAddAccessAllowedAce.

    STATUS_INVALID_SID, STATUS_REVISION_MISMATCH for a revision above 4, STATUS_INVALID_ACL, and
    STATUS_ALLOTTED_SPACE_EXCEEDED without room.
    """
    _ALLOW.check_level(acl)
    _ALLOW.check_arguments(acl, ace_revision, access_mask, sid)
    return _append(acl, ace_revision, (ALLOWED, 0), access_mask, sid)


def add_access_allowed_ace_ex(acl: int, ace_revision: int, ace_flags: int, access_mask: int, sid: int) -> int:
    """Do as `add_access_allowed_ace`, with flags of inheritance; follows RtlAddAccessAllowedAceEx.

    STATUS_INVALID_PARAMETER for another flag.
    """
    _ALLOW_EX.check_level(acl)
    _ALLOW_EX.check_arguments(acl, ace_revision, ace_flags, access_mask, sid)
    return _append(acl, ace_revision, (ALLOWED, ace_flags), access_mask, sid)


def add_access_denied_ace(acl: int, ace_revision: int, access_mask: int, sid: int) -> int:
    """Do as `add_access_allowed_ace`, with an entry that denies rights; follows RtlAddAccessDeniedAce."""
    _DENY.check_level(acl)
    _DENY.check_arguments(acl, ace_revision, access_mask, sid)
    return _append(acl, ace_revision, (DENIED, 0), access_mask, sid)


def add_access_denied_ace_ex(acl: int, ace_revision: int, ace_flags: int, access_mask: int, sid: int) -> int:
    """Do as `add_access_allowed_ace_ex`, with an entry that denies rights; follows RtlAddAccessDeniedAceEx."""
    _DENY_EX.check_level(acl)
    _DENY_EX.check_arguments(acl, ace_revision, ace_flags, access_mask, sid)
    return _append(acl, ace_revision, (DENIED, ace_flags), access_mask, sid)


def _append(acl: int, ace_revision: int, kind: tuple[int, int], access_mask: int, sid: int) -> int:
    """Put an entry of a type, with flags, behind the others."""
    if not is_valid(sid):
        return STATUS_INVALID_SID
    revision, _, size, count, _ = HEAD.unpack(read(acl, HEAD.size))
    if max(revision, ace_revision) > _LAST_REVISION:
        return STATUS_REVISION_MISMATCH
    if kind[1] & ~_INHERITING:
        return STATUS_INVALID_PARAMETER
    places = _places(acl)
    if places is None:
        return STATUS_INVALID_ACL
    who = read_sid(sid)
    entry = _ENTRY.pack(*kind, _ENTRY.size + len(who), access_mask & 0xFFFF_FFFF) + who
    if places[-1] + len(entry) > size:
        return STATUS_ALLOTTED_SPACE_EXCEEDED
    write(acl + places[-1], entry)
    write(acl, HEAD.pack(max(revision, ace_revision), 0, size, count + 1, 0))
    return STATUS_SUCCESS


def is_valid_acl(acl: int) -> bool:
    """Whether there is a list at an address whose entries, as many as it says, lie inside it."""
    revision, _, size, _, _ = HEAD.unpack(read(acl, HEAD.size))
    return _FIRST_REVISION <= revision <= _LAST_REVISION and size >= HEAD.size and _places(acl) is not None


def read_acl(acl: int) -> bytes:
    """The bytes of the list at an address, those without entries included."""
    _, _, size, _, _ = HEAD.unpack(read(acl, HEAD.size))
    return read(acl, max(size, HEAD.size))


def _places(acl: int) -> list[int] | None:
    """The places at which the entries begin, and the end of the last one; None if they do not lie inside the list."""
    contents = read_acl(acl)
    count = HEAD.unpack_from(contents)[3]
    place, places = HEAD.size, [HEAD.size]
    for _ in range(count):
        if place + SMALLEST_ENTRY > len(contents):
            return None
        size = int.from_bytes(contents[place + 2 : place + 4], "little")
        place += size
        if size < SMALLEST_ENTRY or size % 4 or place > len(contents):
            return None
        places.append(place)
    return places
