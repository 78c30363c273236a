# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The routines of host/wdk behind the stubs: which ones drivers in C can call, and how their values cross."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from inspect import signature
from operator import attrgetter
from typing import cast

from dirql.c.core.forms import NUMBERS, POINTER, Converters, UnsupportedForm, argument, result, returned
from dirql.c.core.interface import MEMBERS, ROUTINES, Prototype
from dirql.c.core.native_module import Native, Value
from dirql.c.core.stubs import DATA, EXCEPTIONS, OWN, PLAIN, STUBS

__all__ = ["bind", "exported_names", "python_callable", "why_lacking"]

_MEMBER = "dirql_member_"
_AS_ADDRESSES = {
    "ExQueueWorkItem": (("WorkItem", "*void", "inout"), ("QueueType", "i4", "in")),
    "IoInitializeWorkItem": (("IoObject", "*void", "in"), ("IoWorkItem", "*void", "out")),
    "IoInitializeIrp": (("Irp", "*void", "inout"), ("PacketSize", "u2", "in"), ("StackSize", "i1", "in")),
}
"""The parameters of own routines that get the address of a structure which the system has not given."""


@cache
def exported_names() -> frozenset[str]:
    """The names of routines and variables that a driver in C can import."""
    routines = {name for name in ROUTINES if name in STUBS and not why_lacking(name)}
    members = {name for name in STUBS if name.startswith(_MEMBER)}
    return frozenset({*routines, *members, *OWN, *PLAIN, *DATA, *EXCEPTIONS})


def why_lacking(name: str) -> str:
    """Why drivers in C cannot call a routine that drivers in Python can; "" for any other name."""
    prototype = ROUTINES.get(name)
    if prototype is None:
        return ""
    if name not in STUBS:
        return f"{name} takes any number of arguments; drivers in C have it from the headers only"
    try:
        _crossing(prototype, None)
    except UnsupportedForm as error:
        return f"{name} is there for drivers in Python only: {error}"
    return ""


def bind(
    native: Native, names: Iterable[str], converters: Converters, own: Mapping[str, Callable[..., object]]
) -> None:
    """Give stubs their routines; those in `own` take the place of the kernel's."""
    for name in names:
        if name not in STUBS or name in OWN:
            continue
        prototype = MEMBERS[name.removeprefix(_MEMBER)] if name.startswith(_MEMBER) else ROUTINES[name]
        if name in own:
            # An own routine gets all parameters, pointers as addresses.
            prototype = *prototype[:2], _AS_ADDRESSES.get(name, prototype[2]), ()
        back, values, outs = _crossing(prototype, converters)
        routine = own.get(name) or python_callable(prototype[0])
        native.bind(STUBS[name], routine, back, _with_nulls(routine, values), outs)


def python_callable(path: str) -> Callable[..., object]:
    """The callable that `module:qualified.name` below dirql names."""
    module, _, name = path.partition(":")
    found = attrgetter(name)(importlib.import_module(f"dirql.{module}"))
    return cast(Callable[..., object], found)


def _with_nulls(routine: Callable[..., object], values: Places) -> Places:
    """The parameters, with NULL as 0 where Python takes plain numbers, and as None elsewhere."""
    try:
        annotations = [str(each.annotation) for each in signature(routine).parameters.values()]
    except ValueError:
        return values
    if len(annotations) != len(values):
        return values
    return tuple(
        (place, (NUMBERS["u8"], None) if form == POINTER and annotation == "int" else (form, convert))
        for (place, (form, convert)), annotation in zip(values, annotations, strict=True)
    )


Places = tuple[tuple[int, Value], ...]


def _crossing(prototype: Prototype, converters: Converters | None) -> tuple[Value, Places, Places]:
    """Result, parameters and out parameters, each with its place in C."""
    _, form, parameters, out_names = prototype
    values = tuple(
        (place, argument(name, each, direction, converters))
        for place, (name, each, direction) in enumerate(parameters)
        if name not in out_names
    )
    places = {name: (place, each) for place, (name, each, _) in enumerate(parameters)}
    outs = tuple((places[name][0], returned(name, places[name][1], converters)) for name in out_names)
    return result(form), values, outs
