# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Measures the host's side of the link against the naive device, in the time of a line of its own.

    PYTHONPATH=host:tests python bench/link.py [frames | windows | share | fuzz] [--count N] [--rate BYTE_ERRORS]

`frames`: frames in both directions over a line with faults; prints those lost, doubled and carried out twice, which
must be 0. `windows`: register reads one by one and in windows of 64, in the line's time at 3 and 12 Mbaud. `share`:
the share of the payload on the wire when bus masters write host memory. `fuzz`: random bytes and damaged frames into
the host's decoder and session, which must raise nothing and then work.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from time import perf_counter

from dirql.link.faults import Damage, Faults
from dirql.link.frames import (
    Command,
    Data,
    Decoder,
    Fetch,
    Frame,
    Response,
    Write,
    encode,
    read_to_device,
    read_to_host,
)
from dirql.link.records import RecordReader
from dirql.link.session import Patience, Session, Taken
from dirql.registers.protocol import Op
from fakes.default_machine import MEMORY
from fakes.fake_device import FakeDevice
from fakes.faulty_line import FaultyLine
from fakes.scripted_target import Ram, ScriptedTarget, Space

RING = 40
"""Commands under way at once."""


class Bench:
    """A session and a device with a RAM, and the line between them."""

    def __init__(
        self, faults: Faults, latency: float, taken: Callable[[Taken], None], baud: int | None = None
    ) -> None:
        script = ScriptedTarget()
        script.map(Space.MEMORY, MEMORY, 1 << 16, Ram(1 << 16))
        self.device = FakeDevice(script)
        self.session = Session(Patience(silence=60.0), rate=None if baud is None else baud / 10)
        self.line = FaultyLine(self.session, self.device, faults, taken, latency, baud=baud)
        self.session.open(1, 0.0)
        self.run(lambda: self.session.hello is not None)

    def run(self, done: Callable[[], bool]) -> None:
        self.line.run_until(done, limit=1e9)


def frames(count: int, rate: float) -> None:
    """Half of the frames go to the device as posted writes, half to the host as writes of a bus master."""
    came: list[int] = []

    def note(taken: Taken) -> None:
        if isinstance(taken.body, Write):
            came.append(taken.body.address // 4)

    bench = Bench(Faults(1, flips=rate, drops=rate / 10, doubles=rate / 10), 0.001, note)
    began = perf_counter()
    half = count // 2
    executed = 0
    wrong = 0
    for start in range(0, half, RING):
        for number in range(start, min(start + RING, half)):
            datum = number.to_bytes(4, "little")
            bench.session.send(
                Command(Op.MEM_WRITE, MEMORY + 4 * (number % 1024), 0xF, 1, datum), bench.line.now
            )
            bench.device.master_write(4 * number, datum)
        bench.line.poll_device()
        wanted = min(start + RING, half)
        bench.run(lambda wanted=wanted: bench.session.backlog == 0 and len(came) == wanted)
        done = [int.from_bytes(command.data, "little") for command in bench.device.executed]
        bench.device.executed.clear()
        wrong += done != list(range(executed, executed + len(done)))
        executed += len(done)
    lost = 2 * half - len(set(came)) - executed
    doubled = len(came) - len(set(came))
    seconds = perf_counter() - began
    counts = bench.session.statistics
    print(
        f"{2 * half:,} frames, {rate:g} byte errors: {lost} lost, {doubled} doubled, {wrong} executed twice"
    )
    print(f"  resent {counts.resent:,}, bad at the host {counts.bad:,}, {seconds:.1f} s")
    assert (lost, doubled, wrong) == (0, 0, 0)
    assert came == list(range(half))


def windows(count: int, rate: float) -> None:
    """Reads that are waited for one by one, and in windows of 64; the latency is 1 ms in each direction."""
    for baud in (3_000_000, 12_000_000):
        for window in (1, 64):
            answers: list[int] = []

            def note(taken: Taken, answers: list[int] = answers) -> None:
                if isinstance(taken.body, Response):
                    answers.append(1)

            bench = Bench(Faults(1, flips=rate), 0.001, note, baud)
            began = bench.line.now
            for start in range(0, count, window):
                for number in range(start, min(start + window, count)):
                    command = Command(Op.MEM_READ, MEMORY + 4 * (number % 1024), answer=True)
                    bench.session.send(command, bench.line.now)
                wanted = min(start + window, count)
                bench.run(lambda wanted=wanted, answers=answers: len(answers) == wanted)
            seconds = bench.line.now - began
            print(
                f"{baud / 1e6:g} Mbaud, {rate:g} byte errors, windows of {window}: {count / seconds:,.0f} reads/s"
            )


def share(count: int, rate: float) -> None:
    """Bus masters write 32 dwords in each frame, which is what the device makes of a burst."""
    for baud in (3_000_000, 12_000_000):
        came: list[int] = []

        def note(taken: Taken, came: list[int] = came) -> None:
            if isinstance(taken.body, Write):
                came.append(len(taken.body.data))

        bench = Bench(Faults(1, flips=rate), 0.0002, note, baud)
        rng = random.Random(1)
        began, before = bench.line.now, bench.line.bytes_in
        for number in range(count):
            bench.device.master_write(128 * (number % 8192), rng.randbytes(128))
        bench.line.poll_device()
        bench.run(lambda came=came: len(came) == count)
        seconds = bench.line.now - began
        wire = bench.line.bytes_in - before
        used = 10 * sum(came) / baud / seconds
        print(
            f"{baud / 1e6:g} Mbaud, {rate:g} byte errors: payload is {sum(came) / wire:.1%} of the bytes,"
            f" {used:.1%} of the line's time"
        )


def fuzz(count: int, rate: float) -> None:
    """Each input is one frame's worth of bytes: random ones, damaged good ones, and good frames of random contents."""
    rng = random.Random(1)
    decoder, session, records = Decoder(), Session(Patience(silence=1e9)), RecordReader()
    session.open(1, 0.0)
    device = FakeDevice(ScriptedTarget())
    for taken in session.receive(device.receive(session.take_output()), 0.0):
        del taken
    damage = Damage(Faults(1, flips=max(rate, 0.01), drops=0.002, doubles=0.002), "in")
    began = perf_counter()
    for number in range(count):
        kind = number % 4
        contents = rng.randbytes(rng.randrange(3, 24))
        octets = rng.randbytes(rng.randrange(1, 32)) if kind == 0 else encode(contents)
        if kind == 1:
            octets = damage.pass_on(octets)
        for good in decoder.feed(octets):
            if good is not None:
                frame = Frame.of(good)
                read_to_host(frame)
                read_to_device(frame)
                records.read(frame.body)
        for taken in session.receive(octets, number * 1e-6):
            if isinstance(taken.body, Fetch):
                session.send(Data(taken.body.tag, bytes(4)), number * 1e-6)
        if number % 64 == 0:
            session.tick(number * 1e-6)
            session.take_output()
        if session.loss is not None:
            session.open(number + 2, number * 1e-6)
            session.receive(device.receive(session.take_output()), number * 1e-6)
    seconds = perf_counter() - began
    session.open(1 << 31, 1e6)
    session.receive(b"\x7e" + device.receive(session.take_output()), 1e6)
    assert session.hello is not None, "the session must begin after any garbage"
    print(f"{count:,} inputs in {seconds:.0f} s: no exception, and a session begins afterwards")


MEASURES: dict[str, tuple[Callable[[int, float], None], int, float]] = {
    "frames": (frames, 1_000_000, 1e-3),
    "windows": (windows, 2_000, 1e-5),
    "share": (share, 4_000, 1e-5),
    "fuzz": (fuzz, 10_000_000, 0.01),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "measure", nargs="*", help="of frames, windows, share and fuzz; all of them without one"
    )
    parser.add_argument("--count", type=int, help="frames, reads, writes or inputs")
    parser.add_argument("--rate", type=float, help="the probability that a byte is wrong")
    arguments = parser.parse_args()
    for name in arguments.measure or MEASURES:
        measure, count, rate = MEASURES[name]
        measure(arguments.count or count, rate if arguments.rate is None else arguments.rate)


if __name__ == "__main__":
    main()
