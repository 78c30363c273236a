# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A compiled machine with its link, and a plain host for it that knows nothing of `dirql.link.session`."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, cast

import cffi

from dirql.hardware.description import MachineDescription
from dirql.hardware.linked import LINKED_TOP, link_files, render_linked
from dirql.hardware.reading import load_machine
from dirql.hardware.render import CHASSIS, TOP, hdl_files
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
    ToDevice,
    Write,
    encode,
    read_to_host,
    type_of,
)
from dirql.link.records import RecordReader
from dirql.registers.protocol import EventBit, LinkToDevice, Op
from dirql.target.contract import Target
from dirql.target.simulation.build import Recipe, build, write_generated
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.toolchain import Toolchain, find_toolchain
from dirql.target.simulation.units import MODEL_OPTIONS, library_stages
from hdl.machine_bench import Bench

__all__ = [
    "BUILD",
    "CLOCKS_PER_BIT",
    "Fault",
    "Host",
    "Line",
    "clean",
    "faulty",
    "load_bench",
    "load_serial_bench",
    "mark",
    "marks",
    "open_bench",
    "word",
]

ROOT = Path(__file__).resolve().parents[2]
BENCHES = ROOT / "sim/hdl"
SERIAL_MACHINE = ROOT / "hdl/link/rtl/serial_machine.sv"
CLOCKS_PER_BIT = 4
"""Clocks of a bit of the serial port of `load_serial_bench`."""
BUILD = 0x0123_4567_7E7D_CDEF
"""The number of the build of `load_serial_bench`."""

DECLARATIONS = """
typedef struct link_bench link_bench;
link_bench* link_open(void);
void link_close(link_bench* bench);
const char* link_complaint(link_bench* bench);
void link_reset(link_bench* bench);
uint64_t link_run(link_bench* bench, uint64_t clocks, const uint8_t* in, uint64_t in_length, uint64_t in_pace,
                  uint64_t* in_taken, uint8_t* out, uint64_t out_room, uint64_t out_pace, uint64_t* out_length,
                  int until_end);
"""


class Library(Protocol):
    """The functions of sim/hdl/link_bench.cpp and sim/hdl/serial_bench.cpp."""

    def link_open(self) -> cffi.FFI.CData: ...
    def link_close(self, bench: cffi.FFI.CData, /) -> None: ...
    def link_complaint(self, bench: cffi.FFI.CData, /) -> cffi.FFI.CData: ...
    def link_reset(self, bench: cffi.FFI.CData, /) -> None: ...
    def link_run(
        self,
        bench: cffi.FFI.CData,
        clocks: int,
        taken_in: bytes,
        in_length: int,
        in_pace: int,
        in_taken: cffi.FFI.CData,
        out: cffi.FFI.CData,
        out_room: int,
        out_pace: int,
        out_length: cffi.FFI.CData,
        until_end: int,
        /,
    ) -> int: ...


@dataclass(frozen=True)
class Form:
    """A design to compile: its top, its files and parameters beside those of the linked machine, and its bench."""

    top: str
    files: tuple[Path, ...]
    parameters: tuple[str, ...]
    bench: Path
    optimization: str = "-O0"
    """The option of the compiler; without any it is quickest to compile."""


LINKED = Form("linked_machine", (), ("-GChecker=1",), BENCHES / "link_bench.cpp")
SERIAL = Form(
    "serial_machine",
    (SERIAL_MACHINE,),
    (f"-GClocksPerBit={CLOCKS_PER_BIT}", f"-GBuild=64'h{BUILD:016X}"),
    BENCHES / "serial_bench.cpp",
)


def recipe(machine: MachineDescription, form: Form) -> Recipe:
    """The recipe of the library: the machine with assertions, and its link."""
    sources = [*hdl_files(machine, ROOT), *link_files(ROOT), *form.files]
    options = [
        "--cc",
        "--no-timing",
        "-O3",
        "--assert",
        "-Wno-fatal",
        "--timescale",
        "1ns/1ns",
        *form.parameters,
    ]

    def steps(folder: Path, toolchain: Toolchain) -> Iterator[Stage]:
        write_generated(folder, machine)
        (folder / LINKED_TOP).write_text(render_linked(machine), encoding="utf-8")
        tops = [str(folder / name) for name in (CHASSIS, TOP, LINKED_TOP)]
        names = ["--top-module", form.top, "--prefix", f"V{form.top}", "--Mdir", str(folder)]
        yield [[*toolchain.command, *options, *names, *map(str, sources), *tops]]
        flags = [form.optimization, f"-DCLOCKS_PER_BIT={CLOCKS_PER_BIT}"]
        yield from library_stages(folder, toolchain, form.bench, "link_bench.so", flags)

    return Recipe(
        name=f"{form.top}-{machine.name}",
        product="link_bench.so",
        duration="this takes about half a minute",
        inputs=[*sources, form.bench, BENCHES / "stopping.h", Path(__file__)],
        facts=[*options, *MODEL_OPTIONS, form.optimization, render_linked(machine), repr(machine)],
        steps=steps,
    )


def load_bench(name: str, *, is_fast: bool = False) -> Callable[[], Line]:
    """Compile the machine with bus protocol checker and link; gives a routine that makes lines to such machines.

    A fast one takes a minute or two to compile.
    """
    return _load(name, replace(LINKED, optimization="-O2") if is_fast else LINKED)


def load_serial_bench(name: str) -> Callable[[], Line]:
    """The same for the machine behind its serial port, bit by bit; the paces of a line do nothing."""
    return _load(name, SERIAL)


def _load(name: str, form: Form) -> Callable[[], Line]:
    machine = load_machine(name)
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    library = cast("Library", ffi.dlopen(str(build(recipe(machine, form), find_toolchain()))))
    return lambda: Line(ffi, library)


class Line:
    """The bytes into and out of a machine with a link."""

    def __init__(self, ffi: cffi.FFI, library: Library) -> None:
        self._ffi = ffi
        self._library = library
        self._bench = library.link_open()
        self._out = ffi.new("uint8_t[]", 1 << 16)
        self._counts = ffi.new("uint64_t[2]")
        self.in_pace = 1
        """Clocks from one byte to the machine to the next."""
        self.out_pace = 1
        """Clocks from one byte of the machine to the next."""
        self.clock = 0
        self.reset()

    def reset(self) -> None:
        """Reset the machine and the link by their pin."""
        self._library.link_reset(self._bench)

    def close(self) -> None:
        """End the simulation of this machine."""
        self._library.link_close(self._bench)

    def run(self, clocks: int, data: bytes = b"", *, until_end: bool = False) -> tuple[bytes, bytes]:
        """Let clocks pass; returns the bytes that came, and those of `data` that have not gone in yet."""
        taken, length = self._counts, self._counts + 1
        room = 1 << 16
        passed = self._library.link_run(
            *(self._bench, clocks, data, len(data), self.in_pace, taken),
            *(self._out, room, self.out_pace, length, int(until_end)),
        )
        complaint = self._ffi.string(self._library.link_complaint(self._bench))
        assert not complaint, complaint
        self.clock += passed
        return bytes(self._ffi.buffer(self._out, length[0])), data[taken[0] :]


Fault = Callable[[bytes], bytes]
"""A line that changes bytes: it gives those that arrive."""

ROOM_OF_DATA = 150
"""Bytes of the receive ring that stay free for a DATA."""
UNDER_WAY = 100
"""Frames that the host has under way at most."""
OWED = 3
"""Frames that the host takes at most before it acknowledges them."""
PATIENCE = 600
"""Bytes in whose time nothing moves, after which the host sends again and asks again."""


def clean(data: bytes) -> bytes:
    """A line that does nothing to bytes."""
    return data


def faulty(seed: int, rate: float) -> Fault:
    """A line that damages, loses, doubles and shortens frames at this rate."""
    random_ = random.Random(seed)

    def treat(data: bytes) -> bytes:
        if not data or random_.random() >= rate:
            return data
        place = random_.randrange(len(data))
        match random_.randrange(5):
            case 0:
                return data[:place] + bytes([data[place] ^ 1 << random_.randrange(8)]) + data[place + 1 :]
            case 1:
                return b""
            case 2:
                return data + data
            case 3:
                return data[:place] + data[place + 1 :]
            case _:
                return data[: place + 1] + random_.randbytes(random_.randrange(20)) + data[place:]

    return treat


@dataclass
class Host:
    """A host that sends commands and serves memory. It goes back to the first frame that is not acknowledged."""

    line: Line
    memory: bytearray = field(default_factory=lambda: bytearray(1 << 20))
    to_device: Fault = clean
    to_host: Fault = clean
    fetch_delay: int = 0
    """Clocks that pass before a FETCH is answered."""
    short: Callable[[int], int] = int
    """The dwords of a DATA, by those that were wanted."""

    frames: list[Frame] = field(default_factory=list)
    """All frames that were taken, in their order."""
    responses: deque[tuple[int, Response]] = field(default_factory=deque)
    states: list[State] = field(default_factory=list)
    records: bytearray = field(default_factory=bytearray)
    fetches: list[Fetch] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    hello: DeviceHello | None = None
    bad: int = 0
    asked_again: int = 0

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._wanted = 0
        self._next_number = 0
        self._unacknowledged: deque[Frame] = deque()
        self._waiting: deque[ToDevice] = deque()
        self._late: deque[tuple[int, Data]] = deque()
        self._out: deque[bytes] = deque()
        self._gap = False
        self._owed = 0
        self._moved = self.line.clock
        self._decoder = Decoder()
        self._reader = RecordReader()

    @property
    def _patience(self) -> int:
        return PATIENCE * (8 + self.line.out_pace)

    def open(self, nonce: int = 1) -> DeviceHello:
        """Begin a session with this nonce."""
        self._begin()
        self.hello = None
        for _ in range(50):
            if self.hello is not None and self.hello.nonce == nonce:
                return self.hello
            self.emit(Frame(LinkToDevice.HELLO, 0, self._wanted, Hello(nonce).pack()))
            self.pump(self._patience, lambda: self.hello is not None and self.hello.nonce == nonce)
        raise AssertionError("the device does not answer a HELLO")

    def emit(self, frame: Frame) -> None:
        """Put a frame on the line as it is."""
        self._owed = 0
        self._out.append(self.to_device(encode(frame.contents())))

    def control(self, *, ask: bool = False, again: bool = False) -> None:
        """Send a CONTROL frame."""
        self.emit(Frame(LinkToDevice.CONTROL, 0, self._wanted, ask=ask, again=again))

    def send(self, body: ToDevice) -> None:
        """Send a numbered frame as soon as there is room for it."""
        self._waiting.append(body)

    def call(self, command: Command) -> Response:
        """Send a command that asks for an answer, and wait for it."""
        assert command.answer
        self.send(command)
        return self.wait_for_response()[1]

    def wait_for_response(self) -> tuple[int, Response]:
        """The next RESPONSE, and the number of its command."""
        self.wait(lambda: bool(self.responses))
        return self.responses.popleft()

    def settle(self) -> None:
        """Wait until all that was sent is acknowledged and the device has answered an ASK."""
        self.wait(lambda: not self._unacknowledged and not self._waiting)
        before = sum(state.answers for state in self.states)
        self.control(ask=True)
        self.wait(lambda: sum(state.answers for state in self.states) > before, ask=True)

    def wait(self, condition: Callable[[], bool], *, ask: bool = False, limit: int = 4_000_000) -> None:
        """Let clocks pass until the condition holds."""
        end = self.line.clock + limit
        while not condition():
            assert self.line.clock < end, "the device does not answer"
            self.pump(self._patience, condition)
            if ask and not condition():
                self.control(ask=True)

    def pump(self, clocks: int, condition: Callable[[], bool] = lambda: False) -> None:
        """Let clocks pass, exchange frames meanwhile; ends early when the condition holds."""
        end = self.line.clock + clocks
        while self.line.clock < end and not condition():
            self._fill()
            if self._owed >= OWED:
                self.control()
            data = b"".join(self._out)
            self._out.clear()
            before = self.line.clock
            back, rest = self.line.run(min(end - before, 400), data, until_end=True)
            if rest:
                self._out.append(rest)
            self._take(back)
            if (self._unacknowledged or self._gap) and self.line.clock - self._moved > self._patience:
                self._again()

    def _fill(self) -> None:
        """Send DATA whose time has come, and what the window has room for."""
        while self._late and self._late[0][0] <= self.line.clock:
            self._number(self._late.popleft()[1])
        while self._waiting:
            size = len(self._waiting[0].pack()) + 5
            used = sum(len(frame.body) + 5 for frame in self._unacknowledged)
            if used + size > 1024 - ROOM_OF_DATA or len(self._unacknowledged) >= UNDER_WAY:
                return
            self._number(self._waiting.popleft())

    def _number(self, body: ToDevice) -> None:
        if not self._unacknowledged:
            self._moved = self.line.clock
        frame = Frame(type_of(body), self._next_number, self._wanted, body.pack())
        self._next_number = (self._next_number + 1) & 0xFF
        self._unacknowledged.append(frame)
        self.emit(frame)

    def _again(self) -> None:
        self._moved = self.line.clock
        self.control(again=True)
        for frame in self._unacknowledged:
            self.emit(frame._replace(next=self._wanted))

    def _take(self, data: bytes) -> None:
        for contents in self._decoder.feed(self.to_host(data)):
            if contents is None:
                self.bad += 1
                self._ask_again()
                continue
            frame = Frame.of(contents)
            if frame.number != self._wanted:
                if (frame.number - self._wanted) & 0xFF < 0x80:
                    self._ask_again()
                continue
            self._wanted = (self._wanted + 1) & 0xFF
            self._gap = False
            self._owed += 1
            self.frames.append(frame)
            self._acknowledge(frame)
            self._serve(frame)

    def _ask_again(self) -> None:
        if not self._gap:
            self._gap = True
            self._moved = self.line.clock
            self.control(again=True)

    def _acknowledge(self, frame: Frame) -> None:
        while self._unacknowledged and (frame.next - self._unacknowledged[0].number - 1) & 0xFF < 0x80:
            self._unacknowledged.popleft()
            self._moved = self.line.clock
        if frame.again:
            self.asked_again += 1
            self._again()

    def _serve(self, frame: Frame) -> None:
        match read_to_host(frame):
            case DeviceHello() as hello:
                self.hello = hello
            case State() as state:
                self.states.append(state)
            case Response() as response:
                self.responses.append(((frame.next - 1) & 0xFF, response))
            case Fetch() as fetch:
                self.fetches.append(fetch)
                end = fetch.address + 4 * self.short(fetch.dwords)
                data = Data(fetch.tag, bytes(self.memory[fetch.address : end]))
                self._late.append((self.line.clock + self.fetch_delay, data))
            case Write() as write:
                self.writes.append(write)
                self._store(write)
            case Events(records):
                self.records += self._reader.read(records)
            case None:
                raise AssertionError(f"the device sent a frame that nobody knows: {frame}")

    def _store(self, write: Write) -> None:
        last = len(write.data) - 4
        for place, value in enumerate(write.data):
            lanes = write.first if place < 4 else write.last if place >= last else 0xF
            if lanes >> place % 4 & 1:
                self.memory[write.address + place] = value


class Port:
    """The part of a target that `machine_bench.Bench` needs, over a link. A failure raises AssertionError."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.memory = memoryview(host.memory)

    def _call(self, operation: Op, address: int, enables: int, data: bytes = b"") -> int:
        answer = self.host.call(Command(operation, address, enables, 1, data, answer=True))
        assert (answer.status, answer.done) == (0, 1)
        return int.from_bytes(answer.data, "little")

    def read_memory(self, address: int, byte_enables: int = 0xF) -> int:
        return self._call(Op.MEM_READ, address, byte_enables)

    def write_memory(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """Post the write: the next read is behind it."""
        data = value.to_bytes(4, "little")
        self.host.send(Command(Op.MEM_WRITE, address, byte_enables, 1, data))

    def read_configuration(self, address: int, byte_enables: int = 0xF) -> int:
        return self._call(Op.CFG_READ, address, byte_enables)

    def write_configuration(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        self._call(Op.CFG_WRITE, address, byte_enables, value.to_bytes(4, "little"))

    def write_memory_burst(self, address: int, data: memoryview) -> None:
        for place in range(0, len(data), 256):
            piece = bytes(data[place : place + 256])
            command = Command(Op.MEM_WRITE, address + place, 0xF, len(piece) // 4, piece, chained=place > 0)
            self.host.send(command)

    def read_memory_burst(self, address: int, into: memoryview) -> None:
        for place in range(0, len(into), 256):
            piece = into[place : place + 256]
            length = len(piece) // 4
            answer = self.host.call(Command(Op.MEM_READ, address + place, 0xF, length, answer=True))
            assert (answer.status, answer.done) == (0, length)
            piece[:] = answer.data

    def interrupt_acknowledge(self) -> int:
        return self._call(Op.INT_ACK, 0, 1)

    def now(self) -> int:
        return self.host.line.clock

    def spend(self, clocks: int) -> None:
        self.host.pump(clocks)


def open_bench(host: Host) -> Bench:
    """Begin a session if there is none, and enumerate the machine."""
    if host.hello is None:
        host.open()
    bench = Bench(cast("Target", Port(host)))
    bench.enumerate()
    return bench


def word(value: int) -> bytes:
    """The bytes of a dword."""
    return value.to_bytes(4, "little")


def mark(value: int) -> Command:
    """A command that puts this value into the event stream."""
    return Command(Op.MARK, data=word(value))


def marks(host: Host) -> list[int]:
    """The values of the marks among the event records that the host has."""
    records = [host.records[place : place + 16] for place in range(0, len(host.records), 16)]
    return [
        int.from_bytes(record[12:], "little")
        for record in records
        if record[6] | record[7] << 8 == 1 << EventBit.MARK
    ]
