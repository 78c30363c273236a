# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""C as Microsoft's compiler reads it, made into C that gcc and clang read alike; it works on preprocessed text.

Under Windows a `long` has 32 bits, `1L` too, and `1i64` has 64. A routine that is `__inline` belongs to each file that
includes it, as a `static` one. `#pragma alloc_text` and `#pragma code_seg` put routines into the
sections INIT and PAGE. An enumeration may get the name of a 32-bit integer type that is there already, as DEVICE_TYPE.
Line numbers stay, and almost always columns, so that the compiler's messages fit the sources.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["translate"]

_TOKEN: Final = re.compile(
    r"""
    (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |^[ \t]*\#[ \t]*pragma[ \t]+alloc_text[ \t]*\((?P<alloc>[^)\n]*)\)[^\n]*$
    |(?P<line>^[ \t]*\#[^\n]*$)
    |(?P<type>\b(?:long|unsigned|signed|int|short|char|double)\b(?:\s+(?:long|unsigned|signed|int|short|char|double)\b)*)
    |(?<![\w.])(?P<digits>0[xX][0-9a-fA-F]+|[0-9]+)(?P<suffix>[uU]?[iI](?:8|16|32|64)|[uUlL]+)(?![\w.])
    |\btypedef(?P<enumeration>\s+enum\b\s*\w*\s*\{[^{}]*\})\s*(?:ULONG|LONG)(?=\s*;)
    |(?P<inline>\b__inline__\b)
    """,
    re.VERBOSE | re.MULTILINE,
)
_SEGMENT: Final = re.compile(
    r"""
    (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |^[ \t]*\#[ \t]*pragma[ \t]+code_seg[ \t]*\((?P<segment>[^)\n]*)\)[^\n]*$
    |(?P<line>^[ \t]*\#[^\n]*$)
    |(?P<mark>[;{}])
    """,
    re.VERBOSE | re.MULTILINE,
)
_ROUTINE: Final = re.compile(
    r"\s*((?!typedef\b)(?!(?:struct|union|enum)\b[^()]*$)[^\s=][^=]*\w\s*\([^=]*\)\s*)", re.DOTALL
)
"""The text before the body of a routine, from the end of the declaration before it."""
_STORAGE: Final = re.compile(r"\b(?:static|extern)\b")
_END: Final = re.compile(r"[;{}]")


def translate(text: str) -> str:
    """The text with the types, constants, routines and sections that Microsoft's compiler would see."""
    if "code_seg" in text:
        text = _with_segments(text)
    return _TOKEN.sub(_replacement, text)


def _with_segments(text: str) -> str:
    """The text with each routine in the section that `#pragma code_seg` names for it."""
    parts: list[str] = []
    stack: list[str] = []
    segment, depth, done, begin = "", 0, 0, 0
    for found in _SEGMENT.finditer(text):
        if found["segment"] is not None:
            segment = _next_segment(found["segment"], segment, stack)
        if found["mark"] == "{":
            routine = _ROUTINE.fullmatch(text, begin, found.start()) if depth == 0 and segment else None
            if routine is not None:
                parts += [text[done : routine.start(1)], f'__attribute__((section("{segment}"))) ']
                done = routine.start(1)
            depth += 1
        elif found["mark"] == "}":
            depth = max(depth - 1, 0)
        if depth == 0 and found["text"] is None:
            begin = found.end()
    return "".join([*parts, text[done:]])


def _next_segment(arguments: str, segment: str, stack: list[str]) -> str:
    """The section after a `#pragma code_seg` with these arguments; `stack` holds what `push` has put aside."""
    words = [each.strip() for each in arguments.split(",")]
    names = [each.strip('"') for each in words if each.startswith('"')]
    if words[0] == "push":
        stack.append(segment)
    elif words[0] == "pop":
        segment = stack.pop() if stack else ""
    else:
        segment = ""
    return names[0] if names else segment


def _replacement(found: re.Match[str]) -> str:
    if found["type"] is not None:
        return _narrowed(found["type"])
    if found["suffix"] is not None:
        return found["digits"] + _suffix(found["suffix"])
    if found["enumeration"] is not None:
        return found["enumeration"]
    if found["alloc"] is not None:
        return _placed(found["alloc"])
    if found["inline"] is not None and not _has_storage(found):
        return "static __inline__ __attribute__((unused))"
    return found[0]


def _narrowed(words: str) -> str:
    """The words of a type, with `int` for one `long`; what follows keeps its column."""
    parts = words.split()
    if parts.count("long") != 1 or "double" in parts:
        return words
    return re.sub(r"\blong\b", "    " if "int" in parts else "int ", words)


def _suffix(suffix: str) -> str:
    unsigned = "U" if suffix[0] in "uU" or suffix[-1] in "uU" else ""
    is_long = suffix.lower().count("l") == 2 or suffix.endswith("64")
    return unsigned + ("LL" if is_long else "")


def _placed(arguments: str) -> str:
    """The declarations that put routines into a section; `arguments` are those of the pragma."""
    section, *routines = (each.strip().strip('"') for each in arguments.split(","))
    return " ".join(
        f'extern __typeof__({routine}) {routine} __attribute__((section("{section}")));'
        for routine in routines
        if routine
    )


def _has_storage(found: re.Match[str]) -> bool:
    """Whether the declaration around a word says `static` or `extern` already."""
    text, start = found.string, found.start()
    begin = max(text.rfind(mark, 0, start) for mark in ";{}")
    end = _END.search(text, start)
    return _STORAGE.search(text, begin + 1, len(text) if end is None else end.start()) is not None
