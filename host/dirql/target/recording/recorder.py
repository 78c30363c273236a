# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A target that writes down everything that goes between the host and another target.

On a board memory and interrupts change at any time. With a recording they change only in calls of the target, as in a
simulation, so that a replay can give everything back at its place.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from dirql import __version__
from dirql.hardware.identity import machine_number
from dirql.ke.origin import mark
from dirql.target.contract import BusError, Capability, Target
from dirql.target.recording.calls import CalledTarget, perform
from dirql.target.recording.entries import CLOCKED, Call, Entry, Failure, Outcome, Request
from dirql.target.recording.file import RecordingWriter
from dirql.target.recording.lines import Header
from dirql.target.recording.memory import MemoryWatch

__all__ = ["RecordingTarget"]

_LOOKS: Final = 5_000
"""The looks at a machine that runs by itself which the kernel takes at least in a second of charged clocks."""
_URGENT: Final = frozenset({Call.RESET, Call.TAKE_REMOVAL})
"""The calls after which the file has everything at once."""


class RecordingTarget(CalledTarget):
    """Another target, which this one owns, and a file that gets an entry for each call."""

    __slots__ = ("_began", "_inner", "_late", "_longest", "_path", "_watch", "_writer", "name")

    def __init__(self, inner: Target, path: Path) -> None:
        """Record `inner`, which was just opened, into a file. Raises `RecordingError`, and closes `inner` then."""
        super().__init__()
        self.name = inner.name
        self.capabilities = inner.capabilities
        self.description = inner.description
        self.floor = inner.floor
        self.frequency = inner.frequency
        self.memory = inner.memory
        self.memory_file = inner.memory_file
        self._inner = inner
        self._path = path
        self._spends = Capability.CYCLE_EXACT in inner.capabilities
        self._longest = None if self._spends else max(1, inner.frequency // _LOOKS)
        self._late: list[Failure] = []
        self._watch = MemoryWatch(inner.memory)
        self._began = time.monotonic_ns()
        inner.write_error = self._keep_late
        self._look()
        try:
            inner.settle_memory()
            self._writer = RecordingWriter(path, self._header())
        except BaseException:
            self._closed = True
            inner.close()
            raise

    def _header(self) -> Header:
        inner = self._inner
        return Header(
            target=inner.name,
            machine=inner.description.name,
            number=machine_number(inner.description).hex(),
            build=inner.build.hex(),
            frequency=inner.frequency,
            capabilities=inner.capabilities,
            memory=len(inner.memory),
            spends=self._spends,
            began=time.time(),
            release=__version__,
            floor=inner.floor,
            clock=self._clock,
            attention=self.attention,
            horizon=self.horizon,
        )

    def _keep_late(self, error: BusError) -> None:
        self._late.append(Failure.of(error))

    def _carry_out(self, request: Request) -> Outcome:
        inner, watch = self._inner, self._watch
        is_clocked = request.call in CLOCKED
        changes = watch.host_changes() if is_clocked else []
        began = time.monotonic_ns()
        spent = inner.spent = self.spent
        outcome = perform(inner, request)
        took = time.monotonic_ns() - began
        self._look()
        parts = (
            inner.settle_memory()
        )  # behind the look: what comes before an interrupt is then in memory with it
        written = [] if parts is None else watch.note(parts)
        if parts is None and is_clocked:
            written = watch.device_changes()
        watch.follow(request, outcome)
        outcome.late, self._late = tuple(self._late), []
        self._complete(outcome)
        entry = Entry(request, outcome, spent, (began - self._began) // 1000, took // 1000)
        entry.changes, entry.written = changes, written
        self._writer.add(entry, mark())
        if request.call in _URGENT or outcome.failure is not None:
            self._writer.flush()
        return outcome

    def _look(self) -> None:
        """Take over what the host sees of the machine between two calls."""
        inner = self._inner
        self.spent = inner.spent
        self.attention = inner.attention
        self._removed = inner.removed
        self._clock = inner.now() - (inner.spent if self._spends else 0)
        horizon = inner.horizon if self._longest is None else min(inner.horizon, self._longest)
        self.horizon = 0 if self.attention else max(1, horizon)

    def _complete(self, outcome: Outcome) -> None:
        outcome.clock = self._clock
        outcome.attention = self.attention
        outcome.horizon = self.horizon
        outcome.removed = self._removed

    @property
    def complaints(self) -> tuple[str, ...]:
        """See `Target`."""
        own = self._writer.failure
        told = (f"the recording {self._path} is not complete: {own}",) if own else ()
        return (*self._inner.complaints, *told)

    def close(self) -> None:
        """See `Target`."""
        if not self._closed:
            self._closed = True
            self.attention = False
            self._writer.close()
            self._inner.close()
