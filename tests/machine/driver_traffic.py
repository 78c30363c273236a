# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Traffic through the store driver, the same for the same seed, and every event record that it leaves behind."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Sequence
from pathlib import Path

from dirql.drivers.store.interface import IOCTL_STORE_RAISE, IOCTL_STORE_SET_MODE, TransferMode
from dirql.io.handle import Handle
from dirql.machine import Machine, open_machine
from dirql.trace.recorder import Recorder
from machine.store_twins import store_in

SIZES = (1, 64, 257, 1000, 4099)


def _requests(handle: Handle, rng: random.Random) -> None:
    """Make several requests at once, one of which may be cancelled, and then others one by one."""
    together = [handle.write_overlapped(rng.randbytes(size), rng.randrange(50_000)) for size in SIZES]
    together += [handle.read_overlapped(size, rng.randrange(50_000)) for size in SIZES]
    if rng.random() < 0.5:
        rng.choice(together).cancel()
    for request in together:
        request.wait()
    handle.ioctl(IOCTL_STORE_RAISE)
    data = rng.randbytes(rng.choice(SIZES))
    handle.write(data, 100)
    assert handle.read(len(data), 100) == data


def _traffic(machine: Machine, rng: random.Random, language: str) -> list[object]:
    """Run each kind of interrupt with each mode, in a random order; returns the results of all."""
    seen: list[object] = []
    ways = [(kind, mode) for kind in ("level", "latched", "message") for mode in TransferMode]
    rng.shuffle(ways)
    for kind, mode in ways:
        driver = machine.load_driver(store_in(language), interrupt=kind)
        with machine.open(r"\\.\Store0") as handle:
            handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", mode))
            with Recorder(machine.target, machine.kernel, machine.io.hooks) as recorder:
                _requests(handle, rng)
        run = recorder.finish()
        seen.append([kind, mode.name, run.start, run.end, run.dropped, [list(event) for event in run.events]])
        machine.unload_driver(driver)
    return seen


def run_traffic(target: str, seed: int, language: str = "python") -> list[object]:
    """Run the traffic and return everything that can be observed of it; with an odd seed the schedule is random.

    `language` is that of the store driver.
    """
    with open_machine(target, processors=1 + seed % 3, seed=seed if seed % 2 else 0) as machine:
        return _traffic(machine, random.Random(seed), language)


def main(arguments: Sequence[str]) -> int:
    """Inside a simulator: run the traffic of each seed and write what was seen."""
    path, language, *seeds = arguments
    seen = [run_traffic("cocotb", int(seed), language) for seed in seeds]
    Path(path).write_text(json.dumps(seen), encoding="utf-8")
    return 0
