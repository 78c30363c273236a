# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The services for sections: making and opening one, and mapping its views into processes and into the system."""

from __future__ import annotations

from typing import Final

from dirql.ke.guard import current_driver
from dirql.ke.processors.contract import KeptContract, contract
from dirql.mm.layout import HIGHEST_USER_ADDRESS, round_to_pages
from dirql.mm.manager import running as memory_manager
from dirql.mm.user_regions import GRANULARITY, MAXIMUM_ZERO_BITS, is_protection, is_writable
from dirql.nt.constants import (
    MEM_LARGE_PAGES,
    MEM_RESERVE,
    MEM_TOP_DOWN,
    PAGE_GUARD,
    PAGE_NOACCESS,
    PAGE_NOCACHE,
    PAGE_SHIFT,
    SEC_BASED,
    SEC_COMMIT,
    SEC_FILE,
    SEC_IMAGE,
    SEC_NOCACHE,
    SEC_RESERVE,
    SECTION_MAP_READ,
    SECTION_MAP_WRITE,
    ViewShare,
    ViewUnmap,
)
from dirql.nt.status import (
    STATUS_COMMITMENT_LIMIT,
    STATUS_CONFLICTING_ADDRESSES,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_FILE_FOR_SECTION,
    STATUS_INVALID_PAGE_PROTECTION,
    STATUS_INVALID_PARAMETER_3,
    STATUS_INVALID_PARAMETER_4,
    STATUS_INVALID_PARAMETER_6,
    STATUS_INVALID_PARAMETER_8,
    STATUS_INVALID_PARAMETER_9,
    STATUS_INVALID_VIEW_SIZE,
    STATUS_MAPPED_ALIGNMENT,
    STATUS_NO_MEMORY,
    STATUS_NOT_MAPPED_VIEW,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SECTION_PROTECTION,
    STATUS_SECTION_TOO_BIG,
    STATUS_SUCCESS,
)
from dirql.ob.attributes import ObjectAttributes
from dirql.ob.manager import handle_flags, running as object_manager
from dirql.ob.process_information import process_of_handle
from dirql.ob.section import Section, SectionView, map_into_system, map_view, unmap_from_system, unmap_view

__all__ = [
    "create_section",
    "map_view_in_system_space",
    "map_view_of_section",
    "open_section",
    "unmap_view_in_system_space",
    "unmap_view_of_section",
]

_CREATE: Final = contract("ZwCreateSection")
_OPEN: Final = contract("ZwOpenSection")
_MAP: Final = contract("ZwMapViewOfSection")
_UNMAP: Final = contract("ZwUnmapViewOfSection")
_MAP_IN_SYSTEM: Final = contract("MmMapViewInSystemSpace")
_UNMAP_IN_SYSTEM: Final = contract("MmUnmapViewInSystemSpace")

_ATTRIBUTES: Final = SEC_BASED | SEC_FILE | SEC_IMAGE | SEC_RESERVE | SEC_COMMIT | SEC_NOCACHE
_KINDS: Final = (SEC_COMMIT, SEC_RESERVE)
_ALLOCATIONS: Final = MEM_RESERVE | MEM_TOP_DOWN | MEM_LARGE_PAGES
_LARGEST: Final = 1 << 44
"""No section of a page file is larger."""


def create_section(
    desired_access: int,
    object_attributes: ObjectAttributes | None,
    maximum_size: int | None,
    section_page_protection: int,
    allocation_attributes: int,
    file_handle: int | None,
) -> tuple[int, int | None]:
    """Make a section of memory and open it: (status, handle); follows ZwCreateSection.

    The size is rounded up to pages, which are zero. A file cannot be mapped: STATUS_INVALID_FILE_FOR_SECTION.
    """
    _CREATE.check_with(desired_access, object_attributes)
    arguments = (maximum_size, section_page_protection, allocation_attributes, file_handle)
    _CREATE.check_arguments(desired_access, object_attributes, *arguments)
    manager = object_manager.value
    status = _refuse_section(section_page_protection, allocation_attributes)
    if status == STATUS_SUCCESS and file_handle is not None:
        status, file = manager.handles.lookup(file_handle, object)
        if file is not None:
            named = manager.handles.entry(file_handle)
            is_file = named is not None and named.object.kind == "File"
            status = STATUS_INVALID_FILE_FOR_SECTION if is_file else STATUS_OBJECT_TYPE_MISMATCH
    elif status == STATUS_SUCCESS and allocation_attributes & SEC_IMAGE:
        status = STATUS_INVALID_FILE_FOR_SECTION
    elif status == STATUS_SUCCESS and not maximum_size:
        status = STATUS_INVALID_PARAMETER_4
    elif status == STATUS_SUCCESS and maximum_size is not None and not 0 < maximum_size <= _LARGEST:
        status = STATUS_SECTION_TOO_BIG
    if status != STATUS_SUCCESS or maximum_size is None:
        return status, None
    size = round_to_pages(maximum_size)
    frames = memory_manager.value.frames.allocate(size >> PAGE_SHIFT, "section")
    if frames is None:
        return STATUS_COMMITMENT_LIMIT, None
    made = Section(size, section_page_protection, frames)
    attributes = ObjectAttributes() if object_attributes is None else object_attributes
    status, handle = manager.create(made, attributes, desired_access)
    if handle is None:
        made.dereference()
    return status, handle


def _refuse_section(protect: int, attributes: int) -> int:
    """The status for attributes or a protection that no section can have."""
    kind = attributes & (SEC_COMMIT | SEC_RESERVE | SEC_IMAGE)
    if attributes & ~_ATTRIBUTES or not (kind in _KINDS or kind == SEC_IMAGE):
        return STATUS_INVALID_PARAMETER_6
    if kind == SEC_IMAGE and attributes & (SEC_NOCACHE | SEC_BASED):
        return STATUS_INVALID_PARAMETER_6
    if not is_protection(protect) or protect & (PAGE_NOACCESS | PAGE_GUARD | PAGE_NOCACHE):
        return STATUS_INVALID_PAGE_PROTECTION
    return STATUS_SUCCESS


def open_section(desired_access: int, object_attributes: ObjectAttributes) -> tuple[int, int | None]:
    r"""Open a section by its name, such as `\Device\PhysicalMemory`: (status, handle); follows ZwOpenSection."""
    _OPEN.check_with(desired_access, object_attributes)
    _OPEN.check_arguments(desired_access, object_attributes)
    manager = object_manager.value
    status, found, rest = manager.lookup(object_attributes)
    if found is None:
        return status, None
    if rest or not isinstance(found, Section):
        return STATUS_OBJECT_TYPE_MISMATCH, None
    return STATUS_SUCCESS, manager.handles.insert(found, desired_access, handle_flags(object_attributes))


def map_view_of_section(
    section_handle: int,
    process_handle: int,
    base_address: int | None,
    zero_bits: int,
    commit_size: int,
    section_offset: int | None,
    view_size: int,
    inherit_disposition: int,
    allocation_type: int,
    win32_protect: int,
) -> tuple[int, int | None, int | None, int]:
    """Map a part of a section into a process: (status, base, offset, size); follows ZwMapViewOfSection.

    The values that come in by pointers in C come in as numbers here, and go out behind the status. The base, unless
    it is NULL, and the offset are multiples of 64 KiB; an offset into the physical memory is rounded down. A size of 0
    means all that is behind the offset.
    """
    _MAP.check_level(section_handle)
    parts = (base_address, zero_bits, commit_size, section_offset, view_size)
    how = (inherit_disposition, allocation_type, win32_protect)
    _MAP.check_arguments(section_handle, process_handle, *parts, *how)
    _check_number(_MAP, "BaseAddress", base_address)
    _check_number(_MAP, "SectionOffset", section_offset)
    _check_number(_MAP, "ViewSize", view_size, optional=False)
    unchanged = (base_address, section_offset, view_size)
    status = _refuse_view(base_address or 0, zero_bits, view_size, how)
    if status != STATUS_SUCCESS:
        return status, *unchanged
    status, process = process_of_handle(process_handle)
    if process is None:
        return status, *unchanged
    access = SECTION_MAP_WRITE if is_writable(win32_protect) else SECTION_MAP_READ
    status, section = _section_of(section_handle, access)
    if section is None:
        return status, *unchanged
    if is_writable(win32_protect) and not is_writable(section.protect):
        return STATUS_SECTION_PROTECTION, *unchanged
    offset = int(section_offset or 0)
    if section.frames is None:
        view_size += offset % GRANULARITY if view_size else 0
        offset -= offset % GRANULARITY
    if (base_address or 0) % GRANULARITY or offset % GRANULARITY:
        return STATUS_MAPPED_ALIGNMENT, *unchanged
    size = round_to_pages(view_size) or section.size - offset
    if not 0 <= offset < offset + size <= section.size:
        return STATUS_INVALID_VIEW_SIZE, *unchanged
    space = memory_manager.value.space_of_process(is_system=process.is_system)
    view = map_view(section, space, base_address or None, offset, size, win32_protect)
    if view is None:
        return STATUS_CONFLICTING_ADDRESSES if base_address else STATUS_NO_MEMORY, *unchanged
    return STATUS_SUCCESS, view.base, offset, size


def _check_number(kept: KeptContract, name: str, value: object, *, optional: bool = True) -> None:
    if not isinstance(value, int) and not (optional and value is None):
        kept.refuse_argument(name, "a number: the value that C has behind the pointer", value)


def _refuse_view(base: int, zero_bits: int, size: int, how: tuple[int, int, int]) -> int:
    """The status for arguments that no view can have."""
    inherit, allocation, protect = how
    if inherit not in (ViewShare, ViewUnmap):
        return STATUS_INVALID_PARAMETER_8
    if allocation & ~_ALLOCATIONS:
        return STATUS_INVALID_PARAMETER_9
    if zero_bits > MAXIMUM_ZERO_BITS:
        return STATUS_INVALID_PARAMETER_4
    if not is_protection(protect):
        return STATUS_INVALID_PAGE_PROTECTION
    if not 0 <= base <= base + size <= HIGHEST_USER_ADDRESS:
        return STATUS_INVALID_PARAMETER_3
    return STATUS_SUCCESS


def _section_of(handle: int, access: int) -> tuple[int, Section | None]:
    """The section of a handle; a driver may map it whatever the handle grants."""
    handles = object_manager.value.handles
    if current_driver() is not None:
        return handles.lookup_for_kernel(handle, Section)
    return handles.lookup(handle, Section, access)


def unmap_view_of_section(process_handle: int, base_address: int | None) -> int:
    """Take a view away, of which any address is given; follows ZwUnmapViewOfSection."""
    _UNMAP.check_level(process_handle)
    _UNMAP.check_arguments(process_handle, base_address)
    _check_number(_UNMAP, "BaseAddress", base_address)
    status, process = process_of_handle(process_handle)
    if process is None:
        return status
    manager = memory_manager.value
    space = manager.space_of_process(is_system=process.is_system)
    view = manager.user_regions.at(space, base_address or 0)
    if not isinstance(view, SectionView):
        return STATUS_NOT_MAPPED_VIEW
    unmap_view(space, view)
    return STATUS_SUCCESS


def map_view_in_system_space(section: object, view_size: int) -> tuple[int, int | None, int]:
    """Map the first bytes of a section to addresses of the system: (status, address, size).

    Follows MmMapViewInSystemSpace. The section is the object that ObReferenceObjectByHandle gives; a size of 0 means
    all of it.
    """
    _MAP_IN_SYSTEM.check_level(section)
    _MAP_IN_SYSTEM.check_arguments(section, view_size)
    _check_number(_MAP_IN_SYSTEM, "ViewSize", view_size, optional=False)
    if not isinstance(section, Section):
        _MAP_IN_SYSTEM.refuse_argument("Section", "a section object", section)
    size = round_to_pages(view_size) or section.size
    if size > section.size or section.frames is None:
        return STATUS_INVALID_VIEW_SIZE, None, view_size
    base = map_into_system(section, size)
    if base is None:
        return STATUS_INSUFFICIENT_RESOURCES, None, view_size
    return STATUS_SUCCESS, base, size


def unmap_view_in_system_space(mapped_base: int) -> int:
    """Take a view of the system away; follows MmUnmapViewInSystemSpace."""
    _UNMAP_IN_SYSTEM.check_level(mapped_base)
    _UNMAP_IN_SYSTEM.check_arguments(mapped_base)
    _check_number(_UNMAP_IN_SYSTEM, "MappedBase", mapped_base)
    return STATUS_SUCCESS if unmap_from_system(mapped_base) else STATUS_NOT_MAPPED_VIEW
