# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Power settings: values that a person or a program chooses, and drivers that are told of them (row PWR-17)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.io.objects import DeviceObject
from dirql.ke import guard
from dirql.ke.guard import RoutineKind, call_driver, current_driver
from dirql.ke.processors.contract import contract
from dirql.mm import memory
from dirql.mm.allocation import allocate_pool2, free_pool_with_tag, pool_tag
from dirql.nt.bugcodes import IRQL_UNEXPECTED_VALUE
from dirql.nt.constants import POOL_FLAG_NON_PAGED
from dirql.nt.guid import Guid
from dirql.nt.ntstatus import NTSTATUS
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER, STATUS_SUCCESS
from dirql.po.manager import Demand, PowerManager, running as power_manager

__all__ = ["register_power_setting_callback", "set_power_setting", "unregister_power_setting_callback"]

_REGISTER: Final = contract("PoRegisterPowerSettingCallback")
_UNREGISTER: Final = contract("PoUnregisterPowerSettingCallback")

_CALLBACK: Final = RoutineKind(
    "the power setting callback",
    level=IRQL_UNEXPECTED_VALUE,
    result=NTSTATUS,
    parameters=("SettingGuid", "Value", "ValueLength", "Context"),
)
_TAG: Final = pool_tag("PoSe")

PowerSettingCallback = Callable[[Guid, int, int, object], int]
"""A callback is called as `callback(guid, address of the value, bytes of the value, context)`."""


class _Registration(Demand):
    """A callback of a driver for one setting."""

    def __init__(self, setting: Guid, callback: PowerSettingCallback, context: object) -> None:
        self.driver = current_driver()
        self.setting = setting
        self.callback = callback
        self.context = context

    def __repr__(self) -> str:
        return f"<power setting callback {guard.describe(self.callback)}>"


def register_power_setting_callback(
    device_object: DeviceObject | None, setting_guid: Guid, callback: PowerSettingCallback, context: object
) -> tuple[int, object]:
    """Call a routine now, with the setting's value, and after each change: (status, handle).

    Follows PoRegisterPowerSettingCallback. A setting without a value yet is told when it gets one.
    """
    _REGISTER.check_two(device_object, setting_guid)
    _REGISTER.check_arguments(device_object, setting_guid, callback, context)
    manager = power_manager.value
    made = _Registration(setting_guid, callback, context)
    manager.demands[made] = None
    value = manager.settings.get(setting_guid)
    if value is not None and not _tell([made], value):
        del manager.demands[made]
        return STATUS_INSUFFICIENT_RESOURCES, None
    return STATUS_SUCCESS, made


def unregister_power_setting_callback(handle: object) -> int:
    """Call the routine no more; follows PoUnregisterPowerSettingCallback."""
    _UNREGISTER.check_level(handle)
    demands = power_manager.value.demands
    if not isinstance(handle, _Registration) or handle not in demands:
        return STATUS_INVALID_PARAMETER
    del demands[handle]
    return STATUS_SUCCESS


def set_power_setting(manager: PowerManager, setting: Guid, value: bytes) -> None:
    """Give a setting a value, and tell the drivers that have registered for it. PASSIVE_LEVEL."""
    manager.settings[setting] = value
    told = [each for each in manager.demands if isinstance(each, _Registration) and each.setting == setting]
    if told and not _tell(told, value):
        raise MemoryError(
            f"the value of a power setting must fit into nonpaged pool; it had {len(value)} bytes"
        )


def _tell(registrations: list[_Registration], value: bytes) -> bool:
    """Call the routines with the value in memory; False when memory is short."""
    address = guard.call_driver(
        guard.CALLBACK, None, allocate_pool2, POOL_FLAG_NON_PAGED, len(value) or 1, _TAG
    )
    if address is None:
        return False
    memory.write(address, value)
    for each in registrations:
        arguments = each.setting, address, len(value), each.context
        call_driver(_CALLBACK, each.driver, each.callback, *arguments)
    guard.call_driver(guard.CALLBACK, None, free_pool_with_tag, address, _TAG)
    return True
