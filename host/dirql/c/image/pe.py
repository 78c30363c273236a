# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The contents of a driver's image for Windows (a `.sys` file): what is needed to load it elsewhere.

Follows the "PE Format" of Microsoft's documentation: PE32+ for AMD64.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["PeError", "PeFile", "PePart", "is_pe"]

_PAGE_SIZE: Final = 4096
_MARK: Final = b"MZ"
_DOS: Final = struct.Struct("<2s58xI")
_FILE: Final = struct.Struct("<4sHHIIIHH")
_OPTIONAL: Final = struct.Struct("<H14xI4xQII16xII")
"""Magic, entry, base of the image, alignments of sections and file, sizes of the image and of its headers."""
_SECTION: Final = struct.Struct("<8sIIII12xI")
_IMPORT: Final = struct.Struct("<IIIII")
_NATIVE: Final = 1
_FIXED: Final = 1
_AMD64: Final = 0x8664
_PE32_PLUS: Final = 0x20B
_EXECUTE, _WRITE = 1 << 29, 1 << 31
_IMPORTS, _FUNCTIONS, _RELOCATIONS, _THREAD, _LOAD_CONFIG, _DELAYED, _MANAGED = 1, 3, 5, 9, 10, 13, 14
_ABSOLUTE, _DIR64 = 0, 10
_COOKIE_PLACE: Final = 88
"""The place of the address of the security cookie in the load configuration."""
_BY_NUMBER: Final = 1 << 63
_KERNEL: Final = ("ntoskrnl.exe", "hal.dll")
_REFUSED: Final = {
    _THREAD: "thread-local storage",
    _DELAYED: "imports that are loaded late",
    _MANAGED: "managed code",
}


class PeError(ValueError):
    """A file is no image of a driver for Windows on x64, or it needs what dirql does not support."""


@dataclass(frozen=True, slots=True)
class PePart:
    """A section, or the headers: the place behind the image's base and the size in memory, in bytes."""

    name: str
    offset: int
    size: int
    is_writable: bool
    is_executable: bool


def is_pe(file: Path) -> bool:
    """Whether a file begins as images for Windows do."""
    with file.open("rb") as opened:
        return opened.read(2) == _MARK


class PeFile:
    """A driver's image: `entry`, `size`, `parts`, `imports`, `functions`, and its bytes at any base.

    `functions` is the place of the table of functions behind the base, and the number of its entries. `imports` has the
    name for each place behind the base that takes an address of the kernel. Numbers of places are in bytes.
    """

    def __init__(self, file: Path) -> None:
        """Read a file; raises `PeError`."""
        self._name = file.name
        data = file.read_bytes()
        try:
            self._read(data)
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise PeError(f"{file} is cut off or spoiled: {error}") from error

    def _refuse(self, must_be: str, value: object) -> PeError:
        return PeError(f"{self._name}: {must_be}; it was {value}")

    def _read(self, data: bytes) -> None:
        if data[:2] != _MARK:
            raise self._refuse("a driver's image for Windows must begin with MZ", data[:2])
        _, place = _DOS.unpack_from(data)
        mark, machine, count, _, _, _, optional_size, characteristics = _FILE.unpack_from(data, place)
        optional = place + _FILE.size
        self.entry: int
        self.size: int
        self._base: int
        magic, self.entry, self._base, alignment, _, self.size, headers = _OPTIONAL.unpack_from(
            data, optional
        )
        if mark != b"PE\0\0" or machine != _AMD64 or magic != _PE32_PLUS:
            raise self._refuse(
                "a driver's image must be a PE32+ file for AMD64", f"machine {machine:#x}, format {magic:#x}"
            )
        if characteristics & _FIXED:
            raise self._refuse("a driver's image must have its relocations", "linked without them (/fixed)")
        if alignment < _PAGE_SIZE:
            raise self._refuse(f"the sections must be aligned to {_PAGE_SIZE} bytes or more", alignment)
        (kind,) = struct.unpack_from("<H", data, optional + 68)
        if kind != _NATIVE:
            raise self._refuse(
                "a driver's image must be for the native subsystem (/subsystem:native)", f"subsystem {kind}"
            )
        directories = [struct.unpack_from("<II", data, optional + 112 + 8 * each) for each in range(16)]
        for number, what in _REFUSED.items():
            if directories[number][1]:
                raise self._refuse("a driver's image must do without what dirql does not support", what)
        self._contents = bytearray(-(-self.size // _PAGE_SIZE) * _PAGE_SIZE)
        self._contents[:headers] = data[:headers]
        self.parts = [PePart("", 0, headers, is_writable=False, is_executable=False)]
        for each in range(count):
            self._read_section(data, optional + optional_size + _SECTION.size * each)
        self.imports = dict(self._read_imports(directories[_IMPORTS][0]))
        place, length = directories[_FUNCTIONS]
        self.functions = place, length // 12
        self._fixes = list(self._read_relocations(*directories[_RELOCATIONS]))
        self._cookie = self._find_cookie(*directories[_LOAD_CONFIG])

    def _read_section(self, data: bytes, at: int) -> None:
        name, size, offset, length, place, flags = _SECTION.unpack_from(data, at)
        if place + length > len(data) or offset + size > len(self._contents):
            raise IndexError(f"the section {name!r} must lie within the file and the image")
        self._contents[offset : offset + min(length, size)] = data[place : place + min(length, size)]
        text = name.rstrip(b"\0").decode("ascii", "replace")
        writable, executable = bool(flags & _WRITE), bool(flags & _EXECUTE)
        self.parts.append(PePart(text, offset, size, writable, executable))

    def _text(self, place: int) -> str:
        return self._contents[place : self._contents.index(0, place)].decode("ascii")

    def _number(self, place: int) -> int:
        return int.from_bytes(self._contents[place : place + 8], "little")

    def _read_imports(self, place: int) -> Iterator[tuple[int, str]]:
        while place:
            names, _, _, library, slots = _IMPORT.unpack_from(self._contents, place)
            if library == 0:
                return
            from_where = self._text(library)
            if from_where.lower() not in _KERNEL:
                raise self._refuse(f"a driver may import from {' and '.join(_KERNEL)}", from_where)
            for each in range(0, self.size, 8):
                name = self._number((names or slots) + each)
                if name == 0:
                    break
                if name & _BY_NUMBER:
                    raise self._refuse(
                        "a driver must import by name", f"number {name & 0xFFFF} of {from_where}"
                    )
                yield slots + each, self._text(name + 2)
            place += _IMPORT.size

    def _read_relocations(self, place: int, length: int) -> Iterator[int]:
        end = place + length
        while place < end:
            page, size = struct.unpack_from("<II", self._contents, place)
            if size < 8:
                raise PeError(
                    f"{self._name}: a block of relocations must have 8 bytes or more; it had {size}"
                )
            for (entry,) in struct.iter_unpack("<H", self._contents[place + 8 : place + size]):
                if entry >> 12 == _DIR64:
                    yield page + (entry & 0xFFF)
                elif entry >> 12 != _ABSOLUTE:
                    raise self._refuse("a relocation must be DIR64", f"kind {entry >> 12}")
            place += size

    def _find_cookie(self, place: int, length: int) -> int:
        """The place of the security cookie, which the loader of Windows fills in; 0 if there is none."""
        if length < _COOKIE_PLACE + 8 or place == 0:
            return 0
        address = self._number(place + _COOKIE_PLACE)
        return address - self._base if address else 0

    def at(self, base: int, cookie: int, addresses: Mapping[str, int]) -> bytes:
        """The bytes of the whole image at an address, with the addresses of what it imports."""
        contents = bytearray(self._contents)
        for place in self._fixes:
            value = int.from_bytes(contents[place : place + 8], "little") + base - self._base
            contents[place : place + 8] = (value & (1 << 64) - 1).to_bytes(8, "little")
        for place, name in self.imports.items():
            contents[place : place + 8] = addresses[name].to_bytes(8, "little")
        if self._cookie:
            contents[self._cookie : self._cookie + 8] = cookie.to_bytes(8, "little")
        return bytes(contents)

    @property
    def preferred_base(self) -> int:
        """The base for which the image was linked."""
        return self._base
