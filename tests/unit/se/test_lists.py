# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lists of access at addresses."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from dirql.wdm import (
    ACCESS_ALLOWED_ACE_TYPE,
    ACCESS_DENIED_ACE_TYPE,
    ACL_REVISION,
    ACL_REVISION4,
    DELETE,
    INHERIT_ONLY_ACE,
    READ_CONTROL,
    STATUS_ALLOTTED_SPACE_EXCEEDED,
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_ACL,
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_SID,
    STATUS_REVISION_MISMATCH,
    STATUS_SUCCESS,
    WRITE_DAC,
    RtlAddAccessAllowedAce,
    RtlAddAccessAllowedAceEx,
    RtlAddAccessDeniedAce,
    RtlAddAccessDeniedAceEx,
    RtlAddAce,
    RtlCreateAcl,
    RtlDeleteAce,
    RtlGetAce,
    RtlReadMemory,
    RtlStoreUshort,
    RtlValidAcl,
)
from unit.se.making import GROUP_OF_ADMINISTRATORS, LOCAL_SYSTEM, Workspace


def head(acl: int) -> tuple[int, ...]:
    return struct.unpack("<BBHHH", RtlReadMemory(acl, 8))


def entries(acl: int) -> list[tuple[int, ...]]:
    """Type, flags, size and mask of each entry."""
    found = []
    for place in range(head(acl)[3]):
        status, ace = RtlGetAce(acl, place)
        assert status == STATUS_SUCCESS
        assert ace is not None
        found.append(struct.unpack("<BBHI", RtlReadMemory(ace, 8)))
    return found


@pytest.mark.parametrize(
    ("length", "revision", "status"),
    [
        (7, 2, STATUS_BUFFER_TOO_SMALL),
        (0x10000, 2, STATUS_INVALID_PARAMETER),
        (64, 1, STATUS_INVALID_PARAMETER),
        (64, 5, STATUS_INVALID_PARAMETER),
        (8, 2, STATUS_SUCCESS),
        (67, 4, STATUS_SUCCESS),
    ],
)
def test_an_empty_list_has_a_size_of_whole_ulongs_and_a_known_revision(
    work: Workspace, length: int, revision: int, status: int
) -> None:
    acl = work.room(8)
    assert RtlCreateAcl(acl, length, revision) == status
    assert head(acl) == (
        (revision, 0, length & ~3, 0, 0) if status == STATUS_SUCCESS else (255, 255, 65535, 65535, 65535)
    )


def test_entries_follow_one_behind_the_other_with_type_flags_mask_and_identifier(work: Workspace) -> None:
    acl, sid, other = work.acl(), work.sid(GROUP_OF_ADMINISTRATORS), work.sid(LOCAL_SYSTEM)
    assert RtlAddAccessAllowedAce(acl, ACL_REVISION, READ_CONTROL, sid) == STATUS_SUCCESS
    assert RtlAddAccessDeniedAce(acl, ACL_REVISION, DELETE, other) == STATUS_SUCCESS
    assert RtlAddAccessAllowedAceEx(acl, ACL_REVISION, INHERIT_ONLY_ACE, WRITE_DAC, sid) == STATUS_SUCCESS
    assert RtlAddAccessDeniedAceEx(acl, ACL_REVISION4, 0x1F, WRITE_DAC, sid) == STATUS_SUCCESS
    assert entries(acl) == [
        (ACCESS_ALLOWED_ACE_TYPE, 0, 24, READ_CONTROL),
        (ACCESS_DENIED_ACE_TYPE, 0, 20, DELETE),
        (ACCESS_ALLOWED_ACE_TYPE, INHERIT_ONLY_ACE, 24, WRITE_DAC),
        (ACCESS_DENIED_ACE_TYPE, 0x1F, 24, WRITE_DAC),
    ]
    assert RtlReadMemory(acl + 16, 16) == RtlReadMemory(sid, 16)
    assert head(acl) == (ACL_REVISION4, 0, 0x80, 4, 0)
    assert RtlGetAce(acl, 4) == (STATUS_INVALID_PARAMETER, None)


@pytest.mark.parametrize("add", [RtlAddAccessAllowedAce, RtlAddAccessDeniedAce])
def test_an_entry_needs_a_valid_identifier_revision_and_list_and_room(
    work: Workspace, add: Callable[[int, int, int, int], int]
) -> None:
    acl, sid = work.acl(8 + 24 + 20), work.sid(GROUP_OF_ADMINISTRATORS)
    assert add(acl, ACL_REVISION, DELETE, work.room(16)) == STATUS_INVALID_SID
    assert add(acl, 5, DELETE, sid) == STATUS_REVISION_MISMATCH
    assert add(acl, ACL_REVISION, DELETE, sid) == STATUS_SUCCESS
    assert add(acl, ACL_REVISION, DELETE, sid) == STATUS_ALLOTTED_SPACE_EXCEEDED
    assert add(acl, ACL_REVISION, DELETE, work.sid(LOCAL_SYSTEM)) == STATUS_SUCCESS
    assert add(acl, ACL_REVISION, DELETE, work.sid(LOCAL_SYSTEM)) == STATUS_ALLOTTED_SPACE_EXCEEDED
    assert [size for _, _, size, _ in entries(acl)] == [24, 20]
    RtlStoreUshort(acl + 10, 0x400)
    assert add(acl, ACL_REVISION, DELETE, sid) == STATUS_INVALID_ACL
    assert not RtlValidAcl(acl)


def test_flags_of_an_entry_are_those_of_inheritance(work: Workspace) -> None:
    acl, sid = work.acl(), work.sid(LOCAL_SYSTEM)
    for add in (RtlAddAccessAllowedAceEx, RtlAddAccessDeniedAceEx):
        assert add(acl, ACL_REVISION, 0x20, DELETE, sid) == STATUS_INVALID_PARAMETER
    assert head(acl)[3] == 0


def test_entries_are_inserted_at_an_index_and_deleted(work: Workspace) -> None:
    acl, source, sid = work.acl(), work.acl(), work.sid(LOCAL_SYSTEM)
    for mask in (1, 2):
        assert RtlAddAccessAllowedAce(acl, ACL_REVISION, mask, sid) == STATUS_SUCCESS
    for mask in (3, 4):
        assert RtlAddAccessDeniedAce(source, ACL_REVISION, mask, sid) == STATUS_SUCCESS
    assert RtlAddAce(acl, ACL_REVISION, 1, source + 8, 40) == STATUS_SUCCESS
    assert [mask for _, _, _, mask in entries(acl)] == [1, 3, 4, 2]
    assert RtlAddAce(acl, ACL_REVISION, 0xFFFF_FFFF, source + 8, 20) == STATUS_SUCCESS
    assert [mask for _, _, _, mask in entries(acl)] == [1, 3, 4, 2, 3]
    assert RtlAddAce(acl, ACL_REVISION, 0, source + 8, 40) == STATUS_BUFFER_TOO_SMALL
    assert RtlAddAce(acl, ACL_REVISION, 0, source + 8, 19) == STATUS_INVALID_PARAMETER
    assert RtlDeleteAce(acl, 5) == STATUS_INVALID_PARAMETER
    assert RtlDeleteAce(acl, 1) == STATUS_SUCCESS
    assert RtlDeleteAce(acl, 3) == STATUS_SUCCESS
    assert [mask for _, _, _, mask in entries(acl)] == [1, 4, 2]
    assert RtlReadMemory(acl + 8 + 60, 40) == bytes(40)
