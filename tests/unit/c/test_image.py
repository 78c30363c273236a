# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Images of drivers in C: sources as they are written for Microsoft's compiler, and what the image's file says."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from dirql.c.image.compiler import CompileError, find_compiler
from dirql.c.image.compiling import BuiltDriver, Options, build_image, fresh_copy, read_image
from dirql.c.image.elf import ElfError
from dirql.c.image.imports import MissingImports, check_imports
from dirql.c.image.pe import PeError
from dirql.target.simulation.toolchain import SetupError

Build = Callable[..., BuiltDriver]

DRIVER = """
#include <ntddk.h>
DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;
VOID Help(VOID);
#ifdef ALLOC_PRAGMA
#pragma alloc_text(INIT, DriverEntry)
#pragma alloc_text(PAGE, Unload, Help)
#pragma alloc_text(PAGELK, Locked)
#endif
VOID Locked(VOID) { KeGetCurrentIrql(); }
VOID Help(VOID) { PAGED_CODE(); }
static VOID Unload(PDRIVER_OBJECT DriverObject) { UNREFERENCED_PARAMETER(DriverObject); Help(); }
NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    DbgPrint("%wZ", RegistryPath);
    DriverObject->DriverUnload = Unload;
    return STATUS_SUCCESS;
}
""".replace("VOID Help(VOID);\n", "VOID Help(VOID);\nVOID Locked(VOID);\n", 1)
ENTRY = (
    "\n#include <ntddk.h>\nNTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r)\n{\n%s\nreturn 0;\n}\n"
)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds an image of texts, in a cache whose runtime is shared by the tests of this file."""
    monkeypatch.setenv("DIRQL_CACHE", str(tmp_path_factory.getbasetemp() / "c-cache"))
    monkeypatch.delenv("CC", raising=False)

    def build(*texts: str, options: Options | None = None, heard: list[str] | None = None) -> BuiltDriver:
        files = []
        for number, text in enumerate(texts):
            files.append(tmp_path / f"source{number}.c")
            files[-1].write_text(text)
        return build_image("sample", files, options, announce=(heard if heard is not None else []).append)

    return build


def test_pageable_routines_lie_on_pages_of_their_own(build: Build) -> None:
    built = build(DRIVER)
    assert set(built.sections) == {"INIT", "PAGE", "PAGELK"}
    assert all(size and not offset % 4096 and not size % 4096 for offset, size in built.sections.values())
    where = {
        place.function: name
        for name, (start, size) in built.sections.items()
        for offset in range(start, start + size)
        if (place := built.place(offset)) is not None
    }
    assert where == {"DriverEntry": "INIT", "Unload": "PAGE", "Help": "PAGE", "Locked": "PAGELK"}


def test_an_image_needs_nothing_but_names_of_the_kernel(build: Build) -> None:
    assert build(DRIVER).imports == {"KeGetCurrentIrql", "PAGED_CODE", "dirql_debug_print"}
    assert build(ENTRY % "").imports == frozenset()


def test_a_place_has_function_file_and_line(build: Build, tmp_path: Path) -> None:
    built = build(DRIVER)
    offset, _ = built.sections["INIT"]
    place = built.place(offset)
    assert place is not None
    line = (
        DRIVER.splitlines().index(
            "NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)"
        )
        + 2
    )
    assert (place.function, place.file, place.line) == ("DriverEntry", str(tmp_path / "source0.c"), line)
    assert str(place) == f"DriverEntry ({tmp_path / 'source0.c'}:{line})"
    assert built.place(0) is None


TYPES = """
C_ASSERT(sizeof(long) == 4 && sizeof(unsigned long) == 4 && sizeof(long int) == 4 && sizeof(int long unsigned) == 4);
C_ASSERT(sizeof(long long) == 8 && sizeof(unsigned long long int) == 8 && sizeof(long double) > 8);
C_ASSERT(sizeof(1L) == 4 && sizeof(1UL) == 4 && sizeof(1LL) == 8 && sizeof(1i64) == 8 && sizeof(0xFui64) == 8);
C_ASSERT(sizeof(1ULL) == 8 && (0xFFFFFFFFL > 0) && -1L < 0 && sizeof(L'x') == 2 && sizeof(L"ab") == 6);
C_ASSERT(sizeof(size_t) == 8 && sizeof(SIZE_T) == 8 && sizeof(ULONG_PTR) == 8 && sizeof(__int64) == 8);
struct bits { unsigned char a : 4; unsigned long b : 4; };
C_ASSERT(sizeof(struct bits) == 8);
static const char text[] = "a long way, 10L";
C_ASSERT(sizeof(text) == 16);
static const char quoted[] = "\\"1L long\\"";
"""


def test_types_have_the_sizes_of_windows(build: Build) -> None:
    build("#include <ntddk.h>\n" + TYPES + ENTRY % "(void)text; (void)quoted;")


def test_sources_of_windows_compile_as_they_are(build: Build, tmp_path: Path) -> None:
    """Headers in another case and with backslashes, tracing, inline routines, keywords, annotations and pragmas."""
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "Shared.h").write_text(
        "#include <initguid.h>\n// begin_wpp config\n// FUNC TraceEvents(LEVEL, FLAGS, MSG, ...);\n// end_wpp\n"
        "__inline int twice(int x) { return 2 * x; }\nstatic __forceinline int same(int x) { return x; }\n"
    )
    source = (
        "__declspec(dllimport) void __stdcall KeLowerIrql(unsigned char);\n"
        '#include <NTDDK.H>\n#include "INC\\shared.h"\n'
        '#include "source.tmh"\n#pragma warning(disable:4100 4201)\n#pragma prefast(push)\n'
        "#pragma intrinsic(memcpy)\n"
        "typedef struct { __declspec(align(16)) LONG member; } aligned;\nC_ASSERT(sizeof(aligned) == 16);\n"
        "_Use_decl_annotations_ static VOID f(_In_reads_(2) PULONG p) { (void)p; TraceEvents(1, 2, L); }\n"
        "ULONG tag = 'tseT'; __int64 wide = 0x7fffffffffffffffi64;\n"
    )
    body = "f(0); __try { twice(same(1)); __leave; } __finally { KeLowerIrql(0); }"
    other = source.replace("ULONG tag", "static ULONG tag").replace("wide", "narrow")
    built = build(source + ENTRY % body, other)
    assert built.imports <= {
        "KeLowerIrql",
        *(each for each in built.imports if each.startswith("dirql_seh_")),
    }


def test_the_compiler_speaks_for_itself(build: Build, tmp_path: Path) -> None:
    """Errors of all files are shown at once, with the lines of the sources."""
    with pytest.raises(CompileError) as error:
        build("#include <ntddk.h>\nlong value = nothing;\n" + ENTRY % "", "int x = ;\n")
    text = str(error.value)
    assert f"{tmp_path / 'source0.c'}:2:14: error: " in text
    assert f"{tmp_path / 'source1.c'}:1:9: error: expected expression" in text
    with pytest.raises(
        CompileError, match=r"source0\.c:1:10: fatal error: nothing\.h: No such file or directory"
    ):
        build("#include <nothing.h>\n")


def test_an_image_is_compiled_once_for_each_state_of_its_sources(build: Build, tmp_path: Path) -> None:
    heard: list[str] = []
    header = tmp_path / "own.h"
    header.write_text("#define RESULT 1\n")
    source = '#include "own.h"\n' + ENTRY % "(void)RESULT;"
    first = build(source, heard=heard)
    assert heard == ["dirql: compiling the driver sample"]
    assert build(source, heard=heard).library == first.library
    header.write_text("#define RESULT 2\n")
    second = build(source, heard=heard)
    assert second.library != first.library
    assert build(source, options=Options(flags=("-O1",)), heard=heard).library not in (
        first.library,
        second.library,
    )
    guarded = source.replace("(void)", "\n#ifdef MORE\nd = NULL;\n#endif\n(void)")
    plain = build(guarded, heard=heard)
    assert build(guarded, options=Options(defines={"MORE": "1"}), heard=heard).library != plain.library
    assert len([line for line in heard if line == heard[0]]) == 5


def test_warnings_are_told_when_the_driver_is_compiled(build: Build) -> None:
    heard: list[str] = []
    source = "static int unused;\n" + ENTRY % "int own = 1;"
    built = build(source, options=Options(flags=("-Wall",)), heard=heard)
    assert "unused variable" in heard[1]
    assert built.messages.rstrip() == heard[1]
    assert build(source, options=Options(flags=("-Wall",)), heard=heard).messages == ""


def test_all_missing_names_are_told_at_once_with_the_nearest(build: Build) -> None:
    built = build(ENTRY % "KeSetEvnt(d, 0, 0); IoNowhere();\nFltRegisterFilter();")
    known = {"KeSetEvent", "IoCallDriver", "dirql_debug_print"}
    with pytest.raises(MissingImports) as error:
        check_imports(
            built, known, lambda name: "dirql has no file systems" if name.startswith("Flt") else ""
        )
    assert error.value.names == ("FltRegisterFilter", "IoNowhere", "KeSetEvnt")
    assert str(error.value) == (
        "the driver sample needs 3 names that dirql does not have:\n"
        "  FltRegisterFilter (source0.c:6): dirql has no file systems\n"
        "  IoNowhere (source0.c:5)\n"
        "  KeSetEvnt (source0.c:5): the nearest that dirql has is KeSetEvent"
    )
    check_imports(built, {*known, *error.value.names})


def test_each_copy_of_an_image_is_a_file_of_its_own(build: Build, tmp_path: Path) -> None:
    built = build(DRIVER)
    first, second = fresh_copy(built, tmp_path), fresh_copy(built, tmp_path)
    assert len({first, second, built.library}) == 3
    assert first.read_bytes() == second.read_bytes() == built.library.read_bytes()


def test_an_image_without_an_entry_point_is_refused(build: Build) -> None:
    with pytest.raises(
        ValueError, match=r"DriverEntry that is not static; that of sample is: take `static` away"
    ):
        build("static int DriverEntry(void) { return 0; }\nint other(void) { return DriverEntry(); }\n")


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "driver.so"
    for contents in (b"", b"no image" + bytes(100), b"\x7fELF\x01\x01" + bytes(100)):
        file.write_bytes(contents)
        with pytest.raises(
            ElfError, match=r"must be a shared library for Linux on x86-64; .*driver\.so is not"
        ):
            read_image(file)
    file.write_bytes(b"\x7fELF\x02\x01" + bytes(10) + b"\x03\0\x3e\0" + bytes(20) + b"\xff" * 40)
    with pytest.raises(ElfError, match="is cut off or spoiled"):
        read_image(file)


@pytest.mark.parametrize("contents", [b"", b"M", b"\x7fELF\x02\x01" + bytes(100)])
def test_a_file_for_windows_that_is_none_is_refused(tmp_path: Path, contents: bytes) -> None:
    file = tmp_path / "driver.sys"
    file.write_bytes(contents)
    with pytest.raises(
        PeError, match=r"driver\.sys: a driver's image for Windows must begin with MZ; it was b"
    ):
        read_image(file)


def test_what_is_missing_on_this_computer_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SetupError, match="gcc, which compiles drivers in C, is not there"):
        find_compiler({"PATH": "/nowhere"})
    with pytest.raises(SetupError, match="the C compiler 'no-such-cc', which CC names, is not there"):
        find_compiler({"CC": "no-such-cc", "PATH": "/usr/bin"})
    with pytest.raises(
        SetupError, match="/usr/bin/false must be gcc or clang; with --version it ended with 1"
    ):
        find_compiler({"CC": "/usr/bin/false"})
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(
        SetupError, match="drivers in C run on Linux on x86-64 only; this is linux on aarch64"
    ):
        find_compiler()
