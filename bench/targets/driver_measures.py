# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Measures of the whole stack on a target: kernel, I/O manager and the store driver.

Rates are per second of this process's CPU time, except the shares, which the device counts in bus clocks.
"""

from __future__ import annotations

import struct
from statistics import median
from time import process_time

import raiser

from dirql.drivers import store
from dirql.drivers.store.interface import (
    IOCTL_STORE_GET_STATISTICS,
    IOCTL_STORE_RAISE,
    IOCTL_STORE_SET_MODE,
    STATISTICS_BYTES,
    Statistics,
    TransferMode,
)
from dirql.io.handle import Handle
from dirql.ke.costs import Costs
from dirql.machine import DriverModule, Machine, open_machine
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_NO_INCREMENT,
    IRP,
    IRP_MJ_DEVICE_CONTROL,
    KEVENT,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_SUCCESS,
    Executive,
    IoAllocateIrp,
    IoCallDriver,
    IoFreeIrp,
    IoGetNextIrpStackLocation,
    IoReuseIrp,
    IoSetCompletionRoutine,
    KeInitializeEvent,
    KernelMode,
    KeSetEvent,
    KeWaitForSingleObject,
    SynchronizationEvent,
)

DMA_BYTES = 64 * 1024

INTERRUPTS = "interrupts, driver and kernel"
CLOCKS = "clocks of such an interrupt"
STORE_INTERRUPTS = "interrupts, store driver"
STORE_CLOCKS = "clocks of such an interrupt, costs"
WRITTEN = "DMA bytes written, store driver"
READ = "DMA bytes read, store driver"
WRITE_SHARE = "data share of a DMA write"
READ_SHARE = "data share of a DMA read"


def _done(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    assert isinstance(context, KEVENT)
    KeSetEvent(context, IO_NO_INCREMENT, False)
    return STATUS_MORE_PROCESSING_REQUIRED


def interrupts(machine: Machine, device: DEVICE_OBJECT, count: int) -> tuple[float, float]:
    """(a second, clocks each) of requests that end by an interrupt: StartIo, ISR, DPC, completion, wake.

    The client is a kernel's: it uses one packet again and waits for its completion routine.
    """
    event = KEVENT()
    KeInitializeEvent(event, SynchronizationEvent, False)
    irp = IoAllocateIrp(device.stack_size, False)
    assert irp is not None
    clock, start = machine.target.now(), process_time()
    for _ in range(count):
        IoReuseIrp(irp, STATUS_SUCCESS)
        stack = IoGetNextIrpStackLocation(irp)
        stack.major_function = IRP_MJ_DEVICE_CONTROL
        stack.parameters.device_io_control.io_control_code = IOCTL_STORE_RAISE
        IoSetCompletionRoutine(irp, _done, event, True, True, True)
        IoCallDriver(device, irp)
        KeWaitForSingleObject(event, Executive, KernelMode, False, None)
    seconds = process_time() - start
    assert irp.io_status.status == STATUS_SUCCESS
    IoFreeIrp(irp)
    return count / seconds, (machine.target.now() - clock) / count


def dma(handle: Handle, rounds: int) -> dict[str, float]:
    """Make verified requests of 64 KiB: bytes per second in each direction, and the share of clocks that moved data."""
    handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", TransferMode.DMA))
    data = bytes(range(256)) * (DMA_BYTES // 256)
    start = process_time()
    for _ in range(rounds):
        handle.write(data)
    written = process_time() - start
    write = Statistics.unpack(handle.ioctl(IOCTL_STORE_GET_STATISTICS, b"", STATISTICS_BYTES))
    start = process_time()
    for _ in range(rounds):
        back = handle.read(DMA_BYTES)
    read = process_time() - start
    assert back == data
    reading = Statistics.unpack(handle.ioctl(IOCTL_STORE_GET_STATISTICS, b"", STATISTICS_BYTES))
    return {
        WRITTEN: rounds * DMA_BYTES / written,
        READ: rounds * DMA_BYTES / read,
        WRITE_SHARE: write.data_clocks / write.busy_clocks,
        READ_SHARE: reading.data_clocks / reading.busy_clocks,
    }


def _device(machine: Machine, driver: DriverModule) -> DEVICE_OBJECT:
    device = machine.load_driver(driver).device_object
    assert device is not None
    return device


def measure(name: str, scale: float, rounds: int) -> dict[str, float]:
    """Medians of the rounds.

    The interrupts for the comparison with a peer are those of a driver that does nothing else, on a kernel that charges
    no bus clocks for kernel calls. The interrupts of the store driver include the work of its watchdog, cancel routine
    and queue, and the usual costs.
    """
    figures: list[dict[str, float]] = []
    count = max(1, int(5000 * scale))
    for _ in range(rounds):
        with open_machine(name, costs=Costs.free()) as machine:
            rate, clocks = interrupts(machine, _device(machine, raiser), count)
        with open_machine(name) as machine:
            store_rate, store_clocks = interrupts(machine, _device(machine, store), count)
            with machine.open(r"\\.\Store0") as handle:
                moved = dma(handle, max(1, int(16 * scale)))
        figures.append(
            {INTERRUPTS: rate, CLOCKS: clocks, STORE_INTERRUPTS: store_rate, STORE_CLOCKS: store_clocks}
            | moved
        )
    return {key: median(round_[key] for round_ in figures) for key in figures[0]}
