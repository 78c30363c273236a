# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory manager of one machine: its frames, the system's page tables, the pools and the processes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from dirql.ke.current import current as ke
from dirql.ke.origin import Mark
from dirql.ke.running import Running
from dirql.mm.address_space import NOWHERE, AddressSpace, Page, PageTableObserver
from dirql.mm.blocks import Block, owner_text, tag_text
from dirql.mm.fault import resolve_fault
from dirql.mm.frames import FrameDatabase, FrameStatistics
from dirql.mm.holdings import Holdings, report_view
from dirql.mm.layout import NONPAGED_RANGE, PAGE_OFFSET, PAGED_RANGE, SYSTEM_RANGE_START, page_align
from dirql.mm.literals import Literals
from dirql.mm.poison import Poison
from dirql.mm.pool import Pool, PoolStatistics
from dirql.mm.process import Process
from dirql.mm.quarantine import refuse_access
from dirql.mm.special_pool import refuse_beyond
from dirql.mm.user_regions import UserRegions
from dirql.nt.addresses import PhysicalAddress
from dirql.nt.constants import DISPATCH_LEVEL, MDL_PAGES_LOCKED, PAGE_SHIFT, PAGE_SIZE

__all__ = ["MemoryManager", "MemoryStatistics", "get_physical_address", "running"]


@dataclass(frozen=True, slots=True)
class MemoryStatistics:
    """The memory that is held; a comparison of two of them shows a leak."""

    frames: FrameStatistics
    nonpaged_pool: PoolStatistics
    paged_pool: PoolStatistics
    mdls: int
    """The number of MDLs that were allocated and not freed yet."""
    locked_mdls: int
    """The number of MDLs with locked pages."""
    mapped_mdls: int
    """The number of MDLs that are mapped to system addresses."""
    device_pages: int
    """The number of pages of device memory that are mapped."""
    user_buffers: Mapping[str, int]
    """The number of buffers of each process, by its name."""


class HeldMdl(Protocol):
    """An MDL, as the list of leaks and the message for a stale mapping show it."""

    byte_count: int
    byte_offset: int
    start_va: int
    lists: int
    mdl_flags: int
    driver: object
    place: Mark | None
    is_free: bool
    freed_by: object
    freed_at: Mark | None


_UNMAPPED: Final = 64
"""The number of mappings of MDLs that are remembered after their end."""


class MemoryManager:
    """All memory of one machine. `install` makes it the one that the routines without an object act on.

    `ram` is the machine's memory from physical address 0 on.
    """

    __slots__ = (
        "_no_user_space",
        "_observer",
        "_poison_of_buffers",
        "_program",
        "frames",
        "holdings",
        "literals",
        "locked_mdls",
        "mapped_mdls",
        "mdls",
        "nonpaged_pool",
        "paged_pool",
        "poison",
        "process",
        "processes",
        "ram",
        "system",
        "unmapped",
        "used_mdls",
        "user_regions",
    )

    def __init__(
        self, ram: memoryview, seed: int = 0, *, pool_checks: bool = True, buffer_checks: bool = True
    ) -> None:
        """`ram` must be writable and a whole number of frames; `seed` decides the order in which frames are used.

        It also makes the poison. `pool_checks` False leaves out the checks of pool that take time at each block,
        `buffer_checks` False those of programs' buffers.
        """
        self.ram = ram.cast("B")
        self.frames = FrameDatabase(self.ram, seed)
        self.poison = Poison(self.ram, seed)
        self.system = AddressSpace("system", self.frames)
        parts = (self.system, self.frames, self.poison)
        self.nonpaged_pool = Pool(*parts, NONPAGED_RANGE, pageable=False, checked=pool_checks)
        self.paged_pool = Pool(*parts, PAGED_RANGE, pageable=True, checked=pool_checks)
        self.literals = Literals(self.system, self.frames)
        self.processes: list[Process] = []
        self.mdls: dict[HeldMdl, None] = {}
        """The MDLs that were allocated and not freed yet."""
        self.used_mdls: dict[HeldMdl, None] = {}
        """The MDLs of system addresses that are locked, or of nonpaged pool that a device may use."""
        self.locked_mdls = 0
        self.mapped_mdls = 0
        self.holdings = Holdings()
        """The things that drivers hold besides pool and MDLs."""
        self.unmapped: deque[tuple[int, int, HeldMdl]] = deque(maxlen=_UNMAPPED)
        """The mappings of MDLs in system space that ended last: first address, pages and MDL."""
        self.user_regions = UserRegions()
        """The views of sections, and the memory that ZwAllocateVirtualMemory has given."""
        self._observer: PageTableObserver | None = None
        self._poison_of_buffers = self.poison if buffer_checks else None
        self.process = self._program = self.create_process("user")
        self._no_user_space = AddressSpace("system process", self.frames)

    def install(self) -> None:
        """Become the memory manager of the open machine; raises `RuntimeError` while another machine is open."""
        running.install(self)

    def close(self) -> None:
        """Leave the place that `install` took; the RAM itself is the target's.

        Does nothing while another one is installed.
        """
        observer = self._observer
        self.observe(None)
        if observer is not None:
            observer.close()
        if running.is_installed and running.value is self:
            running.clear()

    def create_process(self, name: str) -> Process:
        """A process with an empty address space."""
        process = Process(name, self.frames, self._poison_of_buffers, self._observer)
        self.processes.append(process)
        return process

    def delete_process(self, process: Process) -> None:
        """End a process; bug check 0x76 PROCESS_HAS_LOCKED_PAGES when a driver still has pages of it locked.

        A view of an MDL that a driver has left in it is reported (row MDL-18), and goes with it.
        """
        for view in self.holdings.views_in(process.address_space):
            report_view(view, "the process has ended before")
            self.holdings.end_view(view)
        self.user_regions.end(process.address_space)
        process.delete()
        self.processes.remove(process)

    def attach_process(self, process: Process) -> Process:
        """Let user addresses be those of `process`; returns the process that was attached before.

        Follows KeStackAttachProcess.
        """
        before, self.process = self.process, process
        if self._observer is not None:
            self._observer.attach_process(process.address_space)
        return before

    def observe(self, observer: PageTableObserver | None) -> None:
        """Tell `observer` of every change of a page table from now on; None ends that."""
        self._observer = observer
        for space in self._spaces():
            space.observer = observer

    def space_of(self, address: int) -> AddressSpace:
        """The page tables that hold the page of an address."""
        return self.system if address >= SYSTEM_RANGE_START else self.user_space()

    def access(self, address: int, *, write: bool, by_driver: bool = False) -> Page:
        """The valid page of an address that may be read or written now; raises as `resolve_fault` does."""
        # Written out: calls of `space_of` and `page` here make `copy 64 kib` of bench/hal_paths.py 7 % slower.
        space = self.system if address >= SYSTEM_RANGE_START else self.user_space()
        page = space.entries.get(address >> PAGE_SHIFT)
        if page is None:
            if address >= PAGED_RANGE.base:
                self._check_freed_pages(address, write=write, by_driver=by_driver)
            was = self._what_was_mapped(address)
            return resolve_fault(space, address, write=write, by_driver=by_driver, was=was)
        if (
            page.physical == NOWHERE
            or (write and not page.writable)
            or (page.pageable and ke.processor.irql >= DISPATCH_LEVEL)
        ):
            return resolve_fault(space, address, write=write, by_driver=by_driver)
        return page

    def runs(
        self, address: int, length: int, *, write: bool, by_driver: bool = False
    ) -> list[tuple[int, int]]:
        """The start and end in RAM of each contiguous run of `length` bytes at `address`, in order.

        Raises as `resolve_fault` does; `by_driver` says who touches the memory.
        """
        if 0 < length <= PAGE_SIZE - (address & PAGE_OFFSET):
            page = self.access(address, write=write, by_driver=by_driver)
            if page.watch is not None:
                page.watch.touch(address, length, write=write, by_driver=by_driver)
            start = page.physical + (address & PAGE_OFFSET)
            return [(start, start + length)]
        runs: list[tuple[int, int]] = []
        start = end = NOWHERE
        while length > 0:
            offset = address & PAGE_OFFSET
            part = min(length, PAGE_SIZE - offset)
            page = self.access(address, write=write, by_driver=by_driver)
            if page.watch is not None:
                page.watch.touch(address, part, write=write, by_driver=by_driver)
            physical = page.physical + offset
            if physical != end:
                if end != NOWHERE:
                    runs.append((start, end))
                start = physical
            end = physical + part
            address += part
            length -= part
        if end != NOWHERE:
            runs.append((start, end))
        return runs

    def page_out(self, address: int, length: int) -> int:
        """Page out the pageable, unlocked pages that `length` bytes touch; returns the number of pages that went."""
        return self.space_of(address).page_out(address, length)

    def page_out_all(self) -> int:
        """Page out all that can be, of the system and of every process, as Driver Verifier does at a raised IRQL.

        Returns the number of pages that went.
        """
        return sum(space.page_out_all() for space in self._spaces())

    def statistics(self) -> MemoryStatistics:
        """The memory that is held now."""
        return MemoryStatistics(
            frames=self.frames.statistics(),
            nonpaged_pool=self.nonpaged_pool.statistics(),
            paged_pool=self.paged_pool.statistics(),
            mdls=len(self.mdls),
            locked_mdls=self.locked_mdls,
            mapped_mdls=self.mapped_mdls,
            device_pages=sum(page.device != NOWHERE for page in self.system.entries.values()),
            user_buffers={process.name: process.buffers for process in self.processes},
        )

    def leaks(self, since: MemoryStatistics) -> list[str]:
        """A sentence for each kind of memory of which more is held now than at an earlier moment.

        Pool and MDLs are told apart by the driver and the place of the allocation.
        """
        self.check_freed_pool()
        now = self.statistics()
        counted = (
            *_more_blocks("nonpaged", self.nonpaged_pool, since.nonpaged_pool),
            *_more_blocks("paged", self.paged_pool, since.paged_pool),
            *_more_mdls(mdl for mdl in list(self.mdls)[since.mdls :] if not self.holdings.has_pages(mdl)),
            (now.locked_mdls - since.locked_mdls, "MDLs are still locked"),
        )
        return [*(f"{count} {sentence}" for count, sentence in counted if count > 0), *self.holdings.held()]

    def check_freed_pool(self) -> None:
        """Stop the system if a freed block of pool was written to."""
        self.nonpaged_pool.check_freed()
        self.paged_pool.check_freed()

    def _check_freed_pages(self, address: int, *, write: bool, by_driver: bool) -> None:
        """Stop the system if an address that is not mapped belonged to a block of pool, or is behind special pool."""
        pool = self.paged_pool if address < NONPAGED_RANGE.base else self.nonpaged_pool
        freed = pool.freed_pages(address)
        if freed is not None:
            refuse_access(freed, address, write=write, by_driver=by_driver)
        before = pool.special.get((address >> PAGE_SHIFT) - 1)
        if before is not None:
            refuse_beyond(before, address, write=write, by_driver=by_driver)

    def end_mapping(self, mdl: HeldMdl, address: int, pages: int) -> None:
        """Undo the mapping of an MDL in system space, and keep it for the message about a stale address."""
        base = page_align(address)
        self.system.unmap(base, pages)
        self.unmapped.append((base, pages, mdl))
        self.mapped_mdls -= 1

    def _what_was_mapped(self, address: int) -> str:
        """The MDL whose pages were mapped at an address lately, for a message."""
        if address < PAGE_SIZE:
            return "not mapped, since it is NULL with an offset: look for a call that has failed"
        if address < SYSTEM_RANGE_START:
            return (
                "an address of a process, where nothing is mapped in the process that is current now: lock the buffer"
                " in the context of the program, and use MmGetSystemAddressForMdlSafe"
            )
        for base, pages, mdl in reversed(self.unmapped):
            if base <= address < base + pages * PAGE_SIZE:
                ended = f"freed by {owner_text(mdl.freed_by, mdl.freed_at)}" if mdl.is_free else "unmapped"
                return (
                    f"not mapped any more: the mapping of {mdl!r} was there, which was {ended}; end all use of a"
                    " mapping before, and of that of a request before IoCompleteRequest"
                )
        return "not mapped"

    def user_space(self) -> AddressSpace:
        """The page tables of user addresses for the code that runs; a thread of the system process has none of its own.

        Routines that run in any context, such as DPCs, have the addresses of the thread that they interrupted. A thread
        that is attached to a process has those of that process.
        """
        process = self.process
        if process is self._program and ke.is_running():
            thread = ke.processor.current_thread
            attached = thread.attached
            if thread.is_system if attached is None else attached.is_system:
                return self._no_user_space
        return process.address_space

    def space_of_process(self, *, is_system: bool) -> AddressSpace:
        """The page tables of user addresses of the system process, or of that of the programs."""
        return self._no_user_space if is_system else self._program.address_space

    def share_pool(self) -> None:
        """Note that pool can be reached in another way than by its address: through an MDL."""
        self.nonpaged_pool.fill_freed()
        self.paged_pool.fill_freed()

    def _spaces(self) -> Iterator[AddressSpace]:
        """The system's page tables and those of each process."""
        yield self.system
        yield from (process.address_space for process in self.processes)


running: Final = Running[MemoryManager]("memory routines")
"""The memory manager of the open machine."""


def get_physical_address(base_address: int) -> PhysicalAddress:
    """The physical address behind a virtual one, 0 unless its page is valid; follows MmGetPhysicalAddress."""
    if type(base_address) is not int:
        raise TypeError(
            f"MmGetPhysicalAddress: BaseAddress must be an address, which is an integer; it was {base_address!r}"
        )
    found = running.value.space_of(base_address).translate(base_address)
    return PhysicalAddress(0 if found is None else found)


def _more_blocks(kind: str, pool: Pool, before: PoolStatistics) -> Iterator[tuple[int, str]]:
    """The number of blocks of each tag beyond those of before, by the place of their allocation, and a sentence's end.

    The blocks that are there for the shortest time are the ones that are missing.
    """
    held: dict[int, list[Block]] = {}
    for block in pool.blocks.values():
        held.setdefault(block.tag, []).append(block)
    for tag, blocks in held.items():
        name = tag_text(tag)
        earlier = before.by_tag[name].blocks if name in before.by_tag else 0
        places = Counter((block.size, owner_text(block.driver, block.place)) for block in blocks[earlier:])
        for (size, owner), count in places.items():
            what = f"blocks of {kind} pool with tag {name!r} were not freed, each of {size} bytes"
            yield count, f"{what}, allocated by {owner}: free each with ExFreePoolWithTag"


def _more_mdls(mdls: Iterable[HeldMdl]) -> Iterator[tuple[int, str]]:
    """The number of MDLs that were allocated in one place and not freed, and the end of a sentence that says so."""
    places = Counter(
        (bool(mdl.mdl_flags & MDL_PAGES_LOCKED), mdl.byte_count, owner_text(mdl.driver, mdl.place))
        for mdl in mdls
    )
    for (locked, size, owner), count in places.items():
        state = ", and are locked" if locked else ""
        text = f"MDLs were not freed{state}, each for {size} bytes, allocated by {owner}"
        step = "unlock each with MmUnlockPages, and free it with" if locked else "free each with"
        yield count, f"{text}: {step} IoFreeMdl"
