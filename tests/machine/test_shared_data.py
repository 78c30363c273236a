# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Data that routines of a driver share: with a seed a change that is lost is a defect, which names both places."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
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


@pytest.mark.row("INT-17")
def test_a_list_that_the_isr_changes_in_the_middle_of_a_change_names_both_places() -> None:
    file = re.escape(racing_drivers.__file__)
    isr, dpc = line_of("x.arrived.append(causes)"), line_of("taken.append(x.arrived.pop(0))")
    assert re.search(
        "data that an ISR changes must be changed elsewhere in a routine of KeSynchronizeExecution.*; arrived of"
        rf" Extension was \[(\d+)\], then Listed.served \({file}:{isr}\) made it \[\1, \d+\], while this routine was"
        rf" about to change it too, .*; in Listed.take \({file}:{dpc}\) of <driver racing>",
        first_told("Listed"),
    )
    assert first_told("Listed", right=True) == ""


def test_a_quarter_of_the_seeds_and_more_find_a_list_that_the_isr_changes_too() -> None:
    """Of 64 seeds 25 do with one processor, as docs/irql.md says."""
    assert sum(play(RACES["Listed"], False, 1, seed) != "" for seed in range(1, 17)) >= 4


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


class Container(Counted):
    """The ISR and the DPC change a container, each with a method or an operator of its type, and without a lock."""

    def __init__(
        self, change: Callable[[Racing, int], object], in_isr: Callable[[Racing, int], object]
    ) -> None:
        super().__init__(False)
        self.change, self.in_isr = change, in_isr
        self.list: list[int] = []
        self.deque: deque[int] = deque()
        self.set: set[int] = set()
        self.dict: dict[int, int] = {}
        self.events = 0

    def served(self, x: Extension, causes: int) -> None:
        self.events += 1
        self.in_isr(self, self.events)

    def deferred(self, device: wdm.DEVICE_OBJECT, x: Extension, context: object) -> None:
        self.change(self, -self.events)
        while x.pending:
            self.complete(x.pending.pop(0), wdm.STATUS_SUCCESS)


def list_append(self: Container, number: int) -> None:
    self.list.append(number)


def list_insert(self: Container, number: int) -> None:
    self.list.insert(0, number)


def list_add(self: Container, number: int) -> None:
    self.list += [number]


def list_new(self: Container, number: int) -> None:
    self.list = [number]


def deque_append(self: Container, number: int) -> None:
    self.deque.appendleft(number)


def set_add(self: Container, number: int) -> None:
    self.set.add(number)


def dict_update(self: Container, number: int) -> None:
    self.dict.update({number: 1})


def nothing(self: Container, number: int) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "in_isr", "is_told"),
    [
        (list_append, list_append, True),
        (list_insert, list_append, True),
        (list_append, list_new, True),
        (list_add, list_append, True),
        (deque_append, deque_append, True),
        (set_add, set_add, True),
        (dict_update, dict_update, True),
        (list_append, nothing, False),
        (list_append, set_add, False),
        (nothing, list_append, False),
    ],
)
def test_each_container_that_both_change_is_told(
    change: Callable[[Racing, int], object], in_isr: Callable[[Racing, int], object], is_told: bool
) -> None:
    assert any("INT-17" in defects(Container(change, in_isr), seed) for seed in range(1, 13)) is is_told


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
    assert not {"_dirql_store", "_dirql_change"} & vars(racing_drivers).keys()


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
