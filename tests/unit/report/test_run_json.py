# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from dirql.report import run_json
from dirql.report.results import ModeResult
from dirql.trace.latency import Counts, Stage
from unit.report.results import COSTS, full_job, make_analysis, make_job, make_mode

DOCUMENT = Path(__file__).parents[3] / "docs" / "run-json.md"

COUNT = {"type": int, "least": 0}
POSITIVE = {"type": int, "least": 1}
CLOCKS_OR_NULL = {"type": (int, type(None)), "least": 0}
TEXTS = {"type": list, "items": {"type": str}}
HISTOGRAM = {
    "valid": {"type": bool},
    "samples": COUNT,
    "p50": CLOCKS_OR_NULL,
    "p99": CLOCKS_OR_NULL,
    "max": CLOCKS_OR_NULL,
    "histogram": {"type": list, "items": {"type": list, "items": COUNT, "length": 2}},
}
MODE = {
    "mode": {"type": str},
    "interrupt": {"type": (str, type(None))},
    **dict.fromkeys(("size", "transfers", "bytes", "irps", "clocks", "data_clocks", "busy_clocks"), COUNT),
    "load": {"type": str, "among": ("closed", "open")},
    "rate": {"type": (int, type(None)), "least": 1},
    "kept_up": {"type": bool},
    "response": {"type": dict, "keys": HISTOGRAM},
    "host_microseconds": {"type": (dict, type(None)), "keys": HISTOGRAM},
    "wall_seconds": {"type": float, "least": 0},
    "verified": {"type": bool},
    "errors": TEXTS,
    "valid": {"type": bool},
    "problems": TEXTS,
    "events_lost": COUNT,
    "counts": {"type": dict, "keys": {field.name: COUNT for field in fields(Counts)}},
    "stages": {"type": dict, "keys": {stage.value: {"type": dict, "keys": HISTOGRAM} for stage in Stage}},
}
SCHEMA: dict[str, Any] = {
    "type": dict,
    "keys": {
        "schema": {"type": int, "least": 1},
        "dirql": {"type": str},
        "verdict": {"type": str, "among": ("pass", "fail", "invalid")},
        "seed": {"type": int},
        "target": {"type": str},
        "frequency_hz": {
            "type": dict,
            "keys": {"numerator": POSITIVE, "denominator": POSITIVE},
        },
        "costs": {"type": dict, "keys": dict.fromkeys(sorted(COSTS), COUNT)},
        "parameters": {"type": dict},
        "link_floor_seconds": {"type": (list, type(None))},
        "stopped": {"type": (str, type(None))},
        "leaks": TEXTS,
        "defects": TEXTS,
        "modes": {"type": list, "items": {"type": dict, "keys": MODE}},
    },
}


def check(value: Any, schema: dict[str, Any], where: str = "$") -> None:
    """Check a value by a part of JSON Schema: types, keys of an object in their order, items of a list, limits."""
    assert isinstance(value, schema["type"]), where
    if schema["type"] is not bool:
        assert not isinstance(value, bool), where
    if value is not None and "least" in schema:
        assert value >= schema["least"], where
    assert value in schema.get("among", (value,)), where
    if value is not None and "keys" in schema:
        assert list(value) == list(schema["keys"]), where
        for key, item in value.items():
            check(item, schema["keys"][key], f"{where}.{key}")
    if "items" in schema:
        assert len(value) == schema.get("length", len(value)), where
        for number, item in enumerate(value):
            check(item, schema["items"], f"{where}[{number}]")


def test_the_document_has_the_keys_and_types_that_it_should(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    job = full_job()
    run_json.write(file, job)
    document = json.loads(file.read_text())
    check(document, SCHEMA)
    assert document == json.loads(json.dumps(run_json.document(job)))
    assert document["schema"] == run_json.SCHEMA
    assert len(document["modes"]) == 8


def test_histograms_are_exact() -> None:
    analysis = make_analysis(causes=500)
    (mode,) = json.loads(json.dumps(run_json.document(make_job(make_mode(analysis=analysis)))))["modes"]
    for stage in Stage:
        histogram = analysis.stages[stage]
        written = mode["stages"][stage.value]
        assert [tuple(pair) for pair in written["histogram"]] == list(histogram.counts)
        assert written["samples"] == sum(count for _, count in written["histogram"])
        assert written["max"] == histogram.maximum
    assert mode["stages"]["deliver"]["p50"] is not None
    few = json.loads(json.dumps(run_json.document(make_job(make_mode(analysis=make_analysis(causes=20))))))
    assert few["modes"][0]["stages"]["deliver"]["p99"] is None


def test_the_same_job_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run_json.write(tmp_path / name, full_job())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    shuffled = replace(full_job(), costs=dict(reversed(COSTS.items())))
    run_json.write(tmp_path / "c", shuffled)
    assert (tmp_path / "c").read_bytes() == (tmp_path / "a").read_bytes()


def test_an_entry_of_a_histogram_is_a_line(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    run_json.write(file, make_job(make_mode()))
    entries = re.findall(r"^ +\[\d+, \d+\],?$", file.read_text(), re.MULTILINE)
    assert len(entries) == sum(len(histogram.counts) for histogram in make_analysis().stages.values())


def test_lost_events_and_leaks_are_in_it() -> None:
    lossy = replace(make_analysis(), dropped=2, problems=("2 event records were lost",))
    job = replace(make_job(make_mode(analysis=lossy)), leaks=("an IRP",))
    document: Any = run_json.document(job)
    assert (document["verdict"], document["leaks"]) == ("fail", ["an IRP"])
    assert (document["modes"][0]["events_lost"], document["modes"][0]["valid"]) == (2, False)


def test_the_documentation_names_every_key() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    keys = [
        *SCHEMA["keys"],
        *MODE,
        *HISTOGRAM,
        *(field.name for field in fields(Counts)),
        *(s.value for s in Stage),
    ]
    assert [key for key in keys if f"`{key}`" not in text] == []


def test_everything_of_a_mode_is_written() -> None:
    names = {field.name for field in fields(ModeResult)} - {"analysis", "arrivals"}  # `stages` and `response`
    assert names <= set(MODE)


def test_a_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"missing/run\.json could not be written: no such file"):
        run_json.write(tmp_path / "missing" / "run.json", make_job())
