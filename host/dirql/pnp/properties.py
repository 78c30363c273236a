# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Properties of devices (IoGetDeviceProperty): what the bus driver and the manager know of a device, as bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

from dirql.io.objects import DeviceObject
from dirql.ke.processors.contract import contract
from dirql.nt.constants import (
    DevicePropertyAddress,
    DevicePropertyAllocatedResources,
    DevicePropertyBootConfiguration,
    DevicePropertyBootConfigurationTranslated,
    DevicePropertyBusNumber,
    DevicePropertyBusTypeGuid,
    DevicePropertyClassGuid,
    DevicePropertyClassName,
    DevicePropertyCompatibleIDs,
    DevicePropertyContainerID,
    DevicePropertyDeviceDescription,
    DevicePropertyDriverKeyName,
    DevicePropertyEnumeratorName,
    DevicePropertyFriendlyName,
    DevicePropertyHardwareID,
    DevicePropertyInstallState,
    DevicePropertyLegacyBusType,
    DevicePropertyLocationInformation,
    DevicePropertyManufacturer,
    DevicePropertyPhysicalDeviceObjectName,
    DevicePropertyRemovalPolicy,
    DevicePropertyResourceRequirements,
    DevicePropertyUINumber,
    InstallStateInstalled,
    InstallStateNeedsReinstall,
    RemovalPolicyExpectNoRemoval,
    RemovalPolicyExpectOrderlyRemoval,
    RemovalPolicyExpectSurpriseRemoval,
)
from dirql.nt.guid import Guid
from dirql.nt.plug_and_play import PnpBusInformation
from dirql.nt.resources import CmResourceList
from dirql.nt.status import (
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_PARAMETER_2,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_SUCCESS,
)
from dirql.pnp.device_keys import hardware_value
from dirql.pnp.node import DeviceNode
from dirql.pnp.physical_device import require_node
from dirql.pnp.resource_bytes import requirements_bytes, resource_list_bytes
from dirql.rtl.memory import write

__all__ = ["get_device_property"]

_GET: Final = contract("IoGetDeviceProperty")

_WIDE: Final = "utf-16-le"
_UNKNOWN: Final = 0xFFFF_FFFF


def get_device_property(
    device_object: DeviceObject, device_property: int, buffer_length: int, property_buffer: int | None
) -> tuple[int, int]:
    """Write a property of a device to a buffer: (status, bytes that the property has); follows IoGetDeviceProperty.

    STATUS_BUFFER_TOO_SMALL when the buffer has less room, STATUS_OBJECT_NAME_NOT_FOUND when the property is not known,
    STATUS_INVALID_PARAMETER_2 for a number that stands for no property. Bug check 0xCA/2 for a device object that is no
    physical one.
    """
    _GET.check(device_object)
    _GET.check_arguments(device_object, device_property, buffer_length, property_buffer)
    node = require_node("IoGetDeviceProperty", device_object)
    if property_buffer is not None and type(property_buffer) is not int:
        _GET.refuse_argument("PropertyBuffer", "an address, which is an integer", property_buffer)
    find = _PROPERTIES.get(device_property)
    if find is None:
        return STATUS_INVALID_PARAMETER_2, 0
    data = find(node)
    if data is None:
        return STATUS_OBJECT_NAME_NOT_FOUND, 0
    if buffer_length < len(data):
        return STATUS_BUFFER_TOO_SMALL, len(data)
    write(property_buffer, data)
    return STATUS_SUCCESS, len(data)


def _text(text: str) -> bytes | None:
    return f"{text}\0".encode(_WIDE) if text else None


def _texts(texts: Sequence[str]) -> bytes | None:
    return ("".join(f"{each}\0" for each in texts) + "\0").encode(_WIDE) if texts else None


def _number(value: int) -> bytes | None:
    return None if value == _UNKNOWN else struct.pack("<I", value & _UNKNOWN)


def _list(resources: CmResourceList | None) -> bytes | None:
    return None if resources is None else resource_list_bytes(resources)


def guid_bytes(guid: Guid) -> bytes:
    """A GUID as it lies in memory."""
    return struct.pack("<IHH", guid.data1, guid.data2, guid.data3) + guid.data4


def _of_bus(node: DeviceNode, find: Callable[[PnpBusInformation], bytes | None]) -> bytes | None:
    return None if node.bus_information is None else find(node.bus_information)


def _enumerator(node: DeviceNode) -> bytes | None:
    return _text(node.instance_path.partition("\\")[0])


def _removal_policy(node: DeviceNode) -> bytes | None:
    found = node.capabilities
    policy = RemovalPolicyExpectNoRemoval
    if found.removable:
        is_surprise = found.surprise_removal_ok
        policy = RemovalPolicyExpectSurpriseRemoval if is_surprise else RemovalPolicyExpectOrderlyRemoval
    return _number(policy)


def _install_state(node: DeviceNode) -> bytes | None:
    return _number(InstallStateNeedsReinstall if node.driver is None else InstallStateInstalled)


def _requirements(node: DeviceNode) -> bytes | None:
    return None if node.wanted is None else requirements_bytes(node.wanted)


def _value(name: str) -> Callable[[DeviceNode], bytes | None]:
    """The property that a value of the device's hardware key has, which on Windows an INF file writes."""
    return lambda node: _text(hardware_value(node, name))


_PROPERTIES: Final[dict[int, Callable[[DeviceNode], bytes | None]]] = {
    DevicePropertyDeviceDescription: lambda node: _text(node.description),
    DevicePropertyHardwareID: lambda node: _texts(node.hardware_ids),
    DevicePropertyCompatibleIDs: lambda node: _texts(node.compatible_ids),
    DevicePropertyBootConfiguration: lambda node: _list(node.boot_resources),
    DevicePropertyBootConfigurationTranslated: lambda node: _list(node.boot_resources),
    DevicePropertyClassName: _value("Class"),
    DevicePropertyClassGuid: lambda node: _text(node.class_guid),
    DevicePropertyDriverKeyName: _value("Driver"),
    DevicePropertyManufacturer: _value("Mfg"),
    DevicePropertyFriendlyName: _value("FriendlyName"),
    DevicePropertyLocationInformation: lambda node: _text(node.location),
    DevicePropertyPhysicalDeviceObjectName: lambda node: _text(node.physical_device_object.name),
    DevicePropertyBusTypeGuid: lambda node: _of_bus(node, lambda bus: guid_bytes(bus.bus_type_guid)),
    DevicePropertyLegacyBusType: lambda node: _of_bus(node, lambda bus: _number(bus.legacy_bus_type)),
    DevicePropertyBusNumber: lambda node: _of_bus(node, lambda bus: _number(bus.bus_number)),
    DevicePropertyEnumeratorName: _enumerator,
    DevicePropertyAddress: lambda node: _number(node.capabilities.address),
    DevicePropertyUINumber: lambda node: _number(node.capabilities.ui_number),
    DevicePropertyInstallState: _install_state,
    DevicePropertyRemovalPolicy: _removal_policy,
    DevicePropertyResourceRequirements: _requirements,
    DevicePropertyAllocatedResources: lambda node: _list(node.raw),
    DevicePropertyContainerID: _value("ContainerID"),
}
"""By property, the routine that finds it; None for a property that is not known."""
