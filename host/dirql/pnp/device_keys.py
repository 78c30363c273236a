# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The registry keys of devices and of device interfaces (row REG-16).

The hardware key of a device is `Enum\<instance path>` of the current control set, with the driver's part in `Device
Parameters`. The software key is `Control\Class\<class>\<number>`; the value Driver of the hardware key says which. The
devices that a driver has are listed in the subkey Enum of its service, which is forgotten at the end (row REG-12).
"""

from __future__ import annotations

from typing import Final

from dirql.cm.key import Key, units
from dirql.cm.objects import open_key_object
from dirql.cm.registry import CONTROL_SET, Registry, running as registry
from dirql.cm.service_keys import SERVICES, text_of_value
from dirql.io.objects import DeviceObject, DriverObject
from dirql.ke.processors.contract import contract
from dirql.nt.constants import (
    OBJ_KERNEL_HANDLE,
    PLUGPLAY_REGKEY_CURRENT_HWPROFILE,
    PLUGPLAY_REGKEY_DEVICE,
    PLUGPLAY_REGKEY_DRIVER,
    REG_DWORD,
    REG_SZ,
)
from dirql.nt.status import (
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER,
    STATUS_OBJECT_NAME_NOT_FOUND,
)
from dirql.pnp.interfaces import DeviceInterface
from dirql.pnp.node import DeviceNode, node_of
from dirql.pnp.tree import running as tree
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = [
    "hardware_path",
    "hardware_value",
    "note_devices",
    "open_device_interface_registry_key",
    "open_device_registry_key",
]

_OPEN_DEVICE: Final = contract("IoOpenDeviceRegistryKey")
_OPEN_INTERFACE: Final = contract("IoOpenDeviceInterfaceRegistryKey")

_PARAMETERS: Final = "Device Parameters"
_PROFILE: Final = CONTROL_SET + r"\Hardware Profiles\Current\System\CurrentControlSet"
_CLASSES: Final = CONTROL_SET + r"\Control\DeviceClasses"
_KINDS: Final = (PLUGPLAY_REGKEY_DEVICE, PLUGPLAY_REGKEY_DRIVER)


def open_device_registry_key(
    device_object: DeviceObject, dev_inst_key_type: int, desired_access: int
) -> tuple[int, int | None]:
    """Open a key for the settings of a device: (status, handle); follows IoOpenDeviceRegistryKey.

    PLUGPLAY_REGKEY_DEVICE means the hardware key's Device Parameters, PLUGPLAY_REGKEY_DRIVER the software key, and
    PLUGPLAY_REGKEY_CURRENT_HWPROFILE with one of them that of the hardware profile. A key that is not there is made.
    STATUS_INVALID_DEVICE_REQUEST for a device object that is no physical one, STATUS_OBJECT_NAME_NOT_FOUND for the
    software key of a device without a setup class.
    """
    _OPEN_DEVICE.check(device_object)
    _OPEN_DEVICE.check_arguments(device_object, dev_inst_key_type, desired_access)
    kind = dev_inst_key_type & ~PLUGPLAY_REGKEY_CURRENT_HWPROFILE
    if kind not in _KINDS:
        return STATUS_INVALID_PARAMETER, None
    node = node_of(device_object)
    if node is None:
        return STATUS_INVALID_DEVICE_REQUEST, None
    base = _PROFILE if dev_inst_key_type & PLUGPLAY_REGKEY_CURRENT_HWPROFILE else CONTROL_SET
    if kind == PLUGPLAY_REGKEY_DEVICE:
        path = rf"{base}\Enum\{node.instance_path}\{_PARAMETERS}"
    else:
        software = _software_key(registry.value, node)
        if not software:
            return STATUS_OBJECT_NAME_NOT_FOUND, None
        path = rf"{base}\Control\Class\{software}"
    return open_key_object(registry.value.ensure(path), desired_access, OBJ_KERNEL_HANDLE)


def open_device_interface_registry_key(
    symbolic_link_name: UnicodeText, desired_access: int
) -> tuple[int, int | None]:
    """Open a key for the settings of a device interface: (status, handle); follows IoOpenDeviceInterfaceRegistryKey.

    STATUS_OBJECT_NAME_NOT_FOUND for an interface that was never registered.
    """
    _OPEN_INTERFACE.check_level(symbolic_link_name)
    _OPEN_INTERFACE.check_arguments(symbolic_link_name, desired_access)
    interface = tree.value.interfaces.find(unicode_text(symbolic_link_name))
    if interface is None:
        return STATUS_OBJECT_NAME_NOT_FOUND, None
    key = registry.value.ensure(_interface_path(interface))
    return open_key_object(key, desired_access, OBJ_KERNEL_HANDLE)


def hardware_value(node: DeviceNode, name: str) -> str:
    """The text of a value in the hardware key of a device; "" without one."""
    key = registry.value.find(hardware_path(node))
    return "" if key is None else text_of_value(key, name)


def note_devices(driver: DriverObject) -> None:
    """Write the list of the devices that a driver has now, because one has come or gone."""
    keys = registry.value
    service = keys.find(rf"{SERVICES}\{driver.driver_extension.service_key_name}")
    if service is None:
        return
    paths = [node.instance_path for node in tree.value.root.descendants() if node.driver is driver]
    enum = service.subkey("Enum") or keys.create(service, "Enum", is_volatile=True)
    for value in enum.values():
        keys.delete_value(enum, value.name)
    for number, path in enumerate(paths):
        keys.set_value(enum, str(number), REG_SZ, units(path) + b"\0\0")
    for name in ("Count", "NextInstance"):
        keys.set_value(enum, name, REG_DWORD, len(paths).to_bytes(4, "little"))


def hardware_path(node: DeviceNode) -> str:
    """The path of the hardware key of a device."""
    return rf"{CONTROL_SET}\Enum\{node.instance_path}"


def _software_key(keys: Registry, node: DeviceNode) -> str:
    """The class and the number of a device's software key, which gets the next free number; "" without a class."""
    known = hardware_value(node, "Driver")
    if known or not node.class_guid:
        return known
    of_class = keys.ensure(rf"{CONTROL_SET}\Control\Class\{node.class_guid}")
    number = 0
    while of_class.subkey(f"{number:04}") is not None:
        number += 1
    made = rf"{node.class_guid}\{number:04}"
    hardware: Key = keys.ensure(hardware_path(node))
    keys.set_value(hardware, "Driver", REG_SZ, units(made) + b"\0\0")
    keys.set_value(hardware, "ClassGUID", REG_SZ, units(node.class_guid) + b"\0\0")
    return made


def _interface_path(interface: DeviceInterface) -> str:
    r"""The path of an interface's key: `\??\` is `##?#` in it, and the reference string stands behind a `#`."""
    link = "##?#" + interface.link_name.removeprefix("\\??\\")
    class_name = str(interface.interface_class).lower()
    return rf"{_CLASSES}\{class_name}\{link}\#{interface.reference}\{_PARAMETERS}"
