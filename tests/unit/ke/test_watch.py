# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The watch over hangs: DPCs, ISRs and levels that last too long, loops, and waits while timers tick."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql.ke.current import current
from dirql.ke.kernel import Kernel
from dirql.ke.limits import Limits
from dirql.ke.objects.event import Event
from dirql.ke.objects.timer import Timer
from dirql.ke.processors.irql import lower_irql, raise_irql
from dirql.ke.processors.spin_lock import SpinLock
from dirql.ke.threads.system_time import stall_execution_processor
from dirql.ke.threads.wait import delay_execution_thread, wait_for_single_object
from dirql.ke.watch.deadlock import Deadlock
from dirql.ke.watch.witness import Witness
from dirql.nt.constants import DISPATCH_LEVEL, KernelMode, NotificationEvent
from dirql.target.contract import LinkLost
from fakes.clock_and_controller import FREQUENCY, FakeMachine
from unit.ke.making import a_timer, bug_check, connect, dpc

LIMIT = 100_000
STALL = 100
ROUTINE = Limits(LIMIT, None, None, None, None, None, None, None)
RAISED = Limits(None, LIMIT, None, None, None, None, None, None)
LOOKS = Limits(None, None, None, 1000, None, LIMIT, None, None)
LOOP = Limits(None, None, None, None, LIMIT, None, None, None)
REQUEST = Limits(None, None, None, None, None, LIMIT, None, None)

Opener = Callable[..., Kernel]


def event() -> Event:
    made = Event()
    made.initialize(NotificationEvent, False)
    return made


def stall_for_ever() -> None:
    while True:
        stall_execution_processor(STALL)


def sleep_for_ever() -> None:
    while True:
        delay_execution_thread(KernelMode, False, -1000)


def look_for_ever(never: Event) -> None:
    while never.read_state() == 0:
        pass


def test_WDG_01_a_dpc_that_never_ends(open_kernel: Opener) -> None:
    open_kernel(limits=ROUTINE)
    with bug_check(0x133, 0, match="a DPC must return; <DPC") as caught:
        dpc(stall_for_ever).insert_queue(None, None)
    assert caught.value.parameters == (0, 1, 0, 0), "the limit is less than a tick, and the DPC took more"
    assert caught.value.origin is not None
    assert caught.value.origin.routine == "stall_for_ever"


def test_WDG_01_an_isr_that_never_ends(machine: FakeMachine, open_kernel: Opener) -> None:
    open_kernel(limits=ROUTINE)
    connect(4, stall_for_ever)
    with bug_check(0x133, 0, match="an ISR must return; <interrupt"):
        machine.interrupt(4)
        lower_irql(0)


def test_WDG_01_a_dpc_may_take_the_time_that_is_allotted(machine: FakeMachine, open_kernel: Opener) -> None:
    open_kernel(limits=ROUTINE)
    dpc(lambda: stall_execution_processor(LIMIT * 1_000_000 // FREQUENCY - 200)).insert_queue(None, None)
    assert machine.now() > LIMIT * 9 // 10


def test_WDG_01_many_short_dpcs_are_no_long_one(machine: FakeMachine, open_kernel: Opener) -> None:
    open_kernel(limits=ROUTINE)
    for _ in range(50):
        dpc(lambda: stall_execution_processor(STALL)).insert_queue(None, None)
    assert machine.now() > LIMIT


def test_WDG_02_dpcs_that_follow_each_other_without_end(open_kernel: Opener) -> None:
    open_kernel(limits=RAISED)

    def again() -> None:
        stall_execution_processor(STALL)
        endless.insert_queue(None, None)

    endless = dpc(again)
    with bug_check(0x133, 1, 0, 0, 0, match="must come below DISPATCH_LEVEL again"):
        endless.insert_queue(None, None)


def test_WDG_02_a_thread_that_keeps_the_level_up(open_kernel: Opener) -> None:
    open_kernel(limits=RAISED)
    raise_irql(DISPATCH_LEVEL)
    with bug_check(0x133, 1):
        stall_for_ever()


def test_the_watch_is_found_in_no_list_of_timers(open_kernel: Opener) -> None:
    kernel = open_kernel(limits=Limits())
    assert kernel.timers.is_empty()
    assert kernel.timers.entries() == []
    assert list(kernel.leaks()) == []


def test_a_deadlock_is_found_although_the_watch_looks(machine: FakeMachine, open_kernel: Opener) -> None:
    open_kernel(limits=ROUTINE)
    connect(4, lambda: False)
    with pytest.raises(Deadlock, match=f"no interrupt came for {FREQUENCY} clocks"):
        wait_for_single_object(event())
    assert FREQUENCY <= machine.now() < FREQUENCY + LIMIT


def tick() -> Timer:
    timer = a_timer()
    timer.set_ex(-10_000, 1, dpc(lambda: None))
    return timer


def test_a_wait_that_nothing_ends_is_told_while_a_timer_ticks(
    machine: FakeMachine, open_kernel: Opener
) -> None:
    open_kernel(limits=REQUEST)
    timer = tick()
    with pytest.raises(Deadlock, match="no request was made or ended") as caught:
        wait_for_single_object(event())
    text = str(caught.value)
    assert "waiting for <notification event" in text
    assert "test_watch.py" in text, "the place of the wait"
    assert repr(timer) in text
    assert machine.now() < 2 * LIMIT


def test_a_wait_with_a_time_out_is_no_hang(machine: FakeMachine, open_kernel: Opener) -> None:
    open_kernel(limits=REQUEST)
    tick().cancel()
    delay_execution_thread(KernelMode, False, -100 * 10_000)
    assert machine.now() > 10 * LIMIT


class Requests(Witness):
    """A room with one request that does not end, while others come and go."""

    def __init__(self) -> None:
        self.made = 0
        self.first = object()

    def progress(self) -> tuple[int, ...]:
        self.made += 1
        return (self.made,)

    def oldest(self) -> object:
        return self.first

    def accuse(self) -> str:
        return "the oldest request is IRP 1"


def test_a_request_that_stays_the_oldest_is_told(open_kernel: Opener) -> None:
    kernel = open_kernel(limits=REQUEST)
    kernel.witnesses.append(Requests())
    with pytest.raises(Deadlock, match=r"a request has not ended for .*: the oldest request is IRP 1"):
        sleep_for_ever()


def test_a_program_may_wait_as_long_as_it_likes(machine: FakeMachine, open_kernel: Opener) -> None:
    kernel = open_kernel(limits=REQUEST)
    kernel.witnesses.append(Requests())
    delay_execution_thread(KernelMode, False, -100 * 10_000)
    assert machine.now() > 10 * LIMIT


def test_a_driver_that_runs_and_runs(open_kernel: Opener) -> None:
    open_kernel(limits=LOOP)
    current.processor.driver = "<driver rash>"
    with pytest.raises(Deadlock, match=r"rash.*has run in stall_for_ever .*a routine must return, or wait"):
        stall_for_ever()


def test_a_program_that_runs_and_runs(machine: FakeMachine, open_kernel: Opener) -> None:
    open_kernel(limits=LOOP)
    for _ in range(1000):
        stall_execution_processor(STALL)
    assert machine.now() > 10 * LIMIT


def test_a_loop_that_looks_at_an_event_for_ever(open_kernel: Opener) -> None:
    open_kernel(limits=LOOKS)
    with pytest.raises(Deadlock, match=r"looked .* times whether something had changed"):
        look_for_ever(event())


@pytest.mark.parametrize(("irql", "microseconds", "told"), [(2, 51, True), (2, 50, False), (0, 1000, False)])
def test_WDG_03_a_long_stall_at_a_raised_level(
    open_kernel: Opener, irql: int, microseconds: int, told: bool
) -> None:
    found: list[tuple[str, str]] = []
    kernel = open_kernel(limits=Limits())
    kernel.hooks.defect_found = lambda row, what: found.append((row, what))
    raise_irql(irql)
    stall_execution_processor(microseconds)
    assert [row for row, _ in found] == ["WDG-03"] * told
    assert all("KeStallExecutionProcessor must stall for at most 50 µs" in what for _, what in found)


def test_a_spin_lock_that_is_never_released(open_kernel: Opener) -> None:
    open_kernel(processors=2, limits=LOOKS)
    lock = SpinLock()
    lock.owner = current.kernel.processors[1]  # which has nothing to run, and so never releases it
    with pytest.raises(Deadlock, match=r"looked .* times whether something had changed"):
        lock.acquire()


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("request=1000", Limits(request=1000)),
        ("request=1000,poll=off", Limits(request=1000, poll=None)),
        ("off", Limits.off()),
    ],
)
def test_limits_in_words(text: str, limits: Limits) -> None:
    assert Limits.parse(text) == limits


@pytest.mark.parametrize("text", ["", "request", "request=0", "request=-1", "requests=5", "poll=1,"])
def test_limits_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a limit must be NAME=NUMBER or NAME=off"):
        Limits.parse(text)


def test_an_interrupt_from_the_keyboard_notes_the_line_of_the_driver(open_kernel: Opener) -> None:
    open_kernel()

    def press() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        dpc(press).insert_queue(None, None)
    assert "it came in test_an_interrupt_from_the_keyboard" in caught.value.__notes__[0]
    assert "the DPC routine" in caught.value.__notes__[0]


class LostMachine(FakeMachine):
    """A machine that is lost when the watch sets its first timer."""

    def set_deadline(self, clock: int | None) -> None:
        del clock
        raise LinkLost("the board was unplugged")


def test_a_kernel_whose_machine_is_lost_at_the_start_leaves_room_for_another() -> None:
    lost = LostMachine()
    with pytest.raises(LinkLost, match="the board was unplugged"):
        Kernel(lost, lost)
    machine = FakeMachine()
    Kernel(machine, machine).close()
