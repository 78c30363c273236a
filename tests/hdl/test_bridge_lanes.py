# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Byte enables with holes through a bridge, both ways and in bursts: they arrive as they were sent, in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.hardware.reading import load_machine
from dirql.registers import pci_bridge, pci_configuration as pci, saboteur as regs
from dirql.target.simulation.verilated import VerilatedTarget
from hdl.bridge_bench import BridgeBench
from hdl.machine_bench import Register

MACHINE = load_machine(Path(__file__).parent / "machines" / "roms.toml")
(SABOTEUR,) = MACHINE.functions_named("saboteur")
WRITE = 0x7
DATA = 0x1_0000
PAINT = 0xEEEE_EEEE
LONG = 12
"""Data of the longest burst here."""


def merged(old: int, new: int, lanes: int) -> int:
    """The dword `old` in which a write of `new` changes the bytes whose byte enables, high-true, are on."""
    mask = sum(0xFF << 8 * lane for lane in range(4) if lanes >> lane & 1)
    return old & ~mask | new & mask


class Master:
    """The saboteur behind the bridge, as a bus master whose bursts have the byte enables that are wanted."""

    def __init__(self, target: VerilatedTarget) -> None:
        self.target = target
        self.bench = BridgeBench(target, MACHINE)
        self.bench.enumerate()
        self.registers = self.bench.addresses(SABOTEUR.index)[0]
        window = SABOTEUR.place.configuration_address | pci.BAR.offset + pci.BAR.stride
        target.write_configuration(window, self.registers + 0x8000)

    def register(self, register: Register) -> int:
        return self.registers + register.offset

    def burst(self, address: int, datum: int, lanes: int, length: int) -> None:
        """Write the datum `length` times, and wait until the bridge has taken all."""
        self.target.write_memory(self.register(regs.MASTER_ADDRESS), address)
        self.target.write_memory(self.register(regs.MASTER_DATA), datum)
        start = regs.MASTER_START.pack(bus_command=WRITE, lanes=lanes, length=length)
        self.target.write_memory(self.register(regs.MASTER_START), start)
        self.target.spend(300)

    def flush(self) -> None:
        """Read a register of the device, whose answer comes behind what was posted before it."""
        assert self.target.read_memory(self.register(regs.ID)) == regs.ID.reset

    def memory(self) -> list[int]:
        data = bytes(self.target.memory[DATA : DATA + 4 * LONG + 4])
        return [int.from_bytes(data[place : place + 4], "little") for place in range(0, len(data), 4)]

    def paint(self) -> None:
        self.target.memory[DATA : DATA + 4 * LONG + 4] = PAINT.to_bytes(4, "little") * (LONG + 1)


@pytest.fixture
def master() -> Iterator[Master]:
    target = VerilatedTarget(MACHINE, checked=True)
    yield Master(target)
    target.close()


@pytest.mark.slow
def test_B06_each_datum_of_a_burst_goes_up_with_its_byte_enables(master: Master) -> None:
    for lanes in range(16):
        for length in (1, 2, 3, LONG):
            master.paint()
            master.burst(DATA, 0x1234_5678, lanes, length)
            master.flush()
            wanted = merged(PAINT, 0x1234_5678, lanes)
            assert master.memory() == [wanted] * length + [PAINT] * (LONG + 1 - length), (lanes, length)


@pytest.mark.slow
def test_B06_posted_bursts_with_holes_arrive_whole_and_in_order(master: Master) -> None:
    master.paint()
    master.bench.bridges[1].write(pci_bridge.UPSTREAM_HOLD, 0xFFFF, 2)
    wanted = [PAINT] * (LONG + 1)
    for datum, lanes, length in (
        (0x1111_1111, 0b0101, LONG),
        (0x2222_2222, 0b1110, 5),
        (0x3333_3333, 0b0000, LONG),
        (0x4444_4444, 0b1001, 9),
        (0x5555_5555, 0b1010, 2),
        (0x6666_6666, 0b0110, 1),
    ):
        master.burst(DATA, datum, lanes, length)
        wanted[:length] = [merged(old, datum, lanes) for old in wanted[:length]]
        assert master.memory() == [PAINT] * (LONG + 1)
    master.flush()
    assert master.memory() == wanted


@pytest.mark.slow
@pytest.mark.parametrize("hold", [0, 2000])
def test_B06_writes_with_holes_go_down_in_order_whether_they_wait_or_not(master: Master, hold: int) -> None:
    master.bench.bridges[1].write(pci_bridge.DOWNSTREAM_HOLD, hold, 2)
    register = master.register(regs.MASTER_ADDRESS)
    value = 0x0102_0304
    master.target.write_memory(register, value)
    for lanes in range(16):
        datum = 0x1111_1111 * lanes ^ 0x8765_4321
        master.target.write_memory(register, datum, lanes)
        value = merged(value, datum, lanes)
        if lanes % 5 == 0:
            assert master.target.read_memory(register) == value
    for lanes in (0b0101, 0b1010, 0b1001):
        assert merged(0, master.target.read_memory(register, lanes), lanes) == merged(0, value, lanes)
