# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A wrong description file: the error names the file, the entry and the rule."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wdk import errors
from wdk.description import load_description
from wdk.errors import DescriptionError

ROUTINE = """
title = "Test."
header = "wdm.h"

[KeTest]
prototype = "VOID KeTest(_Inout_ PRKEVENT Event, _Out_ PKIRQL OldIrql)"
returned = ["OldIrql"]
irql = "<= DISPATCH_LEVEL"
verifier = "VF_SET_EVENT_IRQL"
python = "nt.ntstatus:nt_success"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the description with one more routine."""
    copy = tmp_path / "wdk"
    shutil.copytree(errors.HERE, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (copy / "routines" / "test.toml").write_text(ROUTINE, encoding="utf-8")
    return copy


def refused(folder: Path, file: str, old: str, new: str) -> str:
    """The error message for the description after `old` is replaced by `new` in `file`."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DescriptionError) as caught:
        load_description(folder)
    message = str(caught.value)
    assert path.name in message
    return message


def test_the_copy_itself_is_accepted(folder: Path) -> None:
    routine = next(each for each in load_description(folder).routines if each.name == "KeTest")
    assert [each.name for each in routine.arguments] == ["Event"]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('irql = "<= DISPATCH_LEVEL"\n', "", "it must have 'irql'"),
        ('"<= DISPATCH_LEVEL"', '"<= DISPATCH"', "irql must be 'any', or '=', '<=' or '>=' and one of"),
        (
            '"<= DISPATCH_LEVEL"',
            '"<= DIRQL"',
            "a routine whose level is the device's DIRQL must have kind own",
        ),
        ("irql =", "irq =", "it must have 'irql'"),
        ("returned", "retuned", "a key must be one of"),
        (
            '"VF_SET_EVENT_IRQL"',
            '"VF_SET_EVENT"',
            "a verifier rule must be in bugchecks.toml; 'VF_SET_EVENT' was not",
        ),
        ("PRKEVENT", "PRKEVNT", "KeTest: a type must be described; 'PRKEVNT' was not"),
        ("_Out_ ", "", "a parameter must read '_In_ TYPE Name'"),
        ("VOID KeTest(", "VOID KeOther(", "a prototype must read 'RESULT KeTest(…)'"),
        ('["OldIrql"]', '["Event"]', "a returned parameter must be an _Out_ parameter; 'Event' was not"),
        ("nt_success", "nt_sucess", "python must name a callable below host/dirql"),
        ('"nt.ntstatus:nt_success"', '"nt_success"', "python must be module:qualified.name"),
        ("[KeTest]", "[KeSetEvent]", "a routine must be described once; ke_objects.toml has it too"),
        (
            'irql = "',
            'kind = "makro"\nirql = "',
            "a kind must be one of function, own, plain, macro, access; it was 'makro'",
        ),
        ('title = "Test."', 'title = "Test.', "it must be TOML"),
        ('title = "Test."', 'title = "Test."\nother = 3', "other must be a table; it was 3"),
        ('["OldIrql"]', "3", "KeTest: returned must be an array of strings; it was 3"),
        ('irql = "<= DISPATCH_LEVEL"', "irql = 3", "KeTest: irql must be a string; it was 3"),
        (
            '["OldIrql"]',
            "[]",
            "nt.ntstatus:nt_success must take 2 arguments (Event, OldIrql); it takes 1 (status)",
        ),
    ],
)
def test_a_wrong_routine(folder: Path, old: str, new: str, rule: str) -> None:
    message = refused(folder, "routines/test.toml", old, new)
    assert rule in message


@pytest.mark.parametrize(
    ("file", "old", "new", "entry", "rule"),
    [
        ("status.toml", "ERROR_IO_PENDING", "ERROR_PENDING", "STATUS_PENDING", "win32 must be a constant"),
        ("status.toml", "0x00000103", "0xC0000103", "STATUS_PENDING", "belongs to Error, not to Success"),
        (
            "status.toml",
            "value = 0x00000103",
            'value = "259"',
            "STATUS_PENDING",
            "a value must be an integer",
        ),
        (
            "status.toml",
            "0x00000103",
            "0x100000103",
            "STATUS_PENDING",
            "a value must be an integer of 32 bits",
        ),
        ("status.toml", 'title = "Success"', 'title = "Fine"', "Fine", "a group of statuses must be one of"),
        (
            "bugchecks.toml",
            'code = "BAD_POOL_CALLER"',
            'code = "BAD_POOL"',
            "First parameters.",
            "BAD_POOL does not",
        ),
        (
            "constants/levels.toml",
            "APC_LEVEL = {",
            "PASSIVE_LEVEL2 = {}\nAPC_LEVEL = {",
            "PASSIVE_LEVEL2",
            "'value'",
        ),
        (
            "constants/levels.toml",
            "APC_LEVEL = {",
            "LEVEL2 = 3\nAPC_LEVEL = {",
            "",
            "LEVEL2 must be a table; it was 3",
        ),
        (
            "constants/levels.toml",
            "APC_LEVEL = {",
            "STATUS_PENDING = {",
            "STATUS_PENDING",
            "a name must be described once; levels.toml has it too",
        ),
    ],
)
def test_a_wrong_value(folder: Path, file: str, old: str, new: str, entry: str, rule: str) -> None:
    message = refused(folder, file, old, new)
    assert entry in message
    assert rule in message
