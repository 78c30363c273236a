# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Constants, enumerations, statuses and bug checks, read from constants/, status.toml and bugchecks.toml."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from wdk.errors import HERE, DescriptionError, Table, check_keys, read

__all__ = ["Group", "Value", "Values", "load_values"]

_BITS = 32


@dataclass(frozen=True, slots=True)
class Value:
    """A named number with the sentence that explains it."""

    name: str
    value: int
    text: str
    parameters: tuple[str, ...] = ()
    """Of a bug check code: the meaning of its four parameters."""


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
    constants = [group for file in sorted((folder / "constants").glob("*.toml")) for group in _groups(file)]
    statuses = list(_groups(folder / "status.toml"))
    bug_checks = list(_groups(folder / "bugchecks.toml"))
    _check_statuses(folder / "status.toml", statuses)
    _check_codes(folder / "bugchecks.toml", bug_checks)
    _check_once(folder, [*constants, *statuses, *bug_checks])
    return Values(tuple(constants), tuple(statuses), tuple(bug_checks))


def _groups(file: Path) -> Iterator[Group]:
    whole = read(file)
    check_keys(file, "the head of the file", whole, needed=("title", "header", "group"))
    for table in cast("list[Table]", whole["group"]):
        title = str(table.get("title", "a group without a title"))
        check_keys(file, title, table, needed=("title", "values"), allowed=("header", "enumeration", "code"))
        members = cast("dict[str, Table]", table["values"])
        yield Group(
            title,
            str(table.get("header", whole["header"])),
            str(table.get("enumeration", "")),
            str(table.get("code", "")),
            tuple(_value(file, name, entry) for name, entry in members.items()),
        )


def _value(file: Path, name: str, entry: Table) -> Value:
    check_keys(file, name, entry, needed=("value", "text"), allowed=("parameters",))
    value, text = entry["value"], str(entry["text"])
    if not isinstance(value, int) or not -(1 << _BITS - 1) <= value < 1 << _BITS:
        raise DescriptionError(file, name, f"a value must be an integer of {_BITS} bits; it was {value!r}")
    if not text.endswith("."):
        raise DescriptionError(
            file, name, f"a text must be a sentence that ends in a full stop; it was {text!r}"
        )
    parameters = tuple(cast("list[str]", entry.get("parameters", [])))
    if parameters and len(parameters) != 4:
        raise DescriptionError(file, name, f"a bug check must have 4 parameters; it has {len(parameters)}")
    return Value(name, value, text, parameters)


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


def _check_codes(file: Path, groups: list[Group]) -> None:
    """First parameters belong to a code that exists."""
    codes = {value.name for group in groups if not group.code for value in group.values}
    for group in groups:
        if group.code and group.code not in codes:
            raise DescriptionError(
                file, group.title, f"the code of a group must exist; {group.code} does not"
            )


def _check_once(folder: Path, groups: list[Group]) -> None:
    seen: set[str] = set()
    for group in groups:
        for value in group.values:
            if value.name in seen:
                raise DescriptionError(
                    folder, value.name, "a name must be described once; it is described twice"
                )
            seen.add(value.name)
