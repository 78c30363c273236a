# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Which rows of rows.toml have tests: `make rows` prints it, a test keeps it honest.

A test claims rows by its name, `test_IRQL_01_raising_twice` or `test_M05_C01_...`, or by the marker `row("IRQL-01")` on
it, on its class or on its module; an assertion in the RTL by its label, `M05: assert (...)` or `M05_C01_quiet: assert
(...)`. Nothing is run or imported: the claims are read from the source.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

__all__ = ["claims", "main", "named_rows", "rows"]

HERE = Path(__file__).resolve().parent
FOLDERS = (HERE, HERE.parent / "sim" / "cocotb", HERE.parent / "examples")
RTL = HERE.parent / "hdl"

LEADING_ROWS = re.compile(r"test((?:_[A-Z]{1,4}_?\d\d)+)(?:_|$)")
ROW = re.compile(r"([A-Z]{1,4})(_?)(\d\d)")
ASSERTION = re.compile(r"\b((?:[A-Z]\d\d_?)+)\w*\s*:\s*assert\b")


def rows() -> dict[str, dict[str, str]]:
    """The groups of rows.toml, such as "nt.irql", each with its rows and their reminders."""
    parts = tomllib.loads((HERE / "rows.toml").read_text(encoding="utf-8"))
    return {f"{part}.{group}": listed for part, groups in parts.items() for group, listed in groups.items()}


def named_rows(function: str) -> list[str]:
    """The rows in a test's name: `test_IRQL_01_M05_holds` names IRQL-01 and M05."""
    leading = LEADING_ROWS.match(function)
    found = ROW.findall(leading.group(1)) if leading else []
    return [letters + ("-" if separator else "") + digits for letters, separator, digits in found]


def marked_rows(node: ast.AST) -> Iterator[str]:
    """The arguments of each `row(...)` within an expression."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "row":
            yield from (
                a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
            )


def claims_of(file: Path) -> Iterator[tuple[str, str]]:
    """Each row that a test file claims, with the test (or class, or file) that claims it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    where = file.relative_to(HERE.parent).as_posix()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            claimed = [
                *named_rows(node.name),
                *(row for mark in node.decorator_list for row in marked_rows(mark)),
            ]
            yield from ((row, f"{where}::{node.name}") for row in claimed)
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            yield from ((row, where) for row in marked_rows(statement.value))


def asserted_rows(file: Path) -> Iterator[tuple[str, str]]:
    """Each row that an assertion in a SystemVerilog file is labelled with."""
    where = file.relative_to(HERE.parent).as_posix()
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        for label in ASSERTION.findall(line):
            yield from ((letter + digits, f"{where}:{number}") for letter, _, digits in ROW.findall(label))


def claims() -> dict[str, list[str]]:
    """Each claimed row with the tests and assertions that claim it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for folder in FOLDERS:
        for file in sorted(folder.rglob("test_*.py")):
            for row, test in claims_of(file):
                found[row].append(test)
    for file in sorted(RTL.rglob("*.sv")):
        for row, assertion in asserted_rows(file):
            found[row].append(assertion)
    return dict(found)


def main() -> int:
    """Print each group with its rows, the tests that show them, and a count."""
    shown = claims()
    total = 0
    for group, listed in rows().items():
        have = [row for row in listed if row in shown]
        total += len(have)
        print(f"\n{group}: {len(have)} of {len(listed)}")
        for row, reminder in listed.items():
            print(f"  {'+' if row in shown else '-'} {row:8} {reminder}")
            for test in shown.get(row, ()):
                print(f"               {test}")
    print(f"\n{total} of {sum(map(len, rows().values()))} rows have a test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
