# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The bus driver of PCI buses, that of the host bridge and those behind PCI-to-PCI bridges.

It numbers the buses, reports the functions of each, and ends the requests of their device stacks.

Read it in this order: `driver` (entry, dispatch), `bus` (the device object of the bus), `function_device` (the physical
device object of one function), `power` (power IRPs for both), `function` (a function's configuration space), `bridge`
(a bridge, its numbers and its windows), `identity` (identification strings).
"""

from dirql.drivers.pci.driver import DriverEntry

__all__ = ["HARDWARE_IDS", "DriverEntry"]

HARDWARE_IDS = ("*PNP0A03", r"PCI\CC_0604")
