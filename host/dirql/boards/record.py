# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The record of a build, a JSON file beside the bitstream: what it is and what it was made of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Record", "RecordError", "record_path"]

_VERSION = 2


class RecordError(Exception):
    """A bitstream has no record, or another one; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Record:
    """The facts about a bitstream."""

    board: str
    part: str
    machine: str
    machine_number: str
    build: str
    """The begin of the SHA-256 of everything that the bitstream was made of, which the board tells too."""
    frequency: int
    """Clocks per second, with which the machine runs."""
    megahertz: float
    """The clock that placing and routing reached."""
    cells: int
    cells_of_part: int
    luts: int
    luts_of_link: int
    """The LUTs of the link and its serial port or USB core, among `luts`."""
    registers: int
    rams: int
    rams_of_part: int
    seconds: float
    """The seconds of a processor that the build took."""
    tools: tuple[str, ...]
    bitstream: str
    """The SHA-256 of the bitstream."""

    @property
    def fill(self) -> float:
        """The used cells in per cent."""
        return 100 * self.cells / self.cells_of_part

    def write(self, bitstream: Path) -> None:
        """Write the record beside a bitstream."""
        text = json.dumps({"version": _VERSION, **asdict(self)}, indent=1)
        record_path(bitstream).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, bitstream: Path) -> Record:
        """The record of a bitstream, which must be as it was built. Raises `RecordError`."""
        again = "build it again with `dirql build`"
        try:
            octets = bitstream.read_bytes()
        except OSError as error:
            raise RecordError(
                f"{bitstream} must be a bitstream; it cannot be read: {error.strerror}"
            ) from error
        path = record_path(bitstream)
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RecordError(
                f"{bitstream} must have its record {path.name} beside it, which says what it is; there is none: {again}"
            ) from error
        except (OSError, ValueError) as error:
            raise RecordError(
                f"{path} must be the record of a bitstream; it cannot be read: {error}: {again}"
            ) from error
        return cls._checked(table, octets, bitstream, again)

    @classmethod
    def _checked(cls, table: object, octets: bytes, bitstream: Path, again: str) -> Record:
        if not isinstance(table, dict) or table.pop("version", None) != _VERSION:
            raise RecordError(f"{record_path(bitstream)} must be a record of version {_VERSION}: {again}")
        try:
            record = cls(**{**table, "tools": tuple(table["tools"])})
        except (KeyError, TypeError) as error:
            raise RecordError(
                f"{record_path(bitstream)} must have all keys of a record: {error}: {again}"
            ) from error
        if hashlib.sha256(octets).hexdigest() != record.bitstream:
            raise RecordError(
                f"{bitstream} must be as it was built; it was changed or cut short, to {len(octets):,} bytes: {again}"
            )
        return record


def record_path(bitstream: Path) -> Path:
    """The path of the record of a bitstream."""
    return bitstream.with_suffix(".json")
