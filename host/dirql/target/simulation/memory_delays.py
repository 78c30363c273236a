# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The choice of a slow host memory for a simulated machine; sim/exchange/memory_delays.h has the delays themselves."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MemoryDelays"]

_LARGEST_SEED = 2**64 - 1
_LARGEST_DELAY = 1_000_000


@dataclass(frozen=True, slots=True)
class MemoryDelays:
    """A host memory that answers the reads of bus masters late, and at times takes no request.

    Delays are random, the same for the same seed and the same requests. Most are short, one in 64 is up to `longest`
    bus clocks. Without delays a read is answered on the next clock, and the memory always takes requests.
    """

    seed: int
    longest: int = 10_000

    def __post_init__(self) -> None:
        """Raise `ValueError` for numbers that cannot be."""
        if not 0 <= self.seed <= _LARGEST_SEED:
            raise ValueError(f"the seed of memory delays must be 0 to {_LARGEST_SEED}; it was {self.seed}")
        if not 1 <= self.longest <= _LARGEST_DELAY:
            raise ValueError(
                f"the longest memory delay must be 1 to {_LARGEST_DELAY} clocks; it was {self.longest}: leave the"
                " delays out for a memory that answers at once"
            )
