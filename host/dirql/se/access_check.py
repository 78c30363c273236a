# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The check of access: what a descriptor grants to a token ([MS-DTYP], section 2.5.3.2; WDK, SeAccessCheck)."""

from __future__ import annotations

from typing import Final

from dirql.nt.constants import (
    GENERIC_ALL,
    GENERIC_EXECUTE,
    GENERIC_READ,
    GENERIC_WRITE,
    MAXIMUM_ALLOWED,
    READ_CONTROL,
    WRITE_DAC,
    WRITE_OWNER,
)
from dirql.nt.status import STATUS_ACCESS_DENIED, STATUS_PRIVILEGE_NOT_HELD, STATUS_SUCCESS
from dirql.se.descriptor import Descriptor, GenericMapping
from dirql.se.token import Token

__all__ = ["check_access", "map_generic"]

_ACCESS_SYSTEM_SECURITY: Final = 0x100_0000
_SECURITY_PRIVILEGE: Final = 8
_TAKE_OWNERSHIP_PRIVILEGE: Final = 9
_GENERIC: Final = GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL


def map_generic(mask: int, mapping: GenericMapping) -> int:
    """The mask with the specific rights in the place of the generic ones; follows RtlMapGenericMask."""
    mapped = mask & ~_GENERIC
    rights = (
        (GENERIC_READ, mapping.generic_read),
        (GENERIC_WRITE, mapping.generic_write),
        (GENERIC_EXECUTE, mapping.generic_execute),
        (GENERIC_ALL, mapping.generic_all),
    )
    for generic, specific in rights:
        if mask & generic:
            mapped |= specific
    return mapped


def check_access(
    descriptor: Descriptor, token: Token, desired: int, mapping: GenericMapping, granted: int = 0
) -> tuple[int, int]:
    """Answer whether the rights `desired`, none of them generic, are granted: (status, granted rights).

    Either all of `desired` is granted or nothing. With MAXIMUM_ALLOWED whatever there is comes besides. The rights
    `granted` were granted before.
    """
    before = granted
    if desired & _ACCESS_SYSTEM_SECURITY:
        if _SECURITY_PRIVILEGE not in token.privileges:
            return STATUS_PRIVILEGE_NOT_HELD, 0
        granted |= _ACCESS_SYSTEM_SECURITY
    wants_all = bool(desired & MAXIMUM_ALLOWED)
    desired &= ~MAXIMUM_ALLOWED
    if descriptor.dacl is None:
        return STATUS_SUCCESS, granted | desired | (mapping.generic_all if wants_all else 0)
    if desired & WRITE_OWNER and _TAKE_OWNERSHIP_PRIVILEGE in token.privileges:
        granted |= WRITE_OWNER
    if descriptor.owner is not None and token.has(descriptor.owner):
        granted |= READ_CONTROL | WRITE_DAC
    denied = 0
    for entry in descriptor.dacl:
        if entry.only_inherited or not token.has(entry.sid):
            continue
        mask = map_generic(entry.mask, mapping)
        if entry.denies:
            denied |= mask & ~granted
        else:
            granted |= mask & ~denied
    if desired & ~granted or (wants_all and not granted):
        return STATUS_ACCESS_DENIED, 0
    return STATUS_SUCCESS, granted if wants_all else desired | before
