# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from dirql.target.contract import EventBits, EventRecord
from dirql.trace import perfetto
from dirql.trace.latency import Stage, analyse
from dirql.trace.marks import Mark, encode
from dirql.trace.perfetto import Timebase, packets
from dirql.trace.run import Run
from fakes.default_machine import vector_of
from unit.trace.model import FREQUENCY, Device, Model, make_run
from unit.trace.perfetto_engine import query

official = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
Trace, TrackDescriptor, TrackEvent = official.Trace, official.TrackDescriptor, official.TrackEvent
BEGIN, END, INSTANT = TrackEvent.TYPE_SLICE_BEGIN, TrackEvent.TYPE_SLICE_END, TrackEvent.TYPE_INSTANT


def model_run(seed: int = 5) -> Run:
    return Model(seed, [Device(0, 4, "level"), Device(30, 6, "message"), Device(31, 8, "pulse")], 0.05).run(
        60
    )


def parse(*runs: Run, timebase: Timebase = Timebase.TIME) -> Any:
    return Trace.FromString(b"".join(packets(runs, timebase)))


def paths(trace: Any) -> dict[int, str]:
    """The path of each track: its name and the names of the tracks around it."""
    named: dict[int, str] = {}
    for packet in trace.packet:
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            above = named[track.parent_uuid] + "/" if track.parent_uuid else ""
            named[track.uuid] = above + track.name
    return named


def events(trace: Any) -> list[Any]:
    return [packet for packet in trace.packet if packet.HasField("track_event")]


def arguments(packet: Any) -> dict[str, int | str]:
    return {
        note.name: note.string_value if note.HasField("string_value") else note.uint_value
        for note in packet.track_event.debug_annotations
    }


@pytest.mark.parametrize(
    ("ours", "message"),
    [
        (perfetto._Trace, "Trace"),
        (perfetto._Packet, "TracePacket"),
        (perfetto._Descriptor, "TrackDescriptor"),
        (perfetto._Counter, "CounterDescriptor"),
        (perfetto._Event, "TrackEvent"),
        (perfetto._Annotation, "DebugAnnotation"),
    ],
)
def test_field_numbers_are_the_official_ones(ours: type, message: str) -> None:
    aliases = {"SEQUENCE": "trusted_packet_sequence_id"}
    declared = {name: value for name, value in vars(ours).items() if name.isupper()}
    fields = getattr(official, message).DESCRIPTOR.fields_by_name
    assert declared == {name: fields[aliases.get(name, name.lower())].number for name in declared}


def test_enum_values_are_the_official_ones() -> None:
    assert {kind.name: value for kind, value in perfetto._TYPES.items()} == {
        "BEGIN": BEGIN,
        "END": END,
        "INSTANT": INSTANT,
        "COUNTER": TrackEvent.TYPE_COUNTER,
    }
    assert perfetto._EXPLICIT == TrackDescriptor.EXPLICIT
    assert perfetto._MERGE_NONE == TrackDescriptor.SIBLING_MERGE_BEHAVIOR_NONE


def test_tracks_are_a_tree_in_the_order_to_be_drawn() -> None:
    trace = parse(model_run(), make_run([], name="idle"))
    assert list(paths(trace).values()) == [
        "model",
        "model/CPU 0",
        "model/CPU 0/execution",
        "model/CPU 0/IRQL of ISRs and DPCs",
        *(
            f"model/function {index}{name}{lane}"
            for index, name in ((0, " (store at 00:01.0)"), (30, ""), (31, ""))
            for lane in ("", "/interrupt", "/causes", "/DMA")
        ),
        "model/PCI bus",
        "model/IRPs",
        "idle",
        "idle/CPU 0",
        "idle/CPU 0/execution",
        "idle/CPU 0/IRQL of ISRs and DPCs",
        "idle/PCI bus",
    ]
    ranks = [p.track_descriptor.sibling_order_rank for p in trace.packet if p.HasField("track_descriptor")]
    assert ranks == [*range(18), *range(5)]


@pytest.mark.parametrize("seed", range(5))
def test_slices_nest_and_have_the_lengths_of_their_stages(seed: int) -> None:
    run = model_run(seed)
    trace = parse(run, timebase=Timebase.CYCLES)
    tracks = paths(trace)
    open_slices: dict[int, list[Any]] = defaultdict(list)
    lengths: dict[str, Counter[int]] = defaultdict(Counter)
    for packet in events(trace):
        event = packet.track_event
        if event.type == BEGIN:
            open_slices[event.track_uuid].append(packet)
        elif event.type == END:
            begin = open_slices[event.track_uuid].pop()
            length = packet.timestamp - begin.timestamp
            assert arguments(begin)["clocks"] == length
            lengths[begin.track_event.name.split()[0]][length] += 1
            if not tracks[event.track_uuid].endswith("execution"):
                assert not open_slices[event.track_uuid], "only routines interrupt each other"
    assert not any(open_slices.values())
    stages = analyse(run).stages
    assert sorted(lengths["ISR"].items()) == list(stages[Stage.ISR].counts)
    assert sorted(lengths["DPC"].items()) == list(stages[Stage.DPC].counts)


def test_packets_are_in_the_order_of_time() -> None:
    times = [packet.timestamp for packet in events(parse(model_run()))]
    assert times == sorted(times)


def one_read() -> Run:
    """A request, its interrupt and its DPC, ten clocks from one event to the next."""
    happened: list[tuple[int, int, int, int]] = [
        (EventBits.MARK, 0, 0, encode(Mark.IRP_START, 0)),
        (EventBits.CAUSE | EventBits.ASSERT | EventBits.DMA_DRAINED, 0, 0, 0),
        (EventBits.VECTOR_FETCH, 0, vector_of(4), 0),
        (EventBits.MARK, 0, 0, encode(Mark.ISR_ENTER, 0)),
        (EventBits.FIRST_REGISTER_READ, 0, 0, 0),
        (EventBits.CLEAR | EventBits.DEASSERT, 0, 0, 0),
        (EventBits.MARK, 0, 0, encode(Mark.DPC_QUEUE, 0)),
        (EventBits.MARK, 0, 0, encode(Mark.ISR_EXIT_CLAIMED, 0)),
        (EventBits.EOI, 0, 4, 0),
        (EventBits.MARK, 0, 0, encode(Mark.DPC_START, 0)),
        (EventBits.MARK, 0, 0, encode(Mark.IRP_COMPLETE, 0)),
        (EventBits.MARK, 0, 0, encode(Mark.DPC_END, 0)),
    ]
    return make_run(
        [
            EventRecord(10 * (number + 1), bits, function, vector, mark, 1)
            for number, (bits, function, vector, mark) in enumerate(happened)
        ],
        [vector_of(4)],
    )


def test_a_request_is_drawn_whole() -> None:
    trace = parse(one_read(), timebase=Timebase.CYCLES)
    tracks = paths(trace)
    drawn = [
        (
            p.timestamp,
            tracks[p.track_event.track_uuid].removeprefix("model/"),
            p.track_event.type,
            p.track_event.name,
        )
        for p in events(trace)
        if p.track_event.type != TrackEvent.TYPE_COUNTER
    ]
    execution, line = "CPU 0/execution", "function 0 (store at 00:01.0)/interrupt"
    assert sorted(drawn) == sorted(
        [
            (10, "IRPs", BEGIN, "IRP_MJ_READ"),
            (20, line, BEGIN, "line"),
            (20, "function 0 (store at 00:01.0)/causes", INSTANT, "cause DONE"),
            (20, "function 0 (store at 00:01.0)/DMA", INSTANT, "drained"),
            (30, "PCI bus", INSTANT, "vector fetch 0x50"),
            (40, execution, BEGIN, "ISR Isr0"),
            (50, "PCI bus", INSTANT, "first read, function 0"),
            (60, line, END, ""),
            (60, "PCI bus", INSTANT, "clear, function 0"),
            (80, execution, END, ""),
            (90, "PCI bus", INSTANT, "EOI, input 4"),
            (100, execution, BEGIN, "DPC Dpc0"),
            (110, execution, INSTANT, "IoCompleteRequest"),
            (110, "IRPs", END, ""),
            (120, execution, END, ""),
        ]
    )
    (flow,) = {tuple(p.track_event.flow_ids) for p in events(trace) if p.track_event.flow_ids}
    connected = [p.track_event.name for p in events(trace) if flow == tuple(p.track_event.flow_ids)]
    assert connected == ["line", "ISR Isr0", "DPC Dpc0", "IoCompleteRequest"]
    levels = [
        (p.timestamp, p.track_event.counter_value)
        for p in events(trace)
        if p.track_event.type == TrackEvent.TYPE_COUNTER
    ]
    assert levels == [(0, 0), (40, 5), (80, 0), (100, 2), (120, 0)]


def test_a_flow_leads_from_a_line_through_the_isr_that_claimed_it_to_one_completion() -> None:
    steps: dict[int, list[str]] = defaultdict(list)
    for packet in events(parse(*(model_run(seed) for seed in range(3)))):
        event = packet.track_event
        for flow in event.flow_ids:
            steps[flow].append(event.name.split()[0])
            assert arguments(packet).get("claimed", "yes") == "yes"
    order = ["line", "message", "ISR", "DPC", "IoCompleteRequest"]
    for flow, names in steps.items():
        assert names == sorted(names, key=order.index), flow
        assert names.count("IoCompleteRequest") <= 1
    assert {name for names in steps.values() for name in names} == set(order)


def test_flows_of_several_runs_do_not_meet() -> None:
    flows = [flow for packet in events(parse(one_read(), one_read())) for flow in packet.track_event.flow_ids]
    assert Counter(flows) == {1: 4, 2: 4}


def test_clocks_become_nanoseconds_exactly_and_stand_in_the_arguments() -> None:
    run = model_run()
    exact = Fraction(1_000_000_000) / FREQUENCY
    for packet in events(parse(run)):
        if packet.track_event.type in (BEGIN, INSTANT):
            assert packet.timestamp == int(Fraction(arguments(packet)["cycle"]) * exact)


def test_requests_that_overlap_are_on_lanes_of_their_own() -> None:
    steps = [
        (Mark.IRP_START, 0),
        (Mark.IRP_START, 1),
        (Mark.IRP_COMPLETE, 0),
        (Mark.IRP_START, 2),
        (Mark.IRP_COMPLETE, 2),
        (Mark.IRP_COMPLETE, 1),
        (Mark.IRP_START, 3),
    ]
    run = make_run([EventRecord(n + 1, EventBits.MARK, 0, 0, encode(*step)) for n, step in enumerate(steps)])
    trace = parse(run)
    lanes = [uuid for uuid, path in paths(trace).items() if path == "model/IRPs"]
    used = [
        (arguments(p)["irp"], lanes.index(p.track_event.track_uuid), p.track_event.type)
        for p in events(trace)
        if p.track_event.type in (BEGIN, INSTANT)
    ]
    assert used == [(0, 0, BEGIN), (1, 1, BEGIN), (2, 0, BEGIN), (3, 0, INSTANT)]


def test_messages_and_what_did_not_end_are_instants() -> None:
    run = make_run(
        [
            EventRecord(1, EventBits.ASSERT, 2, 0, 0),
            EventRecord(2, EventBits.ASSERT, 2, 0, 0),
            EventRecord(3, EventBits.VECTOR_FETCH, 0, vector_of(4), 0),
            EventRecord(4, EventBits.MARK, 0, 0, encode(Mark.ISR_ENTER, 0)),
        ],
        [vector_of(4)],
    )
    kinds = [(p.track_event.name, p.track_event.type) for p in events(parse(run)) if p.track_event.name]
    assert kinds == [
        ("message", INSTANT),
        ("message", INSTANT),
        ("vector fetch 0x50", INSTANT),
        ("ISR Isr0", INSTANT),
    ]


def test_the_file_is_the_packets(tmp_path: Path) -> None:
    file = tmp_path / "trace.pftrace"
    perfetto.write(file, [one_read()])
    assert Trace.FromString(file.read_bytes()) == parse(one_read())


@pytest.mark.slow
def test_perfettos_own_engine_opens_the_trace() -> None:
    """The engine finds as many slices, flows and counters as were written, and reports no error."""
    data = b"".join(packets([model_run(), one_read()]))
    written = events(Trace.FromString(data))
    kinds = Counter(packet.track_event.type for packet in written)
    flows = Counter(flow for packet in written for flow in packet.track_event.flow_ids)
    slices, edges, counters, errors, endless, tracks = query(
        data,
        "select count(*) as n from slice",
        "select count(*) as n from flow",
        "select count(*) as n from counter",
        "select name, value from stats where severity in ('error', 'data_loss') and value > 0",
        "select count(*) as n from slice where dur < 0",
        "select name from track where parent_id is null",
    )
    assert errors == []
    assert slices == [{"n": kinds[BEGIN] + kinds[INSTANT]}]
    assert edges == [{"n": sum(times - 1 for times in flows.values())}]
    assert counters == [{"n": kinds[TrackEvent.TYPE_COUNTER]}]
    assert endless == [{"n": 0}]
    assert [row["name"] for row in tracks] == ["model", "model"]
