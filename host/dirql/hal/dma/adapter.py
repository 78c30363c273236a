# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The routines of a DMA adapter: map registers, the channel, scatter/gather lists and common buffers.

A logical address has the value of a physical address here, of the buffer or of a bounce page. Misuse that leaves no
sensible way to go on is always bug check 0xE6. A resource that is still held when the adapter is put back, and data
that was not flushed, is bug check 0xE6 only with the verifier's DMA verification; `statistics` shows such a resource.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar, cast

from dirql.hal.dma.base import AdapterBase
from dirql.hal.dma.description import DeviceDescription
from dirql.hal.dma.grants import DmaGrants
from dirql.hal.dma.map_registers import MapRegisters, RegisterFile, report_direction
from dirql.hal.dma.scatter_gather import (
    ScatterGatherElement,
    ScatterGatherList,
    build,
    free_mdl_of,
    mdl_of,
    reachable,
    size_in_bytes,
    to_bytes,
)
from dirql.hal.dma.system import SystemChannel
from dirql.hal.dma.transfers import Run, check_transfer, is_inside, parts, registers_needed, runs
from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import ADAPTER_CONTROL, CALLBACK, call_driver, current_driver, verifies
from dirql.ke.origin import mark
from dirql.ke.processors.contract import KeptContract, contract
from dirql.mm.layout import PAGE_OFFSET, span_pages
from dirql.mm.manager import MemoryManager
from dirql.mm.mdl import Mdl
from dirql.nt.addresses import LogicalAddress
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DMA_VIOLATION,
    VERIFIER_DMA_VERIFICATION,
    VF_DMA_FLUSH_OF_UNMAPPED_REGISTER,
    VF_DMA_FREED_CHANNEL_TOO_OFTEN,
    VF_DMA_FREED_LISTS_TOO_OFTEN,
    VF_DMA_FREED_REGISTERS_TOO_OFTEN,
    VF_DMA_REFERENCE_COUNT,
    VF_DMA_SECOND_CHANNEL,
)
from dirql.nt.constants import DeallocateObjectKeepRegisters, KeepObject
from dirql.nt.status import (
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_PARAMETER,
    STATUS_SUCCESS,
)

__all__ = ["DmaAdapter", "DmaDevice", "DmaOperations"]

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
_READ_DMA_COUNTER: Final = contract("ReadDmaCounter")
_CALCULATE_SCATTER_GATHER_LIST: Final = contract("CalculateScatterGatherList")
_BUILD_SCATTER_GATHER_LIST: Final = contract("BuildScatterGatherList")
_BUILD_MDL_FROM_SCATTER_GATHER_LIST: Final = contract("BuildMdlFromScatterGatherList")


class DmaDevice(Protocol):
    """The part of a device object that an adapter uses."""

    @property
    def current_irp(self) -> object:
        """The request that StartIo works on; the driver's routines receive it."""


Device = TypeVar("Device", bound=DmaDevice)
Irp = TypeVar("Irp")
Context = TypeVar("Context")


class DmaAdapter(AdapterBase):
    """The way of one device to memory; follows DMA_ADAPTER, whose `dma_operations` holds the routines of drivers."""

    version: Final = 1
    """The version of the structure: 1, whatever version the device description has."""
    size: Final = 16
    """The size of the structure in bytes, as on x64."""

    __slots__ = ("_when_released", "dma_operations")

    def __init__(
        self,
        description: DeviceDescription,
        manager: MemoryManager,
        registers: int,
        file: RegisterFile | None,
        when_released: Callable[[DmaAdapter], None],
        grants: DmaGrants,
        device: object,
        system: SystemChannel | None = None,
    ) -> None:
        """`when_released` is called with the adapter when it was put back and holds nothing; see `AdapterBase`."""
        super().__init__(description, manager, registers, file, grants, device, system)
        self.dma_operations = _OPERATIONS
        self._when_released = when_released

    def put_dma_adapter(self) -> None:
        """Give the adapter back; follows PutDmaAdapter. One that still holds something stays in `Hal.adapters`."""
        _PUT_DMA_ADAPTER.check(self)
        self._check_released()
        left, count = self._left()
        if left and verifies(VERIFIER_DMA_VERIFICATION):
            reason = f"an adapter must hold nothing when PutDmaAdapter is called; it held {self.statistics()}"
            if left == VF_DMA_REFERENCE_COUNT:
                self._violation(left, reason, count, self)
            self._violation(left, reason, self, count)
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
        has map registers. For a slave device the list has one element, with which the system DMA channel is programmed;
        the device has the channel until the list is put back.
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
        self._list(
            device_object, mdl, current_va, length, execution_routine, context, write_to_device, needed, 0
        )
        return STATUS_SUCCESS

    def calculate_scatter_gather_list(
        self, mdl: Mdl | None, current_va: int, length: int
    ) -> tuple[int, int, int]:
        """Status, the bytes of a list for `build_scatter_gather_list`, and the map registers that it takes.

        Follows CalculateScatterGatherList. Without an MDL they hold for any buffer at that address.
        STATUS_INVALID_PARAMETER for a range outside of the MDLs, STATUS_INSUFFICIENT_RESOURCES for too many registers.
        """
        _CALCULATE_SCATTER_GATHER_LIST.check_two(self, mdl)
        _CALCULATE_SCATTER_GATHER_LIST.check_arguments(self, mdl, current_va, length)
        self._check_released()
        if length == 0 or (mdl is not None and not is_inside(mdl, current_va, length)):
            return STATUS_INVALID_PARAMETER, 0, 0
        needed = span_pages(current_va, length) if mdl is None else registers_needed(mdl, current_va, length)
        if needed > self.number_of_map_registers:
            return STATUS_INSUFFICIENT_RESOURCES, 0, 0
        return STATUS_SUCCESS, self._list_size(needed, length), needed

    def build_scatter_gather_list(
        self,
        device_object: Device,
        mdl: Mdl,
        current_va: int,
        length: int,
        execution_routine: Callable[[Device, Irp, ScatterGatherList, Context], None],
        context: Context,
        write_to_device: int,
        scatter_gather_buffer: int,
        scatter_gather_length: int,
    ) -> int:
        """Do as `get_scatter_gather_list`, with the list in memory of the caller; follows BuildScatterGatherList.

        STATUS_BUFFER_TOO_SMALL for less memory than `calculate_scatter_gather_list` asks for. The memory must be
        nonpaged, and stay until the list is put back.
        """
        _BUILD_SCATTER_GATHER_LIST.check_with(self, device_object, mdl)
        arguments = (current_va, length, execution_routine, context, write_to_device)
        buffer = (scatter_gather_buffer, scatter_gather_length)
        _BUILD_SCATTER_GATHER_LIST.check_arguments(self, device_object, mdl, *arguments, *buffer)
        self._check_released()
        check_transfer(mdl, current_va, length)
        needed = registers_needed(mdl, current_va, length)
        if scatter_gather_length < self._list_size(needed, length):
            return STATUS_BUFFER_TOO_SMALL
        if needed > self.number_of_map_registers:
            return self._refuse_many("BuildScatterGatherList", needed)
        self._list(
            device_object,
            mdl,
            current_va,
            length,
            execution_routine,
            context,
            write_to_device,
            needed,
            scatter_gather_buffer,
        )
        return STATUS_SUCCESS

    def build_mdl_from_scatter_gather_list(
        self, scatter_gather: ScatterGatherList, original_mdl: Mdl
    ) -> tuple[int, Mdl | None]:
        """Status, and an MDL for the memory that the device uses; follows BuildMdlFromScatterGatherList.

        It is the original MDL unless data is bounced. It goes when the list is put back. STATUS_INVALID_PARAMETER for
        a list that this adapter has not given, or for another MDL.
        """
        _BUILD_MDL_FROM_SCATTER_GATHER_LIST.check_with(self, scatter_gather, original_mdl)
        self._check_released()
        if scatter_gather not in self._lists or scatter_gather.mdl is not original_mdl:
            return STATUS_INVALID_PARAMETER, None
        if not scatter_gather.registers.is_bounced:
            return STATUS_SUCCESS, original_mdl
        if scatter_gather.built is None:
            scatter_gather.built = mdl_of(scatter_gather.elements)
        return STATUS_SUCCESS, scatter_gather.built

    def _list(
        self,
        device_object: Device,
        mdl: Mdl,
        current_va: int,
        length: int,
        execution_routine: Callable[[Device, Irp, ScatterGatherList, Context], None],
        context: Context,
        write_to_device: int,
        needed: int,
        buffer: int,
    ) -> None:
        """Ask for map registers, and give the driver a list with them, which is written to `buffer` too unless 0."""
        driver = current_driver()
        place = mark()

        def granted(registers: MapRegisters) -> None:
            if self._system is None:
                elements, pieces = build(
                    mdl,
                    current_va,
                    length,
                    registers,
                    limit=self._limit,
                    longest=self.description.maximum_length or length,
                    one=not self.description.scatter_gather,
                    write_to_device=bool(write_to_device),
                )
            else:
                self._channel = registers
                every = [run for part in parts(mdl, current_va, length) for run in runs(part)]
                pieces = [self._program(self._system, every, registers, write_to_device)]
                elements = [ScatterGatherElement(LogicalAddress(start), end - start) for start, end in pieces]
            found = ScatterGatherList(elements, mdl, registers)
            self._permit(
                "a scatter/gather list", pieces, mdl, device_object, registers, write_to_device, place
            )
            self._lists.add(found)
            self._lists_given += 1
            if buffer:
                self._write(buffer, to_bytes(elements))
            irp = cast("Irp", device_object.current_irp)
            call_driver(CALLBACK, driver, execution_routine, device_object, irp, found, context)

        channel = self._system is not None
        self._queue.request(
            device_object, needed, granted, execution_routine, self, self._take, channel=channel
        )

    def _program(
        self, system: SystemChannel, found: list[Run], registers: MapRegisters, write_to_device: int
    ) -> Run:
        """Program the system DMA channel for some memory, which goes through map registers unless it fits as it is."""
        start, end = found[0]
        if len(found) > 1 or end > self._limit or not system.holds(start, end):
            start, end = registers.bounce(found, start & PAGE_OFFSET, write_to_device=bool(write_to_device))
        return start, system.begin(self.description, start, end, write_to_device=bool(write_to_device))

    def _write(self, address: int, data: bytes) -> None:
        """Write to memory of the caller."""
        for start, end in self._manager.runs(address, len(data), write=True):
            self._manager.ram[start:end] = data[: end - start]
            data = data[end - start :]

    def _list_size(self, pages: int, length: int) -> int:
        """The bytes of a list of a transfer that touches some pages."""
        return size_in_bytes(pages + length // (self.description.maximum_length or length))

    def put_scatter_gather_list(self, scatter_gather: ScatterGatherList, write_to_device: int) -> None:
        """Flush the buffer of a list and give its map registers back; follows PutScatterGatherList."""
        _PUT_SCATTER_GATHER_LIST.check_two(self, scatter_gather)
        if scatter_gather not in self._lists:
            self._violation(
                VF_DMA_FREED_LISTS_TOO_OFTEN,
                f"a list for PutScatterGatherList must be one that this adapter gave and that was not put back; it was "
                f"{scatter_gather!r}: put each list back once, and forget it then",
                self._lists_given,
                self._lists_given - len(self._lists) + 1,
            )
        self._lists.discard(scatter_gather)
        if bool(write_to_device) is not scatter_gather.registers.to_device:
            report_direction("PutScatterGatherList", scatter_gather.registers, write_to_device)
        self._forbid(scatter_gather.registers, mark())
        scatter_gather.registers.flush(0 if self._system is None else self._system.end(self.description))
        if scatter_gather.built is not None:
            free_mdl_of(scatter_gather.built)
        self._free(scatter_gather.registers)
        if self._system is not None:
            self._channel = None
            self._release_channel()
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
            self._release_channel()

        self._queue.request(
            device_object,
            number_of_map_registers,
            granted,
            execution_routine,
            self,
            self._take,
            channel=True,
        )
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
        self._check_flushed("FreeAdapterChannel", registers)
        self._free(registers)
        self._release_channel()
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
        self._check_flushed("FreeMapRegisters", map_register_base)
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
        system = self._system
        if system is not None:
            self._check_idle(map_register_base)
            length = min(length, system.hardware.longest)
        part = next(parts(mdl, current_va, length))
        if system is not None:
            start, end = self._program(system, runs(part), map_register_base, write_to_device)
        elif self.description.scatter_gather:
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
        write_to_device: int,
    ) -> bool:
        """Copy the data that the device wrote to bounce pages into its buffers; follows FlushAdapterBuffers.

        To be called after the device has ended the transfer. The map registers may then be mapped again.
        """
        _FLUSH_ADAPTER_BUFFERS.check_two(self, _mdl)
        _check_base(_FLUSH_ADAPTER_BUFFERS, map_register_base)
        missing = 0 if self._system is None else self._system.end(self.description)
        if not map_register_base.mdls and verifies(VERIFIER_DMA_VERIFICATION):
            reason = "FlushAdapterBuffers must be called after MapTransfer, once; nothing was mapped"
            bug_check(
                DRIVER_VERIFIER_DMA_VIOLATION,
                VF_DMA_FLUSH_OF_UNMAPPED_REGISTER,
                map_register_base,
                _current_va,
                _mdl,
                reason=reason,
            )
        if map_register_base.mdls and bool(write_to_device) is not map_register_base.to_device:
            report_direction("FlushAdapterBuffers", map_register_base, write_to_device)
        self._forbid(map_register_base, mark())
        map_register_base.flush(missing)
        return True

    def read_dma_counter(self) -> int:
        """The bytes that the system DMA channel has still to move, 0 for a bus master; follows ReadDmaCounter."""
        _READ_DMA_COUNTER.check(self)
        self._check_released()
        return 0 if self._system is None or self._channel is None else self._system.hardware.remaining

    def get_dma_alignment(self) -> int:
        """The alignment that buffers need, in bytes; follows GetDmaAlignment."""
        _GET_DMA_ALIGNMENT.check(self)
        return 1


def _check_base(kept: KeptContract, map_register_base: object) -> None:
    """Raise `TypeError` for anything but map registers; a driver may have lost the base that it was given."""
    if not isinstance(map_register_base, MapRegisters):
        what = "the base that the AdapterControl routine was given"
        kept.refuse_argument("MapRegisterBase", what, map_register_base)


class DmaOperations:
    """The routines of an adapter, to be called with the adapter first; follows DMA_OPERATIONS."""

    size: Final = 0x80
    """The size of the structure in bytes, as on x64."""
    put_dma_adapter = staticmethod(DmaAdapter.put_dma_adapter)
    allocate_common_buffer = staticmethod(DmaAdapter.allocate_common_buffer)
    free_common_buffer = staticmethod(DmaAdapter.free_common_buffer)
    allocate_adapter_channel = staticmethod(DmaAdapter.allocate_adapter_channel)
    flush_adapter_buffers = staticmethod(DmaAdapter.flush_adapter_buffers)
    free_adapter_channel = staticmethod(DmaAdapter.free_adapter_channel)
    free_map_registers = staticmethod(DmaAdapter.free_map_registers)
    map_transfer = staticmethod(DmaAdapter.map_transfer)
    get_dma_alignment = staticmethod(DmaAdapter.get_dma_alignment)
    read_dma_counter = staticmethod(DmaAdapter.read_dma_counter)
    get_scatter_gather_list = staticmethod(DmaAdapter.get_scatter_gather_list)
    put_scatter_gather_list = staticmethod(DmaAdapter.put_scatter_gather_list)
    calculate_scatter_gather_list = staticmethod(DmaAdapter.calculate_scatter_gather_list)
    build_scatter_gather_list = staticmethod(DmaAdapter.build_scatter_gather_list)
    build_mdl_from_scatter_gather_list = staticmethod(DmaAdapter.build_mdl_from_scatter_gather_list)


_OPERATIONS: Final = DmaOperations()
