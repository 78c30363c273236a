# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Right arguments for the routines of processes, sections and security."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dirql import wdm

__all__ = ["PROCESS_CALLS", "PROCESS_POINTERS"]


class World(Protocol):
    """The parts of the world of a test that these routines need."""

    @property
    def block(self) -> int: ...

    @property
    def driver(self) -> wdm.DRIVER_OBJECT: ...

    @property
    def handle(self) -> int: ...


def attached(_: World) -> wdm.KAPC_STATE:
    """The state of an attachment to the system process."""
    state = wdm.KAPC_STATE()
    process = wdm.PsLookupProcessByProcessId(4)[1]
    assert process is not None
    wdm.KeStackAttachProcess(process, state)
    return state


PROCESS_POINTERS: dict[str, Callable[[World], object]] = {
    "PRKPROCESS": lambda _: wdm.PsGetCurrentProcess(),
    "PRKAPC_STATE": lambda _: wdm.KAPC_STATE(),
}
PROCESS_CALLS: dict[str, Callable[[World], tuple[object, ...]]] = {
    "KeUnstackDetachProcess": lambda w: (attached(w),),
    "ObReferenceObjectByName": lambda w: (w.driver.driver_name, 0, None, 0, None, wdm.KernelMode, None),
    "ZwOpenProcess": lambda _: (0, wdm.OBJECT_ATTRIBUTES(None), wdm.CLIENT_ID(4, 0)),
    "ZwQueryInformationProcess": lambda w: (
        wdm.ZwCurrentProcess(),
        wdm.ProcessBasicInformation,
        w.block,
        0x30,
    ),
    "ZwFsControlFile": lambda w: (w.handle, None, None, None, wdm.IO_STATUS_BLOCK(), 0, None, 0, None, 0),
}
