# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""How fast the targets are, in ratios of one run with cocotbext-pcie and with the bare model.

    python bench/target_paths.py [--rounds N] [--scale X] [--json FILE]

Rates are medians over the rounds, per second of CPU time. The shares of a port read are told apart like this: the
model is what its clocks cost in the bare loop, the shim is what a string of reads (no Python) costs beyond that, and
Python is the rest of a single read.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "targets"))

import measures
import peer

from dirql.target import run_in_simulator

COCOTB_SCALE = 0.2


def in_simulator(scale: float, rounds: int) -> dict[str, float]:
    """The measures of the cocotb target."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        status = run_in_simulator(
            "measures:main", ["cocotb", str(scale * COCOTB_SCALE), str(rounds), str(path)]
        )
        if status:
            sys.exit(f"the measures in the simulator ended with status {status}")
        return dict(json.loads(path.read_text(encoding="utf-8")))


def shares(figures: dict[str, float]) -> dict[str, float]:
    """Parts of the time of a port read: in the model, in the shim, in Python."""
    whole = 1 / figures["port reads"]
    model = figures["clocks of a port read"] / figures[measures.BARE]
    shim = 1 / figures["port reads in a string"] - model
    return {"model": model / whole, "shim": shim / whole, "python": (whole - model - shim) / whole}


def show(verilated: dict[str, float], cocotb: dict[str, float], other: dict[str, float]) -> None:
    """Print the table and the ratios."""
    print(f"{'per second of CPU time':34}{'verilated':>14}{'cocotb':>14}{'cocotbext-pcie':>16}")
    peers = {"register reads": "reads", "register reads through the HAL": "reads", "interrupts": "messages"}
    for key, rate in verilated.items():
        there = f"{other[peers[key]]:16,.0f}" if key in peers else ""
        print(f"{key:34}{rate:14,.0f}{cocotb.get(key, 0):14,.0f}{there}")
    print()
    for name, figures, reads, messages in (("verilated", verilated, 200, 10), ("cocotb", cocotb, 20, 2)):
        ratio = figures["register reads through the HAL"] / other["reads"]
        print(f"{name}: register reads through the HAL, times cocotbext-pcie's: {ratio:.0f} (goal {reads})")
        ratio = figures["interrupts"] / other["messages"]
        print(
            f"{name}: interrupts on the bare target, times its MSIs: {ratio:.1f} (goal with the kernel {messages})"
        )
    waited = verilated["clocks waited"] / verilated[measures.BARE]
    print(f"verilated: clocks while waiting, of the bare loop's: {waited:.2f} (goal 0.9)")
    parts = ", ".join(f"{name} {share:.0%}" for name, share in shares(verilated).items())
    print(f"verilated: where the time of a port read goes: {parts}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer of everything")
    parser.add_argument("--json", type=Path, help="write the figures")
    options = parser.parse_args()
    verilated = measures.measure("verilated", options.scale, options.rounds)
    cocotb = in_simulator(options.scale, options.rounds)
    other = peer.run(options.scale, options.rounds)
    show(verilated, cocotb, other)
    if options.json:
        figures = {"verilated": verilated, "cocotb": cocotb, "cocotbext-pcie": other}
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
