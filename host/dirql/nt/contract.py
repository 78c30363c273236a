# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The contract of a kernel routine: its WDK name, the levels at which it may be called, the objects that it takes."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["Contract", "Enforcement", "Form", "Pointer", "Value", "Violation"]


class Enforcement(enum.Enum):
    """The way in which a contract is enforced."""

    EACH_CALL = "each call"
    """The level is checked, and the cost of a kernel call is charged, before the routine runs."""
    OWN_CODE = "own code"
    """The routine's own code checks and charges, because its rule depends on its arguments."""
    NONE = "none"
    """Nothing is checked or charged: C has a macro here, the bus charges the access, or the routine is that simple."""


@dataclass(frozen=True, slots=True)
class Violation:
    """The verifier's bug check for a broken contract: its code and its first parameter."""

    code: int
    subcode: int


@dataclass(frozen=True, slots=True)
class Pointer:
    """A parameter that C declares as a pointer to a structure, for which Python has a class."""

    position: int
    name: str
    type: str
    """The WDK name of the structure."""
    python: str
    """The module below `dirql` and the name of the class."""
    optional: bool = False
    """Whether NULL is legal."""


class Form(enum.Enum):
    """The form that an argument has in Python; the value says it in words."""

    NUMBER = "an integer"
    ADDRESS = "an address, which is an integer"
    TEXT = "a string"
    STRING = "a UNICODE_STRING or a string"
    BYTE_STRING = "an ANSI_STRING, bytes or a string"
    LINK = "a LIST_ENTRY or its address, which is an integer"
    SINGLE_LINK = "a SINGLE_LIST_ENTRY, an SLIST_ENTRY or the address of one, which is an integer"
    CHARACTERS = "an address, which is an integer, or a string"
    BYTES = "bytes"
    ROUTINE = "a routine"


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter that is no object of its own in Python: a number, an address, a string, bytes or a routine."""

    position: int
    name: str
    type: str
    """The type in C."""
    form: Form
    lowest: int = 0
    """The lowest and the highest number of the type in C, for a number or an address."""
    highest: int = 0
    optional: bool = False
    """Whether NULL is legal."""
    such_as: str = ""
    """A member of the enumeration of which the number must be one; "" for all other numbers."""


@dataclass(frozen=True, slots=True)
class Contract:
    """The levels of one routine, and its parameters.

    Without a `violation` the levels are NT's own rule, which holds for every driver. With one they are the verifier's
    rule, which holds for the drivers that it verifies.
    """

    routine: str
    min_irql: int
    max_irql: int
    enforcement: Enforcement
    violation: Violation | None = None
    pointers: tuple[Pointer, ...] = ()
    values: tuple[Value, ...] = ()
    parameters: tuple[str, ...] = ()
    """The WDK's names of all parameters that a Python caller gives."""

    @property
    def call(self) -> str:
        """A call of the routine, as the WDK writes it."""
        return f"{self.routine}({', '.join(self.parameters)})"
