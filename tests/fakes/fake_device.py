# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A naive model of the device's side of the link: the rules of docs/link-protocol.md, with a scripted machine behind.

`receive` takes the bytes of the host and returns those of the device. Clocks pass with commands and with questions,
`CLOCKS_FOR_A_QUESTION` for each. Bus masters are methods: `master_write` and `master_read`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from dirql.hardware.identity import machine_number
from dirql.link.frames import (
    Command,
    Data,
    Decoder,
    DeviceHello,
    Events,
    Fetch,
    Frame,
    Hello,
    Response,
    State,
    ToHost,
    Write,
    encode,
    read_to_device,
    type_of,
)
from dirql.link.records import RecordWriter
from dirql.registers.protocol import Link, LinkToDevice, Op
from dirql.target.contract import BusError, BusFault, BusStatus, Target

__all__ = ["BUILD", "CLOCKS_FOR_A_QUESTION", "DeviceSession", "FakeDevice"]

CLOCKS_FOR_A_QUESTION = 500
BUILD = b"fakefake"
RING_LOG2 = 10
LINE_LOG2 = 7
_UNDER_WAY = 127
_LONGEST_WRITE = 2 * 142
_LONGEST_RESPONSE = 2 * 275
"""The bytes of the longest frames on the line, if each byte is escaped."""
_BATCH = 8
"""The most event records of one frame."""


class DeviceSession:
    """The numbers of a session at the device: frames that are taken, and frames that are kept until acknowledged."""

    def __init__(self, ring_log2: int = RING_LOG2) -> None:
        self.nonce = 0
        self.taken = 0
        """Numbered frames that were taken in this session."""
        self._ring = 1 << ring_log2
        self._begin(0)

    def _begin(self, nonce: int) -> None:
        self.nonce = nonce
        self.wanted = 0  # the next frame to be received
        self.carried_out = 0  # the `next` of the next frame
        self.told = 0  # the `next` of the last frame
        self._number = 0
        self._kept: deque[tuple[int, bytes]] = deque()
        self._dropping = False
        self._again = False
        self.inbox: deque[Frame] = deque()
        self.out = bytearray()
        self.taken = 0

    def begin(self, nonce: int) -> None:
        """Begin another session; `out` keeps nothing of the one before."""
        self._begin(nonce)

    def has_room(self, size: int) -> bool:
        """Whether a frame of `size` bytes on the line can be kept."""
        return (
            len(self._kept) < _UNDER_WAY and sum(len(octets) for _, octets in self._kept) + size <= self._ring
        )

    def make(self, body: ToHost) -> None:
        """Make a frame, keep it, and send it."""
        frame = Frame(type_of(body), self._number, self.carried_out, body.pack(), False, self._again)
        self._again = False
        self.told = self.carried_out
        octets = encode(frame.contents())
        self._kept.append((self._number, octets))
        self._number = self._number + 1 & 0xFF
        self.out += octets

    def bad(self) -> None:
        """A frame was bad."""
        if self.nonce and not self._dropping:
            self._dropping = self._again = True

    def acknowledge(self, wanted: int) -> None:
        """The host has taken all frames before the number `wanted`."""
        if self._kept and 0 < (wanted - self._kept[0][0] & 0xFF) <= len(self._kept):
            for _ in range(wanted - self._kept[0][0] & 0xFF):
                self._kept.popleft()

    def send_again(self) -> None:
        """Send all that is kept."""
        for _, octets in self._kept:
            self.out += octets

    def take(self, frame: Frame) -> bool:
        """Whether a numbered frame is the next one; then it is in `inbox` afterwards."""
        ahead = frame.number - self.wanted & 0xFF
        if ahead:
            if ahead < 128 and not self._dropping:
                self._dropping = self._again = True
            return False
        self._dropping = False
        self.wanted = self.wanted + 1 & 0xFF
        self.taken += 1
        self.inbox.append(frame)
        return True

    @property
    def wants_to_ask(self) -> bool:
        """Whether AGAIN waits for a frame that carries it."""
        return self._again


class FakeDevice:
    """A board: a session, and a scripted machine. `machine` is the machine that it says to be."""

    def __init__(
        self,
        script: Target,
        *,
        version: int = Link.VERSION,
        number: bytes | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """With `clock`, which gives seconds, the clocks of the machine pass as fast as these, and with nothing else."""
        self.script = script
        self._clock = clock
        self._passed_at = 0.0 if clock is None else clock()
        self.session = DeviceSession()
        self.executed: list[Command] = []
        """The commands of this session, each as often as it was carried out."""
        self._version = version
        self._machine = machine_number(script.description) if number is None else number
        self._decoder = Decoder()
        self._told: int | None = None
        self._skips = False
        self._tag = 0
        self._reads: deque[tuple[int, int, bytearray, Callable[[bytes], None]]] = deque()
        self._writer = RecordWriter()
        self._owed_answers = 0
        self._pending: deque[ToHost] = deque()

    # The line.

    def receive(self, octets: bytes) -> bytes:
        """Take bytes of the host; returns the bytes of the device."""
        self._let_time_pass()
        for contents in self._decoder.feed(octets):
            if contents is None:
                self.session.bad()
            else:
                self._take(Frame.of(contents))
        self.run()
        out = bytes(self.session.out)
        self.session.out.clear()
        return out

    def _let_time_pass(self) -> None:
        if self._clock is None:
            return
        now = self._clock()
        clocks = int((now - self._passed_at) * self.script.frequency)
        self._passed_at += clocks / self.script.frequency
        end = self.script.now() + clocks
        while self.script.now() < end and self.script.wait(end - self.script.now()) is not None:
            self.script.spend(end - self.script.now())

    def power_cycle(self) -> None:
        """Lose the session and the machine's state."""
        self.session.begin(0)
        self.script.reset()

    def _take(self, frame: Frame) -> None:
        session = self.session
        body = read_to_device(frame)
        if isinstance(body, Hello):
            self._take_hello(body)
            return
        if not session.nonce:
            if frame.type == LinkToDevice.CONTROL and frame.ask:
                session.begin(0)
                session.make(self._hello())
            return
        session.acknowledge(frame.next)
        if frame.type == LinkToDevice.CONTROL:
            if frame.again:
                session.send_again()
            self._owed_answers += frame.ask
        elif session.take(frame) and isinstance(body, Data):
            self._take_data(body)

    def _take_hello(self, body: Hello) -> None:
        if body.nonce == 0:
            return
        if body.nonce == self.session.nonce:
            self.session.send_again()
            return
        self.session.begin(body.nonce)
        self.script.reset()
        self.executed.clear()
        self._told, self._skips, self._owed_answers = None, False, 0
        self._reads.clear()
        self._pending.clear()
        self._writer = RecordWriter()
        self.session.make(self._hello())

    def _hello(self) -> DeviceHello:
        frequency = self.script.frequency
        return DeviceHello(
            self.session.nonce, self._version, RING_LOG2, LINE_LOG2, frequency, self._machine, BUILD
        )

    # The machine.

    def run(self) -> None:
        """Carry out and tell all for which there is room."""
        session = self.session
        if not session.nonce:
            return
        while session.has_room(_LONGEST_WRITE if self._pending else _LONGEST_RESPONSE):
            if self._pending:
                session.make(self._pending.popleft())
            elif session.inbox:
                frame = session.inbox.popleft()
                body = read_to_device(frame)
                session.carried_out = frame.number + 1 & 0xFF
                if isinstance(body, Command):
                    self._carry_out(body)
                elif frame.type == LinkToDevice.COMMAND:
                    session.make(Response(Link.MALFORMED, self._tell(), self.script.now(), 0))
            elif not self._tell_what_is_due():
                break

    def _tell_what_is_due(self) -> bool:
        """Make a STATE if one is due; returns whether one was."""
        session, script = self.session, self.script
        if self._owed_answers:
            if self._clock is None:
                script.wait(CLOCKS_FOR_A_QUESTION)
            self._send_events()
            self._owed_answers -= 1
            self._told = script.interrupt_request()
            session.make(State(self._told, script.now(), script.event_records_dropped(), answers=True))
            return True
        owes_acknowledgement = session.carried_out != session.told and not session.out
        if script.interrupt_request() != self._told or session.wants_to_ask or owes_acknowledgement:
            self._told = script.interrupt_request()
            session.make(State(self._told, script.now()))
            return True
        return False

    def _send_events(self) -> None:
        records = [
            (event.clock, event.bits, event.function, event.vector, event.causes, event.mark)
            for event in self.script.take_event_records()
        ]
        for start in range(0, len(records), _BATCH):
            self.session.make(Events(self._writer.write(records[start : start + _BATCH])))

    def _tell(self) -> int | None:
        self._told = self.script.interrupt_request()
        return self._told

    def _carry_out(self, command: Command) -> None:
        self.executed.append(command)
        if command.chained and self._skips:
            status, done, data = 0, 0, b""
        else:
            status, done, data = self._execute(command)
            self._skips = bool(status) or (command.string and done < command.length)
        if command.answer or status:
            self._send_events()
            self.session.make(Response(status, self._tell(), self.script.now(), done, data))

    def _execute(self, command: Command) -> tuple[int, int, bytes]:
        reads = command.operation in (Op.MEM_READ, Op.IO_READ, Op.CFG_READ, Op.INT_ACK)
        is_burst = command.length > 1 and command.operation in (Op.MEM_READ, Op.MEM_WRITE)
        dwords = command.length if command.string or is_burst else 1
        if command.operation > Op.HOLD_INTERRUPT or (not reads and len(command.data) < 4 * dwords):
            return Link.MALFORMED, 0, b""
        if not 0 < dwords <= Link.LONGEST_COMMAND:
            return Link.MALFORMED, 0, b""
        if command.string:
            return self._string(command)
        try:
            if is_burst:
                return 0, dwords, self._burst(command, dwords)
            value = self._single(command, int.from_bytes(command.data[:4], "little"))
        except BusError as error:
            return error.status, 0, b""
        return 0, 1, value.to_bytes(4, "little") if reads else b""

    def _string(self, command: Command) -> tuple[int, int, bytes]:
        done, data = 0, bytearray()
        told = self.script.interrupt_request()
        for number in range(command.length):
            try:
                value = self._single(
                    command, int.from_bytes(command.data[4 * number : 4 * number + 4], "little")
                )
            except BusError as error:
                return error.status, done, bytes(data)
            done += 1
            if command.operation == Op.IO_READ:
                data += value.to_bytes(4, "little")
            if self.script.interrupt_request() not in (None, told):
                break
        return 0, done, bytes(data)

    def _burst(self, command: Command, dwords: int) -> bytes:
        if command.operation == Op.MEM_WRITE:
            self.script.write_memory_burst(command.address, memoryview(command.data)[: 4 * dwords])
            return b""
        into = bytearray(4 * dwords)
        self.script.read_memory_burst(command.address, memoryview(into))
        return bytes(into)

    def _single(self, command: Command, datum: int) -> int:
        script, address, enables = self.script, command.address, command.byte_enables
        match command.operation:
            case Op.MEM_READ:
                return script.read_memory(address, enables)
            case Op.IO_READ:
                return script.read_io(address, enables)
            case Op.CFG_READ:
                return script.read_configuration(address, enables)
            case Op.INT_ACK:
                return script.interrupt_acknowledge()
            case Op.MEM_WRITE:
                script.write_memory(address, datum, enables)
            case Op.IO_WRITE:
                script.write_io(address, datum, enables)
            case Op.CFG_WRITE:
                script.write_configuration(address, datum, enables)
            case Op.MARK:
                script.mark(datum)
            case Op.ARM_FAULT:
                script.inject_bus_fault(BusFault(address, BusStatus(datum), command.length))
            case _:
                script.hold_interrupt(datum)
        return 0

    # Bus masters.

    def master_write(self, address: int, data: bytes, first: int = 0xF, last: int = 0xF) -> None:
        """Write host memory; the frames leave with the next `receive`."""
        for start in range(0, len(data), 4 * Link.LONGEST_WRITE):
            piece = data[start : start + 4 * Link.LONGEST_WRITE]
            begin = first if start == 0 else 0xF
            end = last if start + len(piece) == len(data) else 0xF
            one = begin & end if len(piece) == 4 else None
            self._pending.append(Write(address + start, piece, one or begin, one or end))

    def master_read(self, address: int, size: int, done: Callable[[bytes], None]) -> None:
        """Read host memory, and call `done` with the data; lines are fetched as they are wanted."""
        self._reads.append((address, size, bytearray(), done))
        if len(self._reads) == 1:
            self._fetch()

    def _fetch(self) -> None:
        address, size, got, _ = self._reads[0]
        at = address + len(got)
        line = 1 << LINE_LOG2
        wanted = min(line - at % line, size - len(got))
        self._tag = self._tag + 1 & 0xFF
        self._pending.append(Fetch(self._tag, wanted // 4, at))

    def _take_data(self, body: Data) -> None:
        if not self._reads or body.tag != self._tag:
            return
        _, size, got, done = self._reads[0]
        got += body.dwords
        if len(got) >= size:
            self._reads.popleft()
            done(bytes(got[:size]))
        if self._reads:
            self._fetch()
