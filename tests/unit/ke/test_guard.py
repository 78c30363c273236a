# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The guard of drivers' routines: the driver whose code runs, escaped exceptions, the IRQL at the return."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql.ke.guard import (
    ADD_DEVICE,
    CALLBACK,
    COMPLETION,
    DISPATCH,
    RoutineKind,
    call_driver,
    current_driver,
)
from dirql.ke.kernel import Kernel
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.irql import current_irql, raise_irql
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.constants import DISPATCH_LEVEL
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import at, bug_check, connect, dpc, synchronization, thread


def as_driver(name: str, routine: Callable[[], object]) -> object:
    return call_driver(CALLBACK, name, routine)


def test_code_of_a_program_belongs_to_no_driver(kernel: Kernel) -> None:
    assert current_driver() is None


def test_calls_nest_and_give_back_the_result(kernel: Kernel) -> None:
    seen: list[object] = []

    def outer() -> int:
        seen.append(current_driver())
        as_driver("lower", lambda: seen.append(current_driver()))
        seen.append(current_driver())
        return 7

    assert as_driver("upper", outer) == 7
    assert (seen, current_driver()) == (["upper", "lower", "upper"], None)


def test_the_caller_is_current_again_after_an_exception(kernel: Kernel) -> None:
    def fail() -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        as_driver("store", fail)
    assert current_driver() is None


def test_a_dpc_belongs_to_the_driver_that_initialized_it(kernel: Kernel) -> None:
    seen: list[object] = []
    made = Dpc()
    as_driver("store", lambda: made.initialize(lambda *_: seen.append(current_driver()), None))
    as_driver("other", lambda: made.insert_queue(None, None))
    assert (seen, current_driver()) == (["store"], None)


def test_an_interrupt_belongs_to_the_driver_that_connected_it(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[object] = []

    def service() -> bool:
        seen.append(current_driver())
        machine.clear(4)
        return True

    as_driver("store", lambda: connect(4, service))
    machine.interrupt(4)
    with at(DISPATCH_LEVEL):
        pass
    assert (seen, current_driver()) == (["store"], None)


def test_a_thread_belongs_to_the_driver_that_created_it(kernel: Kernel) -> None:
    """Switches keep the driver: each thread goes on with its own."""
    go, gone = synchronization(), synchronization()
    seen: list[object] = []

    def work() -> None:
        seen.append(current_driver())
        wait_for_single_object(go)
        seen.append(current_driver())
        gone.set()

    as_driver("store", lambda: thread(work, priority=9))
    assert current_driver() is None
    go.set()
    wait_for_single_object(gone)
    assert (seen, current_driver()) == (["store", "store"], None)


def test_a_dpc_on_top_of_a_driver_leaves_it_current(kernel: Kernel) -> None:
    def body() -> object:
        dpc(lambda: None).insert_queue(None, None)
        return current_driver()

    assert as_driver("store", body) == "store"


def test_an_exception_that_escapes_is_a_bug_check_with_the_exception_as_cause(kernel: Kernel) -> None:
    def add_device() -> None:
        raise KeyError("x")

    with bug_check(0x1E, 0xC0000144, match="the AddDevice routine .*add_device must handle") as caught:
        call_driver(ADD_DEVICE, "store", add_device)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.row("IRQL-06")
@pytest.mark.parametrize(("kind", "code", "subcode"), [(DISPATCH, 0xC9, 5), (COMPLETION, 0xC4, 0xFA)])
def test_IRQL_06_a_verified_driver_returns_at_its_level(
    kernel: Kernel, kind: RoutineKind, code: int, subcode: int
) -> None:
    def routine() -> None:
        raise_irql(DISPATCH_LEVEL)

    with bug_check(code, subcode, routine, 0, 2, match="must return at PASSIVE_LEVEL, .* DISPATCH_LEVEL"):
        call_driver(kind, "store", routine)


@pytest.mark.row("IRQL-06")
def test_IRQL_06_an_unverified_driver_may_return_at_another_level(kernel: Kernel) -> None:
    kernel.verifier.verify("store", None)
    call_driver(DISPATCH, "store", lambda: raise_irql(DISPATCH_LEVEL))
    assert current_irql() == DISPATCH_LEVEL


@pytest.mark.row("IRQL-06")
def test_IRQL_06_an_isr_of_an_unverified_driver_is_put_back_to_its_level(
    machine: FakeMachine, kernel: Kernel
) -> None:
    def service() -> bool:
        machine.clear(4)
        raise_irql(8)
        return True

    kernel.verifier.verify("store", None)
    as_driver("store", lambda: connect(4, service))
    machine.interrupt(4)
    with at(DISPATCH_LEVEL):
        pass
    assert current_irql() == 0
