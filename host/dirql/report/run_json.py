# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The result of a job as a JSON document, described in docs/run-json.md.

The same job on the same target gives the same bytes, except for wall times: keys have a fixed order, histograms
ascend, and only the wall time is a float.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Final

from dirql import __version__
from dirql.files import written
from dirql.report.results import JobResult, ModeResult
from dirql.trace.histogram import Histogram
from dirql.trace.latency import Analysis, Stage
from dirql.trace.run import Run

__all__ = ["SCHEMA", "document", "write", "write_test"]

SCHEMA: Final = 2
"""The version of the format. It goes up when a key gets another meaning or disappears, not when a key is added."""

_PAIR = re.compile(r"\[\s+(\d+),\s+(\d+)\s+\]")
"""An entry of a histogram, which the encoder spreads over four lines. One line makes documents easier to compare."""

Json = int | float | str | bool | None | Sequence["Json"] | Mapping[str, "Json"]


def write(path: Path, job: JobResult) -> None:
    """Write the document to `path`; raises `OSError`."""
    _write(path, document(job))


def write_test(path: Path, test: str, run: Run, analysis: Analysis, *, failed: bool) -> None:
    """Write the latencies of one test to `path`; raises `OSError`."""
    _write(
        path,
        {
            "schema": SCHEMA,
            "dirql": __version__,
            "test": test,
            "outcome": "failed" if failed else "passed",
            "machine": run.machine.name,
            "frequency_hz": _fraction(run.frequency),
            "clocks": run.clocks,
            **_analysis(analysis),
        },
    )


def _write(path: Path, values: Mapping[str, Json]) -> None:
    text = json.dumps(values, indent=1)
    with written(path) as file:
        file.write((_PAIR.sub(r"[\1, \2]", text) + "\n").encode())


def document(job: JobResult) -> dict[str, Json]:
    """The document as values that `json` can write."""
    return {
        "schema": SCHEMA,
        "dirql": job.version,
        "verdict": job.verdict.value,
        "seed": job.seed,
        "target": job.target,
        "frequency_hz": _fraction(job.frequency),
        "costs": dict(sorted(job.costs.items())),
        "parameters": dict(sorted(job.parameters.items())),
        "link_floor_seconds": None if job.floor is None else list(job.floor),
        "stopped": job.stopped,
        "leaks": list(job.leaks),
        "defects": list(job.defects),
        "modes": [_mode(mode) for mode in job.modes],
    }


def _mode(mode: ModeResult) -> dict[str, Json]:
    return {
        "mode": mode.mode,
        "interrupt": mode.interrupt,
        "size": mode.size,
        "transfers": mode.transfers,
        "bytes": mode.bytes,
        "irps": mode.irps,
        "clocks": mode.clocks,
        "data_clocks": mode.data_clocks,
        "busy_clocks": mode.busy_clocks,
        "load": "closed" if mode.rate is None else "open",
        "rate": mode.rate,
        "kept_up": mode.kept_up,
        "response": _histogram(mode.requests, Stage.REQUEST not in mode.analysis.invalid),
        "host_microseconds": None
        if mode.host_microseconds is None
        else _histogram(mode.host_microseconds, valid=True),
        "wall_seconds": mode.wall_seconds,
        "verified": mode.verified,
        "errors": list(mode.errors),
        **_analysis(mode.analysis),
    }


def _analysis(analysis: Analysis) -> dict[str, Json]:
    return {
        "valid": analysis.valid,
        "problems": list(analysis.problems),
        "events_lost": analysis.dropped,
        "counts": asdict(analysis.counts),
        "stages": {
            stage.value: _histogram(histogram, stage not in analysis.invalid)
            for stage, histogram in analysis.stages.items()
        },
    }


def _histogram(histogram: Histogram, valid: bool) -> dict[str, Json]:
    """A percentile is null if there are too few samples to state it; the document has all counts."""
    return {
        "valid": valid,
        "samples": histogram.samples,
        "p50": histogram.percentile(Fraction(50, 100)),
        "p99": histogram.percentile(Fraction(99, 100)),
        "max": histogram.maximum,
        "histogram": [list(pair) for pair in histogram.counts],
    }


def _fraction(value: Fraction) -> dict[str, Json]:
    return {"numerator": value.numerator, "denominator": value.denominator}
