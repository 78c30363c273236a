# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Physical and logical addresses: types of their own, 64 bits, with the members of LARGE_INTEGER."""

from __future__ import annotations

import pytest

from dirql.nt.addresses import LogicalAddress, PhysicalAddress


@pytest.mark.parametrize("kind", [PhysicalAddress, LogicalAddress])
def test_the_members_are_the_parts_of_a_large_integer(
    kind: type[PhysicalAddress | LogicalAddress],
) -> None:
    address = kind(0x1_8000_0010)
    assert (address.quad_part, address.low_part, address.high_part) == (0x1_8000_0010, 0x8000_0010, 1)
    assert type(address.quad_part) is int
    assert repr(address) == f"{kind.__name__}(0x180000010)"


@pytest.mark.parametrize("value", [-1, 1 << 64])
def test_64_bits_hold_an_address(value: int) -> None:
    with pytest.raises(ValueError, match=r"a PhysicalAddress must be 0 to 2\^64 - 1; it was"):
        PhysicalAddress(value)
    assert PhysicalAddress((1 << 64) - 1).high_part == 0xFFFF_FFFF


def test_one_is_not_the_other() -> None:
    assert not isinstance(LogicalAddress(0), PhysicalAddress)
    assert not isinstance(PhysicalAddress(0), LogicalAddress)
