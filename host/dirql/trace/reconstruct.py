# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Turns the stream of event records into linked records.

The stream says neither which cause an interrupt serves nor which DPC it led to. Three rules find that out:

- A vector is in service from its fetch to its EOI and cannot be fetched again in between, so the calls of a service
  routine belong to the last fetch of their object's vector, on however many processors.
- Causes that are cleared belong to the interrupt during which the function was last read, as long as that interrupt is
  being served, otherwise to the innermost interrupt being served. If no interrupt is being served, a polling driver
  cleared them.
- A DPC belongs to the innermost routine that runs on the processor that queued it. An ISR that claims an interrupt
  and queues nothing found a DPC of the device queued already; its work then belongs to that DPC.

Posted writes may arrive after later marks of the host. So nothing here depends on the order between a mark and the
device events within the service of one interrupt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dirql.registers.protocol import Vector
from dirql.target.contract import EventBits, EventRecord
from dirql.trace.marks import ARGUMENT, Mark, decode
from dirql.trace.records import Cause, Dpc, Interrupt, Irp, Isr, Records
from dirql.trace.run import Run

__all__ = ["reconstruct"]

_IRP_PERIOD = 1 << ARGUMENT.width


def reconstruct(run: Run) -> Records:
    """Read all event records of a run, and link them."""
    hardware = _Hardware(Records(), run.machine.controller.vectors)
    host = _Host(hardware, run)
    plans = _Plans((*hardware.steps, (EventBits.MARK, host.mark)))
    for event in run.events:
        for step in plans[event.bits]:
            step(event)
    return hardware.records


class _Plans(dict[int, tuple[Callable[[EventRecord], None], ...]]):
    """Gives for the bits of an event record the steps to take, in their order."""

    def __init__(self, steps: Sequence[tuple[EventBits, Callable[[EventRecord], None]]]) -> None:
        super().__init__()
        self._steps = steps

    def __missing__(self, bits: int) -> tuple[Callable[[EventRecord], None], ...]:
        plan = self[bits] = tuple(step for bit, step in self._steps if bits & bit)
        return plan


class _Hardware:
    """Follows causes, lines and the interrupt controller."""

    def __init__(self, records: Records, vectors: Sequence[int]) -> None:
        self.records = records
        self._vectors = vectors  # by input
        self._pending: dict[int, list[Cause]] = {}  # by function: causes not yet cleared
        self._cleared: dict[
            int, list[Cause]
        ] = {}  # by function: causes that are cleared while the line is still up
        self._asserts: dict[int, list[int]] = {}  # by function: rises of the line not yet served
        self._drained: dict[int, int] = {}
        self._pulsing: set[int] = set()  # functions with a line that has fallen before a clear
        self._reader: dict[int, Interrupt] = {}  # by function: the interrupt during which it was last read
        self._latest: dict[int, Interrupt] = {}  # by vector
        self._in_service: list[Interrupt] = []  # innermost last
        # The order within one clock. A clear comes before a cause, because a cause set on the clock of a clear stays.
        self.steps: tuple[tuple[EventBits, Callable[[EventRecord], None]], ...] = (
            (EventBits.DMA_DRAINED, self._drain),
            (EventBits.CLEAR, self._clear),
            (EventBits.DEASSERT, self._deassert),
            (EventBits.EOI, self._end_of_interrupt),
            (EventBits.VECTOR_FETCH, self._fetch),
            (EventBits.SPURIOUS_FETCH, self._fetch_nothing),
            (EventBits.FIRST_REGISTER_READ, self._read),
            (EventBits.CAUSE, self._cause),
            (EventBits.ASSERT, self._assert),
        )

    def interrupt(self, vector: int) -> Interrupt | None:
        """The interrupt of the last fetch of a vector."""
        return self._latest.get(vector)

    def _drain(self, event: EventRecord) -> None:
        self._drained[event.function] = event.clock

    def _cause(self, event: EventRecord) -> None:
        drained = self._drained.pop(event.function, None)
        pending = self._pending.setdefault(event.function, [])
        bits = event.causes
        while bits:
            bit = bits & -bits
            cause = Cause(event.function, event.clock, bit, drained)
            pending.append(cause)
            self.records.causes.append(cause)
            bits ^= bit

    def _assert(self, event: EventRecord) -> None:
        # The line rises again although the causes are cleared: it has pulses, or there are messages and no line.
        self._cleared.pop(event.function, None)
        self._asserts.setdefault(event.function, []).append(event.clock)

    def _fetch(self, event: EventRecord) -> None:
        if event.vector == Vector.SPURIOUS:
            return  # `_fetch_nothing` counts it
        interrupt = Interrupt(event.vector, event.clock)
        earlier = self._latest.get(event.vector)
        if earlier in self._in_service:
            self.records.unmatched["vector fetch while the vector is in service"] += 1
            self._in_service.remove(earlier)
        self._latest[event.vector] = interrupt
        self._in_service.append(interrupt)
        self.records.interrupts.append(interrupt)

    def _fetch_nothing(self, event: EventRecord) -> None:
        self.records.spurious.append(event.clock)

    def _read(self, event: EventRecord) -> None:
        if self._in_service:
            interrupt = self._in_service[-1]
            interrupt.reads.setdefault(event.function, event.clock)
            self._reader[event.function] = interrupt

    def _clear(self, event: EventRecord) -> None:
        function = event.function
        pending = self._pending.pop(function, [])
        cleared = event.causes
        causes = [cause for cause in pending if cause.bit & cleared]
        if len(causes) < len(pending):
            self._pending[function] = [cause for cause in pending if not cause.bit & cleared]
        interrupt = self._server(function)
        for cause in causes:
            cause.clear = event.clock
            cause.interrupt = interrupt
        self._cleared.setdefault(function, []).extend(causes)
        if interrupt is None:
            self._asserts.pop(function, None)
        else:
            interrupt.causes += causes
            if isr := _clearing(interrupt):
                isr.causes += causes
            self._take_asserts(function, interrupt)

    def _take_asserts(self, function: int, interrupt: Interrupt) -> None:
        """The lines or messages of a function that rose up to the fetch of an interrupt have led to that interrupt."""
        asserts = self._asserts.get(function)
        if not asserts:
            return
        served = [clock for clock in asserts if clock <= interrupt.fetch]
        if served and (interrupt.asserted is None or served[0] < interrupt.asserted):
            interrupt.asserted = served[0]  # clocks ascend, so the first is the earliest
        self._asserts[function] = asserts[len(served) :]

    def _server(self, function: int) -> Interrupt | None:
        """The interrupt on whose behalf a function is being cleared."""
        reader = self._reader.get(function)
        if reader is not None and (reader in self._in_service or any(dpc.end is None for dpc in reader.dpcs)):
            return reader
        return self._in_service[-1] if self._in_service else None

    def _deassert(self, event: EventRecord) -> None:
        function = event.function
        if function in self._pending and not self._in_service:
            self._pulsing.add(function)  # the line fell before any interrupt served it: a pulse
        if function not in self._pulsing and (causes := self._cleared.pop(function, None)):
            self._asserts.pop(function, None)  # a level-sensitive line that has fallen asks for nothing
            for cause in causes:
                cause.deassert = event.clock

    def _end_of_interrupt(self, event: EventRecord) -> None:
        interrupt = self._latest.get(self._vectors[event.vector])
        if interrupt is None or interrupt not in self._in_service:
            self.records.unmatched["EOI of an input that is not in service"] += 1
            return
        interrupt.eoi = event.clock
        self._in_service.remove(interrupt)
        for function in interrupt.reads:
            self._take_asserts(function, interrupt)


class _Host:
    """Follows ISRs, DPCs and IRPs through the marks."""

    def __init__(self, hardware: _Hardware, run: Run) -> None:
        self._hardware = hardware
        self._records = hardware.records
        self._vectors = [name.vector for name in run.names.interrupts]
        self._processor = 0
        # The routines that run on the processor that makes the marks, innermost last; and those of each processor.
        self._routines: list[Isr | Dpc] = []
        self._running: dict[int, list[Isr | Dpc]] = {0: self._routines}
        self._queued: dict[int, Dpc] = {}
        self._dpc_of_isr: dict[int, int] = {}  # by interrupt object: the DPC that the routine last queued
        self._irps: dict[int, Irp] = {}
        self._last_irp = 0
        self._steps: dict[int, Callable[[int, int], None]] = {
            Mark.PROCESSOR: self._switch,
            Mark.ISR_ENTER: self._enter,
            Mark.ISR_EXIT_CLAIMED: self._exit_claimed,
            Mark.ISR_EXIT_UNCLAIMED: self._exit_unclaimed,
            Mark.DPC_QUEUE: self._queue,
            Mark.DPC_START: self._start_dpc,
            Mark.DPC_END: self._end_dpc,
            Mark.IRP_START: self._start_irp,
            Mark.IRP_COMPLETE: self._complete_irp,
        }

    def mark(self, event: EventRecord) -> None:
        """Follow one mark; a code that is no `Mark` is one of a driver, and is skipped."""
        code, argument = decode(event.mark)
        if step := self._steps.get(code):
            step(event.clock, argument)

    def _switch(self, _clock: int, processor: int) -> None:
        self._processor = processor
        self._routines = self._running.setdefault(processor, [])

    def _innermost(self) -> Isr | Dpc | None:
        """The routine that runs on the processor that makes the marks."""
        return self._routines[-1] if self._routines else None

    # Interrupt service routines.

    def _enter(self, clock: int, serial: int) -> None:
        interrupt = self._hardware.interrupt(self._vectors[serial])
        isr = Isr(serial, self._processor, clock, interrupt)
        if interrupt is None:
            self._records.unmatched["ISR without a vector fetch"] += 1
        else:
            interrupt.isrs.append(isr)
        self._routines.append(isr)

    def _exit(self, clock: int, serial: int) -> Isr | None:
        isr = self._innermost()
        if isinstance(isr, Isr) and isr.serial == serial:
            self._routines.pop()
            isr.exit = clock
            return isr
        self._records.unmatched["end of an ISR that was not running"] += 1
        return None

    def _exit_claimed(self, clock: int, serial: int) -> None:
        isr = self._exit(clock, serial)
        if isr is None:
            return
        isr.claimed = True
        queued = self._queued.get(self._dpc_of_isr.get(serial, -1))
        if queued is not None:
            _join(queued, isr)

    def _exit_unclaimed(self, clock: int, serial: int) -> None:
        self._exit(clock, serial)

    # DPCs.

    def _queue(self, clock: int, serial: int) -> None:
        if serial in self._queued:
            self._records.unmatched["DPC queued twice"] += 1
        dpc = self._queued[serial] = Dpc(serial, queue=clock)
        self._records.dpcs.append(dpc)
        running = self._innermost()
        if isinstance(running, Isr):
            self._dpc_of_isr[running.serial] = serial
            _join(dpc, running)
        elif running is not None:
            for isr in running.isrs:
                _join(dpc, isr)

    def _start_dpc(self, clock: int, serial: int) -> None:
        dpc = self._queued.pop(serial, None)
        if dpc is None:
            self._records.unmatched["DPC started that was not queued"] += 1
            self._records.dpcs.append(dpc := Dpc(serial))
        dpc.start = clock
        dpc.processor = self._processor
        self._routines.append(dpc)

    def _end_dpc(self, clock: int, serial: int) -> None:
        dpc = self._innermost()
        if isinstance(dpc, Dpc) and dpc.serial == serial:
            self._routines.pop()
            dpc.end = clock
            _settle(dpc)
        else:
            self._records.unmatched["end of a DPC that was not running"] += 1

    # Requests.

    def _irp(self, argument: int) -> Irp:
        """The request with a serial number; a mark has only the low bits of the number."""
        ahead = (argument - self._last_irp + _IRP_PERIOD // 2) % _IRP_PERIOD - _IRP_PERIOD // 2
        serial = self._last_irp + ahead
        self._last_irp = max(serial, self._last_irp)
        irp = self._irps.get(serial)
        if irp is None:
            irp = self._irps[serial] = Irp(serial)
            self._records.irps.append(irp)
        return irp

    def _start_irp(self, clock: int, argument: int) -> None:
        self._irp(argument).start = clock

    def _complete_irp(self, clock: int, argument: int) -> None:
        irp = self._irp(argument)
        irp.complete = clock
        dpc = self._innermost()
        if isinstance(dpc, Dpc) and irp not in dpc.irps:
            dpc.irps.append(irp)


def _clearing(interrupt: Interrupt) -> Isr | None:
    """The service routine that clears causes: the one that runs, otherwise the last that claimed the interrupt."""
    latest = interrupt.isrs[::-1]
    running = (isr for isr in latest if isr.exit is None)
    return next(running, None) or next((isr for isr in latest if isr.claimed), None)


def _join(dpc: Dpc, isr: Isr) -> None:
    """Note that a DPC continues the work of a service routine."""
    if isr not in dpc.isrs:
        dpc.isrs.append(isr)
        if isr.interrupt is not None:
            isr.interrupt.dpcs.append(dpc)


def _settle(dpc: Dpc) -> None:
    """Give each cause that a DPC served one request that the DPC completed, in order; extra causes get the last one."""
    if dpc.irps:
        causes = (cause for isr in dpc.isrs for cause in isr.causes if cause.irp is None)
        for number, cause in enumerate(causes):
            cause.irp = dpc.irps[min(number, len(dpc.irps) - 1)]
