# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The expansion ROM as a driver gets it from the bus driver, and as dirql lspci shows it, on the RTL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dirql.hardware.description import Function
from dirql.lspci.command import Options, listing
from dirql.machine import Machine, open_machine
from dirql.registers import gpio, pci_configuration as pci
from dirql.target import inside_simulator
from machine import rom_driver

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(inside_simulator(), reason="opens machines of its own"),
]
ROMS = Path(__file__).parents[1] / "hdl" / "machines" / "roms.toml"
COMPLAINTS = {
    2: "the image at offset 0x200 must begin with the bytes 55 AA, and begins with AA 55",
    3: "the image at offset 0x0 must have its PCI data structure inside, at a multiple of 4, and has it at 0x7f00",
    4: "the image at offset 0x0 must be as long as its contents, and no longer than the ROM; its length is 0x0",
    5: "the image at offset 0x0 must have bytes that add up to 0 modulo 256, because it is for the PC; "
    "they add up to 0x1",
}
"""The words of the bus driver about each wrong ROM, by the value of the parameter `rom`."""


def gpios(machine: Machine) -> Sequence[Function]:
    return machine.target.description.functions_named("gpio")


def test_C18_drivers_get_the_images_of_a_right_rom_through_the_bus_interface() -> None:
    with open_machine("verilated", machine=ROMS, checked=True) as machine:
        machine.load_driver(rom_driver)
        found = {}
        for function in gpios(machine):
            where = function.place.configuration_address
            start = machine.target.read_configuration(where | pci.BAR.offset)
            found[function.place] = rom_driver.images.pop(start)
            # The function has its own range again, and its ROM is off.
            assert machine.target.read_configuration(where | pci.EXPANSION_ROM.offset) == 0
            assert machine.target.read_memory(start + gpio.ID.offset) == gpio.ID.reset
        assert rom_driver.images == {}
        for function in gpios(machine):
            images = found[function.place]
            assert len(images) == (0x400 if function.parameters["rom"] == 1 else 0), function.place
            assert not images or images.count(b"PCIR") == 2
        last = found[gpios(machine)[-1].place]
        assert rom_driver.parts == [last[0x1FE:0x202], last[0x3FE:], b"", b"", b""]
        assert last[0x1FE:0x202] == b"\x00\x00\x55\xaa"
        said = machine.debug_output.splitlines()
        for function in gpios(machine):
            rom = function.parameters["rom"]
            mine = [line for line in said if f"<PCI function {function.place}," in line]
            assert [line.split("drivers: ")[1] for line in mine] == (
                [COMPLAINTS[rom]] if rom in COMPLAINTS else []
            )


def test_C18_lspci_shows_the_rom_and_its_size() -> None:
    with open_machine("verilated", machine=ROMS, checked=True) as machine:
        machine.load_driver(rom_driver)
        shown = "\n".join(listing(machine.target, Options(verbose=1))).split("\n\n")
        texts = {text.split()[0]: text for text in shown}
        for function in gpios(machine):
            line = "\tExpansion ROM at <unassigned> [disabled] [size=2K]"
            assert (line in texts[str(function.place)]) == (function.parameters["rom"] > 0)
