# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""C prototypes, as the descriptions of routines and of function types state them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from wdk.errors import DescriptionError

__all__ = ["Parameter", "Prototype", "declare", "parse_prototype"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: C type, direction (in, out, inout), and whether it may be NULL."""

    name: str
    type: str
    direction: str
    optional: bool

    @property
    def text(self) -> str:
        """The parameter in C, such as "_In_opt_ PVOID Context"."""
        annotation = f"_{self.direction.capitalize()}{'_opt' if self.optional else ''}_"
        return f"{annotation} {declare(self.type, self.name)}"


@dataclass(frozen=True, slots=True)
class Prototype:
    """The type of the result and the parameters; `is_variadic` says that others may follow."""

    result: str
    parameters: tuple[Parameter, ...]
    is_variadic: bool = False

    def text(self, name: str) -> str:
        """The prototype in C, without a semicolon, of a function that is called `name`."""
        parameters = ", ".join([*(each.text for each in self.parameters), *["..."] * self.is_variadic])
        return f"{declare(self.result, name)}({parameters or 'void'})"


_PROTOTYPE = re.compile(r"(?P<result>[\w ]+?[ *]+)(?P<name>\w+)\((?P<parameters>.*)\)")
_PARAMETER = re.compile(r"_(?P<direction>In|Out|Inout)(?P<optional>_opt)?_ (?P<type>.*?[ *])(?P<name>\w+)")


def declare(type_name: str, name: str) -> str:
    """The C declaration of something with that type and name."""
    return f"{type_name}{'' if type_name.endswith('*') else ' '}{name}"


def parse_prototype(file: Path, name: str, text: str) -> Prototype:
    """The prototype of the entry `name` of `file`; raises `DescriptionError` for one that is malformed."""
    match = _PROTOTYPE.fullmatch(text)
    if match is None or match["name"] != name:
        raise DescriptionError(file, name, f"a prototype must read 'RESULT {name}(…)'; it was {text!r}")
    parts = [] if match["parameters"] == "void" else match["parameters"].split(", ")
    is_variadic = parts[-1:] == ["..."]
    parsed = (_parse_parameter(file, name, part) for part in (parts[:-1] if is_variadic else parts))
    return Prototype(match["result"].strip(), tuple(parsed), is_variadic)


def _parse_parameter(file: Path, name: str, text: str) -> Parameter:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        raise DescriptionError(
            file,
            name,
            f"a parameter must read '_In_ TYPE Name', with _In_, _Out_ or _Inout_; it was {text!r}",
        )
    return Parameter(
        match["name"], match["type"].strip(), match["direction"].lower(), bool(match["optional"])
    )
