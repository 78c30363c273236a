# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A target that gives a driver the answers of a recording, and stops it at the first call that is another one."""

from __future__ import annotations

import mmap
import os
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Never

from dirql.hardware.description import MachineDescription
from dirql.hardware.identity import machine_number
from dirql.hardware.reading import describe
from dirql.hardware.table import DescriptionError
from dirql.ke.origin import describe_mark, mark
from dirql.target.contract import MemoryFile, TargetError
from dirql.target.recording.calls import CalledTarget
from dirql.target.recording.entries import CLOCKED, Change, Entry, Outcome, Request
from dirql.target.recording.file import RecordingError, RecordingReader
from dirql.target.recording.lines import Header
from dirql.target.recording.memory import MemoryWatch
from dirql.target.recording.words import Words

__all__ = ["ReplayDiffers", "ReplayTarget", "recorded_machine"]

_KEPT = 5
"""The calls before a difference that its message shows."""
_SHOWN = 16
"""The bytes of memory that its message shows."""


class ReplayDiffers(TargetError):
    """A driver made another call than in the recording, so nobody knows the answer."""


def recorded_machine(
    path: Path, header: Header, machine: str | Path | MachineDescription | None = None
) -> MachineDescription:
    """The machine of a recording, with the clock that it had there.

    `machine` is the one that was asked for. Raises `RecordingError` if it is another one, or if none of this release is
    the recorded one.
    """
    asked = header.machine if machine is None else machine
    try:
        found = describe(asked)
    except DescriptionError as error:
        if machine is not None:
            raise
        raise RecordingError(
            f"the recording {path} is of the machine {header.machine}, which this release does not have: give its file"
            " with --machine"
        ) from error
    number = machine_number(found).hex()
    if number != header.number:
        raise RecordingError(
            f"the recording {path} must be of the machine {found.name}, which has the number {number}; it is of the"
            f" machine {header.machine} with the number {header.number}: give --machine {header.machine}, the file of"
            " that machine, or record again"
        )
    return replace(found, frequency=header.frequency)


class ReplayTarget(CalledTarget):
    """The machine of a recording, without the machine. Nothing that it says is made up."""

    __slots__ = (
        "_before",
        "_entries",
        "_file",
        "_left",
        "_number",
        "_reader",
        "_stopped",
        "_watch",
        "_words",
        "name",
    )

    def __init__(self, path: Path, machine: str | Path | MachineDescription | None = None) -> None:
        """Open a recording; `machine` must be its machine. Raises `RecordingError`."""
        super().__init__()
        self._reader = RecordingReader(path)
        header = self._reader.header
        self.name = "replay"
        self.description = recorded_machine(path, header, machine)
        if header.memory != self.description.host_memory.size:
            raise RecordingError(
                f"the recorded host must have {self.description.host_memory.size:#x} bytes of memory, as the machine"
                f" says; that of {path} has {header.memory:#x}"
            )
        self.capabilities = header.capabilities
        self.frequency = header.frequency
        self.floor = header.floor
        self._spends = header.spends
        self._clock = header.clock
        self.attention = header.attention
        self.horizon = header.horizon
        self._file = os.memfd_create("dirql-memory")
        os.ftruncate(self._file, header.memory)
        self.memory = memoryview(mmap.mmap(self._file, header.memory))
        self.memory_file = MemoryFile(self._file, 0)
        self._watch = MemoryWatch(self.memory)
        self._words = Words(self.description)
        self._entries = self._reader.entries()
        self._number = 0
        self._left = ""
        self._before: deque[Entry] = deque(maxlen=_KEPT)
        self._stopped: ReplayDiffers | None = None

    # Calls.

    def _carry_out(self, request: Request) -> Outcome:
        if self._stopped is not None:
            raise self._stopped
        entry = next(self._entries, None)
        self._number += 1
        if entry is None:
            self._refuse(request, self._end())
        if entry.request != request:
            self._refuse(request, f"recorded:  {self._words.entry(self._number, entry)}")
        self._compare_memory(request, entry)
        self._words.follow(request)
        self._before.append(entry)
        self._follow(request, entry)
        return entry.outcome

    def _follow(self, request: Request, entry: Entry) -> None:
        """Become as the recorded host saw the machine after the call."""
        outcome = entry.outcome
        self._watch.follow(request, outcome)
        self._watch.write(entry.written)
        if request.call in CLOCKED and (outcome.failure is None or outcome.failure.kind != "argument"):
            self.spent = 0
        self._clock = outcome.clock
        self.attention = outcome.attention
        self.horizon = outcome.horizon
        self._removed = outcome.removed

    def _compare_memory(self, request: Request, entry: Entry) -> None:
        if request.call not in CLOCKED:
            return
        other = self._watch.accept_host(entry.changes)
        if other is not None:
            self._refuse(request, self._other_memory(other, entry))

    def _other_memory(self, other: Change, entry: Entry) -> str:
        recorded = self._watch.recorded(other.address, len(other.data))
        by = f", before a call by {entry.place}" if entry.place else ""
        return (
            f"memory that devices may read had other contents at {other.address:#010x}\n"
            f"  recorded:  {recorded[:_SHOWN].hex(' ', 4)}{by}\n"
            f"  now:       {other.data[:_SHOWN].hex(' ', 4)}"
        )

    def _end(self) -> str:
        cut = self._reader.cut
        return f"recorded:  nothing more{f', since {cut}' if cut else ', the run ended here'}"

    def _refuse(self, request: Request, recorded: str) -> Never:
        place = mark()
        by = f", by {describe_mark(place)}" if place is not None else ""
        first = self._number - len(self._before)
        before = "".join(
            f"\n  {self._words.entry(number, entry)}" for number, entry in enumerate(self._before, first)
        )
        self._stopped = ReplayDiffers(
            f"a driver must make the calls of the recording {self._reader.path}; call {self._number:,} was another one,"
            f" so there is no answer to it\n  {recorded}\n  the call:  {self._words.call(request)}{by}"
            f"\nthe calls before it:{before or ' none'}"
        )
        raise self._stopped

    # Life.

    @property
    def complaints(self) -> tuple[str, ...]:
        """See `Target`: a recording that goes on behind the last call."""
        return (self._left,) if self._left else ()

    def close(self) -> None:
        """See `Target`."""
        if self._closed:
            return
        self._closed = True
        self.attention = False
        os.close(self._file)
        following = next(self._entries, None) if self._stopped is None else None
        if following is not None:
            left = 1 + sum(1 for _ in self._entries)
            self._left = (
                f"the recording {self._reader.path} has {left:,} more calls than the driver made; the first of them is"
                f" {self._words.entry(self._number + 1, following)}"
            )
