# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The ways of a caller's buffers to a driver: buffered, direct or neither (rows BUF-01 … BUF-08, HIO-04).

The flags of the device on top of the stack decide for reads and writes, the two low bits of the control code for
control requests. `attach_…` allocates a system buffer or an MDL on the way down, `return_buffers` frees it on the way
up.
"""

from __future__ import annotations

from dirql.io.manager import running as io_manager
from dirql.io.objects import Irp
from dirql.mm import memory
from dirql.mm.allocation import allocate_pool2, free_pool_with_tag, pool_tag
from dirql.mm.layout import SYSTEM_RANGE_START
from dirql.mm.mdl import Mdl
from dirql.mm.process import Process
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
from dirql.nt.ntstatus import StatusException, nt_error
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES

__all__ = [
    "allocate_mdl",
    "attach_control_buffers",
    "attach_read_buffer",
    "attach_write_buffer",
    "return_buffers",
]

_TAG = pool_tag("IoSB")
_SYSTEM_BUFFER = IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER


def allocate_mdl(
    virtual_address: int, length: int, secondary_buffer: bool, charge_quota: bool, irp: Irp | None
) -> Mdl | None:
    """Make an MDL for a buffer of `length` bytes and hang it on `irp`, if there is one; follows IoAllocateMdl.

    With `secondary_buffer` it goes to the end of the chain, else it becomes `irp.mdl_address` (rows MDL-01, MDL-02).
    `charge_quota` is accepted and not used.
    """
    del charge_quota
    mdl = Mdl.allocate(virtual_address, length)
    if mdl is None or irp is None:
        return mdl
    last = irp.mdl_address
    if not secondary_buffer or last is None:
        irp.mdl_address = mdl
        return mdl
    while last.next is not None:
        last = last.next
    last.next = mdl
    return mdl


def attach_read_buffer(irp: Irp, device_flags: int, address: int, length: int) -> None:
    """Give a read its buffer; raises `StatusException` when the caller's address is bad or memory is short."""
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
    """Copy output to the caller if the request succeeded, and free the system buffer and the MDLs of the request."""
    if irp.flags & IRP_BUFFERED_IO:
        _return_system_buffer(irp, process, output_length)
    if irp.mdl_address is not None:
        _free_mdls(irp)


def _return_system_buffer(irp: Irp, process: Process, output_length: int) -> None:
    buffer = irp.associated_irp.system_buffer
    if buffer is None:
        return
    if irp.flags & IRP_INPUT_OPERATION and not nt_error(irp.io_status.status):
        _copy_out(irp, process, buffer, output_length)
    free_pool_with_tag(buffer, _TAG)


def _free_mdls(irp: Irp) -> None:
    """Unlock and free the MDL chain of a request that its drivers have completed."""
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
    """Fill a system buffer from the caller's buffer. After a bad address `return_buffers` frees the system buffer."""
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
    """Copy exactly Information bytes, but never more than the caller's buffer holds (row BUF-08)."""
    length = irp.io_status.information
    if length > output_length:
        hook = io_manager.value.hooks.defect_found
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
        # NT copies in an APC of the calling thread, which may page memory in even if the request was completed at
        # DISPATCH_LEVEL. `Process.write` does the same.
        process.write(target, memory.read(buffer, length))
