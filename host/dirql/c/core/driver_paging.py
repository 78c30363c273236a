# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Pageable sections of drivers in C, which MmLockPagableCodeSection and its kin keep in memory.

A handle is the address of a section. Code of a driver that is in no section PAGE is always in memory, so that a lock of
it changes nothing, and its handle is the base of the image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from dirql.c.core.images import Image
from dirql.ke.current import current
from dirql.ke.origin import Origin
from dirql.mm import driver_paging
from dirql.mm.driver_paging import Section

__all__ = ["DriverPaging"]


class _Place:
    """A place in a driver, as the routines of the memory manager take it."""

    def __init__(self, origin: Origin) -> None:
        self.origin: Final = origin


class DriverPaging:
    """The routines, for addresses in images."""

    def __init__(self, image_of: Callable[[int], Image | None]) -> None:
        self._image_of = image_of
        self._sections: dict[int, tuple[Section, Image, str]] = {}
        """Each section that was locked, with its image and its name, by its handle."""

    def routines(self) -> dict[str, Callable[..., object]]:
        """The routines, by their names in C."""
        return {
            "MmLockPagableDataSection": self._locking(driver_paging.lock_pagable_data_section),
            "MmLockPagableCodeSection": self._locking(driver_paging.lock_pagable_code_section),
            "MmLockPagableSectionByHandle": self._lock_by_handle,
            "MmUnlockPagableImageSection": self._unlock,
            "MmPageEntireDriver": self._page_driver,
            "MmResetDriverPaging": self._reset_paging,
        }

    def _locking(self, lock: Callable[[object], Section]) -> Callable[..., object]:
        def lock_section(address: int) -> int:
            image = self._image_of(address)
            if image is None:
                lock(address)
                raise AssertionError(address)
            name, start = image.pageable_section(address)
            section = lock(_Place(Origin(name, f"{name or 'the code'} of {image.built.name}", 0)))
            self._sections[start] = section, image, name
            image.keep_in_memory(name)
            return start

        return lock_section

    def _lock_by_handle(self, handle: int) -> None:
        locked = self._sections.get(handle)
        if locked is None:
            driver_paging.lock_pagable_section_by_handle(cast(Section, handle))  # which refuses it
        else:
            section, image, name = locked
            driver_paging.lock_pagable_section_by_handle(section)
            image.keep_in_memory(name)

    def _unlock(self, handle: int) -> None:
        locked = self._sections.get(handle)
        if locked is None:
            driver_paging.unlock_pagable_image_section(cast(Section, handle))  # which refuses it
        else:
            section, image, name = locked
            driver_paging.unlock_pagable_image_section(section)
            if section.file not in current.kernel.locked_code:
                image.let_go_out(name)

    def _page_driver(self, address: int) -> int:
        image = self._image_of(address)
        driver_paging.page_entire_driver(address if image is None else _Place(image.origin(address)))
        assert image is not None
        return image.base

    def _reset_paging(self, address: int) -> None:
        image = self._image_of(address)
        driver_paging.reset_driver_paging(address if image is None else _Place(image.origin(address)))
