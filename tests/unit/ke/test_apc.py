# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""APCs: their order, the levels and regions that hold them off, and the waits that they break off or end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from dirql import wdm
from dirql.ke.kernel import Kernel
from dirql.ke.threads.apc import Apc
from dirql.ke.threads.thread import Thread
from unit.ke.making import at, bug_check, notification, thread

INCREMENT = 0


def current() -> Thread:
    return wdm.KeGetCurrentThread()


def special(target: Thread, routine: Callable[[], object]) -> Apc:
    apc = wdm.KAPC()
    environment = wdm.OriginalApcEnvironment

    def kernel_routine(*_: object) -> None:
        routine()

    wdm.KeInitializeApc(apc, target, environment, kernel_routine, None, None, wdm.KernelMode, None)
    return apc


def normal(
    target: Thread,
    routine: Callable[[], object],
    mode: int = wdm.KernelMode,
    rundown: Callable[[], object] | None = None,
) -> Apc:
    apc = wdm.KAPC()
    wdm.KeInitializeApc(
        apc,
        target,
        wdm.OriginalApcEnvironment,
        lambda *_: None,
        None if rundown is None else lambda _: rundown(),
        lambda *_: routine(),
        mode,
        None,
    )
    return apc


def insert(apc: Apc) -> bool:
    return wdm.KeInsertQueueApc(apc, None, None, INCREMENT)


def wait(
    event: wdm.KEVENT, mode: int = wdm.KernelMode, alertable: bool = False, timeout: int | None = None
) -> int:
    return wdm.KeWaitForSingleObject(event, wdm.Executive, mode, alertable, timeout)


def waiting_thread(
    event: wdm.KEVENT, mode: int = wdm.KernelMode, alertable: bool = False, timeout: int | None = None
) -> tuple[Thread, list[int]]:
    """A thread that waits for the event now, and the list that gets the status of its wait."""
    statuses: list[int] = []
    made = thread(lambda: statuses.append(wait(event, mode, alertable, timeout)), priority=12)
    assert not statuses
    return made, statuses


def test_a_special_apc_runs_at_once_at_APC_LEVEL(kernel: Kernel) -> None:
    seen: list[int] = []
    apc = special(current(), lambda: seen.append(wdm.KeGetCurrentIrql()))
    assert insert(apc) is True
    assert seen == [wdm.APC_LEVEL]
    assert wdm.KeGetCurrentIrql() == wdm.PASSIVE_LEVEL
    assert apc.inserted is False


def test_a_normal_apc_runs_its_kernel_routine_first_and_then_at_PASSIVE_LEVEL(kernel: Kernel) -> None:
    seen: list[object] = []
    apc = wdm.KAPC()

    def kernel_routine(given: object, routine: object, *arguments: object) -> None:
        seen.append((given is apc, routine is normal_routine, wdm.KeGetCurrentIrql(), *arguments))

    def normal_routine(*arguments: object) -> None:
        seen.append((wdm.KeGetCurrentIrql(), *arguments))

    environment = wdm.OriginalApcEnvironment
    wdm.KeInitializeApc(
        apc, current(), environment, kernel_routine, None, normal_routine, wdm.KernelMode, "context"
    )
    assert wdm.KeInsertQueueApc(apc, 1, 2, INCREMENT)
    assert seen == [(True, True, wdm.APC_LEVEL, "context", 1, 2), (wdm.PASSIVE_LEVEL, "context", 1, 2)]


def test_a_kernel_routine_may_change_the_normal_routine_and_its_arguments(kernel: Kernel) -> None:
    seen: list[object] = []
    apc = wdm.KAPC()
    environment = wdm.OriginalApcEnvironment

    def other(*arguments: object) -> None:
        seen.append(("other", *arguments))

    wdm.KeInitializeApc(
        apc,
        current(),
        environment,
        lambda *_: (other, 3, 4, 5),
        None,
        lambda *_: seen.append("first"),
        wdm.KernelMode,
        None,
    )
    insert(apc)
    wdm.KeInitializeApc(
        apc,
        current(),
        environment,
        lambda *_: (None, 3, 4, 5),
        None,
        lambda *_: seen.append("second"),
        wdm.KernelMode,
        None,
    )
    insert(apc)
    assert seen == [("other", 3, 4, 5)]


def test_APC_05_special_apcs_come_before_normal_ones_and_each_kind_in_order(kernel: Kernel) -> None:
    order: list[str] = []
    with at(wdm.APC_LEVEL):
        for name in ("n1", "s1", "n2", "s2"):
            make = special if name[0] == "s" else normal
            insert(make(current(), partial(order.append, name)))
        assert order == []
    assert order == ["s1", "s2", "n1", "n2"]


def test_APC_05_user_apcs_come_last(kernel: Kernel) -> None:
    order: list[str] = []
    event = notification()

    def waiter() -> None:
        wdm.KeRaiseIrql(wdm.APC_LEVEL)
        for name in ("u", "n", "s"):
            mode = wdm.UserMode if name == "u" else wdm.KernelMode
            apc = special(current(), lambda: order.append("s"))
            if name != "s":
                apc = normal(current(), partial(order.append, name), mode)
            insert(apc)
        wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)
        assert wait(event, wdm.UserMode, True) == wdm.STATUS_USER_APC

    wait_for(thread(waiter))
    assert order == ["s", "n", "u"]


def wait_for(ended: Thread) -> None:
    wdm.KeWaitForSingleObject(ended, wdm.Executive, wdm.KernelMode, False, None)


def test_APC_01_a_critical_region_holds_off_normal_apcs_only(kernel: Kernel) -> None:
    order: list[str] = []
    wdm.KeEnterCriticalRegion()
    insert(normal(current(), lambda: order.append("normal")))
    insert(special(current(), lambda: order.append("special")))
    assert order == ["special"]
    wdm.KeLeaveCriticalRegion()
    assert order == ["special", "normal"]


def test_APC_03_a_guarded_region_holds_off_all_apcs(kernel: Kernel) -> None:
    order: list[str] = []
    wdm.KeEnterGuardedRegion()
    insert(special(current(), lambda: order.append("special")))
    assert order == []
    wdm.KeLeaveGuardedRegion()
    assert order == ["special"]


@pytest.mark.parametrize("irql", [wdm.APC_LEVEL, wdm.DISPATCH_LEVEL])
def test_an_apc_waits_until_the_irql_is_below_APC_LEVEL(kernel: Kernel, irql: int) -> None:
    order: list[int] = []
    wdm.KeRaiseIrql(irql)
    insert(special(current(), lambda: order.append(wdm.KeGetCurrentIrql())))
    wdm.KeLowerIrql(wdm.APC_LEVEL)
    assert order == []
    wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)
    assert order == [wdm.APC_LEVEL]


def test_one_normal_apc_runs_at_a_time_and_a_special_one_comes_between(kernel: Kernel) -> None:
    order: list[str] = []

    def first() -> None:
        order.append("first begins")
        insert(normal(current(), lambda: order.append("second")))
        insert(special(current(), lambda: order.append("special")))
        order.append("first ends")

    insert(normal(current(), first))
    assert order == ["first begins", "special", "first ends", "second"]


def test_an_apc_that_was_not_initialized_must_not_be_queued(kernel: Kernel) -> None:
    apc = wdm.KAPC()
    with bug_check(wdm.KERNEL_SECURITY_CHECK_FAILURE, match="must be initialized by KeInitializeApc"):
        wdm.KeInsertQueueApc(apc, None, None, INCREMENT)
    assert not apc.inserted


def test_an_apc_is_queued_once(kernel: Kernel) -> None:
    seen: list[object] = []
    apc = special(current(), lambda: seen.append(apc.system_argument1))
    with at(wdm.APC_LEVEL):
        assert wdm.KeInsertQueueApc(apc, "first", None, INCREMENT) is True
        assert wdm.KeInsertQueueApc(apc, "second", None, INCREMENT) is False
        assert apc.inserted
    assert seen == ["first"]


@pytest.mark.parametrize("make", [special, normal])
def test_an_apc_that_is_taken_out_does_not_run(kernel: Kernel, make: Callable[..., Apc]) -> None:
    seen: list[str] = []
    apc = make(current(), lambda: seen.append("ran"))
    with at(wdm.APC_LEVEL):
        insert(apc)
        assert wdm.KeRemoveQueueApc(apc) is True
        assert wdm.KeRemoveQueueApc(apc) is False
    assert seen == []


def test_a_kernel_apc_breaks_off_a_wait_which_then_goes_on(kernel: Kernel) -> None:
    event = notification()
    seen: list[object] = []
    waiter, statuses = waiting_thread(event)
    insert(normal(waiter, lambda: seen.append(wdm.KeGetCurrentThread() is waiter)))
    assert (seen, statuses) == ([True], [])
    wdm.KeSetEvent(event, 0, False)
    wait_for(waiter)
    assert statuses == [wdm.STATUS_SUCCESS]


def test_a_wait_that_an_apc_breaks_off_keeps_its_time_out(kernel: Kernel) -> None:
    event = notification()
    begin = wdm.KeQueryInterruptTime()
    waiter, statuses = waiting_thread(event, timeout=-1000)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -600)
    insert(special(waiter, lambda: None))
    wait_for(waiter)
    assert statuses == [wdm.STATUS_TIMEOUT]
    assert 1000 <= wdm.KeQueryInterruptTime() - begin < 1400, "and not 1600: the time-out did not begin again"


def test_an_apc_may_wait_and_the_wait_below_it_goes_on(kernel: Kernel) -> None:
    event, inner = notification(), notification()
    order: list[str] = []

    def routine() -> None:
        wait(inner)
        order.append("inner wait over")

    waiter, statuses = waiting_thread(event)
    insert(normal(waiter, routine))
    wdm.KeSetEvent(event, 0, False)
    assert (order, statuses) == ([], [])
    wdm.KeSetEvent(inner, 0, False)
    wait_for(waiter)
    assert (order, statuses) == (["inner wait over"], [wdm.STATUS_SUCCESS])


def test_an_event_that_is_set_during_an_apc_ends_the_wait(kernel: Kernel) -> None:
    event = notification()
    waiter, statuses = waiting_thread(event)
    insert(normal(waiter, lambda: wdm.KeSetEvent(event, 0, False)))
    wait_for(waiter)
    assert statuses == [wdm.STATUS_SUCCESS]


def test_a_thread_that_waits_at_APC_LEVEL_gets_its_apc_later(kernel: Kernel) -> None:
    event = notification()
    order: list[str] = []

    def waiter() -> None:
        wdm.KeRaiseIrql(wdm.APC_LEVEL)
        wait(event)
        order.append("wait over")
        wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)

    made = thread(waiter, priority=12)
    insert(special(made, lambda: order.append("apc")))
    assert order == []
    wdm.KeSetEvent(event, 0, False)
    wait_for(made)
    assert order == ["wait over", "apc"]


@pytest.mark.parametrize("mode", [wdm.UserMode, wdm.KernelMode], ids=["user", "kernel"])
def test_APC_08_a_user_apc_ends_an_alertable_wait(kernel: Kernel, mode: int) -> None:
    event = notification()
    ran: list[str] = []
    waiter, statuses = waiting_thread(event, mode, True)
    insert(normal(waiter, lambda: ran.append("apc"), wdm.UserMode))
    wait_for(waiter)
    assert statuses == [wdm.STATUS_USER_APC]
    assert ran == (["apc"] if mode == wdm.UserMode else [])


def test_APC_08_a_user_apc_leaves_a_wait_alone_that_is_not_alertable(kernel: Kernel) -> None:
    event = notification()
    ran: list[str] = []
    waiter, statuses = waiting_thread(event, wdm.UserMode)
    assert insert(normal(waiter, lambda: ran.append("apc"), wdm.UserMode))
    assert statuses == []
    wdm.KeSetEvent(event, 0, False)
    wait_for(waiter)
    assert (statuses, ran) == ([wdm.STATUS_SUCCESS], [])


def test_APC_08_a_user_apc_that_is_queued_keeps_an_alertable_wait_from_beginning(kernel: Kernel) -> None:
    event = notification()
    ran: list[int] = []
    insert(normal(current(), lambda: ran.append(wdm.KeGetCurrentIrql()), wdm.UserMode))
    assert ran == []
    assert wdm.KeDelayExecutionThread(wdm.UserMode, True, -1_000_000) == wdm.STATUS_USER_APC
    assert ran == [wdm.PASSIVE_LEVEL]
    assert wait(event, wdm.UserMode, True, 0) == wdm.STATUS_TIMEOUT


@pytest.mark.parametrize(
    ("alert", "mode", "ends"),
    [
        (wdm.KernelMode, wdm.KernelMode, True),
        (wdm.KernelMode, wdm.UserMode, True),
        (wdm.UserMode, wdm.UserMode, True),
        (wdm.UserMode, wdm.KernelMode, False),
    ],
)
def test_APC_08_an_alert_ends_an_alertable_wait(kernel: Kernel, alert: int, mode: int, ends: bool) -> None:
    event = notification()
    waiter, statuses = waiting_thread(event, mode, True)
    assert wdm.KeAlertThread(waiter, alert) is False
    assert statuses == ([wdm.STATUS_ALERTED] if ends else [])
    wdm.KeSetEvent(event, 0, False)
    wait_for(waiter)
    assert statuses == [wdm.STATUS_ALERTED if ends else wdm.STATUS_SUCCESS]


def test_APC_08_an_alert_is_kept_until_an_alertable_wait_or_a_test(kernel: Kernel) -> None:
    event = notification()
    assert wdm.KeAlertThread(current(), wdm.KernelMode) is False
    assert wdm.KeAlertThread(current(), wdm.KernelMode) is True
    assert wait(event, timeout=0) == wdm.STATUS_TIMEOUT
    assert wait(event, alertable=True) == wdm.STATUS_ALERTED
    assert wait(event, alertable=True, timeout=0) == wdm.STATUS_TIMEOUT
    wdm.KeAlertThread(current(), wdm.UserMode)
    assert wdm.KeTestAlertThread(wdm.UserMode) is True
    assert wdm.KeTestAlertThread(wdm.UserMode) is False


def test_an_object_that_is_signalled_comes_before_an_alert(kernel: Kernel) -> None:
    wdm.KeAlertThread(current(), wdm.KernelMode)
    assert wait(notification(True), alertable=True) == wdm.STATUS_SUCCESS
    assert wdm.KeTestAlertThread(wdm.KernelMode) is True


def test_a_thread_that_ends_runs_its_kernel_apcs_and_runs_down_the_others(kernel: Kernel) -> None:
    order: list[str] = []

    def body() -> None:
        insert(
            normal(current(), lambda: order.append("never"), wdm.UserMode, lambda: order.append("rundown"))
        )
        order.append("body")

    ended = thread(body)
    wait_for(ended)
    assert order == ["body", "rundown"]
    assert insert(special(ended, lambda: order.append("never"))) is False


def test_an_apc_for_a_thread_that_is_ready_runs_before_the_thread_goes_on(kernel: Kernel) -> None:
    order: list[str] = []
    made = thread(lambda: order.append("body"))  # of the same priority, so it has not begun
    insert(special(made, lambda: order.append("apc")))
    assert order == []
    wait_for(made)
    assert order == ["apc", "body"]


def test_an_exception_that_escapes_is_the_drivers_bug_check(kernel: Kernel) -> None:
    def fail() -> None:
        raise ValueError("lost")

    with bug_check(wdm.KMODE_EXCEPTION_NOT_HANDLED):
        insert(special(current(), fail))


@pytest.mark.parametrize("processors", [2, 4])
def test_an_apc_reaches_a_thread_on_another_processor(
    open_kernel: Callable[..., Kernel], processors: int
) -> None:
    open_kernel(processors)
    seen: list[bool] = []
    done = notification()

    def busy() -> None:
        while not wdm.KeReadStateEvent(done):
            pass

    other = thread(busy)
    while other.state.value != "running":
        wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10)
    insert(
        normal(
            other, lambda: (seen.append(wdm.KeGetCurrentThread() is other), wdm.KeSetEvent(done, 0, False))
        )
    )
    wait_for(other)
    assert seen == [True]
