# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The DMA adapter of a device: map registers, the channel, scatter/gather lists and common buffers.

A logical address has the value of a physical address here, of the buffer or of a bounce page. Misuse that leaves no
sensible way to go on is always bug check 0xE6. A resource that is still held when the adapter is put back, and data
that was not flushed, is bug check 0xE6 only with the verifier's DMA verification; `statistics` shows such a resource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol, TypeVar, cast

from dirql.hal.dma.common_buffers import CommonBuffers
from dirql.hal.dma.description import DeviceDescription
from dirql.hal.dma.grants import DmaGrants
from dirql.hal.dma.map_registers import MapRegisters, RegisterFile
from dirql.hal.dma.queue import AllocationQueue, AllocationRequest
from dirql.hal.dma.scatter_gather import ScatterGatherList, build, reachable
from dirql.hal.dma.transfers import Run, check_transfer, parts, registers_needed, runs
from dirql.ke.bugcheck import bug_check
from dirql.ke.defects import report_defect
from dirql.ke.guard import ADAPTER_CONTROL, CALLBACK, call_driver, current_driver, verifies
from dirql.ke.origin import Mark, mark
from dirql.ke.processors.contract import KeptContract, contract
from dirql.mm.blocks import owner_text
from dirql.mm.layout import PAGE_OFFSET
from dirql.mm.manager import MemoryManager
from dirql.mm.mdl import Mdl
from dirql.nt.addresses import LogicalAddress
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DMA_VIOLATION,
    VERIFIER_DMA_VERIFICATION,
    VF_DMA_ADAPTER_RELEASED,
    VF_DMA_FREED_CHANNEL_TOO_OFTEN,
    VF_DMA_FREED_LISTS_TOO_OFTEN,
    VF_DMA_FREED_REGISTERS_TOO_OFTEN,
    VF_DMA_LEFT_BUFFER,
    VF_DMA_LEFT_CHANNEL,
    VF_DMA_LEFT_LIST,
    VF_DMA_LEFT_REGISTERS,
    VF_DMA_NOT_FLUSHED,
    VF_DMA_SECOND_CHANNEL,
    VF_DMA_TOO_MANY_REGISTERS,
)
from dirql.nt.constants import PAGE_SIZE, DeallocateObjectKeepRegisters, KeepObject
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS

__all__ = ["AdapterStatistics", "DmaAdapter", "DmaDevice", "DmaOperations"]

_PUT_DMA_ADAPTER: Final = contract("PutDmaAdapter")
_ALLOCATE_COMMON_BUFFER: Final = contract("AllocateCommonBuffer")
_FREE_COMMON_BUFFER: Final = contract("FreeCommonBuffer")
_GET_SCATTER_GATHER_LIST: Final = contract("GetScatterGatherList")
_PUT_SCATTER_GATHER_LIST: Final = contract("PutScatterGatherList")
_ALLOCATE_ADAPTER_CHANNEL: Final = contract("AllocateAdapterChannel")
_FREE_ADAPTER_CHANNEL: Final = contract("FreeAdapterChannel")
_FREE_MAP_REGISTERS: Final = contract("FreeMapRegisters")
_MAP_TRANSFER: Final = contract("MapTransfer")
_FLUSH_ADAPTER_BUFFERS: Final = contract("FlushAdapterBuffers")
_GET_DMA_ALIGNMENT: Final = contract("GetDmaAlignment")


class DmaDevice(Protocol):
    """The part of a device object that an adapter uses."""

    @property
    def current_irp(self) -> object:
        """The request that StartIo works on; the driver's routines receive it."""


Device = TypeVar("Device", bound=DmaDevice)
Irp = TypeVar("Irp")
Context = TypeVar("Context")


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


class DmaAdapter:
    """The way of one device to memory; follows DMA_ADAPTER, whose `dma_operations` holds the routines of drivers."""

    version: Final = 1
    """The version of the structure: 1, whatever version the device description has."""
    size: Final = 16
    """The size of the structure in bytes, as on x64."""

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
        "_when_released",
        "description",
        "dma_operations",
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
        when_released: Callable[[DmaAdapter], None],
        grants: DmaGrants,
        device: object,
    ) -> None:
        """`registers` is the largest number of map registers that a transfer may take.

        `file` holds them; None for a device that needs no bounce pages. `when_released` is called with the adapter when
        it was put back and holds nothing. `grants` are those of the machine, `device` is the physical device object.
        """
        self.driver = current_driver()
        """The driver that has got the adapter."""
        self.place = mark()
        self.description = description
        self.dma_operations = _OPERATIONS
        self.number_of_map_registers = registers
        self._manager = manager
        self._limit = description.address_limit
        self._file = file
        self._grants = grants
        self._buffers = CommonBuffers(manager, grants, device)
        self._queue = AllocationQueue(self._take)
        self._channel: MapRegisters | None = None
        self._held: set[MapRegisters] = set()
        self._lists: set[ScatterGatherList] = set()
        self._lists_given = 0
        self._when_released = when_released
        self._released = False

    def __repr__(self) -> str:
        return f"<DmaAdapter {self.number_of_map_registers} map registers, {self.statistics()}>"

    def put_dma_adapter(self) -> None:
        """Give the adapter back; follows PutDmaAdapter. One that still holds something stays in `Hal.adapters`."""
        _PUT_DMA_ADAPTER.check(self)
        self._check_released()
        left, count = self._left()
        if left and verifies(VERIFIER_DMA_VERIFICATION):
            self._violation(
                left,
                f"an adapter must hold nothing when PutDmaAdapter is called; it held {self.statistics()}",
                self,
                count,
            )
        self._released = True
        if not left:
            if self._file is not None:
                self._file.close()
            self._when_released(self)

    # Common buffers.

    def allocate_common_buffer(self, length: int, _cache_enabled: int) -> tuple[int | None, LogicalAddress]:
        """Virtual and logical address of contiguous memory, (None, 0) without any; follows AllocateCommonBuffer.

        The host and the device see each other's writes at once, so that nothing needs a flush.
        """
        _ALLOCATE_COMMON_BUFFER.check(self)
        _ALLOCATE_COMMON_BUFFER.check_arguments(self, length, _cache_enabled)
        self._check_released()
        return self._buffers.allocate(length, self._limit) or (None, LogicalAddress(0))

    def free_common_buffer(
        self, length: int, logical_address: int, virtual_address: int, _cache_enabled: int
    ) -> None:
        """Give a common buffer back with its length and its addresses; follows FreeCommonBuffer."""
        _FREE_COMMON_BUFFER.check(self)
        _FREE_COMMON_BUFFER.check_arguments(self, length, logical_address, virtual_address, _cache_enabled)
        self._buffers.free(length, logical_address, virtual_address)

    # Scatter/gather lists.

    def get_scatter_gather_list(
        self,
        device_object: Device,
        mdl: Mdl,
        current_va: int,
        length: int,
        execution_routine: Callable[[Device, Irp, ScatterGatherList, Context], None],
        context: Context,
        write_to_device: int,
    ) -> int:
        """Call `execution_routine(device_object, irp, list, context)` now or when map registers are free.

        Follows GetScatterGatherList. `length` bytes from `current_va` on may run on into the MDLs chained to `mdl`.
        Returns STATUS_INSUFFICIENT_RESOURCES, without a call, for a transfer that touches more pages than the adapter
        has map registers.
        """
        _GET_SCATTER_GATHER_LIST.check_with(self, device_object, mdl)
        if type(current_va) is not int or type(length) is not int or not callable(execution_routine):
            arguments = (current_va, length, execution_routine, context, write_to_device)
            _GET_SCATTER_GATHER_LIST.check_arguments(self, device_object, mdl, *arguments)
        self._check_released()
        check_transfer(mdl, current_va, length)
        needed = registers_needed(mdl, current_va, length)
        if needed > self.number_of_map_registers:
            return self._refuse_many("GetScatterGatherList", needed)

        driver = current_driver()
        place = mark()

        def granted(registers: MapRegisters) -> None:
            elements, pieces = build(
                mdl,
                current_va,
                length,
                registers,
                limit=self._limit,
                longest=self.description.maximum_length,
                one=not self.description.scatter_gather,
                write_to_device=bool(write_to_device),
            )
            found = ScatterGatherList(elements, mdl, registers)
            self._permit(
                "a scatter/gather list", pieces, mdl, device_object, registers, write_to_device, place
            )
            self._lists.add(found)
            self._lists_given += 1
            irp = cast("Irp", device_object.current_irp)
            call_driver(CALLBACK, driver, execution_routine, device_object, irp, found, context)

        self._queue.request(device_object, needed, granted, execution_routine)
        return STATUS_SUCCESS

    def put_scatter_gather_list(self, scatter_gather: ScatterGatherList, _write_to_device: int) -> None:
        """Flush the buffer of a list and give its map registers back; follows PutScatterGatherList."""
        _PUT_SCATTER_GATHER_LIST.check_two(self, scatter_gather)
        if scatter_gather not in self._lists:
            self._violation(
                VF_DMA_FREED_LISTS_TOO_OFTEN,
                f"a list for PutScatterGatherList must be one that this adapter gave and that was not put back; it was "
                f"{scatter_gather!r}",
                self._lists_given,
                self._lists_given - len(self._lists) + 1,
            )
        self._lists.discard(scatter_gather)
        self._forbid(scatter_gather.registers, mark())
        scatter_gather.registers.flush()
        self._free(scatter_gather.registers)
        self._queue.serve()

    # The channel and map registers.

    def allocate_adapter_channel(
        self,
        device_object: Device,
        number_of_map_registers: int,
        execution_routine: Callable[[Device, Irp, MapRegisters, Context], int],
        context: Context,
    ) -> int:
        """Call `execution_routine(device_object, irp, map_register_base, context)` when channel and registers are free.

        Follows AllocateAdapterChannel. The call is made at once if they are free now; waiting requests are served in
        the order in which they came. A second request of a device while it holds the channel or waits for it is bug
        check 0xE6/0xB. Returns STATUS_INSUFFICIENT_RESOURCES, without a call, for more map registers than the adapter
        has. The routine (AdapterControl) returns KeepObject, DeallocateObject or DeallocateObjectKeepRegisters.
        """
        _ALLOCATE_ADAPTER_CHANNEL.check_two(self, device_object)
        _ALLOCATE_ADAPTER_CHANNEL.check_arguments(
            self, device_object, number_of_map_registers, execution_routine, context
        )
        self._check_released()
        if number_of_map_registers > self.number_of_map_registers:
            return self._refuse_many("AllocateAdapterChannel", number_of_map_registers)
        if self._queue.wants_channel(device_object):
            self._violation(
                VF_DMA_SECOND_CHANNEL,
                f"a device must have one call of AllocateAdapterChannel at a time; {device_object!r} made a second",
                1,
            )

        driver = current_driver()

        def granted(registers: MapRegisters) -> None:
            self._channel = registers
            irp = cast("Irp", device_object.current_irp)
            action = call_driver(
                ADAPTER_CONTROL, driver, execution_routine, device_object, irp, registers, context
            )
            if action == KeepObject:
                return
            self._channel = None
            if action != DeallocateObjectKeepRegisters:
                self._free(registers)
            self._queue.release_channel()

        self._queue.request(device_object, number_of_map_registers, granted, execution_routine, channel=True)
        return STATUS_SUCCESS

    def free_adapter_channel(self) -> None:
        """Give back the channel and the map registers that KeepObject kept; follows FreeAdapterChannel."""
        _FREE_ADAPTER_CHANNEL.check(self)
        registers = self._channel
        if registers is None:
            self._violation(
                VF_DMA_FREED_CHANNEL_TOO_OFTEN,
                "the channel for FreeAdapterChannel must be held; it was free",
                1,
            )
        self._channel = None
        self._free(registers)
        self._queue.release_channel()
        self._queue.serve()

    def free_map_registers(self, map_register_base: MapRegisters, number_of_map_registers: int) -> None:
        """Give back the map registers that DeallocateObjectKeepRegisters kept; follows FreeMapRegisters."""
        _FREE_MAP_REGISTERS.check(self)
        _FREE_MAP_REGISTERS.check_arguments(self, map_register_base, number_of_map_registers)
        _check_base(_FREE_MAP_REGISTERS, map_register_base)
        if map_register_base not in self._held or number_of_map_registers != map_register_base.count:
            self._violation(
                VF_DMA_FREED_REGISTERS_TOO_OFTEN,
                f"FreeMapRegisters must be called once, with base and number of the map registers; the number was "
                f"{number_of_map_registers} for {map_register_base!r}",
                number_of_map_registers,
            )
        if map_register_base.unflushed or map_register_base.grants:
            reason = "FlushAdapterBuffers must be called before FreeMapRegisters; it was not called"
            size = map_register_base.count * PAGE_SIZE
            if map_register_base.unflushed and verifies(VERIFIER_DMA_VERIFICATION):
                self._violation(VF_DMA_NOT_FLUSHED, reason, map_register_base.unflushed, size)
            report_defect("DMA-08", f"{reason}: the data of a device that is bounced would be lost")
        self._free(map_register_base)
        self._queue.serve()

    def map_transfer(
        self, mdl: Mdl, map_register_base: MapRegisters, current_va: int, length: int, write_to_device: int
    ) -> tuple[LogicalAddress, int]:
        """Logical address and length of the bytes that the device can move in one piece; follows MapTransfer.

        For a device with scatter/gather the piece may be shorter than `length`; call again for the rest. For any other
        device the transfer is made contiguous through map registers.
        """
        _MAP_TRANSFER.check_two(self, mdl)
        if type(current_va) is not int or type(length) is not int:
            arguments = (map_register_base, current_va, length, write_to_device)
            _MAP_TRANSFER.check_arguments(self, mdl, *arguments)
        _check_base(_MAP_TRANSFER, map_register_base)
        check_transfer(mdl, current_va, length)
        part = next(parts(mdl, current_va, length))
        if self.description.scatter_gather:
            start, end = next(
                reachable(part, map_register_base, limit=self._limit, write_to_device=bool(write_to_device))
            )
        else:
            found = runs(part)
            start, end = found[0]
            if len(found) > 1 or end > self._limit:
                place = start & PAGE_OFFSET
                start, end = map_register_base.bounce(found, place, write_to_device=bool(write_to_device))
        self._permit("a transfer", [(start, end)], mdl, None, map_register_base, write_to_device, mark())
        return LogicalAddress(start), end - start

    def flush_adapter_buffers(
        self,
        _mdl: Mdl,
        map_register_base: MapRegisters,
        _current_va: int,
        _length: int,
        _write_to_device: int,
    ) -> bool:
        """Copy the data that the device wrote to bounce pages into its buffers; follows FlushAdapterBuffers.

        To be called after the device has ended the transfer. The map registers may then be mapped again.
        """
        _FLUSH_ADAPTER_BUFFERS.check_two(self, _mdl)
        _check_base(_FLUSH_ADAPTER_BUFFERS, map_register_base)
        self._forbid(map_register_base, mark())
        map_register_base.flush()
        return True

    def get_dma_alignment(self) -> int:
        """The alignment that buffers need, in bytes; follows GetDmaAlignment."""
        _GET_DMA_ALIGNMENT.check(self)
        return 1

    def statistics(self) -> AdapterStatistics:
        """The resources that are held now."""
        return AdapterStatistics(
            common_buffers=len(self._buffers),
            common_buffer_bytes=self._buffers.bytes,
            lists=len(self._lists),
            registers=sum(registers.count for registers in self._held),
            channel=self._channel is not None,
            waiting=len(self._queue),
        )

    def waiting(self) -> list[AllocationRequest]:
        """The requests for the channel or for map registers that wait."""
        return self._queue.waiting()

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
        reads = bool(write_to_device)
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
        ):
            if left:
                return violation, left
        return 0, 0

    def _check_released(self) -> None:
        if self._released:
            self._violation(
                VF_DMA_ADAPTER_RELEASED, "an adapter must not be used after PutDmaAdapter; this one was", self
            )

    def _violation(self, subcode: int, reason: str, second: object, third: object = 0) -> NoReturn:
        """Bug check 0xE6 with the parameters of its page."""
        bug_check(DRIVER_VERIFIER_DMA_VIOLATION, subcode, second, third, reason=reason)


def _check_base(kept: KeptContract, map_register_base: object) -> None:
    """Raise `TypeError` for anything but map registers; a driver may have lost the base that it was given."""
    if not isinstance(map_register_base, MapRegisters):
        what = "the base that the AdapterControl routine was given"
        kept.refuse_argument("MapRegisterBase", what, map_register_base)


class DmaOperations:
    """The routines of an adapter, to be called with the adapter first; follows DMA_OPERATIONS."""

    put_dma_adapter = staticmethod(DmaAdapter.put_dma_adapter)
    allocate_common_buffer = staticmethod(DmaAdapter.allocate_common_buffer)
    free_common_buffer = staticmethod(DmaAdapter.free_common_buffer)
    allocate_adapter_channel = staticmethod(DmaAdapter.allocate_adapter_channel)
    flush_adapter_buffers = staticmethod(DmaAdapter.flush_adapter_buffers)
    free_adapter_channel = staticmethod(DmaAdapter.free_adapter_channel)
    free_map_registers = staticmethod(DmaAdapter.free_map_registers)
    map_transfer = staticmethod(DmaAdapter.map_transfer)
    get_dma_alignment = staticmethod(DmaAdapter.get_dma_alignment)
    get_scatter_gather_list = staticmethod(DmaAdapter.get_scatter_gather_list)
    put_scatter_gather_list = staticmethod(DmaAdapter.put_scatter_gather_list)


_OPERATIONS: Final = DmaOperations()
