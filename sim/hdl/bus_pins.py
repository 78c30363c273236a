# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A master and a target of bus_bench.sv that are driven pin by pin, so that they can do whatever the bus allows.

Both behave like agents with registered outputs: what they drive on one clock depends on the bus as it was on the clock
before.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bus_host import BusHost
from cocotb.handle import SimHandleBase

__all__ = ["End", "Phase", "PinMaster", "PinTarget", "Transaction"]


class Phase(NamedTuple):
    """A data phase as its master wants it: byte enables (high-true), datum to write, clocks before IRDY."""

    enables: int = 0xF
    datum: int = 0
    waits: int = 0


class End:
    """The ends that a transaction may have."""

    DONE = "done"
    RETRY = "retry"
    DISCONNECT = "disconnect"
    TARGET_ABORT = "target abort"
    MASTER_ABORT = "master abort"


class Transaction(NamedTuple):
    """A transaction that is over: its end, the data that moved, and its clocks from FRAME to the last data phase."""

    end: str
    data: list[int]
    clocks: int


def number(handle: SimHandleBase) -> int:
    return int(handle.value)


class PinMaster:
    """Begins transactions when it has GNT, and keeps the rules of masters except where a test asks for the opposite."""

    def __init__(self, host: BusHost) -> None:
        self.host = host
        self.dut = host.dut

    async def _clock(self, *, frame: int, irdy: int, cbe: int, ad: int | None) -> None:
        """Drive one clock and let it be sampled."""
        dut = self.dut
        dut.pin_control_i.value = 1
        dut.pin_frame_i.value = frame
        dut.pin_irdy_i.value = irdy
        dut.pin_cbe_i.value = cbe
        dut.pin_ad_en_i.value = ad is not None
        dut.pin_ad_i.value = ad or 0
        await self.host.tick()

    async def rest(self) -> None:
        """The idle clock after a transaction, then let go of the bus."""
        self.dut.pin_req_i.value = 0
        await self._clock(frame=0, irdy=0, cbe=0, ad=None)
        self.dut.pin_control_i.value = 0
        await self.host.tick()

    async def own_bus(self, limit: int = 500) -> None:
        """Ask for the bus until it is idle and granted."""
        dut = self.dut
        dut.pin_req_i.value = 1
        for _ in range(limit):
            await self.host.tick()
            if dut.seen_gnt_o.value and not dut.seen_frame_o.value and not dut.seen_irdy_o.value:
                return
        raise AssertionError("the bus was never granted")

    async def run(
        self, command: int, address: int, phases: Sequence[Phase] = (Phase(),), *, follow: bool = False
    ) -> Transaction:
        """One transaction. With `follow` the next call continues without an idle clock."""
        if not self.dut.pin_control_i.value:
            await self.own_bus()
        return await self.run_now(command, address, phases, follow=follow)

    async def run_now(
        self, command: int, address: int, phases: Sequence[Phase] = (Phase(),), *, follow: bool = False
    ) -> Transaction:
        """One transaction that begins on the coming clock."""
        self.dut.pin_req_i.value = follow
        write = bool(command & 1)
        await self._clock(frame=1, irdy=0, cbe=command, ad=address)
        begun = self.host.clock
        data: list[int] = []
        end = End.DONE
        unclaimed = 0
        for index, phase in enumerate(phases):
            last = index == len(phases) - 1
            cbe = ~phase.enables & 0xF
            ad = phase.datum if write else None
            for _ in range(phase.waits):
                await self._clock(frame=1, irdy=0, cbe=cbe, ad=ad)
                unclaimed = 0 if self.dut.seen_devsel_o.value else unclaimed + 1
            answered = await self._data_phase(cbe, ad, last, unclaimed if index == 0 else 0)
            if answered is None:
                end = End.MASTER_ABORT
                break
            trdy, stop, devsel = answered
            if trdy:
                data.append(number(self.dut.seen_ad_o))
            if stop:
                end = self._stopped(trdy, devsel, len(data), last)
                if not last:
                    await self._clock(frame=0, irdy=1, cbe=cbe, ad=ad)
                break
        clocks = self.host.clock - begun
        if end == End.MASTER_ABORT or not follow or end != End.DONE:
            await self.rest()
        return Transaction(end, data, clocks)

    async def _data_phase(
        self, cbe: int, ad: int | None, last: bool, unclaimed: int
    ) -> tuple[bool, bool, bool] | None:
        """IRDY until the data phase ends: TRDY, STOP and DEVSEL at its end, or None if nobody claims."""
        dut = self.dut
        while True:
            await self._clock(frame=not last, irdy=1, cbe=cbe, ad=ad)
            trdy, stop = bool(dut.seen_trdy_o.value), bool(dut.seen_stop_o.value)
            if trdy or stop:
                return trdy, stop, bool(dut.seen_devsel_o.value)
            unclaimed = -1000 if dut.seen_devsel_o.value else unclaimed + 1
            if unclaimed == 4:
                if not last:
                    await self._clock(frame=0, irdy=1, cbe=cbe, ad=ad)
                return None

    @staticmethod
    def _stopped(trdy: bool, devsel: bool, moved: int, last: bool) -> str:
        if not trdy and not devsel:
            return End.TARGET_ABORT
        if trdy:
            return End.DONE if last else End.DISCONNECT
        return End.DISCONNECT if moved else End.RETRY

    async def until_done(self, command: int, address: int, phases: Sequence[Phase] = (Phase(),)) -> list[int]:
        """Repeat and resume until all data have moved; returns them."""
        data: list[int] = []
        for _ in range(1000):
            result = await self.run(command, address + 4 * len(data), phases[len(data) :])
            data += result.data
            if len(data) == len(phases):
                return data
            assert result.end in (End.RETRY, End.DISCONNECT), result
        raise AssertionError("the data never moved")


class PinTarget:
    """Claims one page, and ends each data phase as `answer` says.

    `decode` is the clock of a transaction on which DEVSEL comes on: 2 to 5 for fast, medium, slow and subtractive.
    """

    PAGE = 0x5000_0

    def __init__(self, host: BusHost, answer: Callable[[], str]) -> None:
        self.host = host
        self.dut = host.dut
        self.answer = answer
        self.decode = 3
        self.commands = (6, 7)
        self.written: list[tuple[int, int, int]] = []
        self._state = "idle"
        self._frame = False
        self._pointer = 0
        self._command = 0
        self._trdy = self._stop = False
        self._waited = 0
        self._late = 0
        host.each_clock.append(self.step)

    def _drive(
        self, *, devsel: int, trdy: int = 0, stop: int = 0, enabled: int = 1, turnaround: bool = False
    ) -> None:
        dut = self.dut
        dut.pin_target_i.value = enabled
        dut.pin_devsel_i.value = devsel
        dut.pin_trdy_i.value = trdy
        dut.pin_stop_i.value = stop
        dut.pin_target_ad_en_i.value = bool(devsel and not self._command & 1 and not turnaround)
        dut.pin_target_ad_i.value = ~self._pointer & 0xFFFF_FFFF
        self._trdy, self._stop = bool(trdy), bool(stop)

    def step(self) -> None:
        """Look at the bus as it was, and drive the next clock."""
        dut = self.dut
        frame, irdy = bool(dut.seen_frame_o.value), bool(dut.seen_irdy_o.value)
        start = frame and not self._frame
        self._frame = frame
        if self._state == "idle":
            self._idle(start)
            return
        if self._state == "data" and irdy and (self._trdy or self._stop):
            self._moved()
            if not frame:
                self._state = "idle"
                self._drive(devsel=0)
                return
            if self._stop:
                self._state = "stop"
                self._drive(devsel=int(self._devsel), stop=1)
                return
            self._trdy = self._stop = False
        elif self._state == "stop":
            if not frame:
                self._state = "idle"
                self._drive(devsel=0)
            return
        if self._state == "claim":
            self._claim()
        elif not self._trdy and not self._stop:
            self._offer()

    def _idle(self, start: bool) -> None:
        """Take a transaction that begins, or let go of the signals that the last one has left off."""
        dut = self.dut
        if start and number(dut.seen_ad_o) >> 12 == self.PAGE and number(dut.seen_cbe_o) in self.commands:
            self._pointer, self._command = number(dut.seen_ad_o), number(dut.seen_cbe_o)
            self._state, self._waited, self._late = "claim", 0, self.decode - 2
            self._claim()
        elif dut.pin_target_i.value:
            self._drive(devsel=0, enabled=0)

    def _claim(self) -> None:
        """Turn on DEVSEL when it is time; a read that is claimed at once has its turnaround first."""
        if self._late:
            self._late -= 1
        elif self.decode == 2 and not self._command & 1:
            self._state, self._devsel = "data", True
            self._drive(devsel=1, turnaround=True)
        else:
            self._offer()

    def _moved(self) -> None:
        dut = self.dut
        if self._trdy:
            if self._command & 1:
                self.written.append((self._pointer, ~number(dut.seen_cbe_o) & 0xF, number(dut.seen_ad_o)))
            self._pointer += 4

    def _offer(self) -> None:
        """Answer the data phase, or wait, but never for longer than the bus allows."""
        first = self._state == "claim"
        self._state = "data"
        self._devsel = True
        self._waited += 1
        choice = self.answer()
        if choice == "wait" and self._waited >= 5:
            choice = "ready"
        if choice == "wait" or (first and choice == "abort"):
            self._drive(devsel=1)
            return
        self._waited = 0
        if choice == "abort":
            self._devsel = False
            self._drive(devsel=0, stop=1)
        else:
            self._drive(devsel=1, trdy=choice in ("ready", "last"), stop=choice in ("last", "stop"))


def random_answers(seed: int, choices: Sequence[str]) -> Callable[[], str]:
    """Draws each answer from `choices`."""
    source = random.Random(seed)
    return lambda: source.choice(choices)
