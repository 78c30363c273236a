# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Registry files: read whole or not at all, and written so that the old file stays until the new one is there.

A file is UTF-8, or UTF-16 with a byte order mark as regedit writes it. It is written as it was found; a new one is
UTF-8.
"""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path
from typing import Final

from dirql.cm.reg_reading import RegistryFileError, apply, parse
from dirql.cm.reg_writing import text_of_registry
from dirql.cm.registry import Registry
from dirql.files import FileNotWritten, obstacle, replaced
from dirql.ke.refusals import note_refusal
from dirql.nt.status import STATUS_REGISTRY_IO_FAILED

__all__ = ["RegistryFile"]

_MARKS: Final = ((BOM_UTF8, "utf-8-sig"), (BOM_UTF16_LE, "utf-16"), (BOM_UTF16_BE, "utf-16"))


class RegistryFile:
    """A file with keys and values. One that `is_saved` is written by ZwFlushKey and when the machine closes."""

    def __init__(self, path: Path, *, is_saved: bool) -> None:
        self.path = path
        self.is_saved = is_saved
        self._encoding = "utf-8"
        self._line_end = "\n"

    def attach(self, registry: Registry) -> None:
        """Begin with what the file has, or with nothing if it is going to be written first."""
        if self.is_saved:
            reason = obstacle(self.path)
            if reason:
                raise RegistryFileError(
                    f"{self.path}: a registry file to save must be one that can be written: {reason}"
                )
            registry.flushed = lambda: self._flush(registry)
        if self.path.exists() or not self.is_saved:
            self.read(registry)

    def _flush(self, registry: Registry) -> bool:
        try:
            self.write(registry)
        except FileNotWritten as error:
            note_refusal(STATUS_REGISTRY_IO_FAILED, str(error))
            return False
        return True

    def read(self, registry: Registry) -> None:
        """Bring what the file has into a registry; raises `RegistryFileError`, and the registry is as before."""
        apply(parse(self._text(), str(self.path)), registry)

    def save_at_end(self, registry: Registry) -> FileNotWritten | None:
        """Write what the registry keeps, if that is wanted; returns the error of a failure."""
        if self.is_saved:
            try:
                self.write(registry)
            except FileNotWritten as error:
                return error
        return None

    def write(self, registry: Registry) -> None:
        """Write what the registry keeps; raises `FileNotWritten`, and the old file is as before."""
        text = text_of_registry(registry).replace("\n", self._line_end)
        with replaced(self.path) as file:
            file.write(text.encode(self._encoding, "surrogatepass"))

    def _text(self) -> str:
        try:
            contents = self.path.read_bytes()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RegistryFileError(
                f"{self.path}: a registry file must be a file that can be read: {reason}"
            ) from error
        for mark, encoding in _MARKS:
            if contents.startswith(mark):
                self._encoding = encoding
        self._line_end = "\r\n" if b"\r" in contents else "\n"
        try:
            return contents.decode(self._encoding, "surrogatepass")
        except UnicodeDecodeError as error:
            line = contents.count(b"\n", 0, error.start) + 1
            raise RegistryFileError(
                f"{self.path}:{line}: a registry file must be UTF-8, or UTF-16 with a byte order mark; byte"
                f" {error.start} was {contents[error.start]:#04x}: {error.reason}"
            ) from error
