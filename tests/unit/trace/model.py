# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The oracle: a simple machine and kernel that write an event stream and note each stage as it happens.

The model itself serves the causes, so it knows which interrupt served which cause without the stream. One processor,
one DPC object and one interrupt object a device; devices may share a vector.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

from dirql.target.contract import EventBits, EventRecord
from dirql.trace.latency import Stage
from dirql.trace.marks import Mark, encode
from dirql.trace.run import EventLog, InterruptName, Names, Run
from fakes.default_machine import MACHINE, vector_of

FREQUENCY = Fraction(133_000_000, 4)


def make_run(
    events: list[EventRecord], interrupts: list[int] | None = None, dropped: int = 0, name: str = "model"
) -> Run:
    """A run whose interrupt objects have the given vectors."""
    names = Names(
        interrupts=tuple(
            InterruptName(vector, vector >> 4, f"Isr{n}") for n, vector in enumerate(interrupts or [])
        ),
        dpcs=tuple(f"Dpc{n}" for n in range(8)),
        irps=["IRP_MJ_READ"] * 100_000,
    )
    end = events[-1].clock if events else 0
    return Run(name, MACHINE, FREQUENCY, 0, end, EventLog(events), names, dropped)


@dataclass
class Device:
    function: int
    input_number: int
    kind: str
    pending: list[int] = field(default_factory=list)  # clocks of causes
    line_rose: int | None = None  # of a level
    latched: int | None = None  # the clock of the first pulse or message that has not been fetched yet
    dpc: list[list[int]] | None = None  # for a queued DPC: the causes of each interrupt that asked for it
    requests: list[int] = field(default_factory=list)

    @property
    def requesting(self) -> bool:
        return self.line_rose is not None if self.kind == "level" else self.latched is not None


class Model:
    """Run with `run(steps)`; then `events` and `samples` hold what it did."""

    def __init__(self, seed: int, devices: list[Device], cause_rate: float = 0.1) -> None:
        self.random = random.Random(seed)
        self.devices = devices
        self.cause_rate = cause_rate
        self.limit = 60  # of causes, or a machine too slow for its devices would never be done
        self.clock = 0
        self.events: list[EventRecord] = []
        self.samples: dict[Stage, list[int]] = defaultdict(list)
        self.counts: dict[str, int] = defaultdict(int)
        self.irps = 0
        self.in_service: list[int] = []
        self.pulses: dict[int, int] = {}
        self.queue: list[Device] = []
        self.in_dpc = False

    # The hardware.

    def tick(self, bits: int = 0, device: Device | None = None, vector: int = 0, mark: int = 0) -> int:
        """Let some clocks pass; on the last of them the host does something. Returns that clock."""
        for _ in range(self.random.randrange(3)):
            self.one_clock(0, None, 0, 0)
        return self.one_clock(bits, device, vector, mark)

    def one_clock(self, bits: int, device: Device | None, vector: int, mark: int) -> int:
        self.clock += 1
        raising = device or self.random.choice(self.devices)
        falls = self.pulses.pop(self.clock, None)
        if falls is not None and (device is None or device.function == falls):
            bits |= EventBits.DEASSERT
            raising = next(d for d in self.devices if d.function == falls)
        elif falls is not None:
            self.pulses[self.clock + 1] = falls
        if bits & EventBits.CLEAR and device:
            bits |= self.clear(device)
        if self.counts["causes"] < self.limit and self.random.random() < self.cause_rate:
            bits |= self.cause(raising, bits)
        both = EventBits.CAUSE | EventBits.CLEAR
        if bits & both == both:
            self.events.append(EventRecord(self.clock, EventBits.CLEAR, raising.function, 0, 0, 1))
            bits &= ~EventBits.CLEAR
        if bits:
            causes = int(bits & both != 0)
            self.events.append(EventRecord(self.clock, bits, raising.function, vector, mark, causes))
        return self.clock

    def clear(self, device: Device) -> int:
        device.pending = []
        if device.line_rose is None:
            return 0
        device.line_rose = None
        return EventBits.DEASSERT

    def cause(self, device: Device, others: int) -> int:
        """Set a cause, and with it a level, a pulse or a message."""
        if others & EventBits.DEASSERT:
            return 0  # a line does not rise on the clock on which it falls
        device.pending.append(self.clock)
        self.counts["causes"] += 1
        bits = EventBits.CAUSE | EventBits.DMA_DRAINED
        if device.kind == "level":
            if device.line_rose is not None:
                return bits
            device.line_rose = self.clock
        else:
            if device.function in self.pulses.values():
                return bits  # the pulse is still high: one edge for both
            device.latched = device.latched or self.clock
            if device.kind == "pulse":
                self.pulses[self.clock + 2] = device.function
        return bits | EventBits.ASSERT

    # The kernel.

    def mark(self, mark: Mark, argument: int) -> int:
        return self.tick(EventBits.MARK, mark=encode(mark, argument))

    def preempt(self) -> None:
        """Deliver all interrupts that may be delivered now."""
        while True:
            waiting = [d.input_number for d in self.devices if d.requesting]
            level = max(self.in_service, default=-1)
            if not waiting or max(waiting) <= level:
                return
            self.interrupt(max(waiting))

    def interrupt(self, number: int) -> None:
        sharing = [device for device in self.devices if device.input_number == number]
        fetch = self.tick(EventBits.VECTOR_FETCH, vector=vector_of(number))
        rose = {device.function: device.line_rose or device.latched for device in sharing}
        for device in sharing:
            device.latched = None
        self.counts["interrupts"] += 1
        self.in_service.append(number)
        served, touched = self.serve(sharing, fetch)
        self.in_service.remove(number)
        done = self.tick(EventBits.EOI, vector=number)
        asserted = [clock for function in touched if (clock := rose[function]) is not None]
        if asserted:
            self.samples[Stage.EOI].append(done - min(asserted))
        self.counts["unclaimed"] += not served
        self.counts["merged"] -= len(set(served))

    def serve(self, sharing: list[Device], fetch: int) -> tuple[list[int], list[int]]:
        """Call the ISRs: for a level until one claims, for latched inputs in passes until none does in one pass."""
        served: list[int] = []
        touched: dict[int, int] = {}
        while True:
            claims = 0
            for device in sharing:
                if self.isr(device, fetch, touched):
                    served.append(device.function)
                    claims += 1
                    if device.kind == "level":
                        break
            if not claims or len(sharing) == 1 or sharing[0].kind == "level":
                break
        first = [touched[function] for function in served] or list(touched.values())
        self.samples[Stage.FIRST_TOUCH].append(min(first) - fetch)
        return served, list(touched)

    def isr(self, device: Device, fetch: int, touched: dict[int, int]) -> bool:
        serial = self.devices.index(device)
        enter = self.mark(Mark.ISR_ENTER, serial)
        first = device.function not in touched
        read = self.tick(EventBits.FIRST_REGISTER_READ if first else 0, device)
        touched.setdefault(device.function, read)
        claimed = bool(device.pending)
        if claimed:
            self.preempt()
            causes = self.acknowledge(device, fetch)
            self.queue_dpc(device, causes)
        code = Mark.ISR_EXIT_CLAIMED if claimed else Mark.ISR_EXIT_UNCLAIMED
        self.samples[Stage.ISR].append(self.mark(code, serial) - enter)
        return claimed

    def acknowledge(self, device: Device, fetch: int) -> list[int]:
        """Clear the causes and return those that were set before; one set on the clock of the clear stays."""
        for _ in range(self.random.randrange(2)):
            self.tick()
        before = device.pending
        level = device.kind == "level"
        clear = self.one_clock(EventBits.CLEAR, device, 0, 0)
        causes = list(before)
        self.samples[Stage.DELIVER] += [fetch - cause for cause in causes if cause <= fetch]
        if level:
            self.samples[Stage.QUIET] += [clear - cause for cause in causes]
        self.counts["served"] += len(causes)
        return causes

    def queue_dpc(self, device: Device, causes: list[int]) -> None:
        if device.dpc is None:
            device.dpc = [causes]
            self.queue.append(device)
            device.requests.append(self.mark(Mark.DPC_QUEUE, self.devices.index(device)))
        else:
            device.dpc.append(causes)

    def run_dpcs(self) -> None:
        while self.queue:
            device = self.queue.pop(0)
            serial = self.devices.index(device)
            start = self.mark(Mark.DPC_START, serial)
            self.samples[Stage.DPC_WAIT].append(start - device.requests.pop(0))
            wanted, device.dpc = device.dpc or [], None
            self.preempt()
            completed = [self.complete() for _ in range(self.random.randrange(3))]
            self.preempt()
            end = self.mark(Mark.DPC_END, serial)
            self.samples[Stage.DPC].append(end - start)
            causes = [cause for causes in wanted for cause in causes]
            for number, cause in enumerate(causes if completed else []):
                self.samples[Stage.TOTAL].append(completed[min(number, len(completed) - 1)] - cause)
            self.preempt()

    def complete(self) -> int:
        """Complete one request that started long ago."""
        self.irps += 1
        completed = self.mark(Mark.IRP_COMPLETE, self.irps - 1)
        self.mark(Mark.IRP_DELIVERED, self.irps - 1)
        return completed

    def show_pulses(self) -> None:
        """A pulse of each device that nobody serves; the next interrupt takes its cause along."""
        for device in self.devices:
            if device.kind == "pulse":
                rate, self.cause_rate = self.cause_rate, 1
                self.one_clock(0, device, 0, 0)
                self.cause_rate = 0
                for _ in range(3):
                    self.one_clock(0, device, 0, 0)
                self.cause_rate = rate

    def run(self, steps: int) -> Run:
        self.show_pulses()
        for _ in range(steps):
            self.tick()
            self.preempt()
            self.run_dpcs()
        self.counts["merged"] += self.counts["served"]
        return make_run(self.events, [vector_of(device.input_number) for device in self.devices])
