# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Compiles the small drivers of tests/machine/c_drivers for the core, with gcc and nothing else of dirql's build."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import dirql.c.core
from dirql.c.core import load_image
from dirql.io.objects import DriverObject

SOURCES = Path(__file__).parent / "c_drivers"
INCLUDE = Path(dirql.c.core.__file__).parents[1] / "include"
OPTIONS = "-std=gnu11 -O0 -g -fPIC -shared -fshort-wchar -mms-bitfields -fno-strict-aliasing -Wno-multichar"
_FOLDER = tempfile.TemporaryDirectory(prefix="dirql-c-drivers-")


class Place(NamedTuple):
    function: str
    file: str
    line: int


class Built:
    """A driver that gcc has compiled; each load needs a library of its own."""

    entry = "DriverEntry"

    def __init__(self, name: str) -> None:
        self.name = name
        compiled = _compiled(name)
        with tempfile.NamedTemporaryFile(dir=_FOLDER.name, suffix=".so", delete=False) as copy:
            self.library = Path(copy.name)
        shutil.copyfile(compiled, self.library)
        self.imports = _imports(compiled)
        self.sections: Mapping[str, tuple[int, int]] = {}

    def place(self, offset: int) -> Place | None:
        told = _told("addr2line", "-f", "-e", str(self.library), hex(offset)).splitlines()
        file, _, line = told[1].rpartition(":")
        number = re.match(r"\d+", line)
        return Place(told[0], file, int(number[0])) if number else None


class CDriver:
    """A driver in C, for `Machine.load_driver`."""

    def __init__(self, name: str, hardware_ids: tuple[str, ...] = ()) -> None:
        self.__name__ = name
        self.HARDWARE_IDS = hardware_ids
        self.name = name

    def DriverEntry(self, driver_object: DriverObject, registry_path: str) -> int:
        return load_image(Built(self.name)).entry(driver_object, registry_path)


@cache
def _compiled(name: str) -> Path:
    library = Path(_FOLDER.name) / f"{name}.so"
    options = [*OPTIONS.split(), "-nostdlib", "-Wl,-Bsymbolic,-z,now", f"-I{INCLUDE}"]
    subprocess.run(["gcc", *options, str(SOURCES / f"{name}.c"), "-o", str(library)], check=True)
    return library


@cache
def _imports(library: Path) -> frozenset[str]:
    return frozenset(
        line.split()[-1] for line in _told("nm", "-D", "--undefined-only", str(library)).splitlines()
    )


def _told(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
