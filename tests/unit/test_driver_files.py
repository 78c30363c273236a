# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers by the path of a file or by the name of a module."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.driver_files import driver_module
from dirql.drivers import store

DRIVER = """
from __future__ import annotations
from dataclasses import dataclass
import beside_it

@dataclass
class Extension:
    base: int = beside_it.BASE

def DriverEntry(driver, path):
    return 0
"""


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "beside_it.py").write_text("BASE = 5\n", encoding="utf-8")
    (tmp_path / "made_driver.py").write_text(DRIVER, encoding="utf-8")
    before = list(sys.path), set(sys.modules)
    yield tmp_path / "made_driver.py"
    sys.path[:] = before[0]
    for name in set(sys.modules) - before[1]:
        del sys.modules[name]


def test_a_file_may_have_dataclasses_and_import_files_beside_it(driver: Path) -> None:
    module = driver_module(driver)
    assert module.Extension().base == 5
    assert module.__name__ == "made_driver"
    assert driver_module(str(driver)) is not module
    assert driver_module("made_driver.py", driver.parent).Extension().base == 5


def test_a_file_with_the_name_of_another_module_leaves_that_alone(driver: Path) -> None:
    other = driver.rename(driver.with_name("struct.py"))
    assert driver_module(other).Extension().base == 5
    assert sys.modules["struct"] is struct


def test_a_file_that_fails_leaves_no_module(driver: Path) -> None:
    driver.write_text("raise OSError('no')\n", encoding="utf-8")
    with pytest.raises(OSError, match="no"):
        driver_module(driver)
    assert "made_driver" not in sys.modules


def test_a_file_that_ends_the_program_is_refused(driver: Path) -> None:
    driver.write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"must not end the program .*made_driver\.py' called sys\.exit: put"
    ):
        driver_module(driver)
    assert "made_driver" not in sys.modules


@pytest.mark.parametrize("code", [b"x = (\n", b"x = 1\0\n", b"\xff\xfe\n"])
def test_a_file_that_is_no_python_is_named(driver: Path, code: bytes) -> None:
    driver.write_bytes(code)
    with pytest.raises(SyntaxError) as caught:
        driver_module(driver)
    assert caught.value.filename == str(driver.resolve())


def test_a_module_is_found_by_its_name() -> None:
    assert driver_module("dirql.drivers.store") is store


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such.py", r"a driver's file must exist .* it was '.*no_such\.py': it is not there"),
        ("text.txt/x", "it is not there"),
        (Path("text.txt"), r"it was '.*text\.txt': it has another suffix"),
        (Path(), "it is a folder"),
        ("no.such.module", "there is no module 'no.such.module'"),
    ],
)
def test_what_is_no_driver_is_told(name: str | Path, message: str, tmp_path: Path) -> None:
    (tmp_path / "text.txt").touch()
    with pytest.raises(ValueError, match=message):
        driver_module(name, tmp_path)


def test_an_import_that_fails_inside_a_driver_is_told_as_it_is(driver: Path) -> None:
    driver.write_text("import there_is_no_such_module\n", encoding="utf-8")
    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_module"):
        driver_module(driver)
