# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The guard of drivers' routines: the driver whose code runs, escaped exceptions, the IRQL at the return."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast
from unittest.mock import ANY

import pytest

from dirql.ke.current import current
from dirql.ke.guard import (
    ADAPTER_CONTROL,
    ADD_DEVICE,
    CALLBACK,
    CANCEL,
    COMPLETION,
    CSQ_INSERT_EX,
    CSQ_LOCK,
    DISPATCH,
    DPC,
    DRIVER_ENTRY,
    ISR,
    REINITIALIZE,
    START_IO,
    SYNCHRONIZE,
    UNLOAD,
    RoutineKind,
    call_completion,
    call_driver,
    call_synchronized,
    call_with_two,
    current_driver,
)
from dirql.ke.kernel import Kernel
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.interrupt import Interrupt
from dirql.ke.processors.irql import current_irql, raise_irql
from dirql.ke.processors.spin_lock import SpinLock
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.constants import DISPATCH_LEVEL, KeepObject, LevelSensitive
from dirql.nt.ntstatus import NTSTATUS
from dirql.nt.status import STATUS_PENDING
from fakes.clock_and_controller import FakeMachine, vector_of
from unit.ke.making import at, bug_check, connect, dpc, synchronization, thread


def as_driver(name: object, routine: Callable[[], object]) -> object:
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

    def body() -> None:
        with pytest.raises(ValueError, match="x"):
            as_driver("store", fail)
        assert current_driver() == "store"

    as_driver("store", body)
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

    offender = 0 if kind is DISPATCH else routine
    with bug_check(code, subcode, offender, 0, 2, match="must return at PASSIVE_LEVEL, .* DISPATCH_LEVEL"):
        if kind is DISPATCH:
            call_driver(kind, "store", lambda _: routine(), 0)
        else:
            call_driver(kind, "store", routine)


@pytest.mark.parametrize("kind", [DRIVER_ENTRY, ADD_DEVICE, UNLOAD, REINITIALIZE])
def test_a_routine_that_begins_or_ends_a_driver_returns_at_its_level(
    kernel: Kernel, kind: RoutineKind
) -> None:
    match = f"{kind.noun} .* of 'store' must return at PASSIVE_LEVEL, .* DISPATCH_LEVEL"
    with bug_check(0xC8, 0x20002, 0, 0, 0, match=match):
        call_driver(kind, "store", lambda: raise_irql(DISPATCH_LEVEL))


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


# The spin locks at the return.


def run_dpc(routine: Callable[..., object]) -> None:
    made = Dpc()
    as_driver("store", lambda: made.initialize(routine, None))
    made.queue(None, None)
    with at(0):
        pass


def returning(value: object) -> Callable[..., bool]:
    """A routine that returns any value, which the type checker takes for a BOOLEAN."""
    return lambda *_: cast("bool", value)


GUARDED: dict[str, Callable[[Callable[..., bool]], object]] = {
    "DispatchIrp": lambda routine: call_with_two(DISPATCH, "store", routine, "device", "irp"),
    "IoCompletion": lambda routine: call_completion("store", routine, "device", "irp", None),
    "StartIo": lambda routine: call_driver(START_IO, "store", routine, "device", "irp"),
    "SynchCritSection": lambda routine: call_synchronized(current.processor, routine, None),
    "CustomDpc": run_dpc,
}


@pytest.mark.parametrize("kind", GUARDED)
def test_a_routine_that_keeps_a_spin_lock_is_named_with_the_lock(kernel: Kernel, kind: str) -> None:
    lock = SpinLock()

    def keeps(*_: object) -> bool:
        lock.acquire_at_dpc_level()
        return True

    if kind != "CustomDpc":
        raise_irql(DISPATCH_LEVEL)
    with bug_check(
        0xC4, 0x40009, match=r"keeps.* must return .* acquired <spin lock .*> and did not"
    ) as caught:
        GUARDED[kind](keeps)
    assert caught.value.parameters[1:] == (caught.value.reason, lock, 0)


@pytest.mark.parametrize("kind", [kind for kind in GUARDED if kind != "CustomDpc"])
def test_a_routine_that_releases_a_spin_lock_of_its_caller_is_named_with_the_lock(
    kernel: Kernel, kind: str
) -> None:
    outer, lock = SpinLock(), SpinLock()

    def releases(*_: object) -> bool:
        lock.release_from_dpc_level()
        return True

    outer.acquire()
    lock.acquire_at_dpc_level()
    with bug_check(
        0xC4, 0x4000B, match=r"releases.* released <spin lock .*>, which its caller held"
    ) as caught:
        GUARDED[kind](releases)
    assert caught.value.parameters[1:] == (caught.value.reason, lock, 0)


def test_an_isr_that_keeps_a_spin_lock_is_named(machine: FakeMachine, kernel: Kernel) -> None:
    lock = SpinLock()

    def service() -> bool:
        machine.clear(4)
        lock.acquire_at_dpc_level()
        return True

    as_driver("store", lambda: connect(4, service))
    machine.interrupt(4)
    with (
        bug_check(0xC4, 0x40009, match="the ISR .* of 'store' must return with the spin locks"),
        at(2),
    ):
        pass


def test_locks_may_be_released_in_any_order(kernel: Kernel) -> None:
    first, second, third = SpinLock(), SpinLock(), SpinLock()

    def routine() -> None:
        second.acquire_at_dpc_level()
        third.acquire_at_dpc_level()
        second.release_from_dpc_level()
        third.release_from_dpc_level()

    irql = first.acquire()
    call_driver(CALLBACK, "store", routine)
    first.release(irql)
    assert current.processor.lock is None


def test_a_lock_that_is_initialized_again_is_held_no_more(kernel: Kernel) -> None:
    lock = SpinLock()
    lock.acquire()
    lock.initialize()
    assert current.processor.lock is None


def test_an_unverified_driver_may_return_with_a_lock(kernel: Kernel) -> None:
    lock = SpinLock()
    kernel.verifier.verify("store", None)
    raise_irql(DISPATCH_LEVEL)
    call_driver(CALLBACK, "store", lock.acquire_at_dpc_level)
    assert current.processor.lock is lock


@pytest.mark.row("IRQL-06")
def test_IRQL_06_a_level_is_named_before_a_lock(kernel: Kernel) -> None:
    lock = SpinLock()

    def routine(*_: object) -> bool:
        lock.acquire()
        return True

    with bug_check(0xC9, 5, match="must return at PASSIVE_LEVEL"):
        GUARDED["DispatchIrp"](routine)


def test_a_cancel_routine_releases_the_cancel_lock(kernel: Kernel) -> None:
    outer, lock = SpinLock(), SpinLock()
    outer.acquire()
    lock.acquire_at_dpc_level()
    call_driver(CANCEL, "store", lock.release_from_dpc_level)
    lock.acquire_at_dpc_level()

    def keeps() -> None:
        pass

    with bug_check(0xC4, 0x40009, match="the cancel routine .*keeps of 'store' must return with") as caught:
        call_driver(CANCEL, "store", keeps)
    assert caught.value.parameters[1:] == (caught.value.reason, lock, 0)


def test_the_lock_routines_of_a_cancel_safe_queue_may_change_the_locks(kernel: Kernel) -> None:
    lock = SpinLock()
    irql = call_driver(CSQ_LOCK, "store", lock.acquire)
    call_driver(CSQ_LOCK, "store", lock.release, irql)
    assert current.processor.lock is None


# The value at the return.


@pytest.mark.parametrize(("value", "claimed"), [(True, True), (0, False), (0x80, True)])
def test_an_integer_of_c_is_a_boolean(kernel: Kernel, value: int, claimed: bool) -> None:
    assert call_synchronized(current.processor, returning(value), None) is claimed


@pytest.mark.parametrize("value", [None, "yes", -1, 0x100])
def test_the_value_of_an_isr_is_a_boolean(machine: FakeMachine, kernel: Kernel, value: object) -> None:
    vector = vector_of(4)
    irql = vector >> 4
    as_driver(
        "store",
        lambda: Interrupt.connect(
            returning(value), None, None, vector, irql, irql, LevelSensitive, True, 1, False
        ),
    )
    machine.interrupt(4)
    with (
        bug_check(
            0x1E, 0xC0000144, match="the ISR .*lambda> of 'store' must return a BOOLEAN, .* it returned "
        ),
        at(DISPATCH_LEVEL),
    ):
        pass


def test_the_value_of_a_synchronize_routine_is_a_boolean(kernel: Kernel) -> None:
    interrupt = connect(4, lambda: False)
    with bug_check(0x1E, 0xC0000144, match="the SynchCritSection routine .* must return a BOOLEAN, .* None"):
        interrupt.synchronize_execution(returning(None), None)


@pytest.mark.parametrize("kind", [DRIVER_ENTRY, ADD_DEVICE, COMPLETION], ids=lambda kind: kind.noun)
@pytest.mark.parametrize("value", [None, "STATUS_SUCCESS", 1 << 32])
def test_the_value_of_other_routines_is_an_ntstatus(kernel: Kernel, kind: RoutineKind, value: object) -> None:
    with bug_check(0x1E, 0xC0000144, match="of 'store' must return an NTSTATUS; it returned ") as caught:
        call_driver(kind, "store", lambda: value)
    assert isinstance(caught.value.parameters[2], TypeError)
    assert "test_guard.py" in str(caught.value.parameters[1])


def test_the_value_of_a_dispatch_routine_is_an_ntstatus(kernel: Kernel) -> None:
    def dispatch(_device: object, _irp: object) -> None:
        pass

    with bug_check(
        0xC9,
        0x224,
        ANY,
        "irp",
        "device",
        match="dispatch of 'store' must return an NTSTATUS; it returned None",
    ) as caught:
        call_with_two(DISPATCH, "store", dispatch, "device", "irp")
    assert "test_guard.py" in str(caught.value.parameters[1])


@pytest.mark.parametrize("kind", [DISPATCH, DRIVER_ENTRY, CSQ_INSERT_EX], ids=lambda kind: kind.noun)
def test_a_number_of_c_is_a_status(kernel: Kernel, kind: RoutineKind) -> None:
    status = call_driver(kind, "store", lambda: -0x3FFFFFFF)
    assert type(status) is NTSTATUS
    assert (status, call_driver(kind, "store", lambda: 0x103)) == (0xC0000001, STATUS_PENDING)


@pytest.mark.parametrize("value", [None, 0, 4, "KeepObject"])
def test_the_value_of_adapter_control_is_an_action(kernel: Kernel, value: object) -> None:
    assert call_driver(ADAPTER_CONTROL, "store", lambda: KeepObject) == KeepObject
    with bug_check(0x1E, match=r"the AdapterControl .* of 'store' must return an IO_ALLOCATION_ACTION"):
        call_driver(ADAPTER_CONTROL, "store", lambda: value)


def test_the_value_of_a_csq_insert_routine_is_an_ntstatus(kernel: Kernel) -> None:
    with bug_check(0x1E, match=r"the CsqInsertIrpEx routine .* of 'store' must return an NTSTATUS"):
        call_driver(CSQ_INSERT_EX, "store", lambda: None)


def test_an_exception_of_a_synchronize_routine_is_a_bug_check(kernel: Kernel) -> None:
    interrupt = connect(4, lambda: False)

    def fail(_context: None) -> bool:
        raise KeyError("x")

    with bug_check(0x1E, 0xC0000144, match="the SynchCritSection routine .*fail must handle its exceptions"):
        interrupt.synchronize_execution(fail, None)


KINDS = (
    ADAPTER_CONTROL,
    ADD_DEVICE,
    CALLBACK,
    CANCEL,
    COMPLETION,
    CSQ_INSERT_EX,
    CSQ_LOCK,
    DISPATCH,
    DPC,
    DRIVER_ENTRY,
    ISR,
    REINITIALIZE,
    START_IO,
    SYNCHRONIZE,
    UNLOAD,
)


def broken(*arguments: object) -> None:
    raise AttributeError("'Device' object has no attribute 'lok'")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
@pytest.mark.parametrize("caller", [None, "other"])
def test_no_exception_of_any_routine_reaches_code_of_somebody_else(
    kernel: Kernel, kind: RoutineKind, caller: object
) -> None:
    def call() -> None:
        call_driver(kind, "store", broken)

    with bug_check(0x1E, 0xC0000144, match="must handle its exceptions, and let AttributeError") as caught:
        as_driver(caller, call)
    assert caught.value.driver == "store"
    assert caught.value.origin is not None
    assert caught.value.origin.routine == "broken"
    assert kernel.stopped is caught.value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_a_routine_that_takes_other_arguments_is_named_with_its_place(
    kernel: Kernel, kind: RoutineKind
) -> None:
    def needs_one(argument: object) -> None:
        raise AssertionError

    routine = cast("Callable[[], bool]", needs_one)
    with bug_check(0x1E, 0xC0000144, match="let TypeError escape: .*missing 1 required") as caught:
        call_driver(kind, "store", routine)
    assert caught.value.origin is not None
    assert caught.value.origin.routine.endswith("needs_one")


@pytest.mark.parametrize("kind", [ADAPTER_CONTROL, CALLBACK, CSQ_INSERT_EX, CSQ_LOCK])
def test_a_routine_that_is_called_back_within_its_driver_may_raise(kernel: Kernel, kind: RoutineKind) -> None:
    def body() -> None:
        with pytest.raises(AttributeError, match="lok"):
            call_driver(kind, "store", broken)

    as_driver("store", body)
    assert kernel.stopped is None
