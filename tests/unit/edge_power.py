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


def succeed(*_: object) -> int:
    """A routine that returns STATUS_SUCCESS."""
    return wdm.STATUS_SUCCESS


D3 = wdm.PowerDeviceD3
SETTING = wdm.GUID(1, 2, 3, bytes(8))
SYSTEM = wdm.PowerRequestSystemRequired


def counter(world: World) -> tuple[int | None]:
    """The idle counter of a device."""
    return (wdm.PoRegisterDeviceForIdleDetection(world.device, 1, 1, D3),)


def request(world: World) -> object:
    """A power request with a demand in force."""
    made = wdm.PoCreatePowerRequest(world.device, None)[1]
    wdm.PoSetPowerRequest(made, SYSTEM)
    return made


POWER_CALLS: dict[str, Callable[[World], tuple[object, ...]]] = {
    "PoRequestPowerIrp": lambda w: (
        w.device,
        wdm.IRP_MN_QUERY_POWER,
        wdm.POWER_STATE(device_state=D3),
        nothing,
        None,
    ),
    "PoSetPowerState": lambda w: (w.device, wdm.DevicePowerState, wdm.POWER_STATE(device_state=D3)),
    "PoRegisterDeviceForIdleDetection": lambda w: (w.device, 1, 1, D3),
    "PoSetDeviceBusy": counter,
    "PoSetDeviceBusyEx": counter,
    "PoStartDeviceBusy": counter,
    "PoEndDeviceBusy": counter,
    "PoRegisterSystemState": lambda _: (None, wdm.ES_SYSTEM_REQUIRED),
    "PoUnregisterSystemState": lambda _: (wdm.PoRegisterSystemState(None, wdm.ES_SYSTEM_REQUIRED),),
    "PoSetSystemState": lambda _: (wdm.ES_SYSTEM_REQUIRED,),
    "PoCreatePowerRequest": lambda w: (w.device, None),
    "PoSetPowerRequest": lambda w: (request(w), SYSTEM),
    "PoClearPowerRequest": lambda w: (request(w), SYSTEM),
    "PoRegisterPowerSettingCallback": lambda w: (w.device, SETTING, succeed, None),
    "PoUnregisterPowerSettingCallback": lambda w: (
        wdm.PoRegisterPowerSettingCallback(w.device, SETTING, succeed, None)[1],
    ),
    "PoDeletePowerRequest": lambda w: (request(w),),
}
