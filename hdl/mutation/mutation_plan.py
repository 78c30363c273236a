# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The plan of mutation, cells.toml, and the survivors that survivors.toml explains."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

__all__ = ["FOLDER", "HDL", "ROOT", "Cell", "Survivor", "load_cells", "load_survivors"]

FOLDER = Path(__file__).resolve().parent
HDL = FOLDER.parent
ROOT = HDL.parent

Record = TypeVar("Record")


@dataclass(frozen=True)
class Cell:
    """Files that are mutated together, and what must find their mutants: proofs, then tests."""

    name: str
    files: tuple[str, ...]
    proofs: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Survivor:
    """A mutant that nothing finds, and why. `equivalent` says that it behaves like the cell as it was."""

    file: str
    line: str
    change: str
    why: str
    equivalent: bool
    occurrence: int = 1

    @property
    def key(self) -> tuple[str, str, str, int]:
        """The name of the mutant, as `Mutant.key` does."""
        return self.file, self.line, self.change, self.occurrence


CELL_KEYS: dict[str, type] = {"name": str, "files": list, "proofs": list, "tests": list}
SURVIVOR_KEYS: dict[str, type] = {
    "file": str,
    "line": str,
    "change": str,
    "why": str,
    "equivalent": bool,
    "occurrence": int,
}


def refuse(table: dict[str, object], keys: dict[str, type], required: tuple[str, ...]) -> str:
    """The complaint about the first wrong key of a table, or nothing."""
    for key in required:
        if key not in table:
            return f"{key} must be given; it is missing"
    for key, value in table.items():
        if key not in keys:
            return f"a key must be one of {', '.join(keys)}; it was {key}"
        if type(value) is not keys[key]:
            return f"{key} must be of type {keys[key].__name__}; it was {value!r}"
    return ""


def tables(
    file: Path, kind: str, keys: dict[str, type], required: tuple[str, ...]
) -> list[dict[str, object]]:
    """The tables of a file with lists as tuples. Raises ValueError for one that cannot be."""
    found = tomllib.loads(file.read_text(encoding="utf-8")).get(kind, [])
    for number, table in enumerate(found, 1):
        if complaint := refuse(table, keys, required):
            raise ValueError(f"{file}, {kind} {number}: {complaint}")
    return [{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()} for table in found]


def load_cells(file: Path = FOLDER / "cells.toml") -> tuple[Cell, ...]:
    """The cells of the plan. Raises ValueError for a cell that cannot be, or that nothing would find mutants of."""
    found = []
    for table in tables(file, "cells", CELL_KEYS, ("name", "files")):
        if not table.get("proofs") and not table.get("tests"):
            raise ValueError(f"{file}, cell {table['name']}: proofs or tests must be given; both are missing")
        found.append(made(Cell, table))
    return tuple(found)


def made(kind: type[Record], table: dict[str, object]) -> Record:
    """A record of the values of a table, whose keys and types have been checked."""
    return kind(**table)


def load_survivors(file: Path = FOLDER / "survivors.toml") -> dict[tuple[str, str, str, int], Survivor]:
    """The survivors that are explained. Raises ValueError for an entry that cannot be, or that is there twice."""
    found: dict[tuple[str, str, str, int], Survivor] = {}
    required = ("file", "line", "change", "why", "equivalent")
    for table in tables(file, "survivors", SURVIVOR_KEYS, required):
        survivor = made(Survivor, table)
        if survivor.key in found:
            raise ValueError(f"{file}: a survivor must be there once; {survivor.change!r} is there twice")
        found[survivor.key] = survivor
    return found
