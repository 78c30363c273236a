# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql lspci` on the RTL: it shows each machine as its file says, and leaves configuration space as it was."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dirql import cli
from dirql.drivers import store
from dirql.drivers.store.interface import PROGRAM_NAME
from dirql.hardware.description import MachineDescription
from dirql.hardware.function_type import BarSpace
from dirql.hardware.place import Place
from dirql.hardware.reading import DEFAULT_MACHINE, load_machine
from dirql.lspci.command import Options, listing
from dirql.lspci.size import size_text
from dirql.machine import open_machine
from dirql.target import inside_simulator, open_target
from dirql.target.channel.bridges import number_buses
from dirql.target.contract import Target
from tested_machines import MACHINES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(inside_simulator(), reason="opens targets of its own"),
]

RECEIVED_MASTER_ABORT = 1 << 29
"""The bit of the secondary status in dword 7 of a bridge's configuration."""
PAGE = Path(__file__).parents[2] / "docs" / "lspci.md"
EXAMPLE = re.compile(r"^    \$ dirql lspci(.*)\n((?:    (?!\$).*\n|\n(?=    (?!\$)))*)", re.MULTILINE)


def places(machine: MachineDescription) -> list[Place]:
    functions, bridges = [each.place for each in machine.functions], [each.place for each in machine.bridges]
    return sorted([machine.host_bridge, *functions, *bridges])


def configuration(target: Target) -> list[int]:
    """Every configuration dword of every function of the machine."""
    return [
        target.read_configuration(place.configuration_address + offset)
        for place in places(target.description)
        for offset in range(0, 256, 4)
    ]


@pytest.mark.parametrize("name", MACHINES)
def test_every_function_is_shown_with_the_registers_that_the_file_describes(name: str) -> None:
    target = open_target("verilated", machine=name, checked=True)
    number_buses(target)
    shown = "\n".join(listing(target, Options(verbose=2))).split("\n\n")
    target.close()
    machine = load_machine(name)
    assert [text.split()[0] for text in shown] == [str(place) for place in places(machine)]
    for text in shown:
        function = machine.function_at(Place.parse(text.split()[0]))
        if function is None:
            continue
        for bar in function.type.bars:
            kind = "I/O ports" if bar.space is BarSpace.IO else "Memory"
            size = re.escape(size_text(bar.size(function.parameters)))
            assert re.search(rf"Region {bar.number}: {kind} at <unassigned>.* \[disabled\]{size}", text)


@pytest.mark.parametrize("name", MACHINES)
def test_every_configuration_dword_is_afterwards_as_before(name: str) -> None:
    target = open_target("verilated", machine=name, checked=True)
    number_buses(target)
    for function in target.description.functions:
        command = function.place.configuration_address + 4
        target.write_configuration(command, 0x0547, 0b0011)
        for bar in function.type.bars:
            target.write_configuration(
                command + 0xC + 4 * bar.number, target.description.buses[0].memory.start
            )
    before = settled(target)
    for options in (Options(verbose=2, dump=3), Options(verbose=1), Options(tree=True)):
        assert list(listing(target, options))
        assert settled(target) == before
    target.close()


def settled(target: Target) -> list[int]:
    """The configuration, but for one bit of each bridge: it notes that a place behind it has no function."""
    words = configuration(target)
    for start in range(0, len(words), 64):
        if words[start + 3] >> 16 & 0x7F == 1:
            words[start + 7] &= ~RECEIVED_MASTER_ABORT
    return words


def test_a_machine_whose_devices_are_running_is_shown_with_addresses_and_runs_on() -> None:
    with open_machine("verilated") as machine:
        machine.load_driver(store)
        with machine.open(PROGRAM_NAME) as handle:
            handle.write(b"before")
            text = "\n".join(listing(machine.target, Options(verbose=2)))
            assert handle.read(6) == b"before"
    bus = load_machine(DEFAULT_MACHINE).buses[0]
    assert f"Region 0: Memory at {bus.memory.start:08x} (32-bit, non-prefetchable) [size=4K]" in text
    assert "Control: I/O+ Mem+ BusMaster+" in text
    assert "Interrupt: pin A routed to IRQ 4" in text


def test_the_examples_of_the_page_are_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(examples) >= 3
    for options, printed in examples:
        assert cli.main(["lspci", *options.split()]) == 0
        seen = "".join(
            f"    {line}".rstrip() + "\n" for line in capsys.readouterr().out.expandtabs().splitlines()
        )
        assert seen.rstrip() == printed.rstrip()


def test_the_simulator_shows_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    words = [sys.executable, "-m", "dirql", "lspci", "-vvxxx"]
    done = subprocess.run([*words, "--target", "cocotb"], capture_output=True, text=True, check=True)
    assert cli.main(["lspci", "-vvxxx"]) == 0
    assert done.stdout == capsys.readouterr().out
