# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads the rows from the data files `nt_*.toml` and `pci_*.toml`.

Each table of a file is a group: its title, and a table per row. A row has `rule`, one or more full sentences, and
`source`, the WDK page or the section of a specification that the rule follows.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PARTS", "Group", "Row", "groups", "known"]

PARTS = ("nt", "pci")
"""The parts of the book; the name of a data file begins with one of them."""

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Row:
    """One rule with an ID."""

    id: str
    rule: str
    source: str


@dataclass(frozen=True)
class Group:
    """Rules about one subject."""

    title: str
    rows: tuple[Row, ...]


def groups(part: str) -> list[Group]:
    """The groups of a part, in the order of its files. Raises ValueError for a row that is not as it must be."""
    found = []
    for file in sorted(HERE.glob(f"{part}_*.toml")):
        for name, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
            title = table.pop("title", None)
            if not title:
                raise ValueError(f"{file.name}: the group {name} must have a title")
            found.append(Group(title, tuple(row(file, *entry) for entry in table.items())))
    return found


def row(file: Path, id_: str, fields: dict[str, str]) -> Row:
    """One row, its rule on one line."""
    if set(fields) != {"rule", "source"}:
        raise ValueError(f"{file.name}: {id_} must have a rule and a source; it has {', '.join(fields)}")
    rule = " ".join(fields["rule"].split())
    if not rule.endswith((".", ".)")):
        raise ValueError(f"{file.name}: the rule of {id_} must be full sentences; it ends in {rule[-20:]!r}")
    return Row(id_, rule, fields["source"])


def known() -> dict[str, Row]:
    """All rows by their IDs. Raises ValueError for an ID that is given twice."""
    rows: dict[str, Row] = {}
    for part in PARTS:
        for group in groups(part):
            for row in group.rows:
                if row.id in rows:
                    raise ValueError(f"the row {row.id} must be given once; it is in two groups")
                rows[row.id] = row
    return rows
