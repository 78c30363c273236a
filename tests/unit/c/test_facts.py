# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The file with facts beside the sources of a driver in C."""

from __future__ import annotations

from pathlib import Path

import pytest

from dirql.c.image.facts import DriverFacts, FactsError, read_facts

WHOLE = """
service = "Serial"
hardware_ids = ['PCI\\VEN_1AF4&DEV_D002']
class_guid = "{4d36e978-e325-11ce-bfc1-08002be10318}"
sources = ["serial.c"]
include = ["inc"]
flags = ["-Wall"]
[define]
DBG = 1
NAME = "L\\"x\\""
ON = true
[parameters]
ForceFifoEnable = 1
Text = "words"
Many = ["one", "two"]
"""


def test_a_file_gives_all_facts(tmp_path: Path) -> None:
    file = tmp_path / "serial.toml"
    file.write_text(WHOLE)
    (tmp_path / "inc").mkdir()
    assert read_facts(file) == DriverFacts(
        service="Serial",
        hardware_ids=(r"PCI\VEN_1AF4&DEV_D002",),
        class_guid="{4d36e978-e325-11ce-bfc1-08002be10318}",
        sources=(tmp_path / "serial.c",),
        include=(tmp_path / "inc",),
        flags=("-Wall",),
        define={"DBG": "1", "NAME": 'L"x"', "ON": "1"},
        parameters={"ForceFifoEnable": 1, "Text": "words", "Many": ["one", "two"]},
    )


def test_without_a_file_there_are_no_facts(tmp_path: Path) -> None:
    assert read_facts(tmp_path / "serial.toml") == DriverFacts()


LIST = (
    "[parameters]\nX = [1]",
    r"parameters.X must be a number of 32 bits, a text, or a list of texts; it was \[1\]",
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("service = 3", "service must be a text; it was 3"),
        ("hardware_ids = 'x'", "hardware_ids must be a list of texts; it was 'x'"),
        ("include = [1]", r"include must be a list of texts; it was \[1\]"),
        ('include = ["inc"]', r"include must be folders that are there, seen from .*; it was 'inc'"),
        ("define = 'X'", "define must be a table; it was 'X'"),
        ("[define]\nX = 1.5", "define.X must be a number or a text; it was 1.5"),
        (
            "[parameters]\nX = -1",
            "parameters.X must be a number of 32 bits, a text, or a list of texts; it was -1",
        ),
        ("[parameters]\nX = 0x1_0000_0000", "parameters.X must be a number of 32 bits"),
        (
            "[parameters]\nX = [1]",
            r"parameters.X must be a number of 32 bits, a text, or a list of texts; it was \[1\]",
        ),
        ("hardware_id = []", r"a key must be one of service, hardware_ids, .*; it was hardware_id = \[\]"),
        ("service = ", "must be a TOML file: Invalid value"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "driver.toml"
    file.write_text(text)
    with pytest.raises(FactsError, match=f"driver.toml:? {complaint}"):
        read_facts(file)
