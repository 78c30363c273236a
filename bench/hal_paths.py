# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The cost of calls of the memory manager and the HAL, in Python alone: CPU time per call, the best of some rounds.

    python bench/hal_paths.py [rounds]

Registers are those of a target that does nothing. The time of a call of that target is shown first; the calls below it
contain it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from dirql.hal.dma.adapter import DmaAdapter
from dirql.hal.dma.description import DeviceDescription
from dirql.hal.dma.get_adapter import get_dma_adapter
from dirql.hal.dma.scatter_gather import ScatterGatherList
from dirql.hal.hal import Hal
from dirql.hal.io_space import map_io_space
from dirql.hal.ports import read_port_ulong
from dirql.hal.registers import read_register_ulong, read_register_ushort, write_register_ulong
from dirql.io.objects import DeviceObject, DriverObject
from dirql.ke.kernel import Kernel
from dirql.ke.processors.irql import lower_irql, raise_irql
from dirql.mm import memory
from dirql.mm.allocation import allocate_pool2, free_pool_with_tag, pool_tag
from dirql.mm.manager import MemoryManager, running
from dirql.mm.mapping import unmap_locked_pages
from dirql.mm.mdl import Mdl
from dirql.nt.addresses import PhysicalAddress
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    FILE_DEVICE_UNKNOWN,
    POOL_FLAG_NON_PAGED,
    IoWriteAccess,
    MmNonCached,
    NormalPagePriority,
    UserMode,
)
from fakes.default_machine import MEMORY, PORTS
from fakes.scripted_target import ScriptedTarget

LOOPS = 20_000
BAR = MEMORY
PORT = PORTS
BUFFER = 64 * 1024
TAG = pool_tag("Bnch")


class IdleTarget(ScriptedTarget):
    """A target whose accesses do nothing, so that nearly all of the time is the HAL's."""

    def read_memory(self, address: int, byte_enables: int = 0xF) -> int:
        return address & byte_enables

    def write_memory(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        pass

    def read_io(self, address: int, byte_enables: int = 0xF) -> int:
        return address & byte_enables


def idle_device() -> DeviceObject:
    """A device object without a request in hand, of a driver that does nothing."""
    driver = DriverObject("idle", lambda *_: 0, lambda *_: 0)
    return DeviceObject(driver, object, FILE_DEVICE_UNKNOWN, 0)


@contextmanager
def machine() -> Iterator[IdleTarget]:
    target = IdleTarget()
    memory = MemoryManager(target.memory)
    hal = Hal(target, memory)
    kernel = Kernel(hal.clock, hal.interrupts)
    memory.install()
    hal.install()
    try:
        yield target
    finally:
        hal.close()
        memory.close()
        kernel.close()


def seconds(call: Callable[[], object], loops: int) -> float:
    start = process_time()
    for _ in range(loops):
        call()
    return (process_time() - start) / loops


def target_alone() -> float:
    """Read from the target as the HAL does, without the HAL."""
    with machine() as target:
        read = target.read_memory
        return seconds(lambda: read(BAR), LOOPS)


def register() -> int:
    address = map_io_space(PhysicalAddress(BAR), 4096, MmNonCached)
    assert address is not None
    return address


def read_ulong() -> float:
    with machine():
        address = register()
        return seconds(lambda: read_register_ulong(address), LOOPS)


def write_ulong() -> float:
    with machine():
        address = register()
        return seconds(lambda: write_register_ulong(address, 1), LOOPS)


def read_ushort() -> float:
    with machine():
        address = register() + 2
        return seconds(lambda: read_register_ushort(address), LOOPS)


def read_port() -> float:
    with machine():
        return seconds(lambda: read_port_ulong(PORT), LOOPS)


def pool_block() -> float:
    """Allocate, clear and free a block of pool."""
    with machine():

        def block() -> None:
            address = allocate_pool2(POOL_FLAG_NON_PAGED, 256, TAG)
            assert address is not None
            free_pool_with_tag(address, TAG)

        return seconds(block, LOOPS)


def copy_64_kib() -> float:
    with machine():
        source, destination = (allocate_pool2(POOL_FLAG_NON_PAGED, BUFFER, TAG) for _ in range(2))
        assert source is not None
        assert destination is not None
        return seconds(lambda: memory.copy(destination, source, BUFFER), LOOPS // 20)


def locked(length: int) -> Mdl:
    buffer = running.value.process.allocate(length, offset=8)
    mdl = Mdl.allocate(buffer.address, length)
    assert mdl is not None
    mdl.probe_and_lock_pages(UserMode, IoWriteAccess)
    return mdl


def lock_and_unlock_64_kib() -> float:
    with machine():
        mdl = locked(BUFFER)

        def again() -> None:
            mdl.unlock_pages()
            mdl.probe_and_lock_pages(UserMode, IoWriteAccess)

        return seconds(again, LOOPS // 20)


def map_and_unmap_64_kib() -> float:
    with machine():
        mdl = locked(BUFFER)

        def again() -> None:
            address = mdl.get_system_address_safe(NormalPagePriority)
            assert address is not None
            unmap_locked_pages(address, mdl)

        return seconds(again, LOOPS // 20)


def scatter_gather(width: int) -> float:
    """Get a scatter/gather list and put it back; with few address bits every page is bounced."""
    with machine():
        description = DeviceDescription(
            version=3, master=True, scatter_gather=True, maximum_length=BUFFER, dma_address_width=width
        )
        adapter, _ = get_dma_adapter(None, description)
        assert isinstance(adapter, DmaAdapter)
        mdl = locked(BUFFER)
        device = idle_device()

        def use(_device: DeviceObject, _irp: object, pieces: ScatterGatherList, _context: object) -> None:
            adapter.put_scatter_gather_list(pieces, False)

        def get() -> None:
            adapter.get_scatter_gather_list(device, mdl, mdl.get_virtual_address(), BUFFER, use, None, False)

        old_irql = raise_irql(DISPATCH_LEVEL)
        try:
            return seconds(get, LOOPS // 20)
        finally:
            lower_irql(old_irql)


def scatter_gather_64_kib() -> float:
    return scatter_gather(32)


def bounced_64_kib() -> float:
    return scatter_gather(17)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    paths = (
        target_alone,
        read_ulong,
        write_ulong,
        read_ushort,
        read_port,
        pool_block,
        copy_64_kib,
        lock_and_unlock_64_kib,
        map_and_unmap_64_kib,
        scatter_gather_64_kib,
        bounced_64_kib,
    )
    for path in paths:
        best = min(path() for _ in range(rounds))
        speed = f"{BUFFER / best / 1e6:10,.0f} MB/s" if path.__name__.endswith("64_kib") else ""
        print(
            f"{path.__name__.replace('_', ' '):24} {1 / best:12,.0f}/s {best * 1e6:8.2f} µs {speed}".rstrip()
        )


if __name__ == "__main__":
    main()
