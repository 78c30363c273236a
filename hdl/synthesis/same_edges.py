# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Compares a board's bitstream with its RTL, clock by clock, and measures the bitstream's twin.

    python hdl/synthesis/same_edges.py hx8k [--clocks 1000000] [--session FILE]

The bitstream is built if it is not current, unpacked and compiled. `dirql run` moves data on its twin through a pty,
and the twin records the session: the bytes that came, with their clocks. The session is then sent to the RTL and to the
bitstream, and all edges of the line `tx` must be at the same clocks. `--session` takes a recorded session instead.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from dirql.boards.build import bitstream_path, build as build_bitstream
from dirql.boards.options import BITSTREAMS
from dirql.boards.reading import load_board
from dirql.boards.record import Record
from dirql.target import open_target
from dirql.target.bitstreams import bitstream_plan, rtl_recipe
from dirql.target.replaying import first_difference, replay
from dirql.target.simulation.build import build
from dirql.target.simulation.toolchain import find_toolchain
from dirql.target.simulation.twin import TwinPlan, TwinProcess

__all__ = ["Twins", "main", "prepare", "record_session", "served_rate", "session_clocks"]

JOB = ("--interrupt", "level", "--transfers", "2", "--size", "256")
"""The job of a session: all kinds of accesses, and DMA both ways with interrupts if there is DMA."""
MEASURED_CLOCKS = 500_000


@dataclasses.dataclass(frozen=True, slots=True)
class Twins:
    """The compiled twins of a board's bitstream and of its RTL."""

    plan: TwinPlan
    bitstream: Path
    rtl: Path

    def edges(self, program: Path, session: Path, clocks: int) -> list[int]:
        """The clocks of the edges of `tx` in a replay on one of the two."""
        return replay(program, self.plan.line_options, session, clocks)


def prepare(name: str) -> Twins:
    """Build the bitstream of a board below the current folder, and both twins, as far as they are not current."""
    board = load_board(name)
    build_bitstream(board, BITSTREAMS, print)
    plan = bitstream_plan(name, None, "127.0.0.1", None)
    record = Record.read(bitstream_path(board, BITSTREAMS))
    rtl = build(rtl_recipe(board, record), find_toolchain())
    return Twins(plan, Path(plan.command()[0]), rtl)


def record_session(twins: Twins, session: Path) -> str:
    """Let `dirql run` move data on the twin of the bitstream, through a pty; returns what it printed.

    Raises `CalledProcessError` if the run fails.
    """
    with closing(TwinProcess(dataclasses.replace(twins.plan, session=session))) as twin:
        target = f"serial://{twin.address}?baud={twins.plan.baud}&silence=20"
        mode = "polled,dma" if twins.plan.machine.masters else "polled,interrupt"
        job = ("--machine", twins.plan.machine.name, "--mode", mode, *JOB)
        command = [sys.executable, "-m", "dirql", "run", *job]
        done = subprocess.run([*command, "--target", target], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def session_clocks(session: Path) -> int:
    """The clock of the last byte of a session."""
    return int(session.read_text(encoding="ascii").splitlines()[-1].split()[0])


def processor_seconds(process: int) -> float:
    """The time for which a process has used a processor."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def served_rate(twins: Twins) -> float:
    """The clocks that a twin with a client evaluates in a second of the processor, by the machine's own clock."""
    with closing(TwinProcess(dataclasses.replace(twins.plan, port=0))) as twin:
        target = open_target(f"{twin.address}?silence=20", machine=twins.plan.machine)
        clock, begin = target.now(), processor_seconds(twin.process)
        while target.now() < clock + MEASURED_CLOCKS:
            target.read_configuration(0)
        rate = (target.now() - clock) / (processor_seconds(twin.process) - begin)
        target.close()
    return rate


def bare_rate(twins: Twins) -> float:
    """The clocks that a loop with nothing around the netlist evaluates in a second of the processor."""
    done = subprocess.run(
        [twins.bitstream, "--bare", str(MEASURED_CLOCKS)], stdout=subprocess.PIPE, text=True, check=True
    )
    return MEASURED_CLOCKS / float(done.stdout)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, and print what was found; the exit status."""
    parser = argparse.ArgumentParser(description="Compares a board's bitstream with its RTL, clock by clock.")
    parser.add_argument("board", metavar="BOARD")
    parser.add_argument(
        "--clocks", type=int, default=1_000_000, metavar="N", help="the least clocks of a replay"
    )
    parser.add_argument("--session", type=Path, metavar="FILE", help="a session that a twin has recorded")
    arguments = parser.parse_args(argv)
    twins = prepare(arguments.board)
    with tempfile.TemporaryDirectory() as folder:
        session = arguments.session or Path(folder) / "session"
        if arguments.session is None:
            begin = time.monotonic()
            record_session(twins, session)
            print(
                f"{arguments.board}: dirql run on the bitstream, through a pty: {time.monotonic() - begin:.0f} s"
            )
        clocks = max(arguments.clocks, session_clocks(session))
        rtl, bitstream = (twins.edges(program, session, clocks) for program in (twins.rtl, twins.bitstream))
        difference = first_difference(rtl, bitstream, session)
    if difference is not None:
        print(f"{arguments.board}: the bitstream is not the RTL: {difference}")
        return 1
    print(f"{arguments.board}: {len(rtl):,} edges of tx in {clocks:,} clocks are those of the RTL")
    bare, served = bare_rate(twins), served_rate(twins)
    rates = f"{served:,.0f} clocks in a second of the processor with a client, {bare:,.0f} in a bare loop"
    print(f"{arguments.board}: {rates}: {served / bare:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
