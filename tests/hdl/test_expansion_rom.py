# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The expansion ROM of a function on the bus: its address register, its two enables, and what is read there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.hardware.reading import load_machine
from dirql.registers import gpio, pci_configuration as pci
from dirql.target.contract import MasterAbort
from dirql.target.simulation.verilated import VerilatedTarget
from fakes.default_machine import MEMORY

MACHINE = load_machine(Path(__file__).parent / "machines" / "roms.toml")
GPIOS = MACHINE.functions_named("gpio")
WITHOUT, WITH = (
    next(each.place.configuration_address for each in GPIOS if each.parameters["rom"] == rom)
    for rom in (0, 1)
)
ROM, REGISTERS = MEMORY + 0x100_0800, MEMORY
MASK = 0xFFFF_F800
MEMORY_ENABLE = pci.COMMAND.MEMORY_ENABLE
IO_ENABLE = pci.COMMAND.IO_ENABLE
START = 0xCB01_AA55
"""The first dword of an image for the PC: 55 AA, 512 bytes, and a far return as the entry point."""


@pytest.fixture
def target() -> Iterator[VerilatedTarget]:
    opened = VerilatedTarget(MACHINE, checked=True)
    yield opened
    opened.close()


def place(target: VerilatedTarget, rom: int, command: int = MEMORY_ENABLE) -> None:
    target.write_configuration(WITH | pci.EXPANSION_ROM.offset, rom)
    target.write_configuration(WITH | pci.BAR.offset, REGISTERS)
    target.write_configuration(WITH | pci.COMMAND.offset, command, 0b11)


def test_C18_the_register_shows_the_size_and_has_one_bit_more(target: VerilatedTarget) -> None:
    register = WITH | pci.EXPANSION_ROM.offset
    assert target.read_configuration(register) == 0
    for written in (0xFFFF_FFFF, 0xFFFF_F800, 0x0000_07FE, 1, 0x1234_5678, 0):
        target.write_configuration(register, written)
        assert target.read_configuration(register) == written & (MASK | 1)
    target.write_configuration(register, 0xAAAA_AAAA)
    target.write_configuration(register, 0x5555_5555, 0b0101)
    assert target.read_configuration(register) == 0xAA55_A855 & (MASK | 1)


def test_C18_a_function_without_a_rom_has_no_register(target: VerilatedTarget) -> None:
    target.write_configuration(WITHOUT | pci.EXPANSION_ROM.offset, 0xFFFF_FFFF)
    assert target.read_configuration(WITHOUT | pci.EXPANSION_ROM.offset) == 0


@pytest.mark.parametrize("enable", [0, 1])
@pytest.mark.parametrize("command", [0, IO_ENABLE, MEMORY_ENABLE, MEMORY_ENABLE | IO_ENABLE])
def test_T30_the_rom_answers_only_with_both_enables(
    target: VerilatedTarget, enable: int, command: int
) -> None:
    place(target, ROM | enable, command)
    if enable and command & MEMORY_ENABLE:
        assert target.read_memory(ROM) == START
        for outside in (ROM - 4, ROM + 0x800):
            with pytest.raises(MasterAbort):
                target.read_memory(outside)
    else:
        with pytest.raises(MasterAbort):
            target.read_memory(ROM)
    with pytest.raises(MasterAbort):
        target.read_io(ROM & 0xFFFF)


def test_T30_the_registers_answer_beside_the_rom(target: VerilatedTarget) -> None:
    place(target, ROM | 1)
    identity = target.read_memory(REGISTERS + gpio.ID.offset)
    target.write_memory(REGISTERS + gpio.PIN_OUTPUT.offset, 0x5A5A)
    contents = bytearray(0x800)
    target.read_memory_burst(ROM, memoryview(contents))
    # Writes are taken and lost.
    target.write_memory_burst(ROM, memoryview(bytes(0x800)))
    again = bytearray(0x800)
    target.read_memory_burst(ROM, memoryview(again))
    assert contents == again
    assert any(contents)
    assert target.read_memory(REGISTERS + gpio.PIN_OUTPUT.offset) == 0x5A5A
    assert target.read_memory(REGISTERS + gpio.ID.offset) == identity
    place(target, REGISTERS | 1)
    assert target.read_memory(REGISTERS) == START, "the ROM has the range if the two share one"
    place(target, REGISTERS)
    assert target.read_memory(REGISTERS + gpio.ID.offset) == identity


def test_the_contents_are_two_images_with_their_data_structures(target: VerilatedTarget) -> None:
    place(target, ROM | 1)
    contents = bytearray(0x800)
    target.read_memory_burst(ROM, memoryview(contents))
    identity = next(each.type.identity for each in GPIOS if each.parameters["rom"] == 1)
    for start, code, indicator in ((0, 0, 0), (0x200, 1, 0x80)):
        image = contents[start : start + 0x200]
        assert image[:2] == b"\x55\xaa"
        at = int.from_bytes(image[0x18:0x1A], "little")
        structure = image[at : at + 0x18]
        assert structure[:4] == b"PCIR"
        assert structure[4:8] == identity.vendor.to_bytes(2, "little") + identity.device.to_bytes(2, "little")
        assert structure[0x0A:0x0C] == b"\x18\x00"
        assert int.from_bytes(structure[0x0D:0x10], "little") == identity.class_code
        assert structure[0x10:0x12] == b"\x01\x00"
        assert structure[0x14:0x16] == bytes((code, indicator))
    assert sum(contents[:0x200]) % 256 == 0
    assert not any(contents[0x400:])
