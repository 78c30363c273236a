# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from dirql.target.contract import EventBits, EventRecord
from dirql.trace.histogram import Histogram
from dirql.trace.latency import Stage, analyse
from dirql.trace.marks import Mark, encode
from dirql.trace.run import EventLog
from fakes.default_machine import vector_of
from unit.trace.model import Device, Model, make_run

KINDS = st.sampled_from(["level", "pulse", "message"])
INPUTS = st.sampled_from([4, 6, 8])


@st.composite
def devices(draw: st.DrawFn) -> list[Device]:
    """One to four devices; devices on one input are of the same kind."""
    inputs = draw(st.lists(INPUTS, min_size=1, max_size=4))
    kinds = {number: draw(KINDS) for number in inputs}
    return [Device(function + 1, number, kinds[number]) for function, number in enumerate(inputs)]


@pytest.mark.slow
@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 2**32), machine=devices(), rate=st.sampled_from([0.01, 0.05, 0.2]))
def test_the_stages_are_those_that_the_model_saw(seed: int, machine: list[Device], rate: float) -> None:
    model = Model(seed, machine, rate)
    analysis = analyse(model.run(40))
    assert analysis.problems == ()
    expected = {stage: Histogram.of(model.samples[stage]) for stage in Stage}
    assert dict(analysis.stages) == expected
    counts = analysis.counts
    assert counts.causes == model.counts["causes"]
    assert counts.merged == model.counts["merged"]
    assert counts.interrupts == model.counts["interrupts"]
    assert counts.unclaimed == model.counts["unclaimed"]
    assert counts.pending == sum(len(device.pending) for device in machine)
    assert counts.polled == 0


def test_a_lost_record_makes_the_run_invalid() -> None:
    model = Model(1, [Device(1, 4, "level")])
    run = model.run(40)
    assert analyse(run).valid
    lossy = replace(run, dropped=2)
    assert not analyse(lossy).valid
    assert analyse(lossy).problems == ("2 event records were lost by the hardware: take records more often",)
    assert analyse(lossy).invalid == set(Stage)


def test_no_single_missing_record_breaks_the_analysis() -> None:
    run = Model(3, [Device(1, 4, "level"), Device(2, 6, "message")]).run(6)
    events = list(run.events)
    for missing in range(len(events)):
        analysis = analyse(replace(run, events=EventLog(events[:missing] + events[missing + 1 :])))
        assert all(clocks >= 0 for histogram in analysis.stages.values() for clocks, _ in histogram.counts)


def test_a_polled_run_has_requests_but_no_time_from_a_cause() -> None:
    events = [
        EventRecord(10, EventBits.MARK, 0, 0, encode(Mark.IRP_START, 0)),
        EventRecord(50, EventBits.CAUSE | EventBits.DMA_DRAINED, 1, 0, 0, 1),
        EventRecord(60, EventBits.CLEAR, 1, 0, 0, 1),
        EventRecord(70, EventBits.MARK, 0, 0, encode(Mark.IRP_COMPLETE, 0)),
        EventRecord(75, EventBits.MARK, 0, 0, encode(Mark.IRP_DELIVERED, 0)),
    ]
    analysis = analyse(make_run(events))
    assert analysis.stages[Stage.REQUEST].counts == ((65, 1),)
    assert analysis.stages[Stage.IRP].counts == ((60, 1),)
    assert analysis.stages[Stage.TOTAL].counts == ()
    assert analysis.stages[Stage.DELIVER].counts == ()
    assert (analysis.counts.polled, analysis.counts.interrupts, analysis.counts.irps) == (1, 0, 1)
    assert analysis.valid


def test_what_is_in_hand_at_the_end_is_counted_apart() -> None:
    events = [
        EventRecord(1, EventBits.CAUSE | EventBits.ASSERT, 1, 0, 0, 1),
        EventRecord(2, EventBits.VECTOR_FETCH, 0, vector_of(4), 0),
        *(
            EventRecord(3 + number, EventBits.MARK, 0, 0, encode(mark, 0))
            for number, mark in enumerate((Mark.ISR_ENTER, Mark.DPC_QUEUE, Mark.IRP_START))
        ),
    ]
    analysis = analyse(make_run(events, [vector_of(4)]))
    assert (analysis.counts.unfinished, analysis.counts.pending, analysis.counts.polled) == (3, 1, 0)
    assert analysis.problems == (
        "1 cause of a device was still set at the end: nobody served it",
        "1 service routine was still running at the end",
        "1 DPC was still queued or running at the end",
        "1 request was not completed and delivered at the end",
    )
    assert Stage.FIRST_TOUCH not in analysis.invalid
    assert analysis.invalid > {Stage.DELIVER, Stage.ISR, Stage.DPC, Stage.REQUEST}
    assert all(histogram == Histogram() for histogram in analysis.stages.values())
