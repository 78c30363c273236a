# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Right arguments for the routines of the power manager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dirql import wdm

__all__ = ["POWER_CALLS"]


class World(Protocol):
    """The parts of the world of a test that these routines need."""

    @property
    def device(self) -> wdm.DEVICE_OBJECT: ...


def nothing(*_: object) -> None:
    """A routine that does nothing."""


D3 = wdm.PowerDeviceD3

POWER_CALLS: dict[str, Callable[[World], tuple[object, ...]]] = {
    "PoRequestPowerIrp": lambda w: (
        w.device,
        wdm.IRP_MN_QUERY_POWER,
        wdm.POWER_STATE(device_state=D3),
        nothing,
        None,
    ),
    "PoSetPowerState": lambda w: (w.device, wdm.DevicePowerState, wdm.POWER_STATE(device_state=D3)),
}
