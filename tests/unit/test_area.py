# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The plan of docs/area.md, the frame around a block, and the page: what can be checked without the tools."""

from __future__ import annotations

from dataclasses import replace

import pytest

from area_engine import Part, Size, plain
from area_page import complaints, page, shortfall
from area_plan import Run, blocks_of, load_plan, machine_of
from area_wrapper import Port, frame
from source_tree import ROOT

PLAN = load_plan()
RUN = PLAN.runs[0]
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
    text = page(PLAN, {RUN: (SIZE, whole)})
    assert "| `tiny` | iCE40 HX8K | 5000 | 3000 | 20 | 5600 | 73 % | 7252 | 94 % | 24.0 | 24 |" in text
    assert "| `host_bridge` | 5000 | 3000 | 20 | 1234 | 24.0 |" in text
    assert "| `u_bridge` | 900 | 400 | 5 |" in text


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
        (replace(SIZE, cells=RUN.part.cells - PLAN.link.cells + 1), "machine and link must fit"),
        (replace(SIZE, rams=RUN.part.rams - PLAN.link.rams + 1), "machine and link must fit"),
        (replace(SIZE, megahertz=23.9), "the clock must reach 24 MHz; it reaches 23.9"),
    ],
)
def test_a_machine_that_misses_something_is_told(size: Size, words: str) -> None:
    found = " ".join(shortfall(PLAN.link, RUN, size))
    assert words in found
    assert bool(found) == bool(words)


def test_a_run_that_is_not_routed_has_no_clock_to_reach() -> None:
    run: Run = replace(RUN, route=False)
    assert list(shortfall(PLAN.link, run, replace(SIZE, megahertz=0.0))) == []


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
