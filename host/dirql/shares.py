# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A job in several processes: each takes rows and runs them on a machine of its own, and tells how it goes.

The processes are forks, so that nothing is imported twice. They write nothing themselves: the process that has begun
them shows their progress, in the order of the rows.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from multiprocessing.reduction import ForkingPickler
from time import perf_counter
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar, cast

from dirql.report.progress import Display, Step

__all__ = ["Offer", "ShareFailed", "possible_processes", "run_shares"]

_Result = TypeVar("_Result")

_TELL_SECONDS = 0.1


def _read_only(mapping: dict[object, object]) -> MappingProxyType[object, object]:
    return MappingProxyType(mapping)


def _take_apart(
    mapping: MappingProxyType[object, object],
) -> tuple[Callable[[dict[object, object]], MappingProxyType[object, object]], tuple[dict[object, object]]]:
    """Take apart a mapping that cannot be changed, as results have them, to send it to another process."""
    return _read_only, (dict(mapping),)


ForkingPickler.register(MappingProxyType, _take_apart)


def possible_processes() -> int:
    """The processes that can run at once; 1 where a fork would not be safe, because other threads run."""
    if threading.active_count() > 1 or not hasattr(os, "sched_getaffinity"):
        return 1
    return len(os.sched_getaffinity(0))


class Offer:
    """The numbers of rows, which processes take one after the other as they become free; each is taken once.

    So no process is idle while another has several rows left, however long each takes on a busy computer.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        """Offer these numbers, at most 255, in this order; a fork of the process takes from the same offer."""
        self._outlet, inlet = os.pipe()
        os.write(inlet, bytes(numbers))
        os.close(inlet)

    def take(self) -> Iterator[int]:
        """Take numbers, each when the one before is done, until none is left."""
        while number := os.read(self._outlet, 1):
            yield number[0]

    def close(self) -> None:
        """Give up the numbers that this process has not taken."""
        os.close(self._outlet)


class ShareFailed(Exception):
    """A share has no result; the text is a sentence that says why."""


class _Failure(NamedTuple):
    """The error that ended a share, in its first line."""

    reason: str


class _Told(NamedTuple):
    """The progress of one row."""

    name: str
    total: int
    unit: str
    done: int
    bytes: int
    clocks: int
    ended: bool


class _Teller(Display):
    """The display of a share, which sends everything to the process that shows it."""

    def __init__(self, connection: Connection[object, object]) -> None:
        self._connection = connection

    @contextmanager
    def mode(self, name: str, count: int, unit: str) -> Iterator[Step]:
        """See `Display`."""
        step = _ToldStep(name, count, unit, self._connection)
        step.tell(ended=False)
        yield step
        step.tell(ended=True)


class _ToldStep(Step):
    """The progress of one row, which is sent ten times in a second."""

    def __init__(self, name: str, count: int, unit: str, connection: Connection[object, object]) -> None:
        super().__init__(name, count)
        self._unit = unit
        self._connection = connection
        self._told = 0.0

    def __call__(self, moved: int, clocks: int, requests: int = 1) -> None:
        super().__call__(moved, clocks, requests)
        if perf_counter() - self._told >= _TELL_SECONDS:
            self.tell(ended=False)

    def tell(self, *, ended: bool) -> None:
        self._told = perf_counter()
        self._connection.send(
            _Told(self.name, self.count, self._unit, self.done, self.bytes, self.clocks, ended)
        )


class _Shown:
    """The rows of all shares on the display. The line of a row that has ended waits for those before it."""

    def __init__(self, display: Display, names: Sequence[str]) -> None:
        self._display = display
        self._left = list(names)
        self._steps: dict[str, Step] = {}
        self._ended: dict[str, str] = {}

    def show(self, told: _Told) -> None:
        step = self._steps.get(told.name)
        if step is None:
            step = self._steps[told.name] = self._display.begin(told.name, told.total)
        step(told.bytes - step.bytes, told.clocks - step.clocks, told.done - step.done)
        if told.ended:
            step.end()
            self._ended[told.name] = told.unit
        while self._left and self._left[0] in self._ended:
            name = self._left.pop(0)
            self._display.end(self._steps[name], self._ended[name])


class _Share(Generic[_Result]):
    """A process with its share."""

    def __init__(self, run: Callable[[Display], _Result | None]) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, theirs = context.Pipe(duplex=False)
        arguments = run, theirs, self.connection
        self.process: ForkProcess = context.Process(target=_be_share, args=arguments, daemon=True)
        self.process.start()
        theirs.close()

    def receive(self) -> object:
        """The next message; raises `ShareFailed` if there is no result, as it or the end of the process says."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):  # OSError: the process has ended within a message
            self.process.join()
            raise ShareFailed(f"A process that ran rows {_ending(self.process.exitcode)}.") from None
        if isinstance(message, _Failure):
            raise ShareFailed(f"A row has ended with an error: {message.reason}")
        if message is None:
            raise ShareFailed("A row has not passed.")
        return message

    def end(self) -> None:
        self.process.terminate()
        self.process.join()
        self.connection.close()


def _ending(status: int | None) -> str:
    """The way in which a process without a result has ended, by its exit status."""
    if status is None or status >= 0:
        return f"has ended without a result, with the exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"the signal {-status}"
    hint = ", as the system does when memory is short" if -status == signal.SIGKILL else ""
    return f"was ended by {name}{hint}"


def _be_share(
    run: Callable[[Display], object],
    connection: Connection[object, object],
    other_end: Connection[object, object],
) -> None:
    """Run a share, and send its result, or the error that has ended it.

    The end of the process that has begun it, however that ends, ends the share: nobody reads the connection then.
    """
    other_end.close()  # the fork's own copy, with which the connection would always have a reader
    gc.freeze()  # what is there stays, and 4 % of the process's time went into looking at it again and again
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    try:
        result = run(_Teller(connection))
    except BaseException as error:
        first_line = str(error).partition("\n")[0]
        connection.send(
            _Failure(f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__)
        )
        raise
    connection.send(result)


def run_shares(
    names: Sequence[str], tasks: Sequence[Callable[[Display], _Result | None]], display: Display
) -> list[_Result]:
    """Run all tasks at once, each in a process; `names` are those of all rows, in the order of their lines.

    Returns the results in the order of the tasks. Raises `ShareFailed` as soon as one has none: the task returned None,
    or raised, or its process has ended.
    """
    shown = _Shown(display, names)
    shares: list[_Share[_Result]] = []
    results: dict[_Share[_Result], _Result] = {}
    try:
        shares.extend(
            map(_Share, tasks)
        )  # those before one that cannot be begun are in the list, and are ended
        while len(results) < len(shares):
            running = [each for each in shares if each not in results]
            ready = wait([each.connection for each in running])
            for each in running:
                if each.connection not in ready:
                    continue
                message = each.receive()
                if isinstance(message, _Told):
                    shown.show(message)
                else:
                    results[each] = cast("_Result", message)
        return [results[each] for each in shares]
    finally:
        for each in shares:
            each.end()
