# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The image of a driver in C: a shared library or an image for Windows, whose data is in the machine's RAM."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from dirql.c.core.arena import Arena
from dirql.c.core.native_module import Native
from dirql.c.core.page_tables import ProcessPages
from dirql.ke.origin import Origin
from dirql.nt.constants import PAGE_SIZE

__all__ = ["BuiltDriver", "Contents", "Image", "Place", "SharedLibrary", "WindowsContents"]

_ELF_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER: Final = struct.Struct("<IIQQQQQQ")
_LOAD: Final = 1
_RELRO: Final = 0x6474E552
_EXECUTE: Final = 1
_WRITE: Final = 2
_NAME: Final = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)
_WRITE_PART: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p)


class Place(Protocol):
    """A place in the source of a driver."""

    @property
    def function(self) -> str:
        """The name of the function."""

    @property
    def file(self) -> str:
        """The path of the file."""

    @property
    def line(self) -> int:
        """The number of the line."""


class WindowsPart(Protocol):
    """A section of an image for Windows, or its headers; places and sizes are in bytes."""

    @property
    def offset(self) -> int:
        """The place behind the base."""

    @property
    def size(self) -> int:
        """The size in memory."""

    @property
    def is_writable(self) -> bool:
        """Whether the driver may write it."""

    @property
    def is_executable(self) -> bool:
        """Whether it is code."""


class WindowsContents(Protocol):
    """An image that was built for Windows, and the library with its runtime."""

    @property
    def size(self) -> int:
        """The size in memory, in bytes."""

    @property
    def entry(self) -> int:
        """The place of the entry point behind the base."""

    @property
    def functions(self) -> tuple[int, int]:
        """The place of the table of functions behind the base, and the number of its entries."""

    @property
    def parts(self) -> Sequence[WindowsPart]:
        """The headers and the sections."""

    @property
    def runtime(self) -> Path:
        """The library with the routines of the runtime."""

    @property
    def runtime_names(self) -> frozenset[str]:
        """The routines of the runtime."""

    def at(self, base: int, cookie: int, addresses: Mapping[str, int]) -> bytes:
        """The bytes of the image at an address, with its security cookie and the addresses of what it imports."""


class BuiltDriver(Protocol):
    """A driver in C that has been compiled and linked."""

    @property
    def name(self) -> str:
        """The name of the driver."""

    @property
    def library(self) -> Path:
        """The shared library; no other image of this process has been loaded from it."""

    @property
    def entry(self) -> str:
        """The name of the entry point."""

    @property
    def imports(self) -> frozenset[str]:
        """The names that the library takes from the kernel."""

    @property
    def sections(self) -> Mapping[str, tuple[int, int]]:
        """Offset and size of INIT and of the sections whose names begin with PAGE, each on pages of its own."""

    @property
    def windows(self) -> WindowsContents | None:
        """The contents of an image that was built for Windows; None of a shared library."""

    def place(self, offset: int) -> Place | None:
        """The place in the source of the instruction at an offset; None if it is unknown."""

    def keep_counts(self, files: Mapping[str, bytes]) -> None:
        """Take the counts of gcov, file by file, in gcov's format."""


class Contents(Protocol):
    """The file of an image, loaded at `base`."""

    base: int

    def parts(self) -> list[tuple[int, int, bool, bool]]:
        """Address, size, and whether it is writable and executable, of each run of pages."""

    def symbol(self, name: str) -> int:
        """The address of a function or variable; 0 if there is none."""

    def close(self) -> None:
        """Take the file out of this process."""


class SharedLibrary:
    """A shared library as the contents of an image."""

    def __init__(self, native: Native, path: Path) -> None:
        self._native = native
        self._path = path
        self._handle, self.base = native.open_image(str(path))

    def parts(self) -> list[tuple[int, int, bool, bool]]:
        """See `Contents`."""
        return _segments(self._path, self.base)

    def symbol(self, name: str) -> int:
        """See `Contents`."""
        return self._native.symbol(self._handle, name)

    def close(self) -> None:
        """See `Contents`."""
        self._native.close_image(self._handle)


class Image:
    """A driver's image in this process."""

    def __init__(
        self, native: Native, arena: Arena, built: BuiltDriver, contents: Contents, pages: ProcessPages
    ) -> None:
        """Move the data of the image to frames of the machine."""
        self._native = native
        self._arena = arena
        self._contents = contents
        self.built = built
        self.base = contents.base
        self.is_unloaded = False
        """Whether code and data are gone; the addresses stay free, so that a use of them is a page fault."""
        self._moved: list[tuple[int, int]] = []
        self.end = self.base
        for address, size, writable, executable in contents.parts():
            self.end = max(self.end, address + size)
            if not executable:
                self._move(address, size, writable=writable)
        for name, (offset, size) in built.sections.items():
            if name.startswith("PAGE") and size:
                self._make_pageable(self.base + offset, -(-size // PAGE_SIZE) * PAGE_SIZE, pages)

    def __repr__(self) -> str:
        return f"<image {self.built.name} at {self.base:#x}>"

    def holds(self, address: int) -> bool:
        """Whether an address is in the image."""
        return self.base <= address < self.end

    def symbol(self, name: str) -> int:
        """The address of a function or variable; 0 if there is none."""
        return self._contents.symbol(name)

    def origin(self, address: int) -> Origin:
        """The place in the source of the instruction at an address."""
        place = self.built.place(address - self.base)
        if place is None:
            return Origin(f"{self.built.name}+{address - self.base:#x}", str(self.built.library), 0)
        return Origin(place.function, place.file or str(self.built.library), place.line)

    def describe(self, address: int) -> str:
        """The same in words; the core calls it for the representation of a routine."""
        return str(self.origin(address))

    def close(self) -> list[tuple[int, int]]:
        """Unload the library; returns address and number of pages of each part that was in frames of the machine."""
        if self.is_unloaded:
            self._native.release(self.base, self.end - self.base)
            return []
        self._hand_over_counts()
        self._contents.close()
        return self._moved

    def unload(self) -> None:
        """Take code and data away while the machine runs on."""
        self._hand_over_counts()
        self._contents.close()
        self.is_unloaded = True
        self._native.reserve(self.base, self.end - self.base)
        for address, pages in self._moved:
            self._arena.take_from(address, pages)

    def pageable_section(self, address: int) -> tuple[str, int]:
        """Name and address of the pageable section that holds an address; "" and the base if none does."""
        for name, (offset, size) in self.built.sections.items():
            if name.startswith("PAGE") and offset <= address - self.base < offset + size:
                return name, self.base + offset
        return "", self.base

    def keep_in_memory(self, section: str) -> None:
        """Let a pageable section be in memory always; "" stands for code that is."""
        self._change_paging(section, pageable=False)

    def let_go_out(self, section: str) -> None:
        """Let a section be pageable again."""
        self._change_paging(section, pageable=True)

    def _change_paging(self, section: str, *, pageable: bool) -> None:
        if section:
            offset, size = self.built.sections[section]
            self._arena.change_paging(self.base + offset, -(-size // PAGE_SIZE), pageable=pageable)

    def discard_init(self) -> None:
        """Take the code away that is for DriverEntry only."""
        offset, size = self.built.sections.get("INIT", (0, 0))
        if size:
            self._native.unmap_pages(self.base + offset, -(-size // PAGE_SIZE) * PAGE_SIZE)

    def _hand_over_counts(self) -> None:
        """Give the counts of gcov to the driver's owner, if it was compiled to count (runtime/coverage.c)."""
        address = self.symbol("dirql_write_counts")
        if address == 0:
            return
        files: dict[str, bytes] = {}

        def name(file: bytes, _: object) -> None:
            files[file.decode(errors="surrogateescape")] = b""

        def write(start: int, length: int, _: object) -> None:
            files[next(reversed(files))] += ctypes.string_at(start, length)

        ctypes.CFUNCTYPE(None, _NAME, _WRITE_PART)(address)(_NAME(name), _WRITE_PART(write))
        self.built.keep_counts(files)

    def _make_pageable(self, address: int, size: int, pages: ProcessPages) -> None:
        """Let code be in memory only while it may be: drivers may not run it at DISPATCH_LEVEL."""
        contents = self._native.read_bytes(address, size)
        self._native.unmap_pages(address, size)
        first = address // PAGE_SIZE
        pages.executable.update(range(first, first + size // PAGE_SIZE))
        self._arena.put_at(address, contents, writable=False, pageable=True)
        self._moved.append((address, size // PAGE_SIZE))

    def _move(self, address: int, size: int, *, writable: bool) -> None:
        contents = self._native.read_bytes(address, size)
        self._arena.put_at(address, contents, writable=writable)
        self._moved.append((address, size // PAGE_SIZE))


def _segments(path: Path, base: int) -> list[tuple[int, int, bool, bool]]:
    """Address, size, and whether it is writable and executable, of each run of pages of a loaded library."""
    file = path.read_bytes()
    header = _ELF_HEADER.unpack_from(file)
    table, size, count = header[5], header[9], header[10]
    entries = [_PROGRAM_HEADER.unpack_from(file, table + number * size) for number in range(count)]
    relro = next(
        ((start, start + length) for kind, _, _, start, _, _, length, _ in entries if kind == _RELRO), (0, 0)
    )
    found = []
    for kind, flags, _, start, _, _, length, _ in entries:
        if kind != _LOAD:
            continue
        first = start & -PAGE_SIZE
        end = -(-(start + length) // PAGE_SIZE) * PAGE_SIZE
        executable = bool(flags & _EXECUTE)
        if flags & _WRITE and first == relro[0] & -PAGE_SIZE:
            middle = relro[1] & -PAGE_SIZE  # what is constant after relocation
            if middle > first:
                found.append((base + first, middle - first, False, executable))
                first = middle
        if end > first:
            found.append((base + first, end - first, bool(flags & _WRITE), executable))
    return found
