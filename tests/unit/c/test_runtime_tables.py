# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Generic tables of drivers in C are in the image (c/runtime)."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from unit.c.compilers import compile_runtime

CASES = Path(__file__).parent / "trees_cases.c"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("runtime")
    stub = folder / "stub.c"
    stub.write_text(
        "int dirql_debug_print(int c, int l, const char *t, int n);\n"
        "int dirql_debug_print(int c, int l, const char *t, int n) { (void)c; (void)l; (void)t; return n; }\n"
    )
    return ctypes.CDLL(str(compile_runtime(folder, stub, CASES)))


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("kind", ["splay_table", "balanced_table"])
def test_a_table_has_what_was_put_in_and_not_taken_out(cases: ctypes.CDLL, kind: str, seed: int) -> None:
    assert cases[kind](seed) == 0


def test_elements_are_numbered_in_the_order_in_which_they_came(cases: ctypes.CDLL) -> None:
    assert cases.order_of_insertion() == 0
