# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The lines of a recording: a head, an entry for each call, and an end, each one object of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dirql.target.contract import Capability, LinkFloor
from dirql.target.recording.entries import Call, Change, Entry, Failure, Outcome, Request

__all__ = [
    "VERSION",
    "End",
    "Header",
    "Line",
    "LineError",
    "NumberedEntry",
    "PlaceName",
    "read_line",
    "write_line",
]

VERSION = 1
"""The version of the form of a recording."""

_MARK = "dirql recording"
_LARGEST = 1 << 64
"""All numbers in a recording are below it."""

_Json = None | bool | int | float | str | Sequence["_Json"] | Mapping[str, "_Json"]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class LineError(ValueError):
    """A line is none of a recording."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: where the recording was made."""

    target: str
    """The name of the target."""
    machine: str
    """The name of the machine."""
    number: str
    """The number of the machine, as `dirql machines` shows it."""
    build: str
    """The identity of the bitstream, in hexadecimal; empty for a machine without one."""
    frequency: int
    """Bus clocks per second."""
    capabilities: frozenset[Capability]
    memory: int
    """The bytes of the host's memory."""
    spends: bool
    """Whether clocks that host code is charged with pass in the machine."""
    began: float
    """The time of the host, in seconds since 1970."""
    release: str
    """The version of dirql."""
    clock: int
    """The bus clock at which the recording begins."""
    attention: bool
    horizon: int
    floor: LinkFloor | None = None


@dataclass(frozen=True, slots=True)
class OtherVersion:
    """The first line of a recording of another version."""

    version: int
    release: str


@dataclass(frozen=True, slots=True)
class PlaceName:
    """A place in the code of a driver or a program, to which entries refer by its number."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class End:
    """The last line of a recording that was ended."""

    entries: int


@dataclass(slots=True)
class NumberedEntry:
    """An entry, and the number of its place."""

    entry: Entry
    place: int | None


Line = Header | OtherVersion | PlaceName | End | NumberedEntry
_Changes = list[Change]


# Writing.


def write_line(line: Header | PlaceName | End | Entry, place: int | None = None) -> bytes:
    """A line with its end."""
    if isinstance(line, Entry):
        fields = _entry(line, place)
    elif isinstance(line, PlaceName):
        fields = {"place": line.number, "text": line.text}
    elif isinstance(line, End):
        fields = {"end": line.entries}
    else:
        fields = _header(line)
    return _encode(fields).encode("utf-8", "backslashreplace") + b"\n"


def _header(header: Header) -> dict[str, _Json]:
    return {
        _MARK: VERSION,
        "release": header.release,
        "target": header.target,
        "machine": header.machine,
        "number": header.number,
        "build": header.build,
        "frequency": header.frequency,
        "capabilities": sorted(capability.name for capability in header.capabilities),
        "memory": header.memory,
        "spends": header.spends,
        "began": header.began,
        "clock": header.clock,
        "attention": header.attention,
        "horizon": header.horizon,
        "floor": None if header.floor is None else list(header.floor),
    }


def _entry(entry: Entry, place: int | None) -> dict[str, _Json]:
    """The fields of an entry; those that have nothing to say are left out."""
    request, outcome = entry.request, entry.outcome
    optional: dict[str, _Json] = {
        "args": request.numbers,
        "data": request.data.hex(),
        "spent": entry.spent,
        "host": _changes(entry.changes),
        "numbers": outcome.numbers,
        "read": outcome.data.hex(),
        "error": _failure(outcome.failure),
        "late": [_failure(late) for late in outcome.late],
        "attention": outcome.attention,
        "device": _changes(entry.written),
    }
    fields: dict[str, _Json] = {"call": request.call.value, "us": entry.began, "took": entry.took}
    fields.update((name, value) for name, value in optional.items() if value)
    nullable: dict[str, _Json] = {
        "value": outcome.value,
        "text": outcome.text,
        "removed": outcome.removed,
        "at": place,
    }
    fields.update((name, value) for name, value in nullable.items() if value is not None)
    fields["clock"] = outcome.clock
    fields["horizon"] = outcome.horizon
    return fields


def _changes(changes: Sequence[Change]) -> list[_Json]:
    return [[address, data.hex()] for address, data in changes]


def _failure(failure: Failure | None) -> _Json:
    return None if failure is None else [failure.kind, failure.texts, failure.numbers]


# Reading.


def read_line(line: bytes) -> Line:
    """The contents of a line; raises `LineError`."""
    try:
        fields: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LineError("it must be JSON") from error
    if not isinstance(fields, dict):
        raise LineError("it must be an object of JSON")
    reading = _Fields(fields)
    if _MARK in fields:
        return _read_header(reading)
    if "call" in fields:
        return _read_entry(reading)
    if "place" in fields:
        return PlaceName(reading.integer("place"), reading.text("text"))
    if "end" in fields:
        return End(reading.integer("end"))
    raise LineError("it must have a call, a place, or the end")


def _read_header(fields: _Fields) -> Header | OtherVersion:
    version = fields.integer(_MARK)
    if version != VERSION:
        return OtherVersion(version, fields.text("release", "another release"))
    names = fields.texts("capabilities")
    unknown = [name for name in names if name not in Capability.__members__]
    if unknown:
        raise LineError(f"its capabilities must be known; {unknown[0]!r} is not")
    floor = fields.floats("floor")
    if len(floor) not in (0, 2):
        raise LineError("its floor must have two numbers")
    return Header(
        target=fields.text("target"),
        machine=fields.text("machine"),
        number=fields.text("number"),
        build=fields.text("build"),
        frequency=fields.integer("frequency"),
        capabilities=frozenset(Capability[name] for name in names),
        memory=fields.integer("memory"),
        spends=fields.boolean("spends"),
        began=fields.floats("began", single=True)[0],
        release=fields.text("release"),
        clock=fields.integer("clock"),
        attention=fields.boolean("attention"),
        horizon=fields.integer("horizon"),
        floor=LinkFloor(*floor) if floor else None,
    )


def _read_entry(fields: _Fields) -> NumberedEntry:
    name = fields.text("call")
    try:
        call = Call(name)
    except ValueError:
        raise LineError(f"its call must be known; {name!r} is not") from None
    outcome = Outcome(
        value=fields.integer("value") if fields.has("value") else None,
        numbers=fields.integers("numbers"),
        data=fields.octets("read"),
        text=fields.text("text") if fields.has("text") else None,
        failure=_read_failure(fields.part("error")) if fields.has("error") else None,
        late=tuple(_read_failure(one) for one in fields.list("late")),
        clock=fields.integer("clock"),
        attention=fields.boolean("attention", default=False),
        horizon=fields.integer("horizon"),
        removed=fields.text("removed") if fields.has("removed") else None,
    )
    entry = Entry(
        Request(call, fields.integers("args"), fields.octets("data")),
        outcome,
        spent=fields.integer("spent", 0),
        began=fields.integer("us"),
        took=fields.integer("took"),
        changes=fields.changes("host"),
        written=fields.changes("device"),
    )
    return NumberedEntry(entry, fields.integer("at") if fields.has("at") else None)


def _read_failure(value: object) -> Failure:
    match value:
        case [str(kind), list(texts), list(numbers)]:
            failure = Failure(kind, tuple(map(_text, texts)), tuple(map(_integer, numbers)))
        case _:
            raise LineError("an error must have a kind, texts and numbers")
    try:
        failure.exception()
    except (ValueError, LookupError) as error:
        raise LineError(f"an error must be one that a target raises; it was {value!r}") from error
    return failure


def _integer(value: object) -> int:
    if type(value) is not int or not -1 <= value < _LARGEST:
        raise LineError(f"a number must be -1 to 2**64 - 1; it was {value!r}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise LineError(f"a text must be one; it was {value!r}")
    return value


def _octets(value: object) -> bytes:
    try:
        return bytes.fromhex(_text(value))
    except ValueError as error:
        raise LineError("data must be in hexadecimal") from error


class _Fields:
    """The fields of a line; each routine raises `LineError` for one of another type."""

    def __init__(self, fields: Mapping[object, object]) -> None:
        self._fields = fields

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return self._fields.get(name) is not None

    def part(self, name: str) -> object:
        """A field of any type."""
        return self._fields.get(name)

    def integer(self, name: str, default: int | None = None) -> int:
        """A field that is a whole number."""
        return _integer(self._fields.get(name, default))

    def boolean(self, name: str, *, default: bool | None = None) -> bool:
        """A field that is true or false."""
        value = self._fields.get(name, default)
        if not isinstance(value, bool):
            raise LineError(f"{name} must be true or false; it was {value!r}")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """A field that is text."""
        return _text(self._fields.get(name, default))

    def list(self, name: str) -> Sequence[object]:
        """A list, empty without the field."""
        value = self._fields.get(name)
        if value is not None and not isinstance(value, list):
            raise LineError(f"{name} must be a list; it was {value!r}")
        return value or ()

    def texts(self, name: str) -> tuple[str, ...]:
        """A field that is a list of texts."""
        return tuple(map(_text, self.list(name)))

    def integers(self, name: str) -> tuple[int, ...]:
        """A field that is a list of whole numbers."""
        return tuple(map(_integer, self.list(name)))

    def floats(self, name: str, *, single: bool = False) -> tuple[float, ...]:
        """Numbers, or with `single` the one that the field is."""
        values = (self._fields.get(name),) if single else self.list(name)
        checked = []
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise LineError(f"{name} must have numbers; it had {value!r}")
            checked.append(float(value))
        return tuple(checked)

    def octets(self, name: str) -> bytes:
        """Bytes in hexadecimal, none without the field."""
        value = self._fields.get(name)
        return b"" if value is None else _octets(value)

    def changes(self, name: str) -> _Changes:
        """A field that is a list of parts of memory."""
        changes = []
        for one in self.list(name):
            match one:
                case [address, data]:
                    changes.append(Change(_integer(address), _octets(data)))
                case _:
                    raise LineError(f"{name} must have addresses and data; it had {one!r}")
        return changes
