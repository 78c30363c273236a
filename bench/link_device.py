# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Fuzzes the device's side of the link: the RTL of a machine with its link, its assertions and its checker of the bus.

    PYTHONPATH=host:tests python bench/link_device.py [--count N] [--machine NAME] [--seed N]

An input is one frame's worth of bytes: random ones, a damaged good frame, a good frame with random contents, or a
command with the number that the device wants and random fields. After each 256 inputs, whatever they did, a new session
must begin in which a command is carried out. In every other session the inputs acknowledge only what has come, and the
device must send nothing but frames of the link; in the others they acknowledge anything.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass, field
from time import process_time

from dirql.link.faults import Damage, Faults
from dirql.link.frames import Command, Decoder, Frame, Response, encode, read_to_host
from dirql.registers.protocol import BusStatus, LinkToDevice, Op
from hdl.link_bench import Host, load_bench
from hdl.machine_bench import FUNCTION

BATCH = 256
"""Inputs of a session."""
PIECE = 16
"""Inputs that are sent at once."""
KINDS = [LinkToDevice.CONTROL, LinkToDevice.COMMAND, LinkToDevice.DATA, 7, 0x40, 0x80]
"""Heads of frames with random contents: a HELLO among them would end the session, which the next batch does."""
REST = 2_000
"""Clocks after the last byte of a batch, in which what is under way goes on."""


@dataclass
class Inputs:
    """The inputs of a session, and what came back."""

    host: Host
    rng: random.Random
    damage: Damage
    is_honest: bool
    """Whether only frames are acknowledged that have come."""
    number: int = 0
    """The number that the device wants, if it has taken all commands."""
    wanted: int = 1
    """The number of the next frame of the device; the HELLO had 0."""
    frames: int = 0
    responses: int = 0
    decoder: Decoder = field(default_factory=Decoder)

    def head(self, kind: int, number: int) -> bytes:
        """The three bytes with which a frame begins."""
        following = self.wanted if self.is_honest else self.rng.randrange(256)
        return bytes([kind, number & 0xFF, following & 0xFF])

    def command(self) -> bytes:
        """A command that the device takes, if it has taken all those before."""
        rng = self.rng
        address = rng.choice((1 << 31, FUNCTION, 0x1000, 0xFEC << 20, rng.getrandbits(32)))
        fields = [rng.randrange(256), rng.randrange(8), rng.randrange(80), int(rng.randrange(8) == 0)]
        place = (address + 4 * rng.randrange(64) & 0xFFFF_FFFF).to_bytes(4, "little")
        head = self.head(LinkToDevice.COMMAND, self.number)
        self.number += 1
        return encode(head + bytes(fields) + place + rng.randbytes(rng.choice((0, 4, 9))))

    def one(self, place: int) -> bytes:
        """An input of the kind whose turn it is."""
        rng = self.rng
        if place % 4 == 0:
            return rng.randbytes(rng.randrange(1, 20))
        if place % 4 == 3:
            return self.command()
        octets = encode(self.head(rng.choice(KINDS), rng.randrange(256)) + rng.randbytes(rng.randrange(12)))
        return self.damage.pass_on(octets) if place % 4 == 1 else octets

    def send(self, octets: bytes, more: int) -> None:
        """Send bytes and let `more` clocks pass, and look at what comes."""
        rest = octets
        while rest or more:
            back, left = self.host.line.run(len(rest) or more, rest)
            more, rest = more if rest else 0, left
            for contents in self.decoder.feed(back):
                self.take(contents)

    def take(self, contents: bytes | None) -> None:
        """Look at a frame."""
        if not self.is_honest:
            return
        assert contents is not None, "the device must send good frames"
        frame = Frame.of(contents)
        body = read_to_host(frame)
        assert body is not None, "the device must send frames that the link has"
        if frame.number == self.wanted & 0xFF:
            self.wanted += 1
            self.frames += 1
            self.responses += isinstance(body, Response)


def fuzz(machine: str, count: int, seed: int) -> None:
    host = Host(load_bench(machine, is_fast=True)())
    rng = random.Random(seed)
    damage = Damage(Faults(seed, flips=0.02, drops=0.002, doubles=0.002), "in")
    began, clocks = process_time(), host.line.clock
    frames = responses = 0
    for session, start in enumerate(range(0, count, BATCH)):
        host.open(2 * session + 1)
        inputs = Inputs(host, rng, damage, is_honest=session % 2 == 0)
        for place in range(start, min(start + BATCH, count), PIECE):
            inputs.send(b"".join(inputs.one(number) for number in range(place, place + PIECE)), 0)
        inputs.send(b"", REST)
        frames, responses = frames + inputs.frames, responses + inputs.responses
        host.open(2 * session + 2)
        answer = host.call(Command(Op.CFG_READ, FUNCTION, answer=True))
        assert (answer.status, answer.done) == (BusStatus.OK, 1), (
            "a command must be carried out after any input"
        )
    seconds = process_time() - began
    print(
        f"{count:,} inputs in {host.line.clock - clocks:,} clocks: {frames:,} frames came back in every other session,"
        f" {responses:,} of them responses, all of them good; a session began after each {BATCH} inputs;"
        f" {seconds:.0f} s of the processor"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000_000, help="inputs")
    parser.add_argument("--machine", default="tiny", metavar="NAME")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    fuzz(options.machine, options.count, options.seed)


if __name__ == "__main__":
    main()
