# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The driver of the `store` device function, a small memory that is filled and emptied by programmed I/O or by DMA.

Read it in this order: `interface` (names and data for programs), `extension` (the driver's data), `driver` (entry,
dispatch, queue), `plugplay` (start and remove), `ownership` (the request that has the device), `transfer` (the start of
a request), `interrupt` and `polling` (the rest of a request, to the end), `cancel` (the early end of a request),
`power` (sleep and wake), `device` (routines that program the device).

Beside each file is its twin in C (docs/store-in-c.md).

A WDM driver names its devices in an INF file; here `HARDWARE_IDS` does.
"""

from dirql.drivers.store.driver import DriverEntry
from dirql.registers.functions import Store

__all__ = ["HARDWARE_IDS", "DriverEntry"]

HARDWARE_IDS = (Store.HARDWARE_ID,)
