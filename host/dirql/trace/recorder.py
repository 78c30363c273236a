# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Records a run: each call of a kernel hook puts a mark into the stream of event records, and the stream is kept.

A hook does little more than one dictionary look-up and one `Target.mark`, because it runs within the latencies that it
measures. The clock that each mark costs is the same on every target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from types import TracebackType
from typing import Generic, ParamSpec, Protocol, Self, TypeVar

from dirql.hardware.description import MachineDescription
from dirql.io.objects import Irp
from dirql.ke.current import current
from dirql.ke.hooks import chain
from dirql.ke.kernel import Kernel
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.interrupt import Interrupt
from dirql.ke.threads.wait import delay_execution_thread
from dirql.nt import constants
from dirql.target.contract import EventBits, EventRecord
from dirql.trace.latency import Analysis, Tally
from dirql.trace.marks import ARGUMENT, Mark, encode
from dirql.trace.reconstruct import Linker
from dirql.trace.run import EventLog, InterruptName, Names, RequestNames, Run

__all__ = ["KEPT", "IoHooks", "Recorder", "Stream"]

KEPT = 1 << 20
"""The most event records that a recorder keeps for a trace unless it is told otherwise; they take 18 MiB."""

_TAKE_EVERY = 64
"""The number of DPCs and requests between two looks at the stream, so that the target holds few records."""

_PATIENCE = 64
"""The most bus clocks after which a mark of the host has come back through the buffer of the hardware."""

_MICROSECOND = 10
"""In units of 100 ns."""

_BOUNDARY = encode(Mark.BOUNDARY, 0)
_SERIALS = 1 << ARGUMENT.width
_IRP_START = encode(Mark.IRP_START, 0)
_IRP_COMPLETE = encode(Mark.IRP_COMPLETE, 0)
_IRP_DELIVERED = encode(Mark.IRP_DELIVERED, 0)
_MAJOR_FUNCTIONS = {
    value: name for name, value in reversed(vars(constants).items()) if name.startswith("IRP_MJ_")
}
_P = ParamSpec("_P")
_T = TypeVar("_T")
_Name = TypeVar("_Name")


class Stream(Protocol):
    """The part of a target that a recorder uses."""

    description: MachineDescription
    frequency: int

    def now(self) -> int:
        """The number of bus clocks since reset."""

    def wait(self, limit: int | None = None) -> object:
        """Let at most `limit` bus clocks pass."""

    def mark(self, payload: int) -> None:
        """Put a mark of 32 bits into the stream."""

    def take_event_records(self) -> Sequence[EventRecord]:
        """The event records that came since the last call."""

    def event_records_dropped(self) -> int:
        """The number of event records that were lost since reset."""


class IoHooks(Protocol):
    """The hooks of the I/O manager that a recorder subscribes to."""

    irp_started: Callable[[Irp], None] | None
    irp_completed: Callable[[Irp], None] | None
    irp_delivered: Callable[[Irp], None] | None


class _Serials(dict[_T, int], Generic[_T, _Name]):
    """Gives each object a serial number at the first look-up, and keeps a name for each number."""

    def __init__(self, describe: Callable[[_T], _Name]) -> None:
        super().__init__()
        self.names: list[_Name] = []
        self._describe = describe

    def __missing__(self, key: _T) -> int:
        serial = self[key] = len(self.names)
        self.names.append(self._describe(key))
        return serial


class _Payloads(dict[_T, int], Generic[_T, _Name]):
    """Gives for each object the payload of one kind of mark.

    A payload is made once and kept: with timeit `encode` takes 0.59 µs, and a look-up 0.07 µs.
    """

    def __init__(self, mark: Mark, serials: _Serials[_T, _Name]) -> None:
        super().__init__()
        self._mark = mark
        self._serials = serials

    def __missing__(self, key: _T) -> int:
        payload = self[key] = encode(self._mark, self._serials[key])
        return payload


_latest: list[tuple[Stream, Callable[[], object]]] = []
"""For the recorder that records now, if one does: its target, and the routine that ends the recording."""


class Recorder:
    """Records the machine from `with` to the end of the block.

    Latencies are counted while the machine runs, and the newest event records are kept for a trace, so the memory that
    a recorder takes does not grow with the length of the run.
    A hook that has a subscriber already keeps it, and calls it first. A recording ends when another one begins, because
    the machine has one stream of event records.
    """

    def __init__(
        self, target: Stream, kernel: Kernel, io_hooks: IoHooks, name: str = "run", keep: int = KEPT
    ) -> None:
        """`keep` is the number of event records that `finish` shall have; the latencies count all of them."""
        self._target = target
        self._kernel = kernel
        self._io_hooks = io_hooks
        self._name = name
        self._keep = keep
        self._events = EventLog(limit=keep)
        self._interrupts = _Serials(_describe_interrupt)
        self._dpcs = _Serials(_describe_dpc)
        self._requests = RequestNames()
        self._linker = Linker(target.description, self._interrupts.names)
        self._tally = Tally()
        self._analysis: Analysis | None = None
        self._start = self._end = self._dropped = 0
        self._unfinished = 0  # ISRs and DPCs that have begun, or been queued, and not ended
        self._restore: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        for target, finish in _latest[:]:
            if target is self._target:
                finish()
        _latest[:] = [(self._target, self.finish)]
        self._remaining_events()  # events from before the recording are dropped
        self._dropped = self._target.event_records_dropped()
        self._start = self._target.now()
        mark = self._target.mark if len(self._kernel.processors) == 1 else self._mark_with_processor()
        self._follow_interrupts(mark)
        self._follow_dpcs(mark)
        self._follow_requests(mark)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self._stop()
        else:
            self._unsubscribe()  # the target may be gone

    def finish(self) -> Run:
        """Stop recording, if that has not happened yet, and return the run."""
        self._stop()
        return Run(
            name=self._name,
            machine=self._target.description,
            frequency=Fraction(self._target.frequency),
            start=self._start,
            end=self._end,
            events=self._events,
            names=Names(tuple(self._interrupts.names), tuple(self._dpcs.names), self._requests),
            dropped=self._dropped,
        )

    def analysis(self) -> Analysis:
        """Stop recording, if that has not happened yet, and return the latencies."""
        self._stop()
        assert self._analysis is not None
        return self._analysis

    def _stop(self) -> None:
        if self._restore:
            self._let_routines_end()
            self._unsubscribe()
            self._end = self._target.now()
            self._keep_events(self._remaining_events())
            self._events.trim()
            self._dropped = self._target.event_records_dropped() - self._dropped
            self._analysis = self._tally.finish(self._linker.records, self._dropped)

    def _let_routines_end(self) -> None:
        """Wait for the ISRs and DPCs that other processors are just in: a program goes on as soon as it has its result.

        A routine that takes longer, or queues itself for ever, is not waited for.
        """
        if not current.is_running() or current.kernel.stopped is not None:
            return
        for _ in range(_PATIENCE):
            if not self._unfinished or current.processor.irql != constants.PASSIVE_LEVEL:
                return
            delay_execution_thread(constants.KernelMode, False, -_MICROSECOND)

    def _remaining_events(self) -> list[EventRecord]:
        """All event records up to now, also those that the target and the hardware still hold."""
        events: list[EventRecord] = []
        self._target.mark(_BOUNDARY)
        for _ in range(_PATIENCE):
            self._target.wait(1)
            events += self._target.take_event_records()
            if any(event.bits & EventBits.MARK and event.mark == _BOUNDARY for event in events):
                break
        return events

    def _unsubscribe(self) -> None:
        _latest[:] = [latest for latest in _latest if latest[1] != self.finish]
        while self._restore:
            self._restore.pop()()

    def _take(self) -> None:
        self._keep_events(self._target.take_event_records())

    def _keep_events(self, events: Sequence[EventRecord]) -> None:
        if self._keep:
            self._events.extend(events)
        self._linker.feed(events)
        finished = self._linker.take_finished()
        if finished is not None:
            self._tally.add(finished)

    def _taker(self) -> Callable[[], None]:
        """A routine to call after a DPC or a request; now and then it takes the event records from the target."""
        take, left = self._take, _TAKE_EVERY

        def quiet() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                left = _TAKE_EVERY
                take()

        return quiet

    def _mark_with_processor(self) -> Callable[[int], None]:
        """A routine that makes a mark, and one of the processor before it if another processor made the last mark."""
        mark, last = self._target.mark, 0

        def mark_with_processor(payload: int) -> None:
            nonlocal last
            number = current.processor.number
            if number != last:
                last = number
                mark(encode(Mark.PROCESSOR, number))
            mark(payload)

        return mark_with_processor

    def _follow_interrupts(self, mark: Callable[[int], None]) -> None:
        enter = _Payloads(Mark.ISR_ENTER, self._interrupts)
        claimed = _Payloads(Mark.ISR_EXIT_CLAIMED, self._interrupts)
        unclaimed = _Payloads(Mark.ISR_EXIT_UNCLAIMED, self._interrupts)

        def entered(interrupt: Interrupt) -> None:
            self._unfinished += 1
            mark(enter[interrupt])

        def exited(interrupt: Interrupt, was_claimed: bool) -> None:
            mark(claimed[interrupt] if was_claimed else unclaimed[interrupt])
            self._unfinished -= 1

        self._subscribe(self._kernel.hooks, "isr_entered", entered)
        self._subscribe(self._kernel.hooks, "isr_exited", exited)

    def _follow_dpcs(self, mark: Callable[[int], None]) -> None:
        queue = _Payloads(Mark.DPC_QUEUE, self._dpcs)
        removed = _Payloads(Mark.DPC_REMOVED, self._dpcs)
        start = _Payloads(Mark.DPC_START, self._dpcs)
        end = _Payloads(Mark.DPC_END, self._dpcs)
        quiet = self._taker()

        def queued(dpc: Dpc) -> None:
            self._unfinished += 1
            mark(queue[dpc])

        def started(dpc: Dpc) -> None:
            mark(start[dpc])

        def ended(dpc: Dpc) -> None:
            mark(end[dpc])
            self._unfinished -= 1
            quiet()

        def was_removed(dpc: Dpc) -> None:
            mark(removed[dpc])
            self._unfinished -= 1

        self._subscribe(self._kernel.hooks, "dpc_queued", queued)
        self._subscribe(self._kernel.hooks, "dpc_removed", was_removed)
        self._subscribe(self._kernel.hooks, "dpc_started", started)
        self._subscribe(self._kernel.hooks, "dpc_ended", ended)

    def _follow_requests(self, mark: Callable[[int], None]) -> None:
        names = self._requests
        serials: dict[Irp, int] = {}
        quiet = self._taker()

        def started(irp: Irp) -> None:
            """Name the request. A first driver that skips its stack location sends the same one again."""
            if irp in serials:
                return
            serial = serials[irp] = names.count
            names.append(_describe_request(irp))
            mark(_IRP_START + serial % _SERIALS)

        def completed(irp: Irp) -> None:
            serial = serials.get(irp)
            if (
                serial is None
            ):  # the request was sent before the recording began, or was completed without being sent
                serial = serials[irp] = names.count
                names.append(_describe_request(irp))
            mark(_IRP_COMPLETE + serial % _SERIALS)
            if irp.owner is None:
                delivered(irp)  # nobody waits for it but the driver that made it

        def delivered(irp: Irp) -> None:
            serial = serials.pop(irp, None)
            if serial is not None:
                mark(_IRP_DELIVERED + serial % _SERIALS)
                quiet()

        self._subscribe(self._io_hooks, "irp_started", started)
        self._subscribe(self._io_hooks, "irp_completed", completed)
        self._subscribe(self._io_hooks, "irp_delivered", delivered)

    def _subscribe(self, hooks: object, name: str, routine: Callable[_P, None]) -> None:
        earlier: Callable[_P, None] | None = getattr(hooks, name)
        self._restore.append(partial(setattr, hooks, name, earlier))
        setattr(hooks, name, chain(earlier, routine))


def _describe_interrupt(interrupt: Interrupt) -> InterruptName:
    return InterruptName(interrupt.vector, interrupt.irql, _routine_name(interrupt.service_routine))


def _describe_dpc(dpc: Dpc) -> str:
    return _routine_name(dpc.deferred_routine)


def _describe_request(irp: Irp) -> str:
    """The major function for the first driver of the stack, whose stack location is the last."""
    major = irp.locations[-1].major_function
    return _MAJOR_FUNCTIONS.get(major) or f"major function {major:#04x}"


def _routine_name(routine: object) -> str:
    """The qualified name of a function, or of the class of a callable object."""
    name: object = getattr(routine, "__qualname__", type(routine).__qualname__)
    return str(name)
