# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory that drivers hold besides pool and MDLs: views, contiguous memory, pages of MDLs, reserved addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from dirql.ke.bugcheck import bug_check
from dirql.ke.defects import report_defect
from dirql.ke.guard import current_driver
from dirql.ke.origin import mark
from dirql.mm.address_space import AddressSpace
from dirql.mm.blocks import owner_text
from dirql.mm.layout import page_align
from dirql.nt.bugcodes import PTE_WRONG_ADDRESS, SYSTEM_PTE_MISUSE

__all__ = ["DescribingMdl", "Holding", "Holdings", "ReservedRange", "UserView", "report_view"]


class DescribingMdl(Protocol):
    """An MDL; `source` is the one of which it describes a part."""

    @property
    def source(self) -> DescribingMdl | None:
        """That MDL, if there is one."""


class Holding:
    """One thing that a driver has got, and has to give back."""

    __slots__ = ("driver", "place", "remedy", "what")

    def __init__(self, what: str, remedy: str) -> None:
        """`what` is the thing in words, `remedy` the routine that takes it back."""
        self.what = what
        self.remedy = remedy
        self.driver = current_driver()
        self.place = mark()

    def __repr__(self) -> str:
        return f"<{self.what}>"

    def describe(self) -> str:
        """The sentence of a list of leaks."""
        return f"{self.what} was not given back, made by {owner_text(self.driver, self.place)}: call {self.remedy}"


class UserView(Holding):
    """The pages of an MDL that a driver has mapped to addresses of a process."""

    __slots__ = ("base", "described", "mdl", "pages", "space")

    def __init__(self, mdl: DescribingMdl, space: AddressSpace, base: int, pages: int) -> None:
        what = f"a view of {mdl!r} at {base:#x} of process {space.name!r}"
        super().__init__(what, "MmUnmapLockedPages in the context of the process")
        self.mdl: Final = mdl
        self.space: Final = space
        self.base: Final = base
        self.pages: Final = pages
        self.described: Final = [mdl]
        """The MDL, and those of which it describes a part."""
        while (source := self.described[-1].source) is not None:
            self.described.append(source)

    def unmap(self) -> None:
        """Take the addresses away from the process; the frames stay."""
        self.space.unmap(self.base, self.pages)


class ReservedRange(Holding):
    """A range of reserved addresses; `mdl` is the one that is mapped there."""

    __slots__ = ("mdl", "pages", "tag")

    def __init__(self, pages: int, tag: int) -> None:
        super().__init__(f"a range of {pages} reserved pages of addresses", "MmFreeMappingAddress")
        self.pages: Final = pages
        self.tag: Final = tag
        self.mdl: DescribingMdl | None = None


class Holdings:
    """The things that the drivers of one machine hold now.

    Each request asks for views and reserved mappings of its MDL, so these have dictionaries of their own: what else a
    driver holds, or another MDL, costs it nothing.
    """

    __slots__ = ("_by_mdl", "entries", "reserved", "views")

    def __init__(self) -> None:
        self.views: dict[tuple[AddressSpace, int], UserView] = {}
        """By their process and first address."""
        self._by_mdl: dict[DescribingMdl, list[UserView]] = {}
        """The views of each MDL, and of the MDLs that describe a part of it."""
        self.reserved: dict[int, ReservedRange] = {}
        """By the first address of the range."""
        self.entries: dict[tuple[str, object], Holding] = {}
        """All other things, by their kind and by what names them among their kind."""

    def all(self) -> Iterator[Holding]:
        """Each thing that a driver holds."""
        yield from self.views.values()
        yield from self.reserved.values()
        yield from self.entries.values()

    def held(self, driver: object | None = None) -> Iterator[str]:
        """A sentence for each thing that the driver, or without one any driver, holds."""
        for holding in self.all():
            if driver is None or holding.driver is driver:
                yield holding.describe()

    def add_view(self, view: UserView) -> None:
        """Note a new view."""
        self.views[view.space, view.base] = view
        for mdl in view.described:
            self._by_mdl.setdefault(mdl, []).append(view)

    def view_at(self, space: AddressSpace, base: int) -> UserView | None:
        """The view at an address of a process."""
        return self.views.get((space, base))

    def views_of(self, mdl: DescribingMdl) -> list[UserView]:
        """The views of an MDL in all processes."""
        return [view for view in self._by_mdl.get(mdl, ()) if view.mdl is mdl]

    def views_in(self, space: AddressSpace) -> list[UserView]:
        """The views in a process."""
        return [view for view in self.views.values() if view.space is space]

    def end_view(self, view: UserView) -> None:
        """Unmap a view and forget it."""
        view.unmap()
        del self.views[view.space, view.base]
        for mdl in view.described:
            found = self._by_mdl[mdl]
            found.remove(view)
            if not found:
                del self._by_mdl[mdl]

    def has_pages(self, mdl: object) -> bool:
        """Whether an MDL still has the pages of MmAllocatePagesForMdl."""
        return ("pages", mdl) in self.entries

    def check_unmap(self, mdl: object, address: int) -> None:
        """Bug check 0xDA for an MDL that is mapped to a reserved range, and that is not unmapped from there."""
        found = self.reserved.get(page_align(address))
        if found is not None and found.mdl is not None:
            reason = f"an MDL in a reserved range must be unmapped by MmUnmapReservedMapping; {mdl!r} was not"
            bug_check(SYSTEM_PTE_MISUSE, PTE_WRONG_ADDRESS, mdl, 0, address, reason=reason)

    def end_views(self, mdl: DescribingMdl, routine: str) -> None:
        """Report the views of the pages of an MDL before its routine `routine` ends them (row MDL-18)."""
        for view in list(self._by_mdl.get(mdl, ())):
            report_view(view, f"{routine} was called before")
            self.end_view(view)


def report_view(view: UserView, was: str) -> None:
    """Report a view that should be gone; `was` says why."""
    report_defect(
        "MDL-18",
        f"a view of an MDL in a process must be unmapped before its pages are unlocked or freed, and before the process"
        f" ends; {was}, for {view!r}, made by {owner_text(view.driver, view.place)}: call MmUnmapLockedPages, at the"
        " latest for IRP_MJ_CLEANUP",
    )
