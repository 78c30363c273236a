# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The cost of kernel objects as their number grows, in CPU time for each; the best of some rounds.

    python bench/growth.py [rounds] [largest number]

A row that stays flat from left to right shows that the cost of one does not depend on how many there are. The tables
below the first have other columns: processors, interrupt objects of one vector, timers that are set, and requests that
are outstanding. The machine below the kernel is the plain one of the unit tests' fakes.
"""

from __future__ import annotations

import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from io_paths import send, stack
from ke_paths import VECTOR, connect, dpc, event

from dirql.io.irp import allocate_irp, free_irp
from dirql.ke.kernel import Kernel
from dirql.ke.objects.device_queue import DeviceQueue, DeviceQueueEntry
from dirql.ke.objects.timer import Timer
from dirql.ke.processors.interrupt import Interrupt
from dirql.ke.processors.irql import lower_irql, raise_irql
from dirql.ke.threads.affinity import set_system_affinity_thread
from dirql.ke.threads.system_thread import create_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.machine import open_machine
from dirql.nt.constants import DISPATCH_LEVEL, NotificationEvent
from fakes.clock_and_controller import PlainMachine
from fakes.scripted_target import ScriptedTarget

LOOPS = 5_000
SIZES = (100, 1_000, 10_000, 100_000)
MOST_THREADS = 10_000  # a thread's stack takes some kB

Measured = Callable[[], object]


@contextmanager
def kernel(processors: int = 1) -> Iterator[Kernel]:
    machine = PlainMachine()
    running = Kernel(machine, machine, processors=processors)
    try:
        yield running
    finally:
        running.close()


def timed(act: Measured) -> float:
    start = process_time()
    act()
    return process_time() - start


# Device queues: filled with `count` entries and emptied again. Keys and the order of cancels are random.


@contextmanager
def device_queue(count: int) -> Iterator[tuple[DeviceQueue, list[DeviceQueueEntry], list[int]]]:
    with kernel():
        raise_irql(DISPATCH_LEVEL)
        queue = DeviceQueue()
        queue.initialize()
        queue.insert(DeviceQueueEntry())
        draw = random.Random(1)
        yield (
            queue,
            [DeviceQueueEntry() for _ in range(count)],
            [draw.randrange(1 << 30) for _ in range(count)],
        )


def queue_insert(count: int) -> float:
    with device_queue(count) as (queue, entries, _):
        return timed(lambda: [queue.insert(entry) for entry in entries])


def queue_remove(count: int) -> float:
    with device_queue(count) as (queue, entries, _):
        for entry in entries:
            queue.insert(entry)
        return timed(lambda: [queue.remove() for _ in entries])


def queue_insert_by_key(count: int) -> float:
    with device_queue(count) as (queue, entries, keys):
        return timed(
            lambda: [queue.insert_by_key(entry, key) for entry, key in zip(entries, keys, strict=True)]
        )


def queue_remove_by_key(count: int) -> float:
    with device_queue(count) as (queue, entries, keys):
        for entry, key in zip(entries, keys, strict=True):
            queue.insert_by_key(entry, key)
        wanted = keys[::-1]
        return timed(lambda: [queue.remove_by_key(key) for key in wanted])


def queue_remove_entry(count: int) -> float:
    with device_queue(count) as (queue, entries, _):
        for entry in entries:
            queue.insert(entry)
        random.Random(2).shuffle(entries)
        return timed(lambda: [queue.remove_entry(entry) for entry in entries])


def queue_mixed_keys(count: int) -> float:
    """Insert every second entry at the tail, with a key of 0, then remove all by key."""
    with device_queue(count) as (queue, entries, keys):

        def fill_and_empty() -> None:
            for place, (entry, key) in enumerate(zip(entries, keys, strict=True)):
                queue.insert(entry) if place % 2 else queue.insert_by_key(entry, key)
            for key in keys:
                queue.remove_by_key(key)

        return timed(fill_and_empty)


# Threads.


def threads_waiting(count: int) -> float:
    """Start threads that all wait for one event, set it, and let all end."""
    with kernel() as running:
        gate = event(NotificationEvent)

        def act() -> None:
            for _ in range(count):
                create_thread(lambda _: wait_for_single_object(gate), None)
            while len(gate.header.wait_list) < count:
                wait_for_single_object(event(NotificationEvent), timeout=-10)
            gate.set()
            while len(running.threads) > 1:
                wait_for_single_object(event(NotificationEvent), timeout=-10)

        return timed(act)


def threads_woken_one_by_one(count: int) -> float:
    """Let threads wait for one event that releases one of them each time it is set."""
    with kernel():
        gate = event()
        for _ in range(count):
            create_thread(lambda _: wait_for_single_object(gate), None)
        while len(gate.header.wait_list) < count:
            wait_for_single_object(event(NotificationEvent), timeout=-10)
        return timed(lambda: [gate.set() for _ in range(count)])


def waits_timed_out(count: int) -> float:
    """Let threads wait for one event with time-outs that end in a random order."""
    with kernel():
        gate = event(NotificationEvent)
        draw = random.Random(3)
        for _ in range(count):
            interval = -100_000 - draw.randrange(100_000)
            create_thread(lambda _, interval=interval: wait_for_single_object(gate, timeout=interval), None)
        while len(gate.header.wait_list) < count:
            wait_for_single_object(event(NotificationEvent), timeout=-10)
        return timed(lambda: wait_for_single_object(gate, timeout=-1_000_000))


# Requests.


def irps_allocated(count: int) -> float:
    """Allocate requests of three locations, all of which stay outstanding."""
    with open_machine(ScriptedTarget()):
        irps = []
        elapsed = timed(lambda: irps.extend(allocate_irp(3) for _ in range(count)))
        for irp in irps:
            free_irp(irp)
        return elapsed


def irps_freed(count: int) -> float:
    with open_machine(ScriptedTarget()):
        irps = [allocate_irp(3) for _ in range(count)]

        def act() -> None:
            while irps:
                free_irp(irps.pop())

        return timed(act)


# DPCs and interrupts, with more and more around them. Each figure is the time of one of `LOOPS`.


def run_dpcs() -> float:
    insert = dpc(lambda *_: None).insert_queue

    def act() -> None:
        for _ in range(LOOPS):
            insert(None, None)

    return timed(act)


def interrupt_often(running: Kernel, others: int = 0) -> float:
    """Interrupt a thread at PASSIVE_LEVEL; behind `others` that do not claim it, the ISR clears the cause."""
    machine = running.clock
    assert isinstance(machine, PlainMachine)

    def service(_interrupt: Interrupt, _context: object) -> bool:
        machine.update()
        return True

    for _ in range(others):
        connect(lambda _interrupt, _context: False)
    connect(service)

    def act() -> None:
        for _ in range(LOOPS):
            machine.presented = VECTOR
            machine.attention, machine.horizon = True, 0
            lower_irql(0)

    return timed(act)


@contextmanager
def timers_set(count: int) -> Iterator[Kernel]:
    """A kernel in which this number of timers is set, for times from an hour on."""
    with kernel() as running:
        draw = random.Random(4)
        timers = [Timer() for _ in range(count)]
        for timer in timers:
            timer.initialize()
            timer.set(-36_000_000_000 - draw.randrange(1 << 40), None)
        yield running
        for timer in timers:
            timer.cancel()


def processors_dpc(count: int) -> float:
    with kernel(count):
        return run_dpcs()


def processors_interrupt(count: int) -> float:
    with kernel(count) as running:
        return interrupt_often(running)


def processors_far_dpc(count: int) -> float:
    """Run each DPC on the last processor, and wait for it."""
    with kernel(count):
        done = event()
        made = dpc(lambda *_: done.set())
        made.set_target_processor(count - 1)

        def act() -> None:
            for _ in range(LOOPS):
                made.insert_queue(None, None)
                wait_for_single_object(done)

        return timed(act)


def processors_bound(count: int) -> float:
    """Wake a thread that is bound to the last processor, and wait for it; each other processor has one that waits."""
    with kernel(count):
        never, ask, answer = event(), event(), event()
        going = [True]

        def be(number: int) -> None:
            set_system_affinity_thread(1 << number)
            while number < count - 1 or going:
                wait_for_single_object(never if number < count - 1 else ask)
                answer.set()

        for number in range(count):
            create_thread(lambda _, number=number: be(number), None)
        set_system_affinity_thread(1)

        def act() -> None:
            for _ in range(LOOPS):
                ask.set()
                wait_for_single_object(answer)

        return timed(act)


def objects_interrupt(count: int) -> float:
    with kernel() as running:
        return interrupt_often(running, count - 1)


def timers_dpc(count: int) -> float:
    with timers_set(count):
        return run_dpcs()


def timers_interrupt(count: int) -> float:
    with timers_set(count) as running:
        return interrupt_often(running)


def timers_set_and_cancelled(count: int) -> float:
    with timers_set(count):
        timer = Timer()
        timer.initialize()

        def act() -> None:
            for _ in range(LOOPS):
                timer.set(-10_000_000, None)
                timer.cancel()

        return timed(act)


def irps_through_three_drivers(count: int) -> float:
    """Send a request through three drivers and back while this number is outstanding."""
    machine = open_machine(ScriptedTarget())
    try:
        top = stack(3)
        outstanding = [allocate_irp(3) for _ in range(count)]

        def act() -> None:
            for _ in range(LOOPS):
                send(top)

        elapsed = timed(act)
        for irp in outstanding:
            free_irp(irp)
        return elapsed
    finally:
        machine.kernel.stop(RuntimeError("the benchmark leaves its devices"))
        machine.close()


def irp_bytes(count: int) -> int:
    """The bytes of Python's memory that one outstanding request of three locations takes."""
    with open_machine(ScriptedTarget()):
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        irps = [allocate_irp(3) for _ in range(count)]
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        for irp in irps:
            free_irp(irp)
        return (after - before) // count


ROWS: tuple[tuple[str, Callable[[int], float], int], ...] = (
    ("device queue: insert", queue_insert, SIZES[-1]),
    ("device queue: remove", queue_remove, SIZES[-1]),
    ("device queue: insert by key", queue_insert_by_key, SIZES[-1]),
    ("device queue: remove by key", queue_remove_by_key, SIZES[-1]),
    ("device queue: remove entry (cancel)", queue_remove_entry, SIZES[-1]),
    ("device queue: every second entry without a key", queue_mixed_keys, SIZES[-1]),
    ("threads: start, wait, end", threads_waiting, MOST_THREADS),
    ("threads of one event: woken one by one", threads_woken_one_by_one, MOST_THREADS),
    ("threads of one event: waits timed out", waits_timed_out, MOST_THREADS),
    ("IRPs: allocate, all outstanding", irps_allocated, SIZES[-1]),
    ("IRPs: free", irps_freed, SIZES[-1]),
)


Loop = tuple[str, Callable[[int], float]]
LOOPED: tuple[tuple[str, tuple[int, ...], tuple[Loop, ...]], ...] = (
    (
        "processors",
        (1, 2, 4, 8, 16, 32),
        (
            ("DPC: inserted and run", processors_dpc),
            ("DPC on the last processor, waited for", processors_far_dpc),
            ("interrupt: dispatched", processors_interrupt),
            ("thread bound to the last processor: woken, waited for", processors_bound),
        ),
    ),
    (
        "interrupt objects of the vector",
        (1, 2, 4, 8, 16, 32),
        (("interrupt: dispatched", objects_interrupt),),
    ),
    (
        "timers set",
        (10, 1_000, 100_000),
        (
            ("DPC: inserted and run", timers_dpc),
            ("interrupt: dispatched", timers_interrupt),
            ("timer: set and cancelled", timers_set_and_cancelled),
        ),
    ),
    (
        "requests outstanding",
        SIZES,
        (("IRP: three drivers and back", irps_through_three_drivers),),
    ),
)


def show(name: str, figures: Sequence[str]) -> None:
    print(f"{name:48}" + "".join(f"{figure:>10}" for figure in figures))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    largest = int(sys.argv[2]) if len(sys.argv) > 2 else SIZES[-1]
    sizes = [size for size in SIZES if size <= largest]
    show("µs each, with", [f"{size:,}" for size in sizes])
    for name, measure, most in ROWS:
        best = [
            min(measure(size) for _ in range(rounds)) / size * 1e6 if size <= most else None for size in sizes
        ]
        show(name, ["-" if figure is None else f"{figure:.2f}" for figure in best])
    for what, numbers, rows in LOOPED:
        print()
        columns = [number for number in numbers if number <= largest]
        show(f"µs each; {what}:", [f"{number:,}" for number in columns])
        for row, run in rows:
            show(row, [f"{min(run(number) for _ in range(rounds)) / LOOPS * 1e6:.2f}" for number in columns])
    show("bytes of an IRP of three locations", [f"{irp_bytes(size):,}" for size in sizes])


if __name__ == "__main__":
    main()
