# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines, read from routines/: prototype, levels, the verifier's rule, and the Python callable behind each."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from wdk.errors import HERE, DescriptionError, Table, check_keys, read
from wdk.prototypes import Parameter, Prototype, parse_prototype
from wdk.sources import find_callable
from wdk.values import Values

__all__ = ["Kind", "Levels", "Routine", "RoutineFile", "load_routines"]


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


_LEVEL_NAMES = {"PASSIVE_LEVEL": 0, "APC_LEVEL": 1, "DISPATCH_LEVEL": 2, "SYNCH_LEVEL": 12, "HIGH_LEVEL": 15}
_DEVICE_LEVELS = (3, 12)
_LEVELS = re.compile(r"(?:(any)|(=|<=|>=) (\w+))")
_NEEDED = ("prototype", "irql", "python")
_ALLOWED = ("header", "kind", "returned", "irql_note", "verifier", "page", "not_modelled", "member_of")


def load_routines(values: Values, folder: Path = HERE) -> tuple[RoutineFile, ...]:
    """Read and check every routine; raises `DescriptionError`."""
    files = []
    seen: dict[str, Path] = {}
    for file in sorted((folder / "routines").glob("*.toml")):
        whole = read(file)
        check_keys(file, "the head of the file", whole, needed=("title", "header"), allowed=whole)
        entries = {name: cast(Table, entry) for name, entry in whole.items() if isinstance(entry, dict)}
        for name in entries:
            if name in seen:
                raise DescriptionError(
                    file, name, f"a routine must be described once; {seen[name].name} has it too"
                )
            seen[name] = file
        routines = tuple(
            _routine(file, name, entry, str(whole["header"]), values) for name, entry in entries.items()
        )
        files.append(RoutineFile(file, str(whole["title"]), routines))
    return tuple(files)


def _routine(file: Path, name: str, entry: Table, header: str, values: Values) -> Routine:
    check_keys(file, name, entry, needed=_NEEDED, allowed=_ALLOWED)
    prototype = parse_prototype(file, name, str(entry["prototype"]))
    returned = tuple(cast("list[str]", entry.get("returned", [])))
    outs = {each.name for each in prototype.parameters if each.direction == "out"}
    for each in returned:
        if each not in outs:
            raise DescriptionError(
                file, name, f"what is returned must be an _Out_ parameter; {each!r} is not"
            )
    kinds = {kind.value: kind for kind in Kind}
    kind = str(entry.get("kind", Kind.FUNCTION.value))
    if kind not in kinds:
        raise DescriptionError(file, name, f"a kind must be one of {', '.join(kinds)}; it was {kind!r}")
    levels = _parse_levels(file, name, str(entry["irql"]))
    if levels.is_device and kinds[kind] is Kind.FUNCTION:
        raise DescriptionError(
            file, name, "a routine whose level is the device's DIRQL must have kind own or macro"
        )
    verifier = str(entry.get("verifier", ""))
    if verifier and values.violation(verifier) is None:
        raise DescriptionError(file, name, f"a verifier rule must be in bugchecks.toml; {verifier!r} is not")
    python = str(entry["python"])
    if not re.fullmatch(r"[a-z_0-9.]+:[A-Za-z_0-9.]+", python):
        raise DescriptionError(file, name, f"python must be module:qualified.name; it was {python!r}")
    if find_callable(python) is None:
        raise DescriptionError(
            file, name, f"python must name a callable below host/dirql; {python!r} does not"
        )
    own_header = str(entry.get("header", header))
    word = "macro" if kinds[kind] is Kind.MACRO else "function"
    return Routine(
        name,
        own_header,
        kinds[kind],
        prototype,
        returned,
        levels,
        str(entry.get("irql_note", "")),
        verifier,
        python,
        str(entry.get("page", "" if own_header == "dirql" else f"{name} {word} ({own_header})")),
        str(entry.get("not_modelled", "")),
        str(entry.get("member_of", "")),
    )


def _parse_levels(file: Path, name: str, text: str) -> Levels:
    match = _LEVELS.fullmatch(text)
    level = match[3] if match else None
    if match is None or (level and level != "DIRQL" and level not in _LEVEL_NAMES):
        known = ", ".join((*_LEVEL_NAMES, "DIRQL"))
        raise DescriptionError(
            file, name, f"irql must be 'any', or '=', '<=' or '>=' and one of {known}; it was {text!r}"
        )
    lowest, highest = _LEVEL_NAMES["PASSIVE_LEVEL"], _LEVEL_NAMES["HIGH_LEVEL"]
    if level is None:
        return Levels(text, lowest, highest, is_device=False)
    low, high = _DEVICE_LEVELS if level == "DIRQL" else (_LEVEL_NAMES[level],) * 2
    bounds = {"=": (low, high), "<=": (lowest, high), ">=": (low, highest)}[match[2]]
    return Levels(text, *bounds, is_device=level == "DIRQL")
