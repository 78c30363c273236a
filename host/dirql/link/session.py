# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The host's side of a session: each frame is taken once and in order, whatever the pipe does to the bytes.

A session has no thread and no clock. It is given the bytes that came, and the time in seconds; it gives the frames that
it took and the bytes to send.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from dirql.link.frames import (
    Data,
    Decoder,
    DeviceHello,
    Frame,
    Hello,
    Response,
    State,
    ToDevice,
    ToHost,
    encode,
    read_to_host,
    type_of,
)
from dirql.registers.protocol import Link, LinkToDevice

__all__ = ["Loss", "Patience", "Session", "SessionStatistics", "Taken"]

_NUMBERS = 256
_UNDER_WAY = 127
"""The most numbered frames that one side may have under way."""
_FRAME_OVERHEAD = 5
"""The bytes that a frame takes in the receive ring of the device beyond its body: the head, and two."""
_ACKNOWLEDGE_AFTER = 128
"""The bytes of contents after which the host acknowledges at once; less waits for the next frame to the device."""
_HELLO_NUMBER = 0
_SHOWN_BYTES = 24
"""The bytes of something that is no board that a message shows."""


class Loss(enum.Enum):
    """The reason for which a session ended, or could not begin."""

    SILENCE = "nothing good came for too long"
    RESET = "the device has another session or none"
    VERSION = "the device has another version of the protocol"


@dataclass(frozen=True, slots=True)
class Patience:
    """The times of a session, in seconds."""

    resend: float = 0.02
    """The shortest time after which frames are sent again that were not acknowledged."""
    round_trips: float = 4.0
    """The same in measured round trips; the longer of the two counts."""
    idle: float = 0.25
    """The time without a good frame after which an idle host asks."""
    silence: float = 1.0
    """The time without a good frame after which the machine is lost."""
    asks: int = 8
    """The least number of questions without an answer after which the machine is lost."""


@dataclass(slots=True)
class SessionStatistics:
    """Counts of the frames of one session."""

    sent: int = 0
    """Numbered frames that were sent for the first time."""
    resent: int = 0
    taken: int = 0
    bad: int = 0
    """Bytes between two ends that were no frame."""
    doubled: int = 0
    """Good frames that had been taken before."""
    early: int = 0
    """Good frames that came before one that is missing."""
    bytes_out: int = 0
    bytes_in: int = 0


class Taken(NamedTuple):
    """A frame that came in its order."""

    body: ToHost
    token: object = None
    """For a RESPONSE, the token with which its command was sent."""


@dataclass(slots=True)
class _Outgoing:
    """A numbered frame to the device; it has its number once it has been sent."""

    type: int
    body: bytes
    token: object
    number: int = -1

    @property
    def size(self) -> int:
        return len(self.body) + _FRAME_OVERHEAD


class Session:
    """One session, from its HELLO on. `open` begins another one."""

    def __init__(self, patience: Patience | None = None, *, rate: float | None = None) -> None:
        """`rate` is the number of bytes that the pipe carries in a second, None for one that is fast."""
        self.patience = patience or Patience()
        self.rate = rate
        self.hello: DeviceHello | None = None
        """The device's HELLO, None until it has come."""
        self.loss: Loss | None = None
        self.answers = 0
        """The number of answers to `ask` that have come."""
        self.statistics = SessionStatistics()
        self.first_bytes = b""
        """The first bytes that came while there was no HELLO, for a message."""
        self._round_trip = 0.0
        self._nonce = 0
        self._out: list[bytes] = []
        self._begin(0.0)

    def _begin(self, now: float) -> None:
        self._decoder = Decoder()
        self._waiting: deque[_Outgoing] = deque()
        self._under_way: deque[_Outgoing] = deque()
        self._bytes_under_way = 0
        self._limit = self._kept = 0
        self._number = 0  # of the next frame that is sent for the first time
        self._wanted = 0  # the number of the next frame of the device
        self._unacknowledged = 0  # bytes that were taken since `next` was sent
        self._tokens: list[object] = [None] * _NUMBERS
        self._resends = 0
        self._resend_at: float | None = None
        self._probe: tuple[int, float] | None = None
        self._again_at: float | None = None
        self._asked_at: float | None = None
        self._last_good = self._opened_at = now
        self._asks = 0
        self.loss = None
        self.hello = None

    # What the host does.

    def open(self, nonce: int, now: float) -> None:
        """Begin a session, and with it reset the machine. `nonce` is not 0 and not that of the session before."""
        self._nonce = nonce
        self._begin(now)
        self._out.append(bytes([Link.END]))
        self._send_hello()
        self._asked_at = now

    def send(self, body: ToDevice, now: float, token: object = None) -> None:
        """Send a numbered frame, at once or as soon as the device has room; `token` comes back with its RESPONSE.

        A DATA is sent before all that waits.
        """
        outgoing = _Outgoing(type_of(body), body.pack(), token)
        if isinstance(body, Data):
            self._waiting.appendleft(outgoing)
        else:
            self._waiting.append(outgoing)
        self._pump(now)

    @property
    def backlog(self) -> int:
        """The number of frames that have not been acknowledged, sent or not."""
        return len(self._waiting) + len(self._under_way)

    def ask(self, now: float) -> None:
        """Ask for the state; `answers` counts up when it comes."""
        self._control(ask=True)
        self._asks += 1
        if self._asked_at is None:
            self._asked_at = now

    @property
    def is_asking(self) -> bool:
        """Whether a question has no answer yet."""
        return self._asked_at is not None

    def take_output(self) -> bytes:
        """The bytes to send, which the pipe gets in the order of the calls."""
        if not self._out:
            return b""
        octets = b"".join(self._out)
        self._out.clear()
        self.statistics.bytes_out += len(octets)
        return octets

    @property
    def is_echo(self) -> bool:
        """Whether the bytes that came before a HELLO are those of the host's own."""
        own = bytes([Link.END]) + 2 * encode(self._own_hello().contents())
        return bool(self.first_bytes) and own.startswith(self.first_bytes)

    # What the device does.

    def receive(self, chunk: bytes, now: float) -> list[Taken]:
        """Take bytes that came; returns the frames that are next in order."""
        self.statistics.bytes_in += len(chunk)
        if self.hello is None and len(self.first_bytes) < _SHOWN_BYTES:
            self.first_bytes = (self.first_bytes + chunk)[:_SHOWN_BYTES]
        taken: list[Taken] = []
        for contents in self._decoder.feed(chunk):
            if contents is None:
                self.statistics.bad += 1
                if self.hello is not None:
                    self._want_again(now)
            elif self.loss is None:
                frame = Frame.of(contents)
                body = read_to_host(frame)
                if isinstance(body, DeviceHello) and not self._accept_hello(frame, body, now):
                    continue
                if self.hello is not None:
                    self._take(frame, body, len(contents), taken, now)
        if self._unacknowledged >= _ACKNOWLEDGE_AFTER:
            self._control()
        self._pump(now)
        return taken

    def _accept_hello(self, frame: Frame, body: DeviceHello, now: float) -> bool:
        """Whether a HELLO is a frame of this session."""
        if body.nonce != self._nonce:
            if self.hello is not None:
                self.loss = Loss.RESET
            return False
        if self.hello is None and frame.number == _HELLO_NUMBER:
            if body.version != Link.VERSION:
                self.loss = Loss.VERSION
            self.hello = body
            self._limit = 1 << body.receive_log2
            self._kept = (1 << body.line_log2) + 1 + _FRAME_OVERHEAD
            self._measure(now - self._opened_at)
            self._asked_at = None
        return self.loss is None

    def _take(self, frame: Frame, body: ToHost | None, size: int, taken: list[Taken], now: float) -> None:
        """Take a good frame if it is the next one."""
        self._last_good = now
        self._asks = 0
        ahead = frame.number - self._wanted & _NUMBERS - 1
        if ahead:
            if ahead < _NUMBERS // 2:
                self.statistics.early += 1
                self._want_again(now)
            else:
                self.statistics.doubled += 1
            return
        self._wanted = self._wanted + 1 & _NUMBERS - 1
        self._unacknowledged += size
        self._again_at = None
        self.statistics.taken += 1
        self._acknowledge(frame.next, now)
        if frame.again:
            self._resend(now)
        if isinstance(body, State) and body.answers:
            self.answers += 1
            self._asked_at = None
        if body is not None:
            token = self._tokens[frame.next - 1 & _NUMBERS - 1] if isinstance(body, Response) else None
            taken.append(Taken(body, token))

    def _acknowledge(self, wanted: int, now: float) -> None:
        """The device has carried out all frames before the number `wanted`."""
        under_way = self._under_way
        if not under_way:
            return
        done = wanted - under_way[0].number & _NUMBERS - 1
        if not 0 < done <= len(under_way):
            return
        for _ in range(done):
            outgoing = under_way.popleft()
            self._bytes_under_way -= outgoing.size
            if self._probe is not None and self._probe[0] == outgoing.number:
                self._measure(now - self._probe[1])
                self._probe = None
        self._resends = 0
        self._resend_at = now + self._resend_time() if under_way else None

    def _measure(self, seconds: float) -> None:
        """Take a measured round trip into the mean of the last ones."""
        self._round_trip += (seconds - self._round_trip) * (1 if self._round_trip == 0 else 0.125)

    # Time.

    def tick(self, now: float) -> None:
        """Do what is due: send frames or a question again, ask, or give the machine up."""
        if self.loss is not None:
            return
        patience = self.patience
        if now - self._last_good >= patience.silence and (self._asks >= patience.asks or self.hello is None):
            self.loss = Loss.SILENCE
            return
        if self.hello is None:
            if self._asked_at is not None and now >= self._asked_at + self._question_time():
                self._send_hello()
                self._asked_at = now
            return
        if self._resend_at is not None and now >= self._resend_at:
            self._resends += 1
            self._control(again=True)
            self._resend(now)
        elif self._again_at is not None and now >= self._again_at + self._resend_time():
            self._again_at = now
            self._control(again=True)
        if now >= self._question_at():
            self._asked_at = now
            self._asks += 1
            self._control(ask=True, again=self._asks > 1)

    def next_time(self) -> float:
        """The time at which `tick` has something to do."""
        if self.hello is None:
            return self._opened_at if self._asked_at is None else self._asked_at + self._question_time()
        times = [self._question_at()]
        if self._resend_at is not None:
            times.append(self._resend_at)
        if self._again_at is not None:
            times.append(self._again_at + self._resend_time())
        return min(times)

    def _question_at(self) -> float:
        """The time of the next question: after a while without a frame, and again without an answer."""
        if self._asked_at is not None:
            return self._asked_at + self._question_time()
        return self._last_good + self.patience.idle

    def _question_time(self) -> float:
        """The time after which a question is repeated: longer each time, but so that all come within the patience."""
        patience = self.patience
        longest = (patience.silence - patience.idle) / (patience.asks - 0.5)
        return min(self._resend_time() * (1 << min(self._asks, 6)), longest)

    def _resend_time(self) -> float:
        """The time after which a frame that was not acknowledged is sent again; longer at each repetition."""
        patience = self.patience
        time = max(patience.resend, patience.round_trips * self._round_trip)
        if self.rate is not None:
            time += self._bytes_under_way / self.rate
        return min(time * (1 << min(self._resends, 6)), patience.silence)

    # Frames to the device.

    def _pump(self, now: float) -> None:
        """Send what waits, as far as the device has room."""
        if self.hello is None:
            return
        waiting, under_way = self._waiting, self._under_way
        while waiting:
            outgoing = waiting[0]
            is_data = outgoing.type == LinkToDevice.DATA
            room = self._limit - self._bytes_under_way - (0 if is_data else self._kept)
            if outgoing.size > room or len(under_way) >= _UNDER_WAY - (not is_data):
                return
            waiting.popleft()
            outgoing.number = self._number
            self._number = self._number + 1 & _NUMBERS - 1
            self._tokens[outgoing.number] = outgoing.token
            under_way.append(outgoing)
            self._bytes_under_way += outgoing.size
            self.statistics.sent += 1
            if self._probe is None:
                self._probe = (outgoing.number, now)
            if self._resend_at is None:
                self._resend_at = now + self._resend_time()
            self._transmit(outgoing)

    def _resend(self, now: float) -> None:
        """Send all frames again that have not been acknowledged."""
        self._probe = None  # an acknowledgement could be that of either
        for outgoing in self._under_way:
            self.statistics.resent += 1
            self._transmit(outgoing)
        self._resend_at = now + self._resend_time() if self._under_way else None

    def _transmit(self, outgoing: _Outgoing) -> None:
        self._put(Frame(outgoing.type, outgoing.number, self._wanted, outgoing.body))

    def _want_again(self, now: float) -> None:
        """Ask for the frames again from the one that is missing, unless they may be on their way."""
        if self._again_at is not None and now < self._again_at + 2 * self._round_trip:
            return
        self._again_at = now
        self._control(again=True)

    def _control(self, *, ask: bool = False, again: bool = False) -> None:
        self._put(Frame(LinkToDevice.CONTROL, 0, self._wanted, b"", ask, again))

    def _send_hello(self) -> None:
        self._put(self._own_hello())

    def _own_hello(self) -> Frame:
        return Frame(LinkToDevice.HELLO, 0, 0, Hello(self._nonce).pack())

    def _put(self, frame: Frame) -> None:
        self._unacknowledged = 0
        self._out.append(encode(frame.contents()))
