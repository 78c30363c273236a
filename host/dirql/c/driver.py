# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A driver in C as machines load it: its sources, and what an INF file says about it.

    machine.load_driver(CDriver("serial.c", "init.c"))

The image is compiled when the driver is loaded, and each load has variables of its own.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from dirql.c.core import WINDOWS_NAMES, exported_names, load_image, why_lacking
from dirql.c.image.compiling import BuiltDriver, Options, build_image, fresh_copy, read_image
from dirql.c.image.coverage import coverage_folder
from dirql.c.image.facts import DriverFacts, Parameter, read_facts
from dirql.c.image.imports import check_imports
from dirql.io.objects import DriverEntry

__all__ = ["IMAGES", "CDriver"]

IMAGES: Final = (".so", ".sys")
"""The suffixes of images that are compiled already: shared libraries, and images for Windows."""


def _is_c_driver(file: Path) -> bool:
    """Whether a path names a driver in C: a file of C, a folder with such files, or an image for Linux or Windows."""
    return file.suffix in (".c", *IMAGES) or (file.is_dir() and any(file.glob("*.c")))


class CDriver:
    """A driver in C.

    `sources` are files of C, or one folder with them, or one image that is compiled already. `name` is the name of the
    service. The keywords, and several sources, win over what the file with facts beside the first source says
    (dirql/c/image/facts.py). `coverage` is a folder that gets the counts of gcov when a machine is closed; without it
    the variable DIRQL_COVERAGE of the environment may name one. Raises `FactsError` for a mistake in that file,
    `ValueError` for sources that are not there.
    """

    def __init__(
        self,
        *sources: str | Path,
        name: str | None = None,
        hardware_ids: Sequence[str] | None = None,
        class_guid: str | None = None,
        define: Mapping[str, str] | None = None,
        include: Sequence[str | Path] = (),
        flags: Sequence[str] = (),
        coverage: str | Path | None = None,
    ) -> None:
        files = _checked([Path(source) for source in sources])
        beside = files[0] / "driver.toml" if files[0].is_dir() else files[0].with_suffix(".toml")
        facts = read_facts(beside)
        self.sources = _listed(files, facts, beside)
        self.__name__ = _checked_name(name or facts.service or files[0].stem)
        self.HARDWARE_IDS = facts.hardware_ids if hardware_ids is None else tuple(hardware_ids)
        self.CLASS_GUID = facts.class_guid if class_guid is None else class_guid
        self.PARAMETERS: Mapping[str, Parameter] = facts.parameters
        self.options = Options(
            defines={**facts.define, **(define or {})},
            include=(*facts.include, *(Path(each).resolve() for each in include)),
            flags=(*facts.flags, *flags),
            coverage=coverage_folder(coverage),
        )

    def __repr__(self) -> str:
        return f"<driver in C {self.__name__}: {', '.join(source.name for source in self.sources)}>"

    def build(self) -> BuiltDriver:
        """Compile the image, or take it from the cache.

        Raises `CompileError` with the compiler's messages, `MissingImports` with all names that dirql lacks, and
        `SetupError` where drivers in C cannot be compiled.
        """
        if self.sources[0].suffix in IMAGES:
            built = read_image(self.sources[0], self.__name__)
        else:
            built = build_image(self.__name__, self.sources, self.options)
        names = exported_names()
        if built.windows is not None:
            names |= WINDOWS_NAMES | built.windows.runtime_names
        check_imports(built, names, why_lacking)
        return built

    @property
    def DriverEntry(self) -> DriverEntry:
        """The entry point of a fresh image in the open machine; `build` says what it raises."""
        built = self.build()
        if built.windows is None:
            built = replace(built, library=fresh_copy(built, _copies()))
        return load_image(built).entry


def _checked(sources: list[Path]) -> list[Path]:
    if not sources:
        raise ValueError(
            "a driver in C must have a source: give the path of a .c file, of a folder, or of a .so or .sys file"
        )
    for source in sources:
        if not source.exists():
            raise ValueError(f"the source of a driver in C must exist; {str(source)!r} does not")
        if len(sources) > 1 and source.suffix != ".c":
            raise ValueError(f"of several sources each must be a .c file; one was {str(source)!r}")
        if not _is_c_driver(source):
            raise ValueError(
                "a driver in C must be a .c file, a folder with .c files, or a .so or .sys file; it was"
                f" {str(source)!r}"
            )
    return [source.resolve() for source in sources]


def _checked_name(name: str) -> str:
    if not name or "/" in name or "\\" in name:
        raise ValueError(f"the name of a service must be a text without / and \\; it was {name!r}")
    return name


def _listed(files: list[Path], facts: DriverFacts, beside: Path) -> tuple[Path, ...]:
    """The files to compile; `beside` is the file with the facts."""
    if len(files) > 1 or files[0].suffix in IMAGES:
        return tuple(files)
    listed = facts.sources or (tuple(sorted(files[0].glob("*.c"))) if files[0].is_dir() else tuple(files))
    for source in listed:
        if not source.is_file():
            raise ValueError(f"{beside}: sources must name files that exist; {source} does not")
    return listed


@cache
def _copies() -> Path:
    """The folder of the images that this process has loaded, which goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="dirql-images-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
