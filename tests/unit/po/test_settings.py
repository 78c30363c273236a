# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers that are told of power settings."""

from __future__ import annotations

from dirql.machine import Machine
from dirql.po.settings import set_power_setting
from dirql.wdm import (
    GUID,
    STATUS_INVALID_PARAMETER,
    STATUS_SUCCESS,
    PoRegisterPowerSettingCallback,
    PoUnregisterPowerSettingCallback,
    RtlReadMemory,
)

SOURCE = GUID(0x5D3E9A59, 0xE9D5, 0x4B00, bytes.fromhex("A6BDFF34FF516548"))
OTHER = GUID(1, 2, 3, bytes(8))


def test_PWR_17_a_driver_is_told_the_value_at_once_and_after_each_change(machine: Machine) -> None:
    told: list[tuple[GUID, bytes, object]] = []

    def note(setting: GUID, value: int, length: int, context: object) -> int:
        told.append((setting, RtlReadMemory(value, length), context))
        return STATUS_SUCCESS

    set_power_setting(machine.power, SOURCE, b"\1\0\0\0")
    status, handle = PoRegisterPowerSettingCallback(None, SOURCE, note, "context")
    assert status == STATUS_SUCCESS
    assert told == [(SOURCE, b"\1\0\0\0", "context")]
    PoRegisterPowerSettingCallback(None, OTHER, note, "other")
    assert len(told) == 1
    set_power_setting(machine.power, SOURCE, b"\0\0\0\0")
    set_power_setting(machine.power, OTHER, b"")
    assert told[1:] == [(SOURCE, bytes(4), "context"), (OTHER, b"", "other")]
    assert len(list(machine.power.leaks())) == 2
    assert PoUnregisterPowerSettingCallback(handle) == STATUS_SUCCESS
    assert PoUnregisterPowerSettingCallback(handle) == STATUS_INVALID_PARAMETER
    set_power_setting(machine.power, SOURCE, b"\1\0\0\0")
    assert len(told) == 3
