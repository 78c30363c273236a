# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Helpers for the tests of DMA: a device object, adapters, locked buffers, and a device that moves bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from dirql.hal.dma.adapter import DmaAdapter
from dirql.hal.dma.description import DeviceDescription
from dirql.hal.dma.get_adapter import get_dma_adapter
from dirql.hal.dma.scatter_gather import ScatterGatherElement
from dirql.io.objects import DeviceObject, DriverObject, Irp
from dirql.ke.current import current
from dirql.ke.processors.irql import lower_irql, raise_irql
from dirql.mm.mdl import Mdl
from dirql.mm.process import UserBuffer
from dirql.nt.constants import (
    DEVICE_DESCRIPTION_VERSION3,
    DISPATCH_LEVEL,
    FILE_DEVICE_UNKNOWN,
    IoWriteAccess,
    PCIBus,
    UserMode,
    Width32Bits,
)
from dirql.nt.status import STATUS_SUCCESS
from unit.hal.conftest import Machine

ALL_BITS = 32
FEW_BITS = 21
"""The address bits of a device that reaches half of the machine's 4 MiB."""


def a_device() -> DeviceObject:
    """A device object with a request in hand, without a driver that does anything."""
    driver = DriverObject("test", lambda *_: STATUS_SUCCESS, lambda *_: STATUS_SUCCESS)
    device = DeviceObject(driver, object, FILE_DEVICE_UNKNOWN, 0)
    device.current_irp = Irp(1, 1, None)
    return device


def description(
    width: int = ALL_BITS, *, scatter_gather: bool = True, longest: int = 1 << 16
) -> DeviceDescription:
    return DeviceDescription(
        version=DEVICE_DESCRIPTION_VERSION3,
        master=True,
        scatter_gather=scatter_gather,
        interface_type=PCIBus,
        dma_width=Width32Bits,
        maximum_length=longest,
        dma_address_width=width,
    )


def adapter_for(wanted: DeviceDescription) -> DmaAdapter:
    adapter, _ = get_dma_adapter(None, wanted)
    assert adapter is not None
    return adapter


@contextmanager
def at_dispatch() -> Iterator[None]:
    """Run the block at DISPATCH_LEVEL; after a bug check in it the level stays as it is."""
    old_irql = raise_irql(DISPATCH_LEVEL)
    yield
    if current.kernel.stopped is None:
        lower_irql(old_irql)


def locked(machine: Machine, length: int, offset: int = 0, guard: int = 0) -> tuple[UserBuffer, Mdl]:
    buffer = machine.memory_manager.process.allocate(length, offset=offset, guard=guard)
    mdl = Mdl.allocate(buffer.address, length)
    assert mdl is not None
    mdl.probe_and_lock_pages(UserMode, IoWriteAccess)
    return buffer, mdl


def release(buffer: UserBuffer, mdl: Mdl) -> None:
    mdl.unlock_pages()
    mdl.free()
    buffer.free()


def device_reads(machine: Machine, elements: Iterable[ScatterGatherElement]) -> bytes:
    """The bytes that the device reads at logical addresses."""
    return b"".join(machine.target.read_as_master(address, length) for address, length in elements)


def device_writes(machine: Machine, elements: Iterable[ScatterGatherElement], data: bytes) -> None:
    """Let the device write bytes at logical addresses."""
    for address, length in elements:
        machine.target.write_as_master(address, data[:length])
        data = data[length:]
    assert data == b""
