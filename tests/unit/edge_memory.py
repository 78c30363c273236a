# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Right arguments for the routines that map MDLs and allocate pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dirql import wdm

__all__ = ["MEMORY_CALLS"]

HIGHEST = wdm.PHYSICAL_ADDRESS((1 << 32) - 1)
LOWEST = wdm.PHYSICAL_ADDRESS(0)
TAG = wdm.POOL_TAG("Edge")


class World(Protocol):
    """The parts of the world of a test that these routines need."""

    @property
    def mdl(self) -> wdm.MDL: ...

    @property
    def raw_mdl(self) -> wdm.MDL: ...

    @property
    def locked_mdl(self) -> wdm.MDL: ...

    @property
    def mapped_address(self) -> int: ...

    @property
    def block(self) -> int: ...

    @property
    def adapter(self) -> wdm.DMA_ADAPTER: ...

    @property
    def common_buffer(self) -> tuple[int, int]: ...

    @property
    def channel(self) -> object: ...

    @property
    def map_registers(self) -> object: ...

    @property
    def device(self) -> wdm.DEVICE_OBJECT: ...


def pages(_world: World) -> wdm.MDL:
    made = wdm.MmAllocatePagesForMdl(LOWEST, HIGHEST, LOWEST, wdm.PAGE_SIZE)
    assert made is not None
    return made


def contiguous(_world: World) -> int:
    made = wdm.MmAllocateContiguousMemory(wdm.PAGE_SIZE, HIGHEST)
    assert made is not None
    return made


def non_cached(_world: World) -> int:
    made = wdm.MmAllocateNonCachedMemory(16)
    assert made is not None
    return made


def reserved(_world: World) -> int:
    made = wdm.MmAllocateMappingAddress(2 * wdm.PAGE_SIZE, TAG)
    assert made is not None
    return made


def mapped_to_reserved(world: World) -> tuple[object, ...]:
    address = reserved(world)
    assert wdm.MmMapLockedPagesWithReservedMapping(address, TAG, world.locked_mdl, wdm.MmCached) is not None
    return address, TAG, world.locked_mdl


def keep(*_: object) -> None:
    """An AdapterListControl routine that does nothing."""


def routine() -> None:
    """A routine that lies in a section."""


def can_fail(world: World) -> wdm.MDL:
    world.locked_mdl.mdl_flags |= wdm.MDL_MAPPING_CAN_FAIL
    return world.locked_mdl


def mapped(world: World) -> wdm.MDL:
    assert world.mapped_address
    return world.locked_mdl


MEMORY_CALLS: dict[str, Callable[[World], tuple[object, ...]]] = {
    "MmMapLockedPages": lambda w: (can_fail(w), wdm.KernelMode),
    "MmMapLockedPagesSpecifyCache": lambda w: (
        w.locked_mdl,
        wdm.KernelMode,
        wdm.MmCached,
        None,
        False,
        wdm.NormalPagePriority,
    ),
    "MmGetSystemAddressForMdl": lambda w: (mapped(w),),
    "MmProtectMdlSystemAddress": lambda w: (mapped(w), wdm.PAGE_READONLY),
    "MmProbeAndLockProcessPages": lambda w: (
        w.raw_mdl,
        wdm.PsGetCurrentProcess(),
        wdm.KernelMode,
        wdm.IoReadAccess,
    ),
    "MmInitializeMdl": lambda w: (wdm.MDL(0, 0), w.block, 16),
    "MmCreateMdl": lambda w: (None, w.block, 16),
    "MmAllocatePagesForMdl": lambda _: (LOWEST, HIGHEST, LOWEST, wdm.PAGE_SIZE),
    "MmAllocatePagesForMdlEx": lambda _: (LOWEST, HIGHEST, LOWEST, wdm.PAGE_SIZE, wdm.MmCached, 0),
    "MmFreePagesFromMdl": lambda w: (pages(w),),
    "MmAllocateContiguousMemory": lambda _: (wdm.PAGE_SIZE, HIGHEST),
    "MmAllocateContiguousMemorySpecifyCache": lambda _: (
        wdm.PAGE_SIZE,
        LOWEST,
        HIGHEST,
        LOWEST,
        wdm.MmCached,
    ),
    "MmFreeContiguousMemory": lambda w: (contiguous(w),),
    "MmFreeContiguousMemorySpecifyCache": lambda w: (contiguous(w), wdm.PAGE_SIZE, wdm.MmCached),
    "MmFreeNonCachedMemory": lambda w: (non_cached(w), 16),
    "MmAllocateMappingAddress": lambda _: (wdm.PAGE_SIZE, TAG),
    "MmFreeMappingAddress": lambda w: (reserved(w), TAG),
    "MmMapLockedPagesWithReservedMapping": lambda w: (reserved(w), TAG, w.locked_mdl, wdm.MmCached),
    "MmUnmapReservedMapping": mapped_to_reserved,
    "MmLockPagableDataSection": lambda _: (routine,),
    "MmLockPagableCodeSection": lambda _: (routine,),
    "MmLockPagableSectionByHandle": lambda _: (wdm.MmLockPagableCodeSection(routine),),
    "MmUnlockPagableImageSection": lambda _: (wdm.MmLockPagableCodeSection(routine),),
    "IoFreeAdapterChannel": lambda w: (w.channel and w.adapter,),
    "IoFreeMapRegisters": lambda w: (w.adapter, w.map_registers, 1),
    "IoMapTransfer": lambda w: (w.adapter, w.mdl, w.map_registers, w.block, 64, True),
    "IoFlushAdapterBuffers": lambda w: (w.adapter, w.mdl, w.map_registers, w.block, 64, True),
    "HalFreeCommonBuffer": lambda w: (w.adapter, 64, w.common_buffer[1], w.common_buffer[0], True),
    "CalculateScatterGatherList": lambda w: (w.adapter, w.mdl, w.block, 16),
    "BuildScatterGatherList": lambda w: (
        w.adapter,
        w.device,
        w.mdl,
        w.block,
        16,
        keep,
        None,
        True,
        w.block,
        64,
    ),
    "HalTranslateBusAddress": lambda _: (wdm.PCIBus, 0, LOWEST, 0),
    "HalGetInterruptVector": lambda _: (wdm.PCIBus, 0, 0, 0),
    "MmPageEntireDriver": lambda _: (routine,),
    "MmResetDriverPaging": lambda _: (routine,),
}
