# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""IoGetDmaAdapter: an adapter for the device that a driver describes."""

from __future__ import annotations

from typing import Final

from dirql.hal.dma.adapter import DmaAdapter
from dirql.hal.dma.description import DeviceDescription
from dirql.hal.dma.map_registers import RegisterFile
from dirql.hal.hal import running
from dirql.ke.processors.contract import contract
from dirql.mm.layout import bytes_to_pages

__all__ = ["get_dma_adapter"]

_GET_DMA_ADAPTER: Final = contract("IoGetDmaAdapter")

_MOST_REGISTERS: Final = 512
"""The limit for an adapter with bounce pages; they take 2 MiB of memory."""


def get_dma_adapter(
    _physical_device_object: object, device_description: DeviceDescription
) -> tuple[DmaAdapter | None, int]:
    """An adapter for a bus-mastering device, and the largest number of map registers that a transfer may take.

    Follows IoGetDmaAdapter. Returns (None, 0) for an unknown version of the description, for a device that is no bus
    master, because there is no system DMA controller, and when no frames are free for the bounce pages of the device.
    """
    _GET_DMA_ADAPTER.check_two(_physical_device_object, device_description)
    hal = running.value
    if not device_description.known_version or not device_description.master:
        return None, 0
    manager = hal.memory_manager
    registers = bytes_to_pages(device_description.maximum_length) + 1
    limit = device_description.address_limit
    file = None
    if not device_description.scatter_gather or limit < len(manager.ram):
        registers = min(registers, _MOST_REGISTERS)
        file = RegisterFile.create(manager, registers, limit)
        if file is None:
            return None, 0
    adapter = DmaAdapter(
        device_description, manager, registers, file, hal.adapters.remove, hal.grants, _physical_device_object
    )
    hal.adapters.append(adapter)
    return adapter, registers
