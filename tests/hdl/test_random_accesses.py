# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Some of the random accesses of `random_accesses.py`, of which `make nightly` makes a million for each function."""

from __future__ import annotations

import pytest

from dirql.target.contract import EventBits
from hdl.random_accesses import RandomAccesses, kinds


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("machine", "number"),
    [(machine, number) for machine in ("at", "default", "bridged") for number in range(len(kinds(machine)))],
)
def test_whatever_is_written_the_bus_goes_on(machine: str, number: int, seed: int) -> None:
    accesses = RandomAccesses(machine, seed)
    function = kinds(machine)[number]
    accesses.make(function, 2000)
    assert accesses.ends["OK"] > 1000
    drained = [each for each in accesses.target.take_event_records() if each.bits & EventBits.DMA_DRAINED]
    assert bool(drained) == function.bus_master
    assert accesses.answering() == list(accesses.functions)
    accesses.target.close()
