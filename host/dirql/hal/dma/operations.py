# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Getting a DMA adapter, and the table of its routines: DMA_OPERATIONS."""

from __future__ import annotations

from typing import Final

from dirql.hal import current
from dirql.hal.dma.adapter import DmaAdapter
from dirql.hal.dma.description import DeviceDescription
from dirql.hal.dma.map_registers import RegisterFile
from dirql.ke.processors.irql import contract
from dirql.mm.layout import bytes_to_pages
from dirql.nt.constants import PASSIVE_LEVEL

__all__ = ["DmaOperations", "get_dma_adapter"]

_MOST_REGISTERS: Final = 512
"""Of an adapter with bounce pages: 2 MiB of memory."""


class DmaOperations:
    """An adapter's routines under their WDK names, to be called with the adapter first; follows DMA_OPERATIONS."""

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


@contract(max_irql=PASSIVE_LEVEL)
def get_dma_adapter(
    _physical_device_object: object, device_description: DeviceDescription
) -> tuple[DmaAdapter | None, int]:
    """An adapter for a bus-mastering device, and the most map registers that a transfer may take.

    Follows IoGetDmaAdapter. (None, 0) for an unknown version of the description, for a device that is no bus master
    (there is no system DMA controller), and when the bounce pages that it would need cannot be had.
    """
    hal = current.hal
    if not device_description.known_version or not device_description.master:
        return None, 0
    registers = bytes_to_pages(device_description.maximum_length) + 1
    limit = device_description.address_limit
    file = None
    if not device_description.scatter_gather or limit < len(hal.memory_manager.ram):
        registers = min(registers, _MOST_REGISTERS)
        file = RegisterFile.create(hal.memory_manager, registers, limit)
        if file is None:
            return None, 0
    adapter = DmaAdapter(
        device_description, hal.memory_manager, _OPERATIONS, registers, file, hal.adapters.remove
    )
    hal.adapters.append(adapter)
    return adapter, registers
