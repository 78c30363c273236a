# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Names of devices for drivers: symbolic links, and finding a device by name (rows NAM-02, DEV-10)."""

from __future__ import annotations

from dirql.io.objects import DeviceObject, FileObject
from dirql.io.services import open_device
from dirql.ke.processors.contract import contract
from dirql.nt.status import STATUS_SUCCESS
from dirql.ob.manager import running as object_manager
from dirql.ob.namespace import SymbolicLink

__all__ = ["create_symbolic_link", "delete_symbolic_link", "get_device_object_pointer"]


@contract
def create_symbolic_link(symbolic_link_name: str, device_name: str) -> int:
    r"""Make `\DosDevices\X` lead to a device, which need not exist yet; follows IoCreateSymbolicLink."""
    return object_manager.value.namespace.insert(symbolic_link_name, SymbolicLink(device_name))


@contract
def delete_symbolic_link(symbolic_link_name: str) -> int:
    """Remove a link; follows IoDeleteSymbolicLink."""
    return object_manager.value.namespace.remove_link(symbolic_link_name)


@contract
def get_device_object_pointer(
    object_name: str, desired_access: int
) -> tuple[int, FileObject | None, DeviceObject | None]:
    """Open a device by name: (status, file object, top device of its stack); follows IoGetDeviceObjectPointer.

    The file object keeps the device; the caller gives the file object back with ObDereferenceObject.
    """
    status, handle = open_device(object_name, desired_access)
    if handle is None:
        return status, None, None
    manager = object_manager.value
    _, file = manager.handles.lookup(handle, FileObject)
    assert file is not None
    file.reference()
    manager.close(handle)
    return STATUS_SUCCESS, file, file.device_object.top_of_stack()
