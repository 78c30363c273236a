# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Mappings of the pages of an MDL, in system space and in the address space of the current process.

There is no cache between the processors and the bus, so that a caching type changes nothing. The rule for views in a
process (row MDL-18): the driver that maps one unmaps it in the context of that process, before the process ends and
before the pages of the MDL are unlocked or freed.
"""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import is_verified
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import current_irql, irql_name
from dirql.mm.described import watch_view
from dirql.mm.holdings import UserView
from dirql.mm.layout import (
    MAPPING_RANGE,
    PAGE_OFFSET,
    SYSTEM_RANGE_START,
    USER_RANGE,
    byte_offset,
    page_align,
    span_pages,
)
from dirql.mm.manager import running
from dirql.mm.mdl import Mdl
from dirql.mm.protection import NoAccess
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    NO_MORE_SYSTEM_PTES,
    PTE_NOT_MAPPED,
    PTE_WRONG_ADDRESS,
    SYSTEM_PTE_MISUSE,
    VF_MDL_BUG_CHECK_ON_FAILURE,
    VF_MDL_MAP_BAD_FLAGS,
    VF_MDL_MAP_LOCKED_PAGES,
    VF_MDL_MAP_LOCKED_PAGES_USER_IRQL,
    VF_MDL_MAP_USER_IRQL,
    VF_MDL_UNMAP_USER_IRQL,
)
from dirql.nt.constants import (
    APC_LEVEL,
    MDL_MAPPED_TO_SYSTEM_VA,
    MDL_MAPPING_CAN_FAIL,
    MDL_PARTIAL,
    MDL_PARTIAL_HAS_BEEN_MAPPED,
    MDL_SOURCE_IS_NONPAGED_POOL,
    PAGE_EXECUTE,
    PAGE_EXECUTE_READ,
    PAGE_EXECUTE_READWRITE,
    PAGE_NOACCESS,
    PAGE_READONLY,
    PAGE_READWRITE,
    PAGE_SHIFT,
    PAGE_SIZE,
    KernelMode,
    MdlMappingNoWrite,
    MmMaximumCacheType,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import (
    STATUS_CONFLICTING_ADDRESSES,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_PAGE_PROTECTION,
    STATUS_INVALID_PARAMETER,
    STATUS_NOT_MAPPED_VIEW,
    STATUS_SUCCESS,
)

__all__ = [
    "get_system_address_for_mdl",
    "map_locked_pages",
    "map_locked_pages_specify_cache",
    "protect_mdl_system_address",
    "unmap_locked_pages",
]

_MAP_LOCKED_PAGES: Final = contract("MmMapLockedPages")
_MAP_LOCKED_PAGES_SPECIFY_CACHE: Final = contract("MmMapLockedPagesSpecifyCache")
_GET_SYSTEM_ADDRESS: Final = contract("MmGetSystemAddressForMdl")
_PROTECT_MDL_SYSTEM_ADDRESS: Final = contract("MmProtectMdlSystemAddress")
_UNMAP_LOCKED_PAGES: Final = contract("MmUnmapLockedPages")

_HAS_SYSTEM_ADDRESS: Final = MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL
_READABLE: Final = (PAGE_READONLY, PAGE_READWRITE, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE)
_PROTECTIONS: Final = (*_READABLE, PAGE_NOACCESS, PAGE_EXECUTE)
_WRITABLE: Final = (PAGE_READWRITE, PAGE_EXECUTE_READWRITE)


def map_locked_pages(mdl: Mdl, access_mode: int) -> int | None:
    """The address of the pages of an MDL in system space, or with UserMode in the current process.

    Follows MmMapLockedPages. Without room the kernel mode is bug check 0x3F, unless the MDL has MDL_MAPPING_CAN_FAIL,
    and the user mode raises the status. With the verifier any kernel-mode call is bug check 0xC4/0x81.
    """
    _MAP_LOCKED_PAGES.check_irql(mdl, access_mode)
    _MAP_LOCKED_PAGES.check(mdl)
    _MAP_LOCKED_PAGES.check_arguments(mdl, access_mode)
    if access_mode != KernelMode:
        _check_user_level("MmMapLockedPages", VF_MDL_MAP_LOCKED_PAGES_USER_IRQL, mdl, access_mode)
        return _map_to_user("MmMapLockedPages", mdl, None, writable=True)
    return _map_or_stop("MmMapLockedPages", mdl)


def map_locked_pages_specify_cache(
    mdl: Mdl,
    access_mode: int,
    cache_type: int,
    requested_address: int | None,
    bug_check_on_failure: int,
    priority: int,
) -> int | None:
    """The address of the pages of an MDL in system space, or with UserMode in the current process.

    Follows MmMapLockedPagesSpecifyCache. `requested_address`, for UserMode, is rounded down to a page. Without room the
    kernel mode returns None, or is bug check 0x3F with `bug_check_on_failure`, which the verifier forbids (0xC4/0x82).
    The user mode raises STATUS_CONFLICTING_ADDRESSES or STATUS_INSUFFICIENT_RESOURCES. `priority` may have
    MdlMappingNoWrite.
    """
    _MAP_LOCKED_PAGES_SPECIFY_CACHE.check_irql(mdl, access_mode)
    _MAP_LOCKED_PAGES_SPECIFY_CACHE.check(mdl)
    _MAP_LOCKED_PAGES_SPECIFY_CACHE.check_arguments(
        mdl, access_mode, cache_type, requested_address, bug_check_on_failure, priority
    )
    routine = "MmMapLockedPagesSpecifyCache"
    writable = not priority & MdlMappingNoWrite
    is_known = 0 <= cache_type < MmMaximumCacheType
    if access_mode != KernelMode:
        _check_user_level(routine, VF_MDL_MAP_USER_IRQL, mdl, access_mode)
        if not is_known:
            raise StatusException(STATUS_INVALID_PARAMETER)
        return _map_to_user(routine, mdl, requested_address, writable=writable)
    if bug_check_on_failure and is_verified():
        reason = f"{routine} must be called with BugCheckOnFailure FALSE; it was TRUE: pass FALSE, and look for NULL"
        bug_check(
            DRIVER_VERIFIER_DETECTED_VIOLATION, VF_MDL_BUG_CHECK_ON_FAILURE, mdl, mdl.mdl_flags, reason=reason
        )
    _check_unmapped(routine, mdl)
    address = mdl.map_to_system(routine, writable=writable) if is_known else None
    if address is None and bug_check_on_failure:
        _stop_without_room(routine, mdl)
    return address


def get_system_address_for_mdl(mdl: Mdl) -> int | None:
    """The address of the buffer in system space, which the first call maps; follows MmGetSystemAddressForMdl.

    It calls MmMapLockedPages, so that failing is a bug check; MmGetSystemAddressForMdlSafe returns NULL instead.
    """
    _GET_SYSTEM_ADDRESS.check_irql(mdl, KernelMode)
    _GET_SYSTEM_ADDRESS.check(mdl)
    if mdl.is_free:
        mdl.refuse_use("MmGetSystemAddressForMdl")
    if mdl.mdl_flags & MDL_PARTIAL:
        mdl.check_source("MmGetSystemAddressForMdl")
    if mdl.mdl_flags & _HAS_SYSTEM_ADDRESS:
        return mdl.mapped_system_va
    return _map_or_stop("MmGetSystemAddressForMdl", mdl)


def protect_mdl_system_address(mdl: Mdl, new_protect: int) -> int:
    """Set the accesses that the system address of an MDL allows; follows MmProtectMdlSystemAddress.

    STATUS_NOT_MAPPED_VIEW for an MDL that is not mapped, STATUS_INVALID_PAGE_PROTECTION for another value.
    """
    _PROTECT_MDL_SYSTEM_ADDRESS.check(mdl)
    _PROTECT_MDL_SYSTEM_ADDRESS.check_arguments(mdl, new_protect)
    if mdl.is_free:
        mdl.refuse_use("MmProtectMdlSystemAddress")
    if new_protect not in _PROTECTIONS:
        return STATUS_INVALID_PAGE_PROTECTION
    if not mdl.mdl_flags & MDL_MAPPED_TO_SYSTEM_VA:
        return STATUS_NOT_MAPPED_VIEW
    space = running.value.system
    space.protect(mdl.mapped_system_va, mdl.byte_count, writable=new_protect in _WRITABLE)
    watch = mdl.read_watch() if new_protect in _READABLE else NoAccess()
    for page in space.pages(mdl.mapped_system_va, mdl.byte_count):
        page.watch = watch
    return STATUS_SUCCESS


def unmap_locked_pages(base_address: int, mdl: Mdl) -> None:
    """Undo the mapping of an MDL at `base_address`; follows MmUnmapLockedPages.

    For a user address the process of the mapping must be the current one. An address at which the MDL is not mapped is
    bug check 0xDA.
    """
    _UNMAP_LOCKED_PAGES.check_irql(base_address, mdl)
    _UNMAP_LOCKED_PAGES.check_with(base_address, mdl)
    if type(base_address) is not int:
        _UNMAP_LOCKED_PAGES.check_arguments(base_address, mdl)
    if mdl.is_free:
        mdl.refuse_use("MmUnmapLockedPages")
    if base_address < SYSTEM_RANGE_START:
        _check_user_level("MmUnmapLockedPages", VF_MDL_UNMAP_USER_IRQL, base_address, mdl)
        _unmap_view(base_address, mdl)
        return
    owns = not mdl.mdl_flags & MDL_PARTIAL or mdl.mdl_flags & MDL_PARTIAL_HAS_BEEN_MAPPED
    is_mapped = bool(owns and mdl.mdl_flags & MDL_MAPPED_TO_SYSTEM_VA)
    if not is_mapped or base_address != mdl.mapped_system_va:
        _refuse_unmap(base_address, mdl, mdl.mapped_system_va if is_mapped else None)
    mdl.unmap()


def _map_or_stop(routine: str, mdl: Mdl) -> int | None:
    """Map to system space as the routines do that have no way to fail."""
    can_fail = bool(mdl.mdl_flags & MDL_MAPPING_CAN_FAIL)
    if not can_fail and is_verified():
        reason = (
            f"{routine} must not be called for KernelMode, since it cannot return NULL; it was, for {mdl!r}: call"
            " MmGetSystemAddressForMdlSafe, or MmMapLockedPagesSpecifyCache with BugCheckOnFailure FALSE"
        )
        bug_check(
            DRIVER_VERIFIER_DETECTED_VIOLATION, VF_MDL_MAP_LOCKED_PAGES, mdl, mdl.mdl_flags, reason=reason
        )
    _check_unmapped(routine, mdl)
    address = mdl.map_to_system(routine, writable=True)
    if address is None and not can_fail:
        _stop_without_room(routine, mdl)
    return address


def _check_unmapped(routine: str, mdl: Mdl) -> None:
    """Bug check 0xC4/0xB2 for an MDL that has a system address already, which would be lost."""
    if not mdl.is_free and mdl.mdl_flags & _HAS_SYSTEM_ADDRESS:
        reason = (
            f"an MDL for {routine} must have no system address yet; {mdl!r} has {mdl.mapped_system_va:#x}: take the"
            " address from MmGetSystemAddressForMdlSafe, which returns the one that is there"
        )
        flags = mdl.mdl_flags & _HAS_SYSTEM_ADDRESS
        bug_check(
            DRIVER_VERIFIER_DETECTED_VIOLATION,
            VF_MDL_MAP_BAD_FLAGS,
            mdl,
            mdl.mdl_flags,
            flags,
            reason=reason,
        )


def _stop_without_room(routine: str, mdl: Mdl) -> NoReturn:
    pages = len(mdl.frames)
    reason = f"system addresses for {pages} pages must be free when {routine} must not fail; they were not: {mdl!r}"
    room = MAPPING_RANGE.size >> PAGE_SHIFT
    bug_check(NO_MORE_SYSTEM_PTES, 0, pages, max(room - running.value.mapped_mdls, 0), room, reason=reason)


def _check_user_level(routine: str, subcode: int, first: object, second: object) -> None:
    """The verifier's bug check for a user-mode mapping above APC_LEVEL."""
    irql = current_irql()
    if irql > APC_LEVEL and is_verified():
        reason = (
            f"{routine} must be called at or below APC_LEVEL for a user address; it was called at {irql_name(irql)}:"
            " call it in the dispatch routine"
        )
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, subcode, irql, first, second, reason=reason)


def _map_to_user(routine: str, mdl: Mdl, requested: int | None, *, writable: bool) -> int:
    """Map the pages to addresses of the current process; raises the status of a failure."""
    mdl.check_frames(routine)
    manager = running.value
    space = manager.user_space()
    if requested:
        base = page_align(requested)
        if base not in USER_RANGE or base + len(mdl.frames) * PAGE_SIZE > USER_RANGE.base + USER_RANGE.size:
            raise StatusException(STATUS_CONFLICTING_ADDRESSES)
        if not space.map_at(base, mdl.frames, writable=writable):
            raise StatusException(STATUS_CONFLICTING_ADDRESSES)
    else:
        found = space.map(USER_RANGE, mdl.frames, writable=writable)
        if found is None:
            raise StatusException(STATUS_INSUFFICIENT_RESOURCES)
        base = found
    watch_view(space, base, len(mdl.frames), mdl.read_watch(), mdl)
    if mdl.mdl_flags & MDL_SOURCE_IS_NONPAGED_POOL:
        manager.share_pool()
        manager.used_mdls[mdl] = None
    manager.holdings.add_view(UserView(mdl, space, base, len(mdl.frames)))
    return base + mdl.byte_offset


def _unmap_view(address: int, mdl: Mdl) -> None:
    manager = running.value
    space = manager.user_space()
    view = manager.holdings.view_at(space, page_align(address))
    if view is None or view.mdl is not mdl or address & PAGE_OFFSET != byte_offset(mdl.byte_offset):
        views = manager.holdings.views_of(mdl)
        other = [view for view in views if view.space is not space and view.base == page_align(address)]
        if other:
            reason = (
                f"a view must be unmapped in the context of its process; {other[0]!r} was not, the current process is"
                f" {space.name!r}: call MmUnmapLockedPages in a dispatch routine that the process has called, at the"
                " latest in that of IRP_MJ_CLEANUP"
            )
            bug_check(SYSTEM_PTE_MISUSE, PTE_NOT_MAPPED, mdl, address, len(mdl.frames), reason=reason)
        _refuse_unmap(address, mdl, views[0].base + mdl.byte_offset if views else None)
    manager.holdings.end_view(view)
    if mdl.mdl_flags & MDL_SOURCE_IS_NONPAGED_POOL and not manager.holdings.views_of(mdl) and not mdl.lists:
        manager.used_mdls.pop(mdl, None)


def _refuse_unmap(address: int, mdl: Mdl, expected: int | None) -> NoReturn:
    """Bug check 0xDA for an address at which the MDL is not mapped; `expected` is the one at which it is."""
    if expected is None:
        reason = f"an MDL for MmUnmapLockedPages must be mapped; {mdl!r} was not, at {address:#x}"
        bug_check(SYSTEM_PTE_MISUSE, PTE_NOT_MAPPED, mdl, address, _pages(mdl), reason=reason)
    reason = (
        f"BaseAddress of MmUnmapLockedPages must be the one at which the MDL is mapped, {expected:#x}; it was"
        f" {address:#x} for {mdl!r}"
    )
    bug_check(SYSTEM_PTE_MISUSE, PTE_WRONG_ADDRESS, mdl, expected, address, reason=reason)


def _pages(mdl: Mdl) -> int:
    return span_pages(mdl.get_virtual_address(), mdl.byte_count)
