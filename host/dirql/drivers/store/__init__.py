# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The driver of the `store` device function, a small memory that is filled and emptied by programmed I/O or by DMA.

Read it in this order: `interface` (what programs see), `driver` (entry, dispatch, queue), `ownership` (who
has the device), `transfer` (how a request starts), `interrupt` and `polling` (how it goes on and ends), `plugplay`
(start and remove).

A WDM driver names the devices it drives in its INF file; here that is `HARDWARE_IDS`.
"""

from dirql.drivers.store.driver import DriverEntry

__all__ = ["HARDWARE_IDS", "DriverEntry"]

HARDWARE_IDS = (r"PCI\VEN_1234&DEV_D101",)
