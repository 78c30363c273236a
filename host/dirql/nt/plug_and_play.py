# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Structures that Plug and Play requests carry beside resources: capabilities, bus information, the bus interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dirql.nt.constants import PowerDeviceUnspecified, PowerSystemUnspecified
from dirql.nt.guid import Guid

__all__ = [
    "GUID_BUS_INTERFACE_STANDARD",
    "GUID_BUS_TYPE_1394",
    "GUID_BUS_TYPE_INTERNAL",
    "GUID_BUS_TYPE_ISAPNP",
    "GUID_BUS_TYPE_PCI",
    "GUID_BUS_TYPE_USB",
    "GUID_DEVICE_INTERFACE_ARRIVAL",
    "GUID_DEVICE_INTERFACE_REMOVAL",
    "GUID_HWPROFILE_CHANGE_CANCELLED",
    "GUID_HWPROFILE_CHANGE_COMPLETE",
    "GUID_HWPROFILE_QUERY_CHANGE",
    "GUID_PNP_CUSTOM_NOTIFICATION",
    "GUID_TARGET_DEVICE_QUERY_REMOVE",
    "GUID_TARGET_DEVICE_REMOVE_CANCELLED",
    "GUID_TARGET_DEVICE_REMOVE_COMPLETE",
    "BusInterfaceStandard",
    "DeviceCapabilities",
    "PnpBusInformation",
]

GUID_BUS_INTERFACE_STANDARD = Guid(0x496B8280, 0x6F25, 0x11D0, bytes.fromhex("BEAF08002BE2092F"))
GUID_BUS_TYPE_1394 = Guid(0xF74E73EB, 0x9AC5, 0x45EB, bytes.fromhex("BE4D772CC71DDFB3"))
GUID_BUS_TYPE_INTERNAL = Guid(0x1530EA73, 0x086B, 0x11D1, bytes.fromhex("A09F00C04FC340B1"))
GUID_BUS_TYPE_ISAPNP = Guid(0xE676F854, 0xD87D, 0x11D0, bytes.fromhex("92B200A0C9055FC5"))
GUID_BUS_TYPE_PCI = Guid(0xC8EBDFB0, 0xB510, 0x11D0, bytes.fromhex("80E500A0C92542E3"))
GUID_BUS_TYPE_USB = Guid(0x9D7DEBBC, 0xC85D, 0x11D1, bytes.fromhex("9EB4006008C3A19A"))
GUID_DEVICE_INTERFACE_ARRIVAL = Guid(0xCB3A4004, 0x46F0, 0x11D0, bytes.fromhex("B08F00609713053F"))
GUID_DEVICE_INTERFACE_REMOVAL = Guid(0xCB3A4005, 0x46F0, 0x11D0, bytes.fromhex("B08F00609713053F"))
GUID_HWPROFILE_CHANGE_CANCELLED = Guid(0xCB3A4002, 0x46F0, 0x11D0, bytes.fromhex("B08F00609713053F"))
GUID_HWPROFILE_CHANGE_COMPLETE = Guid(0xCB3A4003, 0x46F0, 0x11D0, bytes.fromhex("B08F00609713053F"))
GUID_HWPROFILE_QUERY_CHANGE = Guid(0xCB3A4001, 0x46F0, 0x11D0, bytes.fromhex("B08F00609713053F"))
GUID_PNP_CUSTOM_NOTIFICATION = Guid(0xACA73F8E, 0x8D23, 0x11D1, bytes.fromhex("AC7D0000F87571D0"))
GUID_TARGET_DEVICE_QUERY_REMOVE = Guid(0xCB3A4006, 0x46F0, 0x11D0, bytes.fromhex("B08F00609713053F"))
GUID_TARGET_DEVICE_REMOVE_CANCELLED = Guid(0xCB3A4007, 0x46F0, 0x11D0, bytes.fromhex("B08F00609713053F"))
GUID_TARGET_DEVICE_REMOVE_COMPLETE = Guid(0xCB3A4008, 0x46F0, 0x11D0, bytes.fromhex("B08F00609713053F"))

_UNKNOWN = 0xFFFF_FFFF
_SIZE = 64  # of the C structure on x64
_SYSTEM_STATES = 7


@dataclass(slots=True)
class DeviceCapabilities:
    """The abilities of a device (DEVICE_CAPABILITIES); the manager sends it with all fields unknown (row PNP-17)."""

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
    wake_from_d0: bool = False
    wake_from_d1: bool = False
    wake_from_d2: bool = False
    wake_from_d3: bool = False
    hardware_disabled: bool = False
    non_dynamic: bool = False
    warm_eject_supported: bool = False
    no_display_in_ui: bool = False
    address: int = _UNKNOWN
    ui_number: int = _UNKNOWN
    device_state: list[int] = field(default_factory=lambda: [PowerDeviceUnspecified] * _SYSTEM_STATES)
    """By SYSTEM_POWER_STATE, the highest-powered state that the device can have while the system is in it."""
    system_wake: int = PowerSystemUnspecified
    """The deepest SYSTEM_POWER_STATE from which the device can wake the system."""
    device_wake: int = PowerDeviceUnspecified
    """The deepest DEVICE_POWER_STATE from which the device can signal."""
    d1_latency: int = 0
    d2_latency: int = 0
    d3_latency: int = 0
    """The times of the way back to D0, in units of 100 microseconds."""


@dataclass(frozen=True, slots=True)
class PnpBusInformation:
    """The type and the number of a device's bus (PNP_BUS_INFORMATION)."""

    bus_type_guid: Guid
    legacy_bus_type: int
    bus_number: int


@dataclass(frozen=True, slots=True)
class BusInterfaceStandard:
    """Direct access to the configuration space of a device (BUS_INTERFACE_STANDARD), at IRQL <= DISPATCH_LEVEL.

    Each routine takes `context` first. `get_bus_data(context, data_type, offset, length)` returns the bytes that C puts
    into a buffer, `set_bus_data(context, data_type, buffer, offset, length)` the number of bytes written. The bus
    driver has called `interface_reference(context)` once for the receiver, who ends with `interface_dereference`.
    `translate_bus_address(context, bus_address, length, address_space)` returns whether the address is one of the bus,
    the address space and the physical address, and `get_dma_adapter(context, device_descriptor)` what IoGetDmaAdapter
    returns. A bus driver that has no such routine leaves None.
    """

    context: object
    interface_reference: Callable[[object], None]
    interface_dereference: Callable[[object], None]
    get_bus_data: Callable[[object, int, int, int], bytes]
    set_bus_data: Callable[[object, int, bytes, int, int], int]
    translate_bus_address: Callable[[object, int, int, int], tuple[bool, int, int]] | None = None
    get_dma_adapter: Callable[[object, object], tuple[object, int]] | None = None
    size: int = 0x40
    version: int = 1
