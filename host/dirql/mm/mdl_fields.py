# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The fields of an MDL that say what it describes and who has it, and the mistakes that stop the system."""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import is_verified, verifies
from dirql.ke.origin import Mark, origin
from dirql.mm.blocks import owner_text
from dirql.mm.layout import span_pages
from dirql.mm.manager import running
from dirql.nt.bugcodes import (
    BAD_POOL_CALLER,
    DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    DRIVER_VERIFIER_DMA_VIOLATION,
    LOCKED_PAGES_UNDERFLOW,
    PAGE_FAULT_IN_NONPAGED_AREA,
    PFN_LIST_CORRUPT,
    POOL_CALLER_DOUBLE_FREE,
    PROCESS_HAS_LOCKED_PAGES,
    VERIFIER_POOL_TRACKING,
    VERIFIER_SPECIAL_POOL,
    VF_DMA_NOT_LOCKED,
    VF_MDL_MAP_UNLOCKED,
    VF_MDL_UNLOCK_NEVER_LOCKED,
    VF_MDL_UNLOCK_NONPAGED_POOL,
    VF_MDL_UNLOCK_PARTIAL,
    VF_POOL_DOUBLE_FREE,
)
from dirql.nt.constants import (
    MDL_MAPPED_TO_SYSTEM_VA,
    MDL_PAGES_LOCKED,
    MDL_PARTIAL,
    MDL_SOURCE_IS_NONPAGED_POOL,
)

__all__ = ["DESCRIBES_FRAMES", "MdlFields"]

DESCRIBES_FRAMES: Final = MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL
"""The flags of an MDL that has the frames behind its pages."""
_UNLOCKED_TOO_OFTEN: Final = 7


class MdlFields:
    """The base class of `Mdl`, which gives the fields their values."""

    __slots__ = (
        "byte_count",
        "byte_offset",
        "driver",
        "frames",
        "freed_at",
        "freed_by",
        "is_free",
        "lists",
        "mdl_flags",
        "place",
        "start_va",
    )

    start_va: int
    byte_offset: int
    byte_count: int
    mdl_flags: int
    frames: list[int]
    driver: object
    """The driver that allocated the MDL, None for the I/O manager; `place` is where it did so."""
    place: Mark | None
    is_free: bool
    """Whether the MDL was freed, by the driver `freed_by` in `freed_at`."""
    freed_by: object
    freed_at: Mark | None
    lists: int
    """The scatter/gather lists and transfers of the HAL that describe its memory now."""

    def refuse_use(self, routine: str) -> NoReturn:
        """Stop the system, because the MDL was freed, or because a device may still use its memory."""
        allocated = f"it was allocated by {owner_text(self.driver, self.place)}"
        if self.is_free:
            self._refuse_freed(
                routine,
                f"an MDL for {routine} must not be freed yet; {self!r} was: {allocated} and freed by"
                f" {owner_text(self.freed_by, self.freed_at)}; end all use of an MDL before it is freed, and of one of"
                " a request before IoCompleteRequest",
            )
        bug_check(
            DRIVER_VERIFIER_DMA_VIOLATION,
            VF_DMA_NOT_LOCKED,
            self,
            reason=f"an MDL for {routine} must be in no scatter/gather list or transfer; {self!r} was in"
            f" {self.lists}: call PutScatterGatherList, or FlushAdapterBuffers, before; {allocated}",
        )

    def _refuse_freed(self, routine: str, reason: str) -> NoReturn:
        """Stop as NT does for nonpaged pool, in which MDLs lie, that is freed twice or touched when it is free."""
        if routine == "MmUnlockPages":
            bug_check(PFN_LIST_CORRUPT, _UNLOCKED_TOO_OFTEN, self, reason=reason)
        if routine != "IoFreeMdl":
            special = verifies(VERIFIER_SPECIAL_POOL)
            code = DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL if special else PAGE_FAULT_IN_NONPAGED_AREA
            bug_check(code, self, 0, origin(), reason=reason)
        if verifies(VERIFIER_POOL_TRACKING):
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, VF_POOL_DOUBLE_FREE, 0, self, reason=reason)
        bug_check(BAD_POOL_CALLER, POOL_CALLER_DOUBLE_FREE, 0, 0, self, reason=reason)

    def refuse_unlock(self) -> NoReturn:
        """Stop because MmUnlockPages was called for an MDL that is not locked."""
        if not is_verified():
            bug_check(
                PROCESS_HAS_LOCKED_PAGES,
                LOCKED_PAGES_UNDERFLOW,
                self,
                running.value.process.locked_pages(),
                reason=f"an MDL for MmUnlockPages must be locked by MmProbeAndLockPages; it was {self!r}",
            )
        if self.mdl_flags & MDL_PARTIAL:
            self.violation(
                VF_MDL_UNLOCK_PARTIAL,
                "must not be partial when MmUnlockPages is called: unlock its source",
                MDL_PARTIAL,
            )
        if self.mdl_flags & MDL_SOURCE_IS_NONPAGED_POOL:
            self.violation(VF_MDL_UNLOCK_NONPAGED_POOL, "must not be unlocked: nonpaged pool needs no lock")
        self.violation(
            VF_MDL_UNLOCK_NEVER_LOCKED, "must be locked by MmProbeAndLockPages when MmUnlockPages is called"
        )

    def refuse_mapping(self, what: str) -> NoReturn:
        """Bug check 0xC4/0x85 with the number of pages, and the first frame that is not locked."""
        code, pages = (
            DRIVER_VERIFIER_DETECTED_VIOLATION,
            span_pages(self.start_va + self.byte_offset, self.byte_count),
        )
        first = self.frames[0] if self.frames else 0
        bug_check(code, VF_MDL_MAP_UNLOCKED, self, pages, first, reason=f"{self!r} {what}")

    def violation(self, subcode: int, what: str, flags: int = 0) -> NoReturn:
        """Bug check 0xC4; `flags` are those that are wrong or missing, where the page of the rule has them."""
        bug_check(
            DRIVER_VERIFIER_DETECTED_VIOLATION,
            subcode,
            self,
            self.mdl_flags,
            flags,
            reason=f"{self!r} {what}",
        )

    def refuse_lock(self, routine: str, subcode: int) -> None:
        """Stop the system if the MDL is freed, or in use, when a routine is to lock its pages."""
        if self.is_free:
            self.refuse_use(routine)
        wrong = self.mdl_flags & (DESCRIBES_FRAMES | MDL_MAPPED_TO_SYSTEM_VA)
        if wrong:
            what = f"must be neither locked, built, partial nor mapped when {routine} is called"
            self.violation(subcode, what, wrong)
