# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The recipes of docs/c-drivers.md for tools: gdb, and the sanitizer of undefined behaviour."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dirql
from dirql.c.driver import CDriver
from dirql.c.image.compiler import CompileError
from dirql.machine import Machine
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
