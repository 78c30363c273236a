# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The types of objects: what the generic rights mean for each, and the facts that ZwQueryObject tells of it.

The numbers are those of Windows, whose object manager has an object of each type in the directory \ObjectTypes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dirql.nt.constants import (
    GENERIC_ALL,
    GENERIC_EXECUTE,
    GENERIC_READ,
    GENERIC_WRITE,
    MAXIMUM_ALLOWED,
    NonPagedPool,
    PagedPool,
)
from dirql.se.access_check import map_generic
from dirql.se.descriptor import GenericMapping

__all__ = ["OBJECT_TYPES", "ObjectType", "object_type"]


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A type of objects; `generic_read` to `generic_all` are the rights that a GENERIC_ right means."""

    name: str
    generic_read: int
    generic_write: int
    generic_execute: int
    generic_all: int
    valid_access_mask: int
    invalid_attributes: int = 0x100
    """The OBJ_ flags that an object of the type cannot have."""
    pool_type: int = NonPagedPool
    security_required: bool = False
    maintain_handle_count: bool = False

    def mapped_access(self, desired_access: int) -> int:
        """The rights that an ACCESS_MASK means for an object of this type."""
        if not desired_access & _GENERIC:
            return desired_access
        access = map_generic(desired_access & ~MAXIMUM_ALLOWED, self.mapping)
        return access | self.generic_all if desired_access & MAXIMUM_ALLOWED else access

    @property
    def mapping(self) -> GenericMapping:
        """The four meanings as one value; for files it is that of IoGetFileObjectGenericMapping."""
        return GenericMapping(self.generic_read, self.generic_write, self.generic_execute, self.generic_all)


_GENERIC: Final = GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL | MAXIMUM_ALLOWED
_FILE: Final = (0x12_0089, 0x12_0116, 0x12_00A0, 0x1F_01FF, 0x1F_01FF)
_EVENT: Final = (0x2_0001, 0x2_0002, 0x12_0000, 0x1F_0003, 0x1F_0003)

OBJECT_TYPES: Final = (
    ObjectType("Type", 0x2_0000, 0x2_0000, 0x2_0000, 0xF_0001, 0x1F_0001),
    ObjectType("Directory", 0x2_0003, 0x2_000C, 0x2_0003, 0xF_000F, 0xF_000F, pool_type=PagedPool),
    ObjectType("SymbolicLink", 0x2_0001, 0x2_0000, 0x2_0001, 0xF_0001, 0xF_0001, pool_type=PagedPool),
    ObjectType("Process", 0x2_0410, 0x2_0BEB, 0x12_0000, 0x1F_0FFF, 0x1F_0FFF, 0xB0, security_required=True),
    ObjectType("Thread", 0x2_0048, 0x2_0037, 0x12_0000, 0x1F_03FF, 0x1F_03FF, 0xB0, security_required=True),
    ObjectType("Event", *_EVENT),
    ObjectType("Mutant", 0x2_0001, 0x2_0000, 0x12_0000, 0x1F_0001, 0x1F_0001),
    ObjectType("Callback", 0x2_0000, 0x2_0001, 0x12_0000, 0x1F_0001, 0x1F_0001),
    ObjectType("Semaphore", *_EVENT),
    ObjectType("Timer", *_EVENT),
    ObjectType("Section", 0x2_0005, 0x2_0002, 0x2_0008, 0xF_001F, 0x1F_001F, pool_type=PagedPool),
    ObjectType(
        "Key",
        0x2_0019,
        0x2_0006,
        0x2_0019,
        0xF_003F,
        0x1F_003F,
        0x30,
        pool_type=PagedPool,
        security_required=True,
    ),
    ObjectType("Adapter", *_FILE),
    ObjectType("Controller", *_FILE),
    ObjectType("Device", *_FILE),
    ObjectType("Driver", *_FILE),
    ObjectType("IoCompletion", *_EVENT, 0x110),
    ObjectType("File", *_FILE, 0x130, maintain_handle_count=True),
)
"""The types, in the order of their numbers, which begin with 1."""

_BY_NAME: Final = {kind.name: kind for kind in OBJECT_TYPES}


def object_type(name: str) -> ObjectType:
    """The type with this name."""
    return _BY_NAME[name]
