# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The speed of the targets, in ratios to cocotbext-pcie and to the bare model in the same run.

    python bench/target_paths.py [--rounds N] [--scale X] [--json FILE]

Rates are medians over the rounds, per second of CPU time; the DMA shares and clocks are the hardware's own counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent / "targets"))

import driver_measures
import measures
import peer

from dirql.target import run_in_simulator

COCOTB_SCALE = 0.2
OPERATIONS = 6
"""Target operations of one interrupt: doorbell, wait, vector fetch, read and clear of the cause, EOI."""


def in_simulator(scale: float) -> dict[str, float]:
    """Measure the cocotb target, in a simulator."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        status = run_in_simulator("measures:main", ["cocotb", str(scale * COCOTB_SCALE), "1", str(path)])
        if status:
            sys.exit(f"the measures in the simulator ended with status {status}")
        return dict(json.loads(path.read_text(encoding="utf-8")))


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure over the rounds."""
    return {key: median(figures[key] for figures in rounds) for key in rounds[0]}


def shares(figures: dict[str, float]) -> dict[str, float]:
    """Parts of the time of an interrupt: in the model, in the shim, in Python.

    The model is what busy clocks cost in the bare loop. The shim is what a string of reads, which has no Python in it,
    costs beyond that, for each of the six operations of an interrupt. Python is the rest.
    """
    whole = 1 / figures[driver_measures.INTERRUPTS]
    clock = 1 / figures[measures.BUSY_BARE]
    model = figures[driver_measures.CLOCKS] * clock
    shim = OPERATIONS * max(
        0.0, 1 / figures["port reads in a string"] - figures["clocks of a port read"] * clock
    )
    return {"model": model / whole, "shim": shim / whole, "python": (whole - model - shim) / whole}


def show(verilated: dict[str, float], cocotb: dict[str, float], other: dict[str, float]) -> None:
    """Print the table of rates and the ratios."""
    print(f"{'per second of CPU time':36}{'verilated':>14}{'cocotb':>14}{'cocotbext-pcie':>16}")
    peers = {
        "register reads": "reads",
        "register reads through the HAL": "reads",
        "interrupts": "messages",
        driver_measures.INTERRUPTS: "messages",
    }
    for key, rate in verilated.items():
        form = "14,.3f" if rate < 1 else "14,.0f"
        there = f"{other[peers[key]]:16,.0f}" if key in peers else ""
        print(f"{key:36}{rate:{form}}{cocotb.get(key, 0):{form}}{there}")
    print()
    for name, figures, reads, messages in (("verilated", verilated, 300, 14), ("cocotb", cocotb, 20, 2)):
        ratio = figures["register reads through the HAL"] / other["reads"]
        print(f"{name}: register reads through the HAL, times cocotbext-pcie's: {ratio:.0f} (goal {reads})")
        ratio = figures[driver_measures.INTERRUPTS] / other["messages"]
        print(
            f"{name}: interrupts with ISR, DPC and completion, times its MSIs: {ratio:.1f} (goal {messages})"
        )
    short, long = (1e6 / verilated[key] for key in (measures.SHORT_WAITS, measures.LONG_WAITS))
    lengths = f"{measures.SHORT_CLOCKS:,} and {measures.LONG_CLOCKS:,} clocks"
    print(f"verilated: a wait of {lengths}: {short:.1f} and {long:.1f} µs (goal: the same)")
    waited = verilated[measures.BUSY] / verilated[measures.BUSY_BARE]
    print(f"verilated: clocks while waiting for a busy machine, of the bare loop's: {waited:.2f} (goal 0.9)")
    least = min(verilated[driver_measures.WRITE_SHARE], verilated[driver_measures.READ_SHARE])
    print(
        f"DMA: data clocks of all from doorbell to interrupt, 64 KiB in 4 KiB pages: {least:.3f} (goal 0.85)"
    )
    parts = ", ".join(f"{name} {share:.0%}" for name, share in shares(verilated).items())
    print(f"verilated: where the time of an interrupt goes: {parts}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer of everything")
    parser.add_argument("--json", type=Path, help="write the figures")
    options = parser.parse_args()
    # The targets take turns, so that a computer that is slow for a while is slow for all of them.
    rounds = [
        (
            measures.measure("verilated", options.scale, 1),
            in_simulator(options.scale),
            peer.run(options.scale, 1),
        )
        for _ in range(options.rounds)
    ]
    verilated, cocotb, other = (medians(list(figures)) for figures in zip(*rounds, strict=True))
    show(verilated, cocotb, other)
    if options.json:
        figures = {"verilated": verilated, "cocotb": cocotb, "cocotbext-pcie": other}
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
