# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Measures what a recording costs: the main job of one mode, and register reads, with and without one.

    PYTHONPATH=host python bench/recording.py [--target NAME] [--machine NAME] [--transfers N] [--rounds N]

Prints the best of some rounds, since other programs only make them longer.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

from dirql.drivers import store
from dirql.drivers.store.interface import IOCTL_STORE_SET_MODE, PROGRAM_NAME, TransferMode
from dirql.machine import open_machine
from dirql.target import open_target

READS = 2_000
SIZE = 4_096


def reads(target: str, machine: str, record: Path | None) -> float:
    """The time of one configuration read, in seconds."""
    opened = open_target(target, machine=machine, record=record)
    opened.confine()
    began = perf_counter()
    for _ in range(READS):
        opened.read_configuration(0)
    seconds = (perf_counter() - began) / READS
    opened.close()
    return seconds


def transfers(target: str, machine: str, record: Path | None, mode: TransferMode, count: int) -> float:
    """The time of one write of 4 KiB, in seconds."""
    with (
        open_machine(target, machine=machine, record=record, drivers=[store]) as opened,
        opened.open(PROGRAM_NAME) as handle,
    ):
        handle.ioctl(IOCTL_STORE_SET_MODE, mode.to_bytes(4, "little"))
        data = bytes(range(256)) * (SIZE // 256)
        began = perf_counter()
        for _ in range(count):
            handle.write(data)
        return (perf_counter() - began) / count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", default="verilated")
    parser.add_argument("--machine", default="tiny")
    parser.add_argument("--transfers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.dirql"
        names = (options.target, options.machine)
        plain = min(reads(*names, None) for _ in range(options.rounds))
        recorded = min(reads(*names, path) for _ in range(options.rounds))
        size = path.stat().st_size / READS
        print(f"a read: {plain * 1e6:.1f} µs, recorded {recorded * 1e6:.1f} µs, {size:.1f} bytes of file")
        for mode in (TransferMode.INTERRUPT, TransferMode.DMA):
            count = options.transfers
            plain = min(transfers(*names, None, mode, count) for _ in range(options.rounds))
            recorded = min(transfers(*names, path, mode, count) for _ in range(options.rounds))
            size = path.stat().st_size / count
            print(
                f"a write of 4 KiB, {mode.name.lower()}: {plain * 1e3:.2f} ms, recorded {recorded * 1e3:.2f} ms,"
                f" {size:,.0f} bytes of file"
            )


if __name__ == "__main__":
    main()
