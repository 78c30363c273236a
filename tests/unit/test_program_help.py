# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Errors that Python finds in a test or a program get a note in the words of the WDK, if they are about dirql."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.io.status_block import IoStatusBlock
from dirql.machine import Machine
from dirql.tracebacks import explain_to_program
from unit.io.making import NAME, OPEN_AND_CLOSE, make_device, make_driver


def notes(do: Callable[[], object]) -> list[str]:
    """The notes of the error with which a call ends, as a test or a scenario would show them."""
    with pytest.raises((AttributeError, NameError, TypeError)) as caught:
        do()
    explain_to_program(caught.value)
    return list(getattr(caught.value, "__notes__", []))


def evaluate(text: str, **names: object) -> Callable[[], object]:
    """Code that mypy would refuse, as the mistake of somebody who knows C."""
    return lambda: eval(text, {"wdm": wdm, **names})


def unload(driver: wdm.DRIVER_OBJECT) -> None:
    assert driver.device_object is not None
    wdm.IoDeleteDevice(driver.device_object)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("block.Information", "it was Information, as in C: write information"),
        ("block.informaton", "did you mean information"),
        ("handle.Read(4)", "it was Read, as in C: write read"),
        ("KeSetTimer(1, 2, 3)", "KeSetTimer must be imported before it is used: write wdm.KeSetTimer"),
        pytest.param(
            "wdm.KeSetTimer(1)", "KeSetTimer takes 3 arguments", marks=pytest.mark.interpreted("calls")
        ),
    ],
)
def test_a_mistake_with_the_names_of_the_wdk_gets_a_note(machine: Machine, text: str, note: str) -> None:
    make_device(make_driver(OPEN_AND_CLOSE, driver_unload=unload), NAME)
    with machine.open(NAME) as handle:
        (found,) = notes(evaluate(text, block=IoStatusBlock(), handle=handle))
    assert note in found


@pytest.mark.parametrize("text", ["[].Append(1)", "no_such_name", "len(1, 2)", "own.Member"])
def test_a_mistake_with_other_names_is_left_to_python(text: str) -> None:
    assert notes(evaluate(text, own=evaluate)) == []
