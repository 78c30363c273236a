# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines of kind `own`: their own code refuses the IRQLs that the description forbids, as the description says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine, open_machine
from fakes.scripted_target import ScriptedTarget
from wdk.description import load_description
from wdk.routines import Kind

# Those whose level is the DIRQL of an interrupt are tested with interrupts, in tests/unit/ke/test_interrupt.py.
OWN = {
    routine.name
    for routine in load_description().routines
    if routine.kind is Kind.OWN and routine.levels.text != "any" and not routine.levels.is_device
}


def an_event() -> wdm.KEVENT:
    event = wdm.KEVENT()
    wdm.KeInitializeEvent(event, wdm.NotificationEvent, True)
    return event


def a_block() -> int | None:
    return wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, 16, wdm.POOL_TAG("Test"))


ARGUMENTS: dict[str, Callable[[], tuple[object, ...]]] = {
    "ExFreePool": lambda: (a_block(),),
    "IoAcquireCancelSpinLock": lambda: (),
    "IoAllocateMdl": lambda: (a_block(), 16, False, False, None),
    "IoCsqInsertIrp": lambda: (wdm.IO_CSQ(), wdm.IoAllocateIrp(1, False), None),
    "IoReleaseCancelSpinLock": lambda: (wdm.PASSIVE_LEVEL,),
    "KeRaiseIrqlToDpcLevel": lambda: (),
    "KeRaiseIrqlToSynchLevel": lambda: (),
    "KeWaitForMultipleObjects": lambda: (1, [an_event()], wdm.WaitAny, 0, 0, False, 0, None),
    "KeWaitForSingleObject": lambda: (an_event(), 0, 0, False, 0),
    "PAGED_CODE": lambda: (),
}


@pytest.fixture
def machine() -> Iterator[Machine]:
    opened = open_machine(ScriptedTarget())
    yield opened
    opened.close()


def test_every_such_routine_is_tried() -> None:
    assert set(ARGUMENTS) == OWN


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_call_above_the_levels_is_a_bug_check(machine: Machine, name: str) -> None:
    arguments = ARGUMENTS[name]()
    wdm.KeRaiseIrql(wdm.CLOCK_LEVEL)
    with pytest.raises(BugCheck, match="must be") as caught:
        getattr(wdm, name)(*arguments)
    assert not any(isinstance(parameter, type) for parameter in caught.value.parameters)
