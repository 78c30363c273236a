# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The state of a DMA adapter: what its driver holds, and what its device may access for that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from dirql.hal.dma.common_buffers import CommonBuffers
from dirql.hal.dma.description import DeviceDescription
from dirql.hal.dma.grants import DmaGrants
from dirql.hal.dma.map_registers import MapRegisters, RegisterFile
from dirql.hal.dma.queue import AllocationQueue, AllocationRequest
from dirql.hal.dma.scatter_gather import ScatterGatherList
from dirql.hal.dma.system import SystemChannel, SystemDma
from dirql.hal.dma.transfers import Run
from dirql.ke.bugcheck import bug_check
from dirql.ke.defects import report_defect
from dirql.ke.guard import current_driver, verifies
from dirql.ke.origin import Mark, mark
from dirql.mm.blocks import owner_text
from dirql.mm.manager import MemoryManager
from dirql.mm.mdl import Mdl
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DMA_VIOLATION,
    VERIFIER_DMA_VERIFICATION,
    VF_DMA_ADAPTER_RELEASED,
    VF_DMA_ALREADY_MAPPED,
    VF_DMA_LEFT_BUFFER,
    VF_DMA_LEFT_CHANNEL,
    VF_DMA_LEFT_LIST,
    VF_DMA_LEFT_REGISTERS,
    VF_DMA_NOT_FLUSHED,
    VF_DMA_REFERENCE_COUNT,
    VF_DMA_TOO_MANY_REGISTERS,
)
from dirql.nt.constants import PAGE_SIZE
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES

__all__ = ["AdapterBase", "AdapterStatistics"]


@dataclass(frozen=True, slots=True)
class AdapterStatistics:
    """The resources of an adapter that its driver holds."""

    common_buffers: int
    common_buffer_bytes: int
    lists: int
    """The number of scatter/gather lists that were not put back."""
    registers: int
    """The number of map registers in use, those of lists and of the channel included."""
    channel: bool
    """Whether the channel is held."""
    waiting: int
    """The number of requests that wait for the channel or for map registers."""


class AdapterBase:
    """The parts of a `DmaAdapter` that are no routines of the WDK."""

    __slots__ = (
        "_buffers",
        "_channel",
        "_file",
        "_grants",
        "_held",
        "_limit",
        "_lists",
        "_lists_given",
        "_manager",
        "_queue",
        "_released",
        "_system",
        "description",
        "driver",
        "number_of_map_registers",
        "place",
    )

    def __init__(
        self,
        description: DeviceDescription,
        manager: MemoryManager,
        registers: int,
        file: RegisterFile | None,
        grants: DmaGrants,
        device: object,
        system: SystemChannel | None = None,
    ) -> None:
        """`registers` is the largest number of map registers that a transfer may take.

        `file` holds them; None for a device that needs no bounce pages. `grants` are those of the machine, `device` is
        the physical device object. `system` is the channel of the system's DMA controllers that moves the data of a
        slave device; None for a bus master.
        """
        self.driver = current_driver()
        """The driver that has got the adapter."""
        self.place = mark()
        self.description = description
        self.number_of_map_registers = registers
        self._manager = manager
        self._limit = description.address_limit if system is None else SystemDma.limit(description)
        self._file = file
        self._grants = grants
        self._buffers = CommonBuffers(
            manager, grants, device, 0 if system is None else system.hardware.longest
        )
        self._queue = AllocationQueue() if system is None else system.queue
        self._channel: MapRegisters | None = None
        self._held: set[MapRegisters] = set()
        self._lists: set[ScatterGatherList] = set()
        self._lists_given = 0
        self._released = False
        self._system = system

    def __repr__(self) -> str:
        return f"<DmaAdapter {self.number_of_map_registers} map registers, {self.statistics()}>"

    def statistics(self) -> AdapterStatistics:
        """The resources that are held now."""
        return AdapterStatistics(
            common_buffers=len(self._buffers),
            common_buffer_bytes=self._buffers.bytes,
            lists=len(self._lists),
            registers=sum(registers.count for registers in self._held),
            channel=self._channel is not None,
            waiting=len(self._queue.waiting(self)),
        )

    def waiting(self) -> list[AllocationRequest]:
        """The requests for the channel or for map registers that wait."""
        return self._queue.waiting(self)

    def held(self, driver: object | None = None) -> Iterator[str]:
        """A sentence for this adapter and for each common buffer, if the driver has them, or without one any driver."""
        if driver is None or self.driver is driver:
            what = (
                "was put back before everything that it had given" if self._released else "was not put back"
            )
            yield (
                f"a DMA adapter {what}: {self.statistics()}, of {owner_text(self.driver, self.place)}: give back all"
                " that the adapter has given, then call PutDmaAdapter"
            )
        yield from self._buffers.held(driver)

    def _take(self, count: int) -> MapRegisters | None:
        registers = MapRegisters(count) if self._file is None else self._file.take(count)
        if registers is not None:
            self._held.add(registers)
        return registers

    def _free(self, registers: MapRegisters) -> None:
        self._held.discard(registers)
        if registers.mdls:
            self._forbid(registers, mark())
        registers.free()

    def _permit(
        self,
        kind: str,
        pieces: list[Run],
        mdl: Mdl,
        device: object,
        registers: MapRegisters,
        write_to_device: int,
        place: Mark | None,
    ) -> None:
        """Let the device access the memory of a transfer until `_forbid`."""
        reads = registers.to_device = bool(write_to_device)
        grant = self._grants.add(kind, pieces, mdl, device, reads, not reads, place)
        if grant is not None:
            registers.grants.append(grant)
        used: Mdl | None = mdl
        while used is not None:
            used.begin_list(written=not reads)
            registers.mdls.append(used)
            used = used.next

    def _forbid(self, registers: MapRegisters, place: Mark | None) -> None:
        """Let the device no longer access the memory of a transfer."""
        for mdl in registers.mdls:
            mdl.end_list()
        registers.mdls.clear()
        if registers.grants:
            self._grants.end(registers.grants, place)
            registers.grants.clear()

    def _refuse_many(self, routine: str, needed: int) -> int:
        """Bug check 0xE6/0xC with both numbers if DMA is verified, else return the status of the routine."""
        if verifies(VERIFIER_DMA_VERIFICATION):
            most = self.number_of_map_registers
            reason = (
                f"{routine} must be asked for at most the {most} map registers that IoGetDmaAdapter returned; it was"
                f" asked for {needed}: cut the transfer into parts"
            )
            self._violation(VF_DMA_TOO_MANY_REGISTERS, reason, needed, most)
        return STATUS_INSUFFICIENT_RESOURCES

    def _left(self) -> tuple[int, int]:
        """The verifier's code for the first resource that is still held, and the number of such; 0 if there is none."""
        for left, violation in (
            (len(self._buffers), VF_DMA_LEFT_BUFFER),
            (int(self._channel is not None), VF_DMA_LEFT_CHANNEL),
            (len(self._lists), VF_DMA_LEFT_LIST),
            (sum(registers.count for registers in self._held), VF_DMA_LEFT_REGISTERS),
            (len(self._queue.waiting(self)), VF_DMA_REFERENCE_COUNT),
        ):
            if left:
                return violation, left
        return 0, 0

    def _release_channel(self) -> None:
        """Free the channel, of which the system's controllers serve no request any more."""
        if self._system is not None:
            self._system.hardware.mask()
        self._queue.release_channel()

    def _check_idle(self, registers: MapRegisters) -> None:
        """Refuse a second transfer of a system DMA channel before the first was flushed (row DMA-15)."""
        if not registers.mdls:
            return
        mdl = registers.mdls[0]
        reason = (
            f"a system DMA channel must have one transfer at a time; MapTransfer was called for a second, while"
            f" {mdl!r} is mapped: call FlushAdapterBuffers before"
        )
        start = mdl.get_virtual_address()
        self._violation(VF_DMA_ALREADY_MAPPED, reason, start, start + mdl.byte_count)

    def _check_flushed(self, routine: str, registers: MapRegisters) -> None:
        """Report a transfer that was not flushed before its registers are freed (row DMA-08)."""
        if not registers.unflushed and not registers.grants and not registers.mdls:
            return
        reason = f"FlushAdapterBuffers must be called before {routine}; it was not called"
        if registers.unflushed and verifies(VERIFIER_DMA_VERIFICATION):
            size = registers.count * PAGE_SIZE
            self._violation(VF_DMA_NOT_FLUSHED, reason, registers.unflushed, size)
        report_defect("DMA-08", f"{reason}: the data of a device that is bounced would be lost")

    def _check_released(self) -> None:
        if self._released:
            self._violation(
                VF_DMA_ADAPTER_RELEASED, "an adapter must not be used after PutDmaAdapter; this one was", self
            )

    def _violation(self, subcode: int, reason: str, second: object, third: object = 0) -> NoReturn:
        """Bug check 0xE6 with the parameters of its page."""
        bug_check(DRIVER_VERIFIER_DMA_VIOLATION, subcode, second, third, reason=reason)
