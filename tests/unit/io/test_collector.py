# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pace of Python's garbage collector while a machine is open."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import cast

import pytest

from dirql.machine import DriverModule, open_machine
from fakes.scripted_target import ScriptedTarget


@pytest.fixture(autouse=True)
def _pace_of_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_a_machine_slows_the_collector_down_and_restores_it() -> None:
    gc.set_threshold(700, 9, 8)
    with open_machine(ScriptedTarget()):
        assert gc.get_threshold() == (10_000, 9, 8)
    assert gc.get_threshold() == (700, 9, 8)


@pytest.mark.parametrize("pace", [0, 20_000])
def test_a_program_that_wants_fewer_collections_keeps_its_pace(pace: int) -> None:
    gc.set_threshold(pace, 9, 8)
    with open_machine(ScriptedTarget()):
        assert gc.get_threshold() == (pace, 9, 8)
    assert gc.get_threshold() == (pace, 9, 8)


def test_a_pace_that_is_set_meanwhile_stays() -> None:
    gc.set_threshold(700, 9, 8)
    with open_machine(ScriptedTarget()):
        gc.set_threshold(50, 9, 8)
    assert gc.get_threshold() == (50, 9, 8)


def test_the_pace_is_restored_when_a_driver_cannot_be_loaded() -> None:
    gc.set_threshold(700, 9, 8)
    with pytest.raises(TypeError), open_machine(ScriptedTarget(), drivers=[cast("DriverModule", None)]):
        pass
    assert gc.get_threshold() == (700, 9, 8)
