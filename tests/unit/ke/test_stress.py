# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Threads, ISRs and DPCs that do everything at once: locks exclude, and the same decisions make the same run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

import pytest

from dirql.ke.current import current
from dirql.ke.kernel import Kernel
from dirql.ke.objects.semaphore import Semaphore
from dirql.ke.processors.interrupt import Interrupt
from dirql.ke.processors.irql import current_irql
from dirql.ke.processors.spin_lock import SpinLock
from dirql.ke.threads.schedule import RandomSchedule, Replay, RoundRobin, Schedule
from dirql.ke.threads.system_time import stall_execution_processor
from dirql.ke.threads.wait import delay_execution_thread, flush_queued_dpcs, wait_for_single_object
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import a_mutex, connect, dpc, synchronization, thread


class Stress:
    """The objects that the threads share, and the actions of the threads on them."""

    def __init__(self, machine: FakeMachine, seed: int) -> None:
        self.machine = machine
        self.seed = seed
        self.lock, self.mutex, self.semaphore = SpinLock(), a_mutex(), Semaphore()
        self.semaphore.initialize(2, 2)
        self.event = synchronization()
        self.inside = self.owners = self.served = 0
        self.dpc = dpc(self.deferred)
        self.interrupt: Interrupt = connect(4, self.service)
        self.actions: list[Callable[[Random], object]] = [
            self.spin,
            self.exclude,
            self.pass_two,
            self.raise_interrupt,
            self.wait,
            self.stall,
            self.synchronize,
            lambda _: self.dpc.insert_queue(None, None),
        ]

    def access(self) -> None:
        self.machine.access(7)
        current.dispatcher.preempt()

    def service(self) -> bool:
        self.machine.clear(4)
        self.dpc.insert_queue(None, None)
        self.access()
        return True

    def deferred(self) -> None:
        self.lock.acquire_at_dpc_level()
        self.alone()
        self.lock.release_from_dpc_level()
        self.event.set()
        self.served += 1

    def alone(self) -> None:
        self.inside += 1
        assert self.inside == 1
        self.access()
        self.inside -= 1

    def spin(self, _random: Random) -> None:
        old_irql = self.lock.acquire()
        self.alone()
        self.lock.release(old_irql)

    def exclude(self, _random: Random) -> None:
        wait_for_single_object(self.mutex)
        owner = self.mutex.owner_thread
        self.access()
        assert owner is current.processor.current_thread
        self.mutex.release()

    def pass_two(self, random: Random) -> None:
        wait_for_single_object(self.semaphore)
        self.owners += 1
        assert self.owners <= 2
        delay_execution_thread(0, False, -random.randrange(1, 50))
        self.owners -= 1
        self.semaphore.release(0, 1)

    def raise_interrupt(self, _random: Random) -> None:
        self.machine.interrupt(4)
        self.access()

    def wait(self, random: Random) -> None:
        wait_for_single_object(self.event, timeout=-random.randrange(1, 100))

    def stall(self, random: Random) -> None:
        stall_execution_processor(random.randrange(3))

    def synchronize(self, _random: Random) -> None:
        def routine(_context: None) -> bool:
            self.access()
            return True

        self.interrupt.synchronize_execution(routine, None)

    def work(self, number: int) -> None:
        random = Random(100 * self.seed + number)
        for _ in range(25):
            random.choice(self.actions)(random)
            assert current_irql() == 0


def run(seed: int, processors: int, schedule: Schedule) -> tuple[int, int, list[int]]:
    """Run the test; returns the clock at the end, the DPCs that ran, and the decisions of the schedule."""
    machine = FakeMachine()
    kernel = Kernel(machine, machine, processors=processors, schedule=schedule)
    try:
        stress = Stress(machine, seed)
        priorities = [8, 8, 7, 9, 8]
        workers = [thread(partial(stress.work, n), priority) for n, priority in enumerate(priorities)]
        for worker in workers:
            wait_for_single_object(worker)
        flush_queued_dpcs()
        stress.interrupt.disconnect()
        return machine.now(), stress.served, schedule.record
    finally:
        kernel.close()


@pytest.mark.parametrize("processors", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("at_random", [False, True])
@pytest.mark.row("LCK-04", "EVT-07", "EVT-08")
def test_everything_at_once(processors: int, seed: int, at_random: bool) -> None:
    schedule = RandomSchedule(seed) if at_random else RoundRobin()
    outcome = run(seed, processors, schedule)
    assert outcome[1] > 0
    assert run(seed, processors, Replay(schedule)) == outcome
