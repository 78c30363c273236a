# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The routines for device interfaces: drivers register, enable and find them (IoRegisterDeviceInterface and so on)."""

from __future__ import annotations

from typing import Final

from dirql.io.objects import DeviceObject
from dirql.ke.processors.contract import contract
from dirql.nt.constants import DEVICE_INTERFACE_INCLUDE_NONACTIVE
from dirql.nt.guid import Guid
from dirql.nt.status import (
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_SUCCESS,
)
from dirql.pnp.node import node_of
from dirql.pnp.tree import running
from dirql.rtl.allocation import allocate_buffer
from dirql.rtl.memory import write
from dirql.rtl.strings import UnicodeString, UnicodeText, unicode_text

__all__ = [
    "get_device_interface_alias",
    "get_device_interfaces",
    "register_device_interface",
    "set_device_interface_state",
]

_REGISTER: Final = contract("IoRegisterDeviceInterface")
_SET_STATE: Final = contract("IoSetDeviceInterfaceState")
_GET: Final = contract("IoGetDeviceInterfaces")
_ALIAS: Final = contract("IoGetDeviceInterfaceAlias")

_WIDE: Final = "utf-16-le"


def register_device_interface(
    physical_device_object: DeviceObject,
    interface_class_guid: Guid,
    reference_string: UnicodeText | None,
    symbolic_link_name: UnicodeString,
) -> int:
    r"""Register an interface of a device, which is disabled at first; follows IoRegisterDeviceInterface (row PNP-20).

    `symbolic_link_name` receives a new buffer with the name, which the driver frees with RtlFreeUnicodeString.
    STATUS_INVALID_DEVICE_REQUEST for a device object that is no physical one, and for a reference string with `\` or
    `/`.
    """
    _REGISTER.check_with(physical_device_object, interface_class_guid, symbolic_link_name)
    _REGISTER.check_arguments(
        physical_device_object, interface_class_guid, reference_string, symbolic_link_name
    )
    node = node_of(physical_device_object)
    reference = "" if reference_string is None else unicode_text(reference_string)
    if node is None or "\\" in reference or "/" in reference:
        return STATUS_INVALID_DEVICE_REQUEST
    interface = running.value.interfaces.register(node, interface_class_guid, reference)
    return _give(symbolic_link_name, interface.name)


def set_device_interface_state(symbolic_link_name: UnicodeText, enable: int) -> int:
    """Enable an interface, so that programs can open it, or disable it; follows IoSetDeviceInterfaceState.

    STATUS_OBJECT_NAME_EXISTS when it is enabled already, STATUS_OBJECT_NAME_NOT_FOUND when it is disabled already or
    was never registered.
    """
    _SET_STATE.check_level(symbolic_link_name)
    _SET_STATE.check_arguments(symbolic_link_name, enable)
    return running.value.interfaces.set_state(unicode_text(symbolic_link_name), enable=bool(enable))


def get_device_interfaces(
    interface_class_guid: Guid, physical_device_object: DeviceObject | None, flags: int
) -> tuple[int, int | None]:
    """The names of the enabled interfaces of a class: (status, address); follows IoGetDeviceInterfaces.

    At the address is a list of strings that ends with an empty one, in paged pool, which the driver frees. With
    DEVICE_INTERFACE_INCLUDE_NONACTIVE disabled interfaces are in it, too. `physical_device_object` limits the list to
    one device.
    """
    _GET.check_two(interface_class_guid, physical_device_object)
    _GET.check_arguments(interface_class_guid, physical_device_object, flags)
    table = running.value.interfaces
    everything = flags & DEVICE_INTERFACE_INCLUDE_NONACTIVE
    found = table.of_class(interface_class_guid) if everything else table.enabled(interface_class_guid)
    names = [
        each.name
        for each in found
        if physical_device_object is None or each.node.physical_device_object is physical_device_object
    ]
    data = ("".join(f"{name}\0" for name in names) + "\0").encode(_WIDE)
    address = allocate_buffer(len(data))
    if address is None:
        return STATUS_INSUFFICIENT_RESOURCES, None
    write(address, data)
    return STATUS_SUCCESS, address


def get_device_interface_alias(
    symbolic_link_name: UnicodeText, alias_interface_class_guid: Guid, alias_symbolic_link_name: UnicodeString
) -> int:
    """The interface of another class that the same device has with the same reference string.

    Follows IoGetDeviceInterfaceAlias. `alias_symbolic_link_name` receives a new buffer with the name.
    STATUS_OBJECT_NAME_NOT_FOUND if there is none.
    """
    _ALIAS.check_with(symbolic_link_name, alias_interface_class_guid, alias_symbolic_link_name)
    _ALIAS.check_arguments(symbolic_link_name, alias_interface_class_guid, alias_symbolic_link_name)
    name = unicode_text(symbolic_link_name)
    alias = running.value.interfaces.alias(name, alias_interface_class_guid)
    if alias is None:
        return STATUS_OBJECT_NAME_NOT_FOUND
    return _give(alias_symbolic_link_name, alias.name)


def _give(string: UnicodeString, text: str) -> int:
    """Let a string have a new buffer with a text and a NUL."""
    units = text.encode(_WIDE)
    buffer = allocate_buffer(len(units) + 2)
    if buffer is None:
        return STATUS_INSUFFICIENT_RESOURCES
    write(buffer, units + b"\0\0")
    string.set(len(units), len(units) + 2, buffer)
    return STATUS_SUCCESS
