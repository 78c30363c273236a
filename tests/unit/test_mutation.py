# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tool that mutates the hardware: what it changes, what it passes over, and what it says of survivors."""

from __future__ import annotations

from pathlib import Path

import pytest

import mutate
from mutants import Mutant, mutants_of, schema
from mutation_plan import HDL, Cell, Survivor, load_cells, load_survivors

MODULE = """\
module counter #(
  parameter int unsigned Width = 4
) (
  input  logic clk_i,
  input  logic rst_ni,
  output logic [Width-1:0] count_o
);
  typedef enum logic {StIdle, StBusy} state_e;
  localparam logic [3:0] Limit = 4'd9;
  state_e state_q;
  logic [Width-1:0] count_q;
  logic full, next;
  if (Width < 1) begin : gen_check
    $error("counter: Width must be at least 1");
  end
  assign full = count_q >= Limit || state_q == StBusy;
  always_comb begin : p_next
    next = 1'b0;
    if (!full) next = count_q[0];
  end
  always_ff @(posedge clk_i) begin : p_count
    if (!rst_ni) count_q <= '0;
    else count_q <= full ? count_q : count_q + (Width+1)'(1);
  end
  always_ff @(posedge clk_i) begin : p_assert
    if (rst_ni) a_limit: assert (count_q <= Limit);
  end
  assign count_o = count_q;
endmodule
"""

CHANGES = [
    "full is always 0",
    "|| becomes && in count_q >= Limit || state_q == StBusy",
    ">= becomes > in count_q >= Limit",
    "Limit becomes (Limit + 1'b1)",
    "Limit becomes (Limit - 1'b1)",
    "== becomes != in state_q == StBusy",
    "1'b0 becomes 1'b1",
    "! goes from !full",
    "next is not assigned count_q[0]",
    "! goes from !rst_ni",
    "count_q is not assigned '0",
    "'0 becomes '1",
    "count_q is not assigned full ? count_q : count_q + (Width+1)'(1)",
    "full becomes its contrary",
    "+ becomes - in count_q + (Width+1)'(1)",
    "count_o is always 0",
]


def changes(text: str) -> list[str]:
    return [mutant.change for mutant in mutants_of("counter.sv", text)]


def behaviour(expression: str) -> str:
    return f"module m (\n  input logic clk_i\n);\n  assign x = {expression};\nendmodule\n"


def test_a_module_has_these_mutants_and_no_others() -> None:
    assert changes(MODULE) == CHANGES


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b", "+ becomes - in a + b"),
        ("a < b", "< becomes <= in a < b"),
        ("a & ~b", "~ goes from ~b"),
        ("^a", "~ comes before ^a"),
        ("4'hF", "4'hF becomes 4'h0"),
        ("4'hF", "4'hF becomes 4'hE"),
        ("c ? a : b", "c becomes its contrary"),
        ("f(a && b)", "&& becomes || in a && b"),
        ("{a | b, c}", "| becomes & in a | b"),
        ("{8{a != b}}", "!= becomes == in a != b"),
        ("a[b - c]", "- becomes + in b - c"),
        ("3'(a - b)", "- becomes + in a - b"),
    ],
)
def test_an_expression_has_this_mutant(expression: str, expected: str) -> None:
    assert expected in changes(behaviour(expression))


@pytest.mark.parametrize("expression", ["a[7:0]", "a[3]", "(W+1)'(a)", "{4{a}}", "{W{a}}", "a[i*8 +: 8]"])
def test_widths_and_ranges_stay_as_they_are(expression: str) -> None:
    assert changes(behaviour(expression)) == ["x is always 0"]


def test_a_changed_operator_keeps_its_operands_together() -> None:
    mutant = next(m for m in mutants_of("m.sv", behaviour("a || b || c")) if m.change.startswith("||"))
    assert mutant.text == "(a || b) && (c)"


def test_all_mutants_stand_in_one_text_and_the_first_choice_is_the_module_as_it_was() -> None:
    mutants = dict(enumerate(mutants_of("m.sv", behaviour("a && !b")), 1))
    assert (
        "assign x = (mutant_chosen == 16'd1 ? ((a) || (!b)) : ((mutant_chosen == 16'd2 ? ('0) : "
        "(a && (mutant_chosen == 16'd3 ? (b) : (!b))))));"
    ) in schema(behaviour("a && !b"), mutants)


def test_a_left_out_assignment_takes_no_else_with_it() -> None:
    text = MODULE.replace("assert (count_q <= Limit)", "assert (1)")
    mutants = dict(enumerate(mutants_of("counter.sv", text), 1))
    dropped = next(
        number for number, mutant in mutants.items() if mutant.change == "count_q is not assigned '0"
    )
    only = schema(text, {dropped: mutants[dropped]})
    assert (
        f"if (!rst_ni) begin if (mutant_chosen != 16'd{dropped}) count_q <= '0; end\n    else count_q" in only
    )


def test_equal_changes_of_equal_lines_are_counted() -> None:
    found = mutants_of("m.sv", behaviour("a && b") + behaviour("a").replace("module m", "module n"))
    twice = behaviour("a && b").replace("endmodule", "  assign x = a && b;\nendmodule")
    assert [mutant.occurrence for mutant in found] == [1, 1]
    assert [m.occurrence for m in mutants_of("m.sv", twice) if m.change.startswith("&&")] == [1, 2]


def test_what_cannot_be_read_is_refused_with_its_line() -> None:
    with pytest.raises(ValueError, match=r"^m\.sv, line 4: an expression must follow; it was '\)'$"):
        mutants_of("m.sv", behaviour("(a && )"))


@pytest.mark.parametrize("cell", load_cells(), ids=lambda cell: cell.name)
def test_each_cell_has_mutants(cell: Cell) -> None:
    for file in cell.files:
        assert mutants_of(file, (HDL / file).read_text(encoding="utf-8"))


def test_each_explained_survivor_is_a_mutant() -> None:
    files = {file for cell in load_cells() for file in cell.files}
    keys = {m.key for file in files for m in mutants_of(file, (HDL / file).read_text(encoding="utf-8"))}
    assert set(load_survivors()) <= keys


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[cells]]\nname = "a"\n', "files must be given; it is missing"),
        ('[[cells]]\nname = "a"\nfiles = []\n', "proofs or tests must be given; both are missing"),
        ('[[cells]]\nname = "a"\nfiles = "b"\n', "files must be of type list; it was 'b'"),
        (
            '[[cells]]\nname = "a"\nfiles = []\nspeed = 1\n',
            "a key must be one of name, files, proofs, tests; it was speed",
        ),
    ],
)
def test_a_wrong_plan_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "cells.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        load_cells(file)


def test_a_survivor_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    entry = "[[survivors]]\nfile = 'a'\nline = 'b'\nchange = 'c'\nwhy = 'd'\nequivalent = true\n"
    file = tmp_path / "survivors.toml"
    file.write_text(2 * entry, encoding="utf-8")
    with pytest.raises(ValueError, match="a survivor must be there once; 'c' is there twice"):
        load_survivors(file)


def test_a_cell_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutate.main(["--list", "bus_arbitre"]) == 2
    assert "a cell must be one of bus_arbiter, " in capsys.readouterr().err


def results(found: int, survivors: int) -> list[mutate.Result]:
    mutants = [Mutant("m.sv", f"line {n}", n, "change", 1, 0, 1, "x") for n in range(found + survivors)]
    return [mutate.Result(mutant, "a test" if mutant.number < found else "") for mutant in mutants]


def explained(results: list[mutate.Result], *, equivalent: bool) -> dict[mutate.Key, Survivor]:
    made = (
        Survivor(r.mutant.file, r.mutant.line, r.mutant.change, "Why.", equivalent)
        for r in results
        if not r.found
    )
    return {survivor.key: survivor for survivor in made}


@pytest.mark.parametrize(
    ("found", "survivors", "kind", "enough"),
    [
        (20, 0, None, True),
        (20, 1, None, False),
        (20, 1, "equivalent", True),
        (20, 1, "gap", True),
        (10, 1, "gap", False),
        (10, 1, "equivalent", True),
    ],
)
def test_a_cell_is_good_with_95_percent_found_and_the_rest_explained(
    tmp_path: Path, found: int, survivors: int, kind: str | None, enough: bool
) -> None:
    outcome = results(found, survivors)
    known = explained(outcome, equivalent=kind == "equivalent") if kind else {}
    file = tmp_path / "unexplained.toml"
    assert mutate.report(Cell("m", ("m.sv",)), outcome, known, file) == enough
    unexplained = survivors if kind is None else 0
    assert file.read_text(encoding="utf-8").count("[[survivors]]") == unexplained


def test_entries_for_survivors_can_be_taken_over(tmp_path: Path) -> None:
    mutant = next(m for m in mutants_of("counter.sv", MODULE) if m.change == "'0 becomes '1")
    file = tmp_path / "survivors.toml"
    file.write_text(mutate.survivor_entry(mutant), encoding="utf-8")
    assert list(load_survivors(file)) == [mutant.key]


def test_a_sample_is_the_same_each_time() -> None:
    mutants = dict(enumerate(mutants_of("counter.sv", MODULE), 1))
    sample = mutate.chosen(mutants, 5, "")
    assert len(sample) == 5
    assert mutate.chosen(mutants, 5, "") == sample
    assert {m.line for m in mutate.chosen(mutants, 0, "assign full").values()} == {
        "assign full = count_q >= Limit || state_q == StBusy;"
    }
