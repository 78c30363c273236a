# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The C types that the description holds, as plain values: they know neither files nor layouts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wdk.prototypes import Prototype

__all__ = [
    "BUILT_IN",
    "POINTER_SIZE",
    "Body",
    "CType",
    "Enumeration",
    "Field",
    "Function",
    "Opaque",
    "Record",
    "TypeUse",
    "Typedef",
    "parse_type",
]

POINTER_SIZE = 8

BUILT_IN = {
    "char": 1,
    "signed char": 1,
    "unsigned char": 1,
    "short": 2,
    "unsigned short": 2,
    "wchar_t": 2,
    "int": 4,
    "unsigned int": 4,
    "long long": 8,
    "unsigned long long": 8,
    "void": 0,
    "va_list": 8,
    "VOID": 0,
}
"""The types of the C language that may be named, with their sizes in bytes. `long` differs between compilers."""


@dataclass(frozen=True, slots=True)
class TypeUse:
    """A type as a field or a parameter names it: the name of the type, and the number of `*` behind it."""

    base: str
    stars: int


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a structure or a union."""

    name: str
    """The member's name; "" for an anonymous structure or union, whose members belong to the one around it."""
    type: str
    """The C type, such as "volatile LONG" or "IRP **"; "" if the member is declared in place, by `body`."""
    body: Body | None
    length: int | None
    """The number of elements of an array, 0 for one without a stated length; None for a member that is no array."""
    is_anysize: bool
    """Whether the array is declared with one element, and in use has as many elements as fit into the memory."""
    bits: int
    """The width of a bit field in bits; 0 for any other member."""
    align: int
    """The alignment in bytes that the member asks for; 0 if it has the alignment of its type."""
    is_opaque: bool
    """Whether the WDK leaves the member's meaning undocumented."""
    offset: int | None
    """The offset in bytes that public sources give, with which the layout must agree; None where no source is known."""
    python: str
    """The Python class behind a member that is declared in place; "" if dirql has none."""


@dataclass(frozen=True, slots=True)
class Body:
    """The members of a structure (`kind` is "struct") or a union ("union")."""

    kind: str
    fields: tuple[Field, ...]

    def members(self, prefix: str = "") -> Iterator[tuple[str, Field]]:
        """Each named member with the path to it, also members inside a structure or union that is declared in place."""
        for field in self.fields:
            path = prefix + field.name
            if field.name:
                yield path, field
            if field.body is not None:
                yield from field.body.members(path + "." if field.name else prefix)


@dataclass(frozen=True, slots=True)
class CType:
    """A type; the subclasses are the kinds of types."""

    file: Path
    name: str
    header: str
    text: str
    pointers: tuple[str, ...]
    """The names of the pointer to this type, such as PKEVENT and PRKEVENT."""
    const_pointers: tuple[str, ...]
    """The names of the pointer to a constant of this type, such as PCUNICODE_STRING."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name by which C code reaches the type."""
        return (self.name, *self.pointers, *self.const_pointers)

    def used_types(self) -> Iterator[str]:
        """The types that the definition of this type names, as the definition writes them."""
        yield from ()


@dataclass(frozen=True, slots=True)
class Typedef(CType):
    """Another name for a type, of `size` bytes. `python` is as in a `Record`."""

    type: str
    size: int
    python: str

    def used_types(self) -> Iterator[str]:
        """The type for which this typedef is another name."""
        yield self.type


@dataclass(frozen=True, slots=True)
class Record(CType):
    """A structure or a union of `size` bytes."""

    tag: str
    body: Body
    size: int
    pack: int
    """The greatest alignment of a member in bytes; 0 for no limit."""
    align: int
    """The least alignment of the whole in bytes; 0 if it follows from the members."""
    python: str
    """The Python class behind it, as a dotted name below `dirql`; "" if dirql has none."""
    lacks: tuple[str, ...]
    """The paths of documented members for which the Python class has no attribute."""

    def used_types(self) -> Iterator[str]:
        """The types of the members."""
        return (field.type for _, field in self.body.members() if field.type)


@dataclass(frozen=True, slots=True)
class Enumeration(CType):
    """An enumeration: names and values of its members."""

    tag: str
    members: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Function(CType):
    """The type of a routine that the kernel calls, such as a DPC routine."""

    prototype: Prototype

    def used_types(self) -> Iterator[str]:
        """The types of the result and of the parameters."""
        yield from (self.prototype.result, *(each.type for each in self.prototype.parameters))


@dataclass(frozen=True, slots=True)
class Opaque(CType):
    """A structure that C code reaches only through pointers. `python` is as in a `Record`."""

    tag: str
    python: str


_TYPE = re.compile(r"(?:(?:const|volatile) )*(?P<base>[A-Za-z_][\w ]*?)(?: (?P<stars>\*+))?")


def parse_type(text: str) -> TypeUse | None:
    """The parts of a type as the description writes it; None if the text is not a type."""
    match = _TYPE.fullmatch(text)
    return TypeUse(match["base"], len(match["stars"] or "")) if match else None
