# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes runs as a Perfetto trace, for https://ui.perfetto.dev or any trace processor.

Reference: protos/perfetto/trace/track_event/*.proto of the Perfetto project. Every track event has the bus
clock in the argument `cycle`, because the nanoseconds of the time stamp are rounded down.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

from dirql.files import written
from dirql.trace.protobuf import fixed64, message, number, text
from dirql.trace.run import Run
from dirql.trace.timeline import Item, Kind, Track, timeline

__all__ = ["Timebase", "packets", "write"]

_NANOSECONDS = 1_000_000_000


class Timebase(enum.Enum):
    """The meaning of a nanosecond in the viewer."""

    TIME = "time"
    """A nanosecond in the viewer is a nanosecond of the machine's time."""
    CYCLES = "cycles"
    """A nanosecond in the viewer is one bus clock, so that clocks can be read exactly."""


class _Trace:
    """Field numbers of the message Trace."""

    PACKET = 1


class _Packet:
    """Field numbers of the message TracePacket."""

    TIMESTAMP = 8
    SEQUENCE = 10
    TRACK_EVENT = 11
    TRACK_DESCRIPTOR = 60


class _Descriptor:
    """Field numbers of the message TrackDescriptor."""

    UUID = 1
    NAME = 2
    PARENT_UUID = 5
    COUNTER = 8
    CHILD_ORDERING = 11
    SIBLING_ORDER_RANK = 12
    SIBLING_MERGE_BEHAVIOR = 15


_EXPLICIT = 3
"""A value of TrackDescriptor.ChildTracksOrdering."""

_MERGE_NONE = 2
"""A value of TrackDescriptor.SiblingMergeBehavior, without which the viewer merges tracks of the same name."""


class _Counter:
    """Field numbers of the message CounterDescriptor."""

    UNIT_NAME = 6


class _Event:
    """Field numbers of the message TrackEvent."""

    DEBUG_ANNOTATIONS = 4
    TYPE = 9
    TRACK_UUID = 11
    NAME = 23
    COUNTER_VALUE = 30
    FLOW_IDS = 47


class _Annotation:
    """Field numbers of the message DebugAnnotation."""

    UINT_VALUE = 3
    STRING_VALUE = 6
    NAME = 10


_WRITER = number(_Packet.SEQUENCE, 1)
"""All packets come from one writer."""

_TYPES = {Kind.BEGIN: 1, Kind.END: 2, Kind.INSTANT: 3, Kind.COUNTER: 4}
"""The values of TrackEvent.Type for the kinds of items."""


def write(path: Path, runs: Sequence[Run], timebase: Timebase = Timebase.TIME) -> None:
    """Write one trace with all runs, each below a track of its own; raises `OSError`."""
    with written(path) as file:
        file.writelines(packets(runs, timebase))


def packets(runs: Sequence[Run], timebase: Timebase = Timebase.TIME) -> Iterator[bytes]:
    """The packets of the trace, each as a field of the message Trace; joined they are the file."""
    uuid = flow = 1  # the numbers for the first track and the first flow of the next run; 0 would mean none
    for run in runs:
        lanes = timeline(run)
        scale = Fraction(_NANOSECONDS) / run.frequency if timebase is Timebase.TIME else Fraction(1)
        for track in lanes.tracks:
            yield _packet(message(_Packet.TRACK_DESCRIPTOR, _descriptor(track, uuid)))
        for item in lanes.items:
            timestamp = item.clock * scale.numerator // scale.denominator
            event = message(_Packet.TRACK_EVENT, _event(item, uuid, flow))
            yield _packet(number(_Packet.TIMESTAMP, timestamp) + event)
        uuid += len(lanes.tracks)
        flow += 1 + max((used for item in lanes.items for used in item.flows), default=0)


def _packet(content: bytes) -> bytes:
    return message(_Trace.PACKET, content + _WRITER)


def _descriptor(track: Track, first_uuid: int) -> bytes:
    """Tracks are drawn in the order in which they were made."""
    return b"".join(
        (
            number(_Descriptor.UUID, first_uuid + track.number),
            text(_Descriptor.NAME, track.name),
            number(_Descriptor.SIBLING_MERGE_BEHAVIOR, _MERGE_NONE)
            if track.parent is None
            else number(_Descriptor.PARENT_UUID, first_uuid + track.parent),
            number(_Descriptor.CHILD_ORDERING, _EXPLICIT),
            number(_Descriptor.SIBLING_ORDER_RANK, track.number),
            message(_Descriptor.COUNTER, text(_Counter.UNIT_NAME, "IRQL")) if track.counter else b"",
        )
    )


def _event(item: Item, first_uuid: int, first_flow: int) -> bytes:
    head = _head(item.kind, first_uuid + item.track)
    if item.kind is Kind.END:
        return head
    if item.kind is Kind.COUNTER:
        return head + number(_Event.COUNTER_VALUE, item.value)
    fields = [head, text(_Event.NAME, item.name), _annotation("cycle", item.clock)]
    fields += [_annotation(name, value) for name, value in item.args]
    fields += [fixed64(_Event.FLOW_IDS, first_flow + flow) for flow in item.flows]
    return b"".join(fields)


@cache
def _head(kind: Kind, uuid: int) -> bytes:
    return number(_Event.TYPE, _TYPES[kind]) + number(_Event.TRACK_UUID, uuid)


def _annotation(name: str, value: int | str) -> bytes:
    content = (
        text(_Annotation.STRING_VALUE, value)
        if isinstance(value, str)
        else number(_Annotation.UINT_VALUE, value)
    )
    return message(_Event.DEBUG_ANNOTATIONS, text(_Annotation.NAME, name) + content)
