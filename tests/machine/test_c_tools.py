# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The recipes of docs/c-drivers.md for tools: gdb, gcov, and the sanitizers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dirql
from dirql.c.driver import CDriver
from dirql.c.image.compiler import CompileError
from dirql.io.objects import DriverObject
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine, open_machine
from dirql.nt.bugcodes import KASAN_ILLEGAL_ACCESS
from machine.c_builder import SOURCES
from source_tree import ROOT

pytestmark = pytest.mark.interpreted("c drivers")

IDENTIFY = ROOT / "examples" / "first_driver" / "identify.c"
PROGRAM = r"""
import sys
from dirql.machine import open_machine
with open_machine("verilated", drivers=[sys.argv[1]]) as machine, machine.open(r"\\.\Identify") as handle:
    print(handle.read(4).hex())
"""
GDB = (
    *("gdb", "-q", "-batch", "-iex", "set debuginfod enabled off", "-ex", "set breakpoint pending on"),
    *("-ex", "handle SIGSEGV nostop noprint pass", "-ex", "break Read", "-ex", "run", "-ex", "backtrace"),
    *("-ex", "print Irp->CurrentLocation", "-ex", "continue", "--args"),
)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gdb") is None, reason="gdb is not installed")
def test_gdb_stops_in_a_routine_of_the_driver(tmp_path: Path) -> None:
    """The backtrace leads from the driver's stack on to the interpreter's."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    path = str(Path(dirql.__file__).parents[1])
    done = subprocess.run(
        [*GDB, sys.executable, str(program), str(IDENTIFY)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": path},
    )
    if "ptrace" in done.stderr:
        pytest.skip("gdb may not trace processes here")
    lines = done.stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("#0 "))
    assert "Read (DeviceObject=0x" in lines[first]
    assert "identify.c:" in lines[first]
    assert "dirql_enter" in lines[first + 1]
    assert any("_PyEval_EvalFrame" in line for line in lines[first:])
    assert "$1 = 1 '\\001'" in lines
    assert "341201d1" in lines


def test_the_sanitizer_of_undefined_behaviour_names_the_line(
    machine: Machine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "shifts.c"
    source.write_text(
        "#include <ntddk.h>\nstatic VOID Unload(PDRIVER_OBJECT d) { (void)d; }\n"
        "NTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r)\n{\n"
        '    volatile int shift = 40;\n    d->DriverUnload = Unload;\n    DbgPrint("%d %wZ", 1 << shift, r);\n'
        "    return STATUS_SUCCESS;\n}\n"
    )
    driver = CDriver(source, flags=["-fsanitize=undefined"])
    try:
        driver.build()
    except CompileError:
        pytest.skip("the library of the sanitizer is not installed")
    machine.load_driver(driver)
    assert f"{source}:7:26: runtime error: shift exponent 40 is too large" in capfd.readouterr().err


OVERRUNS = SOURCES / "overruns.c"


def load_overruns(machine: Machine, place: int) -> DriverObject:
    """Load the driver that goes wrong at a place; at 0 it does not."""
    driver = CDriver(OVERRUNS, flags=["-fsanitize=address"])
    return machine.load_driver(driver, name=f"overruns{place}")


def test_the_address_sanitizer_lets_a_right_driver_be(machine: Machine) -> None:
    """Frames that an exception has dropped, pool, variables and the routines of the runtime."""
    for _ in range(2):
        machine.unload_driver(load_overruns(machine, 0))
    assert machine.debug_output == 2 * "right 7"


@pytest.mark.parametrize(
    ("place", "text", "kind"),
    [
        (1, r"1 byte at 0x\w+ was written, 0 bytes behind the variable local of 16 bytes", 0x1F3),
        (2, r"17 bytes at 0x\w+ were written, 0 bytes behind the variable local of 16 bytes", 0x1F3),
        (3, r"1 byte at 0x\w+ was written, behind the variable table:", 0x1F9),
        (
            4,
            r"1 byte at 0x\w+ was read, 0 bytes behind the block of 13 bytes \(tag Bock\) that .* has:",
            0xFA,
        ),
        (5, r"1 byte at 0x\w+ was written, in front of the block of 13 bytes", 0x1FA),
        (6, r"1 byte at 0x\w+ was written, in the block of 13 bytes .* had and freed:", 0x1FD),
        (7, r"16 bytes at 0x\w+ were read, 0 bytes behind the block of 13 bytes", 0xFA),
        (8, r"1 byte at 0x\w+ was written, in the variable shorter outside of its block:", 0x1F8),
    ],
)
def test_the_address_sanitizer_names_the_variable_and_the_line(
    machine: Machine, place: int, text: str, kind: int
) -> None:
    lines = OVERRUNS.read_text().splitlines()
    line = next(number for number, each in enumerate(lines, 1) if each.endswith(f"// place {place}"))
    with pytest.raises(BugCheck, match=text) as told:
        load_overruns(machine, place)
    assert (told.value.code, told.value.parameters[3]) == (KASAN_ILLEGAL_ACCESS, kind)
    assert f"in Wrong ({OVERRUNS}:{line})" in str(told.value)


COUNTED = """#include <ntddk.h>
static VOID Unload(PDRIVER_OBJECT d) { (void)d; }
static LONG Twice(LONG value)
{
    if (value > 100)
        return 0;
    return 2 * value;
}
#pragma alloc_text(PAGE, Twice)
NTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r)
{
    LONG sum = 0;
    (void)r;
    for (LONG each = 0; each < 7; each++)
        sum += Twice(each);
    d->DriverUnload = Unload;
    return sum == 42 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}
"""


def _line_counts(folder: Path, source: Path) -> dict[int, str]:
    """The counts of lines that gcov prints: how often a line has run, or ##### if it never has."""
    command = ["gcov", "-o", str(folder), "-t", str(folder / f"{source.stem}.gcda")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.findall(r"^ *([0-9]+|#####)[*]?:  *([0-9]+):", done.stdout, re.MULTILINE)
    return {int(line): count for count, line in found}


def _pair(text: str) -> tuple[int, str]:
    line, count = text.split(":")
    return int(line), count


def _run_once(driver: CDriver) -> None:
    with open_machine("verilated", drivers=[driver]):
        pass


def test_gcov_counts_the_lines_over_all_machines(tmp_path: Path) -> None:
    """Each machine's counts are added to those that are there; a change of the source begins anew."""
    source, folder = tmp_path / "counted.c", tmp_path / "counts"
    source.write_text(COUNTED)
    driver = CDriver(source, coverage=folder)
    _run_once(driver)
    expected = "2:1 3:7 5:7 6:##### 7:7 10:1 12:1 14:8 15:7 16:1 17:1"
    assert _line_counts(folder, source) == dict(map(_pair, expected.split()))
    _run_once(driver)
    assert _line_counts(folder, source)[15] == "14"
    source.write_text(COUNTED.replace("> 100", "> 101"))
    _run_once(driver)
    assert _line_counts(folder, source)[15] == "7"


def test_gcov_counts_until_a_bug_check(tmp_path: Path) -> None:
    source, folder = tmp_path / "stops.c", tmp_path / "counts"
    source.write_text(COUNTED.replace("return sum ==", "*(volatile LONG *)0 = 1;\n    return sum =="))
    with pytest.raises(BugCheck), open_machine("verilated", drivers=[CDriver(source, coverage=folder)]):
        pass
    counts = _line_counts(folder, source)
    assert (counts[6], counts[15]) == ("#####", "7")


def test_the_environment_names_the_folder_for_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIRQL_COVERAGE", str(tmp_path / "counts"))
    _run_once(CDriver(IDENTIFY))
    assert {each.name for each in (tmp_path / "counts").iterdir()} >= {"identify.gcno", "identify.gcda"}


@pytest.mark.parametrize("flag", ["--coverage", "-fprofile-arcs", "-ftest-coverage", "-pg"])
def test_a_flag_that_counts_is_refused(tmp_path: Path, flag: str) -> None:
    source = tmp_path / "counted.c"
    source.write_text(COUNTED)
    with pytest.raises(CompileError, match=f"flags must not have {flag}.*`coverage`, or the variable"):
        CDriver(source, flags=[flag]).build()
