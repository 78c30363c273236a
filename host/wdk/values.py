# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Constants, enumerations, statuses and bug checks, read from constants/, status.toml and bugchecks.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wdk.entry import Entry
from wdk.errors import HERE, DescriptionError, read

__all__ = ["Group", "Value", "Values", "is_level", "load_values"]

_BITS = 32


def is_level(name: str) -> bool:
    """Whether a constant is an IRQL; the levels of debugger messages are named alike."""
    return name.endswith("_LEVEL") and not name.startswith("DPFLTR_")


@dataclass(frozen=True, slots=True)
class Value:
    """A named number with the sentence that explains it."""

    name: str
    value: int
    text: str
    parameters: tuple[str, ...] = ()
    """Of a bug check code: the meaning of its four parameters."""
    win32: str = ""
    """Of a status: the name of the error code that a program gets for it, or ""."""


@dataclass(frozen=True, slots=True)
class Group:
    """Values that belong together.

    `enumeration` is the C enumeration that they are members of, or "". `code` is the bug check that they are first
    parameters of, or "".
    """

    title: str
    header: str
    enumeration: str
    code: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """All named numbers of the description."""

    constants: tuple[Group, ...]
    statuses: tuple[Group, ...]
    bug_checks: tuple[Group, ...]
    levels: Mapping[str, int]
    """The IRQLs that have names, with their numbers."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups of constants, statuses and bug checks."""
        return (*self.constants, *self.statuses, *self.bug_checks)

    def violation(self, name: str) -> tuple[int, int] | None:
        """The bug check code and the first parameter that a verifier rule's name stands for, or None."""
        codes = {
            value.name: value.value for group in self.bug_checks if not group.code for value in group.values
        }
        for group in self.bug_checks:
            for value in group.values:
                if group.code and value.name == name:
                    return codes[group.code], value.value
        return None


def load_values(folder: Path = HERE) -> Values:
    """Read and check every named number; raises `DescriptionError`."""
    seen: dict[str, Path] = {}
    files = sorted((folder / "constants").glob("*.toml"))
    constants = [group for file in files for group in _groups(file, seen)]
    statuses = list(_groups(folder / "status.toml", seen))
    bug_checks = list(_groups(folder / "bugchecks.toml", seen))
    _check_statuses(folder / "status.toml", statuses)
    _check_codes(folder / "bugchecks.toml", bug_checks)
    _check_win32(folder / "status.toml", statuses, constants)
    values = (value for group in constants for value in group.values)
    levels = {value.name: value.value for value in values if is_level(value.name)}
    return Values(tuple(constants), tuple(statuses), tuple(bug_checks), levels)


def _groups(file: Path, seen: dict[str, Path]) -> Iterator[Group]:
    """The groups of a file; `seen` has the names of all files so far."""
    whole = Entry(file, "the head of the file", read(file))
    whole.check_keys(needed=("title", "header", "group"))
    for table in whole.tables("group"):
        group = Entry(file, str(table.get("title", "a group without a title")), table)
        group.check_keys(needed=("title", "values"), allowed=("header", "enumeration", "code"))
        entries = group.inner("values").entries()
        for entry in entries:
            if entry.name in seen:
                raise entry.error(f"a name must be described once; {seen[entry.name].name} has it too")
            seen[entry.name] = file
        yield Group(
            group.text("title"),
            group.text("header", whole.text("header")),
            group.text("enumeration", ""),
            group.text("code", ""),
            tuple(_value(entry) for entry in entries),
        )


def _value(entry: Entry) -> Value:
    entry.check_keys(needed=("value", "text"), allowed=("parameters", "win32"))
    value, text = entry.table["value"], entry.text("text")
    if not isinstance(value, int) or not -(1 << _BITS - 1) <= value < 1 << _BITS:
        raise entry.error(f"a value must be an integer of {_BITS} bits; it was {value!r}")
    if not text.endswith("."):
        raise entry.error(f"a text must be a sentence that ends in a full stop; it was {text!r}")
    parameters = entry.texts("parameters")
    if parameters and len(parameters) != 4:
        raise entry.error(f"a bug check must have 4 parameters; it had {len(parameters)}")
    return Value(entry.name, value, text, parameters, entry.text("win32", ""))


def _check_statuses(file: Path, groups: list[Group]) -> None:
    """The two highest bits of a status say how bad it is, and its group says so too."""
    severities = ("Success", "Informational", "Warning", "Error")
    for group in groups:
        if group.title not in severities:
            raise DescriptionError(
                file, group.title, f"a group of statuses must be one of {', '.join(severities)}"
            )
        for value in group.values:
            severity = severities[value.value >> _BITS - 2 & 3]
            if severity != group.title:
                raise DescriptionError(
                    file,
                    value.name,
                    f"its value {value.value:#010x} belongs to {severity}, not to {group.title}",
                )


def _check_win32(file: Path, statuses: list[Group], constants: list[Group]) -> None:
    """The error code of a status is a constant that exists."""
    known = {value.name for group in constants for value in group.values}
    for value in (value for group in statuses for value in group.values):
        if value.win32 and value.win32 not in known:
            raise DescriptionError(
                file, value.name, f"win32 must be a constant; {value.win32!r} is not described"
            )


def _check_codes(file: Path, groups: list[Group]) -> None:
    """First parameters belong to a code that exists."""
    codes = {value.name for group in groups if not group.code for value in group.values}
    for group in groups:
        if group.code and group.code not in codes:
            raise DescriptionError(
                file, group.title, f"the code of a group must exist; {group.code} does not"
            )
