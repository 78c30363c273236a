# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What Plug and Play requests carry beside resources: capabilities, relations, interfaces, bus information."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dirql.io.device import DeviceObject
from dirql.nt.constants import PCIBus, PowerDeviceUnspecified

__all__ = [
    "GUID_BUS_INTERFACE_STANDARD",
    "GUID_BUS_TYPE_PCI",
    "BusInterfaceStandard",
    "DeviceCapabilities",
    "DeviceRelations",
    "PnpBusInformation",
]

GUID_BUS_INTERFACE_STANDARD = "{496B8280-6F25-11D0-BEAF-08002BE2092F}"
GUID_BUS_TYPE_PCI = "{C8EBDFB0-B510-11D0-80E5-00A0C92542E3}"

_UNKNOWN = 0xFFFF_FFFF
_SIZE = 64  # of the C structure on x64
_SYSTEM_STATES = 7


@dataclass(slots=True)
class DeviceCapabilities:
    """What a device can do (DEVICE_CAPABILITIES), as the manager sends it: all unknown (row PNP-17)."""

    size: int = _SIZE
    version: int = 1
    device_d1: bool = False
    device_d2: bool = False
    lock_supported: bool = False
    eject_supported: bool = False
    removable: bool = False
    dock_device: bool = False
    unique_id: bool = False
    silent_install: bool = False
    raw_device_ok: bool = False
    surprise_removal_ok: bool = False
    address: int = _UNKNOWN
    ui_number: int = _UNKNOWN
    device_state: list[int] = field(default_factory=lambda: [PowerDeviceUnspecified] * _SYSTEM_STATES)


@dataclass(frozen=True, slots=True)
class DeviceRelations:
    """Devices that one device names (DEVICE_RELATIONS); each is referenced for the receiver."""

    objects: tuple[DeviceObject, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.objects)


@dataclass(frozen=True, slots=True)
class PnpBusInformation:
    """Which bus a device is on (PNP_BUS_INFORMATION)."""

    bus_type_guid: str = GUID_BUS_TYPE_PCI
    legacy_bus_type: int = PCIBus
    bus_number: int = 0


@dataclass(frozen=True, slots=True)
class BusInterfaceStandard:
    """Direct access to a device's configuration space (BUS_INTERFACE_STANDARD).

    `get_bus_data(context, data_type, offset, length) -> bytes` and `set_bus_data(context, data_type, data, offset) ->
    bytes written`, at any level up to DISPATCH_LEVEL.
    """

    context: object
    get_bus_data: Callable[[object, int, int, int], bytes]
    set_bus_data: Callable[[object, int, bytes, int], int]
    size: int = 0x40
    version: int = 1
