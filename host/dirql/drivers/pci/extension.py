# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The two device extensions of the PCI bus driver: one for a bus, one for each function on it."""

from __future__ import annotations

from dirql.drivers.pci.function import PciFunction
from dirql.wdm import CM_RESOURCE_LIST, DEVICE_OBJECT, POWER_SEQUENCE, PowerDeviceD0

__all__ = ["BusExtension", "FunctionExtension"]


class BusExtension:
    """One PCI bus, the extension of a functional device object."""

    def __init__(self) -> None:
        self.physical_device_object: DEVICE_OBJECT
        self.lower_device_object: DEVICE_OBJECT
        self.bus_number = 0
        """The number of the bus, known when the bus has started."""
        self.functions: list[DEVICE_OBJECT] = []
        """The physical device objects of the functions that were reported last."""


class FunctionExtension:
    """One function of a PCI bus, the extension of a physical device object."""

    def __init__(self) -> None:
        self.function: PciFunction
        self.is_missing = False
        """The function is no longer on the bus, and was not reported any more."""
        self.resources: CM_RESOURCE_LIST | None = None
        """The raw resources that the function is programmed with, None while it is switched off."""
        self.rom: bytes | None = None
        """The images of the expansion ROM, None until the function is started for the first time."""
        self.sequence = POWER_SEQUENCE()
        """The numbers of times that the function has been in each low state, for IRP_MN_POWER_SEQUENCE."""
        self.power_state: int = PowerDeviceD0
        """The DEVICE_POWER_STATE of the function, as far as the driver knows: it has no registers for it."""
