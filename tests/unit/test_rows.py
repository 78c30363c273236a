# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The rows: their data is sound, their pages are current, and the claims of tests are read rightly."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from rows import book, claims
from rows.pages import pages
from source_tree import name, source_files


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a file in a small checkout of the test's own."""
    monkeypatch.setattr(claims, "ROOT", tmp_path)
    return tmp_path / "source"


def test_every_claimed_row_exists() -> None:
    known = book.known()
    assert {row: tests for row, tests in claims.all_claims().items() if row not in known} == {}


def test_the_pages_are_current() -> None:
    stale = [
        name(file)
        for file, text in pages().items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "docs/rules must say what tests/rows says; `make docs` writes it"


def test_a_page_has_every_row_of_its_part_with_rule_and_source() -> None:
    texts = {file.stem: text for file, text in pages().items()}
    for part in book.PARTS:
        for group in book.groups(part):
            for row in group.rows:
                assert f"### {row.id}\n\n{row.rule}\n\nSource: {row.source}.\n" in texts[part]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ('[a]\ntitle = "A"\n[a.A01]\nrule = "A."', "A01 must have a rule and a source; it has rule"),
        ('[a]\n[a.A01]\nrule = "A."\nsource = "x"', "the group a must have a title"),
        ('[a]\ntitle = "A"\n[a.A01]\nrule = "one grant"\nsource = "x"', "A01 must be full sentences"),
    ],
)
def test_a_row_that_is_not_as_it_must_be_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, complaint: str
) -> None:
    (tmp_path / "pci_bus.toml").write_text(data, encoding="utf-8")
    monkeypatch.setattr(book, "HERE", tmp_path)
    with pytest.raises(ValueError, match=rf"^pci_bus.toml: .*{complaint}"):
        book.groups("pci")


def test_a_row_that_is_given_twice_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = 'rule = "One grant."\nsource = "x"\n'
    for part in book.PARTS:
        (tmp_path / f"{part}_bus.toml").write_text(
            f'[arbiter]\ntitle = "A"\n[arbiter.A01]\n{row}', encoding="utf-8"
        )
    monkeypatch.setattr(book, "HERE", tmp_path)
    with pytest.raises(ValueError, match="A01 must be given once"):
        book.known()


@pytest.mark.parametrize(
    ("function", "claimed"),
    [
        ("test_IRQL_01_raising_twice", ["IRQL-01"]),
        ("test_M05", ["M05"]),
        ("test_I04_DQ_01_both", ["I04", "DQ-01"]),
        ("test_reads_32_bits", []),
        ("IRQL_01_is_no_test", []),
    ],
)
def test_names_claim_the_rows_that_they_begin_with(function: str, claimed: list[str]) -> None:
    assert claims.named_rows(function) == claimed


def test_assertions_claim_the_rows_of_their_label(source: Path) -> None:
    source.write_text(
        "if (rst_ni) C13: assert (!a);\nM05_T09_in_time: assert (b);\na_level: assert (c);\nM06: begin end\n"
        '`RULE(M16_leave, !a,\n"A sentence.")\n',
        encoding="utf-8",
    )
    assert list(claims.rows_of_rtl(source)) == [
        ("C13", "source:1"),
        ("M05", "source:2"),
        ("T09", "source:2"),
        ("M16", "source:5"),
    ]


def test_every_assertion_says_its_rule_in_a_sentence() -> None:
    silent = []
    for file in source_files(".sv"):
        before = ""
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"\bassert \(", line) and "`define" not in line and "//" not in before:
                silent.append(f"{name(file)}:{number}")
            before = line
    assert silent == [], "an assertion must be a `RULE with a sentence, or have one in the comment above it"


def test_tests_in_the_simulator_claim_the_rows_that_their_names_begin_with(source: Path) -> None:
    source.write_text(
        "@cocotb.test()\nasync def t14_m18_aborts(dut): ...\n"
        "@cocotb.test(timeout_time=5)\nasync def a04_turns(dut): ...\n"
        "@cocotb.test()\nasync def a_bad_address(dut): ...\n"
        "async def m05_is_no_test(dut): ...\n",
        encoding="utf-8",
    )
    assert list(claims.rows_of_cocotb(source)) == [
        ("T14", "source::t14_m18_aborts"),
        ("M18", "source::t14_m18_aborts"),
        ("A04", "source::a04_turns"),
    ]


def test_markers_claim_rows_on_functions_classes_and_modules(source: Path) -> None:
    source.write_text(
        "import pytest\n"
        "pytestmark = [pytest.mark.slow, pytest.mark.row('C01')]\n"
        "@pytest.mark.row('DPC-02', 'DPC-03')\n"
        "def test_both() -> None: ...\n"
        "@pytest.mark.row('A01')\n"
        "class TestArbiter: ...\n",
        encoding="utf-8",
    )
    assert sorted(claims.rows_of_pytest(source)) == [
        ("A01", "source::TestArbiter"),
        ("C01", "source"),
        ("DPC-02", "source::test_both"),
        ("DPC-03", "source::test_both"),
    ]


def test_starred_arguments_of_a_marker_are_counted() -> None:
    assert claims.marked_rows(expression("mark.row('A01', *('M11', 'M18'), *['T29'])")) == [
        "A01",
        "M11",
        "M18",
        "T29",
    ]


@pytest.mark.parametrize("argument", ["ROWS", "*ROWS", "*('A01', ROW)", "5"])
def test_an_argument_of_a_marker_that_cannot_be_read_is_an_error(argument: str) -> None:
    with pytest.raises(ValueError, match="must be strings"):
        claims.marked_rows(expression(f"pytest.mark.row({argument})"))


def test_a_folder_without_tests_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "ROOT", tmp_path)
    with pytest.raises(ValueError, match=r"tests must hold test_\*\.py"):
        claims.all_claims()


@pytest.mark.parametrize("row", ["M18", "A07"])
def test_rows_that_tests_in_the_simulator_show_are_counted(row: str) -> None:
    assert any(claim.startswith("sim/hdl/") for claim in claims.all_claims()[row])
