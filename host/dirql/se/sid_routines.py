# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Security identifiers in a driver's memory, at addresses, in the form of [MS-DTYP], section 2.4.2.2."""

from __future__ import annotations

from typing import Final

from dirql.ke.origin import mark
from dirql.ke.processors.contract import contract
from dirql.mm.allocation import free_pool
from dirql.mm.manager import running
from dirql.nt.status import (
    STATUS_BUFFER_OVERFLOW,
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_SID,
    STATUS_NO_MEMORY,
    STATUS_SUCCESS,
)
from dirql.rtl.allocation import allocate_buffer
from dirql.rtl.memory import read, write
from dirql.rtl.strings import UnicodeString
from dirql.se.sid import HEAD_SIZE, MOST_SUB_AUTHORITIES, sid_text

__all__ = [
    "allocate_and_initialize_sid",
    "convert_sid_to_unicode_string",
    "copy_sid",
    "equal_prefix_sid",
    "equal_sid",
    "free_sid",
    "identifier_authority_sid",
    "initialize_sid",
    "is_valid",
    "length_required_sid",
    "length_sid",
    "read_sid",
    "sub_authority_count_sid",
    "sub_authority_sid",
    "valid_sid",
]

_LENGTH_REQUIRED: Final = contract("RtlLengthRequiredSid")
_INITIALIZE: Final = contract("RtlInitializeSid")
_SUB_AUTHORITY: Final = contract("RtlSubAuthoritySid")
_COUNT: Final = contract("RtlSubAuthorityCountSid")
_AUTHORITY: Final = contract("RtlIdentifierAuthoritySid")
_LENGTH: Final = contract("RtlLengthSid")
_VALID: Final = contract("RtlValidSid")
_EQUAL: Final = contract("RtlEqualSid")
_EQUAL_PREFIX: Final = contract("RtlEqualPrefixSid")
_COPY: Final = contract("RtlCopySid")
_CONVERT: Final = contract("RtlConvertSidToUnicodeString")
_ALLOCATE: Final = contract("RtlAllocateAndInitializeSid")
_FREE: Final = contract("RtlFreeSid")

_REVISION: Final = 1
_AUTHORITY_PLACE: Final = 2
_AUTHORITY_SIZE: Final = 6
_PART: Final = 4
_MOST_ALLOCATED: Final = 8
_TAG: Final = int.from_bytes(b"SeSd", "little")


def length_required_sid(sub_authority_count: int) -> int:
    """The size of an identifier with a number of parts; follows RtlLengthRequiredSid."""
    _LENGTH_REQUIRED.check_level(sub_authority_count)
    _LENGTH_REQUIRED.check_arguments(sub_authority_count)
    return HEAD_SIZE + _PART * sub_authority_count


def initialize_sid(sid: int, identifier_authority: int, sub_authority_count: int) -> int:
    """Write the head of an identifier; follows RtlInitializeSid. The parts behind it stay as they are.

    STATUS_INVALID_PARAMETER for more than 15 parts.
    """
    _INITIALIZE.check_level(sid)
    _INITIALIZE.check_arguments(sid, identifier_authority, sub_authority_count)
    if sub_authority_count > MOST_SUB_AUTHORITIES:
        return STATUS_INVALID_PARAMETER
    write(sid, bytes([_REVISION, sub_authority_count]) + read(identifier_authority, _AUTHORITY_SIZE))
    return STATUS_SUCCESS


def sub_authority_sid(sid: int, sub_authority: int) -> int:
    """The address of a part, a ULONG; follows RtlSubAuthoritySid."""
    _SUB_AUTHORITY.check_level(sid)
    _SUB_AUTHORITY.check_arguments(sid, sub_authority)
    return sid + HEAD_SIZE + _PART * sub_authority


def sub_authority_count_sid(sid: int) -> int:
    """The address of the number of parts, a UCHAR; follows RtlSubAuthorityCountSid."""
    _COUNT.check_level(sid)
    _COUNT.check_arguments(sid)
    return sid + 1


def identifier_authority_sid(sid: int) -> int:
    """The address of the authority, six bytes; follows RtlIdentifierAuthoritySid."""
    _AUTHORITY.check_level(sid)
    _AUTHORITY.check_arguments(sid)
    return sid + _AUTHORITY_PLACE


def length_sid(sid: int) -> int:
    """The size of an identifier in bytes; follows RtlLengthSid."""
    _LENGTH.check_level(sid)
    _LENGTH.check_arguments(sid)
    return HEAD_SIZE + _PART * read(sid, 2)[1]


def valid_sid(sid: int | None) -> bool:
    """Whether an identifier has the revision 1 and at most 15 parts; follows RtlValidSid. NULL is none."""
    _VALID.check_level(sid)
    _VALID.check_arguments(sid)
    return is_valid(sid)


def equal_sid(sid1: int, sid2: int) -> bool:
    """Whether two identifiers are the same; follows RtlEqualSid."""
    _EQUAL.check_level(sid1)
    _EQUAL.check_arguments(sid1, sid2)
    return read_sid(sid1) == read_sid(sid2)


def equal_prefix_sid(sid1: int, sid2: int) -> bool:
    """Whether two identifiers are the same but for the last part; follows RtlEqualPrefixSid."""
    _EQUAL_PREFIX.check_level(sid1)
    _EQUAL_PREFIX.check_arguments(sid1, sid2)
    first, second = read_sid(sid1), read_sid(sid2)
    end = max(HEAD_SIZE, len(first) - _PART)
    return len(first) == len(second) and first[:end] == second[:end]


def copy_sid(destination_sid_length: int, destination_sid: int, source_sid: int) -> int:
    """Copy an identifier; follows RtlCopySid. STATUS_BUFFER_TOO_SMALL if it does not fit, and nothing is copied."""
    _COPY.check_level(destination_sid_length)
    _COPY.check_arguments(destination_sid_length, destination_sid, source_sid)
    contents = read_sid(source_sid)
    if len(contents) > destination_sid_length:
        return STATUS_BUFFER_TOO_SMALL
    write(destination_sid, contents)
    return STATUS_SUCCESS


def convert_sid_to_unicode_string(
    unicode_string: UnicodeString, sid: int, allocate_destination_string: int
) -> int:
    """Write the text of an identifier, such as S-1-5-18; follows RtlConvertSidToUnicodeString.

    STATUS_INVALID_SID for another thing than an identifier, STATUS_BUFFER_OVERFLOW if the text and the NUL behind it do
    not fit into the string, STATUS_NO_MEMORY if no string can be allocated, which RtlFreeUnicodeString frees.
    """
    _CONVERT.check(unicode_string)
    _CONVERT.check_arguments(unicode_string, sid, allocate_destination_string)
    if not is_valid(sid):
        return STATUS_INVALID_SID
    contents = sid_text(read_sid(sid)).encode("utf-16-le")
    size = len(contents) + 2
    if allocate_destination_string:
        buffer = allocate_buffer(size)
        if buffer is None:
            return STATUS_NO_MEMORY
        unicode_string.set(0, size, buffer)
    elif size > unicode_string.maximum_length:
        return STATUS_BUFFER_OVERFLOW
    write(unicode_string.buffer, contents + b"\0\0")
    unicode_string.length = len(contents)
    return STATUS_SUCCESS


def allocate_and_initialize_sid(
    identifier_authority: int,
    sub_authority_count: int,
    sub_authority0: int,
    sub_authority1: int,
    sub_authority2: int,
    sub_authority3: int,
    sub_authority4: int,
    sub_authority5: int,
    sub_authority6: int,
    sub_authority7: int,
) -> tuple[int, int | None]:
    """Make an identifier with up to 8 parts in paged pool: (status, its address); follows RtlAllocateAndInitializeSid.

    STATUS_INVALID_SID for a larger count. RtlFreeSid frees it.
    """
    _ALLOCATE.check_level(identifier_authority)
    parts = (
        sub_authority0,
        sub_authority1,
        sub_authority2,
        sub_authority3,
        sub_authority4,
        sub_authority5,
        sub_authority6,
        sub_authority7,
    )
    _ALLOCATE.check_arguments(identifier_authority, sub_authority_count, *parts)
    if sub_authority_count > _MOST_ALLOCATED:
        return STATUS_INVALID_SID, None
    numbers = b"".join(part.to_bytes(_PART, "little") for part in parts[:sub_authority_count])
    contents = bytes([_REVISION, sub_authority_count]) + read(identifier_authority, _AUTHORITY_SIZE) + numbers
    address = running.value.paged_pool.allocate(len(contents), _TAG, place=mark())
    if address is None:
        return STATUS_NO_MEMORY, None
    write(address, contents)
    return STATUS_SUCCESS, address


def free_sid(sid: int) -> None:
    """Free what `allocate_and_initialize_sid` has made; follows RtlFreeSid, which returns NULL."""
    _FREE.check_level(sid)
    _FREE.check_arguments(sid)
    free_pool(sid)


def is_valid(sid: int | None) -> bool:
    """Whether there is an identifier at an address."""
    if not sid:
        return False
    revision, count = read(sid, 2)
    return revision & 0xF == _REVISION and count <= MOST_SUB_AUTHORITIES


def read_sid(sid: int) -> bytes:
    """The bytes of the identifier at an address."""
    return read(sid, HEAD_SIZE + _PART * read(sid, 2)[1])
