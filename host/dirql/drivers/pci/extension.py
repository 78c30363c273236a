# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The two device extensions of the PCI bus driver: one for a bus, one for each function on it."""

from __future__ import annotations

from dirql.drivers.pci.function import PciFunction
from dirql.wdm import CM_RESOURCE_LIST, DEVICE_OBJECT

__all__ = ["BusExtension", "FunctionExtension"]


class BusExtension:
    """One PCI bus, the extension of a functional device object."""

    def __init__(self) -> None:
        self.lower_device_object: DEVICE_OBJECT
        self.bus_number = 0
        """Known once the bus has started."""
        self.functions: list[DEVICE_OBJECT] | None = None
        """The physical device objects, None until somebody has asked for them."""


class FunctionExtension:
    """One function of a PCI bus, the extension of a physical device object."""

    def __init__(self) -> None:
        self.function: PciFunction
        self.resources: CM_RESOURCE_LIST | None = None
        """The raw resources that the function is programmed with, None while it is switched off."""
