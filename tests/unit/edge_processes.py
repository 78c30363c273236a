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


def section() -> int:
    """A handle of a section of one page."""
    status, handle = wdm.ZwCreateSection(
        wdm.SECTION_ALL_ACCESS, None, wdm.PAGE_SIZE, wdm.PAGE_READWRITE, wdm.SEC_COMMIT, None
    )
    assert handle is not None, hex(status)
    return handle


def section_object() -> object:
    found = wdm.ObReferenceObjectByHandle(section(), 0, None, wdm.KernelMode)[1]
    assert found is not None
    return found


def view() -> int:
    """The address of a view of a section in the process of the program."""
    how = (wdm.ViewUnmap, 0, wdm.PAGE_READWRITE)
    _, base, _, _ = wdm.ZwMapViewOfSection(section(), OWN, None, 0, 0, None, 0, *how)
    assert base is not None
    return base


def system_view() -> int:
    base = wdm.MmMapViewInSystemSpace(section_object(), 0)[1]
    assert base is not None
    return base


def memory() -> int:
    """The base of a page of memory that is committed."""
    base = wdm.ZwAllocateVirtualMemory(OWN, None, 0, 1, wdm.MEM_COMMIT, wdm.PAGE_READWRITE)[1]
    assert base is not None
    return base


OWN = wdm.ZwCurrentProcess()
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
    "ZwCreateSection": lambda _: (0, None, 64, wdm.PAGE_READWRITE, wdm.SEC_COMMIT, None),
    "ZwMapViewOfSection": lambda _: (
        *(section(), OWN, None, 0, 0, None, 0, wdm.ViewUnmap, 0),
        wdm.PAGE_READWRITE,
    ),
    "ZwUnmapViewOfSection": lambda _: (OWN, view()),
    "MmMapViewInSystemSpace": lambda _: (section_object(), 0),
    "MmUnmapViewInSystemSpace": lambda _: (system_view(),),
    "ZwAllocateVirtualMemory": lambda _: (OWN, None, 0, 64, wdm.MEM_COMMIT, wdm.PAGE_READWRITE),
    "ZwFreeVirtualMemory": lambda _: (OWN, memory(), 0, wdm.MEM_RELEASE),
    "ZwFsControlFile": lambda w: (w.handle, None, None, None, wdm.IO_STATUS_BLOCK(), 0, None, 0, None, 0),
}
