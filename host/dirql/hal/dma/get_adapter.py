# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""IoGetDmaAdapter, and HalGetAdapter before it: an adapter for the device that a driver describes."""

from __future__ import annotations

from typing import Final

from dirql.hal.dma.adapter import DmaAdapter
from dirql.hal.dma.description import DeviceDescription
from dirql.hal.dma.map_registers import RegisterFile
from dirql.hal.dma.system import SystemDma
from dirql.hal.hal import Hal, running
from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import verifies
from dirql.ke.processors.contract import contract
from dirql.mm.layout import bytes_to_pages
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DMA_VIOLATION,
    VERIFIER_DMA_VERIFICATION,
    VF_DMA_HAL_GET_ADAPTER,
    VF_DMA_UNKNOWN_VERSION,
)
from dirql.nt.constants import PAGE_SIZE, Isa

__all__ = ["get_adapter", "get_dma_adapter"]

_GET_DMA_ADAPTER: Final = contract("IoGetDmaAdapter")
_GET_ADAPTER: Final = contract("HalGetAdapter")

_MOST_REGISTERS: Final = 512
"""The limit for an adapter with bounce pages; they take 2 MiB of memory."""


def get_dma_adapter(
    _physical_device_object: object, device_description: DeviceDescription
) -> tuple[DmaAdapter | None, int]:
    """An adapter for a device, and the largest number of map registers that a transfer may take.

    Follows IoGetDmaAdapter. Returns (None, 0) for an unknown version of the description, for a slave device without a
    channel of the system's DMA controllers that fits it, and when no frames are free for the bounce pages of the
    device. The device may be NULL, and needs no resources.
    """
    _GET_DMA_ADAPTER.check_two(_physical_device_object, device_description)
    return _get("IoGetDmaAdapter", _physical_device_object, device_description)


def get_adapter(device_description: DeviceDescription) -> tuple[DmaAdapter | None, int]:
    """Do as `get_dma_adapter`, in the way of NT 4; follows HalGetAdapter.

    With the verifier's DMA verification it is bug check 0xE6/0x1E.
    """
    _GET_ADAPTER.check(device_description)
    if verifies(VERIFIER_DMA_VERIFICATION):
        reason = "HalGetAdapter must not be called, since it is obsolete; it was: call IoGetDmaAdapter"
        bug_check(DRIVER_VERIFIER_DMA_VIOLATION, VF_DMA_HAL_GET_ADAPTER, reason=reason)
    return _get("HalGetAdapter", None, device_description)


def _get(routine: str, device: object, description: DeviceDescription) -> tuple[DmaAdapter | None, int]:
    description.check_members(routine)
    if not description.known_version:
        if verifies(VERIFIER_DMA_VERIFICATION):
            reason = f"Version of the DEVICE_DESCRIPTION for {routine} must be 0 to 3; it was {description.version}"
            bug_check(DRIVER_VERIFIER_DMA_VIOLATION, VF_DMA_UNKNOWN_VERSION, reason=reason)
        return None, 0
    hal = running.value
    adapter = _master(hal, device, description) if description.master else _slave(hal, device, description)
    if adapter is None:
        return None, 0
    hal.adapters.append(adapter)
    return adapter, adapter.number_of_map_registers


def _master(hal: Hal, device: object, description: DeviceDescription) -> DmaAdapter | None:
    """An adapter for a bus master. One on the ISA bus asks for the bus by its channel, which is in cascade mode."""
    manager = hal.memory_manager
    registers = bytes_to_pages(description.maximum_length) + 1
    limit = description.address_limit
    file = None
    if not description.scatter_gather or limit < len(manager.ram):
        registers = min(registers, _MOST_REGISTERS)
        file = RegisterFile.create(manager, registers, limit)
        if file is None:
            return None
    channel = hal.system_dma.channel_for(description) if description.interface_type == Isa else None
    hardware = None if channel is None else channel.hardware
    if hardware is not None:
        hardware.cascade()

    def released(adapter: DmaAdapter) -> None:
        if hardware is not None:
            hardware.mask()
        hal.adapters.remove(adapter)

    return DmaAdapter(description, manager, registers, file, released, hal.grants, device)


def _slave(hal: Hal, device: object, description: DeviceDescription) -> DmaAdapter | None:
    """An adapter for a device whose data the system's DMA controllers move."""
    channel = hal.system_dma.channel_for(description)
    if channel is None:
        return None
    manager, longest = hal.memory_manager, channel.hardware.longest
    registers = min(bytes_to_pages(description.maximum_length) + 1, longest // PAGE_SIZE)
    file = RegisterFile.create(manager, registers, SystemDma.limit(description), longest)
    if file is None:
        return None
    return DmaAdapter(description, manager, registers, file, hal.adapters.remove, hal.grants, device, channel)
