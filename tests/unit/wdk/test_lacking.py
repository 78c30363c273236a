# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The names that the WDK has and dirql lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from dirql import wdm
from wdk.description import load_description
from wdk.errors import DescriptionError
from wdk.lacking import load_lacking
from wdk.layout import TypeTable


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("IoAssignArcName", "ntddk.h"),
        ("PsGetThreadCreateTime", "ntddk.h"),
        ("FsRtlNotifyFullChangeDirectory", "ntifs.h"),
        ("STATUS_BAD_KEY_THAT_NOBODY_HAS", None),
        ("STATUS_NO_SUCH_USER", "ntstatus.h"),
        ("KBUGCHECK_REASON_CALLBACK_RECORD", "wdm.h"),
        ("PKEVENT", "wdm.h"),
        ("DirectoryNotifyInformation", "wdm.h"),
    ],
)
def test_a_name_that_the_wdk_has_is_told_from_one_that_it_has_not(name: str, header: str | None) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(wdm, name)
    assert (f"the WDK has {name} ({header})" in str(caught.value)) == (header is not None)


def test_the_facade_has_no_name_that_is_called_lacking() -> None:
    lacking = {name for names in load_description().lacking.values() for name in names}
    assert lacking & set(wdm.__all__) == set()
    assert len(lacking) > 5000


@pytest.mark.parametrize("names", ['["KeTest", "KeSetEvent"]', '["KeTest", "KeTest"]'])
def test_a_name_that_is_described_already_is_refused(tmp_path: Path, names: str) -> None:
    file = tmp_path / "lacking.toml"
    file.write_text(f'"wdm.h" = {names}\n', encoding="utf-8")
    with pytest.raises(DescriptionError, match=r"lacking.toml: wdm.h: a name must stand once.*take out 'Ke"):
        load_lacking(file, TypeTable(()), {"KeSetEvent"})
