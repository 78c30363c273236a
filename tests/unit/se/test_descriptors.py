# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Security descriptors at addresses, in both forms."""

from __future__ import annotations

import pytest

from dirql.machine import Machine
from dirql.wdm import (
    ACL_REVISION,
    DACL_SECURITY_INFORMATION,
    DELETE,
    GROUP_SECURITY_INFORMATION,
    OWNER_SECURITY_INFORMATION,
    PAGE_SIZE,
    POOL_TAG,
    SACL_SECURITY_INFORMATION,
    SECURITY_DESCRIPTOR_REVISION,
    STATUS_BAD_DESCRIPTOR_FORMAT,
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_SECURITY_DESCR,
    STATUS_SUCCESS,
    STATUS_UNKNOWN_REVISION,
    ExAllocatePoolWithTag,
    PagedPool,
    RtlAbsoluteToSelfRelativeSD,
    RtlAddAccessAllowedAce,
    RtlCreateSecurityDescriptor,
    RtlGetDaclSecurityDescriptor,
    RtlGetGroupSecurityDescriptor,
    RtlGetOwnerSecurityDescriptor,
    RtlGetSaclSecurityDescriptor,
    RtlLengthSecurityDescriptor,
    RtlReadMemory,
    RtlSelfRelativeToAbsoluteSD,
    RtlSetDaclSecurityDescriptor,
    RtlSetGroupSecurityDescriptor,
    RtlSetOwnerSecurityDescriptor,
    RtlSetSaclSecurityDescriptor,
    RtlStoreUlong,
    RtlValidRelativeSecurityDescriptor,
    RtlValidSecurityDescriptor,
    RtlWriteMemory,
    SeValidSecurityDescriptor,
)
from unit.se.making import GROUP_OF_ADMINISTRATORS, LOCAL_SYSTEM, Workspace

WHOLE = 20 + 0x80 + 16 + 12
"""The size of the self-relative descriptor of `whole`."""


def whole(work: Workspace) -> int:
    """A descriptor with an owner, a group and a list."""
    acl, owner = work.acl(), work.sid(GROUP_OF_ADMINISTRATORS)
    assert RtlAddAccessAllowedAce(acl, ACL_REVISION, DELETE, owner) == STATUS_SUCCESS
    descriptor = work.descriptor(acl)
    assert RtlSetOwnerSecurityDescriptor(descriptor, owner, False) == STATUS_SUCCESS
    assert RtlSetGroupSecurityDescriptor(descriptor, work.sid(LOCAL_SYSTEM), True) == STATUS_SUCCESS
    return descriptor


def relative(work: Workspace) -> int:
    """The same as a self-relative one."""
    target = work.room(WHOLE)
    size = work.put(WHOLE.to_bytes(4, "little"))
    assert RtlAbsoluteToSelfRelativeSD(whole(work), target, size) == STATUS_SUCCESS
    return target


def test_a_new_descriptor_has_no_parts(work: Workspace) -> None:
    descriptor = work.room(0x28)
    assert RtlCreateSecurityDescriptor(descriptor, 2) == STATUS_UNKNOWN_REVISION
    assert RtlReadMemory(descriptor, 1) == b"\xff"
    assert RtlCreateSecurityDescriptor(descriptor, 1) == STATUS_SUCCESS
    assert RtlReadMemory(descriptor, 0x28) == b"\x01" + bytes(0x27)
    assert RtlGetDaclSecurityDescriptor(descriptor) == (STATUS_SUCCESS, False, None, False)
    assert RtlGetSaclSecurityDescriptor(descriptor) == (STATUS_SUCCESS, False, None, False)
    assert RtlGetOwnerSecurityDescriptor(descriptor) == (STATUS_SUCCESS, None, False)
    assert RtlGetGroupSecurityDescriptor(descriptor) == (STATUS_SUCCESS, None, False)
    assert (RtlLengthSecurityDescriptor(descriptor), RtlValidSecurityDescriptor(descriptor)) == (0x28, True)
    assert not RtlValidSecurityDescriptor(None)


def test_each_part_is_set_and_found_again_with_its_bit(work: Workspace) -> None:
    descriptor, acl, sid = work.descriptor(None), work.acl(), work.sid(LOCAL_SYSTEM)
    assert RtlGetDaclSecurityDescriptor(descriptor) == (STATUS_SUCCESS, True, None, False)
    assert RtlSetDaclSecurityDescriptor(descriptor, True, acl, True) == STATUS_SUCCESS
    assert RtlSetSaclSecurityDescriptor(descriptor, True, acl, False) == STATUS_SUCCESS
    assert RtlSetOwnerSecurityDescriptor(descriptor, sid, True) == STATUS_SUCCESS
    assert RtlSetGroupSecurityDescriptor(descriptor, sid, False) == STATUS_SUCCESS
    assert RtlGetDaclSecurityDescriptor(descriptor) == (STATUS_SUCCESS, True, acl, True)
    assert RtlGetSaclSecurityDescriptor(descriptor) == (STATUS_SUCCESS, True, acl, False)
    assert RtlGetOwnerSecurityDescriptor(descriptor) == (STATUS_SUCCESS, sid, True)
    assert RtlGetGroupSecurityDescriptor(descriptor) == (STATUS_SUCCESS, sid, False)
    assert RtlReadMemory(descriptor + 2, 2) == b"\x1d\0"
    assert RtlSetDaclSecurityDescriptor(descriptor, False, acl, True) == STATUS_SUCCESS
    assert RtlGetDaclSecurityDescriptor(descriptor) == (STATUS_SUCCESS, False, None, False)


def test_a_descriptor_of_another_revision_has_no_parts_to_set_or_find(work: Workspace) -> None:
    descriptor = work.descriptor(None)
    RtlWriteMemory(descriptor, b"\x02")
    found = [
        RtlGetDaclSecurityDescriptor(descriptor)[0],
        RtlGetOwnerSecurityDescriptor(descriptor)[0],
        RtlGetGroupSecurityDescriptor(descriptor)[0],
        RtlSetDaclSecurityDescriptor(descriptor, True, None, False),
        RtlSetOwnerSecurityDescriptor(descriptor, None, False),
    ]
    assert found == [STATUS_UNKNOWN_REVISION] * 5
    assert not RtlValidSecurityDescriptor(descriptor)


def test_a_descriptor_with_a_part_that_is_not_valid_is_not_valid(work: Workspace) -> None:
    descriptor = whole(work)
    assert RtlValidSecurityDescriptor(descriptor)
    _, owner, _ = RtlGetOwnerSecurityDescriptor(descriptor)
    assert owner is not None
    RtlWriteMemory(owner, b"\x02")
    assert not RtlValidSecurityDescriptor(descriptor)
    RtlWriteMemory(owner, b"\x01")
    _, _, acl, _ = RtlGetDaclSecurityDescriptor(descriptor)
    assert acl is not None
    RtlWriteMemory(acl, b"\x07")
    assert not RtlValidSecurityDescriptor(descriptor)


def test_a_self_relative_copy_holds_its_own_parts_and_cannot_be_changed(work: Workspace) -> None:
    descriptor, size = whole(work), work.put((WHOLE - 1).to_bytes(4, "little"))
    assert RtlLengthSecurityDescriptor(descriptor) == WHOLE + 20
    assert RtlAbsoluteToSelfRelativeSD(descriptor, work.room(8), size) == STATUS_BUFFER_TOO_SMALL
    assert RtlReadMemory(size, 4) == WHOLE.to_bytes(4, "little")
    copy = relative(work)
    assert RtlLengthSecurityDescriptor(copy) == WHOLE
    assert RtlGetDaclSecurityDescriptor(copy) == (STATUS_SUCCESS, True, copy + 20, False)
    assert RtlGetOwnerSecurityDescriptor(copy) == (STATUS_SUCCESS, copy + 20 + 0x80, False)
    assert RtlGetGroupSecurityDescriptor(copy) == (STATUS_SUCCESS, copy + 20 + 0x90, True)
    assert RtlSetOwnerSecurityDescriptor(copy, None, False) == STATUS_INVALID_SECURITY_DESCR
    assert RtlSetDaclSecurityDescriptor(copy, True, None, False) == STATUS_INVALID_SECURITY_DESCR
    assert RtlAbsoluteToSelfRelativeSD(copy, work.room(8), size) == STATUS_BAD_DESCRIPTOR_FORMAT


@pytest.mark.parametrize(
    ("length", "required", "is_valid"),
    [
        (WHOLE, OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, True),
        (WHOLE, SACL_SECURITY_INFORMATION, False),
        (WHOLE - 1, 0, False),
        (19, 0, False),
    ],
)
def test_a_buffer_holds_a_whole_descriptor_with_the_required_parts(
    work: Workspace, length: int, required: int, is_valid: bool
) -> None:
    copy = relative(work)
    assert RtlValidRelativeSecurityDescriptor(copy, length, required) is is_valid
    assert SeValidSecurityDescriptor(length, copy) is (length == WHOLE)


def test_an_absolute_copy_has_each_part_in_a_buffer_of_its_own(work: Workspace) -> None:
    copy = relative(work)
    needed = (0x28, 0x80, 0, 16, 12)
    sizes = [work.put(each.to_bytes(4, "little")) for each in needed]
    parts = [work.room(max(each, 8)) for each in needed]
    arguments = [argument for pair in zip(parts, sizes, strict=True) for argument in pair]
    RtlStoreUlong(sizes[3], 15)
    assert RtlSelfRelativeToAbsoluteSD(copy, *arguments) == STATUS_BUFFER_TOO_SMALL
    assert RtlReadMemory(parts[0], 1) == b"\xff"
    assert RtlReadMemory(sizes[3], 4) == b"\x10\0\0\0"
    assert RtlSelfRelativeToAbsoluteSD(copy, *arguments) == STATUS_SUCCESS
    assert RtlGetDaclSecurityDescriptor(parts[0]) == (STATUS_SUCCESS, True, parts[1], False)
    assert RtlGetSaclSecurityDescriptor(parts[0]) == (STATUS_SUCCESS, False, None, False)
    assert RtlGetOwnerSecurityDescriptor(parts[0]) == (STATUS_SUCCESS, parts[3], False)
    assert RtlGetGroupSecurityDescriptor(parts[0]) == (STATUS_SUCCESS, parts[4], True)
    assert RtlReadMemory(parts[1], 0x80) == RtlReadMemory(copy + 20, 0x80)
    assert RtlSelfRelativeToAbsoluteSD(parts[0], *arguments) == STATUS_BAD_DESCRIPTOR_FORMAT


def test_a_buffer_without_room_for_the_absolute_form_is_not_read_beyond_its_end(machine: Machine) -> None:
    page = ExAllocatePoolWithTag(PagedPool, PAGE_SIZE, POOL_TAG("test"))
    assert page is not None
    end = page + PAGE_SIZE
    RtlWriteMemory(end - 20, bytes((SECURITY_DESCRIPTOR_REVISION,)) + bytes(19))
    assert not RtlValidRelativeSecurityDescriptor(end - 20, 20, 0)
    assert not SeValidSecurityDescriptor(20, end - 20)
