# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Spin locks (KSPIN_LOCK): owners, IRQLs, order, and the bug check in the place of a hang."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from dirql.ke.current import current
from dirql.ke.guard import CALLBACK, call_driver
from dirql.ke.kernel import Kernel
from dirql.ke.processors.irql import current_irql, lower_irql, raise_irql
from dirql.ke.processors.spin_lock import SpinLock
from dirql.ke.threads.schedule import RandomSchedule
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.constants import APC_LEVEL, DISPATCH_LEVEL, PASSIVE_LEVEL
from dirql.wdm import KLOCK_QUEUE_HANDLE, KeAcquireInStackQueuedSpinLock
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import at, bug_check, connect, thread

T = TypeVar("T")


@pytest.mark.parametrize("irql", [PASSIVE_LEVEL, APC_LEVEL, DISPATCH_LEVEL])
def test_LCK_01_acquire_raises_and_release_restores(kernel: Kernel, irql: int) -> None:
    lock = SpinLock()
    lock.initialize()
    raise_irql(irql)
    assert (lock.value, lock.test()) == (0, True)
    assert lock.acquire() == irql
    assert current_irql() == DISPATCH_LEVEL
    assert (lock.value, lock.test()) == (1, False)
    lock.release(irql)
    assert current_irql() == irql
    assert (lock.value, lock.test()) == (0, True)


def test_LCK_01_interrupts_come_while_a_lock_is_held(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[int] = []
    connect(4, lambda: (seen.append(current_irql()), machine.clear(4), True)[-1])
    lock = SpinLock()
    old_irql = lock.acquire()
    machine.interrupt(4)
    current.dispatcher.preempt()
    assert seen == [5]
    lock.release(old_irql)


def test_LCK_03_the_forms_that_leave_the_level_alone(kernel: Kernel) -> None:
    lock = SpinLock()
    raise_irql(5)
    lock.acquire_at_dpc_level()
    assert (lock.value, current_irql()) == (1, 5)
    lock.release_from_dpc_level()
    assert (lock.value, current_irql()) == (0, 5)


def test_LCK_03_acquire_then_release_from_dpc_level(kernel: Kernel) -> None:
    lock = SpinLock()
    lock.acquire()
    lock.release_from_dpc_level()
    assert (lock.value, current_irql()) == (0, DISPATCH_LEVEL)


@pytest.mark.parametrize("irql", [PASSIVE_LEVEL, DISPATCH_LEVEL])
def test_LCK_03_acquire_for_dpc_raises_only_if_below(kernel: Kernel, irql: int) -> None:
    lock = SpinLock()
    raise_irql(irql)
    old_irql = lock.acquire_for_dpc()
    assert (old_irql, current_irql()) == (irql, DISPATCH_LEVEL)
    lock.release_for_dpc(old_irql)
    assert (lock.value, current_irql()) == (0, irql)


def test_try_to_acquire(kernel: Kernel) -> None:
    lock = SpinLock()
    raise_irql(DISPATCH_LEVEL)
    assert lock.try_to_acquire_at_dpc_level()
    assert not lock.try_to_acquire_at_dpc_level()


def test_LCK_04_acquired_twice(kernel: Kernel) -> None:
    lock = SpinLock()
    lock.acquire()
    with bug_check(0xF, lock, match="must not be called by the owner of the lock"):
        lock.acquire()


def test_LCK_04_released_unheld(kernel: Kernel) -> None:
    lock = SpinLock()
    raise_irql(DISPATCH_LEVEL)
    with bug_check(0x10, lock, match="the lock was free"):
        lock.release(PASSIVE_LEVEL)


@pytest.mark.parametrize(
    ("irql", "subcode", "call"),
    [
        (1, 0x32, lambda lock: lock.release(0)),
        (5, 0x32, lambda lock: lock.release(2)),
        (1, 0x40, SpinLock.acquire_at_dpc_level),
        (1, 0x41, SpinLock.release_from_dpc_level),
        (3, 0x42, SpinLock.acquire),
    ],
)
def test_LCK_05_the_wrong_form_for_the_level(
    kernel: Kernel, irql: int, subcode: int, call: Callable[[SpinLock], object]
) -> None:
    lock = SpinLock()
    raise_irql(irql)
    with bug_check(0xC4, subcode, irql, lock, match="it was called at"):
        call(lock)


@pytest.mark.row("LCK-04")
def test_two_processors_exclude_each_other(open_kernel: Callable[..., Kernel]) -> None:
    """Without the lock some of the same increments get lost with this schedule."""

    def count(lock: SpinLock | None) -> int:
        kernel = open_kernel(processors=2, schedule=RandomSchedule(3))
        counter = [0]

        def work() -> None:
            for _ in range(50):
                old_irql = lock.acquire() if lock else raise_irql(DISPATCH_LEVEL)
                value = counter[0]
                current.dispatcher.preempt()
                counter[0] = value + 1
                lock.release(old_irql) if lock else lower_irql(old_irql)

        for worker in [thread(work), thread(work)]:
            wait_for_single_object(worker)
        kernel.close()
        return counter[0]

    assert count(SpinLock()) == 100
    assert count(None) < 100


@pytest.mark.row("LCK-04")
def test_locks_taken_in_opposite_orders_are_a_deadlock(open_kernel: Callable[..., Kernel]) -> None:
    open_kernel(processors=2)
    locks = SpinLock(), SpinLock()
    holding: list[SpinLock] = []

    def work(first: SpinLock, second: SpinLock) -> None:
        first.acquire()
        holding.append(first)
        while len(holding) < 2:
            current.dispatcher.give_way()
        second.acquire_at_dpc_level()

    workers = [thread(lambda: work(*locks)), thread(lambda: work(*reversed(locks)))]
    with bug_check(0xC4, 0x1001, match="must be acquired in the same order"):
        wait_for_single_object(workers[0])


def nested(*locks: SpinLock) -> None:
    """Acquire locks one inside the other, and release them."""
    old_irql = locks[0].acquire()
    for lock in locks[1:]:
        lock.acquire_at_dpc_level()
    for lock in reversed(locks[1:]):
        lock.release_from_dpc_level()
    locks[0].release(old_irql)


@pytest.mark.row("LCK-04")
def test_opposite_orders_are_found_without_a_deadlock(kernel: Kernel) -> None:
    first, second = SpinLock(), SpinLock()
    nested(first, second)
    nested(first, second)
    with bug_check(0xC4, 0x1001, first, 0, 0, match=r"same order everywhere.*test_spinlock.py"):
        nested(second, first)


@pytest.mark.row("LCK-04")
def test_opposite_orders_are_found_through_a_third_lock(kernel: Kernel) -> None:
    first, second, third = SpinLock(), SpinLock(), SpinLock()
    nested(first, second)
    nested(second, third)
    with bug_check(0xC4, 0x1001, first, 0, 0, match="same order everywhere"):
        nested(third, first)


@pytest.mark.row("LCK-04")
def test_the_order_of_locks_that_were_initialized_again_is_forgotten(kernel: Kernel) -> None:
    first, second = SpinLock(), SpinLock()
    nested(first, second)
    first.initialize()
    nested(second, first)


@pytest.mark.row("LCK-04")
def test_the_order_is_a_rule_for_verified_drivers(kernel: Kernel) -> None:
    kernel.verifier.default = None
    first, second = SpinLock(), SpinLock()
    nested(first, second)
    nested(second, first)


@pytest.mark.row("INT-14")
def test_an_ordinary_lock_above_dispatch_level_is_reported_once(kernel: Kernel) -> None:
    found: list[tuple[str, str]] = []
    kernel.hooks.defect_found = lambda row, what: found.append((row, what))
    lock = SpinLock()
    with at(DISPATCH_LEVEL):
        lock.acquire_at_dpc_level()
        lock.release_from_dpc_level()
    assert found == []
    for _ in range(2):
        with at(DISPATCH_LEVEL + 1):
            lock.acquire_at_dpc_level()
            lock.release_from_dpc_level()
    [(row, what)] = found
    assert row == "INT-14"
    assert "KeSynchronizeExecution" in what


# Locks of drivers that were not initialized.


def of_driver(act: Callable[[], T], driver: object = "careless") -> T:
    """Do something as the code of a driver."""
    return call_driver(CALLBACK, driver, act)


def queued(lock: SpinLock) -> None:
    KeAcquireInStackQueuedSpinLock(lock, KLOCK_QUEUE_HANDLE())


BLANK_USES: dict[str, Callable[[SpinLock], object]] = {
    "acquire": SpinLock.acquire,
    "acquire at DPC level": SpinLock.acquire_at_dpc_level,
    "acquire for a DPC": SpinLock.acquire_for_dpc,
    "try": SpinLock.try_to_acquire_at_dpc_level,
    "test": SpinLock.test,
    "release": lambda lock: lock.release(PASSIVE_LEVEL),
    "release from DPC level": SpinLock.release_from_dpc_level,
    "queued": queued,
    "connect": lambda lock: connect(4, lambda: False, lock),
}
AT_DISPATCH = {"acquire at DPC level", "try", "release", "release from DPC level"}


@pytest.mark.row("LCK-01")
@pytest.mark.parametrize("use", BLANK_USES)
def test_a_lock_of_a_driver_is_initialized_before_its_use(kernel: Kernel, use: str) -> None:
    lock = of_driver(SpinLock)
    assert "not initialized" in repr(lock)
    assert lock.value == 0
    if use in AT_DISPATCH:
        raise_irql(DISPATCH_LEVEL)
    with bug_check(
        0xC4, 0x1002, lock, 0, 0, match="must be initialized by KeInitializeSpinLock before its use"
    ):
        of_driver(lambda: BLANK_USES[use](lock))


@pytest.mark.parametrize("use", ["acquire", "try", "test", "queued"])
def test_without_verifier_a_lock_of_zeros_is_free(kernel: Kernel, use: str) -> None:
    kernel.verifier.verify("careless", None)
    lock = of_driver(SpinLock)
    if use in AT_DISPATCH:
        raise_irql(DISPATCH_LEVEL)
    of_driver(lambda: BLANK_USES[use](lock))
    assert lock.value == int(use != "test")


def test_a_lock_of_a_driver_works_once_it_is_initialized(kernel: Kernel) -> None:
    def use() -> None:
        lock = SpinLock()
        lock.initialize()
        assert lock.test()
        old_irql = lock.acquire()
        assert lock.value == 1
        lock.release(old_irql)
        assert "free" in repr(lock)

    of_driver(use)


def test_the_lock_of_an_interrupt_object_is_the_kernels(kernel: Kernel) -> None:
    def use() -> None:
        interrupt = connect(4, lambda: False)
        interrupt.release_spin_lock(interrupt.acquire_spin_lock())

    of_driver(use)
