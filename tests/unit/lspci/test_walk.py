# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The walk of `dirql lspci`: it finds every function, and configuration space is afterwards as before."""

from __future__ import annotations

from typing import TypeVar

import pytest

from dirql.lspci.command import Options
from dirql.lspci.walk import find_functions
from dirql.target.contract import BusStatus, TargetAbort, bus_error
from fakes.pci_function import FakeFunction
from unit.lspci.making import (
    MEMORY_32,
    MEMORY_64,
    MULTI_FUNCTION,
    PORTS,
    PREFETCHABLE,
    bridge,
    decoded,
    lines,
    machine,
    put,
)


def test_functions_are_found_in_the_order_of_their_places() -> None:
    several = FakeFunction(device=2, header_type=MULTI_FUNCTION)
    functions = (FakeFunction(device=31), FakeFunction(device=2, function=5), several, FakeFunction(device=0))
    found = find_functions(machine(*functions))
    assert [str(function.place) for function in found] == ["00:00.0", "00:02.0", "00:02.5", "00:1f.0"]


def test_further_functions_of_a_device_with_one_are_not_asked_for() -> None:
    assert len(find_functions(machine(FakeFunction(), FakeFunction(function=1)))) == 1


def test_a_device_that_answers_with_ones_is_absent() -> None:
    assert find_functions(machine(FakeFunction(vendor=0xFFFF, id=0xFFFF))) == []


def test_buses_below_bridges_are_walked_and_a_bridge_without_a_number_is_not_followed() -> None:
    below = (FakeFunction(device=7),)
    assert [str(f.place) for f in find_functions(machine(bridge(), below=below))] == ["00:03.0", "01:07.0"]
    assert len(find_functions(machine(bridge(secondary=0, subordinate=0), below=below))) == 1


def test_bridges_that_lead_to_the_same_bus_end_the_walk() -> None:
    looping = bridge()
    looping.device = 9
    assert len(find_functions(machine(bridge(), below=(looping,)))) == 2


# Base address registers.

SIZED = (
    (MEMORY_32, 4096),
    (MEMORY_32 | PREFETCHABLE, 1 << 20),
    (PORTS, 16),
    (MEMORY_64 | PREFETCHABLE, 1 << 33),
)


def test_each_kind_of_base_address_register_is_decoded_with_its_size() -> None:
    shown = [line for line in decoded(FakeFunction(bars=SIZED)) if "Region" in line]
    assert shown == [
        "\tRegion 0: Memory at <unassigned> (32-bit, non-prefetchable) [disabled] [size=4K]",
        "\tRegion 1: Memory at <unassigned> (32-bit, prefetchable) [disabled] [size=1M]",
        "\tRegion 2: I/O ports at <unassigned> [disabled] [size=16]",
        "\tRegion 3: Memory at <unassigned> (64-bit, prefetchable) [disabled] [size=8G]",
    ]


def test_addresses_are_shown_and_enabled_decoders_are_not_called_disabled() -> None:
    function = FakeFunction(bars=SIZED)
    for offset, value in (
        (0x10, 0x8000_0000),
        (0x14, 0x9000_0008),
        (0x18, 0x1001),
        (0x1C, 0xC),
        (0x20, 0x12),
    ):
        put(function, offset, value)
    put(function, 4, 0x3)
    assert [line for line in decoded(function, verbose=1) if " at " in line] == [
        "\tMemory at 80000000 (32-bit, non-prefetchable) [size=4K]",
        "\tMemory at 90000000 (32-bit, prefetchable) [size=1M]",
        "\tI/O ports at 1000 [size=16]",
        "\tMemory at 1200000000 (64-bit, prefetchable) [size=8G]",
    ]


@pytest.mark.parametrize(
    ("decoded_bits", "size"), [(0xFFFF_FFC0, "64"), (0x0000_FFC0, "64"), (0xFFFF_0000, "64K")]
)
def test_ports_with_16_and_32_bits_have_the_same_size(decoded_bits: int, size: str) -> None:
    function = FakeFunction(bars=((PORTS, 64),))
    function.writable[0x10] = decoded_bits
    assert f"\tI/O ports at <unassigned> [disabled] [size={size}]" in decoded(function, verbose=1)


def test_a_register_for_addresses_below_1_mib_says_so() -> None:
    assert "\tMemory at <unassigned> (low-1M, non-prefetchable) [disabled] [size=64K]" in decoded(
        FakeFunction(bars=((2, 1 << 16),)), verbose=1
    )


@pytest.mark.parametrize(
    ("contents", "command", "text"),
    [
        (0, 2, "<unassigned> [disabled] [size=64K]"),
        (0xF000_0000, 2, "f0000000 [disabled] [size=64K]"),
        (0xF000_0001, 2, "f0000000 [size=64K]"),
        (0xF000_0001, 0, "f0000000 [disabled by cmd] [size=64K]"),
    ],
)
def test_an_expansion_rom(contents: int, command: int, text: str) -> None:
    function = FakeFunction()
    put(function, 0x30, contents)
    put(function, 4, command)
    function.writable[0x30] = 0xFFFF_0001
    assert f"\tExpansion ROM at {text}" in decoded(function)


Made = TypeVar("Made", bound=FakeFunction)


def busy_function(kind: type[Made]) -> Made:
    """A function with everything set that sizing could disturb."""
    function = kind(bars=SIZED, message=True)
    for offset, value in (
        (0x10, 0x8000_0000),
        (0x14, 0x9000_0008),
        (0x18, 0x1001),
        (0x1C, 0xC),
        (0x20, 0x12),
    ):
        put(function, offset, value)
    put(function, 4, 0xF910_0147)
    put(function, 0x30, 0xF000_0001)
    function.writable[0x30] = 0xFFFF_0001
    return function


def test_every_dword_is_afterwards_as_before() -> None:
    functions = (busy_function(FakeFunction), bridge())
    before = [list(function.dwords) for function in functions]
    lines(machine(*functions), Options(verbose=2, dump=3))
    assert [function.dwords for function in functions] == before
    assert functions[0].log, "the registers have been asked for their sizes"


class Failing(FakeFunction):
    """A function that refuses the access with which a register is asked for its size, the first or a later one."""

    fails_at = -1
    asked = 0
    reads = 0

    def _ask(self) -> None:
        self.asked += 1
        if self.asked == self.fails_at:
            raise bus_error(BusStatus.TARGET_ABORT, "the access", self.address)

    def read(self, offset: int, byte_enables: int) -> int:
        self.reads += 1
        if self.reads > 64:
            self._ask()
        return super().read(offset, byte_enables)

    def write(self, offset: int, value: int, byte_enables: int) -> None:
        if value >= 0xFFFF_F800:
            self._ask()
        super().write(offset, value, byte_enables)


@pytest.mark.parametrize("fails_at", range(1, 15))
def test_an_access_that_fails_leaves_every_dword_as_before(fails_at: int) -> None:
    """Seven registers are asked, each with a write and a read."""
    function = busy_function(Failing)
    before = list(function.dwords)
    function.fails_at = fails_at
    with pytest.raises(TargetAbort):
        find_functions(machine(function))
    assert function.dwords == before


def test_decoders_are_off_while_registers_are_asked_and_status_is_not_written() -> None:
    function = busy_function(FakeFunction)
    find_functions(machine(function))
    (first, *asking, last) = function.log
    assert first == (4, 0x0144, 0b0011)
    assert last == (4, 0x0147, 0b0011)
    assert 4 not in [offset for offset, _, _ in asking]


def test_nothing_is_written_for_a_list_a_tree_or_a_dump() -> None:
    function = busy_function(FakeFunction)
    for options in (Options(), Options(dump=3), Options(tree=True, verbose=1)):
        lines(machine(function), options)
    assert function.log == []


def test_the_registers_of_a_host_bridge_are_not_asked() -> None:
    function = busy_function(FakeFunction)
    function.dwords[2] = 0x060000 << 8
    shown = decoded(function)
    assert function.log == []
    assert "\tRegion 0: Memory at 80000000 (32-bit, non-prefetchable)" in shown
