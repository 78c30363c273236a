# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The facade against its description: every name once, the WDK's arguments, a contract for every routine."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from compiled import COMPILED
from dirql import wdm
from dirql.ke.kernel import Kernel
from dirql.nt.contracts import CONTRACTS
from fakes.clock_and_controller import FakeMachine
from wdk.description import load_description
from wdk.generate import main
from wdk.routines import Routine

DESCRIPTION = load_description()
ROUTINES = {routine.name: routine for routine in DESCRIPTION.routines if not routine.member_of}


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    machine = FakeMachine()
    running = Kernel(machine, machine)
    yield running
    running.close()


def callables() -> dict[str, Callable[..., object]]:
    """Every exported name that is neither a type nor a constant."""
    return {
        name: value
        for name in wdm.__all__
        if callable(value := getattr(wdm, name)) and not isinstance(value, type)
    }


def test_what_is_generated_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_each_name_is_exported_once() -> None:
    assert [name for name, count in Counter(wdm.__all__).items() if count > 1] == []


def test_exactly_the_described_routines_are_exported() -> None:
    others = {other for routine in ROUTINES.values() for other in routine.also}
    assert set(callables()) == {*ROUTINES, *others}


def test_another_name_of_a_routine_is_the_same_routine() -> None:
    pairs = [(other, routine.name) for routine in ROUTINES.values() for other in routine.also]
    assert ("InterlockedIncrementAcquire", "InterlockedIncrement") in pairs
    assert [pair for pair in pairs if getattr(wdm, pair[0]) is not getattr(wdm, pair[1])] == []


@pytest.mark.parametrize("routine", ROUTINES.values(), ids=ROUTINES)
def test_a_routine_takes_the_arguments_of_the_wdk(routine: Routine) -> None:
    """As many as the WDK has, less those that Python returns; a default may stand for one that C has to pass."""
    parameters = list(inspect.signature(callables()[routine.name]).parameters.values())
    if routine.prototype.is_variadic:
        assert parameters.pop().kind is inspect.Parameter.VAR_POSITIONAL
    # The object of a compiled method has no name.
    unnamed = {inspect.Parameter.POSITIONAL_ONLY} if COMPILED else set()
    assert all(each.kind in {each.POSITIONAL_OR_KEYWORD, *unnamed} for each in parameters)
    assert len(parameters) == len(routine.arguments), [each.name for each in routine.arguments]


def test_every_routine_has_a_contract() -> None:
    named = {contract.routine for contract in CONTRACTS.values()}
    assert set(ROUTINES) - named == set()


@pytest.mark.parametrize("arguments", [0, 9])
@pytest.mark.parametrize("name", ["KeSetEvent", "KeReleaseSpinLock", "IoCompleteRequest", "ZwReadFile"])
def test_a_wrong_number_of_arguments_names_the_routine_of_the_wdk(
    kernel: Kernel, name: str, arguments: int
) -> None:
    if name == "ZwReadFile" and arguments == 9:
        arguments = 10
    # Compiled code says what Python's own routines say, with the name that the routine has in Python.
    own = "set|release|complete_request|read_file|for 'Event' objects|for 'SpinLock' objects"
    with pytest.raises(TypeError, match=rf"\b({own})\b" if COMPILED else rf"^{name}\(\)"):
        getattr(wdm, name)(*[None] * arguments)


@pytest.mark.interpreted("docstrings")
def test_every_routine_has_a_docstring() -> None:
    assert [name for name, value in callables().items() if not inspect.getdoc(value)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("KeSetEvnt", "neither the WDK nor dirql has a name KeSetEvnt; did you mean KeSetEvent"),
        ("Zyzzyva", "neither the WDK nor dirql has a name Zyzzyva, or one that is near it"),
    ],
)
def test_an_unknown_name_gets_the_nearest_ones(name: str, text: str) -> None:
    with pytest.raises(AttributeError, match=text):
        getattr(wdm, name)


@pytest.mark.parametrize("module", ["dirql.wdm", "dirql.wdm.wdm", "dirql.wdm.ntddk"])
def test_an_import_of_an_unknown_name_says_the_same(module: str) -> None:
    with pytest.raises(ImportError, match="did you mean KeSetEvent"):
        exec(f"from {module} import KeSetEvnt", {})


def test_an_import_from_the_wrong_header_says_where_the_name_is() -> None:
    with pytest.raises(
        ImportError, match=r"KeSetEvent belongs to another header than that of dirql\.wdm\.ntddk"
    ):
        exec("from dirql.wdm.ntddk import KeSetEvent", {})


def test_a_lookup_of_a_private_name_is_an_ordinary_error() -> None:
    assert not hasattr(wdm, "__wrapped__")
