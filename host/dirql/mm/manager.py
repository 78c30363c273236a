# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory manager of one machine: its frames, the system's page tables, the pools and the processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dirql.ke.current import current as ke
from dirql.ke.running import Running
from dirql.mm.address_space import NOWHERE, AddressSpace, Page, PageTableObserver
from dirql.mm.fault import resolve_fault
from dirql.mm.frames import FrameDatabase, FrameStatistics
from dirql.mm.layout import NONPAGED_RANGE, PAGE_OFFSET, PAGED_RANGE, SYSTEM_RANGE_START
from dirql.mm.poison import Poison
from dirql.mm.pool import Pool, PoolStatistics
from dirql.mm.process import Process
from dirql.nt.addresses import PhysicalAddress
from dirql.nt.constants import DISPATCH_LEVEL, PAGE_SHIFT, PAGE_SIZE

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


class MemoryManager:
    """All memory of one machine. `install` makes it the one that the routines without an object act on.

    `ram` is the machine's memory from physical address 0 on.
    """

    __slots__ = (
        "_observer",
        "frames",
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
    )

    def __init__(self, ram: memoryview, seed: int = 0) -> None:
        """`ram` must be writable and a whole number of frames; `seed` decides the order in which frames are used.

        It also makes the poison.
        """
        self.ram = ram.cast("B")
        self.frames = FrameDatabase(self.ram, seed)
        self.poison = Poison(self.ram, seed)
        self.system = AddressSpace("system", self.frames)
        self.nonpaged_pool = Pool(self.system, self.frames, self.poison, NONPAGED_RANGE, pageable=False)
        self.paged_pool = Pool(self.system, self.frames, self.poison, PAGED_RANGE, pageable=True)
        self.processes: list[Process] = []
        self.mdls = 0
        self.locked_mdls = 0
        self.mapped_mdls = 0
        self._observer: PageTableObserver | None = None
        self.process = self.create_process("user")

    def install(self) -> None:
        """Become the memory manager of the open machine; raises `RuntimeError` while another machine is open."""
        running.install(self)

    def close(self) -> None:
        """Leave the place that `install` took; the RAM itself is the target's.

        Does nothing while another one is installed.
        """
        if running.value is self:
            running.clear()

    def create_process(self, name: str) -> Process:
        """A process with an empty address space."""
        process = Process(name, self.frames, self.poison, self._observer)
        self.processes.append(process)
        return process

    def delete_process(self, process: Process) -> None:
        """End a process; bug check 0x76 PROCESS_HAS_LOCKED_PAGES when a driver still has pages of it locked."""
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
        return self.system if address >= SYSTEM_RANGE_START else self.process.address_space

    def access(self, address: int, *, write: bool, by_driver: bool = False) -> Page:
        """The valid page of an address that may be read or written now; raises as `resolve_fault` does."""
        # Written out: calls of `space_of` and `page` here make `copy 64 kib` of bench/hal_paths.py 7 % slower.
        space = self.system if address >= SYSTEM_RANGE_START else self.process.address_space
        page = space.entries.get(address >> PAGE_SHIFT)
        if (
            page is None
            or page.physical == NOWHERE
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
            start = self.access(address, write=write, by_driver=by_driver).physical + (address & PAGE_OFFSET)
            return [(start, start + length)]
        runs: list[tuple[int, int]] = []
        start = end = NOWHERE
        while length > 0:
            offset = address & PAGE_OFFSET
            part = min(length, PAGE_SIZE - offset)
            physical = self.access(address, write=write, by_driver=by_driver).physical + offset
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
            mdls=self.mdls,
            locked_mdls=self.locked_mdls,
            mapped_mdls=self.mapped_mdls,
            device_pages=sum(page.device != NOWHERE for page in self.system.entries.values()),
            user_buffers={process.name: process.buffers for process in self.processes},
        )

    def leaks(self, since: MemoryStatistics) -> list[str]:
        """A sentence for each kind of memory of which more is held now than at an earlier moment."""
        now = self.statistics()
        counted = (
            *_more_blocks("nonpaged", now.nonpaged_pool, since.nonpaged_pool),
            *_more_blocks("paged", now.paged_pool, since.paged_pool),
            (now.mdls - since.mdls, "MDLs were not freed"),
            (now.locked_mdls - since.locked_mdls, "MDLs are still locked"),
            (now.device_pages - since.device_pages, "pages of device memory are still mapped"),
        )
        return [f"{count} {sentence}" for count, sentence in counted if count > 0]

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


def _more_blocks(kind: str, now: PoolStatistics, before: PoolStatistics) -> Iterator[tuple[int, str]]:
    """The number of blocks that each tag holds beyond those of before, with the end of a sentence that says so."""
    for tag, held in now.by_tag.items():
        earlier = before.by_tag[tag].blocks if tag in before.by_tag else 0
        yield held.blocks - earlier, f"blocks of {kind} pool with tag {tag!r} were not freed"
