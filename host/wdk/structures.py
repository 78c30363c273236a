# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Structures and other C types, read from structures/."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wdk.c_types import (
    Body,
    CType,
    Enumeration,
    Field,
    Function,
    Opaque,
    Record,
    Typedef,
)
from wdk.entry import Entry, read_entries
from wdk.errors import HERE, DescriptionError, Table
from wdk.prototypes import parse_prototype
from wdk.values import Group

__all__ = ["StructureFile", "load_structures"]

_COMMON = ("kind", "header", "text", "pointers", "const_pointers")
_FIELD_KEYS = ("name", "type", "struct", "union", "length", "bits", "align", "opaque", "offset", "python")


@dataclass(frozen=True, slots=True)
class StructureFile:
    """The types of one description file, which become one section of the page of structures."""

    title: str
    types: tuple[CType, ...]


def load_structures(enumerations: Iterable[Group], folder: Path = HERE) -> tuple[StructureFile, ...]:
    """Read every type; raises `DescriptionError`.

    `enumerations` are the groups of constants; those that are members of a C enumeration make it a type.
    """
    files = [_read_file(file) for file in sorted((folder / "structures").glob("*.toml"))]
    constants = tuple(_enumerations(folder / "constants", enumerations))
    files.append(StructureFile("Enumerations whose members are constants of dirql", constants))
    seen: dict[str, CType] = {}
    for each in (each for file in files for each in file.types):
        for name in each.names:
            if name in seen:
                where = f"{seen[name].name} in {seen[name].file.name} has it too"
                raise DescriptionError(each.file, each.name, f"the name {name} must stand once; {where}")
            seen[name] = each
    return tuple(files)


def _enumerations(folder: Path, groups: Iterable[Group]) -> Iterator[Enumeration]:
    for group in groups:
        if group.enumeration:
            name = group.enumeration
            members = tuple((value.name, value.value) for value in group.values)
            text = f"{group.title.rstrip('.')}."
            yield Enumeration(folder, name, group.header, text, (f"P{name}",), (), f"_{name}", members)


def _read_file(file: Path) -> StructureFile:
    head, entries = read_entries(file, ("title", "header"))
    header = head.text("header")
    types = (_read_type(Entry(file, each.name, {"header": header, **each.table})) for each in entries)
    return StructureFile(head.text("title"), tuple(types))


def _read_type(entry: Entry) -> CType:
    readers: dict[str, Callable[[Entry], CType]] = {
        "enum": _enumeration,
        "function": _function,
        "opaque": _opaque,
        "struct": _record,
        "typedef": _typedef,
        "union": _record,
    }
    kind = entry.text("kind", "no kind")
    if kind not in readers:
        raise entry.error(f"a kind must be one of {', '.join(readers)}; it was {kind!r}")
    result = readers[kind](entry)
    if not result.text.endswith("."):
        raise entry.error(f"a text must be a sentence that ends in a full stop; it was {result.text!r}")
    return result


def _common(entry: Entry) -> tuple[Path, str, str, str, tuple[str, ...], tuple[str, ...]]:
    """The arguments that every kind of type begins with."""
    pointers = entry.texts("pointers", (f"P{entry.name}",))
    return (
        entry.file,
        entry.name,
        entry.text("header"),
        entry.text("text"),
        pointers,
        entry.texts("const_pointers"),
    )


def _tag(entry: Entry) -> str:
    return entry.text("tag", f"_{entry.name}")


def _typedef(entry: Entry) -> Typedef:
    entry.check_keys(needed=("type", "size"), allowed=(*_COMMON, "python"))
    return Typedef(*_common(entry), entry.text("type"), entry.number("size"), entry.text("python", ""))


def _opaque(entry: Entry) -> Opaque:
    entry.check_keys(allowed=(*_COMMON, "tag", "python"))
    return Opaque(*_common(entry), _tag(entry), entry.text("python", ""))


def _enumeration(entry: Entry) -> Enumeration:
    entry.check_keys(needed=("members",), allowed=(*_COMMON, "tag"))
    members = entry.inner("members")
    return Enumeration(
        *_common(entry), _tag(entry), tuple((name, members.number(name)) for name in members.table)
    )


def _function(entry: Entry) -> Function:
    entry.check_keys(needed=("prototype",), allowed=_COMMON)
    prototype = parse_prototype(entry.file, entry.name, entry.text("prototype"))
    return Function(*_common(entry), prototype)


def _record(entry: Entry) -> Record:
    optional = ("tag", "pack", "align", "python", "lacks")
    entry.check_keys(needed=("size", "fields"), allowed=(*_COMMON, *optional))
    body = _body(entry, entry.text("kind"), entry.tables("fields"))
    return Record(
        *_common(entry),
        tag=_tag(entry),
        body=body,
        size=entry.number("size"),
        pack=entry.number("pack", 0),
        align=entry.number("align", 0),
        python=entry.text("python", ""),
        lacks=entry.texts("lacks"),
    )


def _body(entry: Entry, kind: str, tables: Iterable[Table]) -> Body:
    body = Body(kind, tuple(_field(entry, table) for table in tables))
    names = list(_own_names(body))
    for name in names:
        if names.count(name) > 1:
            raise entry.error(f"a member must have a name of its own; {name!r} stands twice")
    if not body.fields:
        raise entry.error(f"a {kind} must have a member; it had none")
    return body


def _own_names(body: Body) -> Iterator[str]:
    """The names in the scope of a body: those of anonymous structures and unions belong to it."""
    for field in body.fields:
        if field.name:
            yield field.name
        elif field.body is not None:
            yield from _own_names(field.body)


def _field(entry: Entry, table: Table) -> Field:
    name = str(table.get("name", ""))
    field = Entry(entry.file, f"{entry.name}.{name}" if name else entry.name, table)
    field.check_keys(allowed=_FIELD_KEYS)
    forms = [key for key in ("type", "struct", "union") if key in table]
    if len(forms) != 1:
        raise field.error(
            f"a member must have one of type, struct and union; it had {', '.join(forms) or 'none'}"
        )
    return Field(
        name=name,
        type=field.text("type", ""),
        body=None if forms == ["type"] else _body(field, forms[0], field.tables(forms[0])),
        length=_length(field),
        is_anysize=table.get("length") == "ANYSIZE_ARRAY",
        bits=field.number("bits", 0),
        align=field.number("align", 0),
        is_opaque=field.flag("opaque"),
        offset=field.number("offset") if "offset" in table else None,
        python=field.text("python", ""),
    )


def _length(field: Entry) -> int | None:
    words = {"ANYSIZE_ARRAY": 1, "FLEXIBLE": 0}
    length = field.table.get("length")
    if isinstance(length, str):
        if length not in words:
            raise field.error(f"a length must be a number, or one of {', '.join(words)}; it was {length!r}")
        return words[length]
    if length is None:
        return None
    count = field.number("length")
    if count < 1:
        raise field.error(f"a length must be 1 or more; it was {count}")
    return count
