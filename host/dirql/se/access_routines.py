# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The routines by which a driver asks whether somebody may do something."""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.constants import MAXIMUM_ALLOWED, KernelMode
from dirql.nt.status import STATUS_ACCESS_DENIED, STATUS_SUCCESS
from dirql.rtl.memory import read, write
from dirql.se.access_check import check_access, map_generic
from dirql.se.descriptor import GenericMapping
from dirql.se.layout import descriptor_of
from dirql.se.monitor import running
from dirql.se.subject_context import SubjectContext

__all__ = ["access_check", "map_generic_mask", "single_privilege_check"]

_CHECK: Final = contract("SeAccessCheck")
_MAP: Final = contract("RtlMapGenericMask")
_PRIVILEGE: Final = contract("SeSinglePrivilegeCheck")


def map_generic_mask(access_mask: int, generic_mapping: GenericMapping) -> None:
    """Put specific rights in the place of the generic ones of the mask at an address; follows RtlMapGenericMask."""
    _MAP.check_with(access_mask, generic_mapping)
    _MAP.check_arguments(access_mask, generic_mapping)
    mask = int.from_bytes(read(access_mask, 4), "little")
    write(access_mask, map_generic(mask, generic_mapping).to_bytes(4, "little"))


def access_check(
    security_descriptor: int | None,
    subject_security_context: SubjectContext,
    subject_context_locked: int,
    desired_access: int,
    previously_granted_access: int,
    generic_mapping: GenericMapping,
    access_mode: int,
) -> tuple[bool, None, int, int]:
    """Whether a descriptor grants a subject the rights that it asks for; follows SeAccessCheck.

    Returns the answer, the privileges that were used (None), the granted rights and the status. The kernel
    (`access_mode` KernelMode) gets all that it asks for. `desired_access` has no generic rights, which
    RtlMapGenericMask takes out. Without a descriptor, and without any desired right, the answer is
    STATUS_ACCESS_DENIED.
    """
    _CHECK.check_with(security_descriptor, subject_security_context, generic_mapping)
    _CHECK.check_arguments(
        security_descriptor,
        subject_security_context,
        subject_context_locked,
        desired_access,
        previously_granted_access,
        generic_mapping,
        access_mode,
    )
    desired = desired_access & 0xFFFF_FFFF
    before = previously_granted_access & 0xFFFF_FFFF
    if access_mode == KernelMode:
        everything = generic_mapping.generic_all if desired & MAXIMUM_ALLOWED else 0
        return True, None, desired & ~MAXIMUM_ALLOWED | before | everything, STATUS_SUCCESS
    token = subject_security_context.primary_token
    if not security_descriptor or token is None:
        return False, None, 0, STATUS_ACCESS_DENIED
    if not desired:
        return (True, None, before, STATUS_SUCCESS) if before else (False, None, 0, STATUS_ACCESS_DENIED)
    status, granted = check_access(
        descriptor_of(security_descriptor), token, desired & ~before, generic_mapping, before
    )
    return status == STATUS_SUCCESS, None, granted, status


def single_privilege_check(privilege_value: int, previous_mode: int) -> bool:
    """Whether the current thread has a privilege; follows SeSinglePrivilegeCheck. The kernel has every one.

    `privilege_value` is the LUID as a number, such as SE_LOAD_DRIVER_PRIVILEGE.
    """
    _PRIVILEGE.check_level(privilege_value)
    _PRIVILEGE.check_arguments(privilege_value, previous_mode)
    return previous_mode == KernelMode or privilege_value in running.value.current_token().privileges
