# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The driver of the `pulser` device function, a source of interrupts. It counts what reaches it.

Read it in this order: `interface` (names and data for programs), `driver` (entry, dispatch and control codes),
`registers`, `interrupt` (ISR and DPC), `plugplay` (start, stop and remove), `power`.
"""

from dirql.drivers.pulser.driver import DriverEntry
from dirql.registers.functions import Pulser

__all__ = ["HARDWARE_IDS", "DriverEntry"]

HARDWARE_IDS = (Pulser.HARDWARE_ID,)
