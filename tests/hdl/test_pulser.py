# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pulser function alone, by its registers and the events of its pin."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from dirql.hardware.reading import load_machine
from dirql.registers import pci_configuration as pci, pulser as regs
from dirql.target.contract import EventBits
from dirql.target.simulation.verilated import VerilatedTarget

MACHINE = load_machine("at")
FUNCTION = MACHINE.functions_named("pulser")[0]
BASE = MACHINE.buses[0].memory.start
CONTROL = regs.CONTROL
PULSED = regs.INTERRUPT_CAUSE.PULSED


class PulserBench:
    """A pulser function, placed and enabled; no host takes its interrupts."""

    def __init__(self, target: VerilatedTarget) -> None:
        self.target = target
        header = FUNCTION.place.configuration_address
        target.write_configuration(header | pci.BAR.offset, BASE)
        target.write_configuration(header | pci.COMMAND.offset, pci.COMMAND.MEMORY_ENABLE, 0b0011)

    def read(self, offset: int) -> int:
        return self.target.read_memory(BASE + offset)

    def write(self, offset: int, value: int) -> None:
        self.target.write_memory(BASE + offset, value)

    def pin(self, clocks: int) -> list[tuple[int, int]]:
        """Let clocks pass; the clocks at which the pin went on and off again."""
        self.target.spend(clocks)
        self.target.now()
        self.target.wait(8)
        events = [each for each in self.target.take_event_records() if each.function == FUNCTION.index]
        on = [each.clock for each in events if each.bits & EventBits.ASSERT]
        off = [each.clock for each in events if each.bits & EventBits.DEASSERT]
        return list(itertools.zip_longest(on, off, fillvalue=0))


@pytest.fixture
def bench() -> Iterator[PulserBench]:
    target = VerilatedTarget(MACHINE, checked=True)
    made = PulserBench(target)
    made.write(regs.INTERRUPT_MASK_SET.offset, PULSED)
    yield made
    target.close()


@pytest.mark.parametrize("width", [1, 2, 40])
def test_pulses_have_their_width_and_their_distance(bench: PulserBench, width: int) -> None:
    bench.write(regs.WIDTH.offset, width)
    bench.write(regs.PERIOD.offset, 99)
    bench.write(regs.COUNT.offset, 5)
    pulses = bench.pin(1000)
    assert [off - on for on, off in pulses] == [width] * 5
    assert [b - a for (a, _), (b, _) in itertools.pairwise(pulses)] == [100] * 4
    assert bench.read(regs.COUNT.offset) == 0
    assert bench.read(regs.EVENTS.offset) == 5
    assert bench.read(regs.INTERRUPT_CAUSE.offset) == PULSED


def test_jitter_adds_random_numbers_of_the_chosen_bits(bench: PulserBench) -> None:
    bench.write(regs.PERIOD.offset, 99)
    bench.write(regs.JITTER.offset, 0b110100)
    bench.write(regs.COUNT.offset, 40)
    pulses = bench.pin(10_000)
    added = [b - a - 100 for (a, _), (b, _) in itertools.pairwise(pulses)]
    assert all(number & ~0b110100 == 0 for number in added)
    assert len(set(added)) >= 6


def test_a_stop_and_a_new_start_count_anew(bench: PulserBench) -> None:
    bench.write(regs.PERIOD.offset, 199)
    bench.write(CONTROL.offset, CONTROL.ENDLESS)
    bench.write(regs.COUNT.offset, 1)
    assert len(bench.pin(2000)) in (9, 10)
    bench.write(regs.COUNT.offset, 0)
    bench.pin(50)
    assert bench.pin(1000) == []
    bench.write(CONTROL.offset, 0)
    bench.write(regs.EVENTS.offset, 0)
    bench.write(regs.COUNT.offset, 2)
    assert len(bench.pin(1000)) == 2
    assert bench.read(regs.EVENTS.offset) == 2


def test_noise_sets_no_cause_and_a_masked_pulse_no_pin(bench: PulserBench) -> None:
    bench.write(regs.INTERRUPT_MASK_CLEAR.offset, PULSED)
    bench.write(regs.PERIOD.offset, 99)
    bench.write(CONTROL.offset, CONTROL.NOISE)
    bench.write(regs.COUNT.offset, 3)
    assert len(bench.pin(500)) == 3
    assert bench.read(regs.INTERRUPT_CAUSE.offset) == 0
    bench.write(CONTROL.offset, 0)
    bench.write(regs.COUNT.offset, 3)
    assert bench.pin(500) == []
    assert bench.read(regs.INTERRUPT_CAUSE.offset) == PULSED


def test_faults_hold_the_pin_until_interrupt_disable(bench: PulserBench) -> None:
    bench.write(CONTROL.offset, CONTROL.STUCK)
    (stuck,) = bench.pin(100)
    assert stuck[1] == 0
    header = FUNCTION.place.configuration_address | pci.COMMAND.offset
    assert bench.target.read_configuration(header) >> 16 & pci.STATUS.INTERRUPT_STATUS
    disable = pci.COMMAND.MEMORY_ENABLE | pci.COMMAND.INTERRUPT_DISABLE
    bench.target.write_configuration(header, disable, 0b0011)
    assert len(bench.pin(100)) == 1
    assert bench.target.read_configuration(header) >> 16 & pci.STATUS.INTERRUPT_STATUS
    bench.write(CONTROL.offset, CONTROL.DEAF | CONTROL.HELD)
    bench.write(regs.PERIOD.offset, 9)
    bench.write(regs.COUNT.offset, 1)
    bench.pin(100)
    bench.write(regs.INTERRUPT_CAUSE.offset, PULSED)
    assert bench.read(regs.INTERRUPT_CAUSE.offset) == PULSED


@pytest.mark.parametrize("clocks", [0, 50, 300, 1000])
def test_I10_interrupts_are_the_moderation_apart_and_the_last_is_signaled(
    bench: PulserBench, clocks: int
) -> None:
    bench.write(CONTROL.offset, CONTROL.HELD)
    bench.write(regs.PERIOD.offset, 79)
    bench.write(regs.MODERATION.offset, clocks)
    bench.write(regs.COUNT.offset, 30)
    on: list[int] = []
    for _ in range(200):
        rises = [start for start, _ in bench.pin(20) if start]
        on += rises
        if rises:
            bench.write(regs.INTERRUPT_CAUSE.offset, PULSED)
    assert bench.read(regs.EVENTS.offset) == 30
    assert bench.read(regs.INTERRUPT_CAUSE.offset) == 0
    assert min(b - a for a, b in itertools.pairwise(on)) >= clocks + 1
    assert len(on) >= 30 * 80 // max(clocks + 200, 80)
