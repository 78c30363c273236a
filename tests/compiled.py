# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tests with a compiled kernel (docs/compiled.md): the few that need a plain one, and the errors that differ.

Everything that drivers and programs rely on holds both ways. A test that can only be carried out on plain Python is
marked `interpreted`, with one of the reasons here.
"""

from __future__ import annotations

import re

import pytest

from dirql.ke import kernel

__all__ = ["COMPILED", "REASONS", "no_integer", "no_machine", "refusal"]

COMPILED = not str(kernel.__file__).endswith(".py")
"""Whether the tests run with a compiled kernel."""

REASONS = {
    "c drivers": "drivers in C need the kernel in plain Python, whose objects can become views of memory",
    "calls": "compiled routines say in another way that they got a wrong number of arguments",
    "docstrings": "compiled routines have no docstrings at run time; those of the sources are the same",
    "null": "compiled code refuses a NULL by its type, with a `TypeError`, before the routine looks at it",
    "types": "compiled code refuses an argument of another type where the routine begins, which plain Python bears",
    "opcodes": "compiled code has no opcodes of Python to count",
    "patches": "a compiled routine calls another directly, so that a test cannot put a routine of its own in its place",
}


def no_machine(what: str) -> pytest.RaisesExc[BaseException]:
    """Expect the error of a routine that is called without an open machine; `what` begins the message.

    Compiled code checks the type of the missing part first; its message has the name of the object in its place.
    """
    if COMPILED:
        return pytest.raises(
            (RuntimeError, TypeError), match=r"expected; got dirql\.ke\.running\.NoOpenMachine"
        )
    return pytest.raises(RuntimeError, match=f"{what} need an open machine, and none is open")


def refusal(sentence: str, given: str) -> pytest.RaisesExc[TypeError]:
    """Expect the error for a wrong object in the place of a pointer, of which `sentence` is a regular expression.

    Compiled code checks types where a routine begins, before the contract does. Its message has the name of the type
    that it got, `given`.
    """
    own = rf"(object expected; got|doesn't apply to a) .*\b{re.escape(given)}\b"
    return pytest.raises(TypeError, match=f"^{sentence}$|{own}" if COMPILED else f"^{sentence}$")


def no_integer(sentence: str) -> str:
    """A regular expression for the message for what must be an integer and is none; `sentence` is one for plain Python.

    Compiled code refuses it by its type, where a routine begins or a member is set.
    """
    return f"{sentence}|int (or None )?object expected; got" if COMPILED else sentence
