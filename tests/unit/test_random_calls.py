# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Random calls of the WDK's routines, one after another on the same objects, with wrong arguments in between.

Arguments are right ones, values of no use, objects that earlier calls gave, and objects of machines that are closed. A
call may return, raise a status, stop the system with a bug check, or raise an error that names the routine. No other
error may escape.
"""

from __future__ import annotations

import random

import pytest

from compiled import COMPILED
from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.ke.costs import Costs
from dirql.ke.watch.deadlock import Deadlock
from dirql.machine import Machine, open_machine
from dirql.nt.contracts import CONTRACTS
from dirql.nt.ntstatus import StatusException
from fakes.scripted_target import ScriptedTarget
from unit.edge_calls import World, find, good_arguments, map_devices
from wdk.description import load_description
from wdk.routines import Routine


class Wrong:
    """An object that no routine takes."""


ENDS = {
    "DbgBreakPoint",
    "DbgBreakPointWithStatus",
    "DbgRaiseAssertionFailure",
    "ExRaiseStatus",
    "KeBugCheck",
    "KeBugCheckEx",
    "PsTerminateSystemThread",
    "RtlAssert",
}
LONG = {
    "DbgPrint",
    "DbgPrintEx",
    "KdPrint",
    "KdPrintEx",
    "KeStallExecutionProcessor",
    "KeDelayExecutionThread",
}
"""Routines that print, or that would take the host's time for a wrong number."""
ROUTINES = [each for each in load_description().routines if each.name not in ENDS | LONG]
NAMES = [each.name for each in load_description().routines]
VALUES: tuple[object, ...] = (
    *(None, "text", b"bytes", "", "\ud800", 1.5, float("nan"), True, (), object, Wrong()),
    *(-1, 0, 1, 2, 7, 0xFF, 0xFFFF, 1 << 31, 1 << 32, (1 << 64) - 1, 1 << 80, -(1 << 63)),
)
SHARE_OF_WRONG = 0.25
MACHINES = 40


def wrong_value(rng: random.Random, objects: list[object]) -> object:
    kind = rng.random()
    if kind < 0.3 and objects:
        return rng.choice(objects)
    if kind < 0.4:
        return [[], {}, lambda *_: 0][rng.randrange(3)]
    return rng.choice(VALUES)


def right_arguments(routine: Routine, world: World) -> list[object] | None:
    """The right arguments; None if earlier calls have spoilt what they need."""
    try:
        return good_arguments(routine, world)
    except AssertionError:
        return None


def call(rng: random.Random, world: World, routine: Routine, objects: list[object]) -> None:
    """Call a routine, with wrong values in some places; keep the objects that came and went."""
    if rng.random() < 0.5:
        wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)
    arguments = right_arguments(routine, world)
    if arguments is None:
        return
    objects += [each for each in arguments if not isinstance(each, int | str | bytes | float)]
    for place in range(len(arguments)):
        if rng.random() < SHARE_OF_WRONG:
            arguments[place] = wrong_value(rng, objects)
    needed = CONTRACTS[routine.python].min_irql
    if rng.random() < 0.8 and wdm.KeGetCurrentIrql() < needed and not routine.levels.is_device:
        wdm.KeRaiseIrql(needed)
    result = find(routine)(*arguments)
    results = result if isinstance(result, tuple) else (result,)
    objects += [each for each in results if not isinstance(each, int | str | bytes | float | None)]


def run(rng: random.Random, machine: Machine, objects: list[object]) -> str:
    """Call routines until one stops the system; returns the error that names no routine, or nothing."""
    world = World(machine)
    for _ in range(rng.randrange(1, 25)):
        routine = rng.choice(ROUTINES)
        try:
            call(rng, world, routine, objects)
        except StatusException:
            pass
        except (BugCheck, Deadlock):
            return ""
        except (TypeError, ValueError) as error:
            if not COMPILED and not any(name in str(error) for name in NAMES):
                return f"{routine.name}: {error!r}"
    return ""


@pytest.mark.parametrize("seed", range(4))
def test_nothing_of_python_escapes_from_random_calls(seed: int) -> None:
    rng = random.Random(seed)
    objects: list[object] = []
    for _ in range(MACHINES):
        target = ScriptedTarget()
        map_devices(target)
        machine = open_machine(target, costs=Costs.free())
        machine.kernel.verifier.default = rng.choice([None, 0, 2, 2, 2])
        try:
            assert run(rng, machine, objects) == ""
        finally:
            machine.kernel.stop(RuntimeError("the test is over"))
            machine.close()
        del objects[:-60]
