# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The cost of kernel objects as their number grows, in CPU time for each; the best of some rounds.

    python bench/growth.py [rounds] [largest number]

A row that stays flat from left to right shows that the cost of one does not depend on how many there are. The machine
below the kernel is the plain one of the unit tests' fakes.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from dirql.io.irp import allocate_irp, free_irp
from dirql.ke.kernel import Kernel
from dirql.ke.objects.device_queue import DeviceQueue, DeviceQueueEntry
from dirql.ke.objects.event import Event
from dirql.ke.processors.irql import raise_irql
from dirql.ke.threads.system_thread import create_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.machine import open_machine
from dirql.nt.constants import DISPATCH_LEVEL, NotificationEvent, SynchronizationEvent
from fakes.clock_and_controller import PlainMachine
from fakes.scripted_target import ScriptedTarget

SIZES = (100, 1_000, 10_000, 100_000)
MOST_THREADS = 10_000  # a thread's stack takes some kB

Measured = Callable[[], object]


@contextmanager
def kernel() -> Iterator[Kernel]:
    machine = PlainMachine()
    running = Kernel(machine, machine)
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
        gate = Event()
        gate.initialize(NotificationEvent, False)

        def act() -> None:
            for _ in range(count):
                create_thread(lambda _: wait_for_single_object(gate), None)
            while len(gate.header.wait_list) < count:
                wait_for_single_object(never(), timeout=-10)
            gate.set()
            while len(running.threads) > 1:
                wait_for_single_object(never(), timeout=-10)

        return timed(act)


def threads_woken_one_by_one(count: int) -> float:
    """Let threads wait for one event that releases one of them each time it is set."""
    with kernel():
        gate = Event()
        gate.initialize(SynchronizationEvent, False)
        for _ in range(count):
            create_thread(lambda _: wait_for_single_object(gate), None)
        while len(gate.header.wait_list) < count:
            wait_for_single_object(never(), timeout=-10)
        return timed(lambda: [gate.set() for _ in range(count)])


def waits_timed_out(count: int) -> float:
    """Let threads wait for one event with time-outs that end in a random order."""
    with kernel():
        gate = Event()
        gate.initialize(NotificationEvent, False)
        draw = random.Random(3)
        for _ in range(count):
            interval = -100_000 - draw.randrange(100_000)
            create_thread(lambda _, interval=interval: wait_for_single_object(gate, timeout=interval), None)
        while len(gate.header.wait_list) < count:
            wait_for_single_object(never(), timeout=-10)
        return timed(lambda: wait_for_single_object(gate, timeout=-1_000_000))


def never() -> Event:
    event = Event()
    event.initialize(NotificationEvent, False)
    return event


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


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    largest = int(sys.argv[2]) if len(sys.argv) > 2 else SIZES[-1]
    sizes = [size for size in SIZES if size <= largest]
    print(f"{'µs each, with':48}" + "".join(f"{size:>10,}" for size in sizes))
    for name, measure, most in ROWS:
        figures = [
            f"{min(measure(size) for _ in range(rounds)) / size * 1e6:10.2f}"
            if size <= most
            else f"{'-':>10}"
            for size in sizes
        ]
        print(f"{name:48}" + "".join(figures))


if __name__ == "__main__":
    main()
