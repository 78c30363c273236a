# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory descriptor lists: the frames of a buffer, locked so that a device may use them.

Where NT has one bug check with Driver Verifier and another one without, the verifier's flags choose. A mistake that
only Driver Verifier finds is always found here.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current as ke
from dirql.ke.origin import Mark, describe_mark, mark
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import current_irql
from dirql.mm.address_space import NOWHERE, AddressSpace
from dirql.mm.blocks import owner_text
from dirql.mm.described import check_described, watch_view
from dirql.mm.fault import resolve_fault
from dirql.mm.layout import MAPPING_RANGE, PAGE_OFFSET, SYSTEM_RANGE_START, page_align, span_pages
from dirql.mm.manager import running
from dirql.mm.mdl_fields import DESCRIBES_FRAMES, MdlFields
from dirql.mm.process import Process
from dirql.mm.read_lock import ReadLock, report_read_only
from dirql.nt.bugcodes import (
    DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    INVALID_MDL_RANGE,
    TARGET_MDL_TOO_SMALL,
    VF_MDL_BUILD_FOR_PAGED,
    VF_MDL_FREE_WHILE_MAPPED,
    VF_MDL_PROBE_BAD_FLAGS,
)
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    MDL_IO_PAGE_READ,
    MDL_MAPPED_TO_SYSTEM_VA,
    MDL_PAGES_LOCKED,
    MDL_PARTIAL,
    MDL_PARTIAL_HAS_BEEN_MAPPED,
    MDL_SOURCE_IS_NONPAGED_POOL,
    MDL_WRITE_OPERATION,
    PAGE_SHIFT,
    PAGE_SIZE,
    IoModifyAccess,
    IoReadAccess,
    IoWriteAccess,
    KernelMode,
    MdlMappingNoWrite,
    UserMode,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_ACCESS_VIOLATION

__all__ = ["LONGEST", "Mdl", "size_of_mdl"]

_ALLOCATE: Final = contract("IoAllocateMdl")
_FREE: Final = contract("IoFreeMdl")
_PROBE_AND_LOCK_PAGES: Final = contract("MmProbeAndLockPages")
_UNLOCK_PAGES: Final = contract("MmUnlockPages")
_BUILD_FOR_NON_PAGED_POOL: Final = contract("MmBuildMdlForNonPagedPool")
_GET_SYSTEM_ADDRESS_SAFE: Final = contract("MmGetSystemAddressForMdlSafe")
_BUILD_PARTIAL: Final = contract("IoBuildPartialMdl")
_PREPARE_FOR_REUSE: Final = contract("MmPrepareMdlForReuse")
_GET_MDL_BYTE_COUNT: Final = contract("MmGetMdlByteCount")
_GET_MDL_BYTE_OFFSET: Final = contract("MmGetMdlByteOffset")
_GET_MDL_PFN_ARRAY: Final = contract("MmGetMdlPfnArray")
_GET_MDL_VIRTUAL_ADDRESS: Final = contract("MmGetMdlVirtualAddress")

LONGEST: Final = (1 << 32) - PAGE_SIZE
"""The longest buffer that IoAllocateMdl can describe: 4 GiB less a page."""
"""Parameter 1 of PFN_LIST_CORRUPT: a page was unlocked more often than locked."""
_HEADER_SIZE: Final = 0x30
_FRAME_NUMBER_SIZE: Final = 8
_HAS_SYSTEM_ADDRESS: Final = MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL


_MODES: Final = (KernelMode, UserMode)
_OPERATIONS: Final = (IoReadAccess, IoWriteAccess, IoModifyAccess)


class Mdl(MdlFields):
    """A memory descriptor list: `byte_count` bytes that begin `byte_offset` bytes into the page at `start_va`.

    After locking or building, `frames` has the number of the frame behind each page that the buffer touches. `process`
    is the process of a locked user buffer. `next` is the next MDL of the chain.
    """

    __slots__ = (
        "locked_at",
        "mapped_system_va",
        "next",
        "parts",
        "process",
        "purpose",
        "size",
        "source",
        "source_frames",
    )

    def __init__(self, address: int, length: int) -> None:
        # `size_of_mdl` and `describe` are written out: their calls would take 1 % of "a read" in bench/io_paths.py.
        offset = address & PAGE_OFFSET
        self.size = _HEADER_SIZE + (offset + length + PAGE_OFFSET >> PAGE_SHIFT) * _FRAME_NUMBER_SIZE
        self.next: Mdl | None = None
        self.driver = self.place = None
        self.locked_at: Mark | None = None
        """The place where a driver locked the pages."""
        self.is_free = False
        self.freed_by = self.freed_at = None
        self.lists = 0
        self.purpose = ""
        """The request that the I/O manager made it for, such as "IRP_MJ_READ"; empty for a driver's own."""
        self.process: Process | None = None
        self.frames = []
        self.source: Mdl | None = None
        """The MDL of which this one describes a part; `source_frames` are the frames that it had then."""
        self.source_frames: list[int] = []
        self.parts: list[Mdl] = []
        """The partial MDLs that were mapped apart from this one, while its pages were locked."""
        self.start_va = address - offset
        self.byte_offset = offset
        self.byte_count = length
        self.mdl_flags = 0
        self.mapped_system_va = 0

    def __repr__(self) -> str:
        return (
            f"<Mdl {self.byte_count} bytes at {self.get_virtual_address():#x}, flags {self.mdl_flags:#x}, "
            f"{len(self.frames)} frames>"
        )

    @staticmethod
    def allocate(address: int, length: int) -> Mdl | None:
        """An MDL for a buffer, without frames yet; None for more than 4 GiB less a page. Follows IoAllocateMdl."""
        _ALLOCATE.check_level(address)
        if type(address) is not int or type(length) is not int or not 0 <= length <= LONGEST:
            _ALLOCATE.check_arguments(address, length, False, False, None)
        return Mdl.make(address, length, mark())

    @staticmethod
    def make(address: int, length: int, place: Mark | None = None) -> Mdl | None:
        """Do as `allocate`, for code of the kernel; `place` is where a driver asked for it."""
        if length > LONGEST:
            return None
        made = Mdl(address, length)
        made.driver, made.place = ke.processor.driver, place
        running.value.mdls[made] = None
        return made

    def free(self) -> None:
        """Give the MDL back after its pages were unlocked; follows IoFreeMdl.

        The mapping of a partial MDL goes with it. Any other MDL that is still mapped is bug check 0xC4/0xB8.
        """
        _FREE.check(self)
        self.release(mark())

    def release(self, place: Mark | None = None) -> None:
        """Do as `free`, for code of the kernel; `place` is where a driver asked for it."""
        if self.is_free or self.lists:
            self.refuse_use("IoFreeMdl")
        if self.mdl_flags & MDL_PARTIAL:
            self.prepare_for_reuse()
        elif self.mdl_flags & MDL_MAPPED_TO_SYSTEM_VA:
            self.violation(VF_MDL_FREE_WHILE_MAPPED, "must be unmapped before IoFreeMdl; it was still mapped")
        manager = running.value
        if manager.holdings.views:
            manager.holdings.end_views(self, "IoFreeMdl")
        if self.mdl_flags & MDL_PAGES_LOCKED:
            bug_check(
                DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS,
                describe_mark(self.locked_at),
                0,
                self,
                len(self.frames),
                reason=f"an MDL must be unlocked by MmUnlockPages, or emptied by MmFreePagesFromMdl, before it is"
                f" freed; {self!r}, allocated by {owner_text(self.driver, self.place)}, was not: call MmUnlockPages"
                " before IoFreeMdl",
            )
        self.is_free, self.freed_by, self.freed_at = True, ke.processor.driver, place
        del manager.mdls[self]

    def get_virtual_address(self) -> int:
        """The address of the buffer, valid in the context of its process only; follows MmGetMdlVirtualAddress."""
        try:
            return self.start_va + self.byte_offset
        except AttributeError as error:
            _GET_MDL_VIRTUAL_ADDRESS.explain(error, self)

    def get_byte_count(self) -> int:
        """The length of the buffer in bytes; follows MmGetMdlByteCount."""
        try:
            return self.byte_count
        except AttributeError as error:
            _GET_MDL_BYTE_COUNT.explain(error, self)

    def get_byte_offset(self) -> int:
        """The offset of the buffer in its first page, in bytes; follows MmGetMdlByteOffset."""
        try:
            return self.byte_offset
        except AttributeError as error:
            _GET_MDL_BYTE_OFFSET.explain(error, self)

    def get_pfn_array(self) -> list[int]:
        """The numbers of the frames behind the buffer; follows MmGetMdlPfnArray."""
        try:
            return self.frames
        except AttributeError as error:
            _GET_MDL_PFN_ARRAY.explain(error, self)

    def probe_and_lock_pages(self, access_mode: int, operation: int) -> None:
        """Bring the pages of the buffer in, check that they allow the operation, and lock them.

        Follows MmProbeAndLockPages. `operation` is IoReadAccess, IoWriteAccess or IoModifyAccess. Pageable memory needs
        APC_LEVEL or below. Raises STATUS_ACCESS_VIOLATION, with nothing locked, for a page that is not mapped, for a
        read-only page that is to be written, and in UserMode for a page of the system.
        """
        _PROBE_AND_LOCK_PAGES.check_irql(self, access_mode)
        _PROBE_AND_LOCK_PAGES.check(self)
        if access_mode not in _MODES or operation not in _OPERATIONS:
            _PROBE_AND_LOCK_PAGES.check_arguments(self, access_mode, operation)
        if self.is_free or self.mdl_flags & (DESCRIBES_FRAMES | MDL_MAPPED_TO_SYSTEM_VA):
            self.refuse_lock("MmProbeAndLockPages", VF_MDL_PROBE_BAD_FLAGS)
        self.lock(access_mode, operation)

    def lock(self, access_mode: int, operation: int, space: AddressSpace | None = None) -> None:
        """Do as `probe_and_lock_pages`, for code of the kernel, and with `space` for another process.

        The checks of a driver's call would take 2 % of "a read" in bench/io_paths.py.
        """
        write = operation != IoReadAccess
        start = self.start_va
        end = start + self.byte_offset + self.byte_count
        is_of_system = start >= SYSTEM_RANGE_START
        if access_mode == UserMode and end > SYSTEM_RANGE_START:
            raise StatusException(STATUS_ACCESS_VIOLATION)
        manager = running.value
        frames = self._probe(manager.system if is_of_system else space or manager.user_space(), end, write)
        manager.frames.lock(frames)
        manager.locked_mdls += 1
        if ke.processor.driver is not None:
            self.locked_at = mark()
        self.frames = frames
        if not is_of_system:
            self.process = manager.process
        else:
            self.process = None
            check_described(manager, "MmProbeAndLockPages", self)
            manager.share_pool()
            manager.used_mdls[self] = None
        self.mdl_flags |= MDL_PAGES_LOCKED | (MDL_WRITE_OPERATION if write else 0)

    def unlock_pages(self) -> None:
        """Undo `probe_and_lock_pages`, and a mapping that was made since; follows MmUnlockPages.

        An MDL that is not locked is bug check 0x76, or 0xC4 with the verifier.
        """
        _UNLOCK_PAGES.check(self)
        self.unlock()

    def unlock(self) -> None:
        """Do as `unlock_pages`, for code of the kernel."""
        if self.is_free or self.lists:
            self.refuse_use("MmUnlockPages")
        if not self.mdl_flags & MDL_PAGES_LOCKED:
            self.refuse_unlock()
        if self.mdl_flags & MDL_MAPPED_TO_SYSTEM_VA:
            self.unmap()
        manager = running.value
        if manager.holdings.views:
            manager.holdings.end_views(self, "MmUnlockPages")
        if self.parts:
            self._unmap_parts()
        if manager.used_mdls:
            manager.used_mdls.pop(self, None)
        manager.frames.unlock(self.frames)
        manager.locked_mdls -= 1
        self.mdl_flags &= ~(MDL_PAGES_LOCKED | MDL_WRITE_OPERATION)
        self.process = None
        self.frames = []

    def build_for_non_paged_pool(self) -> None:
        """Describe a buffer in nonpaged memory, which needs no lock; follows MmBuildMdlForNonPagedPool.

        Memory that is not the system's, and memory that may be paged, is bug check 0xC4/0x7F.
        """
        _BUILD_FOR_NON_PAGED_POOL.check(self)
        if self.is_free:
            self.refuse_use("MmBuildMdlForNonPagedPool")
        address, length = self.get_virtual_address(), self.byte_count
        pages = running.value.system.pages(address, length)
        frames = [page.frame for page in pages if not page.pageable and page.physical != NOWHERE]
        if len(frames) != span_pages(address, length):
            bug_check(
                DRIVER_VERIFIER_DETECTED_VIOLATION,
                VF_MDL_BUILD_FOR_PAGED,
                current_irql(),
                self,
                self.mdl_flags,
                reason=f"{self!r} must describe nonpaged memory of the system when MmBuildMdlForNonPagedPool is called",
            )
        manager = running.value
        check_described(manager, "MmBuildMdlForNonPagedPool", self)
        manager.share_pool()
        self.frames = frames
        self.mapped_system_va = self.get_virtual_address()
        self.mdl_flags |= MDL_SOURCE_IS_NONPAGED_POOL

    def get_system_address_safe(self, priority: int) -> int | None:
        """The address of the buffer in system space, valid in any context; follows MmGetSystemAddressForMdlSafe.

        The first call maps the buffer, read-only with MdlMappingNoWrite in `priority`. Returns None when no address is
        free. Pages that are not locked are bug check 0xC4/0x85.
        """
        _GET_SYSTEM_ADDRESS_SAFE.check(self)
        if type(priority) is not int:
            _GET_SYSTEM_ADDRESS_SAFE.check_arguments(self, priority)
        if self.mdl_flags & _HAS_SYSTEM_ADDRESS and not self.is_free:
            if self.mdl_flags & MDL_PARTIAL:
                self.check_source("MmGetSystemAddressForMdlSafe")
            return self.mapped_system_va
        return self.map_to_system("MmGetSystemAddressForMdlSafe", writable=not priority & MdlMappingNoWrite)

    def map_to_system(self, routine: str, *, writable: bool) -> int | None:
        """Map an MDL without a system address, for a routine of the WDK; None when no address is free."""
        self.check_frames(routine)
        manager = running.value
        address = manager.system.map(MAPPING_RANGE, self.frames, writable=writable)
        if address is not None:
            self.note_mapping(address)
            return self.mapped_system_va
        return None

    def note_mapping(self, address: int) -> None:
        """Note that the pages are mapped from a system address on, until `unmap`."""
        manager = running.value
        manager.mapped_mdls += 1
        self.mapped_system_va = address + self.byte_offset
        self.mdl_flags |= MDL_MAPPED_TO_SYSTEM_VA
        if self.source is not None:
            self.mdl_flags |= MDL_PARTIAL_HAS_BEEN_MAPPED
            self.source.parts.append(self)
        watch_view(manager.system, address, len(self.frames), self.read_watch(), self)

    @property
    def is_paged_apart(self) -> bool:
        """Whether the MDL has no buffer, since it is one of MmAllocatePagesForMdl; ExFreePool frees it then."""
        return not self.start_va

    def check_frames(self, routine: str) -> None:
        """Stop the system if the MDL, which a routine is to map, was freed or describes no locked pages."""
        if self.is_free:
            self.refuse_use(routine)
        if self.mdl_flags & MDL_PARTIAL:
            self.check_source(routine)
        if not self.mdl_flags & DESCRIBES_FRAMES:
            self.refuse_mapping(f"must have its pages locked when {routine} is called")

    def read_watch(self) -> ReadLock | None:
        """The watch over a mapping of memory that is locked for reading; None for other memory."""
        return ReadLock(self) if self.is_read_only() else None

    def build_partial(self, target: Mdl, address: int, length: int) -> None:
        """Make `target` describe `length` bytes of this buffer from `address` on; follows IoBuildPartialMdl.

        `address` is a virtual address of the buffer; `length` 0 means up to its end. The target shares the mapping of
        this MDL if there is one, and otherwise makes a mapping of its own on demand. Bug check 0x12E when the range is
        not inside the buffer, 0x40 when the target was allocated for fewer pages.
        """
        _BUILD_PARTIAL.check_two(self, target)
        _BUILD_PARTIAL.check_arguments(self, target, address, length)
        for mdl in (self, target):
            if mdl.is_free:
                mdl.refuse_use("IoBuildPartialMdl")
        skipped = address - self.get_virtual_address()
        rest = self.byte_count - skipped
        described = (len(self.frames) << PAGE_SHIFT) - self.byte_offset - skipped
        if skipped < 0 or rest < 0 or length > rest or (self.frames and (length or rest) > described):
            reason = (
                f"the part for IoBuildPartialMdl must lie inside {self!r}; it was {length} bytes at {address:#x}: take"
                " the start from MmGetMdlVirtualAddress"
            )
            bug_check(INVALID_MDL_RANGE, self, target, address, length, reason=reason)
        length = length or rest
        if size_of_mdl(address, length) > target.size:
            reason = (
                f"the target of IoBuildPartialMdl must have room for the pages of {length} bytes at {address:#x}; it"
                f" was {target!r}, of {target.size} bytes: give IoAllocateMdl the same address and length"
            )
            bug_check(TARGET_MDL_TOO_SMALL, reason=reason)
        if self.mdl_flags & MDL_PARTIAL:
            self.check_source("IoBuildPartialMdl")
        target.prepare_for_reuse()
        target.describe(address, length)
        first = (page_align(address) - self.start_va) // PAGE_SIZE
        target.frames = self.frames[first : first + span_pages(address, length)]
        target.process = self.process
        target.source, target.source_frames = self, self.frames
        target.mdl_flags = MDL_PARTIAL | (self.mdl_flags & (_HAS_SYSTEM_ADDRESS | MDL_IO_PAGE_READ))
        if self.mdl_flags & _HAS_SYSTEM_ADDRESS:
            target.mapped_system_va = self.mapped_system_va + skipped

    def prepare_for_reuse(self) -> None:
        """Undo the mapping that a partial MDL made for itself; follows MmPrepareMdlForReuse."""
        _PREPARE_FOR_REUSE.check(self)
        if self.mdl_flags & MDL_PARTIAL_HAS_BEEN_MAPPED:
            self.unmap()

    def is_read_only(self) -> bool:
        """Whether the memory is locked for IoReadAccess, by this MDL or by the one of which it describes a part."""
        source = self
        while source.source is not None:
            source = source.source
        is_locked_to_read = source.mdl_flags & (MDL_PAGES_LOCKED | MDL_WRITE_OPERATION) == MDL_PAGES_LOCKED
        return is_locked_to_read and not source.is_paged_apart

    def check_source(self, routine: str) -> None:
        """Bug check 0xC4/0x85 for a partial MDL whose source has no locked pages any more (row MDL-16)."""
        part = self
        while (source := part.source) is not None:
            if source.frames is not part.source_frames:
                self.refuse_mapping(
                    f"must not be used by {routine} after {source!r}, of which it describes a part, was unlocked: use"
                    " it before MmUnlockPages, or before the request of the source is completed"
                )
            part = source

    def begin_list(self, *, written: bool) -> None:
        """Note that a scatter/gather list or a transfer of the HAL describes the memory now.

        The device writes to it if `written`.
        """
        self.lists += 1
        if written and self.is_read_only():
            report_read_only(self, "the device was to write to it")
        if self.mdl_flags & MDL_SOURCE_IS_NONPAGED_POOL:
            running.value.used_mdls[self] = None

    def end_list(self) -> None:
        """Undo `begin_list`, because the list was put back."""
        self.lists -= 1
        if not self.lists and self.mdl_flags & MDL_SOURCE_IS_NONPAGED_POOL:
            running.value.used_mdls.pop(self, None)

    def _unmap_parts(self) -> None:
        """Undo the mappings of partial MDLs, because the memory may belong to somebody else from now on."""
        for part in self.parts:
            if part.source is self and part.mdl_flags & MDL_PARTIAL_HAS_BEEN_MAPPED:
                part.unmap()
        self.parts.clear()

    def describe(self, address: int, length: int) -> None:
        """Describe another buffer, without frames yet."""
        self.start_va = page_align(address)
        self.byte_offset = address & PAGE_OFFSET
        self.byte_count = length
        self.mdl_flags = 0
        self.mapped_system_va = 0
        self.process = None
        self.source = None
        self.frames = []

    def _probe(self, space: AddressSpace, end: int, write: bool) -> list[int]:
        """The frames of the pages from `start_va` up to `end`, each brought in and valid."""
        is_raised = ke.processor.irql >= DISPATCH_LEVEL
        entries = space.entries
        frames = []
        for address in range(self.start_va, end, PAGE_SIZE):
            page = entries.get(address >> PAGE_SHIFT)
            if page is None or page.device != NOWHERE or (write and not page.writable):
                raise StatusException(STATUS_ACCESS_VIOLATION)
            if page.physical == NOWHERE or (page.pageable and is_raised):
                page = resolve_fault(space, address, write=write, by_driver=False)
            frames.append(page.frame)
        return frames

    def unmap(self) -> None:
        """Undo the mapping that this MDL made."""
        manager = running.value
        if manager.holdings.reserved:
            manager.holdings.check_unmap(self, self.mapped_system_va)
        manager.end_mapping(self, self.mapped_system_va, len(self.frames))
        self.mdl_flags &= ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED)


def size_of_mdl(address: int, length: int) -> int:
    """The size of an MDL for a buffer: the header and a frame number for each page, in bytes as on x64."""
    return _HEADER_SIZE + span_pages(address, length) * _FRAME_NUMBER_SIZE
