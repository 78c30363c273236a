# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Compiles the sources of a driver in C to an image, once for each state of sources, headers, options and compiler.

Each source is preprocessed, translated from Microsoft's C (translation.py) and compiled. The image is linked with
dirql's runtime and with nothing else, so that all names that are left over are names of the kernel. The sections PAGE
and INIT lie on pages of their own.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from dirql.c.image.advice import advice, no_entry_point
from dirql.c.image.compiler import (
    HEADERS,
    OPTIONS,
    RUNTIME,
    RUNTIME_OPTIONS,
    CompileError,
    Compiler,
    find_compiler,
)
from dirql.c.image.coverage import COUNTED, NOTES, RUNTIME_PART, Coverage, check_that_it_counts
from dirql.c.image.elf import ElfFile, Section
from dirql.c.image.overlay import write_stand_ins
from dirql.c.image.pe import PeFile, is_pe
from dirql.c.image.places import Place, Places, WindowsPlaces
from dirql.c.image.sanitizing import (
    LINKED,
    RUNTIME_PART as CHECKS,
    is_hosted,
    is_sanitized,
    sanitizer_options,
)
from dirql.c.image.translation import translate
from dirql.c.image.windows import ForWindows, runtime_for_windows
from dirql.target.simulation.build import announce_on_stderr, cache_directory

__all__ = ["BuiltDriver", "Options", "build_image", "fresh_copy", "read_image"]

_QUIET: Final = (
    "-Wno-unknown-pragmas",
    "-Wno-multichar",
    "-Wno-attributes",
    "-Wno-error=implicit-function-declaration",
    "-Wno-error=incompatible-pointer-types",
    "-Wno-error=int-conversion",
    "-Wno-pointer-to-int-cast",
    "-Wno-int-to-pointer-cast",
    "-Wno-pointer-sign",
    "-Wreturn-type",
)
"""Warnings about what Microsoft's compiler takes, and errors where it warns."""
_CLANG_QUIET: Final = (
    "-Wno-ignored-attributes",
    "-Wno-ignored-pragmas",
    "-Wno-microsoft",
    "-Wno-unused-value",
)
_DEFINES: Final = {
    "ALLOC_PRAGMA": "1",
    "_KERNEL_MODE": "1",
    "WINNT": "1",
    "_WIN32_WINNT": "0x0A00",
    "WINVER": "0x0A00",
}
_NOT_WINDOWS: Final = ("linux", "unix", "__linux", "__linux__", "__gnu_linux__", "__unix", "__unix__")
"""Macros by which sources for several systems would not take the way for Windows."""
_IN_THE_CORE: Final = "seh.c"
_COUNTING: Final = re.compile(r"--coverage|-fprofile|-ftest-coverage|-p$|-pg$")
_SECTION: Final = re.compile(r'__attribute__\(\(section\("((?:PAGE|INIT)\w*)"\)\)\)')
_PAGED: Final = re.compile(r"PAGE|INIT")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a build: macros, folders of headers, and further options of the compiler."""

    defines: Mapping[str, str] = field(default_factory=dict)
    include: tuple[Path, ...] = ()
    flags: tuple[str, ...] = ()
    coverage: Path | None = None
    """The folder for the counts of gcov; without one nothing is counted."""


@dataclass(frozen=True, slots=True)
class BuiltDriver:
    """The image of a driver in a file."""

    name: str
    library: Path
    imports: frozenset[str]
    """The names that the image needs from the kernel."""
    sections: Mapping[str, Section]
    """INIT and the sections whose names begin with PAGE, each on pages of its own."""
    sources: tuple[Path, ...]
    entry: str
    messages: str
    """The messages of the compiler, if it was run now."""
    places: Places | WindowsPlaces = field(repr=False, compare=False)
    windows: ForWindows | None = field(default=None, repr=False, compare=False)
    """The contents of an image that was built for Windows."""
    coverage: Coverage | None = None
    """The place to which the counts of gcov go."""

    def place(self, offset: int) -> Place | None:
        """The function, file and line at an offset behind the image's base; None if no routine lies there."""
        return self.places.find(offset)

    def keep_counts(self, files: Mapping[str, bytes]) -> None:
        """Add the counts of gcov that a machine has made, file by file, to those in the folder for them."""
        if self.coverage is not None:
            self.coverage.add(files)


def read_image(
    library: Path, name: str = "", sources: Sequence[Path] = (), messages: str = ""
) -> BuiltDriver:
    """The image in a file, for Linux or for Windows.

    Raises `ElfError` or `PeError` if it is none, `ValueError` if it has no entry point.
    """
    if library.suffix == ".sys" or is_pe(library):
        return _read_for_windows(library, name)
    elf = ElfFile(library)
    entry = next((each for each in ("DriverEntry", "GsDriverEntry") if each in elf.exports), None)
    if entry is None:
        texts = "".join(source.read_text(encoding="utf-8", errors="replace") for source in sources)
        raise ValueError(no_entry_point(name or library.name, sorted(elf.routines), texts))
    sections = {
        each: section for each, section in elf.sections.items() if _PAGED.match(each) and section.size
    }
    places = Places(library, elf)
    return BuiltDriver(
        name or library.stem, library, elf.imports, sections, tuple(sources), entry, messages, places
    )


def _read_for_windows(file: Path, name: str) -> BuiltDriver:
    image = PeFile(file)
    runtime, names = runtime_for_windows()
    sections = {
        part.name: Section(part.offset, part.size)
        for part in image.parts
        if part.is_executable and _PAGED.match(part.name) and part.size
    }
    return BuiltDriver(
        name or file.stem,
        file,
        frozenset(image.imports.values()) - names,
        sections,
        (),
        "DriverEntry",
        "",
        WindowsPlaces(file, image.preferred_base),
        ForWindows(image, runtime, names),
    )


def build_image(
    name: str,
    sources: Sequence[Path],
    options: Options | None = None,
    *,
    compiler: Compiler | None = None,
    announce: Callable[[str], None] = announce_on_stderr,
) -> BuiltDriver:
    """Compile sources to an image, or take it from the cache.

    Raises `CompileError` with the compiler's messages, `SetupError` without a compiler.
    """
    counting = [flag for flag in options.flags if _COUNTING.match(flag)] if options else []
    if counting:
        raise CompileError(
            f"{name}: flags must not have {' '.join(counting)}, which needs a C library: name a folder for the counts"
            " of gcov with `coverage`, or the variable DIRQL_COVERAGE"
        )
    recipe = _Recipe(name, sources, options or Options(), compiler or find_compiler())
    work = cache_directory() / f".c-{name}-{uuid.uuid4().hex[:8]}"
    work.mkdir(parents=True)
    try:
        texts = recipe.preprocess(work)
        place = cache_directory() / f"c-{name}-{recipe.key(texts)}"
        library = place / f"{name}.so"
        messages = ""
        if not library.is_file():
            announce(f"dirql: compiling the driver {name}")
            messages = recipe.compile(texts, work)
            finished = work / "finished"
            finished.mkdir()
            for made in (work / library.name, *work.glob(f"*{NOTES}")):
                made.rename(finished / made.name)
            shutil.rmtree(place, ignore_errors=True)
            finished.rename(place)
            if messages:
                announce(messages.rstrip())
    finally:
        shutil.rmtree(work, ignore_errors=True)
    built = read_image(library, name, sources, messages)
    return replace(built, coverage=recipe.coverage(place))


class _Recipe:
    """The steps of one build."""

    def __init__(self, name: str, sources: Sequence[Path], options: Options, compiler: Compiler) -> None:
        self._name = name
        self._sources = [source.resolve() for source in sources]
        self._options = options
        self._compiler = compiler

    def coverage(self, place: Path) -> Coverage | None:
        """The place for the counts of the finished image in `place`; None if nothing is counted."""
        folder = self._options.coverage
        return None if folder is None else Coverage(folder, place, self._compiler)

    def preprocess(self, work: Path) -> list[str]:
        """The translated text of each source; all errors of all sources are raised together."""
        if self._counted():
            check_that_it_counts(self._compiler)
        overlay = (
            work / "stand-ins" / "of" / "the" / "headers"
        )  # so deep that "../../" does not leave the folder
        overlay.mkdir(parents=True)
        write_stand_ins(self._sources, self._options.include, HEADERS, overlay)
        errors, texts = [], []
        for source in self._sources:
            search = [str(source.parent), *map(str, self._options.include), str(overlay)]
            arguments = [
                "-E",
                *self._arguments(search),
                "-include",
                "msvc.h",
                "-include",
                "string.h",
                str(source),
            ]
            try:
                text, _ = self._compiler.run(arguments, work)
            except CompileError as error:
                errors.append(str(error))
            else:
                texts.append(translate(text).replace(str(work), "."))
        if errors:
            raise _advised(errors)
        return texts

    def key(self, texts: Iterable[str]) -> str:
        """The part of the image's name in the cache that stands for everything of which it is made."""
        digest = hashlib.sha256()
        own = (*self._all_options(), *self._counted(), *self._runtime_arguments())
        facts = (self._compiler.version, *self._compiler.command, *own)
        # This file says how the texts are compiled, and the headers are part of the runtime's texts.
        used = [
            Path(__file__),
            *(file for folder in (RUNTIME, HEADERS) for file in sorted(folder.rglob("*.*"))),
        ]
        runtime = (file.read_text(encoding="utf-8") for file in used)
        for text in (*facts, *texts, *runtime):
            digest.update(text.encode("utf-8", "surrogateescape") + b"\0")
        return digest.hexdigest()[:16]

    def compile(self, texts: Sequence[str], work: Path) -> str:
        """Compile and link in a folder; returns the compiler's warnings."""
        errors, messages, objects = [], [], []
        for unit, text in zip(self._units(), texts, strict=True):
            file = f"{unit}.o"
            options = [*self._all_options(), *self._counted(), *self._optimisation(text)]
            (work / f"{unit}.i").write_text(text, encoding="utf-8", errors="surrogateescape")
            try:
                messages.append(self._compiler.run([*options, "-c", f"{unit}.i", "-o", file], work)[1])
                objects.append(file)
            except CompileError as error:
                errors.append(str(error))
        if errors:
            raise _advised(errors)
        names = _names_of_sections(texts)
        if names:
            (work / "sections.ld").write_text(_script(names), encoding="ascii")
        hosted = [] if is_hosted(self._options.flags) else ["-nostdlib"]
        self._compiler.run(
            [
                "-shared",
                *hosted,
                *(flag for flag in self._options.flags if is_hosted([flag])),
                *(
                    "-Wl,-z,now",
                    "-Wl,-Bsymbolic",
                    "-Wl,-z,max-page-size=4096",
                    "-Wl,--gc-sections",
                    *(["-Wl,-T,sections.ld"] if names else []),
                    *([LINKED] if self._sanitizer() else []),
                ),
                *("-o", f"{self._name}.so", *objects, *self._runtime()),
                *(["-lgcov"] if self._counted() else []),
                *([] if self._compiler.is_clang else ["-lgcc"]),
            ],
            work,
        )
        text = "".join(messages).rstrip()
        return text + advice(text)

    def _units(self) -> Iterator[str]:
        """A name for what is made of each source."""
        stems = [source.stem for source in self._sources]
        for number, stem in enumerate(stems):
            yield stem if stems.count(stem) == 1 else f"{stem}-{number}"

    def _counted(self) -> tuple[str, ...]:
        return () if self._options.coverage is None else COUNTED

    def _sanitizer(self) -> tuple[str, ...]:
        return sanitizer_options(self._options.flags, self._compiler)

    def _all_options(self) -> tuple[str, ...]:
        quiet = _QUIET + (_CLANG_QUIET if self._compiler.is_clang else ())
        flags = (flag for flag in self._options.flags if not is_sanitized([flag]))
        return (*OPTIONS, *quiet, *flags, *self._sanitizer())

    def _optimisation(self, text: str) -> tuple[str, ...]:
        """A file with __try is not optimised: its handlers find the locals by the frame pointer."""
        return ("-O0",) if "dirql_seh_enter(&" in text else ()

    def _arguments(self, search: Iterable[str]) -> Iterator[str]:
        yield from self._all_options()
        yield "-nostdinc"
        for folder in (*search, *(str(HEADERS / each) for each in ("", "crt", "ddk"))):
            yield f"-I{folder}"
        for name in _NOT_WINDOWS:
            yield f"-U{name}"
        for name, value in {**_DEFINES, **self._options.defines}.items():
            yield f"-D{name}={value}"

    def _runtime(self) -> Iterator[str]:
        """The objects of the runtime, from the cache or compiled now."""
        place = cache_directory() / f"c-runtime-{self.key(self._sanitizer())}"
        work = place.with_name(f".{place.name}-{uuid.uuid4().hex[:8]}")
        others = {_IN_THE_CORE} if self._sanitizer() else {_IN_THE_CORE, CHECKS}
        sources = [source for source in sorted(RUNTIME.glob("*.c")) if source.name not in others]
        if not place.is_dir():
            work.mkdir()
            try:
                for source in sources:
                    checked = self._sanitizer() if source.name != CHECKS else self._sanitizer()[-1:]
                    options = [*self._runtime_arguments(), *checked]
                    self._compiler.run([*options, str(source), "-o", f"{source.stem}.o"], work)
                with contextlib.suppress(OSError):  # another process was as fast
                    work.rename(place)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        linked = (source.stem for source in sources if self._counted() or source.name != RUNTIME_PART)
        return (str(place / f"{stem}.o") for stem in linked)

    def _runtime_arguments(self) -> Iterator[str]:
        yield from (
            *OPTIONS,
            *RUNTIME_OPTIONS,
            "-nostdinc",
            *(f"-I{HEADERS / each}" for each in ("", "crt", "ddk")),
        )
        if not self._compiler.is_clang:
            yield "-fno-tree-loop-distribute-patterns"
        yield "-c"


def _advised(errors: Iterable[str]) -> CompileError:
    text = "\n".join(errors)
    return CompileError(text + advice(text))


def _names_of_sections(texts: Iterable[str]) -> list[str]:
    """The pageable sections into which the texts put routines."""
    return sorted({name for text in texts for name in _SECTION.findall(text)})


def _script(names: Iterable[str]) -> str:
    """The linker's script that puts sections on pages of their own."""
    parts = "".join(f"  {name} : ALIGN(4096) {{ *({name}) . = ALIGN(4096); }}\n" for name in names)
    return f"SECTIONS\n{{\n{parts}}}\nINSERT AFTER .text;\n"


def fresh_copy(built: BuiltDriver, folder: Path) -> Path:
    """A copy of an image's file under a name of its own, so that loading it gives fresh variables."""
    copy = folder / f"{built.library.stem}-{uuid.uuid4().hex[:8]}.so"
    shutil.copyfile(built.library, copy)
    return copy
