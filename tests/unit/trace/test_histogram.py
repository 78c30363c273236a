# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from dirql.trace.histogram import Histogram, samples_needed

SAMPLES = st.lists(st.integers(0, 50), min_size=1, max_size=200)
SHARES = st.fractions(Fraction(1, 1000), Fraction(999, 1000))


@pytest.mark.parametrize(
    ("share", "samples"),
    [
        ("99/100", 368),
        ("999/1000", 3688),
        ("9999/10000", 36887),
        ("99999/100000", 368887),
        ("1/2", 6),
        ("1/100", 368),
    ],
)
def test_samples_that_a_percentile_needs(share: str, samples: int) -> None:
    assert samples_needed(Fraction(share)) == samples


def test_the_interval_exists_from_the_first_number_of_samples_that_allows_it() -> None:
    for share in (Fraction(1, 2), Fraction(9, 10), Fraction(99, 100)):
        needed = samples_needed(share)
        assert share**needed <= Fraction(1, 40) < share ** (needed - 1)


@given(samples=SAMPLES, share=SHARES)
def test_nearest_rank_is_the_smallest_sample_that_enough_do_not_exceed(
    samples: list[int], share: Fraction
) -> None:
    enough = [x for x in samples if sum(y <= x for y in samples) >= share * len(samples)]
    assert Histogram.of(samples).rank(share) == min(enough)


@given(samples=SAMPLES)
def test_counts_are_exact_and_add_up(samples: list[int]) -> None:
    histogram = Histogram.of(samples)
    assert [clocks for clocks, count in histogram.counts for _ in range(count)] == sorted(samples)
    assert histogram.samples == len(samples)
    assert histogram.maximum == max(samples)
    half = len(samples) // 2
    assert Histogram.of(samples[:half]) + Histogram.of(samples[half:]) == histogram


def test_a_percentile_is_not_stated_on_too_few_samples() -> None:
    assert Histogram.of(range(367)).percentile(Fraction(99, 100)) is None
    assert Histogram.of(range(368)).percentile(Fraction(99, 100)) == 364
    assert Histogram().percentile(Fraction(1, 2)) is None
    assert Histogram().maximum is None
    with pytest.raises(ValueError, match="must have a sample"):
        Histogram().rank(Fraction(1, 2))
