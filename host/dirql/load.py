# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Open loads, in which requests arrive by a timer, and scenarios, which give a driver of one's own its requests.

In a closed load a program sends the next request when it has the result of the last one. A driver that is slow for a
while then gets fewer requests, and those that would have waited are in no figure (coordinated omission). In an open
load requests arrive whatever the driver does, and each is timed from its scheduled arrival.
"""

from __future__ import annotations

import inspect
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import ModuleType

from dirql.io.errors import IoError
from dirql.ke.objects.semaphore import Semaphore
from dirql.ke.threads.wait import delay_execution_thread, wait_for_single_object
from dirql.machine import Machine
from dirql.nt.constants import KernelMode
from dirql.report.progress import Step
from dirql.trace.histogram import Histogram

__all__ = ["SCENARIO", "OpenLoad", "ScenarioCalls", "Transfer", "scenario_of"]

SCENARIO = "scenario"
"""The name of the routine in a driver's file that makes the driver's requests."""

Transfer = Callable[[int], object]
"""Makes the requests of one transfer, whose number it gets; what it raises fails the job."""

_UNITS_PER_SECOND = 10_000_000


class OpenLoad:
    """Lets `rate` requests arrive in each second of the machine.

    A request goes to a worker that is free, in a thread of its own. If none is, the request waits for one, and its
    time goes on.
    """

    def __init__(self, machine: Machine, rate: int) -> None:
        self._machine = machine
        self._rate = rate
        self._waiting: deque[int | None] = deque()
        self._arrived = Semaphore()
        self._responses: Counter[int] = Counter()
        self.kept_up = True
        """Whether requests ended as fast as they arrived; otherwise the times grow with the number of requests."""

    def run(self, requests: int, workers: Sequence[Callable[[], object]]) -> Histogram:
        """Let all requests arrive; returns the clocks from each scheduled arrival to the end of the worker's call."""
        self._arrived.initialize(0, requests + len(workers))
        threads = [self._machine.create_thread(partial(self._serve, worker)) for worker in workers]
        target = self._machine.target
        start = target.now()
        for number in range(requests):
            scheduled = start + number * target.frequency // self._rate
            ahead = scheduled - target.now()
            if ahead > 0:
                units = -(-ahead * _UNITS_PER_SECOND // target.frequency)
                delay_execution_thread(KernelMode, False, -units)
            self._let_in(scheduled)
        for _ in threads:
            self._let_in(None)
        for thread in threads:
            thread.join()
        length = requests * target.frequency // self._rate
        self.kept_up = target.now() - start <= length + length // 10
        return Histogram.of_counts(self._responses)

    def _let_in(self, scheduled: int | None) -> None:
        self._waiting.append(scheduled)
        self._arrived.release(0, 1)

    def _serve(self, worker: Callable[[], object]) -> None:
        while True:
            wait_for_single_object(self._arrived)
            scheduled = self._waiting.popleft()
            if scheduled is None:
                return
            worker()
            self._responses[self._machine.target.now() - scheduled] += 1


def scenario_of(module: ModuleType) -> Callable[[Machine], AbstractContextManager[Transfer]]:
    """The scenario of a driver's file: a generator `scenario(machine)` that yields the routine for each transfer."""
    routine: Callable[[Machine], Iterator[Transfer]] | None = getattr(module, SCENARIO, None)
    if routine is None or not inspect.isgeneratorfunction(routine):
        was = "it has none" if routine is None else f"{SCENARIO} was {routine!r}"
        raise ValueError(
            f"{module.__file__} must have a generator {SCENARIO}(machine) that opens the device and yields a routine "
            f"transfer(number); {was}: docs/measuring.md shows one"
        )
    return partial(_opened, contextmanager(routine))


@contextmanager
def _opened(
    scenario: Callable[[Machine], AbstractContextManager[Transfer]], machine: Machine
) -> Iterator[Transfer]:
    """The routine of a scenario, which must not end the program as if all had been right."""
    try:
        with scenario(machine) as transfer:
            try:
                inspect.signature(transfer).bind(0)
            except TypeError as error:
                raise ValueError(
                    f"{SCENARIO}(machine) must yield a routine transfer(number), which gets the number of the transfer;"
                    f" it was {transfer!r}"
                ) from error
            yield transfer
    except SystemExit as error:
        raise ValueError(
            f"{SCENARIO}(machine) and its routine must not end the program; sys.exit was called: return, or raise"
            " AssertionError for wrong data"
        ) from error


class ScenarioCalls:
    """The calls of a scenario's routine, and what came of them."""

    def __init__(self, machine: Machine, transfer: Transfer) -> None:
        self._machine = machine
        self._transfer = transfer
        self._number = self.bytes = 0
        self.verified = True
        self.errors: list[str] = []

    def run(self, step: Step) -> None:
        """Make one transfer; a request that fails, or an assertion, is noted, and the next one follows."""
        number, self._number = self._number, self._number + 1
        began = self._machine.target.now()
        moved = 0
        try:
            value = self._transfer(number)
            assert value is not False, (
                "the routine returned False, which says that the data was wrong: an assert with a comparison says where"
            )
            moved = value if isinstance(value, int) and value is not True else 0
            assert moved >= 0, (
                f"the routine must return the number of bytes that it moved, or None; it was {moved}"
            )
        except IoError as error:
            self.errors.append(f"transfer {number}: {error}")
        except AssertionError as error:
            self.verified = False
            self.errors.append(f"transfer {number}: {str(error) or 'the data was wrong'}")
        self.bytes += moved
        step(moved, self._machine.target.now() - began)
