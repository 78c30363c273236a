# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Sentences in the words of the WDK for errors that Python itself finds in a driver.

A driver's author who knows C writes `irp.IoStatus`, leaves out an argument, or forgets an import. Python finds each of
these, but its text is about classes and parameters of dirql, which the author has never seen.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from types import ModuleType
from typing import Final

from dirql.ke.origin import is_kernel_file
from dirql.nt import constants, status
from dirql.nt.contracts import CONTRACTS

__all__ = ["explain_error", "missing_parameters"]

_NEAREST: Final = 2
_PACKAGE: Final = f"{__name__.partition('.')[0]}."
_WRONG_CALL: Final = re.compile(
    r"(?:\w+\.)*(?P<routine>\w+)\(\) (?:missing \d+ required|takes |got an unexpected|got multiple)"
)
_WRONG_MEMBER: Final = re.compile(r"'(?P<kind>\w+)' object has no attribute '(?P<name>\w+)'")
_GIVEN: Final = re.compile(r"but (\d+) (?:was|were) given")
_LACKING: Final = re.compile(r"missing (\d+) required")
_BY_ROUTINE: Final = {stated.routine: stated for stated in CONTRACTS.values()}


def explain_error(error: BaseException) -> str | None:
    """Say what is wrong and what to do, in one sentence; None for an error that says so itself."""
    if isinstance(error, AttributeError):
        if error.obj is not None and error.name:
            return _explain_member(error.obj, type(error.obj), error.name)
        found = _WRONG_MEMBER.match(str(error))  # an assignment to a member that there is not
        kind = None if found is None else _class_of_kernel(found["kind"])
        return None if found is None or kind is None else _explain_member(kind, kind, found["name"])
    if isinstance(error, NameError) and error.name:
        return _explain_name(error.name)
    if isinstance(error, BufferError):
        return (
            "an extension must keep the size in bytes that was asked for; it was to become longer or shorter: ask for"
            " as many bytes as are used, and write slices of the length that they replace"
        )
    if isinstance(error, TypeError):
        return _explain_call(str(error))
    return None


def missing_parameters(routine: object, wanted: tuple[str, ...]) -> str | None:
    """Say that a driver's routine does not take the arguments `wanted`; None if it does, or if Python cannot tell."""
    if not callable(routine):
        return None
    try:
        signature = inspect.signature(routine)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*wanted)
    except TypeError:
        own = ", ".join(signature.parameters) or "none"
        number = _count(len(wanted), "parameter")
        return f"must have the {number} {', '.join(wanted)}; it has {own}: define it with these"
    return None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# Members.


_INTERNAL: Final = ("_", "nt_status", "stored_")
"""The beginnings of the names of members that are not for drivers."""


def _explain_member(owner: object, kind: type, name: str) -> str:
    members = [each for each in dir(owner) if not each.startswith(_INTERNAL)]
    if isinstance(owner, ModuleType):
        return f"the module {owner.__name__} has no name {name}" + _suggestion(_near(name, members))
    if not is_kernel_file(str(getattr(sys.modules.get(kind.__module__), "__file__", ""))):
        text = f"an object of the class {kind.__qualname__} has no member {name}"
        return f"{text}{_suggestion(_near(name, members)) or ': set it before its first use'}"
    record = _name_of_class(kind)
    if name in members:
        return f"{record} must be initialized before its first use; its member {name} was not set"
    same = [each for each in members if _folded(each) == _folded(name)]
    if same:
        return f"a member of {record} must have its name in Python; it was {name}, as in C: write {same[0]}"
    return f"{record} has no member {name}" + _suggestion(_near(name, members))


def _class_of_kernel(name: str) -> type | None:
    """A class of the kernel by its Python name."""
    for module_name, module in list(sys.modules.items()):
        found = vars(module).get(name) if module_name.startswith(_PACKAGE) else None
        if isinstance(found, type):
            return found
    return None


def _name_of_class(kind: type) -> str:
    """The WDK's name of a structure."""
    place = f"{kind.__module__.removeprefix('dirql.')}:{kind.__qualname__}"
    for stated in CONTRACTS.values():
        for pointer in stated.pointers:
            if pointer.python == place:
                return pointer.type
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).upper()


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _near(name: str, names: list[str]) -> list[str]:
    folded = {_folded(each): each for each in names}
    return [folded[each] for each in difflib.get_close_matches(_folded(name), list(folded), _NEAREST)]


def _suggestion(names: list[str]) -> str:
    return f": did you mean {' or '.join(names)}?" if names else ""


# Names and calls.


def _explain_name(name: str) -> str:
    if name in _BY_ROUTINE or hasattr(constants, name) or hasattr(status, name):
        return f"{name} must be imported before it is used: write wdm.{name}, or from dirql.wdm import {name}"
    return f"the name {name} is not defined: define it or import it, or look for a typing error"


def _explain_call(text: str) -> str | None:
    """Name the parameters of the routine that was called with a wrong number of arguments."""
    found = _WRONG_CALL.match(text)
    stated = None if found is None else _BY_ROUTINE.get(found["routine"])
    if stated is None:
        return None
    number = len(stated.parameters)
    given, lacking = _GIVEN.search(text), _LACKING.search(text)
    was = text
    if given is not None:
        was = f"it got {given[1]}"
    elif lacking is not None:
        was = f"{lacking[1]} {'was' if lacking[1] == '1' else 'were'} missing"
    takes = _count(number, "argument") if number else "no argument"
    return f"{stated.routine} takes {takes}; {was}: a call is {stated.call}"
