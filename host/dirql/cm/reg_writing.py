# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes the registry as the text of a registry file, in the form that regedit exports.

Keys come in the order of their names and values in that of their age, so that two files can be compared. A comment
above texts that the form keeps as bytes says what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dirql.cm.key import Key, Value, fold
from dirql.cm.reg_reading import HEADER
from dirql.cm.registry import Registry
from dirql.nt.constants import REG_BINARY, REG_DWORD, REG_EXPAND_SZ, REG_LINK, REG_MULTI_SZ, REG_SZ

__all__ = ["text_of_registry"]

_WIDTH: Final = 80
_ROOTS: Final = (("MACHINE", "HKEY_LOCAL_MACHINE"), ("USER", "HKEY_USERS"))
_NOT_KEPT: Final = "HARDWARE"


def text_of_registry(registry: Registry) -> str:
    """All keys that are kept; a key without values is left out if it has subkeys, or is one that every registry has."""
    lines = [HEADER]
    for name, shown in _ROOTS:
        top = registry.root.subkey(name)
        for hive in () if top is None else top.subkeys():
            if not hive.is_volatile and fold(hive.name) != _NOT_KEPT:
                for key, path in _walk(hive, rf"{shown}\{hive.name}"):
                    lines += ["", f"[{path}]", *_value_lines(key)]
    return "\n".join([*lines, ""])


def _is_one_line(name: str) -> bool:
    return "\n" not in name and "\r" not in name


def _walk(key: Key, path: str) -> Iterator[tuple[Key, str]]:
    below = [each for each in key.subkeys() if not each.is_volatile and _is_one_line(each.name)]
    if key.value_count or not (below or key.is_standard):
        yield key, path
    for each in below:
        yield from _walk(each, rf"{path}\{each.name}")


def _value_lines(key: Key) -> Iterator[str]:
    for value in key.values():
        if not _is_one_line(value.name):
            yield f"; a value is not kept, because its name is not one line: {value.name!r}"
            continue
        name = f'"{_escaped(value.name)}"' if value.name else "@"
        text = _text(value)
        if value.type == REG_SZ and text is not None:
            yield f'{name}="{_escaped(text)}"'
        elif value.type == REG_DWORD and len(value.data) == 4:
            yield f"{name}=dword:{int.from_bytes(value.data, 'little'):08x}"
        else:
            if text is not None:
                yield f"; {text}"
            kind = "hex" if value.type == REG_BINARY else f"hex({value.type:x})"
            yield from _hex_lines(f"{name}={kind}:", value.data)


def _text(value: Value) -> str | None:
    """The text of a value that is one; None if the form of a text would lose something."""
    data = value.data
    if value.type not in (REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ, REG_LINK) or len(data) % 2:
        return None
    try:
        text = data.decode("utf-16-le")
    except UnicodeDecodeError:
        return None
    if value.type == REG_MULTI_SZ:
        text = " | ".join(part for part in text.split("\0") if part)
    elif value.type != REG_LINK:
        if not text.endswith("\0"):
            return None
        text = text[:-1]
    return text if text.isprintable() else None


def _hex_lines(begin: str, data: bytes) -> Iterator[str]:
    line = begin
    for position, byte in enumerate(data):
        is_last = position == len(data) - 1
        line += f"{byte:02x}" + ("" if is_last else ",")
        if not is_last and len(line) + 4 > _WIDTH:
            yield line + "\\"
            line = "  "
    yield line


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
