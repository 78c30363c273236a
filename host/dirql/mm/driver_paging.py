# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Pageable sections of a driver, which a driver locks while it runs them at a raised IRQL (row IRQL-13).

In C the linker makes a section of the routines that a pragma names. Here the pageable code of one file is a section:
that of the routines that begin with PAGED_CODE. The address in a section is a routine of the file.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.origin import origin_of_routine
from dirql.ke.processors.contract import KeptContract, contract
from dirql.mm.holdings import Holding
from dirql.mm.manager import running
from dirql.nt.bugcodes import MEMORY_MANAGEMENT, MM_UNLOCK_UNLOCKED_SECTION

__all__ = [
    "Section",
    "lock_pagable_code_section",
    "lock_pagable_data_section",
    "lock_pagable_section_by_handle",
    "page_entire_driver",
    "reset_driver_paging",
    "unlock_pagable_image_section",
]

_LOCK_DATA: Final = contract("MmLockPagableDataSection")
_LOCK_CODE: Final = contract("MmLockPagableCodeSection")
_LOCK_BY_HANDLE: Final = contract("MmLockPagableSectionByHandle")
_UNLOCK: Final = contract("MmUnlockPagableImageSection")
_PAGE_DRIVER: Final = contract("MmPageEntireDriver")
_RESET_PAGING: Final = contract("MmResetDriverPaging")

_KIND: Final = "section"


class Section:
    """The pageable code of one file; the handle that the routines below return and take."""

    __slots__ = ("file",)

    def __init__(self, file: str) -> None:
        self.file: Final = file

    def __repr__(self) -> str:
        return f"<pageable section of {self.file}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Section) and other.file == self.file

    def __hash__(self) -> int:
        return hash(self.file)


class _Lock(Holding):
    """The locks of a section: `count` of them."""

    __slots__ = ("count",)

    def __init__(self, section: Section) -> None:
        super().__init__(f"the lock of {section!r}", "MmUnlockPagableImageSection")
        self.count = 0


def lock_pagable_data_section(address_within_section: object) -> Section:
    """Lock the section that holds a routine, and return its handle; follows MmLockPagableDataSection."""
    _LOCK_DATA.check_level(address_within_section)
    return _lock(Section(_file_of(_LOCK_DATA, address_within_section)))


def lock_pagable_code_section(address_within_section: object) -> Section:
    """Lock the section that holds a routine, and return its handle; follows MmLockPagableCodeSection."""
    _LOCK_CODE.check_level(address_within_section)
    return _lock(Section(_file_of(_LOCK_CODE, address_within_section)))


def lock_pagable_section_by_handle(image_section_handle: Section) -> None:
    """Lock a section again; locks are counted. Follows MmLockPagableSectionByHandle."""
    _LOCK_BY_HANDLE.check_level(image_section_handle)
    _check_handle(_LOCK_BY_HANDLE, image_section_handle)
    _lock(image_section_handle)


def unlock_pagable_image_section(image_section_handle: Section) -> None:
    """Undo one lock; follows MmUnlockPagableImageSection. Without one it is bug check 0x1A/0x1010."""
    _UNLOCK.check_level(image_section_handle)
    _check_handle(_UNLOCK, image_section_handle)
    entries = running.value.holdings.entries
    lock = entries.get((_KIND, image_section_handle))
    if not isinstance(lock, _Lock):
        reason = (
            f"a section for MmUnlockPagableImageSection must be locked; {image_section_handle!r} was not: call it once"
            " for each lock"
        )
        bug_check(MEMORY_MANAGEMENT, MM_UNLOCK_UNLOCKED_SECTION, image_section_handle, reason=reason)
    lock.count -= 1
    if not lock.count:
        del entries[_KIND, image_section_handle]
        current.kernel.locked_code.discard(image_section_handle.file)


def page_entire_driver(address_within_section: object) -> Section:
    """Let all code of a driver's file be pageable; returns the image. Follows MmPageEntireDriver.

    It lasts until MmResetDriverPaging, which a driver calls before it connects an interrupt.
    """
    _PAGE_DRIVER.check_level(address_within_section)
    file = _file_of(_PAGE_DRIVER, address_within_section)
    current.kernel.paged_code.add(file)
    return Section(file)


def reset_driver_paging(address_within_section: object) -> None:
    """Let only the sections be pageable that were made so; follows MmResetDriverPaging."""
    _RESET_PAGING.check_level(address_within_section)
    current.kernel.paged_code.discard(_file_of(_RESET_PAGING, address_within_section))


def _lock(section: Section) -> Section:
    entries = running.value.holdings.entries
    lock = entries.get((_KIND, section))
    if not isinstance(lock, _Lock):
        lock = _Lock(section)
        entries[_KIND, section] = lock
        current.kernel.locked_code.add(section.file)
    lock.count += 1
    return section


def _file_of(kept: KeptContract, routine: object) -> str:
    place = origin_of_routine(routine)
    if place is None:
        kept.refuse_argument("AddressWithinSection", "a routine of the driver", routine)
    return place.file


def _check_handle(kept: KeptContract, handle: object) -> None:
    if not isinstance(handle, Section):
        kept.refuse_argument(
            "ImageSectionHandle", "what MmLockPagableCodeSection or MmLockPagableDataSection returned", handle
        )
