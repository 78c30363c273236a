# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""Sections: memory that processes and drivers share by mapping views of it, and `\Device\PhysicalMemory`.

A section that is made has frames of its own, all from the start. That of the physical memory has none: its views show
the frames of RAM and the registers of devices that lie at the addresses.
"""

from __future__ import annotations

from typing import Final

from dirql.mm.address_space import NOWHERE, AddressSpace, Page
from dirql.mm.layout import MAPPING_RANGE
from dirql.mm.manager import MemoryManager, running as memory_manager
from dirql.mm.user_regions import Region, is_writable
from dirql.nt.constants import PAGE_EXECUTE_READWRITE, PAGE_NOACCESS, PAGE_SHIFT, PAGE_SIZE
from dirql.ob.manager import running as object_manager
from dirql.ob.object import Object

__all__ = [
    "PHYSICAL_MEMORY",
    "Section",
    "SectionView",
    "make_physical_memory",
    "map_into_system",
    "map_view",
    "unmap_from_system",
    "unmap_view",
]

PHYSICAL_MEMORY: Final = "\\Device\\PhysicalMemory"
_PHYSICAL_SIZE: Final = 1 << 52
"""The physical addresses that a view can show."""


class Section(Object):
    """A section object; `frames` is None for the physical memory."""

    __slots__ = ("frames", "protect", "size")

    def __init__(self, size: int, protect: int, frames: list[int] | None) -> None:
        super().__init__()
        self.size = size
        self.protect = protect
        self.frames = frames

    def __repr__(self) -> str:
        return f"<section {self.name or 'without a name'}, {self.size:#x} bytes>"

    @property
    def type_name(self) -> str:
        """The name of the object's type, as in `ob.object_type`."""
        return "Section"

    @property
    def begins_with_name(self) -> bool:
        """Whether the reference with which an object begins is that of its name, and not its creator's."""
        return True

    def pages(self, offset: int, size: int, *, writable: bool) -> list[Page]:
        """Entries of page tables that show a part of the section; both numbers are whole pages."""
        frames = self.frames
        if frames is not None:
            part = frames[offset >> PAGE_SHIFT : offset + size >> PAGE_SHIFT]
            return [Page(frame << PAGE_SHIFT, writable, False) for frame in part]
        ram = len(memory_manager.value.ram)
        return [
            Page(address, writable, False)
            if address < ram
            else Page(NOWHERE, writable, False, device=address)
            for address in range(offset, offset + size, PAGE_SIZE)
        ]

    def last_reference_dropped(self) -> None:
        """Give the frames back."""
        object_manager.value.namespace.remove(self)
        if self.frames is not None:
            memory_manager.value.frames.free(self.frames)
            self.frames = []


class SectionView(Region):
    """A part of a section at addresses of a process; it keeps the section."""

    __slots__ = ("section",)

    def __init__(self, section: Section, base: int, size: int, protect: int) -> None:
        super().__init__(base, size, protect)
        self.section = section
        section.reference()

    def __repr__(self) -> str:
        return f"<view of {self.section!r}, {self.size:#x} bytes at {self.base:#x}>"

    def end(self, space: AddressSpace) -> None:
        """Take what is mapped away; the frames stay those of the section."""
        if not self.protect & PAGE_NOACCESS:
            space.unmap(self.base, self.size >> PAGE_SHIFT)
        self.section.dereference()


def map_view(
    section: Section, space: AddressSpace, base: int | None, offset: int, size: int, protect: int
) -> SectionView | None:
    """Map a part of a section at a base, or where there is room; None when the addresses are not free."""
    regions = memory_manager.value.user_regions
    if base is None:
        base = regions.place(space, size)
        if base is None:
            return None
    elif not regions.is_free(space, base, size):
        return None
    if not protect & PAGE_NOACCESS:
        space.map_pages(base, section.pages(offset, size, writable=is_writable(protect)))
    view = SectionView(section, base, size, protect)
    regions.of(space).append(view)
    return view


def unmap_view(space: AddressSpace, view: SectionView) -> None:
    """Take a view away; the frames stay those of the section."""
    memory_manager.value.user_regions.of(space).remove(view)
    view.end(space)


def map_into_system(section: Section, size: int) -> int | None:
    """Map the first `size` bytes of a section to addresses of the system; None when there is no room."""
    manager = memory_manager.value
    base = manager.system.place_pages(
        MAPPING_RANGE, section.pages(0, size, writable=is_writable(section.protect))
    )
    if base is not None:
        _system_views(manager).append(SectionView(section, base, size, section.protect))
    return base


def unmap_from_system(base: int) -> bool:
    """Take a view of the system away; whether there was one at `base`."""
    manager = memory_manager.value
    views = _system_views(manager)
    for view in views:
        if view.base == base and isinstance(view, SectionView):
            unmap_view(manager.system, view)
            return True
    return False


def _system_views(manager: MemoryManager) -> list[Region]:
    return manager.user_regions.of(manager.system)


def make_physical_memory() -> None:
    """Make the section of the physical memory, which exists before any driver."""
    section = Section(_PHYSICAL_SIZE, PAGE_EXECUTE_READWRITE, None)
    object_manager.value.namespace.insert(PHYSICAL_MEMORY, section)
