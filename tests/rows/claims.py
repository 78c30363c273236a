# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds which tests show which rows.

A test claims rows by its name, `test_IRQL_01_raising_twice` or `test_M05_C01_...`, or by the marker `row("IRQL-01")` on
it, on its class or on its module. A test that runs inside the simulator claims them by its name, `t14_m18_...`. An
assertion in the RTL claims them by its label: `M05: assert (...)`, `M05_C01_quiet: assert (...)`, or M05_quiet as the
first argument of the macro RULE, or of PROVE in a proof. Nothing is run or imported: the claims are read from the
source.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

__all__ = ["all_claims", "marked_rows", "named_rows", "rows_of_cocotb", "rows_of_pytest", "rows_of_rtl"]

ROOT = Path(__file__).resolve().parents[2]

LEADING_ROWS = re.compile(r"test((?:_[A-Z]{1,4}_?\d\d)+)(?:_|$)")
ROW = re.compile(r"([A-Z]{1,4})(_?)(\d\d)")
SIMULATOR_ROWS = re.compile(r"(?:[a-z]\d\d_)+")
ASSERTION = re.compile(r"\b((?:[A-Z]\d\d_?)+)\w*\s*:\s*assert\b|`(?:RULE|PROVE)\(((?:[A-Z]\d\d_?)+)")


def named_rows(function: str) -> list[str]:
    """The rows in a test's name: `test_IRQL_01_M05_holds` names IRQL-01 and M05."""
    leading = LEADING_ROWS.match(function)
    found = ROW.findall(leading.group(1)) if leading else []
    return [letters + ("-" if separator else "") + digits for letters, separator, digits in found]


def marked_rows(expression: ast.expr) -> list[str]:
    """The arguments of each `row(...)` within an expression.

    `row(*("M05", "M06"))` is read too. Raises ValueError for an argument that is not written out there.
    """
    calls = (
        node
        for node in ast.walk(expression)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "row"
    )
    return [row for call in calls for argument in call.args for row in written_out(argument)]


def written_out(argument: ast.expr) -> list[str]:
    """The strings of one argument of `row(...)`."""
    items: list[ast.expr] = [argument]
    if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Tuple | ast.List):
        items = argument.value.elts
    found = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    if len(found) != len(items):
        raise ValueError(
            f"line {argument.lineno}: the arguments of row() must be strings, so that they can be read without "
            f"running the test; it has {ast.unparse(argument)}"
        )
    return found


def place(file: Path) -> str:
    """The name of a file in the list of claims."""
    return file.relative_to(ROOT).as_posix()


def rows_of_pytest(file: Path) -> Iterator[tuple[str, str]]:
    """Each row that a pytest file claims, with the test (or class, or file) that claims it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            marked = (row for decorator in node.decorator_list for row in marked_rows(decorator))
            yield from ((row, f"{place(file)}::{node.name}") for row in (*named_rows(node.name), *marked))
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            yield from ((row, place(file)) for row in marked_rows(statement.value))


def rows_of_cocotb(file: Path) -> Iterator[tuple[str, str]]:
    """Each row that the name of a cocotb test claims: `t14_m18_aborts` claims T14 and M18."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AsyncFunctionDef) and any(
            ast.unparse(decorator).startswith("cocotb.test") for decorator in node.decorator_list
        ):
            leading = SIMULATOR_ROWS.match(node.name)
            rows = leading.group().upper().rstrip("_").split("_") if leading else []
            yield from ((row, f"{place(file)}::{node.name}") for row in rows)


def rows_of_rtl(file: Path) -> Iterator[tuple[str, str]]:
    """Each row that the label of an assertion in a SystemVerilog file names."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        for label in ASSERTION.finditer(line):
            rows = ROW.findall(label[1] or label[2])
            yield from ((letter + digits, f"{place(file)}:{number}") for letter, _, digits in rows)


SOURCES = (
    ("tests", "test_*.py", rows_of_pytest),
    ("examples", "test_*.py", rows_of_pytest),
    ("sim/hdl", "*.py", rows_of_cocotb),
    ("hdl", "*.sv", rows_of_rtl),
)
"""The places of claims: folder, pattern of files, and the routine that reads the claims of a file."""


def all_claims() -> dict[str, list[str]]:
    """Each claimed row with the tests and assertions that claim it. Raises ValueError for a folder without files."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for folder, pattern, reader in SOURCES:
        files = sorted((ROOT / folder).rglob(pattern))
        if not files:
            raise ValueError(f"{folder} must hold {pattern}, whose rows are counted; there is none")
        for file in files:
            for row, claim in reader(file):
                found[row].append(claim)
    return dict(found)
