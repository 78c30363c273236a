# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Random transactions between a master and a target that are driven pin by pin, until all their kinds have been seen.

tests/hdl/test_bus.py runs these tests in bus_bench.sv; `make coverage` prints what was covered.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import cocotb
from bus_cover import COMMANDS, Cover, Wires
from bus_pins import Phase, PinMaster, PinTarget, number
from cocotb.handle import SimHandleBase
from pin_steps import begin

PAGE = PinTarget.PAGE << 12
NOBODY = 0x7000_0000
IO = (0x2, 0x3)
INVALIDATE = 0xF
MOST = 1800
"""Transactions after which every pair of properties must have been seen."""

STYLES: tuple[Sequence[str], ...] = (
    ("ready",),
    ("wait", "ready"),
    ("stop",),
    ("wait", "stop"),
    ("ready", "stop"),
    ("last",),
    ("wait", "last"),
    ("abort",),
    ("wait", "wait", "ready", "last", "stop", "abort"),
)
"""The answers that a target draws from in one transaction."""

LANES = (0b1111, 0b1111, 0b0000, 0b0101, 0b1001, 0b0011, 0b0110, 0b1000)


def watch(master: PinMaster) -> Cover:
    """A cover that looks at the bus on every clock."""
    cover, dut = Cover(), master.dut

    def sample() -> None:
        signals = (dut.seen_frame_o, dut.seen_irdy_o, dut.seen_devsel_o, dut.seen_trdy_o, dut.seen_stop_o)
        cover.sample(Wires(*(bool(signal.value) for signal in signals), number(dut.seen_cbe_o)))

    master.host.each_clock.append(sample)
    return cover


def draw(source: random.Random) -> tuple[int, int, list[Phase]]:
    """A legal transaction: its command, its address, and its data phases."""
    command = source.choice(tuple(COMMANDS))
    count = 1 if command in IO else source.randrange(1, 5)
    late = source.random() < 0.5
    phases = [
        Phase(
            0xF if command == INVALIDATE else source.choice(LANES),
            source.getrandbits(32),
            source.randrange(4) if late else 0,
        )
        for _ in range(count)
    ]
    address = (NOBODY if source.random() < 0.15 else PAGE) + 16 * source.randrange(64)
    if command in IO and phases[0].enables:
        address += (phases[0].enables & -phases[0].enables).bit_length() - 1
    return command, address, phases


def write_report(cover: Cover) -> None:
    """Leave the tables in the folder of the run."""
    Path("coverage.txt").write_text(cover.report() + "\n", encoding="utf-8")


@cocotb.test()
async def m04_m16_t03_t06_t11_random_transactions_cover_each_pair_of_properties(dut: SimHandleBase) -> None:
    _, master = await begin(dut)
    source = random.Random(7)
    style: Sequence[str] = ()
    target = PinTarget(master.host, lambda: source.choice(style))
    target.commands = tuple(COMMANDS)
    cover = watch(master)
    for done in range(MOST):
        if done % 50 == 0 and not cover.holes():
            break
        style, target.decode = source.choice(STYLES), source.randrange(2, 6)
        await master.run(*draw(source))
        await master.host.tick(source.choice((0, 0, 1, 5)))
    write_report(cover)
    assert cover.holes() == []
