# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The rows that tests claim: all of them exist, and the claims are read rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

import rows


def test_every_claimed_row_exists() -> None:
    known = {row for listed in rows.rows().values() for row in listed}
    assert {row: tests for row, tests in rows.claims().items() if row not in known} == {}


def test_a_row_is_in_one_group_only() -> None:
    listed = [row for group in rows.rows().values() for row in group]
    assert len(listed) == len(set(listed))


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
    assert rows.named_rows(function) == claimed


def test_assertions_claim_the_rows_of_their_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "if (rst_ni) C13: assert (!a);\nM05_T09_in_time: assert (b);\na_level: assert (c);\nM06: begin end\n"
    )
    (tmp_path / "checker.sv").write_text(source, encoding="utf-8")
    monkeypatch.setattr(rows, "HERE", tmp_path / "tests")
    claimed = list(rows.asserted_rows(tmp_path / "checker.sv"))
    assert claimed == [("C13", "checker.sv:1"), ("M05", "checker.sv:2"), ("T09", "checker.sv:2")]


def test_markers_claim_rows_on_functions_classes_and_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        "import pytest\n"
        "pytestmark = [pytest.mark.slow, pytest.mark.row('C01')]\n"
        "@pytest.mark.row('DPC-02', 'DPC-03')\n"
        "def test_both() -> None: ...\n"
        "@pytest.mark.row('A01')\n"
        "class TestArbiter: ...\n"
    )
    (tmp_path / "test_marked.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(rows, "HERE", tmp_path / "tests")
    assert sorted(rows.claims_of(tmp_path / "test_marked.py")) == [
        ("A01", "test_marked.py::TestArbiter"),
        ("C01", "test_marked.py"),
        ("DPC-02", "test_marked.py::test_both"),
        ("DPC-03", "test_marked.py::test_both"),
    ]
