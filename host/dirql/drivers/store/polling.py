# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Transfers without interrupts: a DPC reads the status register and moves the data."""

from __future__ import annotations

from dirql.drivers.store.device import (
    ALL_ONES,
    POLL_STALL_MICROSECONDS,
    error_outcome,
    move_fifo,
    reset_device,
)
from dirql.drivers.store.extension import StoreExtension, Transfer
from dirql.drivers.store.interface import TransferMode
from dirql.drivers.store.ownership import Outcome, StoreAcquireDevice, StoreReleaseDevice, is_cancelled
from dirql.registers import store as regs
from dirql.wdm import (
    DEVICE_OBJECT,
    KDPC,
    READ_REGISTER_ULONG,
    STATUS_CANCELLED,
    STATUS_DEVICE_NOT_CONNECTED,
    STATUS_SUCCESS,
    KeInsertQueueDpc,
    KeQueryPerformanceCounter,
    KeSetTimer,
    KeStallExecutionProcessor,
)

__all__ = ["POLL_PERIOD_100NS", "StorePollDpc"]

POLL_PERIOD_100NS = 200
POLL_SLICE_MICROSECONDS = 50
"""The time after which a DPC that polls ends and queues itself again, so that other DPCs get their turn."""
_POLLING = (TransferMode.POLLED, TransferMode.TIMER_POLLED)


def StorePollDpc(dpc: KDPC, device: DEVICE_OBJECT, argument1: object, argument2: object) -> None:
    """Poll the device for a slice of time, or once for each tick of the poll timer."""
    del argument1, argument2
    extension: StoreExtension = device.device_extension
    current = extension.transfer
    irp = current.irp if current is not None else None
    start, frequency = KeQueryPerformanceCounter()
    slice_ticks = POLL_SLICE_MICROSECONDS * frequency // 1_000_000
    while transfer := StoreAcquireDevice(extension, irp):
        StoreReleaseDevice(device, transfer, _poll(extension, transfer))
        if extension.transfer is not transfer or transfer.mode not in _POLLING:
            return
        if transfer.mode is TransferMode.TIMER_POLLED:
            KeSetTimer(extension.poll_timer, -POLL_PERIOD_100NS, extension.poll_dpc)
            return
        if KeQueryPerformanceCounter()[0] - start > slice_ticks:
            KeInsertQueueDpc(dpc, None, None)
            return
        KeStallExecutionProcessor(POLL_STALL_MICROSECONDS)


def _poll(extension: StoreExtension, transfer: Transfer) -> Outcome | None:
    """Poll the device once, if the mode of the request is one that polls."""
    if transfer.mode not in _POLLING:
        return None
    registers, fifo = transfer.hardware.registers, transfer.hardware.fifo
    if is_cancelled(transfer):
        reset_device(extension, registers, fifo)
        return Outcome(STATUS_CANCELLED, transfer.moved)
    status = READ_REGISTER_ULONG(registers.address + regs.STATUS.offset)
    if status == ALL_ONES:
        return Outcome(STATUS_DEVICE_NOT_CONNECTED, transfer.moved)
    if status & regs.STATUS.ERROR:
        return error_outcome(extension, transfer)
    move_fifo(transfer, status)
    if status & regs.STATUS.BUSY or transfer.moved < transfer.length:
        return None
    return Outcome(STATUS_SUCCESS, transfer.length)
