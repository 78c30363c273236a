# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers behind the bridges of `bridged`: numbers and windows, the race of data and interrupt, and the tree."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from dirql import cli
from dirql.drivers import gpio, pulser, store
from dirql.drivers.store.interface import IOCTL_STORE_SET_MODE, TransferMode, program_name
from dirql.hardware.description import Bridge
from dirql.hardware.function_type import BarSpace
from dirql.hardware.place import Place
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine, open_machine
from dirql.registers import pci_bridge as regs, pci_configuration as pci
from dirql.target import inside_simulator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(inside_simulator(), reason="opens machines of its own"),
]
HOLD = 20_000
"""Clocks for which posted writes wait in the bridge: far more than a driver needs from the interrupt to the data."""


_IO = (regs.IO_BASE.offset, regs.IO_LIMIT.offset)
_WINDOWS = {
    "memory": (regs.MEMORY_BASE.offset, regs.MEMORY_LIMIT.offset),
    "prefetchable": (regs.PREFETCHABLE_BASE.offset, regs.PREFETCHABLE_LIMIT.offset),
}


@pytest.fixture
def machine() -> Iterator[Machine]:
    with open_machine("verilated", machine="bridged") as opened:
        yield opened


def read(machine: Machine, place: Place, offset: int) -> int:
    return machine.target.read_configuration(place.configuration_address | offset & ~3) >> 8 * (offset & 3)


def window(machine: Machine, bridge: Bridge, kind: str) -> range:
    """The addresses of a window."""
    place = bridge.place
    if kind == "io":
        base, limit = (read(machine, place, offset) & 0xF0 for offset in _IO)
        return range(base << 8, (limit << 8 | 0xFFF) + 1)
    base, limit = (read(machine, place, offset) & 0xFFF0 for offset in _WINDOWS[kind])
    return range(base << 16, (limit << 16 | 0xF_FFFF) + 1)


def test_B01_the_bus_driver_numbers_the_buses_and_opens_the_windows_for_what_is_behind(
    machine: Machine,
) -> None:
    for driver in (store, gpio, pulser):
        machine.load_driver(driver)
    description = machine.target.description
    first, second = description.bridges
    numbers = [read(machine, bridge.place, regs.PRIMARY_BUS.offset) & 0xFF_FFFF for bridge in (first, second)]
    assert numbers == [0x02_01_00, 0x02_02_01]
    for kind in ("memory", "prefetchable", "io"):
        outer, inner = (window(machine, bridge, kind) for bridge in (first, second))
        assert outer[0] <= inner[0] <= inner[-1] <= outer[-1]
    for function in description.functions:
        inside, *outside = (second, first) if function.place.bus == 2 else (first, second)
        for bar in function.type.bars:
            kind = "io" if bar.space is BarSpace.IO else "prefetchable" if bar.prefetchable else "memory"
            address = read(machine, function.place, pci.BAR.offset + 4 * bar.number)
            address &= ~3 if bar.space is BarSpace.IO else ~0xF
            assert address in window(machine, inside, kind)
            assert address + function.bar_size(bar.number) - 1 in window(machine, inside, kind)
            if function.place.bus == 1:
                assert address not in window(machine, outside[0], kind)


def stale(machine: Machine, interrupt: str, faults: int) -> bool:
    """Whether a program reads old data by DMA while posted writes wait in the bridge above the stores."""
    machine.load_driver(store, interrupt=interrupt)
    with machine.open(program_name(0)) as handle:
        handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", TransferMode.DMA))
        data = bytes(range(1, 65))
        assert handle.write(data, 0) == len(data)
        bridge = machine.target.description.bridges[0].place.configuration_address
        machine.target.write_configuration(bridge | regs.FAULTS.offset, faults)
        machine.target.write_configuration(bridge | regs.UPSTREAM_HOLD.offset & ~3, HOLD, 0b0011)
        found = handle.read(len(data), 0)
        machine.target.write_configuration(bridge | regs.UPSTREAM_HOLD.offset & ~3, 0, 0b0011)
        machine.target.write_configuration(bridge | regs.FAULTS.offset, 0)
        machine.target.wait(2 * HOLD)
    return found != data


def test_B09_a_driver_that_reads_its_device_after_the_interrupt_finds_the_data(machine: Machine) -> None:
    assert not stale(machine, "level", 0)


def test_B09_where_that_read_does_not_push_the_data_they_come_when_the_request_is_over(
    machine: Machine,
) -> None:
    with pytest.raises(BugCheck, match=r"0xE6: 0x26.* was written to by a device .* list of an IRP_MJ_READ"):
        stale(machine, "level", regs.FAULTS.READS_PASS_WRITES)


def test_B09_a_message_never_overtakes_the_data(machine: Machine) -> None:
    assert not stale(machine, "message", regs.FAULTS.READS_PASS_WRITES)


def test_lspci_shows_the_tree(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lspci", "--machine", "bridged", "-tv"]) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("-[0000:00]-+-00.0  Device ")
    assert others == [
        "           \\-02.0-[01-02]--+-01.0  store",
        "                           +-02.0  gpio",
        "                           +-03.0  pulser",
        "                           +-04.0-[02]--+-01.0  store",
        "                           |            +-02.0  gpio",
        "                           |            +-03.0  pulser",
        "                           |            \\-06.0  store",
        "                           \\-05.0  store",
    ]
