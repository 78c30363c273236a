# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A slow host memory: the choices that are refused, and the times that the generator in C++ makes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from dirql.hardware.root import machine_root
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


# One read is wanted on every clock, and word n is the clock on which the read was taken.
PROGRAM = """
#include <cstdio>
#include <cstdlib>
#include "memory_delays.h"
int main(int, char** arguments) {
    dirql::MemoryDelays delays;
    delays.restart(1, 1);
    delays.request(0);
    delays.read(0, 99);
    delays.restart(std::strtoull(arguments[1], nullptr, 10), std::strtoull(arguments[2], nullptr, 10));
    for (uint64_t clock = 0, reads = 0; reads < 5000 || !delays.is_idle(clock); ++clock) {
        if (delays.is_answered(clock)) std::printf("a %llu %u\\n", (unsigned long long)clock, delays.take());
        if (reads == 5000 || !delays.is_ready(clock)) continue;
        std::printf("r %llu 0\\n", (unsigned long long)clock);
        delays.request(clock);
        delays.read(clock, unsigned(clock));
        ++reads;
    }
}
"""


class Times(NamedTuple):
    """The clocks on which reads were taken and answered, and the words of the answers."""

    taken: list[int]
    answered: list[int]
    words: list[int]

    @property
    def lateness(self) -> list[int]:
        """The clocks from each read to the answer."""
        return [end - start for start, end in zip(self.taken, self.answered, strict=True)]

    @property
    def pauses(self) -> list[int]:
        """The clocks between two reads on which the memory was not ready."""
        return [after - before - 1 for before, after in pairwise(self.taken)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Times]:
    """Runs the generator with a seed and a longest delay."""
    program = tmp_path_factory.mktemp("delays") / "delays"
    include = machine_root() / "sim" / "exchange"
    command = [
        "g++",
        "-std=c++17",
        "-Wall",
        "-Wextra",
        "-Werror",
        f"-I{include}",
        "-x",
        "c++",
        "-",
        "-o",
        str(program),
    ]
    subprocess.run(command, input=PROGRAM, text=True, check=True)
    return lambda seed, longest=10_000: times_of(program, seed, longest)


def times_of(program: Path, seed: int, longest: int) -> Times:
    words = [str(program), str(seed), str(longest)]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [(kind, int(clock), int(word)) for kind, clock, word in (line.split() for line in printed)]
    answers = [(clock, word) for kind, clock, word in rows if kind == "a"]
    return Times(
        [clock for kind, clock, _ in rows if kind == "r"],
        [clock for clock, _ in answers],
        [word for _, word in answers],
    )


def test_answers_come_in_order_one_on_a_clock_and_each_once(run: Callable[..., Times]) -> None:
    times = run(1)
    assert times.words == times.taken
    assert times.answered == sorted(set(times.answered))
    assert min(times.lateness) == 1


def test_some_answers_and_some_pauses_are_long_and_most_are_short(run: Callable[..., Times]) -> None:
    times = run(1)
    assert 9_000 < max(times.pauses) <= 10_000
    assert max(times.lateness) > 9_000
    assert sum(pause <= 31 for pause in times.pauses) > 0.95 * len(times.pauses)
    assert {0, 1, 2, 31} <= set(times.pauses)


def test_no_delay_is_longer_than_asked_for(run: Callable[..., Times]) -> None:
    """An answer waits for those before it too, and one comes on each clock."""
    times = run(1, 7)
    assert max(times.pauses) == 7
    assert max(times.lateness) <= 2 * 8


def test_reads_without_an_answer_are_bounded(run: Callable[..., Times]) -> None:
    times = run(2)
    waiting = [
        sum(end > start for end in times.answered[max(0, n - 40) : n]) for n, start in enumerate(times.taken)
    ]
    assert max(waiting) == 15


def test_the_same_seed_gives_the_same_times_and_another_seed_others(run: Callable[..., Times]) -> None:
    assert run(5) == run(5) != run(6)
