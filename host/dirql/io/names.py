# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Names of devices for drivers: symbolic links, and finding a device by name (rows NAM-02, DEV-10)."""

from __future__ import annotations

from typing import Final

from dirql.io.objects import DeviceObject, FileObject
from dirql.io.services import open_device
from dirql.ke.current import current
from dirql.ke.guard import current_driver
from dirql.ke.processors.contract import contract
from dirql.nt.status import STATUS_SUCCESS
from dirql.ob.manager import running as object_manager
from dirql.ob.namespace import SymbolicLink
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = ["create_symbolic_link", "delete_symbolic_link", "get_device_object_pointer"]

_CREATE_SYMBOLIC_LINK: Final = contract("IoCreateSymbolicLink")
_DELETE_SYMBOLIC_LINK: Final = contract("IoDeleteSymbolicLink")
_GET_DEVICE_OBJECT_POINTER: Final = contract("IoGetDeviceObjectPointer")


def create_symbolic_link(symbolic_link_name: UnicodeText, device_name: UnicodeText) -> int:
    r"""Make `\DosDevices\X` lead to a device, which need not exist yet; follows IoCreateSymbolicLink."""
    _CREATE_SYMBOLIC_LINK.check_level(symbolic_link_name)
    _CREATE_SYMBOLIC_LINK.check_arguments(symbolic_link_name, device_name)
    link = SymbolicLink(unicode_text(device_name), current_driver())
    status = object_manager.value.namespace.insert(unicode_text(symbolic_link_name), link)
    current.dispatcher.preempt()  # programs can open the device by the link
    return status


def delete_symbolic_link(symbolic_link_name: UnicodeText) -> int:
    """Remove a link; follows IoDeleteSymbolicLink."""
    _DELETE_SYMBOLIC_LINK.check_level(symbolic_link_name)
    _DELETE_SYMBOLIC_LINK.check_arguments(symbolic_link_name)
    return object_manager.value.namespace.remove_link(unicode_text(symbolic_link_name))


def get_device_object_pointer(
    object_name: UnicodeText, desired_access: int
) -> tuple[int, FileObject | None, DeviceObject | None]:
    """Open a device by name: (status, file object, top device of its stack); follows IoGetDeviceObjectPointer.

    The file object keeps the device; the caller gives the file object back with ObDereferenceObject.
    """
    _GET_DEVICE_OBJECT_POINTER.check_level(object_name)
    _GET_DEVICE_OBJECT_POINTER.check_arguments(object_name, desired_access)
    status, handle = open_device(unicode_text(object_name), desired_access)
    if handle is None:
        return status, None, None
    manager = object_manager.value
    _, file = manager.handles.lookup(handle, FileObject)
    assert file is not None
    manager.take_reference(file)
    manager.close(handle)
    return STATUS_SUCCESS, file, file.device_object.top_of_stack()
