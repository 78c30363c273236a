# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""CPU time of drivers in C beside that of the same drivers in Python, as ratios within one run.

    python bench/c_twins.py [rounds]

The store driver writes and reads 512 bytes in each mode and with each kind of interrupt; a ratio is the time with the
driver in C divided by that with the driver in Python. Then a read goes through three counting filters
(examples/counting_filter) in C and in Python to a driver that completes it at once; there the ratio is that of requests
in the same time, so that more is better. The rounds of both languages alternate, and the best of each counts.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time

from dirql.drivers import store
from dirql.drivers.store.interface import IOCTL_STORE_SET_MODE, PROGRAM_NAME, TransferMode
from dirql.io.handle import Handle
from dirql.machine import open_machine

LANGUAGES = ("python", "c")
REQUESTS = 200
EXAMPLES = Path(__file__).parents[1] / "examples"
WAYS = [(TransferMode.POLLED, "level"), (TransferMode.TIMER_POLLED, "level")] + [
    (mode, kind)
    for mode in (TransferMode.INTERRUPT, TransferMode.DMA)
    for kind in ("level", "latched", "message")
]


@contextmanager
def a_store(language: str, mode: TransferMode, kind: str, filters: int = 0) -> Iterator[Handle]:
    """The store with its driver, below filters, in one language."""
    suffix = ".py" if language == "python" else ".c"
    with open_machine(host_limit=None) as machine:
        for number in range(filters):
            file = EXAMPLES / "counting_filter" / f"counting_filter{suffix}"
            machine.load_driver(file, f"filter{number}", as_filter="upper")
        machine.load_driver(
            store if filters or language == "python" else Path(store.__file__).parent, interrupt=kind
        )
        with machine.open(PROGRAM_NAME) as handle:
            handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", mode))
            yield handle


def transfers(handle: Handle) -> None:
    data = bytes(512)
    for _ in range(REQUESTS // 2):
        handle.write(data)
        handle.read(512)


def refusals(handle: Handle) -> None:
    """Reads of nothing, which the store driver completes at once."""
    for _ in range(REQUESTS):
        handle.read(0)


def measure(
    rounds: int, run: Callable[[Handle], None], mode: TransferMode, kind: str, filters: int = 0
) -> dict[str, float]:
    """Microseconds of one request in each language."""
    best = dict.fromkeys(LANGUAGES, float("inf"))
    for _ in range(rounds):
        for language in LANGUAGES:
            with a_store(language, mode, kind, filters) as handle:
                run(handle)
                start = process_time()
                run(handle)
                best[language] = min(best[language], process_time() - start)
    return {language: seconds / REQUESTS * 1e6 for language, seconds in best.items()}


def main(rounds: int) -> None:
    print(f"{'':28}{'Python':>10}{'C':>10}{'ratio':>8}")
    for mode, kind in WAYS:
        found = measure(rounds, transfers, mode, kind)
        show(f"{mode.name.lower()}, {kind}", found, found["c"] / found["python"])
    found = measure(rounds, refusals, TransferMode.POLLED, "level", 3)
    show("through three filters", found, found["python"] / found["c"])


def show(name: str, found: dict[str, float], ratio: float) -> None:
    print(f"{name:28}{found['python']:8.1f} µs{found['c']:8.1f} µs{ratio:8.2f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 3)
