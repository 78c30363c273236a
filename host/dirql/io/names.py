# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Names of devices for drivers: symbolic links, and finding a device by name (rows NAM-02, DEV-10)."""

from __future__ import annotations

from dirql.io import current, nt
from dirql.io.device import DeviceObject
from dirql.io.file import FileObject
from dirql.ke.processors.irql import contract
from dirql.nt.bugcodes import DDI_IRQL_IO_PASSIVE4, DDI_IRQL_ZW_PASSIVE, DRIVER_VERIFIER_DETECTED_VIOLATION
from dirql.nt.constants import PASSIVE_LEVEL
from dirql.nt.status import STATUS_SUCCESS
from dirql.ob.namespace import SymbolicLink

__all__ = [
    "create_directory_object",
    "create_symbolic_link",
    "delete_symbolic_link",
    "get_device_object_pointer",
    "make_temporary_object",
    "open_symbolic_link_object",
    "query_symbolic_link_object",
]


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_IO_PASSIVE4)
def create_symbolic_link(symbolic_link_name: str, device_name: str) -> int:
    r"""Make `\DosDevices\X` lead to a device, which need not exist yet; follows IoCreateSymbolicLink."""
    return current.manager.objects.namespace.insert(symbolic_link_name, SymbolicLink(device_name))


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_IO_PASSIVE4)
def delete_symbolic_link(symbolic_link_name: str) -> int:
    """Remove a link; follows IoDeleteSymbolicLink."""
    return current.manager.objects.namespace.remove_link(symbolic_link_name)


@contract(max_irql=PASSIVE_LEVEL)
def get_device_object_pointer(
    object_name: str, desired_access: int
) -> tuple[int, FileObject | None, DeviceObject | None]:
    """Open a device by name: (status, file object, top device of its stack); follows IoGetDeviceObjectPointer.

    The file object is referenced and keeps the device; the caller gives it back with ObDereferenceObject.
    """
    status, handle = nt.create_file(object_name, desired_access, 0)
    if handle is None:
        return status, None, None
    handles = current.manager.objects.handles
    _, file = handles.lookup(handle, FileObject)
    assert file is not None
    file.reference()
    nt.close_handle(handle)
    return STATUS_SUCCESS, file, file.device_object.top_of_stack()


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_ZW_PASSIVE)
def create_directory_object(name: str, permanent: bool) -> tuple[int, int | None]:
    """Make a directory: (status, handle); follows ZwCreateDirectoryObject with OBJ_PERMANENT or without it."""
    return current.manager.objects.create_directory(name, permanent=permanent)


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_ZW_PASSIVE)
def open_symbolic_link_object(name: str) -> tuple[int, int | None]:
    """Open a link itself: (status, handle); follows ZwOpenSymbolicLinkObject."""
    return current.manager.objects.open_symbolic_link(name)


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_ZW_PASSIVE)
def query_symbolic_link_object(handle: int) -> tuple[int, str | None]:
    """Where an open link leads: (status, path); follows ZwQuerySymbolicLinkObject."""
    return current.manager.objects.query_symbolic_link(handle)


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_ZW_PASSIVE)
def make_temporary_object(handle: int) -> int:
    """Let the object's name go with its last handle; follows ZwMakeTemporaryObject (row NAM-01)."""
    return current.manager.objects.make_temporary(handle)
