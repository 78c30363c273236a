# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The page of the routines that dirql lacks has each of them, once, with a reason."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from wdk.description import load_description
from wdk.errors import DescriptionError
from wdk.not_modelled import Family, families_of, is_routine, load_families
from wdk.reference_pages import PAGES

DESCRIPTION = load_description()
LACKING = {name for names in DESCRIPTION.lacking.values() for name in names if is_routine(name)}


def test_each_lacking_routine_belongs_to_one_family() -> None:
    listed = [name for _, names in families_of(DESCRIPTION.families, DESCRIPTION.lacking) for name in names]
    assert sorted(listed) == sorted(LACKING)
    page = (PAGES / "lacking.md").read_text(encoding="utf-8")
    assert [name for name in listed if page.count(f"`{name}`") != 1] == []


def test_each_family_has_a_routine() -> None:
    """A family whose routines are all modelled by now has to go."""
    found = families_of(DESCRIPTION.families, DESCRIPTION.lacking)
    assert [family.title for family, names in found if not names] == []


def test_each_pattern_of_a_family_has_a_routine() -> None:
    """A pattern whose routines are all modelled by now has to go, and so has one that an earlier family has whole."""
    found = families_of(DESCRIPTION.families, DESCRIPTION.lacking)
    assert [
        (family.title, pattern)
        for family, names in found
        for pattern in family.names
        if not any(fnmatchcase(name, pattern) for name in names)
    ] == []


def test_the_first_family_gets_a_name() -> None:
    families = (Family("a", "", ("Ke*",)), Family("b", "", ("*",)))
    found = families_of(families, {"wdm.h": ("KeTest", "IoTest", "KTEST", "KeOther")})
    assert [(family.title, names) for family, names in found] == [
        ("a", ["KeOther", "KeTest"]),
        ("b", ["IoTest"]),
    ]


def test_a_family_needs_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "not_modelled.toml"
    assert load_families(file) == ()
    file.write_text('[[family]]\ntitle = "a"\nnames = []\n', encoding="utf-8")
    with pytest.raises(DescriptionError, match="'why'"):
        load_families(file)
