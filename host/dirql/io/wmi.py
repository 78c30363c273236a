# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Registration of devices with WMI. Nobody asks for their data, so the system remembers them and does no more."""

from __future__ import annotations

from typing import Final

from dirql.io.manager import running
from dirql.io.objects import DeviceObject
from dirql.ke.processors.contract import contract
from dirql.nt.constants import (
    WMIREG_ACTION_BLOCK_IRPS,
    WMIREG_ACTION_DEREGISTER,
    WMIREG_ACTION_REGISTER,
    WMIREG_ACTION_REREGISTER,
    WMIREG_ACTION_UPDATE_GUIDS,
)
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_SUCCESS

__all__ = ["registration_control"]

_CONTROL: Final = contract("IoWMIRegistrationControl")
_KEEPS: Final = (WMIREG_ACTION_REREGISTER, WMIREG_ACTION_UPDATE_GUIDS, WMIREG_ACTION_BLOCK_IRPS)


def registration_control(device_object: DeviceObject, action: int) -> int:
    """Register a device with WMI, or end that; follows IoWMIRegistrationControl.

    Returns STATUS_SUCCESS, or STATUS_INVALID_PARAMETER for an action that there is not and for a device that was not
    registered.
    """
    _CONTROL.check(device_object)
    _CONTROL.check_arguments(device_object, action)
    providers = running.value.wmi_providers
    if action == WMIREG_ACTION_REGISTER:
        providers.add(device_object)
        return STATUS_SUCCESS
    if device_object not in providers or (action != WMIREG_ACTION_DEREGISTER and action not in _KEEPS):
        return STATUS_INVALID_PARAMETER
    if action == WMIREG_ACTION_DEREGISTER:
        providers.remove(device_object)
    return STATUS_SUCCESS
