# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The verilated target beyond the contract: waves, several machines at once, memory that outlives its machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import get_type_hints

import pytest

from dirql.hardware.root import machine_root
from dirql.machine import open_machine
from dirql.registers import store, timestamp
from dirql.target import open_target
from dirql.target.contract import TargetError, Wake
from dirql.target.simulation.exchange import Exchange, exchange_ffi
from dirql.target.simulation.library import load_library
from dirql.target.simulation.library_recipe import Variant
from dirql.target.simulation.verilated import VerilatedTarget
from dirql.wdm import KeDelayExecutionThread, KeQueryInterruptTime, KernelMode
from fakes.default_machine import MACHINE
from machine.target_bench import Bench, configure_bench, open_bench


def test_waves_go_to_the_file_and_change_no_clock(tmp_path: Path) -> None:
    plain = open_bench("verilated")
    waved = configure_bench(
        open_target("verilated", waves=tmp_path / "signals.fst", announce=lambda _line: None)
    )
    for bench in (plain, waved):
        bench.target.write_memory(bench.ram, 5)
        assert bench.target.read_memory(bench.ram) == 5
    assert plain.target.now() == waved.target.now()
    plain.target.close()
    waved.target.close()
    (path,) = tmp_path.iterdir()
    assert path.suffix in {".fst", ".vcd"}
    assert path.stat().st_size > 10_000
    if path.suffix == ".vcd":
        text = path.read_text()
        assert "$timescale" in text
        assert "cmd_valid_i" in text


def test_waves_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="waves must go to a file that can be written"):
        open_target("verilated", waves=tmp_path / "no" / "such" / "folder.vcd", announce=lambda _line: None)


def test_a_machine_that_is_in_the_cache_needs_no_compiler(tmp_path: Path) -> None:
    VerilatedTarget(MACHINE).close()
    code = "from dirql.target import open_target; open_target('verilated').close()"
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_waves_and_checks_are_not_for_one_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must not be asked for together"):
        open_target("verilated", waves=tmp_path / "x.vcd", checked=True)


def test_several_machines_at_once_know_nothing_of_each_other() -> None:
    benches = [open_bench("verilated") for _ in range(4)]
    for number, bench in enumerate(benches):
        bench.target.wait(100 * number)
        bench.target.write_memory(bench.ram, number)
        bench.target.memory[0] = number
    for number, bench in enumerate(benches):
        assert bench.target.read_memory(bench.ram) == number
        assert bench.target.memory[0] == number
    assert len({bench.target.now() for bench in benches}) == 4
    benches[0].target.close()
    assert benches[1].target.read_memory(benches[1].ram) == 1
    for bench in benches:
        bench.target.close()


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_machines_are_closed_in_any_order(order: tuple[int, ...], checked: bool) -> None:
    targets = [VerilatedTarget(MACHINE, checked=checked) for _ in range(3)]
    for place, number in enumerate(order):
        targets[number].close()
        for other in order[place + 1 :]:
            before = targets[other].now()
            targets[other].wait(10)
            assert targets[other].now() == before + 10
    VerilatedTarget(MACHINE, checked=checked).close()


def test_many_machines_one_after_another() -> None:
    for _ in range(200):
        target = VerilatedTarget(MACHINE)
        target.wait(1)
        target.close()


def test_the_typed_exchange_is_the_declared_one() -> None:
    fields = [
        name for name, _ in exchange_ffi(machine_root(), MACHINE).typeof("struct dirql_exchange").fields
    ]
    assert list(get_type_hints(Exchange)) == fields[fields.index("memory") + 1 : fields.index("posted")]


@pytest.mark.parametrize(("variant", "short_cut"), [(Variant.FAST, 2), (Variant.CHECKED, 1)])
def test_the_short_cuts_through_the_model_are_found(variant: Variant, short_cut: int) -> None:
    library = load_library(MACHINE, variant)
    assert library.functions.dirql_short_cut() == short_cut, (
        "Verilator writes C++ of another form than host/dirql/target/simulation/composition.py, or has another name"
        " than ClockMemory of sim/verilated/whole_model.h expects: the target works, but slower"
    )


def test_clocks_are_skipped_on_a_machine_with_bridges_too() -> None:
    """Evaluated one by one, these clocks would take an hour; test_machines.py compares both."""
    bench = open_bench("verilated", machine="bridged")
    start = bench.target.now()
    assert bench.target.wait(1_000_000_000) is None
    assert bench.target.now() == start + 1_000_000_000
    bench.target.write_memory(bench.ram, 5)
    assert bench.target.read_memory(bench.ram) == 5
    bench.target.close()


@pytest.mark.parametrize("clocks", [1, 15, 16, 17, 40, 1000, 70_000])
def test_a_countdown_in_the_machine_ends_on_its_clock_though_clocks_are_skipped(clocks: int) -> None:
    """The library with assertions evaluates each clock; the store's DELAY and the hold of interrupts are countdowns."""
    ends = []
    for checked in (False, True):
        bench = open_bench("verilated", checked=checked)
        bench.enable(1 << bench.store_input)
        write = bench.target.write_memory
        write(bench.registers + store.INTERRUPT_MASK_SET.offset, store.INTERRUPT_MASK_SET.RAISED)
        write(bench.registers + store.DELAY.offset, clocks)
        write(bench.registers + store.COMMAND.offset, store.Operation.RAISE)
        bench.target.hold_interrupt(2 * clocks)
        woken = bench.target.wait(10 * clocks + 1000)
        busy = bench.target.read_memory(bench.registers + store.BUSY_CLOCKS.offset)
        ends.append((woken, bench.target.now(), busy))
        bench.target.close()
    assert ends[0] == ends[1]
    assert ends[0][0] is Wake.INTERRUPT
    assert ends[0][2] > clocks


METHODS = (
    "interrupt_acknowledge",
    "interrupt_request",
    "mark",
    "now",
    "read_io",
    "read_memory",
    "set_deadline",
    "wait",
    "write_io",
    "write_memory",
)


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_the_library_look_like_those_in_python(name: str) -> None:
    """They are there at all: without Python.h, or in a subclass, a target has the methods in Python."""
    target = VerilatedTarget(MACHINE)
    fast, plain = (getattr(kind, name) for kind in (type(target), VerilatedTarget))
    target.close()
    assert type(fast) is type(str.join), "Python.h must be installed for this test"
    assert type(plain) is type(lambda: None)
    assert list(signature(fast).parameters) == list(signature(plain).parameters)
    assert fast.__doc__ == "See `Target`."


def _attention(bench: Bench) -> object:
    bench.target.set_deadline(0)
    return bench.target.read_memory(address=bench.ram), bench.target.attention


def _many_marks(bench: Bench) -> object:
    for number in range(200):
        bench.target.mark(payload=number)
    bench.target.wait(limit=400)
    return bench.target.take_event_records()


def _negative_time(bench: Bench) -> object:
    bench.target.spent = -1
    try:
        return bench.target.read_memory(bench.ram)
    finally:
        bench.target.spent = 0


def _call(bench: Bench, method: str, *arguments: object, **named: object) -> object:
    """Call a method with arguments that its types do not allow."""
    return getattr(bench.target, method)(*arguments, **named)


ODD: list[Callable[[Bench], object]] = [
    _attention,
    _many_marks,
    _negative_time,
    lambda b: _call(b, "read_memory", "0"),
    lambda b: _call(b, "read_memory", 8.0),
    lambda b: _call(b, "write_memory", b.ram, None),
    lambda b: _call(b, "read_memory"),
    lambda b: _call(b, "read_memory", b.ram, 1, 2),
    lambda b: _call(b, "write_memory", b.ram, 1, enables=3),
    lambda b: b.target.read_memory(1 << 70),
    lambda b: b.target.read_io(b.ports + 1, 0b0010),
    lambda b: b.target.read_io(b.ports + 1, 0),
    lambda b: b.target.read_memory(b.ram, True),
    lambda b: b.target.spend((1 << 17) + 3) or b.target.read_memory(b.ram),
    lambda b: b.target.wait(None),
    lambda b: b.target.wait(1 << 63),
    lambda b: b.target.set_deadline(1 << 64),
    lambda b: b.target.mark(-1),
    lambda b: _call(b, "mark", 1, 2),
    lambda b: _call(b, "interrupt_acknowledge", 1),
]


@pytest.mark.parametrize("number", range(len(ODD)))
def test_odd_calls_do_the_same_in_python_and_in_the_library(number: int) -> None:
    seen = []
    for name in ("verilated", "python"):
        bench = open_bench(name)
        bench.target.write_memory(bench.ram, 0x1234_5678)
        bench.request_after(100)
        bench.enable(1 << bench.store_input)
        try:
            outcome = ODD[number](bench)
        except (ArithmeticError, TypeError, ValueError) as error:
            outcome = type(error), str(error).replace("CommandTarget.", "")
        target = bench.target
        seen.append((outcome, target.now(), target.spent, target.attention, target.interrupt_request()))
        target.close()
    assert seen[0] == seen[1]


@pytest.mark.timeout(60)
def test_clocks_are_counted_for_thousands_of_years() -> None:
    """The event records have 48 bits of the clock; the clock itself has 64."""
    bench = open_bench("verilated")
    target, unit = bench.target, bench.target.description.timestamp_unit.address
    for clocks in ((1 << 48) - 50, 100, 1 << 60):
        before = target.now()
        assert target.wait(clocks) is None
        assert target.now() == before + clocks
        low = target.read_memory(unit + timestamp.COUNTER_LO.offset)
        high = target.read_memory(unit + timestamp.COUNTER_HI.offset)
        assert before + clocks < high << 32 | low < target.now()
    target.close()


@pytest.mark.timeout(60)
def test_a_thread_may_sleep_for_a_year() -> None:
    year = 365 * 24 * 3600 * 10**7
    with open_machine():
        before = KeQueryInterruptTime()
        KeDelayExecutionThread(KernelMode, False, -year)
        assert year <= KeQueryInterruptTime() - before < year + 10**4
