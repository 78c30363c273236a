# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""Facts about a driver in C that INF and project files have on Windows, in a TOML file beside its sources.

The file has the name of the first source with the suffix `.toml`, or in a folder of sources the name `driver.toml`. All
keys may be left out:

    service = "Serial"                          # the name of the service
    hardware_ids = ['*PNP0501']                  # the devices that the driver is for
    class_guid = "{4d36e978-e325-11ce-bfc1-08002be10318}"
    sources = ["serial.c", "init.c"]            # where they are not this one file, or not all of the folder
    include = ["../inc"]                        # folders of headers
    flags = ["-Wall"]                           # options of the compiler
    [define]
    DBG = 1
    [parameters]                                # values of the service's key Parameters
    ForceFifoEnable = 1
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

__all__ = ["DriverFacts", "FactsError", "Parameter", "read_facts"]

_T = TypeVar("_T")
Parameter = int | str | bytes | list[str]
"""A value of a service's key: REG_DWORD, REG_SZ, REG_BINARY or REG_MULTI_SZ."""


class FactsError(ValueError):
    """A file with facts about a driver has a mistake; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class DriverFacts:
    """The facts in a file; empty where it says nothing."""

    service: str = ""
    hardware_ids: tuple[str, ...] = ()
    class_guid: str = ""
    sources: tuple[Path, ...] = ()
    include: tuple[Path, ...] = ()
    flags: tuple[str, ...] = ()
    define: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


def read_facts(file: Path) -> DriverFacts:
    """Read a file with facts; all are empty if there is no such file. Raises `FactsError`."""
    if not file.is_file():
        return DriverFacts()
    try:
        with file.open("rb") as opened:
            table: dict[str, object] = tomllib.load(opened)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FactsError(f"{file} must be a TOML file: {error}") from error
    reader = _Reader(file, table)
    facts = DriverFacts(
        service=reader.text("service"),
        hardware_ids=reader.texts("hardware_ids"),
        class_guid=reader.text("class_guid"),
        sources=tuple(file.parent / each for each in reader.texts("sources")),
        include=reader.folders("include"),
        flags=reader.texts("flags"),
        define=reader.table("define", _defined, "a number or a text"),
        parameters=reader.table("parameters", _parameter, "a number of 32 bits, a text, or a list of texts"),
    )
    reader.end()
    return facts


class _Reader:
    """The keys of a file that are left."""

    def __init__(self, file: Path, table: dict[str, object]) -> None:
        self._file = file
        self._left = table
        self._known: list[str] = []

    def _take(self, key: str, empty: object) -> object:
        self._known.append(key)
        return self._left.pop(key, empty)

    def _refuse(self, key: str, must_be: str, value: object) -> FactsError:
        return FactsError(f"{self._file}: {key} must be {must_be}; it was {value!r}")

    def text(self, key: str) -> str:
        value = self._take(key, "")
        if not isinstance(value, str):
            raise self._refuse(key, "a text", value)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._refuse(key, "a list of texts", value)
        return tuple(value)

    def folders(self, key: str) -> tuple[Path, ...]:
        names = self.texts(key)
        for name in names:
            if not (self._file.parent / name).is_dir():
                raise self._refuse(key, f"folders that are there, seen from {self._file.parent}", name)
        return tuple(self._file.parent / name for name in names)

    def table(self, key: str, convert: Callable[[object], _T | None], must_be: str) -> dict[str, _T]:
        value = self._take(key, {})
        if not isinstance(value, dict):
            raise self._refuse(key, "a table", value)
        result = {}
        for name, each in cast(dict[str, object], value).items():
            converted = convert(each)
            if converted is None:
                raise self._refuse(f"{key}.{name}", must_be, each)
            result[name] = converted
        return result

    def end(self) -> None:
        """Raise `FactsError` for a key that there is not."""
        for key, value in self._left.items():
            raise FactsError(
                f"{self._file}: a key must be one of {', '.join(self._known)}; it was {key} = {value!r}"
            )


def _defined(value: object) -> str | None:
    return str(int(value)) if isinstance(value, int) else value if isinstance(value, str) else None


def _parameter(value: object) -> Parameter | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if 0 <= value < 1 << 32 else None
    if isinstance(value, list):
        return value if all(isinstance(each, str) for each in value) else None
    return value if isinstance(value, str) else None
