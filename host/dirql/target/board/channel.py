# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The channel to a board: commands go through a link, and the machine runs by itself meanwhile.

Clocks that host code spends are dropped, because on a board the time of the host passes. `clock` is that of the last
frame of the board, so it moves when the board says something; a wait asks the board for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from dirql.link.frames import Command, DeviceHello
from dirql.link.link import Link, Pending
from dirql.registers.protocol import Answer, Attention, Link as LinkWords, Op
from dirql.target.access import lag_of
from dirql.target.channel.channel import NEVER
from dirql.target.channel.operations import OPERATION_NAMES
from dirql.target.contract import BusError, LinkLost, MachineRemoved, MemoryFile, TargetError, bus_error

__all__ = ["LinkChannel"]

_PIECE = 4 * LinkWords.LONGEST_COMMAND
_PIECES = 48
"""The most pieces of one transfer. All of them and some posted commands have different numbers."""
_BACKLOG = 40
"""The frames without an acknowledgement from which on another command waits."""
_LONGEST_WAIT = 0.25
"""The longest time, in seconds, for which one wait keeps host code from other things."""
_ASK_EVERY = 0.001
"""The shortest time, in seconds, between two questions of waits for 0 clocks."""

_READS = frozenset({Op.MEM_READ, Op.IO_READ, Op.CFG_READ, Op.INT_ACK})
_WRITES = frozenset({Op.MEM_WRITE, Op.IO_WRITE, Op.CFG_WRITE, Op.MARK, Op.ARM_FAULT, Op.HOLD_INTERRUPT})


class LinkChannel:
    """A machine behind a link; see `Channel`."""

    def __init__(
        self, link: Link, memory: memoryview, memory_file: MemoryFile | None, *, frequency: int, posts: bool
    ) -> None:
        """Use the link, whose session `reset` begins. With `posts` a write to memory space is not waited for."""
        self.capacity = _PIECES * _PIECE
        self.memory = memory
        self.memory_file = memory_file
        self.quiet_until = NEVER
        self.link = link
        self.hello: DeviceHello | None = None
        self.report: Callable[[BusError], None] = _raise
        """Called with the error of a posted write by the next command that is waited for."""
        self._frequency = frequency
        self._posted = frozenset({Op.MEM_WRITE}) if posts else frozenset()
        self.lag = 0
        """See `Clock.lag`."""
        self._accounted = 0
        """The clock up to which `lag` is known."""
        self._deadline = NEVER
        self._asked_at = 0.0
        self.removal_taken = False
        """Whether host code has taken note that the machine was removed."""

    @property
    def clock(self) -> int:
        """See `Channel`; after the link was lost the time of the host."""
        link = self.link
        if link.lost is None:
            return link.clock
        return link.clock + int((time.monotonic() - link.clock_at) * self._frequency)

    @property
    def records_dropped(self) -> int:
        """See `Channel`."""
        return self.link.records_lost

    def _answer(self, value: int, status: int) -> int:
        """The answer to a command, with what asks for attention now."""
        link = self.link
        answer = value | status << Answer.STATUS
        number = link.input
        if number is not None:
            answer |= Attention.INTERRUPT << Answer.ATTENTION | number << Answer.INPUT
        if link.memory.has_stray:
            answer |= Attention.STRAY << Answer.ATTENTION
        if link.lost is not None and not self.removal_taken:
            answer |= Attention.REMOVED << Answer.ATTENTION
        if self.clock >= self._deadline:
            answer |= Attention.DEADLINE << Answer.ATTENTION
        return answer

    # Commands.

    def command(
        self, operation: int, spent: int, address: int, byte_enables: int, length: int, datum: int, /
    ) -> int:
        """See `Channel`."""
        data = datum.to_bytes(4, "little") if operation in _WRITES else b""
        posted = operation in self._posted
        pending = Pending(operation, address, posted)
        link = self.link
        with link.changed:
            self._make_room(pending)
            link.command(Command(operation, address, byte_enables, length, data, answer=not posted), pending)
            link.flush()
            if not posted:
                self._finish(pending)
            self._count_lag()
            if posted:
                return self._answer(0, 0)
        response = pending.response
        assert response is not None
        value = int.from_bytes(response.data[:4], "little")
        self._report_failures()
        return self._answer(value, _checked(response.status, pending))

    def transfer(self, operation: int, spent: int, address: int, data: memoryview, repeats: bool, /) -> int:
        """See `Channel`; the pieces are under way together."""
        reads = operation in _READS
        answers = reads or repeats
        pieces = list(_pieces(data))
        link = self.link
        sent = []
        with link.changed:
            self._make_room(Pending(operation, address))
            for number, piece in enumerate(pieces):
                at = address if repeats else address + _PIECE * number
                wanted = answers or number == len(pieces) - 1
                pending = Pending(operation, at)
                octets = b"" if reads else bytes(piece)
                link.command(
                    Command(operation, at, 0xF, len(piece) // 4, octets, wanted, repeats, number > 0), pending
                )
                sent.append(pending)
            link.flush()
            self._finish(sent[-1])
            self._count_lag()
        moved, status = _collect(sent, pieces if reads else [])
        self._report_failures()
        return self._answer(moved if repeats else 0, status)

    def _count_lag(self) -> None:
        """Count what has passed since the last command, all in one, as the time of one access."""
        clock = self.clock
        self.lag += lag_of(clock - self._accounted)
        self._accounted = clock

    def _make_room(self, pending: Pending) -> None:
        """Wait until few commands are under way; raises `MachineRemoved`."""
        link = self.link
        self._check(pending)
        while link.session.backlog > _BACKLOG:
            link.wait()
            self._check(pending)

    def _finish(self, pending: Pending) -> None:
        """Wait for the RESPONSE to a command; raises `MachineRemoved`."""
        link = self.link
        while pending.response is None:
            self._check(pending)
            link.wait()

    def _check(self, pending: Pending) -> None:
        lost = self.link.lost
        if lost is not None and pending.response is None:
            self._count_lag()  # the silence before the loss is no time in which a driver worked
            raise MachineRemoved(lost, OPERATION_NAMES.get(pending.operation, "mark"), pending.address)

    def _report_failures(self) -> None:
        """Report the posted writes that failed."""
        failures = self.link.failures
        if not failures:
            return
        with self.link.changed:
            failed = failures.copy()
            failures.clear()
        for pending, status in failed:
            operation = OPERATION_NAMES[pending.operation]
            self.report(bus_error(_checked(status, pending), operation, pending.address))

    def post_mark(self, spent: int, payload: int, /) -> bool:
        """See `Channel`; the mark is sent at once."""
        pending = Pending(Op.MARK, 0, posted=True)
        link = self.link
        with link.changed:
            if link.lost is not None:
                return True
            self._make_room(pending)
            link.command(Command(Op.MARK, data=payload.to_bytes(4, "little")), pending)
            link.flush()
        return True

    # Time.

    def wait(self, spent: int, limit: int, /) -> int:
        """See `Channel`. With limit 0 it only looks at what has come, and now and then asks for the clock.

        Otherwise posted commands are carried out first: the board does not wait with its answer to a question for them.
        """
        link = self.link
        with link.changed:
            while limit and link.session.backlog and link.lost is None:
                link.wait()
            self._ask_now_and_then()
            self._count_lag()
            stop = self.clock + limit
            end = time.monotonic() + _LONGEST_WAIT
            while limit and not self._answer(0, 0) and self.clock < stop:
                now = time.monotonic()
                if now >= end:
                    break
                until = min(stop, self._deadline)
                left = (until - link.clock) / self._frequency - (now - link.clock_at)
                if left <= 0 and not link.session.is_asking and link.lost is None:
                    link.session.ask(now)
                    link.flush()
                link.wait(min(left, end - now) if left > 0 else end - now)
            self._accounted = self.clock
            return self._answer(0, 0)

    def _ask_now_and_then(self) -> None:
        link = self.link
        now = time.monotonic()
        if now >= self._asked_at + _ASK_EVERY and not link.session.is_asking and link.lost is None:
            self._asked_at = now
            link.session.ask(now)
            link.flush()

    def set_deadline(self, clock: int, /) -> None:
        """See `Channel`."""
        self._deadline = clock

    def attention(self) -> int:
        """An answer to no command, with what asks for attention now."""
        with self.link.changed:
            return self._answer(0, 0)

    def take_removal(self) -> str | None:
        """See `Target.take_removal`."""
        with self.link.changed:
            self.removal_taken = self.link.lost is not None
            self.link.asks_attention = self.link.input is not None or self.link.memory.has_stray
            return self.link.lost

    # The rest.

    def reset(self) -> int:
        """See `Channel`; it begins another session."""
        self.hello = self.link.open()
        self.lag = 0
        self._accounted = self.clock
        return 0

    def take_records(self) -> bytes:
        """See `Channel`."""
        return self.link.take_records()

    def failure(self, status: int, what: str, /) -> TargetError:
        """See `Channel`."""
        return LinkLost(f"{what} ended with the status {status}, which the link does not have")

    def close(self) -> None:
        """See `Channel`."""
        self.link.close()


def _raise(error: BusError) -> None:
    raise error


def _pieces(data: memoryview) -> Iterator[memoryview]:
    octets = data.cast("B")
    for start in range(0, octets.nbytes, _PIECE):
        yield octets[start : start + _PIECE]


def _collect(sent: list[Pending], into: list[memoryview]) -> tuple[int, int]:
    """The dwords that the pieces of a transfer moved, and the status of the first that failed.

    The data are put into `into`, the pieces of which lie behind each other in memory.
    """
    moved = 0
    for number, pending in enumerate(sent):
        response = pending.response
        if response is None:
            continue  # a piece of a write that needs no answer
        if into and response.data:
            into[number][: len(response.data)] = response.data
        moved += response.done
        if response.status:
            return moved, _checked(response.status, pending)
    return moved, 0


def _checked(status: int, pending: Pending) -> int:
    """The status of the bus; raises `TargetError` for a command that the board did not understand."""
    if status == LinkWords.MALFORMED:
        raise TargetError(
            f"the board must know each command; it did not understand {OPERATION_NAMES.get(pending.operation, 'one')}"
            f" at {pending.address:#010x}: flash it with a bitstream of this release"
        )
    return status
