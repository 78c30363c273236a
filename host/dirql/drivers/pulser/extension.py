# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The device extension, grouped by the lock that guards each part."""

from __future__ import annotations

from dirql.wdm import DEVICE_OBJECT, IO_REMOVE_LOCK, KINTERRUPT, KMUTEX

__all__ = ["PulserExtension"]


class PulserExtension:
    """One `pulser` device, as its driver knows it."""

    def __init__(self) -> None:
        # Set when the device is added, constant until it is removed.
        self.lower_device_object: DEVICE_OBJECT
        self.remove_lock = IO_REMOVE_LOCK()
        self.number = 0
        """The number in the device's name."""

        # Guarded by the mutex.
        self.mutex = KMUTEX()
        self.registers = 0
        """The virtual address of the registers; 0 while the device is not started."""
        self.registers_length = 0
        self.interrupt: KINTERRUPT | None = None

        # Guarded by the interrupt spin lock.
        self.calls = 0
        self.claimed = 0
        # Written by the DPC alone.
        self.dpcs = 0
