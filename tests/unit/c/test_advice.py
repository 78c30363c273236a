# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Advice behind the messages of the compiler, for mistakes that newcomers make."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dirql.c.image.advice import advice, no_entry_point
from dirql.c.image.compiler import HEADERS, OPTIONS, CompileError
from dirql.c.image.compiling import build_image

ENTRY = "NTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r) { %s return STATUS_SUCCESS; }\n"
POOL = "use ExAllocatePoolWithTag and ExFreePoolWithTag"
MODEL = "dirql runs drivers of the Windows Driver Model (WDM)"
FOLDERS = "beside the file that includes it and in the folders of `include`"
INCLUDES = ["-nostdinc", *(f"-I{HEADERS / folder}" for folder in ("", "crt", "ddk"))]


def told(text: str) -> list[str]:
    """The advice on what gcc says about a text."""
    command = ["gcc", *OPTIONS, *INCLUDES, "-fsyntax-only", "-x", "c", "-include", "msvc.h", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return [line.removeprefix("dirql: ") for line in advice(done.stderr).splitlines() if line]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            ENTRY % "",
            [
                "NTSTATUS, PDRIVER_OBJECT and PUNICODE_STRING are in wdm.h: include it first, with #include <wdm.h>"
            ],
        ),
        (
            "#include <wdm.h>\n" + ENTRY % "PsGetCurrentProcessId(); IoCreateDevise();",
            [
                "PsGetCurrentProcessId is in ntddk.h: include it first, with #include <ntddk.h>",
                "IoCreateDevise is in no header of dirql; the nearest name is IoCreateDevice of wdm.h",
            ],
        ),
        (
            "#include <wdm.h>\nint a = STATUS_SUCESS, b = IOCTL_SERIAL_SET_BAUD_RATE;\n",
            [
                "IOCTL_SERIAL_SET_BAUD_RATE is in ntddser.h: include it first, with #include <ntddser.h>",
                "STATUS_SUCESS is in no header of dirql; the nearest name is STATUS_SUCCESS of wdm.h",
            ],
        ),
        (
            "#include <wdm.h>\n" + ENTRY % "free(malloc(3));",
            [f"{name} is of the C library, which drivers do not have: {POOL}" for name in ("free", "malloc")],
        ),
        (
            "#include <ntddk.h>\n#include <wdf.h>\n",
            [f"wdf.h is for a driver of the framework KMDF; {MODEL}, on wdm.h or ntddk.h"],
        ),
        (
            "#include <linux/module.h>\n",
            [
                "linux/module.h is no header for drivers of Windows: a driver includes wdm.h, ntddk.h or ntifs.h"
            ],
        ),
        (
            "#include <ntdk.h>\n",
            [f"ntdk.h was looked for {FOLDERS}; the nearest of dirql's headers is ntddk.h"],
        ),
        (
            'extern "C" int x;\n',
            ['drivers must be in C; this looks like C++: leave extern "C" to `#ifdef __cplusplus`'],
        ),
        ("#include <wdm.h>\n" + ENTRY % "d->DriverUnlod = NULL;", []),
        ("#include <wdm.h>\n" + ENTRY % "", []),
    ],
)
def test_the_compiler_is_helped_out(text: str, lines: list[str]) -> None:
    assert told(text) == lines


@pytest.mark.parametrize(
    ("routines", "sources", "text"),
    [
        (["main", "DbgPrint"], "int main", "n has main, as a program has: begin with NTSTATUS DriverEntry"),
        (["DriverEnrty", "DbgPrint"], "DriverEnrty()", "n has DriverEnrty: rename it"),
        ([], "static NTSTATUS DriverEntry(", "that of n is: take `static` away"),
        (["DbgPrint", "Read"], "Read()", "n has Read"),
        (["a"], "", "n has a"),
        ([], "", "n has no routine"),
    ],
)
def test_an_entry_point_that_is_not_there_is_looked_for(routines: list[str], sources: str, text: str) -> None:
    assert text in no_entry_point("n", routines, sources)


def test_advice_stands_behind_the_errors(tmp_path: Path) -> None:
    file = tmp_path / "plain.c"
    file.write_text(ENTRY % "")
    with pytest.raises(CompileError, match=r"unknown type name(.|\n)*\ndirql: NTSTATUS, PDRIVER_OBJECT and"):
        build_image("plain", [file])
