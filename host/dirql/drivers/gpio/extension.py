# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The device extension, grouped by the lock that guards each part."""

from __future__ import annotations

from dirql.drivers.gpio.interface import Configuration
from dirql.drivers.gpio.waits import Waits
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_REMOVE_LOCK,
    KINTERRUPT,
    KSPIN_LOCK,
    UNICODE_STRING,
    PowerDeviceD0,
    PowerDeviceD3,
    PowerDeviceUnspecified,
)

__all__ = ["GpioExtension"]


class GpioExtension:
    """One `gpio` device, as its driver knows it."""

    def __init__(self) -> None:
        # Set when the device is added and when it starts, constant until it is removed.
        self.physical_device_object: DEVICE_OBJECT
        self.lower_device_object: DEVICE_OBJECT
        self.remove_lock = IO_REMOVE_LOCK()
        self.number = 0
        """The number in the device's name."""
        self.interface_name = UNICODE_STRING()
        """The name of the device interface."""
        self.device_states = [PowerDeviceUnspecified, PowerDeviceD0, *[PowerDeviceD3] * 5]
        """By SYSTEM_POWER_STATE, the DEVICE_POWER_STATE that goes with it, from the capabilities of the device."""
        self.latched = False
        """Whether the interrupt is latched and not level-sensitive."""
        self.registers = 0
        """The virtual address of the registers; 0 while the device is not started."""
        self.registers_length = 0
        self.interrupt: KINTERRUPT | None = None
        self.gone = False
        """The device was removed, so that no request may wait for it any more."""

        self.waits = Waits(self.remove_lock)
        """The requests that wait for pins, with a lock of their own."""
        self.held = Waits(self.remove_lock)
        """The requests that wait until the device can be used again, with a lock of their own."""

        # Guarded by the lock.
        self.lock = KSPIN_LOCK()
        self.powered = True
        """Whether the device is in D0, so that its registers can be used."""
        self.stopping = False
        """Whether requests must wait, because the device is stopped or about to be."""
        self.outputs = 0
        """The value of PIN_OUTPUT, as last written."""
        self.configuration = Configuration()
        """The use of the pins, as last written."""

        # Guarded by the interrupt spin lock.
        self.enabled = 0
        """The pins that may interrupt. While the device is not in D0, they are masked in the device all the same."""
        self.fired = 0
        """The pins that the ISR hands to the DPC."""
        self.taken = 0
        """The pins that the DPC has taken from `fired`."""
        self.wanted = 0
        """The pins that a new wait enables."""
