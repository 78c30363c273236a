# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Carries out a recording on another machine, and finds the first answer that is not the recorded one.

The recorded machine ran by itself, perhaps behind a slow link; the other one runs only when it is told to. So clocks,
the time of DMA and the moment at which an interrupt comes are no differences. docs/recording.md says what is compared.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from dirql.hardware.interrupt_controller import LAST_INPUT
from dirql.registers.protocol import Vector
from dirql.target.contract import Capability, Grant, Target, Wake
from dirql.target.recording.calls import perform
from dirql.target.recording.entries import WRITES, Call, Change, Entry, Failure, Outcome, Request
from dirql.target.recording.file import RecordingReader
from dirql.target.recording.memory import MemoryWatch
from dirql.target.recording.words import Words

__all__ = ["Report", "Shadow"]

_HANG = 2
"""The part of a second, as its divisor, after which the recorded machine must have done what the RTL has done."""
_KEPT = 8
"""The calls before a difference that are shown."""
_AHEAD = 4096
"""The calls behind the present one that are looked at, for a machine that is ahead of the recorded one."""
_PATIENCE = 50
"""The part of a second, as its divisor, for which the machine may run beyond the recorded clock."""
_FIRST_STEP = 8
"""The clocks of the first step of a wait; each step is twice the one before."""
_SHOWN = 16
"""The bytes of memory that are shown."""
_LINK_ENDS = ("removed", "lost")
_NOT_MADE = ("argument", "unsupported", "closed")
"""The failures of calls that never reached the machine."""

_READS = frozenset({Call.READ_MEMORY, Call.READ_IO, Call.READ_CONFIGURATION, Call.READ_PADS})
_ACTS = WRITES | {Call.RESET, Call.READ_MEMORY_BURST, Call.READ_IO_STRING, Call.INTERRUPT_ACKNOWLEDGE}
"""The calls that do something to the machine, beside reads of registers for which the map says so."""
_SKIPPED = frozenset(
    {
        Call.SET_DEADLINE,
        Call.INTERRUPT_REQUEST,
        Call.EVENT_RECORDS_DROPPED,
        Call.HOLD_INTERRUPT,
        Call.TAKE_REMOVAL,
    }
)
"""The calls that are not carried out: they are about time, or about what the host keeps."""


class _Differs(Exception):
    """The machine gave another answer; the text says which."""


class _Lost(Exception):
    """The recording cannot be followed further; the text says why."""


@dataclass(slots=True)
class Report:
    """The result of a shadow run."""

    difference: str = ""
    """The first difference, with the calls before it; empty if there was none."""
    calls: int = 0
    """The calls that were followed; with a difference, the number of the call."""
    ended: str = ""
    """The sentence that says why not all of the recording was followed; empty if all of it was."""
    compared: Counter[str] = field(default_factory=Counter)
    """The number of answers of each kind that were compared, and of those that were not."""


class Shadow:
    """One run of a recording on `target`, which was just opened."""

    def __init__(self, reader: RecordingReader, target: Target) -> None:
        """The machine of `target` must be that of the recording."""
        self._reader = reader
        self._header = reader.header
        self._target = target
        self._words = Words(target.description)
        self._watch = MemoryWatch(target.memory)
        self._grants: dict[Grant, Grant] = {}
        self._owed: list[tuple[int, Change]] = []
        """The writes of the recorded bus masters that are yet to be seen here, each with the number of its call."""
        self._late: deque[Failure] = deque()
        """The errors of posted writes here of which the recording has not told yet."""
        self._early: tuple[int, int] | None = None
        """The input that is presented here and was not in the recording, and the recorded clock at that time."""
        self._values: dict[Request, int] = {}
        """The value that each register had here when it was read last."""
        self._acted_at = 0
        """The recorded clock at which something was done to the machine last."""
        self._patience = target.frequency // _PATIENCE
        self._number = 0
        self._before: deque[tuple[int, Entry]] = deque(maxlen=_KEPT)
        self._queue: deque[Entry] = deque()
        self._source = reader.entries()
        self.report = Report()

    def run(self) -> Report:
        """Follow the recording to its end, or to the first difference."""
        report = self.report
        entry: Entry | None = None
        try:
            for entry in self._entries():
                report.calls = self._number
                self._follow(entry)
                self._before.append((self._number, entry))
            entry = None
            self._finish()
            report.ended = self._reader.cut
        except _Differs as difference:
            report.difference = self._describe(str(difference), entry)
        except _Lost as lost:
            report.ended = str(lost)
        return report

    def _entries(self) -> Iterator[Entry]:
        while self._fill(1):
            self._number += 1
            yield self._queue.popleft()

    def _fill(self, count: int) -> bool:
        """Have `count` entries in the queue; returns False if the recording ends before."""
        while len(self._queue) < count:
            following = next(self._source, None)
            if following is None:
                return False
            self._queue.append(following)
        return True

    def _describe(self, what: str, entry: Entry | None) -> str:
        lines = [
            f"the RTL differs from the recording {self._reader.path} at call {self._number:,}",
            f"  {what}",
        ]
        if entry is not None:
            lines.append(f"  {self._words.entry(self._number, entry)}")
        lines.append(f"  the RTL has the clock {self._target.now():,}")
        lines.append("the calls before it:")
        lines += [f"  {self._words.entry(number, each)}" for number, each in self._before]
        return "\n".join(lines)

    # One entry.

    def _follow(self, entry: Entry) -> None:
        request, outcome = entry.request, entry.outcome
        self._words.follow(request)
        if (
            outcome.failure is not None and outcome.failure.kind in _LINK_ENDS
        ) or outcome.removed is not None:
            raise _Lost(
                f"the recorded machine was lost at call {self._number:,}: {outcome.removed or 'no answer'}"
            )
        self._settle(entry.changes)
        self._watch.write(entry.changes)
        if outcome.failure is None or outcome.failure.kind not in _NOT_MADE:
            self._carry_out(entry)
        if request.call in _ACTS:
            self._acted_at = outcome.clock
        for late in outcome.late:
            self._match_late(late)
        self._watch.expect(entry.written)
        self._owed += [(self._number, change) for change in entry.written]
        self._check_early(entry)

    def _carry_out(self, entry: Entry) -> None:
        request = entry.request
        special = self._SPECIAL.get(request.call)
        if special is not None:
            special(self, entry)
        elif request.call in _READS:
            self._read(entry)
        elif request.call in WRITES:
            self._write(entry)
        elif request.call not in _SKIPPED:
            perform(self._target, request)

    def _write(self, entry: Entry) -> None:
        self._early = None  # it may mask the interrupt
        here = perform(self._target, entry.request)
        posted = Capability.PRECISE_WRITES not in self._header.capabilities
        if posted and entry.request.call is Call.WRITE_MEMORY and entry.outcome.failure is None:
            if here.failure is not None:
                self._late.append(here.failure)
            return
        self._compare("writes", entry, here)

    def _match_late(self, late: Failure) -> None:
        here = self._late.popleft() if self._late else None
        self.report.compared["errors of posted writes"] += 1
        if here != late:
            shown = "none" if here is None else str(here.exception())
            raise _Differs(
                f"the recording tells of a write that failed: {late.exception()}; here it was {shown}"
            )

    def _compare(self, kind: str, entry: Entry, here: Outcome) -> None:
        self.report.compared[kind] += 1
        if here.answer != entry.outcome.answer:
            self._refuse(entry, here)

    def _refuse(self, entry: Entry, here: Outcome) -> None:
        recorded = self._words.answer(entry.request, entry.outcome)
        raise _Differs(
            f"{self._words.call(entry.request)}: recorded {recorded}, the RTL {self._words.answer(entry.request, here)}"
        )

    # Reads.

    def _read(self, entry: Entry) -> None:
        request = entry.request
        register = self._words.register(request)
        here = perform(self._target, request)
        if register is not None and register.counts_clocks:
            self.report.compared["reads of counts of clocks, not compared"] += 1
            return
        self.report.compared["reads"] += 1
        if here.answer != entry.outcome.answer:
            here = self._come_to(entry, here, () if register is None else register.masks)
        if here.value is not None:
            self._values[request] = here.value

    def _come_to(self, entry: Entry, here: Outcome, masks: tuple[int, ...]) -> Outcome:
        """Bring the RTL to where the recorded machine was at a read that gave another value; returns its value then."""
        request = entry.request
        if not self._can_repeat(request):
            self._refuse(entry, here)
        there = self._recorded_values(entry)
        if here.failure is None and here.value in there[1:]:
            self.report.compared["of them values that the recording has a bit later"] += 1
            return here
        reached = self._reaches(entry, here, masks)
        here = perform(self._target, request)
        if reached:
            return here
        if here.value is None or _outside([here.value], there, masks):
            self._refuse(entry, here)
        self.report.compared["of them values between two of the recording"] += 1
        return here

    def _can_repeat(self, request: Request) -> bool:
        register = self._words.register(request)
        return request.call is Call.READ_PADS or (
            request.call in _READS and register is not None and register.can_repeat
        )

    def _reaches(self, entry: Entry, here: Outcome, masks: tuple[int, ...]) -> bool:
        """Whether the register comes to the recorded value, or past it in each of its fields, when the RTL runs on."""
        wanted = entry.outcome
        seen: list[int] = []
        before = self._values.get(entry.request)
        if before is not None and wanted.clock - self._acted_at < self._target.frequency // _HANG:
            seen.append(before)
        steps = self._steps(entry)
        while True:
            if here.answer == wanted.answer:
                return True
            if here.value is not None and wanted.value is not None and wanted.failure is None:
                seen.append(here.value)
                if not _outside([wanted.value], seen, masks):
                    self.report.compared["of them values that the RTL went past"] += 1
                    return True
            if next(steps, None) is None:
                return False
            here = perform(self._target, entry.request)

    def _recorded_values(self, entry: Entry) -> list[int]:
        """The values that the recorded register had from this read on, until something was done to the machine."""
        values = [] if entry.outcome.value is None else [entry.outcome.value]
        for number in range(_AHEAD):
            if not self._fill(number + 1):
                break
            later = self._queue[number]
            if later.request == entry.request and later.outcome.value is not None:
                values.append(later.outcome.value)
            elif later.request.call in _ACTS or (
                later.request.call in _READS and not self._can_repeat(later.request)
            ):
                break
        return values

    def _steps(self, entry: Entry) -> Iterator[int]:
        """Let the machine run in steps, until its clock is as far as the recorded one and a bit further."""
        target = self._target
        left = max(0, entry.outcome.clock - target.now()) + self._patience
        step = _FIRST_STEP
        while left > 0:
            target.spend(min(step, left))
            left -= step
            yield step
            step *= 2

    def _read_burst(self, entry: Entry) -> None:
        self._compare("bursts", entry, perform(self._target, entry.request))

    def _string(self, entry: Entry) -> None:
        """A string ends early when something asks for attention, so it is carried out in as many pieces as it takes."""
        request, recorded = entry.request, entry.outcome
        moved = recorded.value or 0
        if recorded.failure is not None:
            self._compare("strings", entry, perform(self._target, request))
            return
        address, done, data = request.numbers[0], 0, b""
        while done < moved:
            rest = moved - done
            part = (
                Request(request.call, (address,), request.data[4 * done : 4 * moved])
                if request.data
                else Request(request.call, (address, 4 * rest))
            )
            here = perform(self._target, part)
            if here.failure is not None or not here.value:
                self._refuse(entry, here)
                return
            done += here.value
            data += here.data
        self._compare("strings", entry, Outcome(moved, data=data))

    # Interrupts.

    def _acknowledge(self, entry: Entry) -> None:
        self._early = None
        vector = entry.outcome.value
        if vector is None:
            return
        if self._is_spurious(vector):
            self._fetch_nothing(entry)
            return
        wanted = self._target.description.controller.input_of_vector(vector)
        self._await_input(entry, wanted)
        self._compare("vectors", entry, perform(self._target, entry.request))

    def _is_spurious(self, vector: int) -> bool:
        """Whether the recorded vector is that of no interrupt; the HAL then asks the chip what is in service."""
        if vector == Vector.SPURIOUS:
            return True
        port = self._target.description.controller.ambiguous_vectors.get(vector)
        if port is None or not self._fill(1):
            return False
        asked, told = self._queue[0].request, self._queue[0].outcome
        is_asked = asked.call is Call.READ_IO and asked.numbers[0] == port
        return is_asked and told.value is not None and not told.value >> 8 * (port % 4) + LAST_INPUT & 1

    def _fetch_nothing(self, entry: Entry) -> None:
        """Fetch nothing, as the recorded machine did because the interrupt had gone, which is a matter of clocks.

        The controller counts such fetches. None is made if it would take an interrupt that stays.
        """
        self.report.compared["fetches after the end of an interrupt, not compared"] += 1
        steps = self._steps(entry)
        while self._target.interrupt_request() is not None:
            if next(steps, None) is None:
                return
            self._target.wait(0)
        perform(self._target, entry.request)

    def _presents(self, entry: Entry) -> bool:
        """Whether an interrupt is presented, or comes while the RTL runs on, and if for a few clocks only."""
        target = self._target
        end = max(target.now(), entry.outcome.clock) + self._patience
        while target.interrupt_request() is None:
            if target.now() >= end:
                return False
            if target.wait(end - target.now()) is not Wake.INTERRUPT:
                target.spend(_FIRST_STEP)
        return True

    def _await_input(self, entry: Entry, wanted: int) -> None:
        self._presents(entry)
        presented = self._target.interrupt_request()
        if presented == wanted:
            return
        for _ in self._steps(entry):
            self._target.wait(0)
            presented = self._target.interrupt_request()
            if presented == wanted:
                return
        if presented is not None and self._comes_later(presented):
            raise _Lost(
                f"two interrupts came in another order at call {self._number:,}, which is no difference, but what"
                " follows cannot be compared"
            )
        shown = "none" if presented is None else f"input {presented}"
        raise _Differs(
            f"the recorded machine presented input {wanted} of the controller; the RTL presents {shown}"
        )

    def _comes_later(self, number: int) -> bool:
        vector = self._target.description.controller.vector(number)
        for place in range(_AHEAD):
            if not self._fill(place + 1):
                return False
            later = self._queue[place]
            if later.request.call is Call.INTERRUPT_ACKNOWLEDGE and later.outcome.value == vector:
                return True
        return False

    def _wait(self, entry: Entry) -> None:
        target = self._target
        if entry.outcome.value == Wake.INTERRUPT:
            self._early = None
            self.report.compared["interrupts"] += 1
            if self._presents(entry):
                return
            raise _Differs("the recorded machine presented an interrupt; the RTL presents none")
        if entry.outcome.value is None and not entry.outcome.attention:
            target.wait(min(max(0, entry.outcome.clock - target.now()), self._patience))
            presented = target.interrupt_request()
            if presented is not None and self._early is None:
                self._early = presented, entry.outcome.clock

    def _check_early(self, entry: Entry) -> None:
        """An interrupt that came here must come in the recording too."""
        if self._early is None:
            return
        number, clock = self._early
        if entry.request.call is Call.INTERRUPT_REQUEST and entry.outcome.value is not None:
            self._early = None
        elif entry.outcome.clock - clock > self._target.frequency:
            raise _Differs(
                f"the RTL presents input {number} of the controller; the recorded machine presented none for a second"
            )

    # Memory.

    def _grant(self, entry: Entry) -> None:
        here = perform(self._target, entry.request)
        first, second, third = entry.outcome.numbers
        mine, mine_too, mine_at_last = here.numbers
        self._grants[first, second, third] = mine, mine_too, mine_at_last
        self._watch.follow(entry.request, entry.outcome)

    def _revoke(self, entry: Entry) -> None:
        first, second, third = entry.request.numbers
        held = (first, second, third)
        self._check_memory(entry, self._watch.parts_of(held))
        self._watch.follow(entry.request, entry.outcome)
        self._target.revoke(self._grants.pop(held))

    def _confine(self, entry: Entry) -> None:
        self._target.confine()
        self._watch.follow(entry.request, entry.outcome)

    def _settle(self, changes: list[Change]) -> None:
        """Before the host changes memory: what the recorded bus masters wrote there must have been written here."""
        for change in changes:
            low, high = change.address, change.address + len(change.data)
            for number, owed in self._owed:
                start, end = owed.address, owed.address + len(owed.data)
                if start < high and low < end:
                    self._check_part(number, max(low, start), min(high, end))

    def _check_memory(self, entry: Entry, parts: tuple[tuple[int, int], ...]) -> None:
        """All of these parts must be as in the recording, since the mapping of them ends."""
        for start, end in parts:
            self._check_part(self._number, start, end)
            self._owed = [
                (number, owed)
                for number, owed in self._owed
                if not start <= owed.address < owed.address + len(owed.data) <= end
            ]

    def _check_part(self, number: int, start: int, end: int) -> None:
        self.report.compared["bytes of memory that devices can write"] += end - start
        differs = self._watch.differs(((start, end),))
        if differs is None:
            return
        for _ in self._steps(self._now()):
            self._target.wait(0)
            differs = self._watch.differs(((start, end),))
            if differs is None:
                return
        recorded = self._watch.recorded(differs.address, len(differs.data))
        raise _Differs(
            f"memory at {differs.address:#010x} must be as the recorded devices left it at call {number:,}, with"
            f" {recorded[:_SHOWN].hex(' ', 4)}; the RTL left {differs.data[:_SHOWN].hex(' ', 4)}"
        )

    def _now(self) -> Entry:
        """An entry that stands for the clock of the last one."""
        clock = self._before[-1][1].outcome.clock if self._before else 0
        return Entry(Request(Call.WAIT), Outcome(clock=clock))

    def _stray(self, entry: Entry) -> None:
        recorded = entry.outcome.numbers
        if not recorded:
            return
        self.report.compared["stray accesses"] += 1
        here = perform(self._target, entry.request)
        for _ in self._steps(entry):
            if here.numbers:
                break
            self._target.wait(0)
            here = perform(self._target, entry.request)
        if here.numbers[1:4] != recorded[1:4]:
            self._refuse(entry, here)

    def _records(self, entry: Entry) -> None:
        self._target.take_event_records()

    def _finish(self) -> None:
        """At the end: no error and no stray access that the recording does not have, and the same memory."""
        for number, owed in self._owed:
            self._check_part(number, owed.address, owed.address + len(owed.data))
        if self._reader.cut:
            return
        for start, end in self._watch.writable:
            self._check_part(self._number, start, end)
        if self._late:
            raise _Differs(f"the recorded writes were all good; here one failed: {self._late[0].exception()}")
        confined = Capability.CONFINEMENT in self._header.capabilities
        stray = self._target.take_stray_access() if confined else None
        if stray is not None:
            raise _Differs(
                f"a bus master of the RTL made an access that no grant allows, at {stray.address:#010x}"
            )

    _SPECIAL: ClassVar[dict[Call, Callable[[Shadow, Entry], None]]] = {
        Call.READ_MEMORY_BURST: _read_burst,
        Call.READ_IO_STRING: _string,
        Call.WRITE_IO_STRING: _string,
        Call.INTERRUPT_ACKNOWLEDGE: _acknowledge,
        Call.WAIT: _wait,
        Call.GRANT: _grant,
        Call.REVOKE: _revoke,
        Call.CONFINE: _confine,
        Call.TAKE_STRAY_ACCESS: _stray,
        Call.TAKE_EVENT_RECORDS: _records,
    }


def _outside(values: list[int], others: list[int], masks: tuple[int, ...]) -> bool:
    """Whether a field of all these values lies outside what it was in the others, from the smallest to the largest.

    Bits that belong to no field count as one field.
    """
    rest = 0xFFFF_FFFF
    for mask in masks:
        rest &= ~mask
    for mask in (*masks, rest):
        fields = [other & mask for other in others]
        if not fields or any(not min(fields) <= value & mask <= max(fields) for value in values):
            return True
    return False
