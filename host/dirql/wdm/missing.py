# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The error for a name that `dirql.wdm` lacks: whether the WDK has it, and the nearest names that dirql has."""

from __future__ import annotations

import difflib
import sys
from dis import opmap
from types import FrameType

__all__ = ["missing_name"]

_NEAREST = 3


def missing_name(module: str, name: str) -> AttributeError | ImportError:
    """The error to raise for `module.name`, or for `from module import name`.

    A `from` import would replace an `AttributeError` of a module's `__getattr__` by an error without a hint, so it gets
    an `ImportError`.
    """
    if name.startswith("_"):
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    text = _sentence(module, name)
    if _is_import(sys._getframe(2)):
        return ImportError(text, name=module)
    return AttributeError(text, name=name)


def _is_import(caller: FrameType) -> bool:
    """Whether the caller of `__getattr__` is a `from` import: of a package through importlib, of a module by itself."""
    code = caller.f_code
    return code.co_name == "_handle_fromlist" or code.co_code[caller.f_lasti] == opmap["IMPORT_FROM"]


def _sentence(module: str, name: str) -> str:
    from dirql.wdm.names import KNOWN, LACKING

    known = KNOWN.split()
    if name in known:
        return f"{name} belongs to another header than that of {module}; import it from dirql.wdm"
    header = next((header for header, names in LACKING.items() if name in names.split()), None)
    folded = {each.lower(): each for each in known}
    is_same = name.lower() in folded
    close = [name.lower()] if is_same else difflib.get_close_matches(name.lower(), folded, _NEAREST)
    nearest = ", ".join(folded[each] for each in close)
    if header is not None:
        hint = f"; the nearest names of dirql: {nearest}" if nearest else ""
        return f"the WDK has {name} ({header}), and dirql lacks it{hint}"
    if nearest:
        return f"neither the WDK nor dirql has a name {name}; did you mean {nearest}?"
    return f"neither the WDK nor dirql has a name {name}, or one that is near it"
