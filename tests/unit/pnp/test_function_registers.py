# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Messages know the registers of each kind of function that the package has."""

from __future__ import annotations

import pytest

from dirql import registers
from dirql.pnp.function_registers import register_offsets
from dirql.registers import functions, pulser


@pytest.mark.parametrize("kind", [name.lower() for name in functions.__all__])
def test_each_kind_has_its_causes_and_their_mask(kind: str) -> None:
    module = getattr(registers, kind)
    offsets = register_offsets(kind)
    assert offsets["INTERRUPT_CAUSE"] == module.INTERRUPT_CAUSE.offset
    assert offsets["INTERRUPT_MASK_SET"] == module.INTERRUPT_MASK_SET.offset


def test_all_registers_of_a_kind_are_there() -> None:
    assert register_offsets("pulser").keys() == {name for name in pulser.__all__ if name.isupper()}


@pytest.mark.parametrize("kind", ["unknown", "functions", "__all__"])
def test_what_is_no_kind_has_none(kind: str) -> None:
    assert register_offsets(kind) == {}
