# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Wrong arguments for every routine of the WDK: NULL, another type, a number out of range.

Each parameter of each routine gets each value of `WRONG`, with right arguments for the others. The call may return,
raise a status, or be a bug check, as on NT. Otherwise it raises `TypeError` or `ValueError`, which name the routine and
the parameter, and nothing has changed: the kernel then runs on without an error.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compiled import COMPILED
from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.ke.costs import Costs
from dirql.machine import Machine, open_machine
from dirql.nt.contracts import CONTRACTS
from dirql.nt.ntstatus import StatusException
from fakes.scripted_target import ScriptedTarget
from unit.edge_calls import World, find, good_arguments, map_devices
from wdk.description import load_description
from wdk.routines import Routine

CALLED = {
    "IoCopyCurrentIrpStackLocationToNext": "IoGetNextIrpStackLocation",
    **{
        f"{prefix}{name}": name
        for prefix, names in {
            "Io": (
                "AllocateAdapterChannel",
                "FlushAdapterBuffers",
                "FreeAdapterChannel",
                "FreeMapRegisters",
                "MapTransfer",
            ),
            "Hal": ("AllocateCommonBuffer", "FreeCommonBuffer", "ReadDmaCounter"),
        }.items()
        for name in names
    },
    "IoMarkIrpPending": "IoGetCurrentIrpStackLocation",
    "IoSetCompletionRoutine": "IoGetNextIrpStackLocation",
}
"""Macros in which C too calls another, which names itself."""
ROUTINES = {routine.name: routine for routine in load_description().routines}


class Wrong:
    """An object that no routine of the WDK takes."""

    def __repr__(self) -> str:
        return "<a wrong object>"


ENDS: dict[str, type[BaseException]] = {
    "DbgBreakPoint": StatusException,
    "DbgBreakPointWithStatus": StatusException,
    "DbgRaiseAssertionFailure": StatusException,
    "ExRaiseAccessViolation": StatusException,
    "ExRaiseDatatypeMisalignment": StatusException,
    "ExRaiseStatus": StatusException,
    "KeBugCheck": BugCheck,
    "KeBugCheckEx": BugCheck,
    "RtlAssert": StatusException,
}
"""The routines that do not return."""
FAR_FUTURE = 0x7FFF_FFFF_FFFF_FFF8
WRONG: tuple[object, ...] = (None, Wrong(), "text", 1.5, -1, 0, 1 << 80, FAR_FUTURE)
LONG_WAITS = {("KeDelayExecutionThread", "Interval")}
"""The calls that would wait until then."""
ONCE = {
    "IoDetachDevice",
    "IoReleaseCancelSpinLock",
    "IoStartTimer",
    "IoStopTimer",
    "KeReleaseInterruptSpinLock",
    "KeReleaseSpinLock",
    "KeReleaseSpinLockForDpc",
    "KeReleaseSpinLockFromDpcLevel",
    "MmUnmapReservedMapping",
    "ZwOpenTimer",
}
"""The routines whose right arguments need a call that can be made once, such as that which takes a lock."""


def on_a_machine(test: Callable[[Machine], None]) -> None:
    """Run the test on a machine that is released without a report."""
    target = ScriptedTarget()
    map_devices(target)
    machine = open_machine(target, costs=Costs.free())
    try:
        test(machine)
    finally:
        machine.kernel.stop(RuntimeError("the test is over"))
        machine.close()


def call(routine: Routine, arguments: list[object]) -> None:
    """Call the routine at a level at which it may be called."""
    needed = CONTRACTS[routine.python].min_irql
    if wdm.KeGetCurrentIrql() < needed and not routine.levels.is_device:
        wdm.KeRaiseIrql(needed)
    find(routine)(*arguments)


def go_on(machine: Machine) -> None:
    """Let the kernel do what the call may have left: DPCs, timers and threads."""
    if machine.kernel.stopped is None:
        wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)
        wdm.KeStallExecutionProcessor(10)
        wdm.KeFlushQueuedDpcs()
        wdm.KeDelayExecutionThread(wdm.KernelMode, False, -100)


def is_named(routine: Routine, parameter: str, error: Exception) -> bool:
    """Whether the error names both; compiled code checks types first, with messages of its own."""
    names = (routine.name, CALLED.get(routine.name, routine.name))
    return COMPILED or (any(name in str(error) for name in names) and parameter in str(error))


@pytest.mark.parametrize("routine", ROUTINES.values(), ids=ROUTINES)
def test_right_arguments_are_accepted(routine: Routine) -> None:
    """Else the other test would see that wrong arguments are refused for another reason."""

    def test(machine: Machine) -> None:
        if routine.name in ENDS:
            with pytest.raises(ENDS[routine.name]):
                call(routine, good_arguments(routine, World(machine)))
        else:
            call(routine, good_arguments(routine, World(machine)))
        go_on(machine)

    on_a_machine(test)


@pytest.mark.parametrize(
    ("routine", "position"),
    [(routine, position) for routine in ROUTINES.values() for position in range(len(routine.arguments))],
    ids=[f"{name}-{each.name}" for name, routine in ROUTINES.items() for each in routine.arguments],
)
def test_a_wrong_argument_is_refused_by_name_and_changes_nothing(routine: Routine, position: int) -> None:
    parameter = routine.arguments[position].name
    waits = (routine.name, parameter) in LONG_WAITS
    values = [value for value in WRONG if not (waits and value == FAR_FUTURE)]
    unnamed = []
    while values:
        unnamed += [
            f"{value!r}: {error}"
            for value, error in refusals(routine, position, values)
            if not is_named(routine, parameter, error)
        ]
    assert unnamed == []


def refusals(routine: Routine, position: int, values: list[object]) -> list[tuple[object, Exception]]:
    """The first values, which it takes off the list, with the `TypeError` or `ValueError` of the call with each.

    All calls are on one machine with the same objects, since a call that is refused changes nothing. A value with which
    the call ends in another way, of which there is at most one, is the last.
    """
    found: list[tuple[object, Exception]] = []

    def test(machine: Machine) -> None:
        world = World(machine)
        while values:
            arguments = good_arguments(routine, world)
            arguments[position] = value = values.pop(0)
            try:
                call(routine, arguments)
            except (BugCheck, StatusException):
                return
            except (TypeError, ValueError) as error:
                found.append((value, error))
                go_on(machine)
                if routine.name in ONCE:
                    return
            else:
                go_on(machine)
                return

    on_a_machine(test)
    return found
