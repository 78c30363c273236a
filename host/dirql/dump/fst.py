# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Wave dumps in the format FST of GTKWave and Verilator, which the library libfst turns into the text of a VCD file."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Protocol, cast

import cffi

from dirql.dump.values import DumpError

__all__ = ["FstFile", "is_fst"]

_HEADERS = (b"\0" + (329).to_bytes(8, "big"), b"\xfe")
"""The first bytes of a file: the block of the header and its length, or the block in which all are compressed."""
_FIRST, _DIGITS = ord("!"), 94
"""Codes of variables in a VCD file are numbers in these digits, the lowest first; none of them is zero."""


class _Library(Protocol):
    """The functions of libfst."""

    def fstReaderOpen(self, name: bytes, /) -> cffi.FFI.CData: ...
    def fstReaderClose(self, reader: cffi.FFI.CData, /) -> None: ...
    def fstReaderProcessHier(self, reader: cffi.FFI.CData, file: IO[bytes], /) -> int: ...
    def fstReaderClrFacProcessMaskAll(self, reader: cffi.FFI.CData, /) -> None: ...
    def fstReaderSetFacProcessMask(self, reader: cffi.FFI.CData, handle: int, /) -> None: ...
    def fstReaderIterBlocks(
        self,
        reader: cffi.FFI.CData,
        call: cffi.FFI.CData,
        data: cffi.FFI.CData,
        file: IO[bytes],
        /,
    ) -> int: ...


class _Package(Protocol):
    """The package pylibfst, as far as it is used."""

    lib: _Library
    ffi: cffi.FFI


def is_fst(path: Path) -> bool:
    """Whether the file begins as FST files do."""
    with path.open("rb") as file:
        return file.read(len(_HEADERS[0])).startswith(_HEADERS)


class FstFile:
    """An FST file; `close` closes it. Raises `DumpError` for one that is none, or without the package pylibfst."""

    def __init__(self, path: Path) -> None:
        try:
            package = cast("_Package", import_module("pylibfst"))
        except ModuleNotFoundError:
            raise DumpError(
                f"an FST file needs the package pylibfst, which is not installed; the file was {path}: pip install"
                f" 'dirql[fst]', or convert it with: fst2vcd {path} -o {path.with_suffix('.vcd')}"
            ) from None
        self._path = path
        self._texts = ExitStack()
        self._library, self._null = package.lib, package.ffi.NULL
        self._reader = self._library.fstReaderOpen(str(path).encode())
        if self._reader == self._null:
            raise self._refusal()

    def close(self) -> None:
        """Close the file, and what `head` and `changes` returned."""
        self._texts.close()
        self._library.fstReaderClose(self._reader)

    def head(self) -> TextIOWrapper:
        """The declarations, as a VCD file has them."""
        file = self._texts.enter_context(TemporaryFile())
        if not self._library.fstReaderProcessHier(self._reader, file):
            raise self._refusal()
        return _text(file)

    def changes(self, codes: Iterable[str]) -> TextIOWrapper:
        """The changes of the variables with these codes, as a VCD file has them."""
        library, file = self._library, self._texts.enter_context(TemporaryFile())
        library.fstReaderClrFacProcessMaskAll(self._reader)
        for code in codes:
            library.fstReaderSetFacProcessMask(self._reader, _handle(code))
        if not library.fstReaderIterBlocks(self._reader, self._null, self._null, file):
            raise self._refusal()
        return _text(file)

    def _refusal(self) -> DumpError:
        return DumpError(
            f"a wave dump must be a VCD file or an FST file; {self._path} begins as an FST file, and libfst"
            " cannot read it"
        )


def _text(file: IO[bytes]) -> TextIOWrapper:
    file.seek(0)
    return TextIOWrapper(file, encoding="latin-1")


def _handle(code: str) -> int:
    """The number of a variable in an FST file, from 1 on."""
    return sum((ord(digit) - _FIRST + 1) * _DIGITS**place for place, digit in enumerate(code))
