# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The numbers of a slow host memory, and those that are refused."""

from __future__ import annotations

import pytest

from dirql.target import MemoryDelays


@pytest.mark.parametrize(
    ("seed", "longest", "message"),
    [
        (-1, 10, "the seed of memory delays must be 0 to 18446744073709551615; it was -1"),
        (
            2**64,
            10,
            "the seed of memory delays must be 0 to 18446744073709551615; it was 18446744073709551616",
        ),
        (0, 0, "the longest memory delay must be 1 to 1000000 clocks; it was 0: leave the delays out"),
        (0, 1_000_001, "the longest memory delay must be 1 to 1000000 clocks; it was 1000001"),
    ],
)
def test_delays_that_cannot_be_are_refused(seed: int, longest: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MemoryDelays(seed, longest)


def test_delays_are_up_to_10000_clocks_without_another_choice() -> None:
    assert MemoryDelays(0).longest == 10_000
