# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Made-up results of jobs."""

from __future__ import annotations

from functools import cache

from dirql.report.results import JobResult, ModeResult
from dirql.trace.latency import Analysis, analyse
from unit.trace.model import FREQUENCY, Device, Model, make_run

COSTS = {
    "interrupt_entry": 16,
    "interrupt_exit": 8,
    "dpc_dispatch": 6,
    "context_switch": 12,
    "kernel_call": 1,
}


@cache
def make_analysis(seed: int = 1, causes: int = 60) -> Analysis:
    model = Model(seed, [Device(1, 4, "level")], 0.05)
    model.limit = causes
    return analyse(model.run(causes * 8))


def make_mode(
    mode: str = "dma", interrupt: str | None = "level", analysis: Analysis | None = None
) -> ModeResult:
    return ModeResult(
        mode=mode,
        interrupt=interrupt,
        size=4096,
        transfers=100,
        bytes=819_200,
        irps=200,
        clocks=1_234_567,
        data_clocks=204_800,
        busy_clocks=230_000,
        wall_seconds=0.8421,
        verified=True,
        errors=(),
        analysis=analysis or make_analysis(),
    )


def make_job(*modes: ModeResult) -> JobResult:
    return JobResult(
        version="0.1.0",
        target="verilated",
        frequency=FREQUENCY,
        seed=7,
        costs=COSTS,
        parameters={"transfers": 100, "mode": ["dma"], "waves": None},
        modes=modes,
        leaks=(),
    )


def full_job() -> JobResult:
    """Every mode with every kind of interrupt."""
    polled = [make_mode(mode, None, analyse(make_run([]))) for mode in ("polled", "timer")]
    waiting = [
        make_mode(mode, kind, make_analysis(seed, 500))
        for seed, kind in enumerate(("level", "latched", "message"))
        for mode in ("interrupt", "dma")
    ]
    return make_job(*polled, *waiting)


__all__ = ["COSTS", "full_job", "make_analysis", "make_job", "make_mode"]
