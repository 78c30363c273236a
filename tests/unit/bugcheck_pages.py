# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Mistakes and their bug checks, with the code and all four parameters as the page of the WDK has them.

A mistake is a generator: it makes its objects, yields the bug check that the next call must be, and calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dirql.ke import guard
from dirql.ke.bugcheck import BugCheck
from dirql.ke.costs import Costs
from dirql.ke.origin import Origin
from dirql.machine import Machine, open_machine
from fakes.scripted_target import ScriptedTarget
from unit.edge_calls import World, map_devices

__all__ = ["PLACE", "RULE", "Mistake", "Page", "check_mistake", "mistakes_of", "open_for_mistakes", "within"]

Page = tuple[object, ...]
Mistake = Callable[[World], Iterator[Page]]
_GENERATOR = 0x20  # CO_GENERATOR


class _Place:
    """Equal to each place in a test."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin) and "test_bugcheck_" in other.file

    def __hash__(self) -> int:
        return 0


class _Rule:
    """Equal to each text that states a rule."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and "must" in other

    def __hash__(self) -> int:
        return 0


PLACE, RULE = _Place(), _Rule()


def open_for_mistakes() -> Iterator[Machine]:
    """A machine that is released without a report, for a fixture."""
    target = ScriptedTarget()
    map_devices(target)
    opened = open_machine(target, costs=Costs.free())
    yield opened
    opened.kernel.stop(RuntimeError("the test is over"))
    opened.close()


def mistakes_of(names: dict[str, object]) -> list[Mistake]:
    """The generators of a file that take a world."""
    found = [thing for thing in names.values() if callable(thing) and hasattr(thing, "__code__")]
    return [each for each in found if each.__code__.co_flags & _GENERATOR and each.__code__.co_argcount]


def check_mistake(machine: Machine, mistake: Mistake) -> None:
    """Make a mistake, and compare the bug check with its page."""
    steps = mistake(World(machine))
    wanted = next(steps)
    with pytest.raises(BugCheck) as caught:
        next(steps, None)
    assert (caught.value.code, *caught.value.parameters) == wanted


def within(w: World, routine: Callable[[], object]) -> None:
    """Run code as a driver's own."""
    guard.call_driver(guard.CALLBACK, w.driver, routine)
