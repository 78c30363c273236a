# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers in C that were built for Windows: tests of test_c_core.py again, exceptions by tables, and wrong images."""

from __future__ import annotations

from pathlib import Path

import pytest

from dirql.c import driver
from dirql.c.image.compiling import read_image
from dirql.c.image.imports import MissingImports
from dirql.c.image.pe import PeError, PeFile
from dirql.drivers import store
from dirql.ke.bugcheck import BugCheck
from dirql.machine import open_machine
from machine import c_builder, test_c_core
from machine.test_c_core import (
    test_a_device_of_a_driver_in_c_is_stopped_and_removed,
    test_a_driver_in_c_asks_the_bus_driver_in_python_for_capabilities,
    test_a_driver_in_c_moves_data_by_dma,
    test_a_driver_in_c_serves_each_method,
    test_a_driver_takes_exceptions_with_try_and_except,
    test_a_mistake_in_c_is_a_bug_check_with_its_line,
    test_a_status_that_no_driver_takes_is_a_bug_check_with_the_place_in_c,
    test_c_sees_the_fields_that_the_kernel_has,
    test_each_load_has_variables_of_its_own_and_leaves_nothing_behind,
    test_queued_requests_of_a_driver_in_c_come_in_their_order,
    test_requests_inside_requests_share_one_stack,
    test_threads_wait_on_events_on_their_own_stacks,
    test_variables_of_the_kernel_hold_its_addresses_and_object_types,
)
from machine.windows_builder import IS_THERE, build_for_windows
from source_tree import ROOT

__all__ = [
    "test_a_device_of_a_driver_in_c_is_stopped_and_removed",
    "test_a_driver_in_c_asks_the_bus_driver_in_python_for_capabilities",
    "test_a_driver_in_c_moves_data_by_dma",
    "test_a_driver_in_c_serves_each_method",
    "test_a_driver_takes_exceptions_with_try_and_except",
    "test_a_mistake_in_c_is_a_bug_check_with_its_line",
    "test_a_status_that_no_driver_takes_is_a_bug_check_with_the_place_in_c",
    "test_c_sees_the_fields_that_the_kernel_has",
    "test_each_load_has_variables_of_its_own_and_leaves_nothing_behind",
    "test_queued_requests_of_a_driver_in_c_come_in_their_order",
    "test_requests_inside_requests_share_one_stack",
    "test_threads_wait_on_events_on_their_own_stacks",
    "test_variables_of_the_kernel_hold_its_addresses_and_object_types",
]

pytestmark = [
    pytest.mark.interpreted("c drivers"),
    pytest.mark.skipif(
        not IS_THERE, reason="the package ziglang, which builds for Windows, is not installed"
    ),
]


class WindowsDriver(driver.CDriver):
    """A driver of c_drivers, built for Windows."""

    def __init__(self, name: str, hardware_ids: tuple[str, ...] = ()) -> None:
        options = ["-O0"] if name == "bad" else []  # lines of optimised code are not exact
        image = build_for_windows(c_builder.SOURCES / f"{name}.c", *options)
        super().__init__(image, hardware_ids=hardware_ids)


@pytest.fixture(autouse=True)
def _build_for_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_c_core, "CDriver", WindowsDriver)


STEPS = """1 2 3 1099511627776 wide x 1
normal 2
caught 1011 handler
refused 7 inner outer
order 0 filter abnormal handler
finally_normal 42 normal
finally_return 5 block {at_return}
finally_goto 20 finally
leave_loop 4 normal
loops 3 caught
handler_breaks 3
handler_returns 12
rethrown 11
hardware 66
copied 65
printed 75
probed 80
through_functions 0 ffffff handler
finally_raises 2
try_in_finally 50 inner three outer
"""


@pytest.mark.parametrize("image", ["Linux", "Windows -O0", "Windows -O2"])
def test_exceptions_take_the_same_steps_in_each_image(image: str) -> None:
    """The expected steps are those of Microsoft's documentation; clang calls a `return` out of a __try normal if it
    optimises."""
    source = c_builder.SOURCES / "exceptions.c"
    system, *options = image.split()
    file = source if system == "Linux" else build_for_windows(source, *options)
    with open_machine("verilated", drivers=[driver.CDriver(file)]) as machine:
        said = [line.rstrip() for line in machine.debug_output.splitlines()]
    at_return = "normal" if "-O2" in options else "abnormal"
    assert said == STEPS.format(at_return=at_return).splitlines()


def test_an_exception_that_nobody_takes_names_the_line(tmp_path: Path) -> None:
    source = tmp_path / "wrong.c"
    source.write_text(
        "#include <ntddk.h>\nNTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r)\n{\n"
        "    (void)d, (void)r;\n    *(volatile int *)16 = 1;\n    return STATUS_SUCCESS;\n}\n"
    )
    with (
        pytest.raises(BugCheck, match=r"DriverEntry \(.*wrong\.c:5\)"),
        open_machine("verilated", drivers=[driver.CDriver(build_for_windows(source))]),
    ):
        pass


@pytest.mark.parametrize("section", ["PAGE", "INIT"])
def test_code_is_pageable_or_goes_after_the_entry_point(tmp_path: Path, section: str) -> None:
    source = tmp_path / "placed.c"
    source.write_text(
        "#include <ntddk.h>\nstatic KDPC dpc; static KEVENT ran;\n"
        f'__declspec(code_seg("{section}")) __declspec(noinline) int Placed(int n) {{ return n + 1; }}\n'
        "static VOID Call(PKDPC d, PVOID c, PVOID a, PVOID b)\n{\n    (void)d, (void)c, (void)a, (void)b;\n"
        '    DbgPrint("%d\\n", Placed(1));\n}\n'
        "static VOID Unload(PDRIVER_OBJECT d)\n{\n    (void)d;\n    KeInsertQueueDpc(&dpc, 0, 0);\n}\n"
        "NTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r)\n{\n    (void)r;\n    d->DriverUnload = Unload;\n"
        "    KeInitializeDpc(&dpc, Call, 0);\n    KeInitializeEvent(&ran, NotificationEvent, FALSE);\n"
        '    DbgPrint("%d\\n", Placed(40));\n    return STATUS_SUCCESS;\n}\n'
    )
    code = "0xD1" if section == "PAGE" else "0x50|0xD1"
    image = driver.CDriver(build_for_windows(source))
    with pytest.raises(BugCheck, match=code) as caught:
        _load_and_unload(image)
    assert "Call" in str(caught.value)


def _load_and_unload(image: driver.CDriver) -> None:
    with open_machine("verilated") as machine:
        loaded = machine.load_driver(image)
        assert machine.debug_output.strip() == "41"
        machine.unload_driver(loaded)


def test_the_twenty_line_driver_reads_its_device() -> None:
    image = build_for_windows(ROOT / "examples" / "first_driver" / "identify.c")
    with (
        open_machine(
            "verilated", drivers=[driver.CDriver(image, hardware_ids=store.HARDWARE_IDS)]
        ) as machine,
        machine.open(r"\\.\Identify") as handle,
    ):
        assert handle.read(4).hex() == "341201d1"


def test_missing_names_are_told(tmp_path: Path) -> None:
    image = _changed(tmp_path, b"DbgPrint\0", b"DbgPrins\0")
    with pytest.raises(MissingImports, match="DbgPrins: the nearest that dirql has is DbgPrint"):
        driver.CDriver(image).build()


def _changed(folder: Path, old: bytes, new: bytes) -> Path:
    data = build_for_windows(c_builder.SOURCES / "exceptions.c").read_bytes()
    assert data.count(old) == 1
    image = folder / "changed.sys"
    image.write_bytes(data.replace(old, new))
    return image


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"PE\0\0\x64\x86", b"PE\0\0\x64\xaa", "must be a PE32\\+ file for AMD64; it was machine 0xaa64"),
        (
            b"ntoskrnl.exe\0",
            b"kernel32.dll\0",
            "may import from ntoskrnl.exe and hal.dll; it was kernel32.dll",
        ),
    ],
)
def test_an_image_that_cannot_be_is_refused(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    with pytest.raises(PeError, match=message):
        PeFile(_changed(tmp_path, old, new))


def test_an_image_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    data = build_for_windows(c_builder.SOURCES / "exceptions.c").read_bytes()
    image = tmp_path / "short.sys"
    headers = 0x400
    for length in (*range(2, headers, 7), len(data) // 2):
        image.write_bytes(data[:length])
        with pytest.raises(PeError, match="cut off or spoiled"):
            read_image(image)
