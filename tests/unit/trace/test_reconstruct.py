# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest

from dirql.registers.protocol import Vector
from dirql.target.contract import EventBits, EventRecord
from dirql.trace.marks import ARGUMENT, Mark, encode
from dirql.trace.reconstruct import reconstruct
from dirql.trace.records import Records
from fakes.default_machine import vector_of
from unit.trace.model import make_run

CAUSE, ASSERT, FETCH = EventBits.CAUSE, EventBits.ASSERT, EventBits.VECTOR_FETCH
READ, CLEAR, DEASSERT = EventBits.FIRST_REGISTER_READ, EventBits.CLEAR, EventBits.DEASSERT
EOI, DRAINED, SPURIOUS = EventBits.EOI, EventBits.DMA_DRAINED, EventBits.SPURIOUS_FETCH


class Stream:
    """An event stream written by hand; each event is ten clocks after the one before, unless it says when."""

    def __init__(self) -> None:
        self.events: list[EventRecord] = []
        self.clock = 0

    def __call__(self, bits: int, function: int = 0, vector: int = 0, mark: int = 0, causes: int = 1) -> int:
        """The record of one clock; `causes` counts if causes are set or cleared."""
        self.clock += 10
        causes = causes if bits & (EventBits.CAUSE | EventBits.CLEAR) else 0
        self.events.append(EventRecord(self.clock, bits, function, vector, mark, causes))
        return self.clock

    def mark(self, mark: Mark, argument: int = 0) -> int:
        return self(EventBits.MARK, mark=encode(mark, argument))

    def records(self, *vectors: int) -> Records:
        return reconstruct(make_run(self.events, list(vectors)))


def test_one_interrupt_from_cause_to_completion() -> None:
    s = Stream()
    start = s.mark(Mark.IRP_START, 7)
    drained = s(DRAINED, 1)
    cause = s(CAUSE | ASSERT, 1)
    fetch = s(FETCH, vector=vector_of(4))
    enter = s.mark(Mark.ISR_ENTER)
    read = s(READ, 1)
    clear = s(CLEAR | DEASSERT, 1)
    queue = s.mark(Mark.DPC_QUEUE, 2)
    leave = s.mark(Mark.ISR_EXIT_CLAIMED)
    eoi = s(EOI, vector=4)
    begin = s.mark(Mark.DPC_START, 2)
    complete = s.mark(Mark.IRP_COMPLETE, 7)
    end = s.mark(Mark.DPC_END, 2)
    records = s.records(vector_of(4))
    (one,) = records.causes
    (interrupt,) = records.interrupts
    (dpc,) = records.dpcs
    (irp,) = records.irps
    (isr,) = interrupt.isrs
    assert (one.drained, one.clock, one.clear, one.deassert) == (drained, cause, clear, clear)
    assert one.interrupt is interrupt
    assert one.irp is irp
    assert (interrupt.asserted, interrupt.fetch, interrupt.first_read, interrupt.eoi) == (
        cause,
        fetch,
        read,
        eoi,
    )
    assert (isr.enter, isr.exit, isr.claimed, isr.interrupt) == (enter, leave, True, interrupt)
    assert (dpc.queue, dpc.start, dpc.end, dpc.isrs, dpc.irps) == (queue, begin, end, [isr], [irp])
    assert (irp.serial, irp.start, irp.complete) == (7, start, complete)
    assert not records.unmatched


def test_bits_that_coincide_are_taken_in_the_order_of_the_hardware() -> None:
    """A cause set on the clock of its clear stays; data drained on the clock of a cause were before it."""
    s = Stream()
    s(CAUSE | ASSERT, 1)
    s(FETCH, vector=vector_of(4))
    both = s(CLEAR | CAUSE | DRAINED, 1)
    s(EOI, vector=4)
    first, second = s.records().causes
    assert (first.clear, second.clear, second.clock, second.drained) == (both, None, both, both)


def test_an_isr_that_finds_its_dpc_queued_joins_it() -> None:
    s = Stream()
    for round_number in range(2):
        s(CAUSE | ASSERT, 1)
        s(FETCH, vector=vector_of(4))
        s.mark(Mark.ISR_ENTER)
        s(READ, 1)
        s(CLEAR, 1)
        if round_number == 0:
            s.mark(Mark.DPC_QUEUE)
        s.mark(Mark.ISR_EXIT_CLAIMED)
        s(EOI, vector=4)
    s.mark(Mark.DPC_START)
    times = [s.mark(Mark.IRP_COMPLETE, serial) for serial in (0, 1)]
    s.mark(Mark.DPC_END)
    records = s.records(vector_of(4))
    assert [dpc.isrs for dpc in records.dpcs] == [[isr for i in records.interrupts for isr in i.isrs]]
    assert [cause.irp and cause.irp.complete for cause in records.causes] == times


def test_a_dpc_that_queues_another_hands_its_causes_on() -> None:
    s = Stream()
    s(CAUSE | ASSERT, 1)
    s(FETCH, vector=vector_of(4))
    s.mark(Mark.ISR_ENTER)
    s(CLEAR, 1)
    s.mark(Mark.DPC_QUEUE, 0)
    s.mark(Mark.ISR_EXIT_CLAIMED)
    s(EOI, vector=4)
    s.mark(Mark.DPC_START, 0)
    s.mark(Mark.DPC_QUEUE, 1)
    s.mark(Mark.DPC_END, 0)
    s.mark(Mark.DPC_START, 1)
    complete = s.mark(Mark.IRP_COMPLETE)
    s.mark(Mark.DPC_END, 1)
    (cause,) = s.records(vector_of(4)).causes
    assert cause.irp
    assert cause.irp.complete == complete


def test_a_cause_cleared_in_the_dpc_is_the_interrupts_that_read_it() -> None:
    """The end of interrupt comes before the clear, as with drivers that mask in the ISR."""
    s = Stream()
    s(CAUSE | ASSERT, 1)
    s(FETCH, vector=vector_of(4))
    s.mark(Mark.ISR_ENTER)
    s(READ, 1)
    masked = s(DEASSERT, 1)
    s.mark(Mark.DPC_QUEUE)
    s.mark(Mark.ISR_EXIT_CLAIMED)
    s(EOI, vector=4)
    s.mark(Mark.DPC_START)
    s(CLEAR, 1)
    s.mark(Mark.IRP_COMPLETE)
    s.mark(Mark.DPC_END)
    records = s.records(vector_of(4))
    (cause,) = records.causes
    assert cause.interrupt is records.interrupts[0]
    assert cause.irp is records.irps[0]
    assert records.interrupts[0].asserted == 10
    assert (cause.deassert, masked) == (None, 50)


def test_a_clear_long_after_the_service_is_a_polling_drivers() -> None:
    s = Stream()
    s(CAUSE, 1)
    s(FETCH, vector=vector_of(4))
    s.mark(Mark.ISR_ENTER)
    s(READ, 1)
    s.mark(Mark.ISR_EXIT_UNCLAIMED)
    s(EOI, vector=4)
    s(CLEAR, 1)
    records = s.records(vector_of(4))
    assert records.causes[0].interrupt is None
    assert not records.interrupts[0].claimed


def test_a_cause_that_another_processor_polls_is_not_served_by_the_interrupt_of_another_function() -> None:
    """Processor 0 serves function 1; meanwhile a driver on processor 1 polls function 2, which asked for nothing."""
    s = Stream()
    s(CAUSE | ASSERT, 1)
    s(FETCH, vector=vector_of(4))
    s.mark(Mark.ISR_ENTER)
    s(READ, 1)
    s(CAUSE, 2)
    s(CLEAR, 2)
    s(CLEAR | DEASSERT, 1)
    s(EOI, vector=4)
    first, second = s.records(vector_of(4)).causes
    assert first.interrupt is not None
    assert (second.clear, second.interrupt) == (60, None)


def test_a_dpc_that_is_taken_out_of_its_queue_is_not_waited_for() -> None:
    s = Stream()
    s(FETCH, vector=vector_of(4))
    s.mark(Mark.ISR_ENTER)
    s.mark(Mark.DPC_QUEUE)
    s.mark(Mark.ISR_EXIT_CLAIMED)
    s(EOI, vector=4)
    s.mark(Mark.DPC_REMOVED)
    records = s.records(vector_of(4))
    assert (records.dpcs, records.interrupts[0].dpcs, dict(records.unmatched)) == ([], [], {})


def test_each_cause_belongs_to_the_clear_with_its_bit() -> None:
    """One message for two causes, and a service routine that serves one; the other one is set again and again."""
    s = Stream()
    s(CAUSE | ASSERT, 1, causes=0b00001)
    s(CAUSE, 1, causes=0b00100)
    s(FETCH, vector=vector_of(4))
    s(READ, 1)
    clear = s(CLEAR, 1, causes=0b00001)
    s(CAUSE, 1, causes=0b00100)
    s(EOI, vector=4)
    served, *others = s.records().causes
    assert (served.bit, served.clear) == (1, clear)
    assert [(cause.bit, cause.clear, cause.interrupt) for cause in others] == [(4, None, None)] * 2


def test_a_level_line_that_stays_up_asks_for_the_next_interrupt_too() -> None:
    """Two causes of a driver that clears without reading; the second interrupt comes without a new edge."""
    s = Stream()
    s(CAUSE | ASSERT, 1, causes=1)
    s(CAUSE, 1, causes=2)
    for bit, rest in ((1, 0), (2, DEASSERT)):
        s(FETCH, vector=vector_of(4))
        s(CLEAR | rest, 1, causes=bit)
        s(EOI, vector=4)
    records = s.records()
    assert [cause.interrupt for cause in records.causes] == records.interrupts


def test_a_device_that_nobody_serves_does_not_fill_the_memory() -> None:
    s = Stream()
    for _ in range(5000):
        s(CAUSE, 1)
    records = s.records()
    assert len(records.causes) == 4096
    assert dict(records.unmatched) == {"cause while 4,096 wait to be cleared": 904}


def test_processors_have_routines_of_their_own() -> None:
    """Two processors in service routines at once, whose marks interleave."""
    s = Stream()
    s(CAUSE | ASSERT, 1)
    s(CAUSE | ASSERT, 2)
    s(FETCH, vector=vector_of(4))
    s.mark(Mark.ISR_ENTER, 0)
    s(FETCH, vector=vector_of(6))
    s.mark(Mark.PROCESSOR, 1)
    s.mark(Mark.ISR_ENTER, 1)
    s(READ, 2)
    s(CLEAR, 2)
    s.mark(Mark.PROCESSOR, 0)
    s.mark(Mark.DPC_QUEUE, 0)
    s.mark(Mark.ISR_EXIT_CLAIMED, 0)
    s.mark(Mark.PROCESSOR, 1)
    s.mark(Mark.DPC_QUEUE, 1)
    s.mark(Mark.ISR_EXIT_CLAIMED, 1)
    records = s.records(vector_of(4), vector_of(6))
    assert not records.unmatched
    assert [[isr.serial for isr in dpc.isrs] for dpc in records.dpcs] == [[0], [1]]
    assert [isr.processor for interrupt in records.interrupts for isr in interrupt.isrs] == [0, 1]
    assert records.causes[1].interrupt is records.interrupts[1]


def test_spurious_fetches_are_counted_and_serve_nothing() -> None:
    s = Stream()
    when = s(SPURIOUS | FETCH, vector=Vector.SPURIOUS)
    records = s.records()
    assert records.spurious == [when]
    assert records.interrupts == []


def test_a_line_that_falls_unseen_is_a_pulse_and_never_quiet() -> None:
    s = Stream()
    s(CAUSE | ASSERT, 1)
    s(DEASSERT, 1)
    s(FETCH, vector=vector_of(4))
    s(CAUSE | ASSERT, 1)
    s(READ, 1)
    s(CLEAR, 1)
    s(DEASSERT, 1)
    s(EOI, vector=4)
    second = s(FETCH, vector=vector_of(4))
    s(READ, 1)
    s(EOI, vector=4)
    records = s.records()
    assert [cause.deassert for cause in records.causes] == [None, None]
    assert [(i.fetch, i.asserted) for i in records.interrupts] == [(30, 10), (second, 40)]


def test_serials_of_requests_go_on_after_2_24() -> None:
    s = Stream()
    period = 1 << ARGUMENT.width
    steps = [0, period // 2 - 1, period - 2, period - 1, period, period + 1]
    for serial in steps:
        s.mark(Mark.IRP_START, serial)
    s.mark(Mark.IRP_COMPLETE, period - 1)
    irps = s.records().irps
    assert [irp.serial for irp in irps] == steps
    assert [irp.serial for irp in irps if irp.complete] == [period - 1]


def test_marks_of_others_are_left_alone() -> None:
    s = Stream()
    s(EventBits.MARK, mark=0xFF00_0001)
    assert s.records() is not None
    assert not s.records().unmatched


@pytest.mark.parametrize(
    ("marks", "problem"),
    [
        ([Mark.ISR_ENTER], "ISR without a vector fetch"),
        ([Mark.ISR_EXIT_CLAIMED], "end of an ISR that was not running"),
        ([Mark.ISR_EXIT_UNCLAIMED], "end of an ISR that was not running"),
        ([Mark.DPC_START], "DPC started that was not queued"),
        ([Mark.DPC_REMOVED], "DPC removed that was not queued"),
        ([Mark.DPC_END], "end of a DPC that was not running"),
        ([Mark.DPC_QUEUE, Mark.DPC_QUEUE], "DPC queued twice"),
    ],
)
def test_marks_that_do_not_fit_are_told(marks: list[Mark], problem: str) -> None:
    s = Stream()
    for mark in marks:
        s.mark(mark)
    assert dict(s.records(vector_of(4)).unmatched) == {problem: 1}


def test_interrupts_that_do_not_fit_are_told() -> None:
    s = Stream()
    s(EOI, vector=4)
    s(FETCH, vector=vector_of(4))
    s(FETCH, vector=vector_of(4))
    s(EOI, vector=4)
    assert dict(s.records().unmatched) == {
        "EOI of an input that is not in service": 1,
        "vector fetch while the vector is in service": 1,
    }


def test_data_drained_belong_to_the_next_cause_alone() -> None:
    s = Stream()
    drained = s(DRAINED, 1)
    s(CAUSE, 2)
    s(CAUSE, 1)
    s(CAUSE, 1)
    assert [cause.drained for cause in s.records().causes] == [None, drained, None]


def test_a_cause_keeps_the_first_request_that_was_completed_for_it() -> None:
    """A DPC that queues another hands its causes on, and both may complete requests."""
    s = Stream()
    s(CAUSE | ASSERT, 1)
    s(FETCH, vector=vector_of(4))
    s.mark(Mark.ISR_ENTER)
    s(CLEAR, 1)
    s.mark(Mark.DPC_QUEUE, 0)
    s.mark(Mark.ISR_EXIT_CLAIMED)
    s(EOI, vector=4)
    s.mark(Mark.DPC_START, 0)
    s.mark(Mark.DPC_QUEUE, 1)
    s.mark(Mark.IRP_COMPLETE, 0)
    s.mark(Mark.DPC_END, 0)
    s.mark(Mark.DPC_START, 1)
    s.mark(Mark.IRP_COMPLETE, 1)
    s.mark(Mark.DPC_END, 1)
    records = s.records(vector_of(4))
    assert records.causes[0].irp is records.irps[0]
    assert [[irp.serial for irp in dpc.irps] for dpc in records.dpcs] == [[0], [1]]


def test_a_request_completed_again_is_complete_the_last_time() -> None:
    """A driver took the request back in a completion routine and completed it again; it counts as one request."""
    s = Stream()
    s.mark(Mark.DPC_QUEUE)
    s.mark(Mark.DPC_START)
    s.mark(Mark.IRP_COMPLETE)
    last = s.mark(Mark.IRP_COMPLETE)
    s.mark(Mark.DPC_END)
    records = s.records()
    assert [irp.complete for irp in records.irps] == [last]
    assert records.dpcs[0].irps == records.irps


def test_a_line_that_rises_again_was_not_kept_up_by_the_causes_before() -> None:
    s = Stream()
    s(FETCH, vector=vector_of(8))
    s(CAUSE | ASSERT, 1)
    s(DEASSERT, 1)
    s(CLEAR, 1)
    s(ASSERT, 1)
    s(DEASSERT, 1)
    assert [cause.deassert for cause in s.records().causes] == [None]


def test_a_clear_ends_the_causes_that_it_names_and_no_other() -> None:
    stream = Stream()
    first = stream(EventBits.CAUSE | EventBits.ASSERT, causes=0b0011)
    stream(EventBits.VECTOR_FETCH, vector=vector_of(4))
    stream(EventBits.FIRST_REGISTER_READ)
    clear = stream(EventBits.CLEAR, causes=0b0110)
    records = stream.records()
    assert [(cause.bit, cause.clock, cause.clear) for cause in records.causes] == [
        (0b0001, first, None),
        (0b0010, first, clear),
    ]
