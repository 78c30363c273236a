# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The names that the routines of an adapter had in NT 4, which are macros since: each calls the adapter's routine."""

from __future__ import annotations

from collections.abc import Callable

from dirql.hal.dma.adapter import Context, Device, DmaAdapter, Irp
from dirql.hal.dma.map_registers import MapRegisters
from dirql.mm.mdl import Mdl
from dirql.nt.addresses import LogicalAddress

__all__ = [
    "allocate_adapter_channel",
    "allocate_common_buffer",
    "flush_adapter_buffers",
    "free_adapter_channel",
    "free_common_buffer",
    "free_map_registers",
    "map_transfer",
    "read_dma_counter",
]


def allocate_adapter_channel(
    adapter: DmaAdapter,
    device_object: Device,
    number_of_map_registers: int,
    execution_routine: Callable[[Device, Irp, MapRegisters, Context], int],
    context: Context,
) -> int:
    """Call AllocateAdapterChannel of the adapter; follows IoAllocateAdapterChannel."""
    return DmaAdapter.allocate_adapter_channel(
        adapter, device_object, number_of_map_registers, execution_routine, context
    )


def map_transfer(
    adapter: DmaAdapter,
    mdl: Mdl,
    map_register_base: MapRegisters,
    current_va: int,
    length: int,
    write_to_device: int,
) -> tuple[LogicalAddress, int]:
    """Call MapTransfer of the adapter; follows IoMapTransfer."""
    return DmaAdapter.map_transfer(adapter, mdl, map_register_base, current_va, length, write_to_device)


def flush_adapter_buffers(
    adapter: DmaAdapter,
    mdl: Mdl,
    map_register_base: MapRegisters,
    current_va: int,
    length: int,
    write_to_device: int,
) -> bool:
    """Call FlushAdapterBuffers of the adapter; follows IoFlushAdapterBuffers."""
    return DmaAdapter.flush_adapter_buffers(
        adapter, mdl, map_register_base, current_va, length, write_to_device
    )


def free_adapter_channel(adapter: DmaAdapter) -> None:
    """Call FreeAdapterChannel of the adapter; follows IoFreeAdapterChannel."""
    DmaAdapter.free_adapter_channel(adapter)


def free_map_registers(
    adapter: DmaAdapter, map_register_base: MapRegisters, number_of_map_registers: int
) -> None:
    """Call FreeMapRegisters of the adapter; follows IoFreeMapRegisters."""
    DmaAdapter.free_map_registers(adapter, map_register_base, number_of_map_registers)


def allocate_common_buffer(
    adapter: DmaAdapter, length: int, cache_enabled: int
) -> tuple[int | None, LogicalAddress]:
    """Call AllocateCommonBuffer of the adapter; follows HalAllocateCommonBuffer."""
    return DmaAdapter.allocate_common_buffer(adapter, length, cache_enabled)


def free_common_buffer(
    adapter: DmaAdapter, length: int, logical_address: int, virtual_address: int, cache_enabled: int
) -> None:
    """Call FreeCommonBuffer of the adapter; follows HalFreeCommonBuffer."""
    DmaAdapter.free_common_buffer(adapter, length, logical_address, virtual_address, cache_enabled)


def read_dma_counter(adapter: DmaAdapter) -> int:
    """Call ReadDmaCounter of the adapter; follows HalReadDmaCounter."""
    return DmaAdapter.read_dma_counter(adapter)
