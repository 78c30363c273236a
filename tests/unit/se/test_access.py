# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The check of access, and of privileges, for whom a program runs."""

from __future__ import annotations

import pytest

from dirql.machine import Machine
from dirql.wdm import (
    ACL_REVISION,
    DELETE,
    FILE_ALL_ACCESS,
    FILE_GENERIC_EXECUTE,
    FILE_GENERIC_READ,
    FILE_GENERIC_WRITE,
    FILE_READ_DATA,
    FILE_WRITE_DATA,
    GENERIC_ALL,
    GENERIC_MAPPING,
    GENERIC_READ,
    MAXIMUM_ALLOWED,
    READ_CONTROL,
    SE_LOAD_DRIVER_PRIVILEGE,
    SE_TCB_PRIVILEGE,
    SECURITY_SUBJECT_CONTEXT,
    STATUS_ACCESS_DENIED,
    STATUS_SUCCESS,
    WRITE_DAC,
    KernelMode,
    RtlAddAccessAllowedAce,
    RtlAddAccessDeniedAce,
    RtlMapGenericMask,
    RtlReadMemory,
    RtlSetOwnerSecurityDescriptor,
    SeAccessCheck,
    SeCaptureSubjectContext,
    SeLockSubjectContext,
    SeReleaseSubjectContext,
    SeSinglePrivilegeCheck,
    SeUnlockSubjectContext,
    UserMode,
)
from unit.se.making import GROUP_OF_ADMINISTRATORS, LOCAL_SYSTEM, WORLD, Workspace

MAPPING = GENERIC_MAPPING(FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS)
DENIED = (False, None, 0, STATUS_ACCESS_DENIED)


def granted(rights: int) -> tuple[bool, None, int, int]:
    return True, None, rights, STATUS_SUCCESS


def checked(
    machine: Machine, descriptor: int | None, desired: int, account: str = "Administrator", before: int = 0
) -> tuple[bool, None, int, int]:
    """The answer for a program of an account."""
    subject = SECURITY_SUBJECT_CONTEXT()
    with machine.security.program_as(account):
        SeCaptureSubjectContext(subject)
    SeLockSubjectContext(subject)
    answer = SeAccessCheck(descriptor, subject, True, desired, before, MAPPING, UserMode)
    SeUnlockSubjectContext(subject)
    SeReleaseSubjectContext(subject)
    return answer


def readers(work: Workspace) -> int:
    """A descriptor: everybody reads, administrators write, nobody who is an administrator deletes."""
    acl = work.acl()
    administrators = work.sid(GROUP_OF_ADMINISTRATORS)
    assert RtlAddAccessDeniedAce(acl, ACL_REVISION, DELETE, administrators) == STATUS_SUCCESS
    assert (
        RtlAddAccessAllowedAce(acl, ACL_REVISION, FILE_WRITE_DATA | DELETE, administrators) == STATUS_SUCCESS
    )
    assert RtlAddAccessAllowedAce(acl, ACL_REVISION, GENERIC_READ, work.sid(WORLD)) == STATUS_SUCCESS
    return work.descriptor(acl)


def test_generic_rights_become_specific_ones_in_place(work: Workspace) -> None:
    mask = work.put((GENERIC_READ | DELETE).to_bytes(4, "little"))
    RtlMapGenericMask(mask, MAPPING)
    assert int.from_bytes(RtlReadMemory(mask, 4), "little") == FILE_GENERIC_READ | DELETE


def test_the_entries_decide_in_their_order(machine: Machine, work: Workspace) -> None:
    descriptor = readers(work)
    both = FILE_READ_DATA | FILE_WRITE_DATA
    assert checked(machine, descriptor, both) == granted(both)
    assert checked(machine, descriptor, both, "User") == DENIED
    assert checked(machine, descriptor, FILE_READ_DATA, "User") == granted(FILE_READ_DATA)
    assert checked(machine, descriptor, DELETE) == DENIED
    assert checked(machine, descriptor, MAXIMUM_ALLOWED) == granted(FILE_GENERIC_READ | FILE_WRITE_DATA)
    assert checked(machine, descriptor, MAXIMUM_ALLOWED, "Guest") == granted(FILE_GENERIC_READ)


def test_what_was_granted_before_needs_no_entry_and_stays(machine: Machine, work: Workspace) -> None:
    descriptor = readers(work)
    assert checked(machine, descriptor, DELETE | FILE_READ_DATA, "User", before=DELETE) == granted(
        DELETE | FILE_READ_DATA
    )
    assert checked(machine, descriptor, 0, "User", before=DELETE) == granted(DELETE)
    assert checked(machine, descriptor, 0, "User") == DENIED


def test_the_owner_reads_and_changes_the_descriptor(machine: Machine, work: Workspace) -> None:
    descriptor = work.descriptor(work.acl())
    owner = work.sid(GROUP_OF_ADMINISTRATORS)
    assert RtlSetOwnerSecurityDescriptor(descriptor, owner, False) == STATUS_SUCCESS
    assert checked(machine, descriptor, READ_CONTROL | WRITE_DAC) == granted(READ_CONTROL | WRITE_DAC)
    assert checked(machine, descriptor, READ_CONTROL, "User") == DENIED


def test_without_a_list_everybody_has_all_and_without_a_descriptor_nobody_anything(
    machine: Machine, work: Workspace
) -> None:
    assert checked(machine, work.descriptor(None), DELETE, "Guest") == granted(DELETE)
    assert checked(machine, work.descriptor(None), MAXIMUM_ALLOWED, "Guest") == granted(FILE_ALL_ACCESS)
    assert checked(machine, None, DELETE) == DENIED


@pytest.mark.parametrize(
    ("desired", "before", "rights"),
    [
        (DELETE, 0, DELETE),
        (0, 0, 0),
        (MAXIMUM_ALLOWED, READ_CONTROL, FILE_ALL_ACCESS),
        (DELETE, WRITE_DAC, DELETE | WRITE_DAC),
    ],
)
def test_the_kernel_gets_all_that_it_asks_for(
    work: Workspace, desired: int, before: int, rights: int
) -> None:
    acl = work.acl()
    assert RtlAddAccessDeniedAce(acl, ACL_REVISION, GENERIC_ALL, work.sid(LOCAL_SYSTEM)) == STATUS_SUCCESS
    subject = SECURITY_SUBJECT_CONTEXT()
    SeCaptureSubjectContext(subject)
    answer = SeAccessCheck(work.descriptor(acl), subject, False, desired, before, MAPPING, KernelMode)
    assert answer == granted(rights)


def test_an_account_has_its_privileges_and_the_kernel_every_one(machine: Machine) -> None:
    assert SeSinglePrivilegeCheck(SE_LOAD_DRIVER_PRIVILEGE, UserMode)
    assert not SeSinglePrivilegeCheck(SE_TCB_PRIVILEGE, UserMode)
    assert SeSinglePrivilegeCheck(SE_TCB_PRIVILEGE, KernelMode)
    with machine.security.program_as("User"):
        assert not SeSinglePrivilegeCheck(SE_LOAD_DRIVER_PRIVILEGE, UserMode)
