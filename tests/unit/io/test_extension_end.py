# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A device extension is not used after its device is gone (row DEV-11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from dirql.ke import guard
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import DEVICE_OBJECT, IoDeleteDevice, ZwClose
from unit.io.making import NAME, OPEN_AND_CLOSE, create_file, make_device, make_driver


class Plain:
    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        self.count += 1


class Slotted:
    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


@dataclass(slots=True)
class Data:
    count: int = 0


def read(extension: Plain | Slotted | Data) -> None:
    assert extension.count == 0


def write(extension: Plain | Slotted | Data) -> None:
    extension.count = 1


def count(device: DEVICE_OBJECT) -> None:
    device.device_extension.add()


KINDS: list[type] = [Plain, Slotted, Data]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("use", [read, write])
def test_DEV_11_an_extension_after_its_device(
    machine: Machine, kind: type, use: Callable[[Plain | Slotted | Data], None]
) -> None:
    driver = make_driver()
    device = make_device(driver, NAME, extension=kind)
    extension = device.device_extension

    def act() -> None:
        use(extension)
        extension.count = 0
        IoDeleteDevice(device)
        use(extension)

    with pytest.raises(BugCheck, match="must not be used after its device is gone") as caught:
        guard.call_driver(guard.CALLBACK, driver, act)
    assert caught.value.code == 0xD5
    assert caught.value.parameters[1] == int(use is write)
    assert "test_extension_end.py:" in str(caught.value.parameters[2])
    assert f"count was {'written' if use is write else 'read'} in the extension of" in caught.value.reason
    assert "which was deleted in" in caught.value.reason
    assert ".act (" in caught.value.reason


def test_DEV_11_a_method_of_an_extension(machine: Machine) -> None:
    driver = make_driver()
    device = make_device(driver, extension=Plain)
    IoDeleteDevice(device)
    with pytest.raises(BugCheck, match="must not be used after its device is gone; its member add was read"):
        guard.call_driver(guard.CALLBACK, driver, count, device)


def test_DEV_11_a_device_that_is_still_open_keeps_its_extension(machine: Machine) -> None:
    driver = make_driver(OPEN_AND_CLOSE)
    device = make_device(driver, NAME, extension=Plain)
    _, handle = create_file(NAME)
    assert handle is not None

    def act() -> None:
        IoDeleteDevice(device)
        device.device_extension.add()

    guard.call_driver(guard.CALLBACK, driver, act)
    ZwClose(handle)
    with pytest.raises(BugCheck, match="must not be used after its device is gone"):
        guard.call_driver(guard.CALLBACK, driver, count, device)


def test_DEV_11_a_program_may_look_at_it(machine: Machine) -> None:
    device = make_device(make_driver(), extension=Plain)
    device.device_extension.add()
    IoDeleteDevice(device)
    assert device.device_extension.count == 1
    assert isinstance(device.device_extension, Plain)
