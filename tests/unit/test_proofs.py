# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The plan of the proofs and its page: what can be checked without the tools that prove."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import prove
from proof_engine import Finding, Outcome, Task, sby_text, tasks_of
from proof_page import page
from proof_plan import HDL, Proof, load_plan, statements
from source_tree import ROOT

PROOF = Proof(
    name="block",
    harness="room/formal/block_formal.sv",
    sources=("room/rtl/block.sv",),
    cover=9,
    induction=4,
    bounded=20,
    only_bounded=("slow",),
    absent=("M05", "C13", "a_level"),
)

HARNESS = """
`PROVE(A01_one, a == b, "One.")
`PROVE(slow,
       a || c[1:0] == 2'd3,
       "Slow.")
`ASSUME(quiet, !a, "Quiet.")
`COVER(busy, a, "Busy.")
"""

BLOCK = """
      // The level never
      // exceeds four.
      a_level: assert (level_q <= 3'd4);
      // C13: off.
      if (rst_ni) C13: assert (!a);
      `RULE(M05, a, "Waits.")
"""


def folder_with(tmp_path: Path, plan: str = "") -> Path:
    for file, text in ((PROOF.harness, HARNESS), (PROOF.sources[0], BLOCK), ("formal/proofs.toml", plan)):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "formal.md").read_text(encoding="utf-8") == page(load_plan(), HDL)


@pytest.mark.parametrize("proof", load_plan(), ids=lambda proof: proof.name)
def test_each_harness_has_properties_goals_and_labels_of_its_own(proof: Proof) -> None:
    found = statements(HDL / proof.harness)
    counts = Counter(statement.label for statement in found)
    assert [label for label, count in counts.items() if count > 1] == []
    assert {"prove", "cover"} <= {statement.kind for statement in found}
    assert all(statement.sentence.endswith(".") for statement in found)
    labels = {s.label for source in (*proof.sources, proof.harness) for s in statements(HDL / source)}
    assert set(proof.only_bounded) <= labels


def test_each_harness_is_in_the_plan() -> None:
    planned = {HDL / proof.harness for proof in load_plan()}
    assert planned == set(HDL.rglob("*_formal.sv"))


def test_statements_are_read_with_their_sentences(tmp_path: Path) -> None:
    hdl = folder_with(tmp_path)
    harness = [(s.kind, s.label, s.sentence) for s in statements(hdl / PROOF.harness)]
    assert harness == [
        ("prove", "A01_one", "One."),
        ("prove", "slow", "Slow."),
        ("assume", "quiet", "Quiet."),
        ("cover", "busy", "Busy."),
    ]
    block = {s.label: s.sentence for s in statements(hdl / PROOF.sources[0])}
    assert block == {"M05": "Waits.", "a_level": "The level never exceeds four.", "C13": "C13: off."}


def test_the_page_says_how_each_property_is_shown(tmp_path: Path) -> None:
    (folder_with(tmp_path) / "core.f").write_text("room/rtl/block.sv\nroom/rtl/other.sv\n", encoding="utf-8")
    text = page((PROOF,), tmp_path)
    assert "| `A01_one` | One. | by induction |" in text
    assert "| `slow` | Slow. | to 20 clocks |" in text
    assert "Assumed:\n\n- Quiet." in text
    assert "Reached:\n\n- Busy." in text
    assert text.endswith("## Blocks without a proof\n\n- `room/rtl/other.sv`\n")


GOOD = {"name": '"x"', "harness": '"x.sv"', "sources": "[]", "cover": "5", "induction": "3"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cover": None}, "proof x: cover must be given; it is missing"),
        ({"dept": "3"}, "a key must be one of name, harness, .*; it was dept"),
        ({"cover": '"5"'}, "cover must be of type int; it was '5'"),
        ({"induction": None}, "induction or bounded must give a depth; neither does"),
        (
            {"only_bounded": '["a"]'},
            "bounded must give the depth for the properties of only_bounded; it is missing",
        ),
    ],
)
def test_a_wrong_plan_is_refused(tmp_path: Path, changes: dict[str, str | None], message: str) -> None:
    lines = [f"{key} = {value}" for key, value in {**GOOD, **changes}.items() if value is not None]
    with pytest.raises(ValueError, match=message):
        load_plan(folder_with(tmp_path, "[[proofs]]\n" + "\n".join(lines)))


def test_a_task_says_what_is_proven_assumed_and_left_to_a_depth() -> None:
    proof = replace(PROOF, assumed=("*u_checker*.T*",), parameters=({"Masters": 3},))
    bounded, induction, cover = (sby_text(task, HDL) for task in tasks_of(proof))
    assert "mode bmc\ndepth 20\n" in bounded
    assert "mode prove\ndepth 4\n" in induction
    assert "mode cover\ndepth 9\n" in cover
    assert "--top block_formal -G Masters=3 room/rtl/block.sv room/formal/block_formal.sv" in induction
    for text in (bounded, induction, cover):
        assert "chformal -assert2assume */*u_checker*.T*" in text
    assert "chformal -assert -remove */*.slow" in induction
    assert "remove" not in bounded


def test_each_property_is_reported_once_and_what_fails_with_its_waves(tmp_path: Path) -> None:
    hdl = folder_with(tmp_path)
    bounded, induction, cover = tasks_of(PROOF)
    one = Finding("p_properties.A01_one", "", "failed", 3, "trace.vcd")
    slow = Finding("p_properties.slow", "", "shown", 0, "")
    lines, bad = prove.report(
        Outcome(bounded, (Finding("p_properties.A01_one", "", "shown", 0, ""), slow), ""), hdl
    )
    assert (bad, len(lines)) == (0, 2)
    assert "to 20 clocks" in lines[1]
    assert lines[1].endswith("Slow.")
    lines, bad = prove.report(Outcome(induction, (one,), ""), hdl)
    assert bad == 1
    assert lines[1].split() == ["REFUTED", "A01_one", "One."]
    assert lines[2].endswith("waves: trace.vcd")
    assert prove.report(Outcome(cover, (), ""), hdl)[1] == 1


def test_a_statement_that_the_compiled_design_lacks_is_reported(tmp_path: Path) -> None:
    hdl = folder_with(tmp_path)
    task = Task(PROOF, {}, "prove")
    lines, bad = prove.report(Outcome(task, (), ""), hdl)
    assert bad == 1
    assert lines[1].split()[:3] == ["NOT", "THERE", "A01_one"]
    inside = replace(PROOF, absent=("C13",), assumed=("*.M*",))
    lines, bad = prove.report(Outcome(replace(task, proof=inside), (), ""), hdl)
    assert [line.split()[2] for line in lines[1:]] == ["A01_one", "a_level"]
    lines, bad = prove.report(Outcome(task, (), "the tool's words"), hdl)
    assert (bad, lines[1].split()[:2]) == (1, ["NO", "RESULT"])


def test_an_unknown_proof_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert prove.main(["nothing"]) == 2
    assert "a proof must be one of prim_queue, " in capsys.readouterr().err
