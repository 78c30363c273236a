# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A link: a session over a pipe, and the thread that reads from it.

The thread serves host memory and notes what the device says. It never calls code of drivers or of the kernel. All state
is guarded by `changed`, which is notified when something has come.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import Never

from dirql.link.frames import (
    Command,
    Data,
    DeviceHello,
    Events,
    Fetch,
    Response,
    State,
    ToHost,
    Write,
)
from dirql.link.memory import HostMemory
from dirql.link.pipe import NoLink, Pipe, PipeLost
from dirql.link.records import RecordReader
from dirql.link.session import Loss, Patience, Session, Taken
from dirql.registers.protocol import Link as LinkWords
from dirql.target.contract import LinkFloor, LinkLost

__all__ = ["Link", "Pending"]

_CLOCK_BITS = 48
_KEPT_RECORDS = 1 << 24
"""The most bytes of event records that are kept for a host that does not take them; more are counted as lost."""
_FLOOR_SAMPLES = 8


@dataclass(slots=True)
class Pending:
    """A command that was sent; `response` is there when its RESPONSE has come."""

    operation: int
    address: int
    posted: bool = False
    response: Response | None = None


class Link:
    """A board at the far end of a pipe, which this link owns."""

    def __init__(self, pipe: Pipe, memory: memoryview, patience: Patience | None = None) -> None:
        """Begin to read from `pipe`; `open` begins a session."""
        self.pipe = pipe
        self.changed = threading.Condition(threading.Lock())
        self.session = Session(patience, rate=pipe.rate)
        self.memory = HostMemory(memory, self._note_stray)
        self.input: int | None = None
        """The input that the interrupt controller presents."""
        self.clock = 0
        """The bus clock of the last frame that told one."""
        self.clock_at = 0.0
        """The time of the host at which that frame came."""
        self.records_dropped = 0
        self.failures: list[tuple[Pending, int]] = []
        """Posted commands that failed, and their statuses."""
        self.asks_attention = False
        """Whether an interrupt is presented or a stray access is kept."""
        self.signal = _no_signal
        """Called by the thread when `asks_attention` becomes true; it must not block."""
        self._lost: str | None = None
        self._records = bytearray()
        self._reader = RecordReader()
        self._overflow = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"link {pipe.name}", daemon=True)
        self._thread.start()

    # Life.

    def open(self) -> DeviceHello:
        """Begin a session, which resets the machine; returns what the device is. Raises `NoLink` or `LinkLost`."""
        with self.changed:
            if self.session.hello is None and self._lost is not None:
                self._raise_no_link()
            self._check()
            self.session.open(secrets.randbelow(0xFFFF_FFFF) + 1, time.monotonic())
            self.input, self.clock, self.clock_at, self.records_dropped = None, 0, time.monotonic(), 0
            self.asks_attention = False
            self.failures.clear()
            self._records.clear()
            self._reader = RecordReader()
            self._overflow = 0
            self.memory.take_stray_access()
            self.flush()
            while (hello := self.session.hello) is None:
                self._wait_for_hello()
        return hello

    def _wait_for_hello(self) -> None:
        if self.session.loss is Loss.SILENCE or self._lost is not None:
            self._raise_no_link()
        self.wait()
        if self.session.loss is Loss.VERSION:
            told = self.session.hello
            raise NoLink(
                f"the board at {self.pipe.name} must speak version {LinkWords.VERSION} of the link's protocol; it"
                f" speaks version {told.version if told else 0}: flash it with a bitstream of this release, or use the"
                " release that its bitstream is of"
            )

    def _raise_no_link(self) -> Never:
        """Raise `NoLink` for a board that did not answer a HELLO."""
        if self._lost is None:
            raise NoLink(self._silence())
        raise NoLink(
            f"the board at {self.pipe.name} must say which machine it has; before it did, {self._lost}: check the"
            " cable, that no other program has the board, and that it is one of dirql"
        )

    def _silence(self) -> str:
        """The sentence for a board that does not answer a HELLO."""
        rate = "" if self.pipe.rate is None else "the baud rate, "
        first = self.session.first_bytes
        if first:
            must = f"the board at {self.pipe.name} must answer with frames of the link; it sent"
            if self.session.is_echo:
                return (
                    f"{must} back what it was sent: check that no line is joined to itself, and that the board has a"
                    " machine of dirql"
                )
            what = f"{rate}and " if rate else ""
            return (
                f"{must} other bytes, {first!r} at first: check {what}that the board has a machine of dirql"
            )
        return (
            f"the board at {self.pipe.name} must answer within {self.session.patience.silence:g} s; it was silent:"
            f" check the port, {rate}the cable, and that the board is flashed"
        )

    def close(self) -> None:
        """End the thread and the pipe; a second call does nothing."""
        with self.changed:
            self._stopping = True
            self.changed.notify_all()
        self.pipe.cancel()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self.pipe.close()

    @property
    def lost(self) -> str | None:
        """The sentence that says how the link was lost; None while it is there."""
        return self._lost

    # Host code, which holds `changed`.

    def _check(self) -> None:
        if self._lost is not None:
            _raise_lost(self._lost)
        if self._stopping:
            _raise_lost(f"the link to {self.pipe.name} was closed")

    def command(self, command: Command, pending: Pending) -> None:
        """Send a command, as soon as the device has room for it."""
        self.session.send(command, time.monotonic(), pending)

    def flush(self) -> None:
        """Write to the pipe what the session has to send."""
        octets = self.session.take_output()
        if octets and self._lost is None:
            try:
                self.pipe.write(octets)
            except PipeLost as error:
                self._lose(str(error))

    def wait(self, limit: float | None = None) -> None:
        """Wait until something comes, the session has something to do, or `limit` seconds have passed."""
        if self._lost is not None:
            self.changed.wait(limit)
            return
        left = max(0.0, self.session.next_time() - time.monotonic())
        self.changed.wait(left if limit is None else min(left, limit))
        self._tick(time.monotonic())

    def take_records(self) -> bytes:
        """The event records since the last call, 16 bytes each."""
        with self.changed:
            records = bytes(self._records)
            self._records.clear()
            return records

    @property
    def records_lost(self) -> int:
        """The event records of this session that were lost, in the device or here."""
        return self.records_dropped + self._overflow

    def measure(self) -> LinkFloor:
        """Measure the round trips of the link alone."""
        times = []
        with self.changed:
            for _ in range(_FLOOR_SAMPLES):
                began, answers = time.monotonic(), self.session.answers
                self.session.ask(began)
                self.flush()
                while self.session.answers == answers:
                    self._check()
                    self.wait()
                times.append(time.monotonic() - began)
        return LinkFloor(min(times), sorted(times)[_FLOOR_SAMPLES // 2])

    # The thread.

    def _run(self) -> None:
        try:
            while self._serve():
                pass
        except PipeLost as error:
            with self.changed:
                self._lose(str(error))
        finally:
            with self.changed:
                self._lose(f"the thread that reads from {self.pipe.name} has ended")

    def _serve(self) -> bool:
        """Take what has come; returns whether there is more to do. Raises `PipeLost`."""
        chunk = self.pipe.read()
        with self.changed:
            if self._stopping or self._lost is not None:
                return False
            now = time.monotonic()
            if chunk:
                for taken in self.session.receive(chunk, now):
                    self._note(taken, now)
                self.changed.notify_all()
            self._tick(now)
        return True

    def _tick(self, now: float) -> None:
        session = self.session
        session.tick(now)
        self.flush()
        if session.loss is not None and session.hello is not None and self._lost is None:
            if self._stopping:
                return
            if session.loss is Loss.RESET:
                self._lose(f"the board at {self.pipe.name} was reset, or another program has taken it")
            elif session.loss is Loss.SILENCE:
                self._lose(
                    f"the board at {self.pipe.name} has not answered for {session.patience.silence:g} s"
                )

    def _lose(self, reason: str) -> None:
        if self._lost is None and not self._stopping:
            self._lost = reason
            self.input = None
            self.asks_attention = True
            self.signal()
            self.changed.notify_all()

    def _note(self, taken: Taken, now: float) -> None:
        """Note a frame of the device, and serve it."""
        body: ToHost = taken.body
        if isinstance(body, Response):
            self._note_state(body.input, body.clock, now)
            self._note_response(body, taken.token)
        elif isinstance(body, State):
            self.records_dropped = body.records_dropped
            self._note_state(body.input, body.clock, now)
        elif isinstance(body, Fetch):
            dwords = self.memory.fetch(body.address, max(1, body.dwords), self.clock)
            self.session.send(Data(body.tag, dwords), now)
        elif isinstance(body, Write):
            self.memory.write(body.address, body.data, body.first, body.last, self.clock)
        elif isinstance(body, Events):
            self._note_records(self._reader.read(body.records))

    def _note_records(self, records: bytes) -> None:
        if len(self._records) < _KEPT_RECORDS:
            self._records += records
        else:
            self._overflow += len(records) // 16

    def _note_state(self, number: int | None, clock: int, now: float) -> None:
        since = clock - self.clock & (1 << _CLOCK_BITS) - 1
        if since < 1 << _CLOCK_BITS - 1:
            self.clock += since
        self.clock_at = now
        self.input = number
        self._look()

    def _note_response(self, response: Response, token: object) -> None:
        if not isinstance(token, Pending):
            return
        token.response = response
        if token.posted and response.status:
            self.failures.append((token, response.status))

    def _note_stray(self) -> None:
        self._look()

    def _look(self) -> None:
        """Set `asks_attention`, and signal when it becomes true."""
        asks = self.input is not None or self.memory.has_stray
        before, self.asks_attention = self.asks_attention, asks
        if asks and not before:
            self.signal()

    def look(self) -> None:
        """Set `asks_attention` anew, after a stray access was taken."""
        self._look()


def _no_signal() -> None:
    """Nobody wants to be told."""


def _raise_lost(reason: str) -> Never:
    raise LinkLost(f"the machine must answer; it was lost: {reason}")
