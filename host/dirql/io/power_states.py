# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The power states of a device object, as its driver has told them last."""

from __future__ import annotations

__all__ = ["PowerStates"]


class PowerStates:
    """The base class of a device object's extension with the states that PoSetPowerState tells."""

    __slots__ = ("device_power_state", "system_power_state")

    def __init__(self) -> None:
        self.device_power_state = self.system_power_state = 0
        """A DEVICE_POWER_STATE and a SYSTEM_POWER_STATE, both 0 before the first call."""
