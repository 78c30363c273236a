# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The poll of the store driver: what it does without interrupts, in a DPC that looks at the status register."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dirql.drivers.store.interface import TransferMode
from dirql.drivers.store.ownership import Outcome, attend, is_cancelled
from dirql.drivers.store.transfer import (
    ALL_ONES,
    POLL_PERIOD_100NS,
    POLL_STALL_MICROSECONDS,
    error_outcome,
    move_fifo,
    reset_device,
)
from dirql.registers import store as regs
from dirql.wdm import (
    READ_REGISTER_ULONG,
    STATUS_CANCELLED,
    STATUS_DEVICE_NOT_CONNECTED,
    STATUS_SUCCESS,
    KeInsertQueueDpc,
    KeQueryPerformanceCounter,
    KeSetTimer,
    KeStallExecutionProcessor,
)

if TYPE_CHECKING:
    from dirql.drivers.store.extension import StoreExtension
    from dirql.wdm import DEVICE_OBJECT, KDPC

__all__ = ["StorePollDpc"]

POLL_SLICE_MICROSECONDS = 50
"""After this long a DPC that polls ends and queues itself again: other DPCs get their turn."""
_POLLING = (TransferMode.POLLED, TransferMode.TIMER_POLLED)


def StorePollDpc(dpc: KDPC, device: DEVICE_OBJECT, argument1: object, argument2: object) -> None:
    """Look at the device without interrupts: for a slice of time, or once for each tick of the poll timer."""
    del argument1, argument2
    extension = device.device_extension
    irp = extension.request
    start, frequency = KeQueryPerformanceCounter()
    slice_ticks = POLL_SLICE_MICROSECONDS * frequency // 1_000_000
    while attend(device, irp, _poll) and extension.request is irp:
        if extension.request_mode is TransferMode.TIMER_POLLED:
            KeSetTimer(extension.poll_timer, -POLL_PERIOD_100NS, extension.poll_dpc)
            return
        if extension.request_mode is not TransferMode.POLLED:
            return
        if KeQueryPerformanceCounter()[0] - start > slice_ticks:
            KeInsertQueueDpc(dpc, None, None)
            return
        KeStallExecutionProcessor(POLL_STALL_MICROSECONDS)


def _poll(extension: StoreExtension, argument: int) -> Outcome | None:
    """One look, if the request is one that polls."""
    del argument
    if extension.request_mode not in _POLLING:
        return None
    if is_cancelled(extension):
        reset_device(extension)
        return Outcome(STATUS_CANCELLED, extension.moved)
    status = READ_REGISTER_ULONG(extension.registers + regs.STATUS.offset)
    if status == ALL_ONES:
        return Outcome(STATUS_DEVICE_NOT_CONNECTED, extension.moved)
    if status & regs.STATUS.ERROR:
        return error_outcome(extension)
    move_fifo(extension, status)
    if status & regs.STATUS.BUSY or extension.moved < extension.length:
        return None
    return Outcome(STATUS_SUCCESS, extension.length)
