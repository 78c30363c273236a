# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Pads of a function, driven and read from outside through the Target contract, without a driver."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dirql.hardware.reading import load_machine
from dirql.registers import gpio, interrupt_controller, pci_configuration
from dirql.target import inside_simulator, open_target, run_in_simulator
from dirql.target.contract import (
    Capability,
    EventBits,
    NotSupported,
    PadLevels,
    Target,
    TargetClosed,
    Wake,
)
from fakes.scripted_target import ScriptedTarget
from hdl.machine_bench import Register

SEVERAL = Path(__file__).parents[1] / "hdl" / "machines" / "several.toml"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(inside_simulator(), reason="opens targets of its own"),
]


class Pins:
    """The gpio function of a machine, placed and enabled, with its interrupt reaching the host."""

    def __init__(self, target: Target) -> None:
        self.target = target
        machine = target.description
        (self.function,) = machine.functions_named("gpio")
        self.base = machine.buses[0].memory.start
        header = self.function.place.configuration_address
        target.write_configuration(header | pci_configuration.BAR.offset, self.base)
        on = pci_configuration.COMMAND.pack(memory_enable=1)
        target.write_configuration(header | pci_configuration.COMMAND.offset, on, 0b11)
        enable = machine.controller.address + interrupt_controller.ENABLE.offset
        target.write_memory(enable, interrupt_controller.ENABLE.INPUTS)

    def read(self, register: Register) -> int:
        return self.target.read_memory(self.base + register.offset)

    def write(self, register: Register, value: int) -> None:
        self.target.write_memory(self.base + register.offset, value)

    def drive(self, levels: int) -> None:
        self.target.drive_pads(self.function, levels)


@pytest.fixture(params=[False, True], ids=["fast", "checked"])
def pins(request: pytest.FixtureRequest) -> Iterator[Pins]:
    target = open_target("verilated", machine=SEVERAL, checked=request.param)
    yield Pins(target)
    target.close()


def test_inputs_follow_the_levels_outside_and_are_low_without_them(pins: Pins) -> None:
    assert pins.read(gpio.PIN_INPUT) == 0
    for levels in (0xFFFF, 0x8001, 0x0000, 0x5A5A):
        pins.drive(levels)
        assert pins.read(gpio.PIN_INPUT) == levels


def test_outputs_and_inputs_in_loopback_do_not_see_the_levels_outside(pins: Pins) -> None:
    pins.write(gpio.DIRECTION, 0x00FF)
    pins.write(gpio.LOOPBACK, 0x0F00)
    pins.write(gpio.PIN_OUTPUT, 0x0AAA)
    pins.drive(0xFFFF)
    assert pins.read(gpio.PIN_INPUT) == 0xFAAA


def test_outputs_are_seen_outside(pins: Pins) -> None:
    read = pins.target.read_pads
    assert read(pins.function).driven == 0
    pins.write(gpio.DIRECTION, 0x00FF)
    pins.write(gpio.PIN_OUTPUT, 0x5AA5)
    assert read(pins.function) == PadLevels(levels=0x5AA5, driven=0x00FF)
    pins.write(gpio.DIRECTION, 0xF000)
    assert read(pins.function) == PadLevels(levels=0x5AA5, driven=0xF000)


def test_an_edge_from_outside_interrupts_three_clocks_later(pins: Pins) -> None:
    """Two registers synchronise, and the third keeps the cause."""
    pins.write(gpio.RISING, 1 << 9)
    pins.write(gpio.INTERRUPT_MASK_SET, 1 << 9)
    pins.target.take_event_records()
    start = pins.target.now()
    pins.drive(1 << 9)
    assert pins.target.wait(100) is Wake.INTERRUPT
    pins.target.spend(20)
    pins.read(gpio.PIN_INPUT)
    (cause,) = [each for each in pins.target.take_event_records() if each.bits & EventBits.CAUSE]
    assert cause.causes == 1 << 9
    assert cause.function == pins.function.index
    assert cause.clock - start == 3


def test_reaching_pads_takes_no_clock_and_comes_after_the_spent_ones(pins: Pins) -> None:
    start = pins.target.now()
    pins.drive(1)
    pins.target.read_pads(pins.function)
    assert pins.target.now() == start
    pins.drive(0)
    pins.target.spend(500)
    pins.drive(1)
    assert pins.target.now() == start + 500
    pins.write(gpio.PIN_OUTPUT, 7)
    pins.target.spend(500)
    assert pins.target.read_pads(pins.function).levels == 7
    assert pins.target.now() > start + 1000


def test_a_pulse_while_the_host_waits_is_not_lost(pins: Pins) -> None:
    """The library without assertions skips clocks in a long wait; a change of the pads ends that."""
    pins.write(gpio.RISING, 1)
    pins.write(gpio.FALLING, 1)
    for level in (1, 0, 1):
        pins.target.wait(50_000)
        pins.write(gpio.INTERRUPT_CAUSE, 1)
        pins.drive(level)
        pins.target.spend(5)
        assert pins.read(gpio.INTERRUPT_CAUSE) == 1


def test_a_reset_makes_the_pads_low(pins: Pins) -> None:
    pins.drive(0xFFFF)
    pins.target.reset()
    assert Pins(pins.target).read(gpio.PIN_INPUT) == 0


def test_each_function_has_pads_of_its_own() -> None:
    target = open_target("verilated", machine="crowd")
    functions = target.description.functions_named("gpio")
    base, step = target.description.buses[0].memory.start, 0x1000
    for number, function in enumerate(functions):
        header = function.place.configuration_address
        target.write_configuration(header | pci_configuration.BAR.offset, base + step * number)
        on = pci_configuration.COMMAND.pack(memory_enable=1)
        target.write_configuration(header | pci_configuration.COMMAND.offset, on, 0b11)
        target.drive_pads(function, 0x100 + number)
    seen = [
        target.read_memory(base + step * number + gpio.PIN_INPUT.offset) for number in range(len(functions))
    ]
    target.close()
    assert seen == [0x100 + number for number in range(len(functions))]


def test_levels_and_functions_that_cannot_be_are_refused(pins: Pins) -> None:
    store = pins.target.description.functions_named("store")[0]
    with pytest.raises(ValueError, match=r"one of this machine that has pads.*gpio at 00:01.7; it was store"):
        pins.target.drive_pads(store, 0)
    with pytest.raises(ValueError, match=r"one of this machine that has pads"):
        pins.target.read_pads(load_machine("crowd").functions_named("gpio")[0])
    for levels in (-1, 0x1_0000):
        with pytest.raises(ValueError, match=r"levels of the 16 pads of gpio at 00:01.7 must be 0 to 0xffff"):
            pins.drive(levels)


def test_after_close_pads_cannot_be_reached(pins: Pins) -> None:
    pins.target.close()
    with pytest.raises(TargetClosed):
        pins.drive(0)
    with pytest.raises(TargetClosed):
        pins.target.read_pads(pins.function)


def test_a_target_without_the_capability_says_so(pins: Pins) -> None:
    script = ScriptedTarget()
    assert Capability.PADS in pins.target.capabilities
    assert Capability.PADS not in script.capabilities
    for access in (lambda f: script.drive_pads(f, 0), script.read_pads):
        with pytest.raises(
            NotSupported, match="capability PADS; target scripted lacks it: mark the test with"
        ):
            access(pins.function)


# The same on both simulated targets.


def history(target: Target) -> list[object]:
    """Everything that is seen of edges at random clocks, on all pads."""
    pins, random_ = Pins(target), random.Random(4)
    pins.write(gpio.RISING, 0xFF0F)
    pins.write(gpio.FALLING, 0x0FFF)
    pins.write(gpio.DIRECTION, 0xF000)
    pins.write(gpio.INTERRUPT_MASK_SET, 0xFFFF)
    seen: list[object] = []
    for _ in range(200):
        pins.drive(random_.getrandbits(16))
        pins.target.spend(random_.randrange(9))
        pins.write(gpio.PIN_OUTPUT, random_.getrandbits(16))
        cause = pins.read(gpio.INTERRUPT_CAUSE)
        pins.write(gpio.INTERRUPT_CAUSE, cause)
        target.wait(random_.randrange(60))
        seen.append([target.now(), cause, target.interrupt_request(), target.read_pads(pins.function)])
        seen += target.take_event_records()
    return seen


def main(arguments: Sequence[str]) -> int:
    """Inside a simulator: write what was seen."""
    target = open_target("cocotb", machine=SEVERAL)
    Path(arguments[0]).write_text(json.dumps(history(target)), encoding="utf-8")
    target.close()
    return 0


def test_both_simulated_targets_see_the_same_on_the_same_clocks(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    assert run_in_simulator("machine.test_pads:main", [str(path)], machine=SEVERAL) == 0
    target = open_target("verilated", machine=SEVERAL)
    here = history(target)
    target.close()
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(json.dumps(here))
