# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The registers of each kind of function, for messages about its devices."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import ModuleType

from dirql import registers

__all__ = ["register_offsets"]


@cache
def register_offsets(kind: str) -> Mapping[str, int]:
    """The offsets in the first memory range, by the names of the registers; empty for a kind without a module."""
    module = getattr(registers, kind, None)
    if not isinstance(module, ModuleType):
        return {}
    known = ((name, getattr(module, name)) for name in module.__all__)
    return {name: register.offset for name, register in known if hasattr(register, "offset")}
