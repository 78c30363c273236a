# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Rates of the kernel's own paths, in Python alone, per second of CPU time; the best of some rounds.

    python bench/ke_paths.py [rounds]

The machine below the kernel is the plain one of the unit tests' fakes. Its time for one interrupt is shown first; each
path with interrupts contains it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from dirql.ke.kernel import Kernel
from dirql.ke.objects.event import Event
from dirql.ke.objects.timer import Timer
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.interrupt import Interrupt
from dirql.ke.processors.irql import lower_irql, raise_irql
from dirql.ke.processors.spin_lock import SpinLock
from dirql.ke.threads.system_thread import create_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.constants import DISPATCH_LEVEL, LevelSensitive, NotificationEvent, SynchronizationEvent
from fakes.clock_and_controller import PlainMachine, vector_of

VECTOR = vector_of(4)
LOOPS = 20_000


class Machine(PlainMachine):
    """A machine whose device interrupts once in a wait, if `is_due` was set before."""

    is_due = False

    def wait(self, limit: int | None = None) -> object:
        if self.is_due:
            self.is_due = False
            self.presented = VECTOR
            self.update()
            return "attention"
        return super().wait(limit)


@contextmanager
def kernel() -> Iterator[tuple[Kernel, Machine]]:
    machine = Machine()
    running = Kernel(machine, machine)
    try:
        yield running, machine
    finally:
        running.close()


def event(type: int = SynchronizationEvent) -> Event:
    made = Event()
    made.initialize(type, False)
    return made


def dpc(routine: Callable[[Dpc, object, object, object], object]) -> Dpc:
    made = Dpc()
    made.initialize(routine, None)
    return made


def machine_alone(count: int) -> None:
    """The time of the machine alone for one interrupt: wait, request, acknowledge, end."""
    machine = Machine()
    for _ in range(count):
        machine.is_due = True
        machine.wait()
        machine.requested_irql()
        machine.acknowledge()
        machine.update()
        machine.spend(16)
        machine.spend(8)
        machine.end(VECTOR)


def contract_call(count: int) -> None:
    """Call KeClearEvent, the cheapest kernel call."""
    with kernel():
        clear = event().clear
        for _ in range(count):
            clear()


def raise_and_lower(count: int) -> None:
    with kernel():
        for _ in range(count):
            lower_irql(raise_irql(DISPATCH_LEVEL))


def spin_lock(count: int) -> None:
    with kernel():
        lock = SpinLock()
        for _ in range(count):
            lock.release(lock.acquire())


def dpc_inserted_and_run(count: int) -> None:
    with kernel():
        insert = dpc(lambda *_: None).insert_queue
        for _ in range(count):
            insert(None, None)


def synchronized(count: int) -> None:
    with kernel():
        interrupt = connect(lambda *_: True)
        for _ in range(count):
            interrupt.synchronize_execution(bool, None)


def connect(routine: Callable[[Interrupt, object], object]) -> Interrupt:
    level = VECTOR >> 4
    _, interrupt = Interrupt.connect(routine, None, None, VECTOR, level, level, LevelSensitive, True, 1)
    assert interrupt is not None
    return interrupt


def interrupts_dispatched(count: int) -> None:
    """Interrupt a thread at PASSIVE_LEVEL; the ISR only clears the cause in the device."""
    with kernel() as (_, machine):

        def service(_interrupt: Interrupt, _context: object) -> bool:
            machine.update()
            return True

        connect(service)
        for _ in range(count):
            machine.presented = VECTOR
            machine.attention, machine.horizon = True, 0
            lower_irql(0)


def interrupts_to_thread(count: int) -> None:
    """Take a whole interrupt: idle, ISR, DPC, event, and the thread that waits for the event."""
    with kernel() as (_, machine):
        done = event()
        deferred = dpc(lambda *_: done.set())

        def service(_interrupt: Interrupt, _context: object) -> bool:
            machine.update()
            deferred.insert_queue(None, None)
            return True

        connect(service)
        for _ in range(count):
            machine.is_due = True
            wait_for_single_object(done)


def event_and_switch(count: int) -> None:
    """Let two threads wake each other, each with a wait and a KeSetEvent."""
    with kernel():
        ping, pong = event(), event()

        def answer(_context: object) -> None:
            while True:
                wait_for_single_object(ping)
                pong.set()

        create_thread(answer, None)
        for _ in range(count // 2):
            ping.set()
            wait_for_single_object(pong)


def timers_expired(count: int) -> None:
    """Set a timer that expires and queues a DPC, which wakes a thread."""
    with kernel():
        timer = Timer()
        timer.initialize()
        deferred = dpc(lambda *_: None)
        for _ in range(count):
            timer.set(-10, deferred)
            wait_for_single_object(timer)


def sixteen_threads(count: int) -> None:
    """Set a notification event that wakes 16 threads, each of which counts and waits again; the figure counts wakes."""
    with kernel():
        gates = [event(NotificationEvent), event(NotificationEvent)]
        done = event()
        left = [16]

        def work(_context: object) -> None:
            turn = 0
            while True:
                wait_for_single_object(gates[turn])
                turn ^= 1
                left[0] -= 1
                if not left[0]:
                    done.set()

        for _ in range(16):
            create_thread(work, None)
        for turn in range(count // 16):
            left[0] = 16
            gates[~turn & 1].clear()
            gates[turn & 1].set()
            wait_for_single_object(done)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    paths = (
        machine_alone,
        contract_call,
        raise_and_lower,
        spin_lock,
        dpc_inserted_and_run,
        synchronized,
        interrupts_dispatched,
        interrupts_to_thread,
        event_and_switch,
        timers_expired,
        sixteen_threads,
    )
    for path in paths:
        times = []
        for _ in range(rounds):
            start = process_time()
            path(LOOPS)
            times.append(process_time() - start)
        best = min(times) / LOOPS
        print(f"{path.__name__.replace('_', ' '):24} {1 / best:12,.0f}/s {best * 1e6:8.2f} µs")


if __name__ == "__main__":
    main()
