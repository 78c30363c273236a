# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The whole description, read and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wdk.errors import HERE
from wdk.routines import Routine, RoutineFile, load_routines
from wdk.values import Group, Values, load_values

__all__ = ["Description", "load_description"]


@dataclass(frozen=True, slots=True)
class Description:
    """Everything that the files of this folder say."""

    values: Values
    routine_files: tuple[RoutineFile, ...]

    @property
    def routines(self) -> Iterator[Routine]:
        """All routines, file by file."""
        return (routine for file in self.routine_files for routine in file.routines)

    @property
    def constants(self) -> tuple[Group, ...]:
        """The groups of constants and enumerations."""
        return self.values.constants


def load_description(folder: Path = HERE) -> Description:
    """Read and check all files; raises `DescriptionError`."""
    values = load_values(folder)
    return Description(values, load_routines(values, folder))
