# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The horizon of a target, on each kind of target: the clocks within which nothing can ask for attention."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from dirql.target.contract import Capability, Target
from machine.target_bench import KINDS_HERE, Bench, open_kind


@pytest.fixture(params=KINDS_HERE)
def open_this(request: pytest.FixtureRequest) -> Callable[[], Bench]:
    """Opens a machine of the kind that the test runs on."""
    return partial(open_kind, request.param, request.config.getoption("dirql_machine"))


def _until_attention(target: Target, clocks: int) -> int:
    """The clock on which attention is seen by a host that spends `clocks` at a time, and looks as late as it may."""
    for _ in range(5000):
        assert target.horizon >= 1
        target.spend(clocks)
        if target.spent >= target.horizon:
            target.wait(0)
        if target.attention:
            assert target.horizon == 0
            return target.now()
    raise AssertionError("nothing asked for attention")


@pytest.mark.parametrize("deadline", [None, 60, 3000])
def test_the_horizon_hides_nothing_that_asks_for_attention(
    open_this: Callable[[], Bench], deadline: int | None
) -> None:
    seen: list[int] = []
    for clocks in (None, 1, 3):
        again = open_this()
        target = again.target
        if Capability.DETERMINISTIC not in target.capabilities:
            target.close()
            pytest.skip(f"clocks pass by themselves on the target {target.name}")
        again.enable(0xFFFF)
        again.request_after(1000)
        target.mark(1)
        if deadline is not None:
            target.set_deadline(target.now() + deadline)
        if clocks is None:
            target.wait()
            seen.append(target.now())
        else:
            seen.append(_until_attention(target, clocks))
        target.close()
    waited, one_by_one, three_by_three = seen
    assert one_by_one == waited
    assert waited <= three_by_three < waited + 3


def test_a_deadline_bounds_the_horizon(open_this: Callable[[], Bench]) -> None:
    target = open_this().target
    target.wait(100)
    target.set_deadline(target.now() + 20)
    assert 1 <= target.horizon <= 20
    target.set_deadline(target.now())
    assert target.horizon == 0
    target.close()
