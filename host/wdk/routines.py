# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines, read from routines/: prototype, levels, the verifier's rule, and the Python callable behind each."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from pathlib import Path

from wdk.entry import Entry, read_entries
from wdk.errors import HERE
from wdk.prototypes import Parameter, Prototype, parse_prototype
from wdk.sources import find_callable
from wdk.values import Values

__all__ = ["DEVICE_LEVELS", "Kind", "Levels", "Routine", "RoutineFile", "load_routines"]


class Kind(enum.Enum):
    """The way in which a routine's contract is checked, and whether a call of the routine costs `Costs.kernel_call`."""

    FUNCTION = "function"
    """The level is checked at each call, and each call is charged."""
    OWN = "own"
    """The routine's own code checks and charges, because its rule depends on its arguments."""
    PLAIN = "plain"
    """The routine only reads or writes the object that it gets: nothing is checked or charged."""
    MACRO = "macro"
    """A macro or inline function in C: NT has no place to check or to charge it."""
    ACCESS = "access"
    """An access of a register or a port: the bus charges it."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels at which a routine may be called. `is_device` is true where a bound is the device's own DIRQL."""

    text: str
    minimum: int
    maximum: int
    is_device: bool


@dataclass(frozen=True, slots=True)
class Routine:
    """One routine of the WDK."""

    name: str
    header: str
    kind: Kind
    prototype: Prototype
    returned: tuple[str, ...]
    """Out parameters that Python returns behind the result, instead of filling a pointer."""
    levels: Levels
    levels_note: str
    verifier: str
    """The name of the verifier's rule in bugchecks.toml, or ""."""
    python: str
    """Module below `dirql` and qualified name, such as "ke.objects.event:Event.set"."""
    page: str
    not_modelled: str
    member_of: str
    """The structure that holds the routine as a pointer (DMA_OPERATIONS); "" for one that is exported."""
    also: tuple[str, ...]
    """Other names that the WDK has for the routine, which are macros or exports with the same arguments."""

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        """The parameters that a Python caller passes."""
        return tuple(each for each in self.prototype.parameters if each.name not in self.returned)


@dataclass(frozen=True, slots=True)
class RoutineFile:
    """The routines of one description file, which become one reference page."""

    file: Path
    title: str
    routines: tuple[Routine, ...]

    @property
    def stem(self) -> str:
        """The file's name without its suffix, which is the name of the page too."""
        return self.file.stem


DEVICE_LEVELS = (3, 12)
"""The lowest and the highest DIRQL."""
_LEVELS = re.compile(r"(?:(any)|(=|<=|>=) (\w+))")
_NEEDED = ("prototype", "irql", "python")
_ALLOWED = (
    "header",
    "kind",
    "returned",
    "irql_note",
    "verifier",
    "page",
    "not_modelled",
    "member_of",
    "also",
)


def load_routines(values: Values, folder: Path = HERE) -> tuple[RoutineFile, ...]:
    """Read and check every routine; raises `DescriptionError`."""
    files = []
    seen: dict[str, Path] = {}
    for file in sorted((folder / "routines").glob("*.toml")):
        head, entries = read_entries(file, ("title", "header"))
        for entry in entries:
            if entry.name in seen:
                raise entry.error(f"a routine must be described once; {seen[entry.name].name} has it too")
            seen.update(dict.fromkeys((entry.name, *entry.texts("also")), file))
        routines = tuple(_routine(entry, head.text("header"), values) for entry in entries)
        files.append(RoutineFile(file, head.text("title"), routines))
    return tuple(files)


def _routine(entry: Entry, header: str, values: Values) -> Routine:
    entry.check_keys(needed=_NEEDED, allowed=_ALLOWED)
    own_header = entry.text("header", header)
    kind = _kind(entry)
    word = "macro" if kind is Kind.MACRO else "function"
    routine = Routine(
        entry.name,
        own_header,
        kind,
        parse_prototype(entry.file, entry.name, entry.text("prototype")),
        entry.texts("returned"),
        _levels(entry, values),
        entry.text("irql_note", ""),
        entry.text("verifier", ""),
        entry.text("python"),
        entry.text("page", "" if own_header == "dirql" else f"{entry.name} {word} ({own_header})"),
        entry.text("not_modelled", ""),
        entry.text("member_of", ""),
        entry.texts("also"),
    )
    if routine.levels.is_device and kind is Kind.FUNCTION:
        raise entry.error("a routine whose level is the device's DIRQL must have kind own or macro")
    if routine.verifier and values.violation(routine.verifier) is None:
        raise entry.error(f"a verifier rule must be in bugchecks.toml; {routine.verifier!r} was not")
    _check_returned(entry, routine)
    _check_callable(entry, routine)
    return routine


def _kind(entry: Entry) -> Kind:
    kinds = {kind.value: kind for kind in Kind}
    kind = entry.text("kind", Kind.FUNCTION.value)
    if kind not in kinds:
        raise entry.error(f"a kind must be one of {', '.join(kinds)}; it was {kind!r}")
    return kinds[kind]


def _check_returned(entry: Entry, routine: Routine) -> None:
    outs = {each.name for each in routine.prototype.parameters if each.direction == "out"}
    for each in routine.returned:
        if each not in outs:
            raise entry.error(f"a returned parameter must be an _Out_ parameter; {each!r} was not")


def _check_callable(entry: Entry, routine: Routine) -> None:
    """The callable behind a routine exists and takes the arguments of the prototype."""
    python = routine.python
    if not re.fullmatch(r"[a-z_0-9.]+:[A-Za-z_0-9.]+", python):
        raise entry.error(f"python must be module:qualified.name; it was {python!r}")
    found = find_callable(python)
    if found is None:
        raise entry.error(f"python must name a callable below host/dirql; {python!r} does not")
    if found.is_variadic is not routine.prototype.is_variadic:
        raise entry.error(
            f"{python} must take any number of arguments if the prototype ends with ..., and only then"
        )
    wanted = [each.name for each in routine.arguments]
    if len(found.parameters) != len(wanted):
        raise entry.error(
            f"{python} must take {len(wanted)} arguments ({', '.join(wanted)});"
            f" it takes {len(found.parameters)} ({', '.join(found.parameters)})"
        )


def _levels(entry: Entry, values: Values) -> Levels:
    text = entry.text("irql")
    numbers = values.levels
    match = _LEVELS.fullmatch(text)
    level = match[3] if match else None
    if match is None or (level and level != "DIRQL" and level not in numbers):
        known = ", ".join((*numbers, "DIRQL"))
        raise entry.error(f"irql must be 'any', or '=', '<=' or '>=' and one of {known}; it was {text!r}")
    lowest, highest = min(numbers.values()), max(numbers.values())
    if level is None:
        return Levels(text, lowest, highest, is_device=False)
    low, high = DEVICE_LEVELS if level == "DIRQL" else (numbers[level],) * 2
    bounds = {"=": (low, high), "<=": (lowest, high), ">=": (low, highest)}[match[2]]
    return Levels(text, *bounds, is_device=level == "DIRQL")
