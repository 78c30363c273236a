# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Information that does not agree with the bytes that were written.

It covers bytes which nobody wrote: the program would take poison for data (row BUF-10). Or it leaves out bytes that
were moved, up to the end of the buffer (row BUF-11): the program would not know of them.

The end of such data is the poison that memory was filled with. Eight bytes of it are no accident, wherever they come
from: the program's buffer, the system buffer, pool, a common buffer or map registers. The filling of a request's own
buffer is known, so that four bytes of it are enough. Fewer bytes, as of a request for one byte, count together with
those of the device's requests before, if these ended with poison too.
"""

from __future__ import annotations

from typing import Final

from dirql.io.manager import running as io_manager
from dirql.io.objects import Irp
from dirql.ke.defects import report_defect
from dirql.mm.address_space import NOWHERE
from dirql.mm.layout import PAGE_OFFSET, SYSTEM_RANGE_START
from dirql.mm.manager import running as memory_manager
from dirql.mm.process import Process
from dirql.nt.constants import (
    IRP_BUFFERED_IO,
    IRP_INPUT_OPERATION,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_INTERNAL_DEVICE_CONTROL,
    IRP_MJ_READ,
    MDL_WRITE_OPERATION,
    PAGE_SHIFT,
)
from dirql.nt.status import STATUS_SUCCESS

__all__ = ["check_counted", "check_written"]

_OUTPUT: Final = (IRP_MJ_READ, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL)
"""The functions whose Information counts bytes for the program."""
_BUFFERED_OUTPUT: Final = IRP_BUFFERED_IO | IRP_INPUT_OPERATION
_SURE: Final = 8
"""As many bytes of poison are no accident."""
_SURE_OF_OWN: Final = 4
"""The same for the filling of the request's own buffer."""


def check_written(irp: Irp, process: Process, information: int) -> None:
    """Report a defect when the last of the `information` bytes that a program of `process` gets were not written.

    The request has succeeded, and the buffer has room for that many bytes.
    """
    top = irp.locations[irp.stack_count - 1]
    if top.major_function not in _OUTPUT or not process.is_poisoned:
        return
    mdl = irp.stored_mdl
    if mdl is not None and not mdl.mdl_flags & MDL_WRITE_OPERATION:
        return  # METHOD_IN_DIRECT: the second buffer is for input too
    manager = memory_manager.value
    # The system buffer of a direct request has the input.
    is_buffered = irp.stored_flags & _BUFFERED_OUTPUT == _BUFFERED_OUTPUT
    address = irp.associated_irp.stored_buffer if is_buffered else irp.stored_user_buffer
    if address is None:
        return
    last = address + information - 1
    space = manager.system if address >= SYSTEM_RANGE_START else process.address_space
    page = space.entries.get(last >> PAGE_SHIFT)
    if page is None or page.physical == NOWHERE:
        return
    offset = last & PAGE_OFFSET
    end = page.physical + offset + 1
    length = _SURE if offset >= _SURE - 1 and information >= _SURE else min(information, _SURE, offset + 1)
    tail = manager.ram[end - length : end].tobytes()
    poison = manager.poison
    if not poison.may_be(tail):
        if io_manager.value.unwritten:
            _count(irp, 0)
    elif length == _SURE and poison.is_poison(tail):
        _tell(irp, information, length)
    else:
        _check_short(irp, process, address, information, tail)


def check_counted(irp: Irp, process: Process, information: int, limit: int) -> None:
    """Report a defect when a read moved more bytes than its `information`, which is below the `limit`.

    That is told of a read that fills the buffer to its end, and of one without Information that fills its beginning.
    A device may fill the last unit that it moves, so that less than 8 bytes more are no mistake.
    """
    top = irp.locations[irp.stack_count - 1]
    if (
        top.major_function != IRP_MJ_READ
        or irp.io_status.nt_status != STATUS_SUCCESS
        or not process.is_poisoned
    ):
        return
    rest = limit - information
    if information and rest < _SURE:
        return
    is_buffered = irp.stored_flags & _BUFFERED_OUTPUT == _BUFFERED_OUTPUT
    address = irp.associated_irp.stored_buffer if is_buffered else irp.stored_user_buffer
    if address is None:
        return
    size = min(rest, _SURE)
    if _is_moved(process, address, information, size) and (
        not information or _is_moved(process, address, limit - size, size)
    ):
        report_defect(
            "BUF-11",
            f"Information must be the number of bytes that were moved to the program; {irp!r} was completed with"
            f" {information}, yet the bytes behind them were written too, in a buffer of {limit}: set Information to"
            " the bytes that were moved, since the program does not look at others",
        )


def _is_moved(process: Process, address: int, offset: int, size: int) -> bool:
    """Whether each of `size` bytes of a request's buffer is another than its filling."""
    manager = memory_manager.value
    place = _filling_of(process, address)
    first = address + offset
    space = manager.system if address >= SYSTEM_RANGE_START else process.address_space
    page = space.entries.get(first >> PAGE_SHIFT)
    if (
        place < 0
        or page is None
        or page.physical == NOWHERE
        or (first & PAGE_OFFSET) + size > PAGE_OFFSET + 1
    ):
        return False
    start = page.physical + (first & PAGE_OFFSET)
    return manager.poison.differs(place, offset, manager.ram[start : start + size].tobytes())


def _filling_of(process: Process, address: int) -> int:
    """The number of the filling of a request's buffer; -1 if it was not filled."""
    if address >= SYSTEM_RANGE_START:
        block = memory_manager.value.nonpaged_pool.blocks.get(address)
        return -1 if block is None else block.poison
    return process.poisoned.get(address, -1)


def _check_short(irp: Irp, process: Process, address: int, information: int, tail: bytes) -> None:
    """Compare the end of the data with the filling of the request's own buffer."""
    place = _filling_of(process, address)
    count = 0
    if place >= 0 and (address & PAGE_OFFSET) + information <= PAGE_OFFSET + 1:
        count = memory_manager.value.poison.equal(place, information - len(tail), tail)
    if _count(irp, count) >= _SURE_OF_OWN:
        _tell(irp, information, count)


def _count(irp: Irp, count: int) -> int:
    """Add to the bytes of poison at the ends of the device's latest requests; 0 ends the row of requests."""
    device = irp.locations[irp.stack_count - 1].device_object
    if device is None:
        return count
    latest = io_manager.value.unwritten
    together = count + latest.pop(device, 0) if count else 0
    if 0 < together < _SURE_OF_OWN:
        latest[device] = together
    elif not count:
        latest.pop(device, None)
    return together


def _tell(irp: Irp, information: int, count: int) -> None:
    last = "one was" if count == 1 else f"{count} were"
    report_defect(
        "BUF-10",
        f"Information must be the number of bytes that were written for the program; {irp!r} was completed with"
        f" {information}, of which at least the last {last} never written: set Information to the bytes that were"
        " moved, or write the rest",
    )
