# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The choice of a target by its name."""

from __future__ import annotations

import pytest

from dirql.target import TARGETS, open_target


def test_a_target_that_there_is_not() -> None:
    with pytest.raises(
        ValueError, match=f"must be one of {', '.join(TARGETS)}; it was 'verilate': did you mean"
    ):
        open_target("verilate")


def test_options_of_another_target_are_refused() -> None:
    with pytest.raises(ValueError, match="the target must be verilated for waves or checked; it was cocotb"):
        open_target("cocotb", checked=True)
