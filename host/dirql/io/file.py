# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The life of a file object: IRP_MJ_CREATE, IRP_MJ_CLEANUP and IRP_MJ_CLOSE.

There is one file object for each successful open of a device. IRP_MJ_CLEANUP is sent when the last handle is closed,
IRP_MJ_CLOSE when the last reference is gone (row NAM-04). Each outstanding request holds a reference, so that
IRP_MJ_CLOSE comes after all of them.
"""

from __future__ import annotations

from dirql.io.device import close_device
from dirql.io.manager import running as io_manager
from dirql.io.objects import FileObject, Irp
from dirql.io.request import send_and_wait
from dirql.io.status_block import IoStatusBlock
from dirql.ke.processors.irql import current_irql
from dirql.ke.threads.kernel_call import is_program
from dirql.nt.constants import (
    FO_CLEANUP_COMPLETE,
    FO_HANDLE_CREATED,
    IRP_MJ_CLEANUP,
    IRP_MJ_CLOSE,
    IRP_MJ_CREATE,
    PASSIVE_LEVEL,
    KernelMode,
    UserMode,
)
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES

__all__ = ["OpenFile"]


class OpenFile(FileObject):
    """A file object that tells the drivers of its device when it is opened and closed."""

    __slots__ = ()

    def create(
        self, desired_access: int, options: int, file_attributes: int = 0, share_access: int = 0
    ) -> IoStatusBlock:
        """Send IRP_MJ_CREATE, whose result decides whether the file is open; returns that result. PASSIVE_LEVEL."""
        self.device_object.reference_count += 1
        irp = self._packet(IRP_MJ_CREATE)
        if irp is None:
            result = IoStatusBlock(STATUS_INSUFFICIENT_RESOURCES)
        else:
            create = irp.get_next_stack_location().parameters.create
            create.security_context.desired_access = desired_access
            create.security_context.full_create_options = create.options = options
            create.file_attributes, create.share_access = file_attributes, share_access
            mode = UserMode if is_program() else KernelMode
            result = send_and_wait(self.device_object.top_of_stack(), irp, mode)
        if nt_success(result.status):
            self.opened = True
            self.flags |= FO_HANDLE_CREATED
            io_manager.value.open_files[self] = None
        else:
            close_device(self.device_object)
        return result

    def last_handle_closed(self) -> None:
        """Send IRP_MJ_CLEANUP, upon which the drivers complete the outstanding requests of this file."""
        self.flags |= FO_CLEANUP_COMPLETE
        if self.opened:
            self._send(IRP_MJ_CLEANUP)

    def last_reference_dropped(self) -> None:
        """Send IRP_MJ_CLOSE, from the system worker thread if this is not PASSIVE_LEVEL.

        The last reference often goes with the last request, which a DPC completes at DISPATCH_LEVEL. Drivers may count
        on PASSIVE_LEVEL in their dispatch routine for IRP_MJ_CLOSE.
        """
        if not self.opened:
            return
        self.opened = False
        if current_irql() == PASSIVE_LEVEL:
            self._close()
        else:
            io_manager.value.worker.queue(self._close)

    def _close(self) -> None:
        del io_manager.value.open_files[self]
        self._send(IRP_MJ_CLOSE)
        close_device(self.device_object)

    def _send(self, major_function: int) -> None:
        """Send a request without parameters to the drivers of the file's device and wait. PASSIVE_LEVEL."""
        irp = self._packet(major_function)
        if irp is not None:
            send_and_wait(self.device_object.top_of_stack(), irp)

    def _packet(self, major_function: int) -> Irp | None:
        irp = io_manager.value.take_irp(self.device_object.top_of_stack().stack_size)
        if irp is None:
            return None
        stack = irp.get_next_stack_location()
        stack.major_function = major_function
        stack.file_object = self
        irp.tail.overlay.original_file_object = self
        return irp
