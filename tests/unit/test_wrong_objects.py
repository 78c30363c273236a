# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A wrong object for a pointer parameter of a routine whose contract is checked: the error names both."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import reduce
from importlib import import_module
from typing import cast

import pytest

from compiled import COMPILED, refusal
from dirql import wdm
from dirql.machine import Machine, open_machine
from dirql.nt.contract import Contract, Enforcement, Pointer
from dirql.nt.contracts import CONTRACTS
from fakes.scripted_target import ScriptedTarget
from wdk.description import load_description

ROUTINES = {each.python: each for each in load_description().routines}
CHECKED = {
    place: contract for place, contract in CONTRACTS.items() if contract.enforcement is Enforcement.EACH_CALL
}
CASES = [(place, pointer) for place, contract in CHECKED.items() for pointer in contract.pointers]


class Wrong:
    """An object that no routine of the WDK takes."""

    def __repr__(self) -> str:
        return "<a wrong object>"


def found(place: str) -> object:
    module, name = place.split(":")
    return reduce(getattr, name.split("."), import_module(f"dirql.{module}"))


def empty(pointer: Pointer) -> object:
    """An object of the right class without any attribute."""
    new = found(f"{pointer.python}.__new__")
    assert callable(new)
    try:
        made: object = new(found(pointer.python))
    except (
        TypeError
    ):  # a compiled class, objects of which begin with their attributes; any object is wrong enough
        assert COMPILED
        return Wrong()
    return made


def arguments(place: str, contract: Contract, wrong: Pointer) -> list[object]:
    """A wrong object for one pointer, and for all other parameters objects and numbers of the right type."""
    made: list[object] = [None if each.optional else 0 for each in ROUTINES[place].arguments]
    for pointer in contract.pointers:
        made[pointer.position] = Wrong() if pointer is wrong else empty(pointer)
    return made


@pytest.fixture
def machine() -> Iterator[Machine]:
    opened = open_machine(ScriptedTarget())
    yield opened
    opened.kernel.stop(RuntimeError("the test is over"))
    opened.close()


@pytest.mark.parametrize(
    ("place", "pointer"), CASES, ids=[f"{CHECKED[place].routine}-{pointer.name}" for place, pointer in CASES]
)
def test_a_wrong_object_is_named(machine: Machine, place: str, pointer: Pointer) -> None:
    contract = CHECKED[place]
    routine = found(place)
    assert callable(routine)
    wdm.KeRaiseIrql(contract.min_irql)
    # With a compiled kernel `empty` gives wrong objects too, of which the first one is named.
    named = contract.pointers if COMPILED else (pointer,)
    expected = "|".join(f"{each.name} must have the type {each.type}" for each in named)
    with refusal(f"{contract.routine}: ({expected})( or be None)?; it was <a wrong object>: .*", "Wrong"):
        routine(*arguments(place, contract, pointer))


CALL = "a call is IoCallDriver(DeviceObject, Irp)"
NULL = "look for a call that has failed, since None stands for NULL; a call is KeAcquireSpinLock"


@pytest.mark.parametrize(
    ("call", "message", "given"),
    [
        (
            lambda: wdm.KeSetEvent(cast("wdm.KEVENT", 3), 0, False),
            "KeSetEvent: Event must have the type KEVENT; it was 3: a call is KeSetEvent(Event, Increment, Wait)",
            "int",
        ),
        (
            lambda: wdm.KeAcquireSpinLock(cast("wdm.KSPIN_LOCK", None)),
            f"KeAcquireSpinLock: SpinLock must have the type KSPIN_LOCK; it was None: {NULL}(SpinLock)",
            "NoneType",
        ),
        (
            lambda: wdm.IoCallDriver(
                cast("wdm.DEVICE_OBJECT", 5), cast("wdm.IRP", wdm.IoAllocateIrp(1, False))
            ),
            "IoCallDriver: DeviceObject must have the type DEVICE_OBJECT; it was 5: " + CALL,
            "int",
        ),
    ],
)
def test_the_messages(machine: Machine, call: Callable[[], object], message: str, given: str) -> None:
    with refusal(re.escape(message), given):
        call()


def test_an_error_with_right_objects_stays_as_it_is(machine: Machine) -> None:
    with pytest.raises(AttributeError, match="attribute 'header'"):
        wdm.KeSetEvent(wdm.KEVENT.__new__(wdm.KEVENT), 0, False)
