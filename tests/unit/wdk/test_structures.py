# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Structures: their layout, and what is refused with the names of file, entry and rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from wdk.c_types import Record
from wdk.errors import DescriptionError
from wdk.layout import Layout, TypeTable
from wdk.python_classes import check_python_classes
from wdk.structure_rules import check_structures
from wdk.structures import load_structures

HEAD = """
title = "Test."
header = "wdm.h"

[ULONG]
kind = "typedef"
header = "ntdef.h"
text = "A number."
type = "unsigned int"
size = 4

[UCHAR]
kind = "typedef"
header = "ntdef.h"
text = "A byte."
type = "unsigned char"
size = 1

[PVOID]
kind = "typedef"
header = "ntdef.h"
text = "A pointer."
type = "void *"
size = 8
pointers = []

[KLATER]
kind = "enum"
header = "ntddk.h"
text = "An enumeration of a later header."
members = { One = 1 }
"""

RECORD = """
[KTHING]
kind = "struct"
text = "A thing."
python = "nt.addresses:PhysicalAddress"
size = 16
lacks = ["Code", "Owner"]
fields = [
    { name = "Code", type = "ULONG", offset = 0 },
    { name = "Owner", type = "PVOID", offset = 8 },
]
"""


def checked(folder: Path, text: str) -> TypeTable:
    """The types of a file with the text behind `HEAD`, after all checks."""
    (folder / "structures").mkdir(parents=True)
    (folder / "structures" / "test.toml").write_text(HEAD + text, encoding="utf-8")
    table = check_structures(each for file in load_structures((), folder) for each in file.types)
    check_python_classes(table.types)
    return table


def layout(folder: Path, fields: str, size: int, more: str = "") -> Layout:
    """The layout of a structure with these members."""
    text = f'[KTHING]\nkind = "struct"\ntext = "A thing."\nsize = {size}\n{more}\nfields = [{fields}]\n'
    table = checked(folder, text)
    record = table.find("KTHING")
    assert isinstance(record, Record)
    return table.layout(record)


def test_the_example_itself_is_accepted(tmp_path: Path) -> None:
    table = checked(tmp_path, RECORD)
    assert table.measure("KTHING") == (16, 8)
    assert table.measure("PKTHING") == table.measure("KTHING **") == (8, 8)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('type = "PVOID"', 'type = "PVIOD"', "a type must be described; 'PVIOD' was not"),
        ('type = "PVOID"', 'type = "PVOID*"', "a type must be a name, const or volatile before it"),
        ('type = "PVOID"', 'type = "VOID"', "a member must not have the type 'void'"),
        ('type = "PVOID"', 'type = "KTHING"', "a structure must not hold itself; KTHING does"),
        ('type = "PVOID"', 'type = "KLATER"', "wdm.h must not need ntddk.h; it needs KLATER from there"),
        ('"Owner", type', '"Code", type', "a member must have a name of its own; 'Code' stands twice"),
        ("size = 16", "size = 12", "its size must be 0xc, as stated; its members add up to 0x10"),
        ("offset = 8", "offset = 4", "Owner must lie at 0x4, as stated; the members before it put it at 0x8"),
        ("size = 16\n", "", "it must have 'size'"),
        ("size = 16", "sice = 16", "it must have 'size'"),
        ("size = 16", "size = 16\nsice = 16", "a key must be one of"),
        ("size = 16", 'size = "16"', "size must be an integer; it was '16'"),
        ("offset = 0 }", "ofset = 0 }", "a key must be one of"),
        ('"Code", type = "ULONG"', '"Code"', "a member must have one of type, struct and union; it had none"),
        ('"ULONG", offset', '"ULONG", bits = 33, offset', "Code has 33 bits, ULONG 32"),
        (
            '"ULONG", offset',
            '"ULONG", length = "MANY", offset',
            "a length must be a number, or one of ANYSIZE_ARRAY",
        ),
        ('"ULONG", offset', '"ULONG", length = 0, offset', "a length must be 1 or more; it was 0"),
        ('kind = "struct"', 'kind = "strict"', "a kind must be one of enum, function"),
        ('"A thing."', '"A thing"', "a text must be a sentence that ends in a full stop; it was 'A thing'"),
        ('text = "A thing."', 'text = "A thing."\nheader = "wdm"', "a header must be one of ntdef.h, wdm.h"),
        ("[KTHING]", "[PVOID]", "it must be TOML"),
        (
            '"A thing."',
            '"A thing."\npointers = ["ULONG"]',
            "the name ULONG must stand once; ULONG in test.toml has it too",
        ),
        (":PhysicalAddress", ":Physical", "python must name a class below host/dirql as module:Class"),
        ('lacks = ["Code", ', "lacks = [", "must have the attribute 'code' for Code"),
        ('lacks = ["Code", ', 'lacks = ["Kode", "Code", ', "lacks must name members; 'Kode' was none"),
    ],
)
def test_a_wrong_structure_is_refused(tmp_path: Path, old: str, new: str, rule: str) -> None:
    assert old in RECORD
    with pytest.raises(DescriptionError) as caught:
        checked(tmp_path, RECORD.replace(old, new, 1))
    message = str(caught.value)
    assert "test.toml" in message
    assert rule in message


def test_a_member_that_the_class_has_must_not_be_called_lacking(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match="take 'LowPart' out"):
        checked(tmp_path, RECORD.replace("Owner", "LowPart"))


def test_a_function_type_must_have_its_own_name_and_annotated_parameters(tmp_path: Path) -> None:
    function = '[KROUTINE]\nkind = "function"\ntext = "A routine."\nprototype = "{}"\n'
    with pytest.raises(DescriptionError, match="a parameter must read '_In_ TYPE Name'"):
        checked(tmp_path / "a", function.format("ULONG KROUTINE(PVOID Context)"))
    with pytest.raises(DescriptionError, match="a prototype must read 'RESULT KROUTINE"):
        checked(tmp_path / "b", function.format("ULONG KOTHER(_In_ PVOID Context)"))


def test_members_lie_at_their_natural_alignment(tmp_path: Path) -> None:
    found = layout(
        tmp_path,
        '{ name = "A", type = "UCHAR" }, { name = "B", type = "ULONG", length = 2 },'
        ' { union = [{ name = "C", type = "UCHAR" }, { struct = [{ name = "D", type = "PVOID" }] }] },'
        ' { name = "E", struct = [{ name = "F", type = "UCHAR" },'
        ' { name = "G", type = "PVOID", length = "FLEXIBLE" }] }',
        32,
    )
    assert {each.path: each.offset for each in found.places} == {
        "A": 0,
        "B": 4,
        "C": 16,
        "D": 16,
        "E": 24,
        "E.F": 24,
        "E.G": 32,
    }


def test_bit_fields_share_storage_with_neighbours_of_the_same_size_only(tmp_path: Path) -> None:
    found = layout(
        tmp_path,
        '{ name = "A", type = "ULONG", bits = 30 }, { name = "B", type = "ULONG", bits = 2 },'
        ' { name = "C", type = "ULONG", bits = 1 }, { name = "D", type = "UCHAR", bits = 1 }',
        12,
    )
    assert [(each.offset, each.lowest_bit) for each in found.places] == [(0, 0), (0, 30), (4, 0), (8, 0)]


def test_pack_and_align_change_the_alignment(tmp_path: Path) -> None:
    found = layout(
        tmp_path, '{ name = "A", type = "UCHAR" }, { name = "B", type = "PVOID" }', 16, "pack = 4\nalign = 16"
    )
    assert (found.places[1].offset, found.size, found.align) == (4, 16, 16)
