# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tables by which the core for drivers in C converts arguments and finds the members of structures.

Each type becomes a *form*, a short text:

| form | value |
|---|---|
| `void` | nothing |
| `u1` … `u8`, `i1` … `i8` | a number of that number of bytes, without or with a sign; an enumeration is `i4` |
| `bool`, `status` | BOOLEAN, and NTSTATUS |
| `physical` | PHYSICAL_ADDRESS |
| `*NAME`, `**NAME` | a pointer to a described type or to a type of the C language, and a pointer to such a pointer |
| `&NAME` | a pointer to a function of the type NAME |
| `=NAME` | a structure or a union that is passed by value |
| `list` | va_list |
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wdk.c_types import BUILT_IN, Enumeration, Function, Opaque, Record, Typedef
from wdk.description import Description
from wdk.layout import Layout, TypeTable
from wdk.naming import python_path
from wdk.prototypes import Prototype
from wdk.python_modules import PACKAGE, module_head
from wdk.routines import Routine

__all__ = ["c_interface"]

_NAMES = (
    "BITS",
    "CLASSES",
    "FORMS",
    "FUNCTIONS",
    "MEMBERS",
    "ROUTINES",
    "STRUCTURES",
    "Parameter",
    "Prototype",
)
_SIGNED = {"char", "signed char", "short", "int", "long long"}
_WORDS = {"BOOLEAN": "bool", "NTSTATUS": "status", "VOID": "void", "void": "void", "va_list": "list"}


def c_interface(description: Description) -> dict[Path, str]:
    """Write the generated module, with the path."""
    types = description.types
    lines = [module_head("Routines, function types and structures as the core for drivers in C needs them.")]
    lines += ["from typing import Final", ""]
    lines += [f"__all__ = [{', '.join(map(_quoted, _NAMES))}]", ""]
    lines += ["Parameter = tuple[str, str, str]", '"""Name, form, and direction: in, out or inout."""']
    lines += ["Prototype = tuple[str, str, tuple[Parameter, ...], tuple[str, ...]]"]
    lines += [
        '"""Python callable, form of the result, parameters, and the parameters that Python returns."""',
        "",
    ]
    lines += ["ROUTINES: Final[dict[str, Prototype]] = {"]
    lines += [
        _routine(types, each) for each in description.routines if not each.member_of and _is_function(each)
    ]
    lines += ["}", '"""The routines that are exported by name."""']
    lines += ["", "MEMBERS: Final[dict[str, Prototype]] = {"]
    lines += [_routine(types, each) for each in description.routines if each.member_of]
    lines += [
        "}",
        '"""The same for routines that are reached through a table of pointers, as DMA_OPERATIONS."""',
    ]
    lines += ["", "FUNCTIONS: Final[dict[str, tuple[str, tuple[Parameter, ...]]]] = {"]
    lines += [
        f'    "{each.name}": ("{_form(types, each.prototype.result)}", {_parameters(types, each.prototype)}),'
        for each in types.types
        if isinstance(each, Function)
    ]
    lines += [
        "}",
        '"""Form of the result and parameters of each type of routine that the kernel calls."""',
        "",
    ]
    lines += _tables_of_types(types)
    return {PACKAGE / "c" / "core" / "interface.py": "\n".join(lines)}


def _tables_of_types(types: TypeTable) -> list[str]:
    """The lines with structures, classes, and types that are other names."""
    lines = ["STRUCTURES: Final[dict[str, tuple[int, str, dict[str, tuple[int, int, str, str]]]]] = {"]
    lines += [line for each in types.types if isinstance(each, Record) for line in _structure(types, each)]
    lines += [
        "}",
        '"""Size, Python class, and each named member: offset, size, form, and path in Python."""',
        "",
    ]
    lines += ["BITS: Final[dict[str, dict[str, tuple[int, int, int, int]]]] = {"]
    lines += [line for each in types.types if isinstance(each, Record) for line in _bits(types, each)]
    lines += [
        "}",
        '"""Offset and size of the storage, lowest bit and width of each bit field."""',
    ]
    lines += ["", "CLASSES: Final[dict[str, str]] = {"]
    lines += [
        f'    "{each.name}": "{each.python}",'
        for each in types.types
        if isinstance(each, Record | Typedef | Opaque) and each.python
    ]
    lines += ["}", '"""The Python class behind a type."""', "", "FORMS: Final[dict[str, str]] = {"]
    lines += [
        f'    "{name}": "{_form(types, name)}",'
        for each in types.types
        if isinstance(each, Typedef | Enumeration)
        for name in each.names
    ]
    lines += ["}", '"""The form of each type that is another name for one, and of each enumeration."""', ""]
    return lines


def _is_function(routine: Routine) -> bool:
    """Whether C can call the routine; some macros take the name of a type."""
    return not any(each.type in ("TYPE", "type") for each in routine.prototype.parameters)


def _routine(types: TypeTable, routine: Routine) -> str:
    result = "variadic" if routine.prototype.is_variadic else _form(types, routine.prototype.result)
    return (
        f'    "{routine.name}": ("{routine.python}", "{result}", {_parameters(types, routine.prototype)},'
        f" {_tuple(map(_quoted, routine.returned))}),"
    )


def _parameters(types: TypeTable, prototype: Prototype) -> str:
    return _tuple(
        f'("{each.name}", "{_form(types, each.type)}", "{each.direction}")' for each in prototype.parameters
    )


def _structure(types: TypeTable, record: Record) -> Iterator[str]:
    layout: Layout = types.layout(record)
    forms = {path: _form(types, field.type) if field.type else "" for path, field in record.body.members()}
    yield f'    "{record.name}": ({layout.size}, "{record.python}", {{'
    for place in layout.places:
        form = forms.get(place.path, "")
        if form and not place.bits:
            python = python_path(place.path)
            yield f'        "{place.path}": ({place.offset}, {place.size}, "{form}", "{python}"),'
    yield "    }),"


def _bits(types: TypeTable, record: Record) -> Iterator[str]:
    places = [place for place in types.layout(record).places if place.bits]
    if record.python and places:
        yield f'    "{record.name}": {{'
        for place in places:
            yield (
                f'        "{python_path(place.path)}": '
                f"({place.offset}, {place.size}, {place.lowest_bit}, {place.bits}),"
            )
        yield "    },"


def _form(types: TypeTable, text: str) -> str:
    use = types.parse(text)
    stars = use.stars
    base = use.base
    if base == "PHYSICAL_ADDRESS" and not stars:
        return "physical"
    if base in _WORDS and not stars:
        return _WORDS[base]
    described = types.find(base)
    if described is None:
        name = {"VOID": "void"}.get(base, base)
        return "*" * stars + name if stars else f"{'i' if base in _SIGNED else 'u'}{BUILT_IN[base]}"
    if base != described.name:  # the name of a pointer
        stars += 1
    if isinstance(described, Function):
        return "*" * (stars - 1) + "&" + described.name
    if stars:
        return "*" * stars + described.name
    if isinstance(described, Enumeration):
        return "i4"
    if isinstance(described, Typedef):
        return _form(types, described.type)
    return "=" + described.name


def _quoted(text: str) -> str:
    return f'"{text}"'


def _tuple(parts: Iterator[str] | map[str]) -> str:
    listed = list(parts)
    return f"({', '.join(listed)}{',' if len(listed) == 1 else ''})"
