# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Traces for checker_bench.sv: the outputs of all agents of a bus, clock by clock, in legal transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Clock", "Master", "Target", "Trace"]

ADDRESS = 0x4000_0000
READ, WRITE = 0x6, 0x7
MASTER_FIELDS = (
    ("frame", 1),
    ("irdy", 1),
    ("control_en", 1),
    ("cbe", 4),
    ("cbe_en", 1),
    ("ad", 32),
    ("ad_en", 1),
    ("par", 1),
    ("par_en", 1),
    ("perr", 1),
    ("perr_en", 1),
)
TARGET_FIELDS = (
    ("devsel", 1),
    ("trdy", 1),
    ("stop", 1),
    ("control_en", 1),
    ("ad", 32),
    ("ad_en", 1),
    ("par", 1),
    ("par_en", 1),
    ("perr", 1),
    ("perr_en", 1),
    ("serr", 1),
)


@dataclass
class Master:
    """The outputs of a master on one clock, named like those of `bus_pkg::master_out_t`."""

    frame: int = 0
    irdy: int = 0
    control_en: int = 0
    cbe: int = 0
    cbe_en: int = 0
    ad: int = 0
    ad_en: int = 0
    par: int = 0
    par_en: int = 0
    perr: int = 0
    perr_en: int = 0


@dataclass
class Target:
    """The outputs of a target on one clock, named like those of `bus_pkg::target_out_t`."""

    devsel: int = 0
    trdy: int = 0
    stop: int = 0
    control_en: int = 0
    ad: int = 0
    ad_en: int = 0
    par: int = 0
    par_en: int = 0
    perr: int = 0
    perr_en: int = 0
    serr: int = 0


@dataclass(eq=False)
class Clock:
    """One clock: two masters, two targets, IDSEL, and the arbiter's signals, a bit for each master."""

    reset: bool = False
    idsel: int = 0
    req: int = 0
    gnt: int = 1
    broken: int = 0
    masters: tuple[Master, Master] = field(default_factory=lambda: (Master(), Master()))
    targets: tuple[Target, Target] = field(default_factory=lambda: (Target(), Target()))

    @property
    def m(self) -> Master:
        """The master of the transactions."""
        return self.masters[0]

    @property
    def t(self) -> Target:
        """The target of the transactions."""
        return self.targets[0]


def pack(fields: Sequence[tuple[str, int]], values: Master | Target) -> tuple[int, int]:
    """The value of a packed structure, its first member in the high bits, and its width."""
    word = width = 0
    for name, bits in fields:
        word = word << bits | getattr(values, name)
        width += bits
    return word, width


class Trace:
    """Begins with four clocks of reset and three idle clocks with the grant at the first master."""

    def __init__(self) -> None:
        self.clocks = [Clock(reset=True, gnt=0) for _ in range(4)]
        self.idle(3)

    def idle(self, count: int) -> None:
        self.clocks += [Clock() for _ in range(count)]

    def add(self, *, frame: int, irdy: int, cbe: int, ad: int | None = None) -> Clock:
        """A clock on which the first master drives the bus."""
        clock = Clock()
        master = clock.m
        master.frame, master.irdy, master.cbe = frame, irdy, cbe
        master.control_en = master.cbe_en = 1
        if ad is not None:
            master.ad, master.ad_en = ad, 1
        self.clocks.append(clock)
        return clock

    def answer(
        self, clock: Clock, *, devsel: int = 1, trdy: int = 0, stop: int = 0, ad: int | None = None
    ) -> None:
        target = clock.t
        target.devsel, target.trdy, target.stop, target.control_en = devsel, trdy, stop, 1
        if ad is not None:
            target.ad, target.ad_en = ad, 1

    def transaction(
        self,
        command: int = WRITE,
        count: int = 1,
        *,
        address: int = ADDRESS,
        waits: int = 0,
        first_waits: int = 0,
    ) -> list[Clock]:
        """A legal transaction of `count` data, with TRDY late; returns its clocks, the address phase first.

        The clock after the last datum drives everything off. PAR is filled in by `text`.
        """
        begun = len(self.clocks)
        write = command & 1
        self.add(frame=1, irdy=0, cbe=command, ad=address)
        for index in range(count):
            last = index == count - 1
            late = 1 + first_waits if index == 0 else waits
            for wait in range(late + 1):
                clock = self.add(frame=not last, irdy=1, cbe=0, ad=0x100 + index if write else None)
                if index or wait:
                    done = wait == late
                    self.answer(clock, trdy=int(done), ad=None if write else 0x200 + index)
        off = self.add(frame=0, irdy=0, cbe=0)
        self.answer(off, devsel=0)
        self.idle(3)
        return self.clocks[begun:]

    def retry(self) -> list[Clock]:
        """A write of two data that is retried; returns its clocks."""
        begun = len(self.clocks)
        self.add(frame=1, irdy=0, cbe=WRITE, ad=ADDRESS)
        self.add(frame=1, irdy=1, cbe=0, ad=1)
        self.answer(self.add(frame=1, irdy=1, cbe=0, ad=1), stop=1)
        self.answer(self.add(frame=0, irdy=1, cbe=0, ad=1), stop=1)
        self.answer(self.add(frame=0, irdy=0, cbe=0), devsel=0)
        self.idle(3)
        return self.clocks[begun:]

    def target_abort(self) -> list[Clock]:
        """A write of two data that ends in a target abort; returns its clocks."""
        clocks = self.retry()
        clocks[2].t.stop = 0
        late = Clock()
        late.masters = (Master(**vars(clocks[2].m)), Master())
        self.clocks.insert(self.clocks.index(clocks[3]), late)
        self.answer(late, devsel=0, stop=1)
        clocks[3].t.devsel = 0
        return [*clocks[:3], late, *clocks[3:]]

    def master_abort(self, command: int = WRITE) -> list[Clock]:
        """A write of two data that nobody claims; returns its clocks."""
        begun = len(self.clocks)
        self.add(frame=1, irdy=0, cbe=command, ad=ADDRESS)
        for _ in range(4):
            self.add(frame=1, irdy=1, cbe=0, ad=1)
        self.add(frame=0, irdy=1, cbe=0, ad=1)
        self.add(frame=0, irdy=0, cbe=0)
        self.idle(3)
        return self.clocks[begun:]

    def lines(self, wrong_parity: Sequence[int] = ()) -> list[str]:
        """A hexadecimal line for each clock; PAR is wrong on the clocks with the numbers in `wrong_parity`."""
        self._fill_parity(set(wrong_parity))
        return [f"{self._word(clock):x}" for clock in self.clocks]

    def _fill_parity(self, wrong: set[int]) -> None:
        """Give PAR to the agent that drove AD one clock before, even over AD, C/BE and PAR."""
        parity, drivers = 0, list[Master | Target]()
        for number, clock in enumerate(self.clocks):
            agents: list[Master | Target] = [*clock.masters, *clock.targets]
            for agent, drove in zip(agents, drivers or agents, strict=True):
                if drivers and drove.ad_en:
                    agent.par_en, agent.par = 1, parity ^ (number in wrong)
            ad = cbe = 0
            for agent in agents:
                ad |= agent.ad if agent.ad_en else 0
            for master in clock.masters:
                cbe |= master.cbe if master.cbe_en else 0
            parity = (ad << 4 | cbe).bit_count() & 1
            drivers = agents

    def _word(self, clock: Clock) -> int:
        word = int(not clock.reset)
        for value, width in ((clock.idsel, 32), (clock.req, 2), (clock.gnt, 2), (clock.broken, 2)):
            word = word << width | value
        parts = [pack(MASTER_FIELDS, master) for master in reversed(clock.masters)]
        parts += [pack(TARGET_FIELDS, target) for target in reversed(clock.targets)]
        for value, width in parts:
            word = word << width | value
        return word
