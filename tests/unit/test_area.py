# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The plan of docs/area.md, the frame around a block, and the page: what can be checked without the tools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

import area
from area_engine import Part, Size, ToolError, plain
from area_page import Link, complaints, links, page, shortfall
from area_plan import Run, blocks_of, load_plan, machine_of
from area_wrapper import Port, frame
from source_tree import ROOT

PLAN = load_plan()
RUN = PLAN.runs[0]
LINK = Link("tiny", 1305, 1652, 8)
SIZE = Size("machine", 5000, 3000, 20, RUN.goal, float(RUN.megahertz), (Part("u_bridge", 900, 400, 5),))


def test_the_page_has_each_machine_and_block() -> None:
    text = (ROOT / "docs/area.md").read_text(encoding="utf-8")
    assert list(complaints(PLAN, text)) == []


def test_a_page_without_a_block_or_a_machine_is_refused() -> None:
    text = page(PLAN, dict.fromkeys(PLAN.runs[1:], (SIZE,)))
    lacks = list(complaints(PLAN, text))
    assert f"must have a row for {RUN.title} on {RUN.part.name}" in lacks
    assert "must have a row for the block host_bridge" in lacks


def test_the_page_shows_what_was_measured() -> None:
    whole = replace(SIZE, block="host_bridge", cells=1234)
    linked = replace(SIZE, luts=6000, cells=7252, rams=28)
    run = next(run for run in PLAN.runs if run.linked and run.part == RUN.part)
    text = page(PLAN, {RUN: (SIZE, whole), run: (linked,)})
    assert "| `tiny` | iCE40 HX8K | 5000 | 3000 | 20 | 5600 | 73 % | 7252 | 94 % | 24.0 | 24 |" in text
    assert "on the iCE40 HX8K 1000 LUTs, 1652 cells and 8 block RAMs, with `tiny`" in text
    assert (
        "| `tiny with its link` | iCE40 HX8K | 6000 | 3000 | 28 | 7252 | 94 % | 7252 | 94 % | 24.0 | 24 |"
        in text
    )
    assert "| `host_bridge` | 5000 | 3000 | 20 | 1234 | 24.0 |" in text
    assert "| `u_bridge` | 900 | 400 | 5 |" in text


def test_what_was_not_measured_stays_as_it_was() -> None:
    whole = page(PLAN, dict.fromkeys(PLAN.runs, (SIZE, replace(SIZE, block="store"))))
    assert page(PLAN, {}, whole) == whole
    changed = page(PLAN, {RUN: (replace(SIZE, luts=4321), replace(SIZE, block="store", luts=1234))}, whole)
    assert set(changed.splitlines()) - set(whole.splitlines()) == {
        "| `tiny` | iCE40 HX8K | 4321 | 3000 | 20 | 5600 | 73 % | – | – | 24.0 | 24 |",
        "| `store` | 1234 | 3000 | 20 | 5600 | 24.0 |",
    }


def test_the_link_on_other_parts_stays_in_the_page() -> None:
    """Of a page that is written when one machine was measured."""
    large = replace(SIZE, luts=6000, cells=7000, rams=28)
    whole = page(PLAN, {run: (large if run.linked else SIZE,) for run in PLAN.runs})
    mine = [run for run in PLAN.runs if run.machine == "pio"]
    changed = page(PLAN, {run: (replace(large, luts=5999) if run.linked else SIZE,) for run in mine}, whole)
    assert "on the iCE40 HX8K 1000 LUTs, 1400 cells and 8 block RAMs, with `tiny`;" in changed
    assert "on the iCE40 UP5K 999 LUTs, 1400 cells and 8 block RAMs, with `pio`." in changed


def test_a_link_is_measured_on_its_part_with_the_same_machine() -> None:
    linked = {run: (SIZE,) for run in PLAN.runs if run.linked}
    assert links(linked) == {}
    assert set(links(dict.fromkeys(PLAN.runs, (SIZE,)))) == {run.part.name for run in linked}


def test_the_blocks_are_the_modules_of_the_top() -> None:
    crowd = next(run for run in PLAN.runs if run.machine == "crowd")
    assert {"bus_arbiter", "host_bridge", "gpio", "store", "timestamp_unit"} <= set(
        blocks_of(machine_of(crowd))
    )


def test_a_run_changes_parameters_of_the_machine() -> None:
    small = next(run for run in PLAN.runs if run.parameters)
    assert all(f.parameters["buffer_log2"] == 12 for f in machine_of(small).functions)
    assert small.title == "default (buffer_log2 12)"


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (SIZE, ""),
        (replace(SIZE, cells=RUN.goal + 1), "must take at most"),
        (replace(SIZE, cells=RUN.part.cells - LINK.cells + 1), "machine and link must fit"),
        (replace(SIZE, rams=RUN.part.rams - LINK.rams + 1), "machine and link must fit"),
        (replace(SIZE, megahertz=23.9), "the clock must reach 24 MHz; it reaches 23.9"),
    ],
)
def test_a_machine_that_misses_something_is_told(size: Size, words: str) -> None:
    found = " ".join(shortfall(LINK, RUN, size))
    assert words in found
    assert bool(found) == bool(words)


def test_a_run_that_is_not_routed_has_no_clock_to_reach() -> None:
    run: Run = replace(RUN, route=False)
    assert list(shortfall(LINK, run, replace(SIZE, megahertz=0.0))) == []


def test_a_run_that_is_not_routed_need_not_fit() -> None:
    run: Run = replace(RUN, route=False, goal=0)
    assert list(shortfall(LINK, run, replace(SIZE, cells=RUN.part.cells + 1))) == []


def test_machines_are_measured_at_once_and_come_in_the_order_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Barrier(2, timeout=10)

    def sizes(run: Run, work: Path) -> Iterator[Size]:
        both.wait()
        yield replace(SIZE, luts=run.megahertz)

    monkeypatch.setattr(area, "sizes", sizes)
    monkeypatch.setattr(area, "version", str)
    runs = list(PLAN.runs[:4])
    assert area.measure(runs, tmp_path, jobs=2) == {run: [replace(SIZE, luts=run.megahertz)] for run in runs}
    assert list(area.measure(runs, tmp_path, jobs=2)) == runs


def test_a_tool_that_fails_is_told_with_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def sizes(run: Run, work: Path) -> Iterator[Size]:
        raise ToolError("out of memory")

    monkeypatch.setattr(area, "missing_tools", list)
    monkeypatch.setattr(area, "version", str)
    monkeypatch.setattr(area, "sizes", sizes)
    assert area.main(["tiny", "--work", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "tiny on iCE40 HX8K: out of memory\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tny"], "a machine must be one of at, "),
        (["--jobs", "0"], "--jobs must be 1 or more; it was 0"),
    ],
)
def test_wrong_arguments_are_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        area.main(words)
    assert message in capsys.readouterr().err


def test_a_frame_shifts_inputs_in_and_outputs_out() -> None:
    ports = [
        Port("clk_i", "input", (2,)),
        Port("rst_ni", "input", (3,)),
        Port("strap_i", "input", ("0", "1", 7)),
        Port("again_i", "input", (7, 8)),
        Port("sum_o", "output", (9, 10, 11)),
    ]
    around = frame(ports)
    assert (around.inputs, around.outputs) == (2, 3)
    assert ".strap_i({in_q[0], 1'b1, 1'b0})" in around.text
    assert ".again_i({in_q[1], in_q[0]})" in around.text
    assert ".sum_o(out[2:0])" in around.text


def test_modules_are_named_as_in_their_files() -> None:
    assert plain("$paramod$276b44386e5a33311f7a92efe9fd554540c89198\\store") == "store"
    assert plain("bus_counters") == "bus_counters"
