# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The thread and the process behind a request, whether somebody waits for it, and the request on top of a thread."""

from __future__ import annotations

from typing import Final

from dirql.io.objects import FileObject, Irp
from dirql.io.packet import refuse_use
from dirql.ke.current import current as ke
from dirql.ke.processors.contract import contract
from dirql.nt.constants import (
    FO_SYNCHRONOUS_IO,
    IRP_PAGING_IO,
    IRP_SYNCHRONOUS_API,
    IRP_SYNCHRONOUS_PAGING_IO,
)
from dirql.ob.manager import running as object_manager
from dirql.ob.process import KernelProcess

__all__ = [
    "get_requestor_process",
    "get_requestor_process_id",
    "get_top_level_irp",
    "is_operation_synchronous",
    "set_top_level_irp",
]

_REQUESTOR_PROCESS: Final = contract("IoGetRequestorProcess")
_REQUESTOR_PROCESS_ID: Final = contract("IoGetRequestorProcessId")
_IS_SYNCHRONOUS: Final = contract("IoIsOperationSynchronous")
_GET_TOP_LEVEL: Final = contract("IoGetTopLevelIrp")
_SET_TOP_LEVEL: Final = contract("IoSetTopLevelIrp")


def get_requestor_process(irp: Irp) -> KernelProcess | None:
    """The process of the thread that made a request, None if no thread did; follows IoGetRequestorProcess."""
    _REQUESTOR_PROCESS.check(irp)
    return _process_of(irp, "IoGetRequestorProcess")


def get_requestor_process_id(irp: Irp) -> int:
    """The number of that process, 0 if no thread made the request; follows IoGetRequestorProcessId."""
    _REQUESTOR_PROCESS_ID.check(irp)
    process = _process_of(irp, "IoGetRequestorProcessId")
    return 0 if process is None else process.number


def _process_of(irp: Irp, routine: str) -> KernelProcess | None:
    if not irp.type:
        refuse_use(irp, f"{routine} was called for it")
    thread = irp.tail.overlay.thread
    return None if thread is None else object_manager.value.process_of(thread)


def is_operation_synchronous(irp: Irp) -> bool:
    """Whether the I/O manager or the caller waits for a request; follows IoIsOperationSynchronous.

    So it is for a synchronous file, and for a request with IRP_SYNCHRONOUS_API; a paging request is synchronous only
    with IRP_SYNCHRONOUS_PAGING_IO.
    """
    _IS_SYNCHRONOUS.check(irp)
    if not irp.type:
        refuse_use(irp, "IoIsOperationSynchronous was called for it")
    flags = irp.stored_flags
    if flags & IRP_PAGING_IO:
        return bool(flags & IRP_SYNCHRONOUS_PAGING_IO)
    file = irp.tail.overlay.original_file_object
    waits = isinstance(file, FileObject) and file.flags & FO_SYNCHRONOUS_IO
    return bool(waits or flags & IRP_SYNCHRONOUS_API)


def get_top_level_irp() -> object:
    """The request that IoSetTopLevelIrp has set for the current thread, None at first; follows IoGetTopLevelIrp."""
    _GET_TOP_LEVEL.check_level(0)
    return ke.processor.current_thread.io.top_level_irp


def set_top_level_irp(irp: Irp | None) -> None:
    """Keep a request for the current thread, or None; follows IoSetTopLevelIrp."""
    _SET_TOP_LEVEL.check(irp)
    ke.processor.current_thread.io.top_level_irp = irp
