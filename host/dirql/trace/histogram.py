# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Exact histograms of clock counts, and the number of samples that a percentile needs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

__all__ = ["Histogram", "samples_needed"]

_TAIL = Fraction(1, 40)
"""The chance that a two-sided interval of 95 % leaves out on each side."""


@cache
def samples_needed(share: Fraction) -> int:
    """The number of samples that a percentile needs for a two-sided, distribution-free 95 % interval.

    The interval lies between two order statistics, so it exists once the chance that all samples fall on one side of
    the percentile is at most 2.5 % for either side. `share` is below 1: 99/100 is the 99th percentile.
    """
    worse = max(share, 1 - share)
    return math.ceil(math.log(_TAIL) / math.log(worse))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Pairs of a number of clocks and the number of samples with it, ascending; nothing is rounded."""

    counts: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, samples: Iterable[int]) -> Histogram:
        """The histogram of single samples."""
        return cls.of_counts(Counter(samples))

    @classmethod
    def of_counts(cls, counts: Mapping[int, int]) -> Histogram:
        """The histogram of numbers of clocks, each with the number of its samples."""
        return cls(tuple(sorted(counts.items())))

    @property
    def samples(self) -> int:
        """The number of samples."""
        return sum(count for _, count in self.counts)

    @property
    def maximum(self) -> int | None:
        """The largest sample; None without samples."""
        return self.counts[-1][0] if self.counts else None

    def rank(self, share: Fraction) -> int:
        """The nearest-rank percentile: the smallest sample that at least `share` of all samples do not exceed."""
        wanted = max(1, math.ceil(share * self.samples))
        below = 0
        for clocks, count in self.counts:
            below += count
            if below >= wanted:
                return clocks
        raise ValueError("a histogram must have a sample for a percentile; it had none")

    def percentile(self, share: Fraction) -> int | None:
        """The nearest-rank percentile if there are enough samples to state it, otherwise None."""
        return self.rank(share) if self.samples >= samples_needed(share) else None

    def __add__(self, other: Histogram) -> Histogram:
        """The histogram of both sets of samples."""
        return Histogram(tuple(sorted((Counter(dict(self.counts)) + Counter(dict(other.counts))).items())))
