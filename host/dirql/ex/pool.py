# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pool routines besides ExAllocatePool2 and ExAllocatePoolWithTag, which they call.

A pool without quotas and priorities: the forms with a quota differ in what they do without memory, those with a
priority do not differ.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.mm.allocation import allocate_pool_with_tag, free_pool_with_tag
from dirql.nt.constants import POOL_QUOTA_FAIL_INSTEAD_OF_RAISE
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES
from dirql.rtl.memory import write

__all__ = [
    "allocate_pool",
    "allocate_pool_priority_uninitialized",
    "allocate_pool_priority_zero",
    "allocate_pool_quota_uninitialized",
    "allocate_pool_quota_zero",
    "allocate_pool_uninitialized",
    "allocate_pool_with_quota",
    "allocate_pool_with_quota_tag",
    "allocate_pool_with_tag_priority",
    "allocate_pool_zero",
    "free_pool2",
]

_POOL: Final = contract("ExAllocatePool")
_QUOTA: Final = contract("ExAllocatePoolWithQuota")
_QUOTA_TAG: Final = contract("ExAllocatePoolWithQuotaTag")
_TAG_PRIORITY: Final = contract("ExAllocatePoolWithTagPriority")
_ZERO: Final = contract("ExAllocatePoolZero")
_UNINITIALIZED: Final = contract("ExAllocatePoolUninitialized")
_QUOTA_ZERO: Final = contract("ExAllocatePoolQuotaZero")
_QUOTA_UNINITIALIZED: Final = contract("ExAllocatePoolQuotaUninitialized")
_PRIORITY_ZERO: Final = contract("ExAllocatePoolPriorityZero")
_PRIORITY_UNINITIALIZED: Final = contract("ExAllocatePoolPriorityUninitialized")
_FREE2: Final = contract("ExFreePool2")

_NO_TAG: Final = int.from_bytes(b"None", "little")
"""The tag of a block for which the driver gave none."""


def allocate_pool(pool_type: int, number_of_bytes: int) -> int | None:
    """The address of a block with the tag "None", or None without memory; follows ExAllocatePool."""
    _POOL.check_arguments(pool_type, number_of_bytes)
    return allocate_pool_with_tag(pool_type, number_of_bytes, _NO_TAG)


def allocate_pool_with_quota(pool_type: int, number_of_bytes: int) -> int | None:
    """Do as `allocate_pool_with_quota_tag` with the tag "None"; follows ExAllocatePoolWithQuota."""
    _QUOTA.check_arguments(pool_type, number_of_bytes)
    return _allocate_with_quota(pool_type, number_of_bytes, _NO_TAG)


def allocate_pool_with_quota_tag(pool_type: int, number_of_bytes: int, tag: int) -> int | None:
    """The address of a block; follows ExAllocatePoolWithQuotaTag (row POL-11).

    Without memory STATUS_INSUFFICIENT_RESOURCES is raised, with POOL_QUOTA_FAIL_INSTEAD_OF_RAISE the result is None.
    """
    _QUOTA_TAG.check_arguments(pool_type, number_of_bytes, tag)
    return _allocate_with_quota(pool_type, number_of_bytes, tag)


def allocate_pool_with_tag_priority(
    pool_type: int, number_of_bytes: int, tag: int, priority: int
) -> int | None:
    """Do as ExAllocatePoolWithTag; follows ExAllocatePoolWithTagPriority."""
    _TAG_PRIORITY.check_arguments(pool_type, number_of_bytes, tag, priority)
    return allocate_pool_with_tag(pool_type, number_of_bytes, tag)


def allocate_pool_zero(pool_type: int, number_of_bytes: int, tag: int) -> int | None:
    """The address of a cleared block, or None without memory; follows ExAllocatePoolZero."""
    _ZERO.check_arguments(pool_type, number_of_bytes, tag)
    return _clear(allocate_pool_with_tag(pool_type, number_of_bytes, tag), number_of_bytes)


def allocate_pool_uninitialized(pool_type: int, number_of_bytes: int, tag: int) -> int | None:
    """The address of a block with unknown contents, or None; follows ExAllocatePoolUninitialized."""
    _UNINITIALIZED.check_arguments(pool_type, number_of_bytes, tag)
    return allocate_pool_with_tag(pool_type, number_of_bytes, tag)


def allocate_pool_quota_zero(pool_type: int, number_of_bytes: int, tag: int) -> int | None:
    """Do as `allocate_pool_with_quota_tag`, with a cleared block; follows ExAllocatePoolQuotaZero."""
    _QUOTA_ZERO.check_arguments(pool_type, number_of_bytes, tag)
    return _clear(_allocate_with_quota(pool_type, number_of_bytes, tag), number_of_bytes)


def allocate_pool_quota_uninitialized(pool_type: int, number_of_bytes: int, tag: int) -> int | None:
    """Do as `allocate_pool_with_quota_tag`; follows ExAllocatePoolQuotaUninitialized."""
    _QUOTA_UNINITIALIZED.check_arguments(pool_type, number_of_bytes, tag)
    return _allocate_with_quota(pool_type, number_of_bytes, tag)


def allocate_pool_priority_zero(pool_type: int, number_of_bytes: int, tag: int, priority: int) -> int | None:
    """Do as `allocate_pool_zero`; follows ExAllocatePoolPriorityZero."""
    _PRIORITY_ZERO.check_arguments(pool_type, number_of_bytes, tag, priority)
    return _clear(allocate_pool_with_tag(pool_type, number_of_bytes, tag), number_of_bytes)


def allocate_pool_priority_uninitialized(
    pool_type: int, number_of_bytes: int, tag: int, priority: int
) -> int | None:
    """Do as `allocate_pool_uninitialized`; follows ExAllocatePoolPriorityUninitialized."""
    _PRIORITY_UNINITIALIZED.check_arguments(pool_type, number_of_bytes, tag, priority)
    return allocate_pool_with_tag(pool_type, number_of_bytes, tag)


def free_pool2(address: int, tag: int, extended_parameters: None, extended_parameters_count: int) -> None:
    """Do as ExFreePoolWithTag; follows ExFreePool2, of whose parameters the last two are reserved."""
    _FREE2.check_arguments(address, tag, extended_parameters, extended_parameters_count)
    free_pool_with_tag(address, tag)


def _allocate_with_quota(pool_type: int, size: int, tag: int) -> int | None:
    address = allocate_pool_with_tag(pool_type & ~POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, size, tag)
    if address is None and not pool_type & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE:
        raise StatusException(STATUS_INSUFFICIENT_RESOURCES)
    return address


def _clear(address: int | None, size: int) -> int | None:
    """Clear a new block, if there is one."""
    if address is not None:
        write(address, bytes(size))
    return address
