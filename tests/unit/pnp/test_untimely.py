# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A driver that accesses its device before it was started, or after it was stopped or removed, is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest

from dirql.target.contract import BusFault, BusStatus
from dirql.wdm import (
    DEVICE_OBJECT,
    IRP,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    READ_PORT_UCHAR,
    READ_REGISTER_ULONG,
    WRITE_REGISTER_ULONG,
    CmResourceTypePort,
    IoGetCurrentIrpStackLocation,
    MmMapIoSpace,
    MmNonCached,
)
from fakes.pci_function import FakeFunction
from fakes.scripted_target import ScriptedTarget, Space
from unit.pnp.conftest import Opener
from unit.pnp.recorder import Recorder

BARS: Final = ((0x0, 4096), (0x1, 256))
COMMAND: Final = 0x10


@dataclass
class Registers:
    """The memory range of a function, which answers while the function is switched on."""

    function: FakeFunction

    def read(self, offset: int, byte_enables: int) -> int:
        return 0

    def write(self, offset: int, value: int, byte_enables: int) -> None: ...


class Toucher(Recorder):
    """Accesses its device before it passes a request down, or after that, as `when` says for the minor function."""

    def __init__(self, when: dict[int, str]) -> None:
        super().__init__()
        self.when = when
        self.touching = True
        self.registers = self.port = 0

    def pnp(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        location = IoGetCurrentIrpStackLocation(irp)
        minor = location.minor_function
        if minor == IRP_MN_START_DEVICE and not self.registers:
            self.map(irp)
        when = self.when.get(minor)
        if when == "before":
            self.touch()
        status = super().pnp(device, irp)
        if when == "after":
            self.touch()
        return status

    def map(self, irp: IRP) -> None:
        start = IoGetCurrentIrpStackLocation(irp).parameters.start_device
        assert start.allocated_resources_translated is not None
        found = start.allocated_resources_translated.list[0].partial_resource_list.partial_descriptors
        mapped = MmMapIoSpace(found[0].u.memory.start, found[0].u.memory.length, MmNonCached)
        assert mapped is not None
        self.registers = mapped
        self.port = next(each.u.port.start for each in found if each.type == CmResourceTypePort)

    def touch(self) -> None:
        WRITE_REGISTER_ULONG(self.registers + COMMAND, 1)
        READ_REGISTER_ULONG(self.registers + COMMAND)
        READ_PORT_UCHAR(self.port)


def run(open_bus: Opener, when: dict[int, str], *sent: int) -> list[tuple[str, str]]:
    """Start a device with such a driver, send it these requests; returns the defects."""
    function = FakeFunction(bars=BARS)
    machine = open_bus(function)
    machine.load_driver(Toucher(when))
    (node,) = machine.devices
    for minor in sent:
        node.send(minor)
    return machine.defects


@pytest.mark.row("PNP-03")
def test_PNP_03_an_access_before_the_lower_driver_has_started_the_device_is_told(open_bus: Opener) -> None:
    (row, sentence), (_, port) = run(open_bus, {IRP_MN_START_DEVICE: "before"})
    assert row == "PNP-03"
    assert "before the drivers below it have completed IRP_MN_START_DEVICE" in sentence
    assert "memory write at 0x80000010, COMMAND at offset 0x10 of its range 0" in sentence
    assert "IoForwardIrpSynchronously" in sentence
    assert "test_untimely.py" in sentence
    assert "<driver Toucher>" in sentence
    assert "I/O read at" in port
    assert "offset 0x0 of its range 1" in port


@pytest.mark.row("PNP-03")
@pytest.mark.parametrize(
    ("minor", "name"),
    [(IRP_MN_STOP_DEVICE, "IRP_MN_STOP_DEVICE"), (IRP_MN_REMOVE_DEVICE, "IRP_MN_REMOVE_DEVICE")],
)
def test_PNP_03_an_access_after_a_stop_or_a_removal_was_passed_down_is_told(
    open_bus: Opener, minor: int, name: str
) -> None:
    defects = run(open_bus, {minor: "after"}, minor)
    assert [row for row, _ in defects] == ["PNP-03", "PNP-03"]
    assert f"after it has passed down {name}" in defects[0][1]


@pytest.mark.row("PNP-09")
def test_PNP_09_an_access_after_a_surprise_removal_is_told_at_any_later_time(open_bus: Opener) -> None:
    machine = open_bus(FakeFunction(bars=BARS))
    driver = Toucher({})
    machine.load_driver(driver)
    (node,) = machine.devices
    node.send(IRP_MN_SURPRISE_REMOVAL)
    assert machine.defects == []
    driver.touch()
    driver.touch()
    assert [row for row, _ in machine.defects] == ["PNP-09", "PNP-09"], "a register and a port, each once"


@pytest.mark.parametrize("minor", [IRP_MN_STOP_DEVICE, IRP_MN_SURPRISE_REMOVAL, IRP_MN_REMOVE_DEVICE])
def test_accesses_at_the_right_time_are_no_defects_although_the_device_fails(
    open_bus: Opener, minor: int
) -> None:
    machine = open_bus(FakeFunction(bars=BARS))
    machine.load_driver(Toucher({IRP_MN_START_DEVICE: "after", minor: "before"}))
    (node,) = machine.devices
    before = machine.hal.statistics().bus_errors
    node.send(minor)
    assert machine.hal.statistics().bus_errors == before + 3, "the registers of this function never answer"
    assert machine.defects == []


def test_a_device_that_answers_is_not_asked(open_bus: Opener) -> None:
    function = FakeFunction(bars=BARS)
    machine = open_bus(function)
    target = machine.target
    assert isinstance(target, ScriptedTarget)
    target.map(Space.MEMORY, 0x8000_0000, 4096, Registers(function))
    driver = Toucher({})
    machine.load_driver(driver)
    target.inject_bus_fault(BusFault(0x8000_0010, BusStatus.TARGET_ABORT, 1))
    READ_REGISTER_ULONG(driver.registers + COMMAND)
    READ_REGISTER_ULONG(driver.registers + COMMAND)
    assert machine.hal.statistics().bus_errors == 1
    assert machine.defects == []
