# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The driver of the `store` device function, a small memory that is filled and emptied by programmed I/O or by DMA.

Read it in this order: `interface` (names and data for programs), `extension` (the driver's data), `driver` (entry,
dispatch, queue), `plugplay` (start and remove), `ownership` (which request has the device), `transfer` (how a request
starts), `interrupt` and `polling` (how it goes on and ends), `cancel` (how it ends early), `device` (how the device is
programmed).

A WDM driver names its devices in an INF file; here `HARDWARE_IDS` does.
"""

from dirql.drivers.store.driver import DriverEntry

__all__ = ["HARDWARE_IDS", "DriverEntry"]

HARDWARE_IDS = (r"PCI\VEN_1234&DEV_D101",)
