# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The variables of the kernel that drivers in C can name, and what stands in them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from dirql.c.core.arena import Arena
from dirql.c.core.native_module import Native
from dirql.cm.objects import KeyObject
from dirql.io.objects import DeviceObject, DriverObject, FileObject
from dirql.ke.current import current
from dirql.ke.objects.event import Event
from dirql.ke.objects.semaphore import Semaphore
from dirql.ke.threads.thread import Thread
from dirql.mm.layout import HIGHEST_USER_ADDRESS, SYSTEM_RANGE_START, USER_PROBE_ADDRESS
from dirql.ob.manager import running as object_manager
from dirql.ob.process import KernelProcess
from dirql.rtl.version import BUILD_NUMBER

__all__ = ["fill_variables"]

_OBJECT_TYPES: Final[dict[str, type]] = {
    "CmKeyObjectType": KeyObject,
    "ExEventObjectType": Event,
    "ExSemaphoreObjectType": Semaphore,
    "IoDeviceObjectType": DeviceObject,
    "IoDriverObjectType": DriverObject,
    "IoFileObjectType": FileObject,
    "PsProcessType": KernelProcess,
    "PsThreadType": Thread,
}
"""The variables that point to the pointer to an object type, and the class that is the type in Python."""

_NUMBERS: Final = {
    "KdDebuggerEnabled": 0,
    "KdDebuggerNotPresent": 1,
    "NtGlobalFlag": 0,
    "MmHighestUserAddress": HIGHEST_USER_ADDRESS,
    "MmSystemRangeStart": SYSTEM_RANGE_START,
    "MmUserProbeAddress": USER_PROBE_ADDRESS,
}

_FREE_BUILD: Final = 0xF000_0000
"""The highest bits of NtBuildNumber in a free build of Windows."""
_CELL: Final = struct.Struct("<Q")


def fill_variables(native: Native, arena: Arena, address_of: Callable[[object], int]) -> None:
    """Give each variable its value for a machine; `address_of` tells the address by which C knows an object."""
    for name, value in _NUMBERS.items():
        native.write_bytes(native.symbol(0, name), _CELL.pack(value))
    for name, value in (
        ("KeNumberProcessors", len(current.kernel.processors)),
        ("NtBuildNumber", _FREE_BUILD | BUILD_NUMBER),
        ("PsInitialSystemProcess", address_of(object_manager.value.system_process)),
    ):
        native.write_bytes(native.symbol(0, name), _CELL.pack(value))
    for name in ("InitSafeBootMode", "KdComPortInUse"):
        native.write_bytes(native.symbol(0, name), _CELL.pack(arena.allocate(_CELL.size)))
    for name, kind in _OBJECT_TYPES.items():
        pointer = arena.allocate(_CELL.size)
        native.write_bytes(pointer, _CELL.pack(address_of(kind)))
        native.write_bytes(native.symbol(0, name), _CELL.pack(pointer))
