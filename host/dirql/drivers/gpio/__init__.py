# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""The driver of the `gpio` device function, pins with an interrupt for each. It is small, to be copied.

Read it in this order: `interface` (names and data for programs), `extension` (the driver's data), `driver` (entry and
dispatch), `plugplay` (start and remove), `requests` (control codes), `registers` (what they write), `waits` (queues of
requests), `interrupt` (the end of a wait), `power` (sleep and wake).
"""

from dirql.drivers.gpio.driver import DriverEntry
from dirql.registers.functions import Gpio

__all__ = ["HARDWARE_IDS", "DriverEntry"]

HARDWARE_IDS = (Gpio.HARDWARE_ID,)
