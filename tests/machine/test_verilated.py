# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The verilated target beyond the contract: waves, several machines at once, memory that outlives its machine."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import pytest

from dirql.hardware.root import machine_root
from dirql.registers import store
from dirql.target import open_target
from dirql.target.contract import TargetError, Wake
from dirql.target.simulation.exchange import Exchange, exchange_ffi
from dirql.target.simulation.library import load_library
from dirql.target.simulation.library_recipe import Variant
from dirql.target.simulation.verilated import VerilatedTarget
from fakes.default_machine import MACHINE
from machine.target_bench import STORE_INPUT, configure_bench, open_bench


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
    _, library = load_library(MACHINE, variant)
    assert library.dirql_short_cut() == short_cut, (
        "Verilator writes C++ of another form than host/dirql/target/simulation/composition.py, or has another name"
        " than ClockMemory of sim/verilated/whole_model.h expects: the target works, but slower"
    )


@pytest.mark.parametrize("clocks", [1, 15, 16, 17, 40, 1000, 70_000])
def test_a_countdown_in_the_machine_ends_on_its_clock_though_clocks_are_skipped(clocks: int) -> None:
    """The library with assertions evaluates each clock; the store's DELAY and the hold of interrupts are countdowns."""
    ends = []
    for checked in (False, True):
        bench = open_bench("verilated", checked=checked)
        bench.enable(1 << STORE_INPUT)
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
