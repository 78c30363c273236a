# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The error for a name that `dirql.wdm` lacks: whether the WDK has it, and the nearest names that dirql has."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence

__all__ = ["missing_name"]

_NEAREST = 3


def missing_name(name: str, known: Sequence[str]) -> AttributeError | ImportError:
    """The error to raise for `wdm.name`, or for `from dirql.wdm import name`.

    A `from` import asks for the attribute first and would replace an `AttributeError` by one that has no hint. It asks
    through importlib's `_handle_fromlist`, so that the caller of the package's `__getattr__` tells the two apart.
    """
    if name.startswith("_"):
        return AttributeError(f"module 'dirql.wdm' has no attribute {name!r}")
    text = _sentence(name, known)
    if sys._getframe(2).f_code.co_name == "_handle_fromlist":
        return ImportError(text, name="dirql.wdm")
    return AttributeError(text, name=name)


def _sentence(name: str, known: Sequence[str]) -> str:
    from dirql.wdm.lacking import LACKING

    header = next((header for header, names in LACKING.items() if name in names.split()), None)
    folded = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), folded, _NEAREST)
    nearest = ", ".join(folded[each] for each in close)
    if header is not None:
        hint = f"; the nearest names of dirql: {nearest}" if nearest else ""
        return f"the WDK has {name} ({header}), and dirql lacks it{hint}"
    if nearest:
        return f"neither the WDK nor dirql has a name {name}; did you mean {nearest}?"
    return f"neither the WDK nor dirql has a name {name}, or one that is near it"
