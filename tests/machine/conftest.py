# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures that several files of tests of the machine use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from machine.store_twins import chosen


@pytest.fixture(params=["python", pytest.param("c", marks=pytest.mark.interpreted("c drivers"))])
def each_store_driver(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test with the store driver in Python and, on simulated machines, with that in C; gives the language."""
    if request.param == "c" and request.config.getoption("dirql_target") not in ("verilated", "cocotb"):
        pytest.skip("drivers in C need a simulated machine")
    chosen.language = request.param
    yield request.param
    chosen.language = "python"
