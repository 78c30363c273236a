# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""NTSTATUS, and the four macros that ask for a severity."""

from __future__ import annotations

import pytest

from dirql.wdm import (
    NT_ERROR,
    NT_INFORMATION,
    NT_SUCCESS,
    NT_WARNING,
    NTSTATUS,
    STATUS_BUFFER_OVERFLOW,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
)


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        (STATUS_SUCCESS, (True, False, False, False)),
        (STATUS_PENDING, (True, False, False, False)),
        (0x4000_0000, (True, True, False, False)),
        (0x7FFF_FFFF, (True, True, False, False)),
        (STATUS_BUFFER_OVERFLOW, (False, False, True, False)),
        (-0x8000_0000, (False, False, True, False)),
        (STATUS_UNSUCCESSFUL, (False, False, False, True)),
        (-1, (False, False, False, True)),
    ],
)
def test_the_two_highest_bits_are_the_severity(status: int, severity: tuple[bool, ...]) -> None:
    """C's negative numbers are warnings and errors."""
    assert (NT_SUCCESS(status), NT_INFORMATION(status), NT_WARNING(status), NT_ERROR(status)) == severity


def test_a_negative_number_is_the_same_status() -> None:
    assert NTSTATUS(STATUS_UNSUCCESSFUL - (1 << 32)) == STATUS_UNSUCCESSFUL
    assert repr(NTSTATUS(STATUS_UNSUCCESSFUL - (1 << 32))) == "STATUS_UNSUCCESSFUL"


@pytest.mark.parametrize("number", [1 << 32, 0x1_C000_0001, -0x8000_0001])
def test_a_number_of_more_than_32_bits_is_no_status(number: int) -> None:
    assert not NT_SUCCESS(number)
    with pytest.raises(ValueError, match="an NTSTATUS must fit into 32 bits; it was "):
        NT_ERROR(number)


def test_a_pair_of_status_and_value_is_no_status() -> None:
    """The routine returned both, and the driver did not take them apart."""
    pair: object = (STATUS_SUCCESS, None)
    for macro in (NT_SUCCESS, NT_INFORMATION, NT_WARNING, NT_ERROR):
        with pytest.raises(TypeError, match="an NTSTATUS must be an integer such as STATUS_SUCCESS; it was"):
            eval("macro(pair)", {"macro": macro, "pair": pair})
