# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The filters that the registry names for a device, as INF files put them there (row PNP-23).

The values LowerFilters and UpperFilters name services. They stand in the hardware key of the device and in the key of
its setup class, `Control\Class\<class>`. A filter whose driver is not loaded is loaded now.
"""

from __future__ import annotations

from typing import Final

from dirql.cm.key import fold
from dirql.cm.registry import CONTROL_SET, running as registry
from dirql.cm.service_keys import SERVICES, read_service, texts_of
from dirql.io.loader import load_driver
from dirql.io.manager import running as io_manager
from dirql.io.objects import DriverObject
from dirql.nt.constants import SERVICE_DISABLED
from dirql.nt.status import STATUS_OBJECT_NAME_NOT_FOUND, STATUS_PLUGPLAY_NO_DEVICE
from dirql.pnp.device_keys import hardware_path, hardware_value
from dirql.pnp.driver_table import FilterPlace
from dirql.pnp.node import DeviceError, DeviceNode

__all__ = ["filters_of"]

_OF_DEVICE: Final = ((FilterPlace.LOWER, "LowerFilters"), (FilterPlace.UPPER, "UpperFilters"))
_OF_CLASS: Final = ((FilterPlace.LOWER_CLASS, "LowerFilters"), (FilterPlace.UPPER_CLASS, "UpperFilters"))


def filters_of(node: DeviceNode) -> dict[FilterPlace, list[DriverObject]]:
    """The drivers for each place, those further down first. Raises `DeviceError` if one cannot be loaded."""
    class_guid = node.class_guid or hardware_value(node, "ClassGUID")
    class_path = rf"{CONTROL_SET}\Control\Class\{class_guid}" if class_guid else ""
    found: dict[FilterPlace, list[DriverObject]] = {}
    for path, values in ((hardware_path(node), _OF_DEVICE), (class_path, _OF_CLASS)):
        key = registry.value.find(path) if path else None
        for place, value in values:
            names = () if key is None else texts_of(key, value)
            found[place] = [_driver(node, value, name) for name in names]
    return found


def _driver(node: DeviceNode, value: str, name: str) -> DriverObject:
    """The driver of a service."""
    loaded = {fold(service): driver for service, driver in io_manager.value.drivers.items()}
    if fold(name) in loaded:
        return loaded[fold(name)]
    key = registry.value.find(rf"{SERVICES}\{name}")
    find_image = io_manager.value.find_image
    status, driver = STATUS_OBJECT_NAME_NOT_FOUND, None
    if key is not None and read_service(key).start == SERVICE_DISABLED:
        status = STATUS_PLUGPLAY_NO_DEVICE
    elif key is not None and find_image is not None:
        entry = find_image(key.name)
        if entry is not None:
            status, driver = load_driver(entry, key.name)
    if driver is None:
        raise DeviceError(node.name, f"the load of the filter {name}, which {value} names,", status)
    return driver
