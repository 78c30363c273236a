# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from dirql.report import table
from dirql.report.results import JobResult, Verdict, summarize_defects
from dirql.trace.histogram import Histogram
from dirql.trace.latency import Stage
from unit.report.results import full_job, make_analysis, make_job, make_mode


def show(job: JobResult, width: int = 80, encoding: str = "utf-8", **console: Any) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    table.render(Console(file=file, width=width, **console), job)
    file.flush()
    return raw.getvalue().decode(encoding)


def row(text: str, *words: str) -> list[str]:
    """The cells of the line that begins with these words."""
    (line,) = [line.split() for line in text.splitlines() if line.split()[: len(words)] == list(words)]
    return line[len(words) :]


def test_each_mode_has_what_it_moved_and_its_stages() -> None:
    analysis = make_analysis(causes=900)
    text = show(make_job(make_mode("dma", "level", analysis)))
    assert row(text, "dma,", "level", "200") == ["819,200", "89.0%", "1,234,567", "0.84", "s", "right"]
    stages = [analysis.stages[stage] for stage in table.STAGES]
    for name, share in table.PERCENTILES.items():
        words = ("dma,", "level", name) if name == "p50" else (name,)
        assert row(text, *words) == [str(histogram.percentile(share)) for histogram in stages]
    assert row(text, "max") == [str(histogram.maximum) for histogram in stages]


def test_a_percentile_of_too_few_samples_says_how_many_it_needs() -> None:
    stages = dict.fromkeys(Stage, Histogram(((7, 5),)))
    text = show(make_job(make_mode(analysis=replace(make_analysis(), stages=stages))))
    assert row(text, "dma,", "level", "p50") == ["n<6"] * 6
    assert row(text, "p99") == ["n<368"] * 6
    assert row(text, "max") == ["7"] * 6


def test_a_stage_that_a_mode_does_not_have_is_a_dash() -> None:
    stages = {stage: Histogram() for stage in Stage}
    text = show(make_job(make_mode("polled", None, replace(make_analysis(), stages=stages))))
    assert row(text, "polled", "p50") == ["-"] * 6
    assert row(text, "max") == ["-"] * 6


def test_the_footer_tells_the_measured_from_the_modelled() -> None:
    text = " ".join(show(full_job()).split())
    assert (
        "Measured: bus clocks, by the RTL's counter (one is 30.08 ns on target verilated); wall time" in text
    )
    assert (
        "Modelled: what host code costs, in clocks: interrupt entry 16, interrupt exit 8, DPC dispatch 6"
        in text
    )
    assert "not a PC" in text


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_terminal_of_80_columns_is_enough(width: int) -> None:
    lines = show(full_job(), width).splitlines()
    assert max(map(len, lines)) <= width
    assert sum(line.strip().startswith("interrupt, message") for line in lines) == 3, (
        "no name is broken in two"
    )


def test_pipes_and_dumb_terminals_get_plain_text() -> None:
    assert "\x1b" not in show(full_job())
    ascii_only = show(full_job(), encoding="ascii", force_terminal=True, no_color=True)
    assert "n<368" in ascii_only


def test_a_narrow_terminal_loses_nothing() -> None:
    """Cells are folded, never cut off."""
    assert "…" not in show(full_job(), 30)


@pytest.mark.parametrize(
    ("changed", "verdict", "said"),
    [
        ({}, Verdict.PASS, "All data was right and nothing leaked."),
        ({"verified": False}, Verdict.FAIL, "dma, level: data came back wrong"),
        ({"errors": ("read of 4096 bytes failed",)}, Verdict.FAIL, "dma, level: read of 4096 bytes failed"),
    ],
)
def test_what_went_wrong_is_said(changed: dict[str, Any], verdict: Verdict, said: str) -> None:
    job = make_job(replace(make_mode(), **changed))
    assert job.verdict is verdict
    assert said in show(job)


def test_leaks_fail_a_job() -> None:
    job = replace(make_job(make_mode()), leaks=("nonpaged pool: 64 bytes, tag 'erotS'",))
    assert job.verdict is Verdict.FAIL
    assert "leaked: nonpaged pool: 64 bytes" in show(job)


def test_mistakes_that_nt_lets_pass_fail_a_job() -> None:
    twice = [("BUF-08", f"IRP {number} had too many bytes; in read (a.py:3)") for number in (1, 2)]
    found = summarize_defects([*twice, ("IRP-06", "a routine was lost; in read (a.py:3)")])
    assert found == (
        "BUF-08: IRP 1 had too many bytes; in read (a.py:3) (2 times)",
        "IRP-06: a routine was lost; in read (a.py:3)",
    )
    job = replace(make_job(make_mode()), defects=found)
    assert job.verdict is Verdict.FAIL
    assert "a mistake that NT lets pass: IRP-06: a routine was lost" in show(job)


def test_lost_events_make_a_job_invalid_but_failure_comes_first() -> None:
    lossy = replace(
        make_analysis(), dropped=3, problems=("3 event records were lost",), invalid=frozenset(Stage)
    )
    job = make_job(make_mode(analysis=lossy))
    assert job.verdict is Verdict.INVALID
    text = " ".join(show(job).split())
    assert "dma, level: latencies are not valid: 3 event records were lost" in text
    assert "All data was right, but latencies are not valid." in text
    assert make_job(make_mode(analysis=lossy), replace(make_mode(), verified=False)).verdict is Verdict.FAIL


def test_a_figure_that_lacks_samples_has_a_question_mark() -> None:
    stages = dict.fromkeys(Stage, Histogram(((7, 5), (9, 400))))
    analysis = replace(make_analysis(), stages=stages, invalid=frozenset({Stage.REQUEST, Stage.DELIVER}))
    text = show(make_job(make_mode(analysis=analysis)))
    assert row(text, "dma,", "level", "9?") == ["9?", "9?", "0.3?", "0.3?", "0.3?"]
    assert row(text, "dma,", "level", "p50") == ["9?", *["9"] * 5]


def test_the_time_of_a_request_is_told_in_clocks_and_microseconds() -> None:
    stages = {**make_analysis().stages, Stage.REQUEST: Histogram(((6_564, 400),))}
    text = show(make_job(make_mode(analysis=replace(make_analysis(), stages=stages))))
    assert "Time of a request, submission to delivery" in text
    assert row(text, "dma,", "level", "6,564") == ["6,564", "6,564", "197.4", "197.4", "197.4"]
    assert "Closed load" in text


def test_a_board_has_the_times_of_the_host_and_the_floor_of_its_link_apart() -> None:
    times = Histogram.of(range(1000, 1400))
    text = show(replace(make_job(replace(make_mode(), host_microseconds=times)), floor=(0.000_2, 0.001_5)))
    host = text[text.index("Time of a request by the") : text.index("Stages of the service")]
    assert "Time of a request by the host's clock" in " ".join(host.split())
    assert row(host, make_mode().name.split()[0])[-3:] == ["1,199", "1,395", "1,399"]
    assert "a round trip took 200 µs at best and 1,500 µs in the median" in " ".join(host.split())
    assert "the host's clock" not in show(make_job(make_mode())), "a simulated machine has no such times"
    assert "Nothing is modelled" in text
    assert "Modelled:" not in text


def test_an_open_load_says_so_and_counts_from_the_scheduled_arrival() -> None:
    waited = Histogram(((90_000, 400),))
    text = show(make_job(replace(make_mode(), rate=2500, arrivals=waited)))
    assert "Time of a request, scheduled arrival to delivery" in " ".join(text.split())
    assert row(text, "dma,", "level", "90,000")[0] == "90,000"
    assert "a timer lets 2,500 requests arrive in each second" in " ".join(text.split())
    assert "Closed load" not in text
    assert "did not keep up" not in text
    late = " ".join(show(make_job(replace(make_mode(), rate=2500, arrivals=waited, kept_up=False))).split())
    assert "dma, level: the driver did not keep up with 2,500 requests a second" in late


def test_a_job_without_modes_is_told_too() -> None:
    assert show(make_job()).strip() == "All data was right and nothing leaked."


def test_efficiency_is_data_clocks_of_busy_clocks() -> None:
    assert replace(make_mode(), data_clocks=3, busy_clocks=4).efficiency == 0.75
    idle = replace(make_mode(), data_clocks=0, busy_clocks=0)
    assert idle.efficiency is None
    assert row(show(make_job(idle)), "dma,", "level", "200")[1] == "-"
