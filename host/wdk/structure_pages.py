# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The page of structures: the members that Python has, with their attributes, and the types that only C has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wdk.c_types import CType, Enumeration, Field, Function, Opaque, Record, Typedef
from wdk.layout import TypeTable
from wdk.naming import python_path
from wdk.structures import StructureFile

__all__ = ["structure_page"]

_INTRODUCTION = (
    "The name of a member in Python follows from its name in C: each part of the path becomes snake_case, and the dots"
    ' stay. A member is "opaque" where the WDK leaves its meaning undocumented. It is "lacking" where the Python class'
    " has no attribute for it. The C headers have all members. Offsets and sizes are in bytes, for x64.\n"
)


def structure_page(files: Iterable[StructureFile], table: TypeTable) -> Iterator[str]:
    """The parts of the page, without its title."""
    files = tuple(files)
    yield _INTRODUCTION
    for file in files:
        modelled = [each for each in file.types if _python(each)]
        if modelled:
            yield f"## {file.title.rstrip('.')}\n"
            for each in modelled:
                yield from _section(each, table)
    yield "## Types without a Python class\n\nThey are in the C headers.\n"
    for file in files:
        rows = [_row(each) for each in file.types if not _python(each)]
        if rows:
            yield f"### {file.title.rstrip('.')}: C only\n\n| type | kind | header | |\n|---|---|---|---|"
            yield "\n".join(rows) + "\n"


def _python(each: CType) -> str:
    return each.python if isinstance(each, Record | Typedef | Opaque) else ""


def _row(each: CType) -> str:
    return f"| `{each.name}` | {_kind(each)} | {each.header} | {each.text} |"


def _kind(each: CType) -> str:
    match each:
        case Record():
            return {"struct": "structure", "union": "union"}[each.body.kind]
        case Enumeration():
            return "enumeration"
        case Function():
            return "function"
        case Opaque():
            return "opaque structure"
    return "another name"


def _section(each: CType, table: TypeTable) -> Iterator[str]:
    module, _, name = _python(each).rpartition(":")
    size = f" {each.size:#x} bytes." if isinstance(each, Record | Typedef) else ""
    yield f"### {each.name}\n\n{each.text} In Python: `dirql.{module}.{name}`. Header: {each.header}.{size}\n"
    if isinstance(each, Record):
        offsets = {place.path: place for place in table.layout(each).places}
        yield "| member | type | offset | in Python |\n|---|---|---|---|"
        rows = (
            f"| `{path}` | {_type(field)} | {offsets[path].offset:#x} | {_attribute(each, path, field)} |"
            for path, field in each.body.members()
        )
        yield "\n".join(rows) + "\n"


def _type(field: Field) -> str:
    text = f"`{field.type}`" if field.body is None else field.body.kind
    if field.bits:
        return f"{text}, {field.bits} bits"
    if field.length is None:
        return text
    return f"{text}, array of {'any length' if field.is_anysize else field.length or 'any length'}"


def _attribute(record: Record, path: str, field: Field) -> str:
    if any(path == lacked or path.startswith(f"{lacked}.") for lacked in record.lacks):
        return "lacking"
    return "opaque" if field.is_opaque else f"`{python_path(path)}`"
