# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The end of a driver: whom its Unload routine waits for, and all that it must take down."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql.io.loader import load_driver
from dirql.io.unload import unload_driver
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    DRIVER_OBJECT,
    KDPC,
    KTIMER,
    NT_SUCCESS,
    STATUS_NO_SUCH_DEVICE,
    STATUS_SUCCESS,
    IoAttachDeviceToDeviceStack,
    IoCreateSymbolicLink,
    IoDeleteDevice,
    IoDetachDevice,
    KeInitializeDpc,
    KeInitializeTimer,
    KeSetTimer,
    KeWaitForSingleObject,
    PsCreateSystemThread,
    ZwClose,
)
from unit.io.making import NAME, OPEN_AND_CLOSE, create_file, make_device, make_driver

unloaded: list[str] = []


def unload(driver: DRIVER_OBJECT) -> None:
    unloaded.append(driver.driver_extension.service_key_name)
    for device in driver.devices():
        IoDeleteDevice(device)


@pytest.mark.row("DRV-05")
def test_DRV_05_unload_waits_for_open_files(machine: Machine) -> None:
    unloaded.clear()
    driver = make_driver(OPEN_AND_CLOSE, driver_unload=unload)
    make_device(driver, NAME)
    _, handle = create_file(NAME)
    assert handle is not None
    assert unload_driver(driver) == STATUS_SUCCESS
    assert unloaded == []
    assert create_file(NAME)[0] == STATUS_NO_SUCH_DEVICE
    assert machine.io.drivers["made"] is driver
    ZwClose(handle)
    machine.io.worker.flush()
    assert unloaded == ["made"]
    assert "made" not in machine.io.drivers


@pytest.mark.row("DRV-05")
def test_DRV_05_unload_waits_for_attached_devices(machine: Machine) -> None:
    unloaded.clear()
    lower = make_driver(OPEN_AND_CLOSE, "lower", driver_unload=unload)
    upper = make_driver(OPEN_AND_CLOSE, "upper", driver_unload=unload)
    below = make_device(lower)
    above = make_device(upper)
    IoAttachDeviceToDeviceStack(above, below)
    unload_driver(lower)
    assert unloaded == []
    IoDetachDevice(below)
    machine.io.worker.flush()
    assert unloaded == ["lower"]


def forget(driver: DRIVER_OBJECT) -> None:
    """An Unload routine that takes nothing down."""


def tick(dpc: object, context: object, argument1: object, argument2: object) -> None:
    raise AssertionError


def leave_timer(driver: DRIVER_OBJECT) -> None:
    timer, dpc = KTIMER(), KDPC()
    KeInitializeTimer(timer)
    KeInitializeDpc(dpc, tick, None)
    KeSetTimer(timer, -10_000_000, dpc)


def leave_timer_without_dpc(driver: DRIVER_OBJECT) -> None:
    timer = KTIMER()
    KeInitializeTimer(timer)
    KeSetTimer(timer, -10_000_000, None)


def leave_thread(driver: DRIVER_OBJECT) -> None:
    timer = KTIMER()
    KeInitializeTimer(timer)
    PsCreateSystemThread(0, None, None, lambda _: KeWaitForSingleObject(timer), None)


def leave_device(driver: DRIVER_OBJECT) -> None:
    make_device(driver)


def leave_link(driver: DRIVER_OBJECT) -> None:
    IoCreateSymbolicLink(r"\DosDevices\Left", NAME)


@pytest.mark.parametrize(
    ("leave", "words"),
    [
        (leave_timer, "KeCancelTimer"),
        (leave_timer_without_dpc, "KeCancelTimer"),
        (leave_thread, "wait for the thread object"),
        (leave_device, "IoDeleteDevice"),
        (leave_link, "IoDeleteSymbolicLink"),
    ],
)
def test_a_driver_leaves_nothing_behind(
    machine: Machine, leave: Callable[[DRIVER_OBJECT], None], words: str
) -> None:
    def entry(driver: DRIVER_OBJECT, registry_path: str) -> int:
        leave(driver)
        driver.driver_unload = forget
        return STATUS_SUCCESS

    status, driver = load_driver(entry, "careless")
    assert NT_SUCCESS(status)
    assert driver is not None
    with pytest.raises(BugCheck) as stopped:
        unload_driver(driver)
    error = stopped.value
    assert error.code == 0xCE
    assert words in error.reason
    assert "<driver careless>" in error.reason
    if leave is leave_timer:
        assert "in tick (" in str(error)
