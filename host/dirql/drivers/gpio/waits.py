# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The requests that wait for pins: a cancel-safe queue."""

from __future__ import annotations

from dirql.drivers.gpio.interface import unpack_pins
from dirql.wdm import (
    FILE_OBJECT,
    IO_CSQ,
    IO_NO_INCREMENT,
    IO_REMOVE_LOCK,
    IRP,
    KSPIN_LOCK,
    STATUS_CANCELLED,
    IoCompleteRequest,
    IoCsqInitialize,
    IoCsqInsertIrp,
    IoCsqRemoveNextIrp,
    IoGetCurrentIrpStackLocation,
    IoReleaseRemoveLock,
    KeAcquireSpinLock,
    KeInitializeSpinLock,
    KeReleaseSpinLock,
    RtlReadMemory,
)

__all__ = ["Waits", "pins_of"]


def pins_of(irp: IRP) -> int:
    """The pins for which a request waits; its buffer has been checked when it came."""
    buffer = irp.associated_irp.system_buffer
    assert buffer is not None
    return unpack_pins(RtlReadMemory(buffer, 2))


class Waits:
    """The queue. Each request in it holds the remove lock, which is released when the request is completed."""

    def __init__(self, remove_lock: IO_REMOVE_LOCK) -> None:
        """Make a queue that has to be initialized before its use."""
        self._remove_lock = remove_lock
        self._lock = KSPIN_LOCK()
        self._irps: list[IRP] = []
        self._csq = IO_CSQ()

    def initialize(self) -> None:
        """Make the lock free, and name the routines of the queue to the system."""
        KeInitializeSpinLock(self._lock)
        IoCsqInitialize(
            self._csq,
            self._insert,
            self._remove,
            self._peek,
            self._acquire,
            self._release,
            self._complete_cancelled,
        )

    def put(self, irp: IRP) -> None:
        """Queue a request, which is pending from then on."""
        IoCsqInsertIrp(self._csq, irp, None)

    def take(self, wanted: int | FILE_OBJECT | None) -> IRP | None:
        """Take the oldest request that waits for one of these pins, or is of this file, or any request for None."""
        return IoCsqRemoveNextIrp(self._csq, wanted)

    def complete(self, irp: IRP, status: int, information: int = 0) -> None:
        """Complete a request that was taken from the queue."""
        irp.io_status.status = status
        irp.io_status.information = information
        IoReleaseRemoveLock(self._remove_lock, irp)
        IoCompleteRequest(irp, IO_NO_INCREMENT)

    def complete_all(self, status: int, file_object: FILE_OBJECT | None = None) -> None:
        """Complete all requests, or those of one file."""
        while irp := self.take(file_object):
            self.complete(irp, status)

    # The routines of the queue.

    def _insert(self, csq: IO_CSQ, irp: IRP) -> None:
        del csq
        self._irps.append(irp)

    def _remove(self, csq: IO_CSQ, irp: IRP) -> None:
        del csq
        self._irps.remove(irp)

    def _peek(self, csq: IO_CSQ, irp: IRP | None, wanted: object) -> IRP | None:
        del csq
        first = 0 if irp is None else self._irps.index(irp) + 1
        return next((each for each in self._irps[first:] if _matches(each, wanted)), None)

    def _acquire(self, csq: IO_CSQ) -> int:
        del csq
        return KeAcquireSpinLock(self._lock)

    def _release(self, csq: IO_CSQ, irql: int) -> None:
        del csq
        KeReleaseSpinLock(self._lock, irql)

    def _complete_cancelled(self, csq: IO_CSQ, irp: IRP) -> None:
        del csq
        self.complete(irp, STATUS_CANCELLED)


def _matches(irp: IRP, wanted: object) -> bool:
    if isinstance(wanted, int):
        return bool(pins_of(irp) & wanted)
    return wanted is None or IoGetCurrentIrpStackLocation(irp).file_object is wanted
