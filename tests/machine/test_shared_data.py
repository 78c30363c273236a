# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Data that routines of a driver share: with a seed a change that is lost is a defect, which names both places."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from types import FunctionType

import pytest

from dirql import wdm
from dirql.io.errors import IoError
from dirql.ke.watch.deadlock import Deadlock
from dirql.machine import LeakReport, open_machine
from dirql.target import inside_simulator
from machine import racing_drivers
from machine.racing_drivers import RACES, Counted, Extension, Racing, Unlocked, play, two_events, two_readers

pytestmark = pytest.mark.skipif(inside_simulator(), reason="runs drivers with many seeds")

SEEDS = range(1, 33)


def line_of(text: str) -> int:
    """The line of the drivers' file that ends in `text`."""
    lines = Path(racing_drivers.__file__).read_text(encoding="utf-8").splitlines()
    found = [number for number, line in enumerate(lines, 1) if line.endswith(text)]
    assert len(found) == 1
    return found[0]


def first_told(name: str, right: bool = False) -> str:
    return next((told for seed in SEEDS if (told := play(RACES[name], right, 1, seed))), "")


@pytest.mark.row("INT-17")
def test_a_change_that_loses_what_the_isr_has_stored_names_both_places() -> None:
    file = re.escape(racing_drivers.__file__)
    isr, dpc = line_of("x.events += causes.bit_count()"), line_of("x.events -= 1")
    assert re.search(
        "data that an ISR changes must be changed elsewhere in a routine of KeSynchronizeExecution.*; events of"
        rf" Extension was 1, then Racing.served \({file}:{isr}\) made it 2, .* the change is lost; in Counted.take"
        rf" \({file}:{dpc}\) of <driver racing>",
        first_told("Counted"),
    )
    assert first_told("Counted", right=True) == ""


@pytest.mark.row("LCK-06")
def test_a_change_that_loses_that_of_another_thread_names_both_places() -> None:
    file, line = re.escape(racing_drivers.__file__), line_of("x.requests = x.requests + 1")
    place = rf"Unlocked.begin \({file}:{line}\)"
    assert re.search(
        "data that several routines of a driver change must be guarded by one lock.*; requests of Extension was (\\d+),"
        rf" then {place} made it \d+, and what is stored now was made of \1, .*; in {place} of <driver racing>",
        first_told("Unlocked"),
    )


def defects(driver: Racing, seed: int, *, race_checks: bool = True) -> list[str]:
    """The rows that two events of the device break; a request that is lost ends the run."""
    driver.clocks = 96
    machine = open_machine(seed=seed, idle_limit=20_000, race_checks=race_checks)
    with suppress(Deadlock, IoError, LeakReport), machine:
        machine.load_driver(driver)
        two_events(machine)
    return [row for row, _ in machine.defects]


class Chained(Counted):
    """The value goes to two places at once, one of which is reached from the device object."""

    def deferred(self, device: wdm.DEVICE_OBJECT, x: Extension, context: object) -> None:
        assert isinstance(device.device_extension, Extension)
        self.number, device.device_extension.events = device.device_extension.events, 0
        for _ in range(min(self.number, len(x.pending))):
            self.complete(x.pending.pop(0), wdm.STATUS_SUCCESS)


def test_an_attribute_is_found_from_the_device_object_too() -> None:
    assert any("INT-17" in defects(Chained(False), seed) for seed in SEEDS)


class Blind(Counted):
    """The DPC stores a value that is not made of the old one."""

    def deferred(self, device: wdm.DEVICE_OBJECT, x: Extension, context: object) -> None:
        x.events = 0
        while x.pending:
            self.complete(x.pending.pop(0), wdm.STATUS_SUCCESS)


def test_a_store_of_a_new_value_loses_nothing() -> None:
    assert all("INT-17" not in defects(Blind(False), seed) for seed in SEEDS)


def test_the_checks_can_be_switched_off_and_need_a_seed() -> None:
    assert any(defects(Counted(False), seed) for seed in SEEDS)
    assert not any(defects(Counted(False), seed, race_checks=False) for seed in SEEDS)
    assert defects(Counted(False), 0) == []


def test_the_functions_of_a_driver_have_their_own_code_again_when_the_machine_is_closed() -> None:
    before = {name: each.__code__ for name, each in vars(Racing).items() if isinstance(each, FunctionType)}
    with open_machine(seed=1) as machine:
        machine.load_driver(Counted(True))
        assert {name for name, code in before.items() if vars(Racing)[name].__code__ is not code} >= {
            "served"
        }
        assert vars(Racing)["succeed"].__code__ is before["succeed"]
    assert all(vars(Racing)[name].__code__ is code for name, code in before.items())
    assert "_dirql_store" not in vars(racing_drivers)


def test_a_counter_with_a_lock_is_right_with_each_seed() -> None:
    for seed in range(1, 9):
        with open_machine(seed=seed) as machine:
            machine.load_driver(Unlocked(True))
            two_readers(machine)
            assert machine.defects == []


def test_a_driver_without_a_file_stays_as_it_is() -> None:
    made: dict[str, object] = {"wdm": wdm, "__name__": "nowhere"}
    exec(
        "class Driver:\n"
        "    HARDWARE_IDS = ()\n"
        "    number = 1\n"
        "    def DriverEntry(self, driver, path):\n"
        "        self.number += 1\n"
        "        driver.driver_unload = lambda driver: None\n"
        "        return wdm.STATUS_SUCCESS\n",
        made,
    )
    kind = made["Driver"]
    assert isinstance(kind, type)
    code = vars(kind)["DriverEntry"].__code__
    with open_machine(seed=1) as machine:
        machine.load_driver(kind(), "nowhere")
        assert vars(kind)["DriverEntry"].__code__ is code
