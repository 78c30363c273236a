# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Identifiers, lists and descriptors in paged pool, for tests of the routines that take their addresses."""

from __future__ import annotations

from typing import Final

from dirql.wdm import (
    ACL_REVISION,
    SECURITY_DESCRIPTOR_REVISION,
    STATUS_SUCCESS,
    ExAllocatePoolWithTag,
    PagedPool,
    RtlCreateAcl,
    RtlCreateSecurityDescriptor,
    RtlInitializeSid,
    RtlSetDaclSecurityDescriptor,
    RtlStoreUlong,
    RtlSubAuthoritySid,
    RtlWriteMemory,
)

__all__ = ["GROUP_OF_ADMINISTRATORS", "LOCAL_SYSTEM", "NT_AUTHORITY", "WORLD", "WORLD_AUTHORITY", "Workspace"]

NT_AUTHORITY: Final = bytes((0, 0, 0, 0, 0, 5))
WORLD_AUTHORITY: Final = bytes((0, 0, 0, 0, 0, 1))
GROUP_OF_ADMINISTRATORS: Final = (NT_AUTHORITY, (32, 544))
LOCAL_SYSTEM: Final = (NT_AUTHORITY, (18,))
WORLD: Final = (WORLD_AUTHORITY, (0,))


class Workspace:
    """A block of pool that is handed out in pieces of 8 bytes."""

    def __init__(self) -> None:
        address = ExAllocatePoolWithTag(PagedPool, 0x1000, int.from_bytes(b"test", "little"))
        assert address is not None
        self._next = address

    def put(self, contents: bytes) -> int:
        """The address of new memory with these bytes."""
        address = self._next
        self._next += len(contents) + 7 & ~7
        RtlWriteMemory(address, contents)
        return address

    def room(self, size: int) -> int:
        """The address of new memory that is full of ones."""
        return self.put(b"\xff" * size)

    def sid(self, who: tuple[bytes, tuple[int, ...]]) -> int:
        """The address of a new identifier."""
        authority, parts = who
        sid = self.room(8 + 4 * len(parts))
        assert RtlInitializeSid(sid, self.put(authority), len(parts)) == STATUS_SUCCESS
        for place, part in enumerate(parts):
            RtlStoreUlong(RtlSubAuthoritySid(sid, place), part)
        return sid

    def acl(self, size: int = 0x80) -> int:
        """The address of a new empty list."""
        acl = self.room(size)
        assert RtlCreateAcl(acl, size, ACL_REVISION) == STATUS_SUCCESS
        return acl

    def descriptor(self, dacl: int | None) -> int:
        """The address of a new descriptor with a list."""
        descriptor = self.room(0x28)
        assert RtlCreateSecurityDescriptor(descriptor, SECURITY_DESCRIPTOR_REVISION) == STATUS_SUCCESS
        assert RtlSetDaclSecurityDescriptor(descriptor, True, dacl, False) == STATUS_SUCCESS
        return descriptor
