# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The layout of structures on x64: natural alignment, `int` of 32 bits, Microsoft's rules for bit fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wdk.c_types import (
    BUILT_IN,
    POINTER_SIZE,
    Body,
    CType,
    Enumeration,
    Field,
    Function,
    Opaque,
    Record,
    Typedef,
    TypeUse,
    parse_type,
)

__all__ = ["Layout", "LayoutError", "Place", "TypeTable"]

ENUMERATION_SIZE = 4


class LayoutError(Exception):
    """A type cannot be laid out; the message is the rule that it breaks."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a named member: byte offset and size of the storage, and for a bit field the lowest bit in it."""

    path: str
    offset: int
    size: int
    bits: int
    lowest_bit: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Size and alignment of a structure in bytes, and the named members, also those of structures inside it."""

    size: int
    align: int
    places: tuple[Place, ...]


class TypeTable:
    """All types by name, and their layouts."""

    def __init__(self, types: Iterable[CType]) -> None:
        self.types = tuple(types)
        self._by_name: dict[str, CType] = {each.name: each for each in self.types}
        self._pointers = {
            name: each for each in self.types for name in (*each.pointers, *each.const_pointers)
        }
        self._layouts: dict[str, Layout] = {}
        self._under_way: list[str] = []

    def find(self, name: str) -> CType | None:
        """The type that is called `name` or is pointed to by the pointer type `name`; None if there is none."""
        return self._by_name.get(name) or self._pointers.get(name)

    def parse(self, text: str) -> TypeUse:
        """The parts of a type as it is written; raises `LayoutError` if it is malformed or unknown."""
        use = parse_type(text)
        if use is None:
            raise LayoutError(
                f"a type must be a name, const or volatile before it and stars behind it; it was {text!r}"
            )
        if use.base not in BUILT_IN and self.find(use.base) is None:
            raise LayoutError(f"a type must be described; {use.base!r} was not")
        return use

    def held(self, text: str) -> CType | None:
        """The type that an object of the type `text` holds by value; None for pointers and types of the language."""
        use = self.parse(text)
        return None if use.stars or use.base in self._pointers else self._by_name.get(use.base)

    def measure(self, text: str) -> tuple[int, int]:
        """Size and alignment in bytes of an object of the type `text`; raises `LayoutError` if it can have none."""
        use = self.parse(text)
        held = self.held(text)
        if use.stars or use.base in self._pointers:
            return POINTER_SIZE, POINTER_SIZE
        match held:
            case Enumeration():
                return ENUMERATION_SIZE, ENUMERATION_SIZE
            case Typedef():
                return self.measure(held.type)
            case Record():
                layout = self.layout(held)
                return layout.size, layout.align
            case Function() | Opaque():
                raise LayoutError(f"a member must not hold a {held.name}, only a pointer to it")
        size = BUILT_IN[use.base]
        if not size:
            raise LayoutError("a member must not have the type 'void'")
        return size, size

    def layout(self, record: Record) -> Layout:
        """The layout of a structure or a union; raises `LayoutError`."""
        if record.name not in self._layouts:
            if record.name in self._under_way:
                raise LayoutError(f"a structure must not hold itself; {' holds '.join(self._under_way)} does")
            self._under_way.append(record.name)
            try:
                body = self._body(record.body, record.pack)
            finally:
                self._under_way.pop()
            align = max(body.align, record.align)
            self._layouts[record.name] = Layout(_round_up(body.size, align), align, body.places)
        return self._layouts[record.name]

    def _body(self, body: Body, pack: int) -> Layout:
        places: list[Place] = []
        end, widest, unit = 0, 1, _BitUnit()
        for field in body.fields:
            inner = self._field(field, pack)
            if field.bits:
                if body.kind == "union" or not unit.has_room(field.bits, inner.size):
                    unit = _BitUnit(0 if body.kind == "union" else _round_up(end, inner.align), inner.size)
                start, lowest = unit.start, unit.take(field.bits)
            else:
                start, lowest, unit = (
                    0 if body.kind == "union" else _round_up(end, inner.align),
                    0,
                    _BitUnit(),
                )
            end = max(end, start + inner.size)
            widest = max(widest, inner.align)
            places.extend(_moved(field, inner, start, lowest))
        return Layout(_round_up(end, widest), widest, tuple(places))

    def _field(self, field: Field, pack: int) -> Layout:
        """Size, alignment and inner members of one member."""
        if field.body is not None:
            inner = self._body(field.body, pack)
            size, align, places = inner.size, inner.align, inner.places
        else:
            (size, align), places = self.measure(field.type), ()
        if field.bits > 8 * size:
            raise LayoutError(
                f"a bit field must fit its type: {field.name} has {field.bits} bits, {field.type} {8 * size}"
            )
        align = max(min(align, pack) if pack else align, field.align)
        return Layout(size * (1 if field.length is None else field.length), align, places)


class _BitUnit:
    """The storage that adjacent bit fields share: one object of the declared type, filled from the lowest bit."""

    def __init__(self, start: int = 0, size: int = 0) -> None:
        self.start = start
        self.size = size
        self.used = 0

    def has_room(self, bits: int, size: int) -> bool:
        """Whether a bit field of that width and declared size goes on in this storage."""
        return size == self.size and self.used + bits <= 8 * size

    def take(self, bits: int) -> int:
        """Give the next bits away; returns the lowest one."""
        self.used += bits
        return self.used - bits


def _moved(field: Field, inner: Layout, start: int, lowest_bit: int) -> Iterator[Place]:
    """The places of a member and of the members that it declares in place, counted from the start of the owner."""
    if field.name:
        yield Place(field.name, start, inner.size, field.bits, lowest_bit)
    prefix = field.name + "." if field.name else ""
    for place in inner.places:
        yield Place(prefix + place.path, start + place.offset, place.size, place.bits, place.lowest_bit)


def _round_up(value: int, align: int) -> int:
    return -(-value // align) * align
