# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads the text of a registry file, in the form that regedit exports: "Windows Registry Editor Version 5.00".

The whole text is read before anything is changed. An error names the file, the line, what must be there and what was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from dirql.cm.key import LINK_VALUE, fold, units
from dirql.cm.registry import MACHINE, Registry, is_key_name, names_of
from dirql.nt.constants import REG_BINARY, REG_DWORD, REG_LINK, REG_SZ

__all__ = ["HEADER", "ROOTS", "Entry", "RegistryFileError", "apply", "parse"]

HEADER: Final = "Windows Registry Editor Version 5.00"
ROOTS: Final = {
    "HKEY_LOCAL_MACHINE": MACHINE,
    "HKEY_USERS": r"\REGISTRY\USER",
    "HKEY_CURRENT_USER": r"\REGISTRY\USER\.DEFAULT",
    "HKEY_CLASSES_ROOT": MACHINE + r"\SOFTWARE\Classes",
}
_SHORT: Final = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKU": "HKEY_USERS",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
}
_NAMED: Final = re.compile(r'(?:"(?P<name>(?:[^"\\]|\\.)*)"|(?P<unnamed>@))\s*=\s*(?P<value>.*)')
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:;.*)?')
_DWORD: Final = re.compile(r"dword:([0-9a-fA-F]{1,8})\s*(?:;.*)?")
_HEX: Final = re.compile(r"hex(?:\(([0-9a-fA-F]{1,8})\))?:(.*)")
_BYTE: Final = re.compile(r"[0-9a-fA-F]{1,2}")
_ESCAPED: Final = re.compile(r"\\(.)")
_VALUE_RULE: Final = (
    'be a text in quotes, dword: with up to 8 hexadecimal digits, hex: or hex(type): with bytes, or "-"'
)


class RegistryFileError(Exception):
    """A registry file cannot be read; the message names the file, the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a file: a key to make or to delete, or a value to set or to delete."""

    path: str
    name: str | None = None
    """The name of the value; None for a key itself."""
    type: int = 0
    data: bytes = b""
    is_deleted: bool = False


def parse(text: str, file: str) -> list[Entry]:
    """The steps of a file; raises `RegistryFileError`."""
    lines = _logical_lines(text)
    _check_header(lines, file)
    entries: list[Entry] = []
    path = ""
    for number, line in lines:
        if not line or line.startswith(";"):
            continue
        if line.startswith("["):
            entry = _key(line, file, number)
            path = "" if entry.is_deleted else entry.path
        elif path:
            entry = _value(line, path, file, number)
        else:
            _refuse(
                file, number, "a value must stand below its key, as [HKEY_LOCAL_MACHINE\\SOFTWARE\\x]", line
            )
        entries.append(entry)
    return entries


def apply(entries: list[Entry], registry: Registry) -> None:
    """Make the steps of a file in the registry; the control set of Select is used from then on."""
    select = fold(MACHINE + r"\SYSTEM\Select")
    for entry in entries:
        if fold(entry.path) == select and entry.name is not None and fold(entry.name) == "CURRENT":
            registry.use_control_set(int.from_bytes(entry.data[:4], "little") or 1)
    for entry in entries:
        if entry.name is None and entry.is_deleted:
            doomed = registry.find(entry.path)
            if doomed is not None:
                registry.delete_tree(doomed)
            continue
        key = registry.ensure(entry.path)
        if entry.name is None:
            continue
        if entry.is_deleted:
            registry.delete_value(key, entry.name)
            continue
        registry.set_value(key, entry.name, entry.type, entry.data)
        if entry.name == LINK_VALUE and entry.type == REG_LINK:
            key.is_link = True


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers, those joined whose end is a backslash behind a comma or a colon."""
    pending, start = "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not pending:
            start = number
        whole = pending + line
        if whole.endswith("\\") and _HEX.search(whole) and not whole.startswith(("[", ";")):
            pending = whole[:-1]
            continue
        pending = ""
        yield start, whole
    if pending:
        yield start, pending


def _check_header(lines: Iterator[tuple[int, str]], file: str) -> None:
    for number, line in lines:
        if not line or line.startswith(";"):
            continue
        if line != HEADER:
            _refuse(file, number, f'the first line must be "{HEADER}"', line)
        return
    _refuse(file, 1, f'the first line must be "{HEADER}"', "")


def _key(line: str, file: str, number: int) -> Entry:
    if not line.endswith("]"):
        _refuse(file, number, "a key must end with a bracket", line)
    inside = line[1:-1]
    is_deleted = inside.startswith("-")
    root, _, rest = inside.removeprefix("-").partition("\\")
    root = _SHORT.get(root.upper(), root.upper())
    if root not in ROOTS:
        _refuse(file, number, f"a key must be below one of {', '.join(ROOTS)}", line)
    names = names_of(rest)
    for name in names:
        if not is_key_name(name):
            _refuse(file, number, "the name of a key must have at most 255 characters", name)
    if is_deleted and len(names) < 2:
        _refuse(
            file, number, "a key to delete must be below SYSTEM, SOFTWARE or another key of its root", line
        )
    return Entry("\\".join([ROOTS[root], *names]), is_deleted=is_deleted)


def _value(line: str, path: str, file: str, number: int) -> Entry:
    named = _NAMED.fullmatch(line)
    if named is None:
        rule = 'a line must be a key in brackets, "name"=value, @=value, or a comment that begins with ";"'
        _refuse(file, number, rule, line)
    name = "" if named["unnamed"] else _plain(named["name"])
    value = named["value"]
    if value == "-":
        return Entry(path, name, is_deleted=True)
    text = _STRING.fullmatch(value)
    if text is not None:
        return Entry(path, name, REG_SZ, units(_plain(text[1])) + b"\0\0")
    number_of_value = _DWORD.fullmatch(value)
    if number_of_value is not None:
        return Entry(path, name, REG_DWORD, int(number_of_value[1], 16).to_bytes(4, "little"))
    given = _HEX.fullmatch(value)
    if given is None:
        _refuse(file, number, f'the value of "{name}" must {_VALUE_RULE}', value)
    type_of_value = REG_BINARY if given[1] is None else int(given[1], 16)
    return Entry(path, name, type_of_value, _bytes(given[2], name, file, number))


def _bytes(text: str, name: str, file: str, number: int) -> bytes:
    parts = [part.strip() for part in text.partition(";")[0].split(",")]
    if parts and not parts[-1]:  # a comma may stand at the end
        parts.pop()
    for part in parts:
        if not _BYTE.fullmatch(part):
            _refuse(
                file,
                number,
                f'each byte of "{name}" must be two hexadecimal digits, with commas between',
                part,
            )
    return bytes(int(part, 16) for part in parts)


def _plain(escaped: str) -> str:
    return _ESCAPED.sub(r"\1", escaped)


def _refuse(file: str, number: int, rule: str, was: str) -> NoReturn:
    shown = was if len(was) <= 60 else was[:57] + "..."
    raise RegistryFileError(f"{file}:{number}: {rule}; it was {shown!r}")
