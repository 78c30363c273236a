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

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from dirql.hardware.description import MachineDescription
from dirql.target.contract import EventBits, EventRecord
from dirql.trace.marks import ARGUMENT, Mark, decode
from dirql.trace.records import Cause, Dpc, Interrupt, Irp, Isr, Records
from dirql.trace.run import InterruptName, Run

__all__ = ["Linker", "reconstruct"]

_Record = TypeVar("_Record")

_IRP_PERIOD = 1 << ARGUMENT.width

_MOST_WAITING = 4096
"""The most causes of one function that are followed at once; a device that nobody serves must not fill the memory."""

_HANDED_ON = 64
"""The most ISR calls whose work a DPC hands on to the next: one that queues itself for ever must not collect them."""

_DEASSERT = EventBits.DEASSERT.value

_FIRST_SORT = 256
"""The number of records at which a linker first looks for those that are finished."""


def reconstruct(run: Run) -> Records:
    """Read all event records of a run, and link them."""
    linker = Linker(run.machine, run.names.interrupts)
    linker.feed(run.events)
    return linker.records


class Linker:
    """Links records while they come. `take_finished` lets go of what no later event can change."""

    def __init__(self, machine: MachineDescription, interrupts: Sequence[InterruptName]) -> None:
        """`interrupts` names the interrupt objects by their serial numbers; it may grow meanwhile."""
        self.records = Records()
        """All records that have not been taken."""
        hardware = self._hardware = _Hardware(self.records, machine.controller.vectors)
        host = self._host = _Host(hardware, interrupts)
        self._plans = _Plans((*hardware.steps, (EventBits.MARK, host.mark)))
        self._next_sort = _FIRST_SORT

    def feed(self, events: Iterable[EventRecord]) -> None:
        """Link more event records, which follow those before in time."""
        plans = self._plans
        for event in events:
            for step in plans[event.bits]:
                step(event)

    def take_finished(self) -> Records | None:
        """The records that no later event can change, which the linker then forgets; None if it is not worth a look.

        A look costs time for each record that is held, so there is one each time their number has doubled.
        """
        records = self.records
        if records.held < self._next_sort:
            return None
        causes = self._hardware.finished_causes()
        finished = Records(spurious=records.spurious[:])
        records.spurious.clear()
        _move(records.causes, finished.causes, lambda cause: cause in causes)
        _move(records.interrupts, finished.interrupts, self._hardware.is_finished)
        _move(records.dpcs, finished.dpcs, lambda dpc: dpc.end is not None)
        _move(records.irps, finished.irps, lambda irp: irp.delivered is not None)
        self._host.forget(finished.irps)
        self._next_sort = max(_FIRST_SORT, 2 * records.held)
        return finished


def _move(source: list[_Record], target: list[_Record], wanted: Callable[[_Record], bool]) -> None:
    """Move the wanted members of one list to another."""
    target += [record for record in source if wanted(record)]
    source[:] = [record for record in source if not wanted(record)]


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
        self._up: dict[
            int, int
        ] = {}  # by function: the clock since which the line is up; a message never falls
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

    def is_finished(self, interrupt: Interrupt) -> bool:
        """Whether no later event can change an interrupt."""
        return (
            interrupt.eoi is not None
            and interrupt not in self._in_service
            and all(isr.exit is not None for isr in interrupt.isrs)
            and all(dpc.end is not None for dpc in interrupt.dpcs)
        )

    def finished_causes(self) -> set[Cause]:
        """The causes that no later event can change: cleared, the line has fallen, and all who served them are done."""
        waiting = {cause for causes in self._cleared.values() for cause in causes}
        return {
            cause
            for cause in self.records.causes
            if cause.clear is not None
            and cause not in waiting
            and (cause.interrupt is None or self.is_finished(cause.interrupt))
        }

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
            if len(pending) >= _MOST_WAITING:
                self.records.unmatched[f"cause while {_MOST_WAITING:,} wait to be cleared"] += 1
                return
            bit = bits & -bits
            cause = Cause(event.function, event.clock, bit, drained)
            pending.append(cause)
            self.records.causes.append(cause)
            bits ^= bit

    def _assert(self, event: EventRecord) -> None:
        # The line rises again although the causes are cleared: it has pulses, or there are messages and no line.
        self._cleared.pop(event.function, None)
        self._asserts.setdefault(event.function, []).append(event.clock)
        self._up.setdefault(event.function, event.clock)

    def _fetch(self, event: EventRecord) -> None:
        if event.bits & EventBits.SPURIOUS_FETCH:
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
            interrupt = self._asked_for(event.function) or self._in_service[-1]
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
        if function in self._up or event.bits & _DEASSERT:
            waiting = self._cleared.setdefault(function, [])
            waiting += causes
            del waiting[:-_MOST_WAITING]
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
        return self._asked_for(function)

    def _asked_for(self, function: int) -> Interrupt | None:
        """The innermost interrupt being served that came after the function had asked for one.

        While one processor serves another function's interrupt, a driver on a second processor may poll this one.
        """
        rises = self._asserts.get(function)
        since = rises[0] if rises else self._up.get(function)
        if since is None:
            return None
        return next((one for one in reversed(self._in_service) if since <= one.fetch), None)

    def _deassert(self, event: EventRecord) -> None:
        function = event.function
        self._up.pop(function, None)
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

    def __init__(self, hardware: _Hardware, interrupts: Sequence[InterruptName]) -> None:
        self._hardware = hardware
        self._records = hardware.records
        self._interrupts = interrupts
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
            Mark.DPC_REMOVED: self._remove_dpc,
            Mark.DPC_START: self._start_dpc,
            Mark.DPC_END: self._end_dpc,
            Mark.IRP_START: self._start_irp,
            Mark.IRP_COMPLETE: self._complete_irp,
            Mark.IRP_DELIVERED: self._deliver_irp,
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
        interrupt = self._hardware.interrupt(self._interrupts[serial].vector)
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
            for isr in running.isrs[-_HANDED_ON:]:
                _join(dpc, isr)

    def _remove_dpc(self, _clock: int, serial: int) -> None:
        dpc = self._queued.pop(serial, None)
        if dpc is None:
            self._records.unmatched["DPC removed that was not queued"] += 1
            return
        self._records.dpcs.remove(dpc)
        for isr in dpc.isrs:
            if isr.interrupt is not None:
                isr.interrupt.dpcs.remove(dpc)

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

    def _deliver_irp(self, clock: int, argument: int) -> None:
        self._irp(argument).delivered = clock

    def forget(self, irps: Iterable[Irp]) -> None:
        """No later mark names these requests."""
        for irp in irps:
            self._irps.pop(irp.serial, None)


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
