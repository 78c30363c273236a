# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Code and data of a driver in C are gone when it is unloaded; a use of them stops the system."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from dirql.c import driver as driver_in_c
from dirql.ke.bugcheck import BugCheck
from dirql.machine import LoadError, Machine, open_machine
from dirql.mm.manager import running as memory_manager
from dirql.nt.bugcodes import DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS
from dirql.nt.constants import FILE_ANY_ACCESS, FILE_DEVICE_UNKNOWN, METHOD_BUFFERED
from dirql.nt.control_code import ctl_code
from machine.c_builder import SOURCES
from machine.windows_builder import IS_THERE, build_for_windows

pytestmark = pytest.mark.interpreted("c drivers")

FILE = SOURCES / "lender.c"
LEND, CALL, READ, WRITE, SET = (
    ctl_code(FILE_DEVICE_UNKNOWN, 0x800 + place, METHOD_BUFFERED, FILE_ANY_ACCESS) for place in range(5)
)


def lender(name: str) -> driver_in_c.CDriver:
    return driver_in_c.CDriver(FILE, name=name, define={"SERVICE": name})


def line_of(mark: str) -> int:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return next(place for place, line in enumerate(lines, 1) if line.endswith(f"/* here: {mark} */"))


def ask(machine: Machine, name: str, control: int, data: bytes = b"", size: int = 24) -> bytes:
    with machine.open(rf"\Device\{name}") as handle:
        return handle.ioctl(control, data, size)


@pytest.mark.parametrize(
    ("control", "mark", "said"),
    [
        (CALL, "called", rf"Routine \(.*lender\.c:{line_of('lent')}\) was called, 0x\w+ of the driver Gone"),
        (READ, "read", "a variable was read, 0x"),
        (WRITE, "written", "a variable was written, 0x"),
        (SET, "event", "a variable was read, 0x"),
    ],
)
def test_a_use_of_an_unloaded_driver_stops_the_system(control: int, mark: str, said: str) -> None:
    with pytest.raises(BugCheck, match=said) as caught:
        use_after_unload(lender("Gone"), control)
    assert caught.value.code == DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS
    assert f"lender.c:{line_of(mark)}" in str(caught.value)


def use_after_unload(driver: driver_in_c.CDriver, control: int) -> None:
    """Let a driver use what another has lent it, before and after the unload of the other."""
    with open_machine() as machine:
        machine.load_driver(lender("Left"))
        gone = machine.load_driver(driver)
        loan = ask(machine, "Gone", LEND)
        (value,) = struct.unpack("<I", ask(machine, "Left", control, loan)[:4])
        assert value == {CALL: 43, READ: 7, WRITE: 9, SET: 1}[control]
        machine.unload_driver(gone)
        ask(machine, "Left", control, loan)


def test_a_driver_is_loaded_and_unloaded_again_and_again() -> None:
    with open_machine() as machine:
        free = []
        for _ in range(4):
            driver = machine.load_driver(lender("Again"))
            ask(machine, "Again", CALL, ask(machine, "Again", LEND))
            machine.unload_driver(driver)
            free.append(memory_manager.value.frames.statistics().free)
        assert free[1:] == free[1:2] * 3, "the frames of an image are given back"


def test_the_image_of_a_driver_that_did_not_load_goes_too() -> None:
    failing = driver_in_c.CDriver(FILE, name="Failing", define={"SERVICE": "Failing", "FAILS": "1"})
    with open_machine() as machine:
        machine.load_driver(lender("Left"))
        with pytest.raises(LoadError):
            machine.load_driver(failing)
        loan = struct.pack("<3Q", int(machine.debug_output, 16), 0, 0)
        with pytest.raises(BugCheck, match=r"Routine \(.* was called, 0x") as caught:
            ask(machine, "Left", CALL, loan)
    assert caught.value.code == DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS


@pytest.mark.skipif(not IS_THERE, reason="the package ziglang, which builds for Windows, is not installed")
def test_an_image_for_windows_goes_too(tmp_path: Path) -> None:
    source = tmp_path / "lender.c"
    source.write_text("#define SERVICE Gone\n" + FILE.read_text(encoding="utf-8"))
    image = driver_in_c.CDriver(build_for_windows(source), name="Gone")
    with pytest.raises(BugCheck, match="a variable was read, 0x") as caught:
        use_after_unload(image, READ)
    assert caught.value.code == DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS
