# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Names of devices for drivers: symbolic links, and finding a device by name (rows NAM-02, DEV-10)."""

from __future__ import annotations

from typing import Final

from dirql.io.device import attach_device_to_device_stack_safe
from dirql.io.objects import DeviceObject, FileObject
from dirql.io.opening import open_device
from dirql.ke.current import current
from dirql.ke.guard import current_driver
from dirql.ke.processors.contract import contract
from dirql.nt.constants import FILE_READ_ATTRIBUTES
from dirql.nt.status import STATUS_SUCCESS
from dirql.ob.manager import running as object_manager
from dirql.ob.namespace import SymbolicLink
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = [
    "attach_device",
    "attach_device_by_pointer",
    "create_symbolic_link",
    "create_unprotected_symbolic_link",
    "delete_symbolic_link",
    "get_device_object_pointer",
    "get_related_device_object",
]

_CREATE_SYMBOLIC_LINK: Final = contract("IoCreateSymbolicLink")
_CREATE_UNPROTECTED: Final = contract("IoCreateUnprotectedSymbolicLink")
_ATTACH_DEVICE: Final = contract("IoAttachDevice")
_ATTACH_BY_POINTER: Final = contract("IoAttachDeviceByPointer")
_GET_RELATED: Final = contract("IoGetRelatedDeviceObject")
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


def create_unprotected_symbolic_link(symbolic_link_name: UnicodeText, device_name: UnicodeText) -> int:
    """Make a link that anybody may change; follows IoCreateUnprotectedSymbolicLink. Nothing is protected here."""
    _CREATE_UNPROTECTED.check_level(symbolic_link_name)
    _CREATE_UNPROTECTED.check_arguments(symbolic_link_name, device_name)
    link = SymbolicLink(unicode_text(device_name), current_driver())
    status = object_manager.value.namespace.insert(unicode_text(symbolic_link_name), link)
    current.dispatcher.preempt()  # programs can open the device by the link
    return status


def attach_device(source_device: DeviceObject, target_device: UnicodeText) -> tuple[int, DeviceObject | None]:
    """Put a device on top of the stack of the device with a name: (status, device below); follows IoAttachDevice.

    The target is opened for the time of the call, so that it gets IRP_MJ_CREATE, IRP_MJ_CLEANUP and IRP_MJ_CLOSE.
    """
    _ATTACH_DEVICE.check(source_device)
    _ATTACH_DEVICE.check_arguments(source_device, target_device)
    status, handle = open_device(unicode_text(target_device), FILE_READ_ATTRIBUTES)
    if handle is None:
        return status, None
    _, file = object_manager.value.handles.lookup(handle, FileObject)
    assert file is not None
    status, below = attach_device_to_device_stack_safe(source_device, file.device_object)
    object_manager.value.close(handle)
    return status, below


def attach_device_by_pointer(source_device: DeviceObject, target_device: DeviceObject) -> int:
    """Put a device on top of the stack of another; follows IoAttachDeviceByPointer, which is obsolete."""
    _ATTACH_BY_POINTER.check_two(source_device, target_device)
    return attach_device_to_device_stack_safe(source_device, target_device)[0]


def get_related_device_object(file_object: FileObject) -> DeviceObject:
    """The device to which requests for a file are sent; follows IoGetRelatedDeviceObject."""
    _GET_RELATED.check(file_object)
    return file_object.device_object.top_of_stack()


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
