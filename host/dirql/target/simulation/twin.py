# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Twins: processes that answer as a board does, because the machine's RTL with its link runs in them.

docs/twins.md is the manual.
"""

from __future__ import annotations

import contextlib
import enum
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dirql.hardware.description import MachineDescription
from dirql.hardware.root import machine_root
from dirql.target.contract import TargetError
from dirql.target.simulation.build import Announce, Recipe, announce_on_stderr, build
from dirql.target.simulation.toolchain import find_toolchain
from dirql.target.simulation.twin_recipe import LEAST_CLOCKS_PER_BIT, twin_recipe

__all__ = ["Level", "TwinPlan", "TwinProcess"]

_PIN_BAUD = 3_000_000
"""The rate on pins for which nobody says another."""
_BITS = 10
"""The bits that a byte takes on pins: start, eight of data, stop."""
_EVALUATED = 500_000
"""The clocks that a twin evaluates in a second at least, on a slow computer."""
_EVALUATED_BITSTREAM = 50_000
"""The same of a twin of a bitstream."""
_END_LIMIT = 5.0
"""The longest time, in seconds, in which a twin ends."""


class Level(enum.Enum):
    """The way in which a twin carries bytes into the RTL."""

    BYTE = "byte"
    """One byte after another, with nothing between."""
    PIN = "pin"
    """As bits on the pins of a UART."""
    BITSTREAM = "bitstream"
    """As bits on the pins of the bitstream of a board; `dirql.target.bitstreams` makes its plans."""


@dataclass(frozen=True, slots=True)
class TwinPlan:
    """A twin: the machine, the level, the rate of the line (None for the usual one), and where clients find it.

    A twin of a bitstream has a recipe, which others make.
    """

    machine: MachineDescription
    level: Level = Level.BYTE
    baud: int | None = None
    host: str = "127.0.0.1"
    port: int | None = 0
    """The TCP port: 0 for any that is free, None for a pty instead."""
    recipe: Recipe | None = None
    session: Path | None = None
    """The file for the bytes that go into a twin with pins, each with its clock."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a rate that the UART cannot have, and for a bitstream without its recipe."""
        if (self.level is Level.BITSTREAM) != (self.recipe is not None):
            raise ValueError(
                f"a twin must have a recipe at the level bitstream and at no other; the level was {self.level.value}"
            )
        if self.level is Level.PIN and self._clocks_per_bit < LEAST_CLOCKS_PER_BIT:
            raise ValueError(
                f"the rate of a twin of {self.machine.name} must be {self.machine.frequency // LEAST_CLOCKS_PER_BIT:,}"
                f" baud at most, {LEAST_CLOCKS_PER_BIT} clocks for a bit; it was {self.baud or _PIN_BAUD:,}"
            )

    @property
    def _clocks_per_bit(self) -> int:
        return round(self.machine.frequency / (self.baud or _PIN_BAUD))

    @property
    def _clocks_per_byte(self) -> int:
        if self.level is not Level.BYTE:
            return _BITS * self._clocks_per_bit
        return 1 if self.baud is None else max(1, round(_BITS * self.machine.frequency / self.baud))

    @property
    def line_options(self) -> list[str]:
        """The options of the program for the time of its line.

        A bitstream has the length of its bits in it; outside, a bit is as long as clock and rate say.
        """
        if self.level is Level.BYTE:
            return ["--clocks-per-byte", str(self._clocks_per_byte)]
        bit = (self._clocks_per_bit, 1)
        if self.level is Level.BITSTREAM:
            bit = (self.machine.frequency, self.baud or _PIN_BAUD)
        return ["--bit", *map(str, bit)]

    @property
    def rate(self) -> float | None:
        """The bytes in a second that the line carries at least while the twin works; None for a fast line."""
        clocks = self._clocks_per_byte
        evaluated = _EVALUATED_BITSTREAM if self.level is Level.BITSTREAM else _EVALUATED
        return None if clocks == 1 else min(evaluated, self.machine.frequency) / clocks

    def command(self, announce: Announce = announce_on_stderr) -> list[str]:
        """The command that starts the twin, which is built if need be; raises `SetupError` and `BuildError`."""
        bits = self._clocks_per_bit if self.level is Level.PIN else 0
        recipe = self.recipe or twin_recipe(self.machine, machine_root(), clocks_per_bit=bits)
        place = ["--pty"] if self.port is None else ["--tcp", self.host, str(self.port)]
        session = ["--session", str(self.session)] if self.session is not None else []
        return [str(build(recipe, find_toolchain(), announce)), *place, *self.line_options, *session]


class TwinProcess:
    """A twin that runs as long as this process holds it: it ends when this process does, in whatever way."""

    def __init__(self, plan: TwinPlan, announce: Announce = announce_on_stderr) -> None:
        """Start the twin. Raises `TargetError` for one that does not start."""
        # A session of its own, since Ctrl-C in a terminal is for this process, which ends the twin when it is done.
        self._process = subprocess.Popen(
            [*plan.command(announce), "--watch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        output = self._process.stdout
        assert output is not None
        self.address = output.readline().strip()
        """The address for clients: that of a TCP port, as tcp://127.0.0.1:5555, or the name of a pty."""
        output.close()
        if not self.address:
            self.close()
            raise TargetError(
                f"a twin of {plan.machine.name} must start; it ended with status {self._process.returncode}"
            )

    @property
    def process(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the twin runs."""
        return self._process.poll() is None

    def reset(self) -> None:
        """Reset the machine and its link, as the reset button of a board does."""
        self._process.send_signal(signal.SIGUSR1)

    def close(self) -> None:
        """End the twin; a second call does nothing."""
        watched = self._process.stdin
        if watched is not None:
            with contextlib.suppress(BrokenPipeError):
                watched.close()
        try:
            self._process.wait(_END_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
