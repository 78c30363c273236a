# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The DMA adapter of a device: map registers, the channel, scatter/gather lists and common buffers.

A logical address is what the device puts on the bus; here it is a physical address, of the buffer or of a bounce page.
What goes against the model so far that going on makes no sense is always bug check 0xE6; what is left behind is one
only with the verifier's DMA verification, and else shows in `statistics`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, Protocol, TypeVar, cast

from dirql.hal.dma.common_buffers import CommonBuffers
from dirql.hal.dma.description import DeviceDescription
from dirql.hal.dma.map_registers import MapRegisters, RegisterFile
from dirql.hal.dma.queue import AllocationQueue
from dirql.hal.dma.scatter_gather import ScatterGatherList, build, reachable
from dirql.hal.dma.transfers import check_transfer, parts, registers_needed, runs
from dirql.ke.bugcheck import bug_check
from dirql.ke.processors.irql import contract
from dirql.mm.layout import PAGE_OFFSET
from dirql.mm.manager import MemoryManager
from dirql.mm.mdl import Mdl
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DMA_VIOLATION,
    VERIFIER_DMA_VERIFICATION,
    VF_DMA_ADAPTER_RELEASED,
    VF_DMA_FREED_CHANNEL_TOO_OFTEN,
    VF_DMA_FREED_LISTS_TOO_OFTEN,
    VF_DMA_FREED_REGISTERS_TOO_OFTEN,
    VF_DMA_IRQL,
    VF_DMA_IRQL_NOT_DISPATCH,
    VF_DMA_LEFT_BUFFER,
    VF_DMA_LEFT_CHANNEL,
    VF_DMA_LEFT_LIST,
    VF_DMA_LEFT_REGISTERS,
    VF_DMA_NOT_FLUSHED,
    VF_DMA_SECOND_CHANNEL,
)
from dirql.nt.constants import DISPATCH_LEVEL, PASSIVE_LEVEL, DeallocateObjectKeepRegisters, KeepObject
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS

if TYPE_CHECKING:
    from dirql.hal.dma.operations import DmaOperations

__all__ = ["AdapterStatistics", "DmaAdapter", "DmaDevice"]

_AT_PASSIVE = contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DMA_VIOLATION, subcode=VF_DMA_IRQL)
_AT_DISPATCH = contract(
    min_irql=DISPATCH_LEVEL,
    max_irql=DISPATCH_LEVEL,
    code=DRIVER_VERIFIER_DMA_VIOLATION,
    subcode=VF_DMA_IRQL_NOT_DISPATCH,
)
_UP_TO_DISPATCH = contract(max_irql=DISPATCH_LEVEL, code=DRIVER_VERIFIER_DMA_VIOLATION, subcode=VF_DMA_IRQL)


class DmaDevice(Protocol):
    """What an adapter needs of a device object."""

    @property
    def current_irp(self) -> object:
        """The request that StartIo works on, handed to the driver's routines."""


Device = TypeVar("Device", bound=DmaDevice)
Irp = TypeVar("Irp")
Context = TypeVar("Context")


@dataclass(frozen=True, slots=True)
class AdapterStatistics:
    """What a driver holds of an adapter."""

    common_buffers: int
    common_buffer_bytes: int
    lists: int
    """Scatter/gather lists that were not put back."""
    registers: int
    """Map registers in use, those of lists and of the channel included."""
    channel: bool
    waiting: int
    """Requests that wait for the channel or for registers."""


class DmaAdapter:
    """A device's way to memory; `dma_operations` has its routines as the WDK has them, this object first."""

    version: Final = 1
    """DMA_ADAPTER.Version reads 1, whatever was asked for."""

    __slots__ = (
        "_buffers",
        "_channel",
        "_file",
        "_held",
        "_limit",
        "_lists",
        "_manager",
        "_queue",
        "_released",
        "_when_released",
        "description",
        "dma_operations",
        "number_of_map_registers",
    )

    def __init__(
        self,
        description: DeviceDescription,
        manager: MemoryManager,
        operations: DmaOperations,
        registers: int,
        file: RegisterFile | None,
        when_released: Callable[[DmaAdapter], None],
    ) -> None:
        """`file` is None for a device that needs no bounce pages; then `registers` only bounds a transfer."""
        self.description = description
        self.dma_operations = operations
        self.number_of_map_registers = registers
        self._manager = manager
        self._limit = description.address_limit
        self._file = file
        self._buffers = CommonBuffers(manager)
        self._queue = AllocationQueue(self._take)
        self._channel: MapRegisters | None = None
        self._held: set[MapRegisters] = set()
        self._lists: set[ScatterGatherList] = set()
        self._when_released = when_released
        self._released = False

    def __repr__(self) -> str:
        return f"<DmaAdapter {self.number_of_map_registers} map registers, {self.statistics()}>"

    @_AT_PASSIVE
    def put_dma_adapter(self) -> None:
        """Give the adapter back; follows PutDmaAdapter."""
        self._check_released()
        left = self._left()
        if left and self._manager.verifier_flags & VERIFIER_DMA_VERIFICATION:
            self._violation(
                left, f"an adapter must have nothing left when it is put back, has {self.statistics()}"
            )
        self._released = True
        if not left:
            if self._file is not None:
                self._file.close()
            self._when_released(self)

    # Common buffers.

    @_AT_PASSIVE
    def allocate_common_buffer(self, length: int, _cache_enabled: bool) -> tuple[int | None, int]:
        """Virtual and logical address of contiguous memory, (None, 0) without any; follows AllocateCommonBuffer.

        The host and the device see each other's writes at once; nothing needs a flush.
        """
        self._check_released()
        return self._buffers.allocate(length, self._limit) or (None, 0)

    @_AT_PASSIVE
    def free_common_buffer(self, length: int, logical: int, address: int, _cache_enabled: bool) -> None:
        """Give a common buffer back with its length and addresses; follows FreeCommonBuffer."""
        self._buffers.free(length, logical, address)

    # Scatter/gather lists.

    @_AT_DISPATCH
    def get_scatter_gather_list(
        self,
        device: Device,
        mdl: Mdl,
        current_va: int,
        length: int,
        execution_routine: Callable[[Device, Irp, ScatterGatherList, Context], None],
        context: Context,
        write_to_device: bool,
    ) -> int:
        """Call `execution_routine` with the pieces of a buffer, now or when registers are free.

        Follows GetScatterGatherList. STATUS_INSUFFICIENT_RESOURCES, and no call, for a transfer that touches more
        pages than `number_of_map_registers`. `length` may run on into the MDLs chained to `mdl`.
        """
        self._check_released()
        check_transfer(mdl, current_va, length)
        needed = registers_needed(mdl, current_va, length)
        if needed > self.number_of_map_registers:
            return STATUS_INSUFFICIENT_RESOURCES

        def granted(registers: MapRegisters) -> None:
            elements = build(
                mdl,
                current_va,
                length,
                registers,
                limit=self._limit,
                longest=self.description.maximum_length,
                write_to_device=write_to_device,
            )
            found = ScatterGatherList(elements, mdl, registers)
            self._lists.add(found)
            execution_routine(device, cast("Irp", device.current_irp), found, context)

        self._queue.request(device, needed, granted)
        return STATUS_SUCCESS

    @_AT_DISPATCH
    def put_scatter_gather_list(self, scatter_gather: ScatterGatherList, _write_to_device: bool) -> None:
        """Flush a list's buffer and give its registers back; follows PutScatterGatherList."""
        if scatter_gather not in self._lists:
            self._violation(
                VF_DMA_FREED_LISTS_TOO_OFTEN,
                f"a list must be put back once, to its adapter: {scatter_gather!r}",
            )
        self._lists.discard(scatter_gather)
        scatter_gather.registers.flush()
        self._free(scatter_gather.registers)
        self._queue.serve()

    # The channel and map registers.

    @_AT_DISPATCH
    def allocate_adapter_channel(
        self,
        device: Device,
        number_of_map_registers: int,
        execution_routine: Callable[[Device, Irp, MapRegisters, Context], int],
        context: Context,
    ) -> int:
        """Call `execution_routine` with the channel and map registers, now or when both are free.

        Follows AllocateAdapterChannel. Those that wait are served in the order in which they came; a device may have
        one request at a time, else bug check 0xE6/0xB. STATUS_INSUFFICIENT_RESOURCES, and no call, for more than
        `number_of_map_registers`. The routine (AdapterControl) returns KeepObject, DeallocateObject or
        DeallocateObjectKeepRegisters.
        """
        self._check_released()
        if number_of_map_registers > self.number_of_map_registers:
            return STATUS_INSUFFICIENT_RESOURCES
        if self._queue.wants_channel(device):
            self._violation(
                VF_DMA_SECOND_CHANNEL, f"{device!r} must have one channel at a time, asks for a second"
            )

        def granted(registers: MapRegisters) -> None:
            self._channel = registers
            action = execution_routine(device, cast("Irp", device.current_irp), registers, context)
            if action == KeepObject:
                return
            self._channel = None
            if action != DeallocateObjectKeepRegisters:
                self._free(registers)
            self._queue.release_channel()

        self._queue.request(device, number_of_map_registers, granted, channel=True)
        return STATUS_SUCCESS

    @_AT_DISPATCH
    def free_adapter_channel(self) -> None:
        """Give back the channel and registers that KeepObject kept; follows FreeAdapterChannel."""
        registers = self._channel
        if registers is None:
            self._violation(VF_DMA_FREED_CHANNEL_TOO_OFTEN, "a channel must be held to be freed, none is")
        self._channel = None
        self._free(registers)
        self._queue.release_channel()
        self._queue.serve()

    @_AT_DISPATCH
    def free_map_registers(self, map_register_base: MapRegisters, number_of_map_registers: int) -> None:
        """Give back the registers that DeallocateObjectKeepRegisters kept; follows FreeMapRegisters."""
        if map_register_base not in self._held or number_of_map_registers != map_register_base.count:
            self._violation(
                VF_DMA_FREED_REGISTERS_TOO_OFTEN,
                f"map registers must be freed once, with their base and count, was {number_of_map_registers} of "
                f"{map_register_base!r}",
            )
        if map_register_base.unflushed and self._manager.verifier_flags & VERIFIER_DMA_VERIFICATION:
            self._violation(
                VF_DMA_NOT_FLUSHED, "FlushAdapterBuffers must come before FreeMapRegisters, did not"
            )
        self._free(map_register_base)
        self._queue.serve()

    @_UP_TO_DISPATCH
    def map_transfer(
        self, mdl: Mdl, map_register_base: MapRegisters, current_va: int, length: int, write_to_device: bool
    ) -> tuple[int, int]:
        """Logical address and length of what the device can move in one piece; follows MapTransfer.

        The piece may be shorter than asked for when the device has scatter/gather; then call again for the rest.
        Without, the whole is made contiguous through map registers.
        """
        check_transfer(mdl, current_va, length)
        part = next(parts(mdl, current_va, length))
        if self.description.scatter_gather:
            run = next(reachable(part, map_register_base, limit=self._limit, write_to_device=write_to_device))
        else:
            found = runs(part)
            run = found[0]
            if len(found) > 1 or run.end > self._limit:
                run = map_register_base.bounce(part, run.start & PAGE_OFFSET, write_to_device=write_to_device)
        return run.start, run.end - run.start

    @_UP_TO_DISPATCH
    def flush_adapter_buffers(
        self,
        _mdl: Mdl,
        map_register_base: MapRegisters,
        _current_va: int,
        _length: int,
        _write_to_device: bool,
    ) -> bool:
        """End what was mapped: data from the device that went through registers reaches its buffer here.

        Follows FlushAdapterBuffers, to be called after the device has finished. The registers may be mapped again.
        """
        map_register_base.flush()
        return True

    @_UP_TO_DISPATCH
    def get_dma_alignment(self) -> int:
        """The alignment that buffers need, in bytes; follows GetDmaAlignment."""
        return 1

    def statistics(self) -> AdapterStatistics:
        """What is held now."""
        return AdapterStatistics(
            common_buffers=len(self._buffers),
            common_buffer_bytes=self._buffers.bytes,
            lists=len(self._lists),
            registers=sum(registers.count for registers in self._held),
            channel=self._channel is not None,
            waiting=len(self._queue),
        )

    def _take(self, count: int) -> MapRegisters | None:
        registers = MapRegisters(count) if self._file is None else self._file.take(count)
        if registers is not None:
            self._held.add(registers)
        return registers

    def _free(self, registers: MapRegisters) -> None:
        self._held.discard(registers)
        registers.free()

    def _left(self) -> int:
        """The violation that putting the adapter back now would be; 0 when nothing is left."""
        for left, violation in (
            (len(self._buffers), VF_DMA_LEFT_BUFFER),
            (self._channel is not None, VF_DMA_LEFT_CHANNEL),
            (len(self._lists), VF_DMA_LEFT_LIST),
            (len(self._held), VF_DMA_LEFT_REGISTERS),
        ):
            if left:
                return violation
        return 0

    def _check_released(self) -> None:
        if self._released:
            self._violation(VF_DMA_ADAPTER_RELEASED, "an adapter must not be used after it was put back")

    def _violation(self, subcode: int, reason: str) -> NoReturn:
        bug_check(DRIVER_VERIFIER_DMA_VIOLATION, subcode, self, reason=reason)
