# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Security identifiers at addresses."""

from __future__ import annotations

import pytest

from dirql.machine import Machine
from dirql.wdm import (
    STATUS_BUFFER_OVERFLOW,
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_SID,
    STATUS_SUCCESS,
    UNICODE_STRING,
    RtlAllocateAndInitializeSid,
    RtlConvertSidToUnicodeString,
    RtlCopySid,
    RtlEqualPrefixSid,
    RtlEqualSid,
    RtlFreeSid,
    RtlFreeUnicodeString,
    RtlIdentifierAuthoritySid,
    RtlInitializeSid,
    RtlLengthRequiredSid,
    RtlLengthSid,
    RtlReadMemory,
    RtlSubAuthorityCountSid,
    RtlSubAuthoritySid,
    RtlValidSid,
    RtlWriteMemory,
)
from unit.se.making import GROUP_OF_ADMINISTRATORS, LOCAL_SYSTEM, NT_AUTHORITY, WORLD, Workspace


def test_an_identifier_is_written_as_the_protocol_lays_it_out(work: Workspace) -> None:
    sid = work.sid(GROUP_OF_ADMINISTRATORS)
    assert RtlReadMemory(sid, 16) == b"\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x20\x02\0\0"
    assert (RtlLengthSid(sid), RtlLengthRequiredSid(2), RtlLengthRequiredSid(0)) == (16, 16, 8)
    assert (RtlSubAuthorityCountSid(sid), RtlIdentifierAuthoritySid(sid)) == (sid + 1, sid + 2)
    assert (RtlSubAuthoritySid(sid, 0), RtlSubAuthoritySid(sid, 1)) == (sid + 8, sid + 12)


def test_an_identifier_has_at_most_15_parts(work: Workspace) -> None:
    sid, authority = work.room(80), work.put(NT_AUTHORITY)
    assert RtlInitializeSid(sid, authority, 16) == STATUS_INVALID_PARAMETER
    assert RtlReadMemory(sid, 1) == b"\xff"
    assert RtlInitializeSid(sid, authority, 15) == STATUS_SUCCESS
    assert RtlValidSid(sid)
    RtlWriteMemory(sid + 1, b"\x10")
    assert not RtlValidSid(sid)
    RtlWriteMemory(sid, b"\x02\x01")
    assert not RtlValidSid(sid)
    assert not RtlValidSid(None)


def test_identifiers_are_equal_byte_for_byte_and_by_their_prefix_without_the_last_part(
    work: Workspace,
) -> None:
    first, same, other = (work.sid((NT_AUTHORITY, (32, part))) for part in (544, 544, 545))
    assert RtlEqualSid(first, same)
    assert not RtlEqualSid(first, other)
    assert RtlEqualPrefixSid(first, other)
    assert not RtlEqualPrefixSid(first, work.sid((NT_AUTHORITY, (33, 544))))
    assert not RtlEqualPrefixSid(first, work.sid(LOCAL_SYSTEM))
    assert not RtlEqualPrefixSid(work.sid(WORLD), work.sid(LOCAL_SYSTEM))


def test_a_copy_needs_room_for_the_whole_identifier(work: Workspace) -> None:
    sid, room = work.sid(GROUP_OF_ADMINISTRATORS), work.room(16)
    assert RtlCopySid(15, room, sid) == STATUS_BUFFER_TOO_SMALL
    assert RtlReadMemory(room, 16) == b"\xff" * 16
    assert RtlCopySid(16, room, sid) == STATUS_SUCCESS
    assert RtlEqualSid(room, sid)


def test_the_text_of_an_identifier_goes_into_a_string_that_has_room_or_is_allocated(work: Workspace) -> None:
    sid, string = work.sid(GROUP_OF_ADMINISTRATORS), UNICODE_STRING()
    assert RtlConvertSidToUnicodeString(string, sid, True) == STATUS_SUCCESS
    assert (str(string), string.maximum_length) == ("S-1-5-32-544", 26)
    RtlFreeUnicodeString(string)
    small = UNICODE_STRING(0, 25, work.room(26))
    assert RtlConvertSidToUnicodeString(small, sid, False) == STATUS_BUFFER_OVERFLOW
    assert small.length == 0
    small.maximum_length = 26
    assert RtlConvertSidToUnicodeString(small, sid, False) == STATUS_SUCCESS
    assert str(small) == "S-1-5-32-544"
    assert RtlConvertSidToUnicodeString(small, work.room(16), False) == STATUS_INVALID_SID


def test_an_authority_above_32_bits_is_written_in_hexadecimal(work: Workspace) -> None:
    string = UNICODE_STRING()
    assert (
        RtlConvertSidToUnicodeString(string, work.sid((b"\x12\x34\0\0\0\x05", (1,))), True) == STATUS_SUCCESS
    )
    assert str(string) == "S-1-0x123400000005-1"


@pytest.mark.parametrize("count", [0, 2, 8])
def test_an_identifier_is_allocated_with_up_to_8_parts(machine: Machine, work: Workspace, count: int) -> None:
    authority = work.put(NT_AUTHORITY)
    status, sid = RtlAllocateAndInitializeSid(authority, count, 1, 2, 3, 4, 5, 6, 7, 8)
    assert status == STATUS_SUCCESS
    assert sid is not None
    assert RtlLengthSid(sid) == 8 + 4 * count
    assert RtlEqualSid(sid, work.sid((NT_AUTHORITY, tuple(range(1, count + 1)))))
    before = machine.hal.memory_manager.paged_pool.statistics().blocks
    assert RtlFreeSid(sid) is None
    assert machine.hal.memory_manager.paged_pool.statistics().blocks == before - 1


def test_nine_parts_are_too_many_for_the_routine_that_allocates(work: Workspace) -> None:
    assert RtlAllocateAndInitializeSid(work.put(NT_AUTHORITY), 9, *[0] * 8) == (STATUS_INVALID_SID, None)
