# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The seeds that find the races of tests/machine/racing_drivers.py, as the table of docs/irql.md has them.

python bench/races.py [seeds]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from machine.racing_drivers import RACES, Race, play


def found(race: Race, processors: int, seeds: int) -> str:
    """The number of seeds that find the race, and the first of them."""
    finding = [seed for seed in range(1, seeds + 1) if play(race, False, processors, seed)]
    return f"{len(finding)}, first {finding[0]}" if finding else "0"


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    print(f"| race | of {seeds} seeds, 1 processor | 2 processors |\n|---|---|---|")
    for race in RACES.values():
        print(f"| {race.title} | {found(race, 1, seeds)} | {found(race, 2, seeds)} |")


if __name__ == "__main__":
    main()
