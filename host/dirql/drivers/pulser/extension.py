# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The device extension, grouped by the lock that guards each part."""

from __future__ import annotations

from dirql.drivers.pulser.interface import Configuration
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_REMOVE_LOCK,
    KEVENT,
    KINTERRUPT,
    KSPIN_LOCK,
    PowerDeviceD0,
    PowerDeviceD3,
    PowerDeviceUnspecified,
)

__all__ = ["PulserExtension"]


class PulserExtension:
    """One `pulser` device, as its driver knows it."""

    def __init__(self) -> None:
        # Set when the device is added, constant until it is removed.
        self.physical_device_object: DEVICE_OBJECT
        self.lower_device_object: DEVICE_OBJECT
        self.remove_lock = IO_REMOVE_LOCK()
        self.number = 0
        """The number in the device's name."""
        self.device_states = [PowerDeviceUnspecified, PowerDeviceD0, *[PowerDeviceD3] * 5]
        """By SYSTEM_POWER_STATE, the DEVICE_POWER_STATE that goes with it, from the capabilities of the device."""

        # Guarded by the lock.
        self.lock = KSPIN_LOCK()
        self.registers = 0
        """The virtual address of the registers; 0 while the device is not started."""
        self.registers_length = 0
        self.interrupt: KINTERRUPT | None = None
        self.powered = True
        """Whether the device is in D0, so that its registers can be used."""
        self.configuration: Configuration | None = None
        """The form of the pulses, as last written since the start."""
        self.left = 0
        """The pulses that were still to come when the device left D0."""
        self.missed = 0
        """The pulses of all times before the device left D0, which its own count may have lost."""

        self.usable = KEVENT()
        """Signaled while no control code has to wait for the device to come back to D0."""

        # Guarded by the interrupt spin lock.
        self.calls = 0
        self.claimed = 0
        # Written by the DPC alone.
        self.dpcs = 0
