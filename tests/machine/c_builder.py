# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The small drivers of tests/machine/c_drivers, for `Machine.load_driver`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dirql.c.core import load_image
from dirql.c.image.compiling import build_image, fresh_copy
from dirql.io.objects import DriverEntry

SOURCES = Path(__file__).parent / "c_drivers"


class CDriver:
    """A driver in C; it is compiled and loaded when the machine asks for its entry point."""

    def __init__(self, name: str, hardware_ids: tuple[str, ...] = ()) -> None:
        self.__name__ = name
        self.HARDWARE_IDS = hardware_ids

    @property
    def DriverEntry(self) -> DriverEntry:
        built = build_image(self.__name__, [SOURCES / f"{self.__name__}.c"], announce=lambda _: None)
        return load_image(replace(built, library=fresh_copy(built))).entry
