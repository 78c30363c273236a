# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Names of targets that cannot be."""

from __future__ import annotations

import pytest

from dirql.target import check_target


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("replay:", r"a replay must have the file of a recording, as replay:FILE; it was 'replay:'"),
        ("replay:none.dirql", r"there is no file 'none\.dirql': `dirql run --record FILE` writes one"),
        ("verilatd", r"one of verilated, .*; it was 'verilatd': did you mean verilated\?"),
    ],
)
def test_a_name_that_cannot_be_is_told_with_what_it_must_be(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_target(name)
