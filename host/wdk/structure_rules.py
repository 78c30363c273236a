# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks that types agree with one another, with the stated sizes and offsets, and with the order of the headers."""

from __future__ import annotations

from collections.abc import Iterable

from wdk.c_types import CType, Opaque, Record, Typedef
from wdk.errors import DescriptionError
from wdk.layout import Layout, LayoutError, TypeTable
from wdk.routines import RoutineFile

__all__ = ["HEADERS", "check_prototypes", "check_structures"]

HEADERS = ("ntdef.h", "wdm.h", "ntddk.h", "ntifs.h")
"""The headers that hold types. Each includes the ones before it."""

# The words for arguments that only a macro takes: a type, or the name of a member.
_MACRO_WORDS = ("TYPE", "FIELD")


def check_structures(types: Iterable[CType]) -> TypeTable:
    """Lay out all types; raises `DescriptionError` for the first one that breaks a rule."""
    table = TypeTable(types)
    for each in table.types:
        try:
            _check_header(each, table)
            _check_size(each, table)
        except LayoutError as error:
            raise DescriptionError(each.file, each.name, str(error)) from error
    return table


def check_prototypes(files: Iterable[RoutineFile], table: TypeTable) -> None:
    """Raises `DescriptionError` for the first routine whose prototype names a type that is not described."""
    for file in files:
        for routine in file.routines:
            prototype = routine.prototype
            for text in (prototype.result, *(parameter.type for parameter in prototype.parameters)):
                try:
                    if text not in _MACRO_WORDS:
                        table.parse(text)
                except LayoutError as error:
                    raise DescriptionError(file.file, routine.name, str(error)) from error


def _check_header(each: CType, table: TypeTable) -> None:
    if each.header not in HEADERS:
        raise LayoutError(f"a header must be one of {', '.join(HEADERS)}; it was {each.header!r}")
    for text in each.used_types():
        used = table.find(table.parse(text).base)
        if used is None or HEADERS.index(used.header) <= HEADERS.index(each.header):
            continue
        if table.held(text) is not None or not isinstance(used, Record | Opaque):
            raise LayoutError(f"{each.header} must not need {used.header}; it needs {used.name} from there")


def _check_size(each: CType, table: TypeTable) -> None:
    match each:
        case Typedef():
            size, _ = table.measure(each.type)
        case Record():
            layout = table.layout(each)
            _check_offsets(each, layout)
            size = layout.size
        case _:
            return
    if size != each.size:
        raise LayoutError(f"its size must be {each.size:#x}, as stated; its members add up to {size:#x}")


def _check_offsets(each: Record, layout: Layout) -> None:
    places = {place.path: place.offset for place in layout.places}
    for path, field in each.body.members():
        if field.offset is not None and field.offset != places[path]:
            raise LayoutError(
                f"{path} must lie at {field.offset:#x}, as stated; the members before it put it at {places[path]:#x}"
            )
