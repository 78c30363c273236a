# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import gc
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from dirql.ke.current import current
from dirql.ke.hooks import Hooks
from dirql.ke.processors.processor import Processor
from dirql.nt.constants import IRP_MJ_READ, IRP_MJ_WRITE
from dirql.target.contract import EventBits, EventRecord
from dirql.trace.latency import Stage, analyse
from dirql.trace.marks import Mark, decode
from dirql.trace.recorder import KEPT, Recorder
from dirql.trace.run import InterruptName, Run
from fakes.default_machine import MACHINE


class Target:
    """A target with a clock that each mark advances, and with the stream of the marks."""

    def __init__(self) -> None:
        self.description = MACHINE
        self.frequency = 33_000_000
        self.clock = 100
        self.held: list[EventRecord] = []  # not yet out of the hardware
        self.delay = 3
        self.waiting: list[EventRecord] = []
        self.most_waiting = 0
        self.dropped = 3

    def now(self) -> int:
        return self.clock

    def mark(self, payload: int) -> None:
        self.event(EventBits.MARK, mark=payload)

    def event(self, bits: int, vector: int = 0, mark: int = 0) -> None:
        self.clock += 1
        self.held.append(EventRecord(self.clock, bits, 0, vector, mark, 1))
        if len(self.held) > self.delay:
            self.waiting.append(self.held.pop(0))
        self.most_waiting = max(self.most_waiting, len(self.waiting))

    def wait(self, limit: int | None = None) -> None:
        self.clock += limit or 0
        if self.held:
            self.waiting.append(self.held.pop(0))

    def take_event_records(self) -> Sequence[EventRecord]:
        taken, self.waiting = self.waiting, []
        return taken

    def event_records_dropped(self) -> int:
        return self.dropped


class Fixture:
    def __init__(self, processors: int = 1) -> None:
        self.target = Target()
        self.hooks: Any = Hooks()
        self.kernel: Any = SimpleNamespace(hooks=self.hooks, processors=[object()] * processors)
        self.io: Any = SimpleNamespace(irp_started=None, irp_completed=None, irp_delivered=None)

    def recorder(self, keep: int = KEPT) -> Recorder:
        return Recorder(self.target, self.kernel, self.io, "test", keep)


def store_isr() -> bool:
    return True


def store_dpc() -> None:
    pass


class Object:
    """The fields of a kernel object; like a kernel object it is compared by identity."""

    def __init__(self, **fields: object) -> None:
        self.owner: object = self
        self.__dict__.update(fields)


def make_irp(major: int) -> Object:
    return Object(locations=[SimpleNamespace(major_function=0), SimpleNamespace(major_function=major)])


INTERRUPT = Object(vector=0x50, irql=5, service_routine=store_isr)
DPC = Object(deferred_routine=store_dpc)


def marks(run: Run) -> list[tuple[int, int]]:
    """The marks between the two boundary marks."""
    found = [decode(event.mark) for event in run.events if event.bits & EventBits.MARK]
    assert found.pop() == (Mark.BOUNDARY, 0)
    return found


def play(fixture: Fixture) -> None:
    """Call the hooks of one read with its interrupt."""
    irp = make_irp(IRP_MJ_READ)
    fixture.io.irp_started(irp)
    fixture.hooks.isr_entered(INTERRUPT)
    fixture.hooks.dpc_queued(DPC)
    fixture.hooks.isr_exited(INTERRUPT, True)
    fixture.hooks.dpc_started(DPC)
    fixture.io.irp_completed(irp)
    fixture.io.irp_delivered(irp)
    fixture.hooks.dpc_ended(DPC)


def test_hooks_become_marks_with_stable_serials_and_names() -> None:
    fixture = Fixture()
    with fixture.recorder() as recorder:
        play(fixture)
        fixture.hooks.isr_entered(INTERRUPT)
        fixture.hooks.isr_exited(INTERRUPT, False)
        fixture.io.irp_started(make_irp(IRP_MJ_WRITE))
    run = recorder.finish()
    assert marks(run) == [
        (Mark.IRP_START, 0),
        (Mark.ISR_ENTER, 0),
        (Mark.DPC_QUEUE, 0),
        (Mark.ISR_EXIT_CLAIMED, 0),
        (Mark.DPC_START, 0),
        (Mark.IRP_COMPLETE, 0),
        (Mark.IRP_DELIVERED, 0),
        (Mark.DPC_END, 0),
        (Mark.ISR_ENTER, 0),
        (Mark.ISR_EXIT_UNCLAIMED, 0),
        (Mark.IRP_START, 1),
    ]
    assert run.names.interrupts == (InterruptName(0x50, 5, "store_isr"),)
    assert run.names.dpcs == ("store_dpc",)
    assert list(run.names.irps) == ["IRP_MJ_READ", "IRP_MJ_WRITE"]
    assert (run.start, run.end, run.clocks, run.dropped) == (run.end - 11, run.end, 11, 0)


def test_outside_of_it_nobody_is_subscribed() -> None:
    fixture = Fixture()
    with fixture.recorder():
        pass
    hooks = [name for name in dir(fixture.hooks) if not name.startswith("_")]
    assert "dpc_queued" in hooks
    assert all(getattr(fixture.hooks, name) is None for name in hooks)
    assert fixture.io.irp_started is None


def test_an_earlier_subscriber_keeps_its_hook() -> None:
    fixture = Fixture()
    seen: list[object] = []
    fixture.hooks.dpc_queued = seen.append
    with fixture.recorder() as recorder:
        fixture.hooks.dpc_queued(DPC)
    assert seen == [DPC]
    assert marks(recorder.finish()) == [(Mark.DPC_QUEUE, 0)]
    assert fixture.hooks.dpc_queued == seen.append


def test_the_stream_is_taken_while_the_run_goes_on() -> None:
    fixture = Fixture()
    with fixture.recorder() as recorder:
        for _ in range(1000):
            play(fixture)
    assert len(marks(recorder.finish())) == 8000
    assert fixture.target.most_waiting <= 8 * 64


def play_as_hardware(fixture: Fixture) -> None:
    """One read, with the cause, the fetch, the clear and the end of interrupt that belong to it."""
    event, hooks = fixture.target.event, fixture.hooks
    irp = make_irp(IRP_MJ_READ)
    fixture.io.irp_started(irp)
    event(EventBits.CAUSE | EventBits.ASSERT)
    event(EventBits.VECTOR_FETCH, 0x50)
    hooks.isr_entered(INTERRUPT)
    event(EventBits.FIRST_REGISTER_READ)
    event(EventBits.CLEAR | EventBits.DEASSERT)
    hooks.dpc_queued(DPC)
    hooks.isr_exited(INTERRUPT, True)
    event(EventBits.EOI, 4)
    hooks.dpc_started(DPC)
    fixture.io.irp_completed(irp)
    fixture.io.irp_delivered(irp)
    hooks.dpc_ended(DPC)


def test_a_recorder_holds_no_more_after_a_long_run_than_after_a_short_one() -> None:
    fixture = Fixture()
    held = []
    with fixture.recorder(keep=1000) as recorder:
        for _ in range(4):
            for _ in range(500):
                play_as_hardware(fixture)
            gc.collect()
            records = [one for one in gc.get_objects() if type(one).__module__ == "dirql.trace.records"]
            held.append(len(records))
    run, analysis = recorder.finish(), recorder.analysis()
    assert max(held) < 1000, held
    assert len(run.events) == 1000
    assert run.forgotten + len(run.events) == 2000 * 13 + 1  # and the mark at the end
    assert analysis.valid
    assert analysis.counts.irps == analysis.counts.causes == analysis.counts.interrupts == 2000
    assert analysis.stages[Stage.REQUEST].counts == ((11, 2000),)
    assert not analyse(run).valid


def test_what_is_counted_while_it_is_recorded_is_what_a_whole_recording_has() -> None:
    fixture = Fixture()
    with fixture.recorder() as recorder:
        for number in range(700):
            play_as_hardware(fixture)
            if number % 7 == 0:
                fixture.io.irp_started(make_irp(IRP_MJ_WRITE))
    assert recorder.analysis() == analyse(recorder.finish())
    assert recorder.analysis().problems == ("100 requests were not completed and delivered at the end",)


def test_events_from_before_and_losses_from_before_are_not_the_runs() -> None:
    fixture = Fixture()
    fixture.target.mark(0)
    with fixture.recorder() as recorder:
        fixture.target.dropped += 2
    run = recorder.finish()
    assert (marks(run), run.dropped) == ([], 2)


def test_a_packet_that_is_used_again_is_another_request() -> None:
    fixture = Fixture()
    irp = make_irp(IRP_MJ_READ)
    with fixture.recorder() as recorder:
        for _ in range(2):
            fixture.io.irp_started(irp)
            fixture.io.irp_completed(irp)
            fixture.io.irp_delivered(irp)
        fixture.io.irp_completed(irp)  # it was sent before the recording began
    assert [argument for _, argument in marks(recorder.finish())] == [0, 0, 0, 1, 1, 1, 2]


def test_a_request_that_is_completed_again_after_a_completion_routine_kept_it_is_one_request() -> None:
    fixture = Fixture()
    irp = make_irp(IRP_MJ_READ)
    with fixture.recorder() as recorder:
        fixture.io.irp_started(irp)
        fixture.io.irp_completed(irp)
        fixture.io.irp_completed(irp)
        fixture.io.irp_delivered(irp)
    assert [argument for _, argument in marks(recorder.finish())] == [0, 0, 0, 0]


def test_a_request_whose_first_driver_skips_its_stack_location_is_one_request() -> None:
    fixture = Fixture()
    irp = make_irp(IRP_MJ_READ)
    with fixture.recorder() as recorder:
        fixture.io.irp_started(irp)
        fixture.io.irp_started(irp)
        fixture.io.irp_completed(irp)
        fixture.io.irp_delivered(irp)
    assert [argument for _, argument in marks(recorder.finish())] == [0, 0, 0]
    assert recorder.analysis().valid


def test_a_recording_ends_when_another_one_begins() -> None:
    fixture = Fixture()
    with fixture.recorder() as first:
        play(fixture)
        with fixture.recorder() as second:
            play(fixture)
            play(fixture)
    assert (first.analysis().counts.irps, second.analysis().counts.irps) == (1, 2)
    assert second.analysis().counts.unfinished == 0


def test_a_drivers_own_request_is_delivered_when_it_is_completed() -> None:
    fixture = Fixture()
    irp = make_irp(IRP_MJ_READ)
    irp.owner = None
    with fixture.recorder() as recorder:
        fixture.io.irp_started(irp)
        fixture.io.irp_completed(irp)
    assert [mark for mark, _ in marks(recorder.finish())] == [
        Mark.IRP_START,
        Mark.IRP_COMPLETE,
        Mark.IRP_DELIVERED,
    ]


def test_processors_are_named_where_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    fixture = Fixture(processors=2)
    with fixture.recorder() as recorder:
        for number in (0, 1, 1, 0):
            monkeypatch.setattr(current, "processor", Processor(number))
            fixture.hooks.dpc_queued(DPC)
    queue = (Mark.DPC_QUEUE, 0)
    assert marks(recorder.finish()) == [queue, (Mark.PROCESSOR, 1), queue, queue, (Mark.PROCESSOR, 0), queue]


def test_after_an_error_the_target_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fixture = Fixture()

    def gone() -> Sequence[EventRecord]:
        raise AssertionError("the target was asked")

    def fail() -> None:
        with fixture.recorder():
            monkeypatch.setattr(fixture.target, "take_event_records", gone)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert fixture.hooks.dpc_queued is None


def test_a_target_that_gives_nothing_back_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    fixture = Fixture()
    with fixture.recorder() as recorder:
        play(fixture)
        fixture.target.delay = 10_000
        monkeypatch.setattr(fixture.target, "wait", id)
    assert len(recorder.finish().events) < 7
