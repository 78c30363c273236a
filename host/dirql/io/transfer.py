# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""How a program's buffers reach a driver: buffered, direct or neither (rows BUF-01 … BUF-08, HIO-04).

Reads and writes go by the flags of the device on top of the stack, control codes by their two low bits. What is
allocated here on the way down is given back in `return_buffers` on the way up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dirql.io import current
from dirql.mm import memory
from dirql.mm.allocation import allocate_pool2, free_pool_with_tag, pool_tag
from dirql.mm.layout import SYSTEM_RANGE_START
from dirql.mm.mdl import Mdl
from dirql.nt.constants import (
    DO_BUFFERED_IO,
    DO_DIRECT_IO,
    IRP_BUFFERED_IO,
    IRP_DEALLOCATE_BUFFER,
    IRP_INPUT_OPERATION,
    MDL_PAGES_LOCKED,
    METHOD_BUFFERED,
    METHOD_NEITHER,
    METHOD_OUT_DIRECT,
    POOL_FLAG_NON_PAGED,
    POOL_FLAG_UNINITIALIZED,
    IoReadAccess,
    IoWriteAccess,
)
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, StatusException, nt_error

if TYPE_CHECKING:
    from dirql.io.irp import Irp
    from dirql.mm.process import Process

__all__ = [
    "attach_control_buffers",
    "attach_read_buffer",
    "attach_write_buffer",
    "free_mdls",
    "return_buffers",
]

_TAG = pool_tag("IoSB")
_SYSTEM_BUFFER = IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER


def attach_read_buffer(irp: Irp, device_flags: int, address: int, length: int) -> None:
    """Give a read its buffer; raises StatusException when the caller's address is bad or memory is short."""
    irp.user_buffer = address
    if length == 0:
        return
    if device_flags & DO_BUFFERED_IO:
        irp.associated_irp.system_buffer = _system_buffer(length)
        irp.flags |= _SYSTEM_BUFFER | IRP_INPUT_OPERATION
    elif device_flags & DO_DIRECT_IO:
        _lock(irp, address, length, IoWriteAccess)


def attach_write_buffer(irp: Irp, device_flags: int, address: int, length: int) -> None:
    """Give a write its data; raises as `attach_read_buffer` does."""
    irp.user_buffer = address
    if length == 0:
        return
    if device_flags & DO_BUFFERED_IO:
        _copy_in(irp, _system_buffer(length), address, length)
    elif device_flags & DO_DIRECT_IO:
        _lock(irp, address, length, IoReadAccess)


def attach_control_buffers(
    irp: Irp, method: int, source: int | None, source_length: int, target: int | None, target_length: int
) -> None:
    """Give a control request its input and output by its method; raises as `attach_read_buffer` does."""
    irp.user_buffer = target
    if method == METHOD_NEITHER:
        return
    length = max(source_length, target_length) if method == METHOD_BUFFERED else source_length
    if length:
        _copy_in(irp, _system_buffer(length), source or 0, source_length)
    if method == METHOD_BUFFERED:
        irp.flags |= IRP_INPUT_OPERATION if target_length else 0
    elif target_length:
        _lock(irp, target or 0, target_length, IoWriteAccess if method == METHOD_OUT_DIRECT else IoReadAccess)


def return_buffers(irp: Irp, process: Process, output_length: int) -> None:
    """Copy output back where the request succeeded, and free what the system lent to it."""
    buffer = irp.associated_irp.system_buffer
    if irp.flags & IRP_BUFFERED_IO and buffer is not None:
        if irp.flags & IRP_INPUT_OPERATION and not nt_error(irp.io_status.status):
            _copy_out(irp, process, buffer, output_length)
        free_pool_with_tag(buffer, _TAG)
    if irp.mdl_address is not None:
        free_mdls(irp)


def free_mdls(irp: Irp) -> None:
    """Unlock and free the MDL chain of a request that is over."""
    mdl = irp.mdl_address
    irp.mdl_address = None
    while mdl is not None:
        following = mdl.next
        if mdl.mdl_flags & MDL_PAGES_LOCKED:
            mdl.unlock_pages()
        mdl.free()
        mdl = following


def _system_buffer(length: int) -> int:
    address = allocate_pool2(POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED, length, _TAG)
    if address is None:
        raise StatusException(STATUS_INSUFFICIENT_RESOURCES)
    return address


def _copy_in(irp: Irp, buffer: int, address: int, length: int) -> None:
    """Fill a system buffer from the caller's; a bad address takes the buffer back."""
    irp.associated_irp.system_buffer = buffer
    irp.flags |= _SYSTEM_BUFFER
    memory.copy(buffer, address, length)


def _lock(irp: Irp, address: int, length: int, operation: int) -> None:
    mdl = Mdl.allocate(address, length)
    if mdl is None:
        raise StatusException(STATUS_INSUFFICIENT_RESOURCES)
    try:
        mdl.probe_and_lock_pages(irp.requestor_mode, operation)
    except StatusException:
        mdl.free()
        raise
    irp.mdl_address = mdl


def _copy_out(irp: Irp, process: Process, buffer: int, output_length: int) -> None:
    """Exactly Information bytes go back, never more than the caller's buffer holds (row BUF-08)."""
    length = irp.io_status.information
    if length > output_length:
        hook = current.manager.hooks.defect_found
        if hook is not None:
            what = f"{irp!r} returned {length} bytes of output for a buffer of {output_length}; the rest was dropped"
            hook("BUF-08", what)
        length = output_length
    target = irp.user_buffer
    if length <= 0 or target is None:
        return
    if target >= SYSTEM_RANGE_START:
        memory.copy(target, buffer, length)
    else:
        # NT does this in an APC of the calling thread, where pages may be brought in whatever the level was at which
        # the request was completed; `Process.write` does the same.
        process.write(target, memory.read(buffer, length))
