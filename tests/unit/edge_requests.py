# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Right arguments for the routines that make, queue and send requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dirql import wdm

__all__ = ["REQUEST_CALLS"]


class World(Protocol):
    """The parts of the world of a test that these routines need."""

    @property
    def device(self) -> wdm.DEVICE_OBJECT: ...

    @property
    def irp(self) -> wdm.IRP: ...

    @property
    def block(self) -> int: ...

    @property
    def event(self) -> wdm.KEVENT: ...

    @property
    def csq(self) -> wdm.IO_CSQ: ...

    @property
    def csq_ex(self) -> wdm.IO_CSQ: ...

    @property
    def context(self) -> wdm.IO_CSQ_IRP_CONTEXT: ...

    @property
    def handle(self) -> int: ...

    @property
    def user(self) -> int: ...


REQUEST_CALLS: dict[str, Callable[[World], tuple[object, ...]]] = {
    "IoFreeIrp": lambda _: (wdm.IoAllocateIrp(1, False),),
    "IoReuseIrp": lambda _: (wdm.IoAllocateIrp(1, False), 0),
    "IoInitializeIrp": lambda _: (wdm.IoAllocateIrp(1, False), wdm.IoSizeOfIrp(1), 1),
    "IoBuildAsynchronousFsdRequest": lambda w: (
        wdm.IRP_MJ_READ,
        w.device,
        w.block,
        16,
        0,
        wdm.IO_STATUS_BLOCK(),
    ),
    "IoBuildSynchronousFsdRequest": lambda w: (
        wdm.IRP_MJ_READ,
        w.device,
        w.block,
        16,
        0,
        w.event,
        wdm.IO_STATUS_BLOCK(),
    ),
    "IoBuildDeviceIoControlRequest": lambda w: (
        wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x800, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS),
        w.device,
        w.block,
        16,
        w.block,
        16,
        False,
        w.event,
        wdm.IO_STATUS_BLOCK(),
    ),
    "IoCsqInsertIrpEx": lambda w: (w.csq_ex, w.irp, None, None),
    "IoCsqRemoveIrp": lambda w: (w.csq, w.context),
    "IoStartPacket": lambda w: (w.device, w.irp, None, None),
    "IoInitializeRemoveLock": lambda _: (wdm.IO_REMOVE_LOCK(), "Edge", 0, 0),
    "CONTAINING_RECORD": lambda w: (
        w.irp.tail.overlay.device_queue_entry,
        wdm.IRP,
        "tail.overlay.device_queue_entry",
    ),
    "ZwReadFile": lambda w: (w.handle, None, None, None, wdm.IO_STATUS_BLOCK(), w.user, 16, 0, None),
    "ZwWriteFile": lambda w: (w.handle, None, None, None, wdm.IO_STATUS_BLOCK(), w.user, 16, 0, None),
    "ZwCancelIoFileEx": lambda w: (w.handle, None),
}
