# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory of one machine: its frames, the system's page tables, the pools and the processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dirql.mm import current
from dirql.mm.address_space import NOWHERE, AddressSpace, Page
from dirql.mm.fault import resolve_fault
from dirql.mm.frames import FrameDatabase, FrameStatistics
from dirql.mm.layout import NONPAGED_RANGE, PAGE_OFFSET, PAGED_RANGE, SYSTEM_BASE
from dirql.mm.pool import Pool, PoolStatistics
from dirql.mm.process import Process
from dirql.nt.bugcodes import VERIFIER_FORCE_IRQL_CHECKING
from dirql.nt.constants import PAGE_SHIFT, PAGE_SIZE

__all__ = ["MemoryManager", "MemoryStatistics"]


@dataclass(frozen=True, slots=True)
class MemoryStatistics:
    """What is held of a machine's memory; two of them are compared to find leaks."""

    frames: FrameStatistics
    nonpaged_pool: PoolStatistics
    paged_pool: PoolStatistics
    mdls: int
    """MDLs allocated and not yet freed."""
    locked_mdls: int
    mapped_mdls: int
    device_pages: int
    """Pages of device memory that are mapped."""
    user_buffers: Mapping[str, int]
    """Buffers by process."""


class MemoryManager:
    """All memory of one machine. `install` makes it the one that the module-level routines act on.

    `verifier_flags` are Driver Verifier's option bits; with VERIFIER_FORCE_IRQL_CHECKING any pageable address
    touched at DISPATCH_LEVEL or above is a bug check, without it only one that is paged out.
    """

    __slots__ = (
        "_verifier_flags",
        "force_irql_checking",
        "frames",
        "locked_mdls",
        "mapped_mdls",
        "mdls",
        "memory",
        "nonpaged_pool",
        "paged_pool",
        "process",
        "processes",
        "system",
    )

    def __init__(self, memory: memoryview, seed: int = 0) -> None:
        """`memory` is the machine's RAM from physical address 0 on: writable, a whole number of frames."""
        self.memory = memory.cast("B")
        self.frames = FrameDatabase(self.memory, seed)
        self.system = AddressSpace("system", self.memory, self.frames)
        self.nonpaged_pool = Pool(self, NONPAGED_RANGE, pageable=False)
        self.paged_pool = Pool(self, PAGED_RANGE, pageable=True)
        self.processes: list[Process] = []
        self.mdls = 0
        self.locked_mdls = 0
        self.mapped_mdls = 0
        self.verifier_flags = 0
        self.process = self.create_process("user")

    @property
    def verifier_flags(self) -> int:
        """Driver Verifier's option bits."""
        return self._verifier_flags

    @verifier_flags.setter
    def verifier_flags(self, flags: int) -> None:
        self._verifier_flags = flags
        self.force_irql_checking = bool(flags & VERIFIER_FORCE_IRQL_CHECKING)

    def install(self) -> None:
        """Become the memory of the running machine; one at a time."""
        current.install(self)

    def close(self) -> None:
        """Stop being it; the memory itself is the target's. Does nothing when another is installed."""
        if current.manager is self:
            current.clear()

    def create_process(self, name: str) -> Process:
        """A process with an empty address space."""
        process = Process(name, self.memory, self.frames)
        self.processes.append(process)
        return process

    def delete_process(self, process: Process) -> None:
        """End a process; bug check 0x76 PROCESS_HAS_LOCKED_PAGES when a driver still has pages of it locked."""
        process.delete()
        self.processes.remove(process)

    def attach_process(self, process: Process) -> Process:
        """Make a process's user addresses the ones in sight; the one before. Follows KeStackAttachProcess."""
        before, self.process = self.process, process
        return before

    def space_of(self, address: int) -> AddressSpace:
        """The page tables that an address goes through."""
        return self.system if address >= SYSTEM_BASE else self.process.address_space

    def access(self, address: int, *, write: bool) -> Page:
        """The valid page of an address that may be read or written now; raises as `fault.resolve_fault` does."""
        entries = (self.system if address >= SYSTEM_BASE else self.process.address_space).entries
        page = entries.get(address >> PAGE_SHIFT)
        if (
            page is None
            or page.physical == NOWHERE
            or (write and not page.writable)
            or (page.pageable and self.force_irql_checking)
        ):
            return resolve_fault(self, address, write=write)
        return page

    def runs(self, address: int, length: int, *, write: bool) -> list[tuple[int, int]]:
        """Where `length` bytes lie in physical memory: start and end of each contiguous run, in order."""
        runs: list[tuple[int, int]] = []
        start = end = NOWHERE
        while length > 0:
            offset = address & PAGE_OFFSET
            part = min(length, PAGE_SIZE - offset)
            physical = self.access(address, write=write).physical + offset
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
        """Put away the pageable pages that `length` bytes touch, locked ones excepted; how many went."""
        return self.space_of(address).page_out(address, length)

    def page_out_all(self) -> int:
        """Put away all that can be, of the system and of every process, as the verifier does; how many pages went."""
        return sum(
            space.page_out_all()
            for space in (self.system, *(process.address_space for process in self.processes))
        )

    def statistics(self) -> MemoryStatistics:
        """What is held now."""
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
