# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The contents of an image's file: its sections, the names that it needs and those that it has.

Follows the System V ABI, chapter 4, and its supplement for AMD64: ELF64, little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["ElfError", "ElfFile", "Section"]

_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_VERSION: Final = struct.Struct("<H")
_MAGIC: Final = b"\x7fELF\x02\x01"
_X86_64: Final = 62
_SHARED: Final = 3
_DYNAMIC_SYMBOLS: Final = 11
_SYMBOLS: Final = 2
_WEAK: Final = 2
_ROUTINE: Final = 2
_VERSIONS: Final = 0x6FFFFFFF
_VERSIONED: Final = 2
_SANITIZER: Final = "__ubsan_"


class ElfError(ValueError):
    """A file is no shared library for Linux on x86-64."""


class Section(NamedTuple):
    """A part of an image in memory: its place behind the image's base, and its size, in bytes."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class _Record:
    name: int
    kind: int
    address: int
    place: int
    size: int
    link: int


class ElfFile:
    """A shared library: `sections`, `imports`, `exports` and `routines`."""

    def __init__(self, file: Path) -> None:
        """Read a file; raises `ElfError`."""
        self._data = file.read_bytes()
        header = _HEADER.unpack_from(self._data) if len(self._data) >= _HEADER.size else (b"", 0, 0)
        if header[0][:6] != _MAGIC or header[1:3] != (_SHARED, _X86_64):
            raise ElfError(
                f"a driver's image must be a shared library for Linux on x86-64; {file} is not:"
                " compile the driver with dirql, or with `gcc -shared`"
            )
        try:
            self._read(header[6], header[12], header[13])
        except (struct.error, IndexError, ValueError, OverflowError) as error:
            raise ElfError(f"{file} is cut off or spoiled: {error}") from error

    def _read(self, place: int, count: int, names: int) -> None:
        """Read the table of sections, of which the one with number `names` has their names."""
        records = [self._record(place + each * _SECTION.size) for each in range(count)]
        self.sections = {
            name: Section(record.address, record.size)
            for record in records
            if record.address and (name := self._text(records[names], record.name))
        }
        """The sections that lie in memory, by name."""
        self.imports: frozenset[str] = frozenset()
        """The names that the image needs from the kernel."""
        self.exports: dict[str, int] = {}
        """The names that others see, with their offsets behind the image's base."""
        self.routines: dict[str, tuple[int, int]] = {}
        """All routines, with their offsets and sizes."""
        versions = next((record for record in records if record.kind == _VERSIONS), None)
        for record in records:
            if record.kind == _DYNAMIC_SYMBOLS:
                self._read_dynamic(record, records[record.link], versions)
            elif record.kind == _SYMBOLS:
                self._read_routines(record, records[record.link])

    def _record(self, place: int) -> _Record:
        name, kind, _, address, offset, size, link, *_ = _SECTION.unpack_from(self._data, place)
        return _Record(name, kind, address, offset, size, link)

    def _text(self, table: _Record, offset: int) -> str:
        start = table.place + offset
        return self._data[start : self._data.index(0, start)].decode()

    def _read_dynamic(self, symbols: _Record, names: _Record, versions: _Record | None) -> None:
        """Read the names that others see or must give; what has a version comes from the host's own libraries."""
        imports = set()
        for number in range(symbols.size // _SYMBOL.size):
            place = symbols.place + number * _SYMBOL.size
            of_host = versions is not None and (
                _VERSION.unpack_from(self._data, versions.place + 2 * number)[0] & 0x7FFF >= _VERSIONED
            )
            name, kind, _, section, value, _ = _SYMBOL.unpack_from(self._data, place)
            text = self._text(names, name)
            if section:
                self.exports[text] = value
            elif text and kind >> 4 != _WEAK and not of_host and not text.startswith(_SANITIZER):
                imports.add(text)
        self.imports = frozenset(imports)

    def _read_routines(self, symbols: _Record, names: _Record) -> None:
        for place in range(symbols.place, symbols.place + symbols.size, _SYMBOL.size):
            name, kind, _, section, value, size = _SYMBOL.unpack_from(self._data, place)
            if section and kind & 0xF == _ROUTINE:
                self.routines[self._text(names, name)] = value, size
