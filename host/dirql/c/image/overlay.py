# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""Headers that sources name in Windows' ways: in another case, with backslashes, or made by a tool of the WDK.

A folder of stand-ins goes on the search path. `#include "..\inc\Foo.H"` finds there a file of exactly that name, which
includes the header. A file `.tmh`, which the tracing preprocessor (WPP) would write, gets macros without effect for the
trace routines that the sources declare.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

__all__ = ["write_stand_ins"]

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.MULTILINE)
_TRACE_ROUTINE = re.compile(r"^\s*(?://|\*)?\s*FUNC\s+(\w+)\s*[({]", re.MULTILINE)
_MESSAGES = """#undef WPP_INIT_TRACING
#undef WPP_CLEANUP
#undef DoTraceMessage
#define WPP_INIT_TRACING(...) ((void)0)
#define WPP_CLEANUP(...) ((void)0)
#define DoTraceMessage(...) ((void)0)
"""


def write_stand_ins(sources: Sequence[Path], include: Sequence[Path], headers: Path, folder: Path) -> None:
    """Write stand-ins into `folder` for what `sources` and the headers that they include name.

    `include` has the driver's own folders for headers, `headers` the folder of dirql's.
    """
    texts = dict(_reached(sources, include))
    trace_routines = sorted({name for text in texts.values() for name in _TRACE_ROUTINE.findall(text)})
    routines = "".join(f"#undef {each}\n#define {each}(...) ((void)0)\n" for each in trace_routines)
    for file, text in texts.items():
        for quote, name in _INCLUDE.findall(text):
            places = ([file.parent] if quote == '"' else []) + [
                *include,
                headers,
                headers / "crt",
                headers / "ddk",
            ]
            if any((place / name).is_file() for place in places):
                continue
            text = (
                _MESSAGES + routines if name.lower().endswith(".tmh") else _include(find_header(name, places))
            )
            for stand_in in {folder / name, folder / name.replace("\\", "/")} if text else ():
                stand_in.parent.mkdir(parents=True, exist_ok=True)
                stand_in.write_text(text, encoding="utf-8")


def _include(header: Path | None) -> str:
    return "" if header is None else f'#include "{header.resolve()}"\n'


def find_header(name: str, places: Iterable[Path]) -> Path | None:
    """The header of that name in one of some folders, whatever its case, with backslashes for slashes."""
    for place in places:
        here: Path | None = place
        for part in name.replace("\\", "/").split("/"):
            here = None if here is None else _step(here, part)
        if here is not None and here.is_file():
            return here
    return None


def _step(folder: Path, part: str) -> Path | None:
    if part in ("", "."):
        return folder
    if part == ".." or (folder / part).exists():
        return folder / part
    if not folder.is_dir():
        return None
    return next((each for each in folder.iterdir() if each.name.lower() == part.lower()), None)


def _reached(sources: Sequence[Path], include: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """The sources and all headers of the driver that they include, with their texts."""
    left = list(sources)
    seen: set[Path] = set()
    while left:
        file = left.pop()
        if file.resolve() in seen:
            continue
        seen.add(file.resolve())
        text = file.read_text(encoding="utf-8", errors="replace")
        yield file, text
        for _, name in _INCLUDE.findall(text):
            found = find_header(name, [file.parent, *include])
            if found is not None:
                left.append(found)
