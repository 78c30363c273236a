# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The whole description, read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from wdk.c_types import Opaque, Record, Typedef
from wdk.entry import read_entries
from wdk.errors import HERE
from wdk.lacking import load_lacking
from wdk.layout import TypeTable
from wdk.not_modelled import Family, load_families
from wdk.numbers import Numbers, load_numbers
from wdk.python_classes import check_python_classes
from wdk.routines import Routine, RoutineFile, load_routines
from wdk.structure_rules import check_prototypes, check_structures
from wdk.structures import StructureFile, load_structures
from wdk.values import Group, Values, load_values

__all__ = ["Description", "load_description"]


@dataclass(frozen=True, slots=True)
class Description:
    """The contents of all description files."""

    values: Values
    routine_files: tuple[RoutineFile, ...]
    structure_files: tuple[StructureFile, ...]
    types: TypeTable
    """The types of all structure files, by name."""
    classes: tuple[tuple[str, str, str], ...]
    """WDK name, header and Python path of each class that the facade exports."""
    lacking: Mapping[str, tuple[str, ...]]
    """By header, names that the WDK has and dirql lacks."""
    families: tuple[Family, ...]
    """The families of routines that dirql lacks, with the reasons."""
    numbers: Numbers
    """The numbers that only the C headers have."""

    @property
    def routines(self) -> Iterator[Routine]:
        """All routines, file by file."""
        return (routine for file in self.routine_files for routine in file.routines)

    @property
    def constants(self) -> tuple[Group, ...]:
        """The groups of constants and enumerations."""
        return self.values.constants


@cache
def load_description(folder: Path = HERE) -> Description:
    """Read and check all files, once in a process; raises `DescriptionError`."""
    values = load_values(folder)
    structure_files = load_structures(values.constants, folder)
    types = check_structures(each for file in structure_files for each in file.types)
    check_python_classes(types.types)
    routine_files = load_routines(values, folder)
    check_prototypes(routine_files, types)
    classes = (*_classes_of_types(types), *_load_classes(folder / "classes.toml"))
    exported = {
        *(
            name
            for file in routine_files
            for routine in file.routines
            for name in (routine.name, *routine.also)
        ),
        *(value.name for group in values.groups for value in group.values),
        *(name for name, _, _ in classes),
    }
    lacking = load_lacking(folder / "lacking.toml", types, exported)
    families = load_families(folder / "not_modelled.toml")
    numbers = load_numbers(folder / "numbers.toml", exported)
    return Description(values, routine_files, structure_files, types, classes, lacking, families, numbers)


def _classes_of_types(types: TypeTable) -> Iterator[tuple[str, str, str]]:
    for each in types.types:
        if isinstance(each, Record | Typedef | Opaque) and each.python:
            yield each.name, each.header, each.python


def _load_classes(file: Path) -> tuple[tuple[str, str, str], ...]:
    _, entries = read_entries(file)
    for entry in entries:
        entry.check_keys(needed=("header", "python"))
    return tuple((entry.name, entry.text("header"), entry.text("python")) for entry in entries)
