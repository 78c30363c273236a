# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The names that an image needs and the kernel does not have, all at once, each with what dirql has nearest to it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Final

from dirql.c.image.advice import on_c_library
from dirql.c.image.compiling import BuiltDriver

__all__ = ["MissingImports", "check_imports"]

_EXCEPTIONS: Final = "dirql_seh_"
"""The beginning of the names of runtime/seh.c, which the core has."""


class MissingImports(ValueError):
    """A driver needs names that dirql does not have; `names` has them."""

    def __init__(self, driver: str, names: Iterable[str], lines: Iterable[str]) -> None:
        self.names = tuple(names)
        count = "a name" if len(self.names) == 1 else f"{len(self.names)} names"
        text = "".join(f"\n  {line}" for line in lines)
        super().__init__(f"the driver {driver} needs {count} that dirql does not have:{text}")


def check_imports(
    built: BuiltDriver, exported: Collection[str], why_lacking: Callable[[str], str] | None = None
) -> None:
    """Raise `MissingImports` if an image needs a name that is not exported.

    `why_lacking` gives a sentence for a name of the WDK that dirql leaves out, "" for any other name.
    """
    missing = sorted(each for each in built.imports - frozenset(exported) if not each.startswith(_EXCEPTIONS))
    if missing:
        texts = {source: source.read_text(encoding="utf-8", errors="replace") for source in built.sources}
        why = {name: on_c_library(name) or (why_lacking(name) if why_lacking else "") for name in missing}
        lines = [_line(name, texts, exported, why[name]) for name in missing]
        raise MissingImports(built.name, missing, lines)


def _line(name: str, texts: dict[Path, str], exported: Collection[str], why: str) -> str:
    near = difflib.get_close_matches(name, exported, n=1, cutoff=0.75)
    parts = [name, _first_use(name, texts)]
    if why:
        parts.append(f": {why}")
    elif near:
        parts.append(f": the nearest that dirql has is {near[0]}")
    return "".join(parts)


def _first_use(name: str, texts: dict[Path, str]) -> str:
    word = re.compile(rf"\b{re.escape(name)}\b")
    for file, text in texts.items():
        found = word.search(text)
        if found is not None:
            return f" ({file.name}:{text.count(chr(10), 0, found.start()) + 1})"
    return ""
