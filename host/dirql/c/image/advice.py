# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Advice on what a compiler says about a driver: what dirql's headers have, and what kind of driver it is not for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from dirql.c.image.compiler import HEADERS

__all__ = ["advice", "no_entry_point", "on_c_library"]

_OTHER_KINDS: Final = {
    "wdf.h": "a driver of the framework KMDF",
    "wdfcx.h": "a driver of the framework KMDF",
    "fltkernel.h": "a file system minifilter",
    "ndis.h": "a network driver of NDIS",
    "fwpsk.h": "a callout driver of the filtering platform",
    "fwpmk.h": "a callout driver of the filtering platform",
    "storport.h": "a miniport driver of Storport",
    "miniport.h": "a miniport driver",
    "video.h": "a miniport driver for displays",
    "ks.h": "a driver of kernel streaming",
    "portcls.h": "an audio miniport driver",
    "stream.h": "a driver of kernel streaming",
    "dispmprt.h": "a miniport driver for displays",
    "tdi.h": "a network driver of TDI",
    "tdikrnl.h": "a network driver of TDI",
}
"""Headers of drivers that stand on more than the kernel, by their names in lower case."""
_POOL: Final = "use ExAllocatePoolWithTag and ExFreePoolWithTag"
_PRINT: Final = "use DbgPrint"
_FILE: Final = "use ZwCreateFile, ZwReadFile and ZwWriteFile"
_C_LIBRARY: Final = {
    **dict.fromkeys(("malloc", "calloc", "realloc", "free", "strdup", "_strdup"), _POOL),
    **dict.fromkeys(("printf", "puts", "putchar", "fprintf", "perror", "OutputDebugString"), _PRINT),
    **dict.fromkeys(("fopen", "fclose", "fread", "fwrite", "open", "read", "write", "close"), _FILE),
    **dict.fromkeys(("sleep", "usleep", "Sleep"), "use KeDelayExecutionThread"),
    **dict.fromkeys(("abort", "exit", "_exit"), "return a status, or use KeBugCheckEx"),
    **dict.fromkeys(("time", "clock"), "use KeQuerySystemTime"),
    **dict.fromkeys(("new", "delete"), _POOL),
}
"""Names of other worlds, with what a driver has in their place."""
_OF_PROGRAMS: Final = (
    "windows.h",
    "winsock2.h",
    "winioctl.h",
    "winbase.h",
    "tchar.h",
    "setupapi.h",
    "unistd.h",
)
_NO_HEADER: Final = re.compile(r"fatal error: '?([^\s':]+)'?(?: file not found|: No such file)")
_UNKNOWN: Final = re.compile(
    r"(?:unknown type name|use of undeclared identifier|implicit declaration of function|undeclared function) \W(\w+)\W"
    r"|\W(\w+)\W undeclared"
)
_CPP: Final = re.compile(
    r'extern "C"|before string constant|unknown type name \W(?:class|namespace|template)\W'
)
_WORD: Final = re.compile(r"\w+")
_FIRST: Final = ("wdm.h", "ntddk.h", "ntifs.h")
_INSIDE: Final = ("msvc.h", "ntdef.h", "ntstatus.h", "bugcodes.h")
"""Headers that wdm.h includes."""
_CLOSE: Final = 0.8
_MOST: Final = 8


def advice(messages: str) -> str:
    """Lines that help with the errors and warnings of a compiler; "" without any."""
    lines = [line for line in dict.fromkeys(_advices(messages)) if line]
    return "".join(f"\ndirql: {line}" for line in lines[:_MOST])


def no_entry_point(name: str, routines: Iterable[str], sources: str) -> str:
    """The message for an image without an entry point; `sources` are the texts of which it was made."""
    if re.search(r"\bstatic\b[^;{}()]*\bDriverEntry\b", sources):
        return f"a driver must have a routine DriverEntry that is not static; that of {name} is: take `static` away"
    words = set(_WORD.findall(sources))
    own = [each for each in routines if each in words] or list(routines)
    text = f"a driver must have a routine DriverEntry that is not static; {name} has"
    near = difflib.get_close_matches("DriverEntry", own, 1, _CLOSE)
    if near:
        return f"{text} {near[0]}: rename it"
    if "main" in own:
        return (
            f"{text} main, as a program has: begin with NTSTATUS DriverEntry(PDRIVER_OBJECT, PUNICODE_STRING)"
        )
    return f"{text} {', '.join(own[:_MOST]) or 'no routine'}"


def _advices(messages: str) -> Iterator[str]:
    for name in _NO_HEADER.findall(messages):
        yield _on_header(name)
    if _CPP.search(messages):
        yield 'drivers must be in C; this looks like C++: leave extern "C" to `#ifdef __cplusplus`'
    names = dict.fromkeys(next(filter(None, groups)) for groups in _UNKNOWN.findall(messages))
    places = _places()
    for header in dict.fromkeys(places[name] for name in names if name in places):
        there = [name for name in names if places.get(name) == header]
        yield f"{_listed(there)} in {header}: include it first, with #include <{header}>"
    yield from (_on_unknown(name) for name in names if name not in places)


def _listed(names: list[str]) -> str:
    first, last = names[:-1][: _MOST - 1], names[-1]
    return f"{', '.join(first)} and {last} are" if first else f"{last} is"


def _on_header(name: str) -> str:
    last = re.split(r"[/\\]", name)[-1].lower()
    kind = _OTHER_KINDS.get(last)
    if kind is not None:
        return (
            f"{name} is for {kind}; dirql runs drivers of the Windows Driver Model (WDM), on wdm.h or ntddk.h"
        )
    if last in _OF_PROGRAMS or name.startswith(("linux/", "sys/", "asm/")):
        return f"{name} is no header for drivers of Windows: a driver includes wdm.h, ntddk.h or ntifs.h"
    near = difflib.get_close_matches(last, [file.name for file in HEADERS.rglob("*.h")], 1, _CLOSE)
    hint = f"the nearest of dirql's headers is {near[0]}" if near else "dirql has none of that name"
    return f"{name} was looked for beside the file that includes it and in the folders of `include`; {hint}"


def on_c_library(name: str) -> str:
    """The sentence for a name of the C library; "" for any other name."""
    instead = _C_LIBRARY.get(name)
    return "" if instead is None else f"{name} is of the C library, which drivers do not have: {instead}"


def _on_unknown(name: str) -> str:
    if name in _C_LIBRARY:
        return on_c_library(name)
    near = difflib.get_close_matches(name, _places(), 1, _CLOSE)
    return (
        f"{name} is in no header of dirql; the nearest name is {near[0]} of {_places()[near[0]]}"
        if near
        else ""
    )


@cache
def _places() -> dict[str, str]:
    """The header of each name that dirql's headers have; the ones that drivers include most come first."""
    folders = (HEADERS, HEADERS / "ddk", HEADERS / "crt")
    files: list[Path] = [HEADERS / name for name in _FIRST]
    files += [file for folder in folders for file in sorted(folder.glob("*.h")) if file not in files]
    found: dict[str, str] = {}
    for file in files:
        shown = "wdm.h" if file.name in _INSIDE or file.name.startswith("dirql_") else file.name
        for word in _WORD.findall(_code(file.read_text(encoding="utf-8"))):
            found.setdefault(word, shown)
    return found


def _code(text: str) -> str:
    """A header without its comments and parameters, whose names are nobody's."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    declarations = re.findall(
        r"^\s*#\s*define\s+\w+|^\s*\w+ = |\b\w+(?=\()|}\s*[\w*, ]+;|^typedef[^;{]+;|^    \w+,?$",
        text,
        re.MULTILINE,
    )
    return "\n".join(declarations)
