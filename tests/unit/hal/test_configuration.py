# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.hal.configuration import (
    Slot,
    get_bus_data_by_offset,
    read_configuration,
    set_bus_data_by_offset,
    write_configuration,
)
from dirql.nt.constants import PCIConfiguration
from dirql.registers import pci_configuration as pci
from dirql.target.contract import BusFault, BusStatus
from fakes.scripted_target import Space
from unit.hal.conftest import CONFIGURATION, Machine

SLOT = Slot(1)


class Watched:
    """A configuration space that notes each access."""

    def __init__(self) -> None:
        self.accesses: list[tuple[str, int, int, int]] = []

    def read(self, offset: int, byte_enables: int) -> int:
        self.accesses.append(("read", offset, byte_enables, 0))
        return 0x4433_2211

    def write(self, offset: int, value: int, byte_enables: int) -> None:
        self.accesses.append(("write", offset, byte_enables, value))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=12)), max_size=12))
def test_any_range_agrees_with_bytes(machine: Machine, writes: list[tuple[int, bytes]]) -> None:
    naive = bytearray(b"".join(dword.to_bytes(4, "little") for dword in machine.configuration.dwords))
    for offset, data in writes:
        data = data[: 256 - offset]
        write_configuration(0, SLOT, offset, data)
        naive[offset : offset + len(data)] = data
        assert read_configuration(0, SLOT, offset, len(data)) == data
    assert read_configuration(0, SLOT, 0, 256) == naive


def test_a_write_of_command_leaves_status_alone(machine: Machine) -> None:
    """Status is in the upper half of Command's dword and clears where ones are written."""
    watched = Watched()
    machine.target.map(Space.CONFIGURATION, CONFIGURATION, 256, watched)
    write_configuration(0, SLOT, pci.COMMAND.offset, (0x0147).to_bytes(2, "little"))
    write_configuration(0, SLOT, pci.STATUS.offset, b"\xff\xff")
    write_configuration(0, SLOT, pci.INTERRUPT_LINE.offset, b"\x09")
    write_configuration(0, SLOT, pci.BAR.offset, b"\xff\xff\xff\xff")
    assert watched.accesses == [
        ("write", 0x04, 0b0011, 0x0147),
        ("write", 0x04, 0b1100, 0xFFFF_0000),
        ("write", 0x3C, 0b0001, 0x09),
        ("write", 0x10, 0b1111, 0xFFFF_FFFF),
    ]


def test_reads_enable_their_bytes_only(machine: Machine) -> None:
    watched = Watched()
    machine.target.map(Space.CONFIGURATION, CONFIGURATION, 256, watched)
    assert read_configuration(0, SLOT, 3, 6) == b"\x44\x11\x22\x33\x44\x11"
    assert [access[:3] for access in watched.accesses] == [
        ("read", 0, 0b1000),
        ("read", 4, 0b1111),
        ("read", 8, 0b0001),
    ]


def test_the_address_has_bus_device_and_function(machine: Machine) -> None:
    seen = Watched()
    machine.target.map(Space.CONFIGURATION, 0x12_F700, 256, seen)
    assert read_configuration(0x12, Slot(30, 7), 0x40, 4) == b"\x11\x22\x33\x44"
    assert seen.accesses == [("read", 0x40, 0b1111, 0)]


def test_an_absent_function_reads_ones_and_nobody_is_told(machine: Machine) -> None:
    assert read_configuration(0, Slot(9), 0, 4) == b"\xff" * 4
    assert machine.hal.statistics().bus_errors == 0
    write_configuration(0, Slot(9), 0, b"\0")
    machine.target.inject_bus_fault(BusFault(CONFIGURATION, BusStatus.TARGET_ABORT))
    assert read_configuration(0, SLOT, 0, 2) == b"\xff\xff"
    assert machine.hal.statistics().bus_errors == 2


def test_the_routines_of_the_hal(machine: Machine) -> None:
    number = Slot(1, 0).number
    assert set_bus_data_by_offset(PCIConfiguration, 0, number, b"abcdef", 0x41, 5) == 5
    assert get_bus_data_by_offset(PCIConfiguration, 0, number, 0x41, 6) == b"abcde\0"
    assert get_bus_data_by_offset(PCIConfiguration, 0, Slot(2).number, 0, 2) == b"\xff\xff"
    assert get_bus_data_by_offset(0, 0, number, 0, 2) == b""
    assert set_bus_data_by_offset(0, 0, number, b"abc", 0, 3) == 0


@given(st.integers(0, 31), st.integers(0, 7))
def test_slot_numbers(device: int, function: int) -> None:
    slot = Slot(device, function)
    assert slot.number == device | function << 5
    assert Slot.of(slot.number) == slot


@pytest.mark.parametrize(
    ("bus", "slot", "offset", "length", "what"),
    [
        (256, Slot(0), 0, 1, "a function must be on bus 0 to 255"),
        (0, Slot(32), 0, 1, "a function must be on bus 0 to 255"),
        (0, Slot(0, 8), 0, 1, "a function must be on bus 0 to 255"),
        (0, Slot(0), 253, 4, "was 4 bytes at 0xfd"),
        (0, Slot(0), -1, 1, "from byte 0 to 255"),
    ],
)
def test_what_is_outside(machine: Machine, bus: int, slot: Slot, offset: int, length: int, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        read_configuration(bus, slot, offset, length)
